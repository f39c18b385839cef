//! One pull reader per codec, and the tokens that all three speak.

mod cbor;
mod cursor;
mod error;
mod json;
mod msgpack;
mod number;
mod text;

use std::borrow::Cow;
use std::fmt;

pub(crate) use cbor::{Cbor, TAG_NEGATIVE_BIGNUM, TAG_POSITIVE_BIGNUM};
#[cfg(test)]
pub(crate) use error::ReadErrorKind;
pub(crate) use error::{Expected, ReadError};
pub(crate) use json::Json;
pub(crate) use msgpack::MessagePack;
pub(crate) use number::{integral_float, integral_text, parse_number};
pub(crate) use text::{Binary, Text};

/// How the values of a session are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// JSON.
    Json,
    /// MessagePack.
    MessagePack,
    /// CBOR.
    Cbor,
}

impl fmt::Display for Codec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Json => "JSON",
            Self::MessagePack => "MessagePack",
            Self::Cbor => "CBOR",
        })
    }
}

/// The next piece of an encoded value: a whole scalar, or the head of something whose content follows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Token<'de> {
    /// `null`; also CBOR's `undefined`, and the extension that JavaScript's MessagePack writes for it.
    Null,
    Bool(bool),
    /// Any integer within 128 bits that is written as one.
    Integer(i128),
    /// A JSON number that is no such integer, as its text: it has a fraction or an exponent, or is `-0`, or is too large.
    Number(&'de str),
    Single(f32),
    Double(f64),
    Text(Text<'de>),
    Binary(Binary<'de>),
    /// A list begins: its values follow, each announced by [`Read::more`].
    List(Items),
    /// A map begins: its entries follow, each announced by [`Read::more`], to be read by [`Read::key`],
    /// [`Read::separator`] and [`Read::token`].
    Map(Items),
    /// A CBOR tag: the value that it qualifies follows.
    Tag(u64),
    /// A MessagePack extension.
    Extension(i8, &'de [u8]),
}

impl<'de> Token<'de> {
    /// The text of a map's key. Keys ought to be strings; numbers and booleans are given as they would be written.
    pub(crate) fn into_key(self) -> Option<Cow<'de, str>> {
        Some(match self {
            Self::Text(text) => text.to_cow(),
            Self::Integer(integer) => Cow::Owned(integer.to_string()),
            Self::Single(float) => Cow::Owned(float.to_string()),
            Self::Double(float) => Cow::Owned(float.to_string()),
            Self::Bool(value) => Cow::Borrowed(if value { "true" } else { "false" }),
            _ => return None,
        })
    }

    /// The token as a non-negative integer, however the peer wrote it: JavaScript sends integers as floats.
    pub(crate) fn as_u64(&self) -> Option<u64> {
        match *self {
            Self::Integer(integer) => u64::try_from(integer).ok(),
            Self::Number(text) => u64::try_from(integral_text(text)?.as_i128()?).ok(),
            Self::Single(float) => u64::try_from(integral_float(f64::from(float))?).ok(),
            Self::Double(float) => u64::try_from(integral_float(float)?).ok(),
            _ => None,
        }
    }

    /// What the token is, with its article, for messages to people.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) => "an integer",
            Self::Number(_) | Self::Single(_) | Self::Double(_) => "a number",
            Self::Text(_) => "a string",
            Self::Binary(_) => "a binary",
            Self::List(_) => "a list",
            Self::Map(_) => "a dict",
            Self::Tag(_) => "a tagged value",
            Self::Extension(..) => "an extension value",
        }
    }
}

/// What a value that is only passed over begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Head {
    /// The whole value has been read.
    Scalar,
    List(Items),
    Map(Items),
    Tag,
}

/// What is left of a list or map that is being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Items {
    /// How many values or entries are still to come, where the codec says so in advance.
    remaining: u32,
    /// What ends the items where no count was given; zero otherwise.
    end: u8,
    /// Whether the first of them is still to come.
    first: bool,
}

impl Items {
    #[inline]
    fn counted(count: u64) -> Self {
        // No input is long enough to hold more.
        Self { remaining: u32::try_from(count).unwrap_or(u32::MAX), end: 0, first: true }
    }

    #[inline]
    const fn until(end: u8) -> Self {
        Self { remaining: 0, end, first: true }
    }

