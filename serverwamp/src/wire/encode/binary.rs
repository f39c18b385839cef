//! Finds values that are binary although serde shows them as sequences of numbers.

use std::any::type_name;

use serde::{Serialize, Serializer, ser::Impossible};

use super::EncodeError;

/// Whether a type is a run of bytes, perhaps behind references and owning pointers.
#[inline]
pub(super) fn is_binary<T: ?Sized>() -> bool {
    let name = type_name::<T>();
    // The last character of most names settles it at compile time.
    matches!(name.as_bytes().last(), Some(b']' | b'>')) && names_binary(name)
}

fn names_binary(name: &str) -> bool {
    const POINTERS: [&str; 7] = [
        "&",
        "mut ",
        "alloc::boxed::Box<",
        "alloc::sync::Arc<",
        "alloc::rc::Rc<",
        // Whether lifetimes are named depends on the compiler.
        "alloc::borrow::Cow<'_, ",
        "alloc::borrow::Cow<",
    ];
    let mut name = name.trim_end_matches('>');
    while let Some(pointee) = POINTERS.iter().find_map(|pointer| name.strip_prefix(pointer)) {
        name = pointee;
    }
    matches!(name, "[u8]" | "alloc::vec::Vec<u8")
}

/// The bytes of a value of such a type.
pub(super) fn collect_bytes<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, EncodeError> {
    match value.serialize(Collector)? {
        Collected::Bytes(bytes) => Ok(bytes),
        Collected::Byte(_) => Err(unexpected()),
    }
}

/// Takes bytes, and sequences of them in one go, so that the compiler can make a copy of it.
struct Collector;

enum Collected {
    Byte(u8),
    Bytes(Vec<u8>),
}

#[cold]
fn unexpected() -> EncodeError {
    EncodeError::new("bytes were expected")
}

/// Everything but bytes and a sequence of them is out of place.
macro_rules! refuse {
    ($($method:ident($($argument:ty),*) -> $ok:ty;)+) => {$(
        fn $method(self, $(_: $argument),*) -> Result<$ok, EncodeError> {
            Err(unexpected())
        }
    )+};
}

impl Serializer for Collector {
    type Ok = Collected;
    type Error = EncodeError;
    type SerializeSeq = Impossible<Collected, EncodeError>;
    type SerializeTuple = Impossible<Collected, EncodeError>;
    type SerializeTupleStruct = Impossible<Collected, EncodeError>;
    type SerializeTupleVariant = Impossible<Collected, EncodeError>;
    type SerializeMap = Impossible<Collected, EncodeError>;
    type SerializeStruct = Impossible<Collected, EncodeError>;
    type SerializeStructVariant = Impossible<Collected, EncodeError>;

    #[inline]
    fn serialize_u8(self, value: u8) -> Result<Collected, EncodeError> {
        Ok(Collected::Byte(value))
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<Collected, EncodeError> {
        Ok(Collected::Bytes(value.to_vec()))
    }

    fn collect_seq<I: IntoIterator<Item: Serialize>>(self, items: I) -> Result<Collected, EncodeError> {
        let mut other = false;
        let bytes = items.into_iter().map(|item| match item.serialize(Self) {
            Ok(Collected::Byte(byte)) => byte,
            _ => {
                other = true;
                0
            }
        });
        let bytes = bytes.collect();
        if other { Err(unexpected()) } else { Ok(Collected::Bytes(bytes)) }
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<Collected, EncodeError> {
        self.serialize_none()
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, _: &T) -> Result<Collected, EncodeError> {
        self.serialize_none()
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Collected, EncodeError> {
        self.serialize_none()
    }

    refuse! {
        serialize_bool(bool) -> Collected;
        serialize_i8(i8) -> Collected;
        serialize_i16(i16) -> Collected;
        serialize_i32(i32) -> Collected;
        serialize_i64(i64) -> Collected;
        serialize_u16(u16) -> Collected;
        serialize_u32(u32) -> Collected;
        serialize_u64(u64) -> Collected;
        serialize_f32(f32) -> Collected;
        serialize_f64(f64) -> Collected;
        serialize_char(char) -> Collected;
        serialize_str(&str) -> Collected;
        serialize_none() -> Collected;
        serialize_unit() -> Collected;
        serialize_unit_struct(&'static str) -> Collected;
        serialize_unit_variant(&'static str, u32, &'static str) -> Collected;
        serialize_seq(Option<usize>) -> Self::SerializeSeq;
        serialize_tuple(usize) -> Self::SerializeTuple;
        serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Self::SerializeTupleVariant;
        serialize_map(Option<usize>) -> Self::SerializeMap;
        serialize_struct(&'static str, usize) -> Self::SerializeStruct;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Self::SerializeStructVariant;
    }
}
