//! The options and details of messages: what the protocol knows is typed and checked, the rest is kept as it came.

mod calls;
mod common;
mod entry;
mod features;
mod raw;
mod sessions;
#[cfg(test)]
mod tests;
mod topics;

use std::{
    borrow::Cow,
    fmt,
    ops::{Deref, DerefMut},
};

use bytes::Bytes;

pub(crate) use self::{
    calls::{
        CallOptions, CancelOptions, ErrorDetails, InterruptOptions, InvocationDetails, RegisterOptions, ResultDetails,
        UnregisteredDetails, YieldOptions,
    },
    common::{Forwarder, Passthru},
    entry::{CancelMode, EncryptionAlgorithm, Entry, InvokePolicy},
    features::{Feature, Features},
    raw::RawDict,
    sessions::{AbortDetails, GoodbyeDetails, HelloDetails, Roles, WelcomeDetails},
    topics::{Audience, EventDetails, PublishOptions, SubscribeOptions, UnsubscribedDetails},
};
use super::{
    codec::{Codec, Items, Read, ReadError, Reader, Token},
    encode::{Container, ContainerKind, EncodeError, Output},
    scan::MAX_DEPTH,
};

/// Options or details of a message: the keys that the protocol knows, and the whole dict as it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options<T> {
    known: T,
    raw: RawDict,
}

/// Some keys of options or details that are seldom given: they take room only then.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Group<T>(Option<Box<T>>);

/// A known key has a value that it cannot have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    path: String,
    expected: Cow<'static, str>,
    got: Cow<'static, str>,
}

impl Problem {
    #[cold]
    pub(crate) fn new(expected: impl Into<Cow<'static, str>>, got: impl Into<Cow<'static, str>>) -> Self {
        Self { path: String::new(), expected: expected.into(), got: got.into() }
    }

    #[cold]
    pub(crate) fn unexpected(expected: impl Into<Cow<'static, str>>, token: &Token<'_>) -> Self {
        match token {
            Token::Integer(integer) => Self::new(expected, integer.to_string()),
            token => Self::new(expected, token.kind()),
        }
    }

    /// Puts the name of what contains the value in front of its path.
    #[cold]
    pub(crate) fn within(mut self, name: &str) -> Self {
        self.path = if self.path.is_empty() { name.to_owned() } else { format!("{name}.{}", self.path) };
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(formatter, "{}: ", self.path)?;
        }
        write!(formatter, "expected {}, got {}", self.expected, self.got)
    }
}

impl From<ReadError> for Problem {
    #[cold]
    fn from(error: ReadError) -> Self {
        Self::new("a well-formed value", error.to_string())
    }
}

/// A set of keys of a dict, each of which has its type.
pub(crate) trait Dictionary: Default {
    /// Whether a key is one of the set.
    fn knows(key: &str) -> bool;