    /// The number of values or entries still to come, where it is known; no reason to allocate that much.
    pub(crate) fn remaining(&self) -> Option<usize> {
        (self.end == 0).then_some(self.remaining as usize)
    }

    /// Takes one off a counted container, if there is one left.
    #[inline]
    fn take_counted(&mut self) -> bool {
        let left = self.remaining.checked_sub(1);
        self.remaining = left.unwrap_or_default();
        left.is_some()
    }
}

/// Reads the tokens of one codec in order.
pub(crate) trait Read<'de>: Copy {
    /// How many bytes have been read: where the next token begins, after [`Read::more`] and [`Read::separator`] too.
    fn position(&self) -> usize;

    /// Reads the next token. Strings come complete and checked, containers only their head.
    fn token(&mut self) -> Result<Token<'de>, ReadError>;

    /// Reads and checks the next token without making its content available.
    fn head(&mut self) -> Result<Head, ReadError>;

    /// Reads a map's key.
    fn key(&mut self) -> Result<Token<'de>, ReadError>;

    /// Reads and checks a map's key without making its content available.
    fn key_head(&mut self) -> Result<Head, ReadError>;

    /// Reads what separates a key from its value.
    fn separator(&mut self) -> Result<(), ReadError>;

    /// Says whether another value or entry follows in a container, and reads what separates or ends them.
    fn more(&mut self, items: &mut Items) -> Result<bool, ReadError>;

    /// Reads a null if one is next.
    fn take_null(&mut self) -> bool;

    /// Reads an integer if one is next in one of its usual short forms: faster than a token, for what is frequent.
    fn take_small_integer(&mut self) -> Option<i64>;

    /// Passes these octets, which are whole tokens, if they are next.
    fn take_literal(&mut self, octets: &[u8]) -> bool;

    /// Checks that nothing follows.
    fn finish(&mut self) -> Result<(), ReadError>;
}

/// A reader whose codec is known at run time only.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reader<'de> {
    Json(Json<'de>),
    MessagePack(MessagePack<'de>),
    Cbor(Cbor<'de>),
}

impl<'de> Reader<'de> {
    #[inline]
    pub(crate) fn new(codec: Codec, input: &'de [u8]) -> Self {
        match codec {
            Codec::Json => Self::Json(Json::new(input)),
            Codec::MessagePack => Self::MessagePack(MessagePack::new(input)),
            Codec::Cbor => Self::Cbor(Cbor::new(input)),
        }
    }
}

macro_rules! dispatch {
    ($self:ident, $reader:ident => $call:expr) => {
        match $self {
            Reader::Json($reader) => $call,
            Reader::MessagePack($reader) => $call,
            Reader::Cbor($reader) => $call,
        }
    };
}

impl<'de> Read<'de> for Reader<'de> {
    #[inline]
    fn position(&self) -> usize {
        dispatch!(self, reader => reader.position())
    }

    #[inline]
    fn token(&mut self) -> Result<Token<'de>, ReadError> {
        dispatch!(self, reader => reader.token())
    }

    #[inline]
    fn head(&mut self) -> Result<Head, ReadError> {
        dispatch!(self, reader => reader.head())
    }

    #[inline]
    fn key(&mut self) -> Result<Token<'de>, ReadError> {
        dispatch!(self, reader => reader.key())
    }

    #[inline]
    fn key_head(&mut self) -> Result<Head, ReadError> {
        dispatch!(self, reader => reader.key_head())
    }

    #[inline]
    fn separator(&mut self) -> Result<(), ReadError> {
        dispatch!(self, reader => reader.separator())
    }

    #[inline]
    fn more(&mut self, items: &mut Items) -> Result<bool, ReadError> {
        dispatch!(self, reader => reader.more(items))
    }

    #[inline]
    fn take_null(&mut self) -> bool {
        dispatch!(self, reader => reader.take_null())
    }

    #[inline]
    fn take_small_integer(&mut self) -> Option<i64> {
        dispatch!(self, reader => reader.take_small_integer())
    }

    #[inline]
    fn take_literal(&mut self, octets: &[u8]) -> bool {
        dispatch!(self, reader => reader.take_literal(octets))
    }

    #[inline]
    fn finish(&mut self) -> Result<(), ReadError> {
        dispatch!(self, reader => reader.finish())
    }
}

#[cfg(test)]
mod tests;
