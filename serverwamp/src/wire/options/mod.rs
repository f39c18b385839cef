//! The options and details of messages: what the protocol knows is typed and checked, the rest is kept as it came.

mod calls;
mod common;
mod dictionary;
mod entry;
mod features;
mod problem;
mod raw;
mod sessions;
mod source;
#[cfg(test)]
mod tests;
mod topics;

use std::ops::{Deref, DerefMut};

use bytes::Bytes;

pub use self::entry::{CancelMode, InvokePolicy};
pub(crate) use self::{
    calls::{
        CallOptions, CancelOptions, ErrorDetails, InterruptOptions, InvocationDetails, RegisterOptions, ResultDetails,
        UnregisteredDetails, YieldOptions,
    },
    common::{Forwarder, Passthru},
    dictionary::Dictionary,
    entry::{EncryptionAlgorithm, Entry},
    features::{Feature, Features},
    problem::Problem,
    raw::RawDict,
    sessions::{AbortDetails, GoodbyeDetails, HelloDetails, Roles, WelcomeDetails},
    source::Source,
    topics::{Audience, EventDetails, PublishOptions, SubscribeOptions, UnsubscribedDetails},
};
use super::{
    codec::Codec,
    encode::{ContainerKind, EncodeError, Output, encode_into},
    value::Dict,
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
    #[cfg(test)]
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

    /// Options that a peer gave within the arguments of a call.
    ///
    /// # Errors
    /// A known key has a value of another type.
    pub(crate) fn from_dict(codec: Codec, dict: &Dict) -> Result<Self, String> {
        let mut bytes = Vec::new();
        encode_into(codec, dict, &mut bytes).map_err(|error| error.to_string())?;
        let bytes = Bytes::from(bytes);
        Self::parse(codec, &bytes, || bytes.clone()).map_err(|problem| problem.to_string())
    }

    /// Appends the dict.
    ///
    /// # Errors
    /// What the codec cannot hold.
    pub(crate) fn encode(&self, codec: Codec, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.write(&mut Output::new(codec, out))
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
