use std::borrow::Cow;

use serde::de::value::CowStrDeserializer;
use serde::de::{Deserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::datum::{Datum, Wanted, numeric_text};
use super::decoder::{Decoder, visit_f32, visit_integer};
use super::{Arena, DecodeError};
use crate::wire::codec::Read;
use crate::wire::scan::MAX_WRAPPERS;

/// A map's key. Keys are strings on the wire, so this reads any scalar type from its text.
pub(super) struct Key<'de> {
    text: Cow<'de, str>,
    arena: &'de Arena,
    /// How many newtypes and options there may still be around it.
    wrappers: usize,
}

impl<'de> Key<'de> {
    pub(super) fn read(decoder: &mut Decoder<'de>) -> Result<Self, DecodeError> {
        let text = decoder.reader.key()?.into_key();
        let text = text.ok_or_else(|| DecodeError::new("invalid key: expected a string"))?;
        Ok(Self { text, arena: decoder.arena, wrappers: MAX_WRAPPERS })
    }

    /// The key that a newtype or an option holds.
    fn wrapped(mut self) -> Result<Self, DecodeError> {
        self.wrappers = self.wrappers.checked_sub(1).ok_or_else(|| DecodeError::new("nested too deeply"))?;
        Ok(self)
    }

    fn visit_borrowed<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.text {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_borrowed_str(self.arena.keep_text(text)),
        }
    }

    fn visit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.text {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }
}

macro_rules! integers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            match numeric_text(&self.text, Wanted::Integer) {
                Some(Datum::Integer(integer)) => visit_integer(integer, visitor),
                _ => self.visit(visitor),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Key<'de> {
    type Error = DecodeError;

    integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.visit_borrowed(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.visit(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.visit(visitor)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.visit(visitor)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match &*self.text {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            _ => self.visit(visitor),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match numeric_text(&self.text, Wanted::Float) {
            Some(Datum::Float(float)) => visit_f32(float, visitor),
            _ => self.visit(visitor),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match numeric_text(&self.text, Wanted::Float) {
            Some(Datum::Float(float)) => visitor.visit_f64(float),
            _ => self.visit(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_some(self.wrapped()?)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self.wrapped()?)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_enum(CowStrDeserializer::new(self.text))
    }

    forward_to_deserialize_any! {
        str bytes byte_buf unit unit_struct seq tuple tuple_struct map struct ignored_any
    }
}
