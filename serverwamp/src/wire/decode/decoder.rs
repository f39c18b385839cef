use serde::de::value::{CowStrDeserializer, SeqDeserializer};
use serde::de::{Deserializer, Error, Expected, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use super::access::{Elements, Entries, SingleEntry, Special};
use super::datum::{Datum, Wanted};
use super::{Arena, DecodeError};
use crate::wire::codec::{Binary, Codec, Items, Read, Reader, Text, Token};
use crate::wire::integer::Integer;
use crate::wire::scan::{MAX_DEPTH, MAX_WRAPPERS, skip};
use crate::wire::value::VALUE_NAME;

/// Decodes one value after the other from a reader.
pub(crate) struct Decoder<'de> {
    pub(super) reader: Reader<'de>,
    pub(super) arena: &'de Arena,
    /// How deep the next value may nest.
    pub(super) depth: usize,
    /// How many newtypes and options there may still be around it.
    wrappers: usize,
}

impl<'de> Decoder<'de> {
    /// A decoder of one encoded value.
    pub(crate) fn new(codec: Codec, slot: &'de [u8], arena: &'de Arena) -> Self {
        Self { reader: Reader::new(codec, slot), arena, depth: MAX_DEPTH, wrappers: MAX_WRAPPERS }
    }

    #[inline]
    fn read(&mut self, wanted: Wanted) -> Result<Datum<'de>, DecodeError> {
        Datum::read(&mut self.reader, wanted)
    }

    /// Reads anything but binary, which types that take strings might take for one.
    #[inline]
    fn read_text(&mut self, expected: &dyn Expected) -> Result<Datum<'de>, DecodeError> {
        let token = self.reader.token()?;
        if let Token::Text(text) = token {
            return Ok(Datum::Text(text));
        }
        match Datum::from_token(token, &mut self.reader, Wanted::Any)? {
            Datum::Binary(_) | Datum::Extension(..) => {
                Err(DecodeError::invalid_type(Unexpected::Other("binary"), expected))
            }
            other => Ok(other),
        }
    }

    /// Gives a visitor whatever was read.
    fn visit<V: Visitor<'de>>(&mut self, datum: Datum<'de>, visitor: V) -> Result<V::Value, DecodeError> {
        match datum {
            Datum::Null => visitor.visit_unit(),
            Datum::Bool(value) => visitor.visit_bool(value),
            Datum::Integer(integer) => visit_integer(integer, visitor),
            Datum::Float(float) => visitor.visit_f64(float),
            Datum::Text(text) => visitor.visit_borrowed_str(self.borrow_text(text)),
            Datum::Made(text) => visitor.visit_string(text),
            Datum::Binary(binary) => visitor.visit_borrowed_bytes(self.borrow_binary(binary)?),
            Datum::Extension(_, data) => visitor.visit_borrowed_bytes(data),
            Datum::List(items) => self.visit_list(items, visitor),
            Datum::Map(items) => self.visit_map(items, visitor),
            Datum::Tag(tag) => self.nested(|decoder| visitor.visit_enum(Special::Tag(tag, decoder))),
        }
    }

    fn visit_list<V: Visitor<'de>>(&mut self, items: Items, visitor: V) -> Result<V::Value, DecodeError> {
        self.nested(|decoder| {
            let mut elements = Elements { decoder, items, ended: false };
            let value = visitor.visit_seq(&mut elements)?;
            elements.finish()?;
            Ok(value)
        })
    }

    fn visit_map<V: Visitor<'de>>(&mut self, items: Items, visitor: V) -> Result<V::Value, DecodeError> {
        self.nested(|decoder| {
            let mut entries = Entries { decoder, items, ended: false };
            let value = visitor.visit_map(&mut entries)?;
            entries.finish()?;
            Ok(value)
        })
    }

    /// Runs what reads the content of a container.
    #[inline]
    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, DecodeError>) -> Result<T, DecodeError> {
        let depth = self.depth;
        self.depth = depth.checked_sub(1).ok_or_else(|| DecodeError::new("nested too deeply"))?;
        let value = read(self)?;
        self.depth = depth;
        Ok(value)
    }

    /// Runs what reads the content of a newtype or an option.
    #[inline]
    fn wrapped<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, DecodeError>) -> Result<T, DecodeError> {
        let wrappers = self.wrappers;
        self.wrappers = wrappers.checked_sub(1).ok_or_else(|| DecodeError::new("nested too deeply"))?;
        let value = read(self)?;
        self.wrappers = wrappers;
        Ok(value)
    }

    pub(super) fn borrow_text(&self, text: Text<'de>) -> &'de str {
        match text {
            Text::Plain(text) => text,
            _ => self.arena.keep_text(text.to_cow().into_owned()),
        }
    }

    fn borrow_binary(&self, binary: Binary<'de>) -> Result<&'de [u8], DecodeError> {
        match binary {
            Binary::Plain(bytes) => Ok(bytes),
            _ => Ok(self.arena.keep_bytes(own_binary(binary)?)),
        }
    }
}

fn own_binary(binary: Binary<'_>) -> Result<Vec<u8>, DecodeError> {
    let bytes = binary.to_cow().ok_or_else(|| DecodeError::new("invalid base64 in a binary string"))?;
    Ok(bytes.into_owned())
}

pub(super) fn visit_integer<'de, V: Visitor<'de>>(integer: Integer, visitor: V) -> Result<V::Value, DecodeError> {
    if let Some(value) = integer.as_u64() {
        visitor.visit_u64(value)
    } else if let Some(value) = integer.as_i64() {
        visitor.visit_i64(value)
    } else if let Some(value) = integer.as_u128() {
        visitor.visit_u128(value)
    } else {
        visitor.visit_i128(integer.as_i128().unwrap_or_default())
    }
}

/// Refuses a float that `f32` would make infinite.
pub(super) fn visit_f32<'de, V: Visitor<'de>>(float: f64, visitor: V) -> Result<V::Value, DecodeError> {
    if float.is_finite() && (float as f32).is_infinite() {
        return Err(DecodeError::invalid_value(Unexpected::Float(float), &visitor));
    }
    visitor.visit_f64(float)
}

/// Whether a type wants to be given numbers with all their digits.
fn is_decimal<T>() -> bool {
    std::any::type_name::<T>().ends_with("Decimal")
}

macro_rules! integers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            if let Some(integer) = self.reader.take_small_integer() {
                return match u64::try_from(integer) {
                    Ok(integer) => visitor.visit_u64(integer),
                    Err(_) => visitor.visit_i64(integer),
                };
            }
            match self.read(Wanted::Integer)? {
                Datum::Integer(integer) => visit_integer(integer, visitor),
                other => self.visit(other, visitor),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for &mut Decoder<'de> {
    type Error = DecodeError;

    integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let wanted = if is_decimal::<V::Value>() { Wanted::Decimal } else { Wanted::Any };
        let datum = self.read(wanted)?;
        self.visit(datum, visitor)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.read(Wanted::Float)? {
            Datum::Float(float) => visit_f32(float, visitor),
            other => self.visit(other, visitor),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.read(Wanted::Float)? {
            Datum::Float(float) => visitor.visit_f64(float),
            other => self.visit(other, visitor),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.read_text(&visitor)? {
            Datum::Text(Text::Plain(text)) => visitor.visit_borrowed_str(text),
            other => self.visit(other, visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.read_text(&visitor)? {
            Datum::Text(Text::Plain(text)) => visitor.visit_borrowed_str(text),
            Datum::Text(text) => visitor.visit_string(text.to_cow().into_owned()),
            other => self.visit(other, visitor),
        }
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_string(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.read(Wanted::Any)? {
            Datum::Text(text) => Err(DecodeError::invalid_type(Unexpected::Str(&text.to_cow()), &"bytes")),
            other => self.visit(other, visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.read(Wanted::Any)? {
            Datum::Binary(binary) => visitor.visit_byte_buf(own_binary(binary)?),
            Datum::Text(text) => Err(DecodeError::invalid_type(Unexpected::Str(&text.to_cow()), &"bytes")),
            other => self.visit(other, visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        if self.reader.take_null() { visitor.visit_none() } else { self.wrapped(|decoder| visitor.visit_some(decoder)) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        if name != VALUE_NAME {
            return self.wrapped(|decoder| visitor.visit_newtype_struct(decoder));
        }
        match self.read(Wanted::Native)? {
            Datum::Text(text) => visitor.visit_string(text.to_cow().into_owned()),
            Datum::Binary(binary) => visitor.visit_byte_buf(own_binary(binary)?),
            Datum::Extension(kind, data) => visitor.visit_enum(Special::Extension(kind, data)),
            other => self.visit(other, visitor),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.read(Wanted::Any)? {
            Datum::Binary(binary) => {
                let bytes = binary.to_cow().ok_or_else(|| DecodeError::new("invalid base64 in a binary string"))?;
                let mut elements = SeqDeserializer::<_, DecodeError>::new(bytes.iter().copied());
                let value = visitor.visit_seq(&mut elements)?;
                elements.end()?;
                Ok(value)
            }
            other => self.visit(other, visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _length: usize, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _length: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match self.read(Wanted::Any)? {
            Datum::Text(text) => visitor.visit_enum(CowStrDeserializer::new(text.to_cow())),
            Datum::Map(mut items) => self.nested(|decoder| {
                if !decoder.reader.more(&mut items)? {
                    return Err(DecodeError::invalid_type(Unexpected::Map, &"a dict with one entry"));
                }
                let value = visitor.visit_enum(SingleEntry { decoder })?;
                if decoder.reader.more(&mut items)? {
                    return Err(DecodeError::invalid_type(Unexpected::Map, &"a dict with one entry"));
                }
                Ok(value)
            }),
            other => self.visit(other, visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        skip(&mut self.reader, self.depth)?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! { bool unit unit_struct map struct identifier }
}
