use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};

use super::codec::{Verdict, check};
use crate::wire::{Codec, Dict, Value, decode_value};

/// Octets as a JSON value; serde_json is the judge.
pub fn codec_json(octets: &[u8]) {
    check(Codec::Json, octets, |octets| match serde_json::from_slice::<serde_json::Value>(octets) {
        Ok(judged) => {
            if let Ok(value) = decode_value(Codec::Json, octets) {
                assert!(is_same(&value, &judged), "{value:?}, and {judged:?} says serde_json");
            }
            Verdict::WellFormed
        }
        Err(error) if error.to_string().starts_with("number out of range") => Verdict::Unknown,
        Err(error) if error.to_string().starts_with("recursion limit") => Verdict::Unknown,
        Err(_) => Verdict::Malformed,
    });
}

fn is_same(value: &Value, judged: &serde_json::Value) -> bool {
    use serde_json::Value as Json;
    match (value, judged) {
        (Value::Null, Json::Null) => true,
        (Value::Bool(one), Json::Bool(other)) => one == other,
        (Value::Integer(integer), Json::Number(number)) => {
            let exact = integer.as_u64().is_some() || integer.as_i64().is_some();
            (integer.as_i64(), integer.as_u64()) == (number.as_i64(), number.as_u64())
                && (exact || is_near(integer.as_f64(), number.as_f64().unwrap()))
        }
        (Value::Float(float), Json::Number(number)) => number.is_f64() && is_near(*float, number.as_f64().unwrap()),
        (Value::String(one), Json::String(other)) => one == other && !one.starts_with('\0'),
        (Value::Bytes(bytes), Json::String(text)) => {
            text.strip_prefix('\0').is_some_and(|base64| base64.trim_end_matches('=') == STANDARD_NO_PAD.encode(bytes))
        }
        (Value::Array(one), Json::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Map(one), Json::Object(other)) => {
            let has = |(key, judged): (&String, _)| Dict::get(one, key).is_some_and(|value| is_same(value, judged));
            one.len() == other.len() && other.iter().all(has)
        }
        _ => false,
    }
}

/// Its default way to read floats may be wrong in the last digits.
fn is_near(one: f64, other: f64) -> bool {
    (one - other).abs() <= one.abs() * 4.0 * f64::EPSILON || (one - other).abs() <= f64::from_bits(4)
}
