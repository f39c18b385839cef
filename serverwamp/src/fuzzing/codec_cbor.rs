use super::codec::{Verdict, check};
use crate::wire::{Codec, Integer, Value};

/// Octets as a CBOR value; ciborium is the judge.
pub fn codec_cbor(octets: &[u8]) {
    check(Codec::Cbor, octets, |octets| {
        let mut rest = octets;
        match ciborium::de::from_reader_with_recursion_limit(&mut rest, 300) {
            Ok(value) if rest.is_empty() => judged(value).map_or(Verdict::WellFormed, Verdict::Value),
            Err(ciborium::de::Error::RecursionLimitExceeded) => Verdict::Unknown,
            _ => Verdict::Malformed,
        }
    });
}

/// `None` if it cannot be told from this what is there: bignums and tags in tags are read with care for what they mean.
fn judged(value: ciborium::Value) -> Option<Value> {
    Some(match value {
        ciborium::Value::Null => Value::Null,
        ciborium::Value::Bool(value) => Value::from(value),
        ciborium::Value::Integer(integer) => Value::from(Integer::from(i128::from(integer))),
        ciborium::Value::Float(float) => Value::from(float),
        ciborium::Value::Text(text) => Value::String(text),
        ciborium::Value::Bytes(octets) => Value::Bytes(octets),
        ciborium::Value::Array(values) => Value::Array(values.into_iter().map(judged).collect::<Option<_>>()?),
        ciborium::Value::Map(entries) => {
            let entries = entries.into_iter().map(|(key, value)| Some((key.into_text().ok()?, judged(value)?)));
            Value::Map(entries.collect::<Option<Vec<_>>>()?.into_iter().collect())
        }
        ciborium::Value::Tag(2 | 3 | 64, _) => return None,
        ciborium::Value::Tag(tag, value) => Value::Tag(tag, Box::new(judged(*value)?)),
        _ => return None,
    })
}
