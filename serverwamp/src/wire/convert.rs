//! Rust values ⇄ [`Value`], by way of the codec that holds the most.

use serde::Serialize;
use serde::de::{DeserializeOwned, Error};

use super::codec::Codec;
use super::decode::{Arena, DecodeError, decode, decode_args, decode_kwargs, decode_value};
use super::encode::{EncodeError, PayloadBuilder, encode_into};
use super::payload::Payload;
use super::value::{Dict, Value};

/// Turns any value into a [`Value`], by the rules of the wire.
///
/// # Errors
/// What no codec can hold.
pub(crate) fn to_value<T: Serialize + ?Sized>(value: &T) -> Result<Value, EncodeError> {
    let mut bytes = Vec::new();
    encode_into(Codec::Cbor, value, &mut bytes)?;
    decode_value(Codec::Cbor, &bytes).map_err(EncodeError::new)
}

/// Reads a [`Value`] as any type, with the conversions of call arguments.
///
/// # Errors
/// What was expected and what there is.
pub(crate) fn from_value<T: DeserializeOwned>(value: &Value) -> Result<T, DecodeError> {
    let mut bytes = Vec::new();
    encode_into(Codec::Cbor, value, &mut bytes).map_err(DecodeError::custom)?;
    decode(Codec::Cbor, &bytes, &Arena::default())
}

impl Payload {
    /// The one keyword argument `message`, a text for people.
    pub(crate) fn message(codec: Codec, text: &str) -> Payload {
        let payload = PayloadBuilder::new(codec).kwarg("message", text).and_then(PayloadBuilder::finish);
        payload.unwrap_or_else(|_| Payload::empty(codec))
    }

    /// The positional arguments; none of them where one cannot be held.
    pub(crate) fn to_args(&self) -> Vec<Value> {
        decode_args(self, &Arena::default()).unwrap_or_default()
    }

    /// The keyword arguments; none of them where one cannot be held.
    pub(crate) fn to_kwargs(&self) -> Dict {
        decode_kwargs(self, &Arena::default()).unwrap_or_default()
    }
}
