//! What holds for any input: nothing panics, and what other libraries have written is read back equal.

use std::collections::BTreeMap;
use std::thread;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::*;
use crate::wire::codec::Codec::{Cbor, Json, MessagePack};
use crate::wire::encode::encode_into;
use crate::wire::scan::{MAX_DEPTH, ScanLimits, scan_value};
use crate::wire::value::{Dict, Value};

const CODECS: [Codec; 3] = [Json, MessagePack, Cbor];

/// The stack of a thread of the runtime, which is the smallest that decoding happens on.
const STACK: usize = 2 * 1024 * 1024;

fn with_small_stack(run: impl FnOnce() + Send + 'static) {
    thread::Builder::new().stack_size(STACK).spawn(run).unwrap().join().unwrap();
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Point,
    Circle(f64),
    Line(i8, u8),
    Named { name: String, inner: Option<Box<Shape>> },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Sample {
    signed: i64,
    unsigned: u64,
    float: f64,
    single: f32,
    text: String,
    letter: char,
    bytes: ByteBuf,
    flag: Option<bool>,
    pair: (i16, String),
    shapes: Vec<Shape>,
    map: BTreeMap<String, i32>,
    numbered: BTreeMap<i8, u16>,
}

/// Any string but those that are binary in JSON.
fn text() -> impl Strategy<Value = String> {
    any::<String>().prop_map(|text| text.trim_start_matches('\0').to_owned())
}

fn shape() -> impl Strategy<Value = Shape> {
    let leaf = prop_oneof![
        Just(Shape::Point),
        (-1e300..1e300).prop_map(Shape::Circle),
        any::<(i8, u8)>().prop_map(|(from, to)| Shape::Line(from, to)),
    ];
    leaf.prop_recursive(4, 8, 1, |inner| {
        (text(), proptest::option::of(inner.prop_map(Box::new))).prop_map(|(name, inner)| Shape::Named { name, inner })
    })
}

prop_compose! {
    fn sample()(
        (signed, unsigned, bytes, flag) in any::<(i64, u64, Vec<u8>, Option<bool>)>(),
        letter in proptest::char::range('\x01', char::MAX),
        pair in (any::<i16>(), text()),
        float in -1e300..1e300,
        single in -1e30_f32..1e30,
        text in text(),
        shapes in vec(shape(), 0..4),
        map in btree_map(any::<String>(), any::<i32>(), 0..4),
        numbered in btree_map(any::<i8>(), any::<u16>(), 0..4),
    ) -> Sample {
        let bytes = ByteBuf::from(bytes);
        Sample { signed, unsigned, float, single, text, letter, bytes, flag, pair, shapes, map, numbered }
    }
}

/// Any value that all codecs can hold.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e300..1e300).prop_map(Value::from),
        text().prop_map(Value::from),
        any::<Vec<u8>>().prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::Array),
            vec((text(), inner), 0..4).prop_map(|entries| Value::Map(entries.into_iter().collect())),
        ]
    })
}

fn encoded(codec: Codec, value: &Value) -> Vec<u8> {
    let mut slot = Vec::new();
    encode_into(codec, value, &mut slot).unwrap();
    slot
}

/// What other libraries make of a value.
fn written_by_others(value: &impl Serialize) -> [(Codec, Vec<u8>); 3] {
    let mut messagepack = Vec::new();
    let serializer = rmp_serde::Serializer::new(&mut messagepack);
    value.serialize(&mut serializer.with_struct_map().with_human_readable()).unwrap();
    [
        (Json, serde_json::to_vec(value).unwrap()),
        (MessagePack, messagepack),
        (Cbor, cbor4ii::serde::to_vec(Vec::new(), value).unwrap()),
    ]
}

type Nothing = ();

/// Decodes bytes as types that take every way through the decoder.
fn decode_as_anything(codec: Codec, slot: &[u8]) {
    let arena = Arena::default();
    macro_rules! decode_as {
        ($($type:ty)*) => {$(
            let _ = decode::<$type>(codec, slot, &arena);
        )*};
    }
    decode_as! {
        Value Dict Sample Shape IgnoredAny bool i8 u64 i128 u128 f32 f64 char &str String &[u8] Vec<u8> [u8; 2] ByteBuf Nothing
        Option<i64> Vec<Value> (i64, &str) BTreeMap<&str, Value> BTreeMap<i8, bool> rust_decimal::Decimal uuid::Uuid
        chrono::DateTime<chrono::Utc> std::net::IpAddr serde_json::Value Tree
    }
}

