//! What a type says of itself when it is asked to read itself from nothing.

use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};

use super::DecodeError;

/// Newtypes and options within each other that are looked into: a recursive type may go on for ever.
const DEPTH: u8 = 8;

/// What a parameter has when no argument was given for it: `None` if it is an `Option`.
pub(crate) fn missing<'de, T: Deserialize<'de>>() -> Option<T> {
    T::deserialize(Probe { shape: None, depth: 0 }).ok()
}

/// What values a type is read from.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    pub(crate) kind: Kind,
    /// Whether null will do.
    pub(crate) nullable: bool,
}

/// What values a type asks for. What is within sequences and maps is not looked at: that would compile each type once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Whatever there is, or what is not known.
    Any,
    Null,
    Boolean,
    Integer,
    Number,
    String,
    Binary,
    Array,
    Map,
    /// A struct with these fields.
    Struct(&'static [&'static str]),
    /// An enum of these variants.
    Enum(&'static [&'static str]),
}

impl Shape {
    /// What a type is read from.
    pub(crate) fn of<'de, T: Deserialize<'de>>() -> Shape {
        let mut shape = Shape { kind: Kind::Any, nullable: false };
        let _ = T::deserialize(Probe { shape: Some(&mut shape), depth: 0 });
        // Serde reads octets as any other elements.
        if shape.kind == Kind::Array && std::any::type_name::<T>().contains("Vec<u8>") {
            shape.kind = Kind::Binary;
        }
        shape
    }
}

/// Answers nothing but the question for an option, or notes what it is asked for.
struct Probe<'s> {
    /// None where only an option is of interest.
    shape: Option<&'s mut Shape>,
    depth: u8,
}

impl Probe<'_> {
    fn note<T>(self, kind: Kind) -> Result<T, DecodeError> {
        if let Some(shape) = self.shape {
            shape.kind = kind;
        }
        Err(DecodeError::new("missing"))
    }

    fn deeper(self) -> Option<Self> {
        let depth = self.depth.checked_add(1).filter(|depth| *depth <= DEPTH)?;
        Some(Probe { depth, ..self })
    }
}

macro_rules! noted {
    ($($kind:ident: $($method:ident)+;)+) => {$($(
        fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, DecodeError> {
            self.note(Kind::$kind)
        }
    )+)+};
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = DecodeError;

    noted! {
        Any: deserialize_any;
        Boolean: deserialize_bool;
        Integer: deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128 deserialize_u8
            deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128;
        Number: deserialize_f32 deserialize_f64;
        String: deserialize_char deserialize_str deserialize_string;
        Binary: deserialize_bytes deserialize_byte_buf;
        Null: deserialize_unit;
        Array: deserialize_seq;
        Map: deserialize_map;
    }

    fn deserialize_option<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, DecodeError> {
        match &mut self.shape {
            None => visitor.visit_none(),
            Some(shape) => {
                shape.nullable = true;
                self.deeper().map_or_else(|| Err(DecodeError::new("missing")), |inner| visitor.visit_some(inner))
            }
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, DecodeError> {
        match (&self.shape, self.depth) {
            (Some(_), ..DEPTH) => match self.deeper() {
                Some(inner) => visitor.visit_newtype_struct(inner),
                None => Err(DecodeError::new("missing")),
            },
            _ => self.note(Kind::Any),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, DecodeError> {
        self.note(Kind::Array)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        _: V,
    ) -> Result<V::Value, DecodeError> {
        self.note(Kind::Array)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, DecodeError> {
        self.note(Kind::Struct(fields))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, DecodeError> {
        self.note(Kind::Enum(variants))
    }

    forward_to_deserialize_any! { unit_struct identifier ignored_any }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::wire::Value;

    #[derive(Deserialize)]
    #[allow(dead_code, reason = "only their shapes are looked at")]
    struct Point {
        x: f64,
        #[serde(rename = "why")]
        y: f64,
    }

    #[derive(Deserialize)]
    #[allow(dead_code, reason = "only their shapes are looked at")]
    enum Color {
        Red,
        Green,
    }

    #[derive(Deserialize)]
    #[allow(dead_code, reason = "only their shapes are looked at")]
    struct Meters(Option<i64>);

    #[derive(Deserialize)]
    #[allow(dead_code, reason = "only their shapes are looked at")]
    struct Chain(Option<Box<Chain>>);

    fn is<T: for<'de> Deserialize<'de>>(kind: Kind, nullable: bool) {
        assert_eq!(Shape::of::<T>(), Shape { kind, nullable }, "{}", std::any::type_name::<T>());
    }

    #[test]
    fn types_say_what_they_are_read_from() {
        is::<bool>(Kind::Boolean, false);
        is::<u8>(Kind::Integer, false);
        is::<i128>(Kind::Integer, false);
        is::<f32>(Kind::Number, false);
        is::<String>(Kind::String, false);
        is::<std::net::IpAddr>(Kind::String, false);
        is::<()>(Kind::Null, false);
        is::<Value>(Kind::Any, false);
        is::<Vec<u8>>(Kind::Binary, false);
        is::<Vec<i64>>(Kind::Array, false);
        is::<(i64, String)>(Kind::Array, false);
        is::<BTreeMap<String, i64>>(Kind::Map, false);
        is::<Option<String>>(Kind::String, true);
        is::<Point>(Kind::Struct(&["x", "why"]), false);
        is::<Color>(Kind::Enum(&["Red", "Green"]), false);
        is::<Meters>(Kind::Integer, true);
        is::<Chain>(Kind::Any, true);
        assert_eq!(Shape::of::<&str>().kind, Kind::String);
    }

    #[test]
    fn only_an_option_is_there_when_nothing_is() {
        assert_eq!(missing::<Option<i64>>(), Some(None));
        assert_eq!(missing::<i64>(), None);
        assert_eq!(missing::<()>(), None);
        assert!(missing::<Meters>().is_none());
    }
}
