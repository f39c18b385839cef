//! Encoded arguments → Rust values: a serde deserializer with the conversions that typed parameters need.
//!
//! The declared type decides, by the `deserialize_*` method that it calls; each type is compiled once for all codecs.

mod access;
mod arena;
mod datum;
mod decoder;
mod error;
mod key;
mod probe;

use serde::Deserialize;

pub(crate) use arena::Arena;
pub(crate) use decoder::Decoder;
pub use error::DecodeError;
pub use probe::Shape;
pub(crate) use probe::{Kind, missing};

use super::codec::{Codec, Read};
use super::payload::Payload;
use super::value::Value;

/// Decodes one encoded value. What it cannot borrow from `slot` lives in `arena`.
pub(crate) fn decode<'de, T: Deserialize<'de>>(
    codec: Codec,
    slot: &'de [u8],
    arena: &'de Arena,
) -> Result<T, DecodeError> {
    let mut decoder = Decoder::new(codec, slot, arena);
    let value = T::deserialize(&mut decoder)?;
    decoder.reader.finish()?;
    Ok(value)
}

/// Decodes one encoded value of any type.
pub(crate) fn decode_value(codec: Codec, slot: &[u8]) -> Result<Value, DecodeError> {
    decode(codec, slot, &Arena::default())
}

/// Decodes the whole list of positional arguments, an absent one as an empty one.
pub(crate) fn decode_args<'de, T: Deserialize<'de>>(
    payload: &'de Payload,
    arena: &'de Arena,
) -> Result<T, DecodeError> {
    let empty: &[u8] = match payload.codec() {
        Codec::Json => b"[]",
        Codec::MessagePack => &[0x90],
        Codec::Cbor => &[0x80],
    };
    decode(payload.codec(), payload.args_bytes().unwrap_or(empty), arena)
}

/// Decodes the whole map of keyword arguments, an absent one as an empty one.
pub(crate) fn decode_kwargs<'de, T: Deserialize<'de>>(
    payload: &'de Payload,
    arena: &'de Arena,
) -> Result<T, DecodeError> {
    let empty: &[u8] = match payload.codec() {
        Codec::Json => b"{}",
        Codec::MessagePack => &[0x80],
        Codec::Cbor => &[0xa0],
    };
    decode(payload.codec(), payload.kwargs_bytes().unwrap_or(empty), arena)
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
