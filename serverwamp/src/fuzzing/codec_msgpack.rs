use super::codec::{Verdict, check};
use crate::wire::{Codec, Value};

/// Octets as a MessagePack value; rmpv is the judge.
pub fn codec_msgpack(octets: &[u8]) {
    check(Codec::MessagePack, octets, |octets| {
        let mut rest = octets;
        match rmpv::decode::read_value(&mut rest) {
            Ok(value) if rest.is_empty() => judged(value),
            // Both are more than a message may have; how much more differs.
            Err(rmpv::decode::Error::DepthLimitExceeded) => Verdict::Unknown,
            _ => Verdict::Malformed,
        }
    });
}

fn judged(value: rmpv::Value) -> Verdict {
    Verdict::Value(match value {
        // It takes the one octet that means nothing for a null.
        rmpv::Value::Nil => return Verdict::Unknown,
        rmpv::Value::Boolean(value) => Value::from(value),
        rmpv::Value::Integer(integer) => match (integer.as_i64(), integer.as_u64()) {
            (Some(integer), _) => Value::from(integer),
            (_, integer) => Value::from(integer.unwrap()),
        },
        rmpv::Value::F32(float) => Value::from(float),
        rmpv::Value::F64(float) => Value::from(float),
        rmpv::Value::String(text) => match text.into_str() {
            Some(text) => Value::String(text),
            None => return Verdict::Malformed,
        },
        rmpv::Value::Binary(octets) => Value::Bytes(octets),
        rmpv::Value::Ext(0, octets) if octets == [0] => Value::Null,
        rmpv::Value::Ext(kind, octets) => Value::Extension(kind, octets),
        rmpv::Value::Array(values) => return all(values, Value::Array),
        rmpv::Value::Map(entries) => {
            let mut keys = Vec::new();
            let mut values = Vec::new();
            for (key, value) in entries {
                match key {
                    rmpv::Value::String(key) => match key.into_str() {
                        Some(key) => keys.push(key),
                        None => return Verdict::Malformed,
                    },
                    // What becomes of other keys than strings is for the decoder to say.
                    _ => return Verdict::Unknown,
                }
                values.push(value);
            }
            return all(values, |values| Value::Map(keys.into_iter().zip(values).collect()));
        }
    })
}

/// What is malformed says more than what is unknown.
fn all(values: Vec<rmpv::Value>, make: impl FnOnce(Vec<Value>) -> Value) -> Verdict {
    let mut judgements = Vec::new();
    let mut known = true;
    for value in values {
        match judged(value) {
            Verdict::Value(value) => judgements.push(value),
            Verdict::Malformed => return Verdict::Malformed,
            Verdict::WellFormed | Verdict::Unknown => known = false,
        }
    }
    if known { Verdict::Value(make(judgements)) } else { Verdict::Unknown }
}
