//! The options and details of messages: what the protocol knows is typed and checked, the rest is kept as it came.

mod details;
mod entry;
mod features;
mod messages;
#[cfg(test)]
mod tests;

use std::{
    borrow::Cow,
    fmt,
    ops::{Deref, DerefMut},
};

use bytes::Bytes;

pub(crate) use self::{
    details::{
        AbortDetails, ErrorDetails, EventDetails, GoodbyeDetails, HelloDetails, InvocationDetails, ResultDetails, Roles,
        SubscriptionRevoked, RegistrationRevoked, WelcomeDetails,
    },
    entry::{CancelMode, EncryptionAlgorithm, InvokePolicy},
    features::{Feature, Features},
    messages::{
        Audience, CallOptions, CancelOptions, Forwarder, InterruptOptions, Passthru, PublishOptions, RegisterOptions,
        SubscribeOptions, YieldOptions,
    },
};
use self::entry::Entry;
use super::{
    codec::{Codec, Items, Read, ReadError, Reader, Token},
    encode::{Container, ContainerKind, EncodeError, Output},
};

/// Options or details of a message: the keys that the protocol knows, and the whole dict as it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options<T> {
    known: T,
    raw: RawDict,
}

/// A dict as it came from the peer. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct RawDict(Option<(Codec, Bytes)>);

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
    fn unexpected(expected: impl Into<Cow<'static, str>>, token: &Token<'_>) -> Self {
        Self::new(expected, token.kind())
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
        write!(formatter, "{}: expected {}, got {}", self.path, self.expected, self.got)
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
    fn read_entry(&mut self, key: &str, reader: &mut Reader<'_>) -> Result<(), Problem>;

    /// Writes what is present.
    fn write_entries(&self, output: &mut Output<'_>, dict: &mut Container) -> Result<(), EncodeError>;

    /// Reads the entries of a dict whose head has been read.
    fn read_entries(reader: &mut Reader<'_>, mut items: Items) -> Result<Self, Problem> {
        let mut dictionary = Self::default();
        while reader.more(&mut items)? {
            let key = read_key(reader)?;
            if Self::knows(&key) {
                dictionary.read_entry(&key, reader)?;
            } else {
                skip_value(reader)?;
            }
        }
        Ok(dictionary)
    }
}

/// One part of a [`Dictionary`]: the value of a key, or a [`Group`] of keys.
trait Field {
    fn knows(name: &str, key: &str) -> bool;
    fn read(&mut self, key: &str, reader: &mut Reader<'_>) -> Result<(), Problem>;
    fn write(&self, name: &str, output: &mut Output<'_>, dict: &mut Container) -> Result<(), EncodeError>;
}

impl<T: Entry> Field for Option<T> {
    #[inline]
    fn knows(name: &str, key: &str) -> bool {
        name == key
    }

    fn read(&mut self, key: &str, reader: &mut Reader<'_>) -> Result<(), Problem> {
        if is_undefined(reader) {
            return Ok(skip_value(reader)?);
        }
        let token = reader.token()?;
        let value = T::read(token, reader).map_err(|problem| problem.within(key))?;
        match self.replace(value) {
            Some(_) => Err(Problem::new("one value", "two").within(key)),
            None => Ok(()),
        }
    }

    #[inline]
    fn write(&self, name: &str, output: &mut Output<'_>, dict: &mut Container) -> Result<(), EncodeError> {
        let Some(value) = self else { return Ok(()) };
        output.item(dict);
        output.string(name)?;
        output.key_end();
        value.write(output)
    }
}

impl<T: Dictionary> Field for Group<T> {
    #[inline]
    fn knows(_: &str, key: &str) -> bool {
        T::knows(key)
    }

    fn read(&mut self, key: &str, reader: &mut Reader<'_>) -> Result<(), Problem> {
        self.0.get_or_insert_default().read_entry(key, reader)
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

    /// Reads the encoded dict that `span` delimits, which a scan has found to be well-formed.
    #[inline]
    pub(crate) fn parse(codec: Codec, dict: impl FnOnce() -> Bytes, bytes: &[u8]) -> Result<Self, Problem> {
        if is_empty_dict(codec, bytes) {
            return Ok(Self::default());
        }
        let mut reader = Reader::new(codec, bytes);
        let known = match reader.token()? {
            Token::Map(items) => T::read_entries(&mut reader, items)?,
            token => return Err(Problem::unexpected("a dict", &token)),
        };
        Ok(Self { known, raw: RawDict::new(codec, dict()) })
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
    match codec {
        Codec::Json => bytes == b"{}",
        Codec::MessagePack => bytes == [0x80],
        Codec::Cbor => bytes == [0xa0],
    }
}

/// JavaScript's `undefined`, which means that the key is absent. Unlike `null` JSON has no form for it.
fn is_undefined(reader: &Reader<'_>) -> bool {
    let mut ahead = *reader;
    ahead.take_null() && ahead.position().wrapping_sub(reader.position()) > 0 && !ahead.was_null()
}

fn read_key<'de>(reader: &mut Reader<'de>) -> Result<Cow<'de, str>, Problem> {
    let key = match reader.key()? {
        Token::Text(text) => text.to_cow(),
        token => return Err(Problem::new("a dict whose keys are strings", format!("{} as a key", token.kind()))),
    };
    reader.separator()?;
    Ok(key)
}

/// Passes a value. The scan has limited its depth.
fn skip_value(reader: &mut Reader<'_>) -> Result<(), ReadError> {
    match reader.token()? {
        Token::List(mut items) => {
            while reader.more(&mut items)? {
                skip_value(reader)?;
            }
        }
        Token::Map(mut items) => {
            while reader.more(&mut items)? {
                reader.key()?;
                reader.separator()?;
                skip_value(reader)?;
            }
        }
        Token::Tag(_) => skip_value(reader)?,
        _ => {}
    }
    Ok(())
}
