use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::net::IpAddr;

use rust_decimal::Decimal;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_bytes::{ByteBuf, Bytes as ByteSlice};
use uuid::Uuid;

use super::*;
use crate::wire::codec::Codec::{Cbor, Json, MessagePack};
use crate::wire::encode::encode_into;
use crate::wire::value::{Dict, Value};

const CODECS: [Codec; 3] = [Json, MessagePack, Cbor];

#[derive(Debug, PartialEq, Deserialize)]
enum Shape {
    Point,
    Circle(f64),
    Line(i8, i8),
    Square { side: u8 },
}

#[derive(Debug, PartialEq, Deserialize)]
struct Person {
    name: String,
    age: u8,
    nickname: Option<String>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Meters(f64);

#[derive(Debug, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Tagged {
    Text { body: String },
    Count { body: u8 },
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum Untagged<'a> {
    Number(i64),
    Text(&'a str),
    List(Vec<f64>),
}

#[derive(Debug, PartialEq, Deserialize)]
struct Flattened {
    id: u8,
    #[serde(flatten)]
    rest: HashMap<String, u8>,
}

/// The value of a JSON text in each codec.
fn encodings(json: &str) -> impl Iterator<Item = (Codec, Vec<u8>)> {
    let value = decode_value(Json, json.as_bytes()).unwrap();
    CODECS.into_iter().map(move |codec| {
        let mut slot = Vec::new();
        encode_into(codec, &value, &mut slot).unwrap();
        (codec, slot)
    })
}

/// Checks what a value, given as JSON, decodes to in every codec; `Err` with a part of the error's text.
fn check<T: DeserializeOwned + PartialEq + Debug>(json: &str, expected: Result<T, &str>) {
    for (codec, slot) in encodings(json) {
        check_one(codec, &slot, expected.as_ref().map_err(|error| *error));
    }
    check_one(Json, json.as_bytes(), expected.as_ref().map_err(|error| *error));
}

fn check_one<T: DeserializeOwned + PartialEq + Debug>(codec: Codec, slot: &[u8], expected: Result<&T, &str>) {
    let arena = Arena::default();
    match (decode::<T>(codec, slot, &arena), expected) {
        (Ok(value), Ok(expected)) => assert_eq!(value, *expected, "{codec}"),
        (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{codec}: {error}"),
        (actual, expected) => panic!("{codec}: {actual:?} instead of {expected:?} from {slot:02x?}"),
    }
}

/// Checks a value that only one codec can write in this way.
fn check_bytes<T: DeserializeOwned + PartialEq + Debug>(codec: Codec, slot: &[u8], expected: Result<T, &str>) {
    check_one(codec, slot, expected.as_ref().map_err(|error| *error));
}

#[test]
fn integers() {
    check("3", Ok(3_i64));
    check("-128", Ok(-128_i8));
    check("300", Err::<u8, _>("invalid value: integer `300`, expected u8"));
    check("-1", Err::<u64, _>("invalid value: integer `-1`, expected u64"));
    check("3.0", Ok(3_i64));
    check("3.0", Ok(3_u128));
    check("2.9", Err::<i64, _>("invalid type: floating point `2.9`, expected i64"));
    check(r#""7""#, Ok(7_i64));
    check(r#""-7""#, Ok(-7_i8));
    check(r#""2.0""#, Ok(2_i64));
    check(r#""2.9""#, Err::<i64, _>(r#"invalid type: string "2.9", expected i64"#));
    for text in ["+7", " 7", "7 ", "0x7", "", "seven", "07", "1_000", "inf", "nan", ".5", "5."] {
        check(&format!("{text:?}"), Err::<i64, _>("invalid type: string"));
        check(&format!("{text:?}"), Err::<f64, _>("invalid type: string"));
    }
    check("true", Err::<i64, _>("invalid type: boolean `true`, expected i64"));
    check("null", Err::<i64, _>("invalid type: null, expected i64"));
    check("[1]", Err::<i64, _>("invalid type: sequence, expected i64"));
    check("{}", Err::<i64, _>("invalid type: map, expected i64"));
    check("18446744073709551615", Ok(u64::MAX));
    check_bytes(Json, b"1e3", Ok(1000_u16));
    check_bytes(Json, b"9007199254740993.0", Ok(9_007_199_254_740_993_i64));
    check_bytes(Json, b"170141183460469231731687303715884105727", Ok(i128::MAX));
    check_bytes(Json, b"-170141183460469231731687303715884105728", Ok(i128::MIN));
    check_bytes(Json, b"340282366920938463463374607431768211455", Ok(u128::MAX));
    check_bytes(Json, b"340282366920938463463374607431768211456", Err::<u128, _>("invalid type: floating point"));
    check_bytes(Json, b"-0", Ok(0_i8));
    check_bytes(Json, b"\"\\u0037\"", Ok(7_i8));
    check_bytes(Cbor, b"\xc2\x49\x01\0\0\0\0\0\0\0\0", Ok(1_u128 << 64));
    check_bytes(Cbor, b"\xc3\x49\x01\0\0\0\0\0\0\0\0", Ok(-(1_i128 << 64) - 1));
    check_bytes(Cbor, b"\xc2\x41\x05", Ok(5_u8));
    check_bytes(Cbor, b"\x3b\xff\xff\xff\xff\xff\xff\xff\xff", Ok(-(1_i128 << 64)));
    check_bytes(Cbor, b"\xf9\x42\x00", Ok(3_i64));
    check_bytes(Cbor, &[&b"\xc2\x52"[..], &[0xff; 18]].concat(), Err::<u128, _>("integer out of range"));
}

#[test]
fn floats() {
    check("3", Ok(3.0_f64));
    check("1.5", Ok(1.5_f32));
    check(r#""1.5""#, Ok(1.5_f64));
    check(r#""-1e3""#, Ok(-1000.0_f64));
    check("18446744073709551615", Ok(18_446_744_073_709_551_615.0_f64));
    check("1e300", Err::<f32, _>("invalid value: floating point"));
    check("false", Err::<f64, _>("invalid type: boolean `false`, expected f64"));
    check_bytes(Json, b"1000000000000000000000000000000000000000000", Ok(1e42_f64));
    check_bytes(Json, b"1e999", Err::<f64, _>("number out of range"));
    check_bytes(MessagePack, b"\xca\x3f\x80\0\0", Ok(1_i64));
    check_bytes(Cbor, b"\xf9\x7c\x00", Ok(f64::INFINITY));
}

#[test]
fn other_scalars() {
    check("true", Ok(true));
    for not_a_boolean in ["0", "1", "\"false\"", "null", "1.0"] {
        check(not_a_boolean, Err::<bool, _>("expected a boolean"));
    }
    check("\"x\"", Ok("x".to_owned()));
    check("\"é\"", Ok('é'));
    for not_a_string in ["1", "1.5", "true", "null", "[]"] {
        check(not_a_string, Err::<String, _>("expected a string"));
    }
    check("null", Ok(()));
    check("0", Err::<(), _>("expected unit"));
    check("null", Ok(None::<i64>));
    check("\"7\"", Ok(Some(7_i64)));
    check("\"7\"", Ok(Meters(7.0)));
    check_bytes(MessagePack, b"\xd4\x00\x00", Ok(None::<i64>));
    check_bytes(Cbor, b"\xf7", Ok(None::<i64>));
}

#[test]
fn strings_as_types() {
    let uuid = "67e55044-10b1-426f-9247-bb680e5fe0c8";
    check(&format!("{uuid:?}"), Ok(Uuid::parse_str(uuid).unwrap()));
    check("\"127.0.0.1\"", Ok(IpAddr::from([127, 0, 0, 1])));
    check("\"x\"", Err::<IpAddr, _>("invalid"));
    let time = "2024-02-29T12:30:00.5Z";
    check(&format!("{time:?}"), Ok(time.parse::<chrono::DateTime<chrono::Utc>>().unwrap()));
}

#[test]
fn decimals() {
    let decimal = |text: &str| text.parse::<Decimal>().unwrap();
    check("\"1.10\"", Ok(decimal("1.10")));
    check("3", Ok(decimal("3")));
    check("[0.1]", Ok(vec![decimal("0.1")]));
    check("{\"a\":0.1}", Ok(HashMap::from([("a".to_owned(), Some(decimal("0.1")))])));
    check_bytes(Json, b"18446744073709551616", Ok(decimal("18446744073709551616")));
    check_bytes(Cbor, b"\xc2\x49\x01\0\0\0\0\0\0\0\0", Ok(decimal("18446744073709551616")));
    check_bytes(Json, b"0.1234567890123456789012345678", Ok(decimal("0.1234567890123456789012345678")));
    check_bytes(Json, b"1.50", Ok(decimal("1.50")));
    check_bytes(Json, b"15e-1", Ok(decimal("1.5")));
    check_bytes(MessagePack, b"\xca\x3d\xcc\xcc\xcd", Ok(decimal("0.1")));
}

#[test]
fn binary() {
    let binary = r#""\u0000AAH/""#;
    check(binary, Ok(vec![0_u8, 1, 255]));
    check(binary, Ok([0_u8, 1, 255]));
    check(binary, Ok(ByteBuf::from([0, 1, 255])));
    check(binary, Ok(Value::Bytes(vec![0, 1, 255])));
    check(binary, Err::<[u8; 2], _>("invalid length"));
    check(binary, Err::<String, _>("invalid type: binary, expected a string"));
    check(binary, Err::<f64, _>("invalid type: byte array, expected f64"));
    check("\"AAH/\"", Err::<ByteBuf, _>(r#"invalid type: string "AAH/", expected bytes"#));
    check("\"AAH/\"", Err::<Vec<u8>, _>("invalid type: string"));
    check("[0,1,255]", Ok(vec![0_u8, 1, 255]));
    check_bytes(Json, br#""\u0000AA==""#, Ok(ByteBuf::from([0])));
    check_bytes(Json, br#""\u0000AA""#, Ok(ByteBuf::from([0])));
    check_bytes(Json, br#""\u0000\u002b\/8=""#, Ok(ByteBuf::from([251, 255])));
    check_bytes(Json, br#""\u0000""#, Ok(ByteBuf::new()));
    check_bytes(Json, br#""\u0000?""#, Err::<ByteBuf, _>("invalid base64"));
    check_bytes(Json, br#""\u0000?""#, Err::<Vec<u8>, _>("invalid base64"));
    check_bytes(Cbor, b"\xd8\x40\x42\x01\x02", Ok(vec![1_u8, 2]));
    check_bytes(Cbor, b"\x5f\x41\x01\x41\x02\xff", Ok(vec![1_u8, 2]));
}

#[test]
fn borrowed() {
    let json = r#"["plain","es\"cap\u00e9d \ud83d\ude00",null,"é"]"#;
    for (codec, slot) in encodings(json).chain([(Json, json.as_bytes().to_vec())]) {
        let arena = Arena::default();
        let texts: Vec<Option<&str>> = decode(codec, &slot, &arena).unwrap();
        assert_eq!(texts, [Some("plain"), Some("es\"capéd 😀"), None, Some("é")]);
    }
    for (codec, slot) in encodings(r#"{"a\"b":"\u0000AAH/"}"#) {
        let arena = Arena::default();
        let map: BTreeMap<&str, &ByteSlice> = decode(codec, &slot, &arena).unwrap();
        assert_eq!(map.get("a\"b"), Some(&ByteSlice::new(&[0, 1, 255])));
    }
    let arena = Arena::default();
    assert_eq!(decode::<&str>(Cbor, b"\x7f\x61a\x61b\xff", &arena).unwrap(), "ab");
    assert_eq!(decode::<&ByteSlice>(Cbor, b"\x5f\x41a\x41b\xff", &arena).unwrap(), ByteSlice::new(b"ab"));
}

#[test]
fn a_bignum_is_a_binary() {
    for octets in [&b"\xc2\x03"[..], b"\xc3\xf6", b"\xd8\x02\x61\x33", b"\xc2\xc2\x41\x01", b"\xc2\xd8\x40\x41\x01"] {
        check_bytes(Cbor, octets, Err::<i64, _>("a bignum is not a binary"));
        check_bytes(Cbor, octets, Err::<Value, _>("a bignum is not a binary"));
    }
    check_bytes(Cbor, b"\xd8\x40\xc2\x41\x03", Ok(3_i64));
}

#[test]
fn times() {
    let time = |text: &str| text.parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    let noon = "2024-02-29T12:00:00Z";
    check_bytes(MessagePack, b"\xd6\xff\x65\xe0\x71\xc0", Ok(time(noon)));
    check_bytes(MessagePack, b"\xd6\xff\x65\xe0\x71\xc0", Ok(noon.to_owned()));
    check_bytes(MessagePack, b"\xd7\xff\x77\x35\x94\x00\x65\xe0\x71\xc0", Ok("2024-02-29T12:00:00.5Z".to_owned()));
    check_bytes(
        MessagePack,
        b"\xc7\x0c\xff\0\0\0\x01\0\0\0\0\x65\xe0\x71\xc0",
        Ok("2024-02-29T12:00:00.000000001Z".to_owned()),
    );
    check_bytes(MessagePack, b"\xd5\xff\0\0", Err::<String, _>("invalid timestamp"));
    check_bytes(Cbor, b"\xc1\x1a\x65\xe0\x71\xc0", Ok(time(noon)));
    check_bytes(Cbor, b"\xc1\x1a\x65\xe0\x71\xc0", Ok(0x65e0_71c0_i64));
    check_bytes(Cbor, b"\xc1\xfb\x41\xd9\x78\x1c\x70\x20\x00\x00", Ok("2024-02-29T12:00:00.5Z".to_owned()));
    check_bytes(Cbor, b"\xc0\x74\x32024-02-29T12:00:00Z", Ok(time(noon)));
    check_bytes(Cbor, b"\xc1\x1a\x65\xe0\x71\xc0", Ok(Value::Tag(1, Box::new(0x65e0_71c0_i64.into()))));
    check_bytes(MessagePack, b"\xd6\xff\x65\xe0\x71\xc0", Ok(Value::Extension(-1, vec![0x65, 0xe0, 0x71, 0xc0])));
}

#[test]
fn composites() {
    let person = |nickname: Option<&str>| Person { name: "Ann".into(), age: 7, nickname: nickname.map(Into::into) };
    check(r#"{"name":"Ann","age":"7","nickname":"A"}"#, Ok(person(Some("A"))));
    check(r#"{"x":[1,{}],"age":7.0,"name":"Ann"}"#, Ok(person(None)));
    check(r#"["Ann",7,null]"#, Ok(person(None)));
    check(r#"{"name":"Ann"}"#, Err::<Person, _>("missing field `age`"));
    check("[1,\"2\"]", Ok((1_i8, 2.0_f64)));
    check("[1,2,3]", Err::<(i8, i8), _>("too many elements"));
    check("[1]", Err::<(i8, i8), _>("invalid length 1"));
    check("[[1],[]]", Ok(vec![vec![1_u8], vec![]]));
    check("\"Point\"", Ok(Shape::Point));
    check("{\"Point\":null}", Ok(Shape::Point));
    check("{\"Circle\":\"2\"}", Ok(Shape::Circle(2.0)));
    check("{\"Line\":[1,2]}", Ok(Shape::Line(1, 2)));
    check("{\"Square\":{\"side\":3}}", Ok(Shape::Square { side: 3 }));
    check("{\"Circle\":1,\"Point\":null}", Err::<Shape, _>("a dict with one entry"));
    check("{}", Err::<Shape, _>("a dict with one entry"));
    check("\"Star\"", Err::<Shape, _>("unknown variant \"Star\", expected one of `Point`"));
    check("\"Circle\"", Err::<Shape, _>("unit variant"));
    check("1", Err::<Shape, _>("invalid type: integer `1`"));
    check(r#"{"kind":"text","body":"x"}"#, Ok(Tagged::Text { body: "x".into() }));
    check(r#"{"body":7,"kind":"count"}"#, Ok(Tagged::Count { body: 7 }));
    check(r#"{"id":1,"x":2}"#, Ok(Flattened { id: 1, rest: HashMap::from([("x".into(), 2)]) }));
    for (codec, slot) in encodings(r#"[1,"a\"",[1.5]]"#) {
        let arena = Arena::default();
        let values: Vec<Untagged<'_>> = decode(codec, &slot, &arena).unwrap();
        assert_eq!(values, [Untagged::Number(1), Untagged::Text("a\""), Untagged::List(vec![1.5])]);
    }
}

#[test]
fn keys() {
    check(r#"{"1":"a","2":"b"}"#, Ok(BTreeMap::from([(1_u32, "a".to_owned()), (2, "b".to_owned())])));
    check(r#"{"true":1}"#, Ok(BTreeMap::from([(true, 1)])));
    check(r#"{"x":1}"#, Ok(BTreeMap::from([('x', 1)])));
    check(r#"{"x":1}"#, Err::<BTreeMap<u8, u8>, _>("invalid type: string \"x\", expected u8"));
    check(r#"{"x":1}"#, Ok(BTreeMap::from([(Some("x".to_owned()), 1)])));
    check_bytes(MessagePack, b"\x82\x01\xa1a\xa12\xa1b", Ok(BTreeMap::from([(1_i8, 'a'), (2, 'b')])));
    check_bytes(MessagePack, b"\x81\x01\xa1a", Ok(BTreeMap::from([("1".to_owned(), 'a')])));
    check_bytes(Cbor, b"\xa1\xf5\x01", Ok(BTreeMap::from([(true, 1_u8)])));
    check_bytes(Cbor, b"\xa1\xf6\x01", Err::<BTreeMap<String, u8>, _>("invalid key"));
}

#[test]
fn values() {
    check(
        r#"{"a":[1,-2.5,"x",true,null],"b":{}}"#,
        Ok(Value::Map(Dict::from([
            ("a", Value::Array(vec![1.into(), (-2.5).into(), "x".into(), true.into(), Value::Null])),
            ("b", Value::Map(Dict::new())),
        ]))),
    );
    check_bytes(MessagePack, b"\xd4\x05\x07", Ok(Value::Extension(5, vec![7])));
    check_bytes(MessagePack, b"\x91\xd4\x00\x00", Ok(Value::Array(vec![Value::Null])));
    check_bytes(Cbor, b"\xc5\xd8\x20\x61x", Ok(Value::Tag(5, Box::new(Value::Tag(32, Box::new("x".into()))))));
    check_bytes(Cbor, b"\xd8\x40\x41\x01", Ok(Value::Bytes(vec![1])));
    check_bytes(Cbor, b"\xc2\x49\x01\0\0\0\0\0\0\0\0", Ok(Value::from(1_u128 << 64)));
    check_bytes(Cbor, b"\x39\x00\xff", Ok(Value::from(-256)));
    check_bytes(Json, b"340282366920938463463374607431768211455", Ok(Value::from(u128::MAX)));
    check_bytes(Json, b"1340282366920938463463374607431768211455", Err::<Value, _>("out of range"));
    check_bytes(Json, b"-0", Ok(Value::Float(-0.0)));
    check_bytes(Json, br#"{"a":1,"a":2}"#, Ok(Value::Map(Dict::from([("a", 2)]))));
}

#[test]
fn missing_parameters() {
    assert_eq!(missing::<Option<i64>>(), Some(None));
    assert_eq!(missing::<i64>(), None);
    assert_eq!(missing::<Value>(), None);
    assert_eq!(missing::<()>(), None);
}

#[test]
fn whole_payloads() {
    for codec in CODECS {
        let arena = Arena::default();
        let payload = Payload::empty(codec);
        assert_eq!(decode_args::<Vec<Value>>(&payload, &arena).unwrap(), []);
        assert_eq!(decode_kwargs::<Dict>(&payload, &arena).unwrap(), Dict::new());
    }
}

#[test]
fn long_strings_are_cut_in_errors() {
    let json = format!("\"{}\"", "é".repeat(100));
    let error = decode::<i64>(Json, json.as_bytes(), &Arena::default()).unwrap_err();
    assert_eq!(error.to_string(), format!("invalid type: string \"{}…\", expected i64", "é".repeat(64)));
    let error = decode::<i64>(Json, br#""\n\u0007""#, &Arena::default()).unwrap_err();
    assert_eq!(error.to_string(), r#"invalid type: string "\n\u{7}", expected i64"#);
}

#[test]
fn trailing_bytes_are_refused() {
    for (codec, slot) in [(Json, &b"1 2"[..]), (MessagePack, b"\x01\x02"), (Cbor, b"\x01\x02")] {
        assert!(decode::<i64>(codec, slot, &Arena::default()).is_err());
    }
}
