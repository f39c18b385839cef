//! Keys of maps: in every codec they are strings.

use std::fmt;

use serde::{Serialize, Serializer, ser::Impossible};

use super::{Container, EncodeError, Output};
use crate::wire::scan::MAX_WRAPPERS;

/// Writes a key as a string.
pub(super) struct KeyEncoder<'o, 'b> {
    pub(super) output: &'o mut Output<'b>,
    pub(super) dict: &'o mut Container,
    /// How many newtypes and options there are around it.
    pub(super) wrappers: usize,
}

impl KeyEncoder<'_, '_> {
    /// Goes into a newtype or an option.
    fn wrapped<T: Serialize + ?Sized>(mut self, key: &T) -> Result<(), EncodeError> {
        if self.wrappers >= MAX_WRAPPERS {
            return Err(EncodeError::new("the key of a map is nested too deeply"));
        }
        self.wrappers = self.wrappers.saturating_add(1);
        key.serialize(self)
    }

    fn text(self, key: impl fmt::Display) -> Result<(), EncodeError> {
        self.output.key(self.dict, &key.to_string())
    }
}

macro_rules! texts {
    ($($method:ident($argument:ty);)+) => {$(
        fn $method(self, key: $argument) -> Result<(), EncodeError> {
            self.text(key)
        }
    )+};
}

macro_rules! refuse {
    ($($method:ident($($argument:ty),*) -> $ok:ty = $what:literal;)+) => {$(
        fn $method(self, $(_: $argument),*) -> Result<$ok, EncodeError> {
            Err(EncodeError::new(concat!("the key of a map cannot be ", $what)))
        }
    )+};
}

impl Serializer for KeyEncoder<'_, '_> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Impossible<(), EncodeError>;
    type SerializeTuple = Impossible<(), EncodeError>;
    type SerializeTupleStruct = Impossible<(), EncodeError>;
    type SerializeTupleVariant = Impossible<(), EncodeError>;
    type SerializeMap = Impossible<(), EncodeError>;
    type SerializeStruct = Impossible<(), EncodeError>;
    type SerializeStructVariant = Impossible<(), EncodeError>;

    fn serialize_str(self, key: &str) -> Result<(), EncodeError> {
        self.output.key(self.dict, key)
    }

    fn serialize_char(self, key: char) -> Result<(), EncodeError> {
        self.output.key(self.dict, key.encode_utf8(&mut [0; 4]))
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), EncodeError> {
        self.output.key(self.dict, variant)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, key: &T) -> Result<(), EncodeError> {
        self.wrapped(key)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, key: &T) -> Result<(), EncodeError> {
        self.wrapped(key)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        _: u32,
        variant: &'static str,
        _: &T,
    ) -> Result<(), EncodeError> {
        Err(EncodeError::new(format_args!("the key of a map cannot be {name}::{variant} with its data")))
    }

    texts! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_i128(i128);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_u128(u128);
    }

    refuse! {
        serialize_f32(f32) -> () = "a floating-point number";
        serialize_f64(f64) -> () = "a floating-point number";
        serialize_bytes(&[u8]) -> () = "binary";
        serialize_none() -> () = "None";
        serialize_unit() -> () = "()";
        serialize_unit_struct(&'static str) -> () = "a unit struct";
        serialize_seq(Option<usize>) -> Self::SerializeSeq = "a sequence";
        serialize_tuple(usize) -> Self::SerializeTuple = "a tuple";
        serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct = "a tuple struct";
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Self::SerializeTupleVariant = "a tuple variant";
        serialize_map(Option<usize>) -> Self::SerializeMap = "a map";
        serialize_struct(&'static str, usize) -> Self::SerializeStruct = "a struct";
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Self::SerializeStructVariant
            = "a struct variant";
    }
}
