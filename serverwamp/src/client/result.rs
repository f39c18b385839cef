//! Reading the payload of a RESULT or an EVENT into the type that the client wants.

use serde::de::{self, DeserializeOwned, IgnoredAny, Visitor};
use serde::{Deserialize, Deserializer};

use crate::handler::{RpcResult, Single};
use crate::wire::{Arena, Codec, DecodeError, Decoder, Payload, decode};

/// What a call's result and an event's payload can be read as: anything that deserialises, `RpcResult`, `Single`.
///
/// Structs and maps are read from the keyword arguments, or from a single positional map; sequences from the whole
/// list of positional arguments, or, where that fails, from the only one; everything else from the only argument.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a WAMP result",
    note = "a result is read as a `serde::de::DeserializeOwned` type, `RpcResult`, or `Single`"
)]
pub trait FromPayload: Sized {
    /// Reads the payload.
    ///
    /// # Errors
    /// What was expected and what came.
    #[doc(hidden)]
    fn from_payload(payload: &Payload) -> Result<Self, DecodeError>;
}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned> FromPayload for T {
    fn from_payload(payload: &Payload) -> Result<T, DecodeError> {
        let arena = Arena::default();
        let whole = T::deserialize(Shaped { payload, arena: &arena, single: false });
        match whole {
            Err(_) if payload.arg_count() == 1 => T::deserialize(Shaped { payload, arena: &arena, single: true }),
            whole => whole,
        }
    }
}

impl FromPayload for RpcResult {
    fn from_payload(payload: &Payload) -> Result<RpcResult, DecodeError> {
        Ok(RpcResult::from_parts(payload.to_args(), payload.to_kwargs()))
    }
}

impl<T: DeserializeOwned> FromPayload for Single<T> {
    fn from_payload(payload: &Payload) -> Result<Single<T>, DecodeError> {
        let slot = payload.only_arg().map_err(not_one)?;
        decode(payload.codec(), slot, &Arena::default()).map(Single)
    }
}

/// A payload that shows the part of itself which the type asks for.
struct Shaped<'de> {
    payload: &'de Payload,
    arena: &'de Arena,
    /// Whether a sequence is looked for in the only argument instead of in all.
    single: bool,
}

impl<'de> Shaped<'de> {
    fn only(&self) -> Result<Decoder<'de>, DecodeError> {
        self.payload.only_arg().map(|slot| self.decoder(slot)).map_err(not_one)
    }

    fn decoder(&self, value: &'de [u8]) -> Decoder<'de> {
        Decoder::new(self.payload.codec(), value, self.arena)
    }

    fn list(&self) -> Result<Decoder<'de>, DecodeError> {
        match self.payload.args_bytes() {
            _ if self.single => self.only(),
            Some(list) => Ok(self.decoder(list)),
            // Empty ones are left off.
            None => Ok(self.decoder(empty_list(self.payload.codec()))),
        }
    }

    fn map(&self) -> Result<Decoder<'de>, DecodeError> {
        match (self.payload.kwargs_bytes(), self.payload.only_arg()) {
            (Some(map), _) | (None, Ok(map)) => Ok(self.decoder(map)),
            (None, Err(0)) => Ok(self.decoder(empty_map(self.payload.codec()))),
            (None, Err(count)) => Err(not_one(count)),
        }
    }
}

#[cold]
fn not_one(count: usize) -> DecodeError {
    de::Error::custom(format_args!("expected one positional result, got {count}"))
}

const fn empty_list(codec: Codec) -> &'static [u8] {
    match codec {
        Codec::Json => b"[]",
        Codec::MessagePack => &[0x90],
        Codec::Cbor => &[0x80],
    }
}

const fn empty_map(codec: Codec) -> &'static [u8] {
    match codec {
        Codec::Json => b"{}",
        Codec::MessagePack => &[0x80],
        Codec::Cbor => &[0xa0],
    }
}

macro_rules! from_the_only_argument {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            self.only()?.$method(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Shaped<'de> {
    type Error = DecodeError;

    from_the_only_argument! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32 deserialize_f64
        deserialize_char deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf deserialize_identifier
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.payload.arg_count() {
            0 if self.payload.kwargs_bytes().is_some() => self.map()?.deserialize_any(visitor),
            0 => visitor.visit_unit(),
            1 => self.only()?.deserialize_any(visitor),
            _ => self.list()?.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let is_null =
            || self.only().is_ok_and(|mut only| matches!(Option::<IgnoredAny>::deserialize(&mut only), Ok(None)));
        match self.payload.is_empty() || (self.payload.kwargs_bytes().is_none() && is_null()) {
            true => visitor.visit_none(),
            false => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.payload.is_empty() {
            true => visitor.visit_unit(),
            false => self.only()?.deserialize_unit(visitor),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.list()?.deserialize_seq(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, DecodeError> {
        self.list()?.deserialize_tuple(length, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.list()?.deserialize_tuple_struct(name, length, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.map()?.deserialize_map(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.map()?.deserialize_struct(name, fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.map()?.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }
}