    /// Reads the value of a known key.
    fn read_entry(&mut self, key: &str, source: &mut Source<'_>) -> Result<(), Problem>;

    /// Writes what is present.
    fn write_entries(&self, output: &mut Output<'_>, dict: &mut Container) -> Result<(), EncodeError>;

    /// Reads the entries of a dict whose head has been read.
    fn read_entries(source: &mut Source<'_>, mut items: Items) -> Result<Self, Problem> {
        let mut dictionary = Self::default();
        while source.more(&mut items)? {
            let key = read_key(source)?;
            if Self::knows(&key) {
                dictionary.read_entry(&key, source)?;
            } else {
                skip_value(source)?;
            }
        }
        Ok(dictionary)
    }
}

/// Declares a [`Dictionary`]. The key of a field is its name, or the one after the equals sign.
macro_rules! dictionary {
    (
        $(#[$documentation:meta])*
        $name:ident {
            $($(#[$field_documentation:meta])* $field:ident $(= $key:literal)?: $type:ty,)*
        }
    ) => {
        $(#[$documentation])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub(crate) struct $name {
            $($(#[$field_documentation])* pub(crate) $field: $type,)*
        }

        impl $crate::wire::options::Dictionary for $name {
            #[inline]
            fn knows(key: &str) -> bool {
                use $crate::wire::options::{Field, key_of};
                $(<$type as Field>::knows(key_of!($field $(= $key)?), key) ||)* false
            }

            fn read_entry(
                &mut self,
                key: &str,
                source: &mut $crate::wire::options::Source<'_>,
            ) -> Result<(), $crate::wire::options::Problem> {
                use $crate::wire::options::{Field, key_of};
                $(if <$type as Field>::knows(key_of!($field $(= $key)?), key) {
                    return self.$field.read(key, source);
                })*
                Ok(())
            }

            #[inline]
            fn write_entries(
                &self,
                output: &mut $crate::wire::encode::Output<'_>,
                dict: &mut $crate::wire::encode::Container,
            ) -> Result<(), $crate::wire::encode::EncodeError> {
                use $crate::wire::options::{Field, key_of};
                $(self.$field.write(key_of!($field $(= $key)?), output, dict)?;)*
                Ok(())
            }
        }
    };
}

macro_rules! key_of {
    ($field:ident = $key:literal) => {
        $key
    };
    ($field:ident) => {
        stringify!($field)
    };
}

use {dictionary, key_of};

/// An encoded dict that is being read.
pub(crate) struct Source<'de> {
    codec: Codec,
    input: &'de [u8],
    reader: Reader<'de>,
    /// Where the token begins that was read last.
    token_start: usize,
}

impl<'de> Source<'de> {
    #[inline]
    pub(crate) fn new(codec: Codec, input: &'de [u8]) -> Self {
        Self { codec, input, reader: Reader::new(codec, input), token_start: 0 }
    }

    pub(crate) fn token(&mut self) -> Result<Token<'de>, ReadError> {
        self.token_start = self.reader.position();
        self.reader.token()
    }

    /// The bytes of a dict whose head was read last.
    fn rest_of_dict(&mut self, items: Items) -> Result<&'de [u8], ReadError> {
        let start = self.token_start;
        skip_entries(self, items, MAX_DEPTH)?;
        Ok(self.input.get(start..self.position()).unwrap_or_default())
    }

    /// The bytes of the value that is next.
    fn take_value(&mut self) -> Result<&'de [u8], ReadError> {
        let start = self.position();
        skip_value(self)?;
        Ok(self.input.get(start..self.position()).unwrap_or_default())
    }

    /// Whether JavaScript's `undefined` is next, which means that the key is absent. JSON leaves such keys out.
    fn is_undefined(&self) -> bool {
        let rest = self.input.get(self.reader.position()..).unwrap_or_default();
        match self.codec {
            Codec::Json => false,
            Codec::MessagePack => rest.starts_with(&[0xd4, 0, 0]),
            Codec::Cbor => rest.starts_with(&[0xf7]),
        }
    }
}

impl<'de> Deref for Source<'de> {
    type Target = Reader<'de>;

    fn deref(&self) -> &Reader<'de> {
        &self.reader
    }
}

impl DerefMut for Source<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.reader
    }
}

/// One part of a [`Dictionary`]: the value of a key, or a [`Group`] of keys.
trait Field {
    fn knows(name: &str, key: &str) -> bool;
    fn read(&mut self, key: &str, source: &mut Source<'_>) -> Result<(), Problem>;
    fn write(&self, name: &str, output: &mut Output<'_>, dict: &mut Container) -> Result<(), EncodeError>;
}

impl<T: Entry> Field for Option<T> {
    #[inline]
    fn knows(name: &str, key: &str) -> bool {
        name == key
    }

    fn read(&mut self, key: &str, source: &mut Source<'_>) -> Result<(), Problem> {
        if source.is_undefined() {
            return Ok(skip_value(source)?);
        }
        let value = T::read(source.token()?, source).map_err(|problem| problem.within(key))?;
        match self.replace(value) {
            Some(_) => Err(Problem::new("one value", "two").within(key)),
            None => Ok(()),
        }
    }

    #[inline]
    fn write(&self, name: &str, output: &mut Output<'_>, dict: &mut Container) -> Result<(), EncodeError> {
        let Some(value) = self else { return Ok(()) };
        output.key(dict, name)?;
        value.write(output)
    }
}

impl<T: Dictionary> Field for Group<T> {
    #[inline]
    fn knows(_: &str, key: &str) -> bool {
        T::knows(key)
    }

    fn read(&mut self, key: &str, source: &mut Source<'_>) -> Result<(), Problem> {
        self.0.get_or_insert_default().read_entry(key, source)
    }

    #[inline]
    fn write(&self, _: &str, output: &mut Output<'_>, dict: &mut Container) -> Result<(), EncodeError> {
        match &self.0 {
            Some(keys) => keys.write_entries(output, dict),
            None => Ok(()),
        }
    }
}

impl<T> Default for Group<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Group<T> {
    /// The keys, if any of them is given.
    pub(crate) fn get(&self) -> Option<&T> {
        self.0.as_deref()
    }
}

impl<T: Dictionary + PartialEq> From<T> for Group<T> {
    fn from(keys: T) -> Self {
        Self((keys != T::default()).then(|| Box::new(keys)))
    }
}

impl<T> From<T> for Options<T> {
    fn from(known: T) -> Self {
        Self { known, raw: RawDict::default() }
    }
}

impl<T> Deref for Options<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.known
    }
}

