//! A value of any type, for what has no Rust type of its own.

mod dict;
mod serde_impls;

use std::fmt;

pub use dict::Dict;
pub(crate) use serde_impls::{EXTENSION_NAME, TAG_NAME, VALUE_NAME};

use super::integer::Integer;

/// A value of any type that a codec can carry.
///
/// It keeps everything apart that some codec keeps apart: all integers up to 128 bits, floats, strings, binary,
/// MessagePack's extensions and CBOR's tags. JavaScript's `undefined` is [`Value::Null`], and its byte arrays (CBOR
/// tag 64) are [`Value::Bytes`].
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// No value.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// An integer of up to 128 bits.
    Integer(Integer),
    /// A floating-point number.
    Float(f64),
    /// A string.
    String(String),
    /// Binary data.
    Bytes(Vec<u8>),
    /// A list of values.
    Array(Vec<Value>),
    /// Values by name.
    Map(Dict),
    /// A MessagePack extension: its type and its data.
    Extension(i8, Vec<u8>),
    /// A CBOR tag and the value that it qualifies.
    Tag(u64, Box<Value>),
}

impl Value {
    /// Whether this is null.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The boolean, if this is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The integer, if this is one that fits an `i64`.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Integer(integer) => integer.as_i64(),
            _ => None,
        }
    }

    /// The integer, if this is one that fits a `u64`.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Integer(integer) => integer.as_u64(),
            _ => None,
        }
    }

    /// The number, if this is one; an integer as the nearest float.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Float(float) => Some(*float),
            Self::Integer(integer) => Some(integer.as_f64()),
            _ => None,
        }
    }

    /// The string, if this is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The binary data, if this is some.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The values of a list, if this is one.
    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Self::Array(values) => Some(values),
            _ => None,
        }
    }

    /// The values by name, if this is a map.
    pub fn as_map(&self) -> Option<&Dict> {
        match self {
            Self::Map(dict) => Some(dict),
            _ => None,
        }
    }
}

macro_rules! from {
    ($($type:ty => $variant:ident)*) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}

from! {
    bool => Bool
    i8 => Integer i16 => Integer i32 => Integer i64 => Integer i128 => Integer
    u8 => Integer u16 => Integer u32 => Integer u64 => Integer u128 => Integer
    Integer => Integer
    f32 => Float f64 => Float
    &str => String String => String
    &[u8] => Bytes
    Vec<u8> => Bytes
    Vec<Value> => Array
    Dict => Map
}

impl From<()> for Value {
    fn from((): ()) -> Self {
        Self::Null
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, T::into)
    }
}

/// Writes the value as JSON where JSON has a form for it.
impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => formatter.write_str("null"),
            Self::Bool(value) => value.fmt(formatter),
            Self::Integer(integer) => integer.fmt(formatter),
            Self::Float(float) => write!(formatter, "{float:?}"),
            Self::String(text) => write_text(text, formatter),
            Self::Bytes(bytes) => write_bytes(bytes, formatter),
            Self::Array(values) => {
                let mut separator = "[";
                for value in values {
                    write!(formatter, "{separator}{value}")?;
                    separator = ",";
                }
                formatter.write_str(if values.is_empty() { "[]" } else { "]" })
            }
            Self::Map(dict) => dict.fmt(formatter),
            Self::Extension(kind, data) => {
                write!(formatter, "ext{kind}:")?;
                write_bytes(data, formatter)
            }
            Self::Tag(tag, value) => write!(formatter, "tag{tag}:{value}"),
        }
    }
}

fn write_text(text: &str, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    let encoded = serde_json::to_string(text).map_err(|_| fmt::Error)?;
    formatter.write_str(&encoded)
}

fn write_bytes(bytes: &[u8], formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    formatter.write_str("0x")?;
    bytes.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
}

#[cfg(test)]
mod tests;
