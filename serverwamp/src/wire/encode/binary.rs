//! Finds values that are binary although serde shows them as sequences of numbers.

use std::any::type_name;

use serde::{
    Serialize, Serializer,
    ser::{Impossible, SerializeSeq},
};

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
    let mut bytes = Vec::new();
    value.serialize(&mut Collector(&mut bytes))?;
    Ok(bytes)
}

struct Collector<'b>(&'b mut Vec<u8>);

impl SerializeSeq for &mut Collector<'_> {
    type Ok = ();
    type Error = EncodeError;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), EncodeError> {
        Ok(())
    }
}

/// Everything but bytes and a sequence of them is out of place.
macro_rules! refuse {
    ($($method:ident($($argument:ty),*) -> $ok:ty;)+) => {$(
        fn $method(self, $(_: $argument),*) -> Result<$ok, EncodeError> {
            Err(EncodeError::new("bytes were expected"))
        }
    )+};
}

impl<'c, 'b> Serializer for &'c mut Collector<'b> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Self;
    type SerializeTuple = Impossible<(), EncodeError>;
    type SerializeTupleStruct = Impossible<(), EncodeError>;
    type SerializeTupleVariant = Impossible<(), EncodeError>;
    type SerializeMap = Impossible<(), EncodeError>;
    type SerializeStruct = Impossible<(), EncodeError>;
    type SerializeStructVariant = Impossible<(), EncodeError>;

    #[inline]
    fn serialize_u8(self, value: u8) -> Result<(), EncodeError> {
        self.0.push(value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), EncodeError> {
        self.0.extend_from_slice(value);
        Ok(())
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Self, EncodeError> {
        self.0.reserve(length.unwrap_or(0));
        Ok(self)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<(), EncodeError> {
        self.serialize_none()
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, _: &T) -> Result<(), EncodeError> {
        self.serialize_none()
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), EncodeError> {
        self.serialize_none()
    }

    refuse! {
        serialize_bool(bool) -> ();
        serialize_i8(i8) -> ();
        serialize_i16(i16) -> ();
        serialize_i32(i32) -> ();
        serialize_i64(i64) -> ();
        serialize_u16(u16) -> ();
        serialize_u32(u32) -> ();
        serialize_u64(u64) -> ();
        serialize_f32(f32) -> ();
        serialize_f64(f64) -> ();
        serialize_char(char) -> ();
        serialize_str(&str) -> ();
        serialize_none() -> ();
        serialize_unit() -> ();
        serialize_unit_struct(&'static str) -> ();
        serialize_unit_variant(&'static str, u32, &'static str) -> ();
        serialize_tuple(usize) -> Self::SerializeTuple;
        serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Self::SerializeTupleVariant;
        serialize_map(Option<usize>) -> Self::SerializeMap;
        serialize_struct(&'static str, usize) -> Self::SerializeStruct;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Self::SerializeStructVariant;
    }
}
