//! Arguments, from where they lie in a CALL to the parameters of a function.

mod binding;

use std::collections::BTreeMap;
use std::fmt::Debug;

use bytes::Bytes;
use serde::Deserialize;

use super::codec::{CODECS, LIMITS};
use crate::wire::{
    Arena, Call, Codec, Dict, Message, Output, Parser, Value, decode, decode_value, encode_into, transcode_value,
};

/// An octet that says the codec, one that says where the first message ends, and two messages.
pub fn slots(octets: &[u8]) {
    let [codec, end, octets @ ..] = octets else { return };
    let codec = CODECS[usize::from(*codec) % CODECS.len()];
    let (first, second) = octets.split_at(octets.len() * usize::from(*end) / 256);
    check_parser(codec, first, second);
    for message in [first, second] {
        if let Ok(Message::Call(call)) = Message::parse(codec, Bytes::copy_from_slice(message), LIMITS) {
            check_slots(&call);
            binding::check(&call);
        }
    }
}

/// A parser that knows one message reads the next as one that knows none.
fn check_parser(codec: Codec, first: &[u8], second: &[u8]) {
    let mut parser = Parser::new(codec);
    for message in [first, first, first, second, first] {
        let message = Bytes::copy_from_slice(message);
        let parsed = parser.parse(message.clone(), LIMITS);
        let expected = Message::parse(codec, message, LIMITS);
        assert_eq!(format!("{parsed:?}"), format!("{expected:?}"));
    }
}

/// Each slot is one value, in its place.
fn check_slots(call: &Call) {
    let payload = &call.payload;
    assert_eq!(call.slots, payload.slots(), "found with the message, and without it");
    let codec = payload.codec();
    let found: Vec<&[u8]> = call.slots.args.iter().map(|slot| slot.of(payload.bytes())).collect();
    let named: Vec<(String, &[u8])> = payload.kwargs().map(|(key, value)| (key.into_owned(), value)).collect();
    if let Some(list) = payload.args_bytes().and_then(|list| decode_value(codec, list).ok()) {
        let values: Vec<Value> = found.iter().map(|slot| decode_value(codec, slot).unwrap()).collect();
        let same = list.as_array().unwrap().iter().zip(&values).all(|(one, other)| super::codec::is_same(one, other));
        assert!(same && list.as_array().unwrap().len() == values.len(), "{list:?}, {values:?}");
    }
    if let Some(dict) = payload.kwargs_bytes().and_then(|dict| decode_value(codec, dict).ok()) {
        let entries = named.iter().map(|(name, slot)| (name.clone(), decode_value(codec, slot).unwrap()));
        let entries = Value::Map(entries.collect::<Dict>());
        assert!(super::codec::is_same(&dict, &entries), "{dict:?}, {entries:?}");
    }
    for slot in found.into_iter().chain(named.iter().map(|(_, slot)| *slot)) {
        check_types(codec, slot);
    }
}

#[derive(Debug, Deserialize)]
#[allow(dead_code, reason = "only shown")]
enum Shape {
    Point,
    Circle(f64),
    Named { name: String, inner: Option<Box<Shape>> },
}

#[derive(Debug, Deserialize)]
#[allow(dead_code, reason = "only shown")]
struct Record {
    id: u64,
    #[serde(default)]
    tags: Vec<String>,
    rest: Option<BTreeMap<String, i8>>,
}

/// What a value is to a type does not depend on the codec, and is never another value.
fn check_types(codec: Codec, slot: &[u8]) {
    let Ok(value) = decode_value(codec, slot) else { return };
    let arena = Arena::default();
    check_conversions(codec, slot, &value);
    for other in CODECS {
        let mut transcoded = Vec::new();
        let fits = transcode_value(codec, slot, &mut Output::new(other, &mut transcoded)).is_ok();
        let comparable = fits && is_alike(&value);
        macro_rules! check {
            ($($type:ty)*) => {$({
                let here = said(decode::<$type>(codec, slot, &arena));
                if comparable {
                    let there = said(decode::<$type>(other, &transcoded, &arena));
                    assert_eq!(here, there, "{} from {codec} and {other}: {value:?}", stringify!($type));
                }
            })*};
        }
        check! {
            Value Dict bool i8 u8 i32 u64 i128 u128 f32 f64 char &str String &[u8] Vec<u8> [u8; 2] Option<i64>
            Vec<Value> Vec<&str> (i64, String) BTreeMap<String, Value> BTreeMap<i8, bool> Shape Record std::net::IpAddr
        }
    }
}

/// The words of errors differ with the way that a value is written.
fn said<T: Debug, E>(decoded: Result<T, E>) -> Option<String> {
    decoded.ok().map(|value| format!("{value:?}"))
}

/// Whether the value is the same in every codec: neither extensions nor tags, which some types read.
fn is_alike(value: &Value) -> bool {
    match value {
        Value::Extension(..) | Value::Tag(..) => false,
        Value::Array(values) => values.iter().all(is_alike),
        Value::Map(dict) => dict.iter().all(|(_, value)| is_alike(value)),
        _ => true,
    }
}

/// Nothing becomes what it is not.
fn check_conversions(codec: Codec, slot: &[u8], value: &Value) {
    let arena = Arena::default();
    let mut plain = value;
    while let Value::Tag(_, content) = plain {
        plain = content;
    }
    if let Ok(flag) = decode::<bool>(codec, slot, &arena) {
        assert_eq!(plain.as_bool(), Some(flag));
    }
    if let Ok(integer) = decode::<i64>(codec, slot, &arena) {
        let is_it = match plain {
            Value::Integer(it) => it.as_i64() == Some(integer),
            Value::Float(float) => *float == integer as f64 && *float as i128 == i128::from(integer),
            // A text that is a number, exactly.
            Value::String(text) => match text.contains(['.', 'e', 'E']) {
                true => text.parse::<f64>().unwrap() == integer as f64,
                false => text == "-0" && integer == 0 || *text == integer.to_string(),
            },
            _ => false,
        };
        assert!(is_it, "{value:?} is not {integer}");
    }
    if let Ok(small) = decode::<u8>(codec, slot, &arena) {
        assert_eq!(decode::<i64>(codec, slot, &arena), Ok(i64::from(small)));
    }
    if let Ok(text) = decode::<String>(codec, slot, &arena)
        && matches!(value, Value::String(_))
    {
        assert_eq!(value.as_str(), Some(&*text));
    }
    if let Ok(octets) = decode::<Vec<u8>>(codec, slot, &arena) {
        let is_list = plain.as_array().is_some_and(|list| list.len() == octets.len());
        assert!(plain.as_bytes() == Some(&octets) || is_list || matches!(plain, Value::Extension(..)), "{value:?}");
    }
}

/// The values as a message's list.
fn encoded(codec: Codec, values: &[Value]) -> Vec<u8> {
    let mut octets = Vec::new();
    encode_into(codec, &Value::Array(values.to_vec()), &mut octets).unwrap();
    octets
}