proptest! {
    #[test]
    fn what_other_libraries_wrote_is_read_back(sample in sample()) {
        for (codec, slot) in written_by_others(&sample) {
            prop_assert!(scan_value(codec, &slot, ScanLimits::NONE).is_ok());
            let arena = Arena::default();
            prop_assert_eq!(&decode::<Sample>(codec, &slot, &arena).unwrap(), &sample);
        }
    }

    #[test]
    fn what_our_encoder_wrote_is_read_back(sample in sample(), value in value()) {
        for codec in CODECS {
            let mut slot = Vec::new();
            encode_into(codec, &sample, &mut slot).unwrap();
            prop_assert_eq!(&decode::<Sample>(codec, &slot, &Arena::default()).unwrap(), &sample);
            prop_assert_eq!(&decode_value(codec, &encoded(codec, &value)).unwrap(), &value);
        }
    }

    #[test]
    fn reads_json_as_serde_json_does(value in value()) {
        let text = serde_json::to_string(&value).unwrap();
        let arena = Arena::default();
        let ours: serde_json::Value = decode(Json, text.as_bytes(), &arena).unwrap();
        // Its default way to read floats may be wrong in the last digit, so that the floats are compared as texts.
        prop_assert_eq!(serde_json::to_string(&ours).unwrap(), serde_json::to_string(&serde_json::to_value(&value).unwrap()).unwrap());
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..48)) {
        for codec in CODECS {
            decode_as_anything(codec, &bytes);
        }
    }

    #[test]
    fn damaged_values_never_panic(value in value(), place in any::<prop::sample::Index>(), byte in any::<u8>()) {
        for codec in CODECS {
            let mut slot = encoded(codec, &value);
            decode_as_anything(codec, &slot);
            *place.get_mut(&mut slot) = byte;
            decode_as_anything(codec, &slot);
            slot.truncate(place.index(slot.len()));
            decode_as_anything(codec, &slot);
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
#[allow(dead_code, reason = "only decoded")]
enum Tree {
    Leaf(i64),
    List(Vec<Tree>),
    Map(BTreeMap<String, Tree>),
}

/// A way to nest: what opens a level, the innermost value, and what closes a level.
type Nesting = (Codec, &'static [u8], &'static [u8], &'static [u8]);

const NESTINGS: [Nesting; 9] = [
    (Json, b"[", b"1", b"]"),
    (Json, b"{\"a\":", b"1", b"}"),
    (Json, b"[[1],", b"1", b"]"),
    (MessagePack, b"\x91", b"\x01", b""),
    (MessagePack, b"\x81\xa1a", b"\x01", b""),
    (Cbor, b"\x81", b"\x01", b""),
    (Cbor, b"\xbf\x61a", b"\x01", b"\xff"),
    (Cbor, b"\xc6", b"\x01", b""),
    (Cbor, b"\x9f\xc6", b"\x01", b"\xff"),
];

#[test]
fn nesting_never_overflows_a_small_stack() {
    with_small_stack(|| {
        for (codec, open, value, close) in NESTINGS {
            for depth in [1, 63, 64, MAX_DEPTH - 1, MAX_DEPTH, MAX_DEPTH + 1, 10_000, 200_000] {
                let slot = [&open.repeat(depth), value, &close.repeat(depth)].concat();
                decode_as_anything(codec, &slot);
                assert!(depth <= MAX_DEPTH || scan_value(codec, &slot, ScanLimits::NONE).is_err());
                let unfinished = open.repeat(depth);
                decode_as_anything(codec, &unfinished);
                assert!(scan_value(codec, &unfinished, ScanLimits::NONE).is_err());
            }
        }
    });
}

#[test]
fn values_of_the_greatest_depth_can_be_used() {
    with_small_stack(|| {
        for (codec, open, value, close) in NESTINGS {
            let depth = if open.len() > 1 && codec == Cbor && open != b"\xbf\x61a" { MAX_DEPTH / 2 } else { MAX_DEPTH };
            let depth = if open == b"[[1]," { depth - 1 } else { depth };
            let slot = [&open.repeat(depth), value, &close.repeat(depth)].concat();
            scan_value(codec, &slot, ScanLimits::NONE).unwrap();
            let value = decode_value(codec, &slot).unwrap();
            assert_eq!(value, value.clone());
            assert!(!format!("{value} {value:?}").is_empty());
            assert_eq!(decode_value(codec, &encoded(codec, &value)).unwrap(), value);
        }
    });
}
