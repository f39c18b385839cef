//! Rust values ⇄ [`Value`], by way of the codec that holds the most.

use serde::Serialize;
use serde::de::{DeserializeOwned, Error};

use super::codec::Codec;
use super::decode::{Arena, DecodeError, decode, decode_args, decode_kwargs, decode_value};
use super::encode::{EXTENSION_TAG, EncodeError, PayloadBuilder, encode_into, encode_lossless};
use super::payload::Payload;
use super::scan::Span;
#[cfg(feature = "cryptobox")]
use super::scan::{ScanLimits, scan_value};
use super::value::{Dict, Value};

/// Turns any value into a [`Value`], by the rules of the wire.
///
/// # Errors
/// What no codec can hold.
pub(crate) fn to_value<T: Serialize + ?Sized>(value: &T) -> Result<Value, EncodeError> {
    let mut bytes = Vec::new();
    encode_lossless(value, &mut bytes)?;
    let mut value = decode_value(Codec::Cbor, &bytes).map_err(EncodeError::new)?;
    restore_extensions(&mut value);
    Ok(value)
}

fn restore_extensions(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(restore_extensions),
        Value::Map(dict) => dict.values_mut().for_each(restore_extensions),
        Value::Tag(tag, content) => match (*tag, &**content) {
            (EXTENSION_TAG, Value::Bytes(octets)) => {
                if let Some((kind, octets)) = octets.split_first() {
                    *value = Value::Extension(i8::from_be_bytes([*kind]), octets.to_vec());
                }
            }
            _ => restore_extensions(content),
        },
        _ => {}
    }
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

/// Reads one whole value that did not come in a message, and so has not been scanned.
///
/// # Errors
/// It is malformed, nests deeper, or has more values than these limits allow.
#[cfg(feature = "cryptobox")]
pub(crate) fn decode_bounded(codec: Codec, octets: &[u8], limits: ScanLimits) -> Result<Value, DecodeError> {
    scan_value(codec, octets, limits).map_err(DecodeError::custom)?;
    decode_value(codec, octets)
}

impl Payload {
    /// One value in the place of the arguments.
    pub(crate) fn opaque(codec: Codec, value: &Value) -> Result<Payload, EncodeError> {
        let mut octets = Vec::new();
        encode_into(codec, value, &mut octets)?;
        let opaque = Some(Span::new(0, octets.len()).map_err(EncodeError::new)?);
        Ok(Payload { opaque, bytes: octets.into(), ..Payload::empty(codec) })
    }

    /// The one keyword argument `message`, a text for people.
    pub(crate) fn message(codec: Codec, text: &str) -> Payload {
        let payload = PayloadBuilder::new(codec).kwarg("message", text).and_then(PayloadBuilder::finish);
        payload.unwrap_or_else(|_| Payload::empty(codec))
    }

    /// The positional arguments; none of them where one cannot be held.
    pub(crate) fn to_args(&self) -> Vec<Value> {
        decode_args(self, &Arena::default()).unwrap_or_default()
    }

    /// What stands in the place of the arguments, if something does.
    pub(crate) fn to_opaque(&self) -> Option<Value> {
        self.opaque_bytes().map(|opaque| decode_value(self.codec(), opaque).unwrap_or_default())
    }

    /// The keyword arguments; none of them where one cannot be held.
    pub(crate) fn to_kwargs(&self) -> Dict {
        decode_kwargs(self, &Arena::default()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_what_they_are() {
        let extension = Value::Extension(-1, vec![1, 2, 3]);
        let values = [
            extension.clone(),
            Value::Array(vec![Value::Null, extension.clone(), Value::Tag(7, Box::new(Value::from("x")))]),
            Value::Map(Dict::from([("a", extension), ("b", Value::Bytes(vec![1]))])),
            Value::from(u64::MAX),
            Value::from(1.5),
        ];
        for value in values {
            assert_eq!(to_value(&value), Ok(value));
        }
    }
}