impl<T> DerefMut for Options<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.known
    }
}

impl<T: Dictionary> Options<T> {
    /// The whole dict as it came, unknown keys included; empty for options that this process has made.
    pub(crate) fn raw(&self) -> &RawDict {
        &self.raw
    }

    /// Adds keys that the protocol does not know.
    pub(crate) fn with_raw(mut self, raw: RawDict) -> Self {
        self.raw = raw;
        self
    }

    /// Reads an encoded dict that a scan has found to be well-formed. `dict` gives the same bytes to keep.
    #[inline]
    pub(crate) fn parse(codec: Codec, bytes: &[u8], dict: impl FnOnce() -> Bytes) -> Result<Self, Problem> {
        if is_empty_dict(codec, bytes) { Ok(Self::default()) } else { Self::parse_entries(codec, bytes, dict()) }
    }

    fn parse_entries(codec: Codec, bytes: &[u8], dict: Bytes) -> Result<Self, Problem> {
        let mut source = Source::new(codec, bytes);
        let token = source.token()?;
        Ok(Self { known: T::read(token, &mut source)?, raw: RawDict::new(codec, dict) })
    }

    /// Writes the known keys that are present, then the unknown ones that came with them.
    pub(crate) fn write(&self, output: &mut Output<'_>) -> Result<(), EncodeError> {
        let mut dict = output.begin(ContainerKind::Dict, None)?;
        self.known.write_entries(output, &mut dict)?;
        self.raw.write_entries(output, &mut dict, |key| !T::knows(key))?;
        output.end(&dict)
    }
}

#[inline]
fn is_empty_dict(codec: Codec, bytes: &[u8]) -> bool {
    matches!((codec, bytes), (Codec::Json, [b'{', b'}']) | (Codec::MessagePack, [0x80]) | (Codec::Cbor, [0xa0]))
}

fn read_key<'de>(source: &mut Source<'de>) -> Result<Cow<'de, str>, Problem> {
    let key = match source.key()? {
        Token::Text(text) => text.to_cow(),
        token => return Err(Problem::new("a dict whose keys are strings", format!("{} as a key", token.kind()))),
    };
    source.separator()?;
    Ok(key)
}

/// Passes a value, however deep a scan has allowed.
fn skip_value(reader: &mut Reader<'_>) -> Result<(), ReadError> {
    skip_to_depth(reader, MAX_DEPTH)
}

fn skip_to_depth(reader: &mut Reader<'_>, depth: usize) -> Result<(), ReadError> {
    let token = reader.token()?;
    let deeper = || depth.checked_sub(1).ok_or_else(|| ReadError::too_deep(reader.position()));
    match token {
        Token::List(mut items) => {
            let depth = deeper()?;
            while reader.more(&mut items)? {
                skip_to_depth(reader, depth)?;
            }
        }
        Token::Map(items) => skip_entries(reader, items, deeper()?)?,
        Token::Tag(_) => skip_to_depth(reader, deeper()?)?,
        _ => {}
    }
    Ok(())
}

fn skip_entries(reader: &mut Reader<'_>, mut items: Items, depth: usize) -> Result<(), ReadError> {
    while reader.more(&mut items)? {
        reader.key()?;
        reader.separator()?;
        skip_to_depth(reader, depth)?;
    }
    Ok(())
}
