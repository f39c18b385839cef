//! Rust values → bytes: a serde serializer that writes the same value in every codec, PROTOCOL 1.9.

mod bignum;
mod binary;
mod key;
mod output;
mod qualified;
mod serializer;
mod shape;
#[cfg(test)]
mod tests;
mod transcode;

use std::fmt;

use serde::Serialize;

use self::serializer::Encoder;
pub(crate) use self::{
    output::{Container, ContainerKind, EXTENSION_TAG, Output},
    shape::PayloadBuilder,
    transcode::transcode_value,
};
use super::codec::Codec;

/// How deep lists and dictionaries that we write may nest.
const MAX_DEPTH: usize = 128;

/// Why a value cannot be written in a codec. Its text is for the log, not for a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodeError(Box<str>);

impl EncodeError {
    #[cold]
    pub(crate) fn new(message: impl fmt::Display) -> Self {
        Self(message.to_string().into())
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for EncodeError {}

impl serde::ser::Error for EncodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message)
    }
}

impl From<rmp_serde::encode::Error> for EncodeError {
    #[cold]
    fn from(error: rmp_serde::encode::Error) -> Self {
        Self::new(error)
    }
}

/// Appends one encoded value in CBOR that stays within the process.
///
/// # Errors
/// As [`encode_into`].
pub(crate) fn encode_lossless<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    Encoder::new(Output::lossless(out)).value(value)
}

/// Appends one encoded value.
///
/// # Errors
/// What the codec cannot hold, keys that are not strings, integers, bools or chars, nesting beyond 128, and whatever
/// the value itself refuses. The output then ends in the middle of the value.
pub(crate) fn encode_into<T: Serialize + ?Sized>(
    codec: Codec,
    value: &T,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    Encoder::new(Output::new(codec, out)).value(value)
}
