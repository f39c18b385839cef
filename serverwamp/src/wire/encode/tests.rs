use std::{borrow::Cow, collections::BTreeMap, rc::Rc, sync::Arc};

use data_encoding::HEXLOWER;
use serde::Serialize;

use super::{EncodeError, PayloadBuilder, encode_into};
use crate::wire::{
    codec::Codec,
    payload::Payload,
    value::{Dict, Value},
};

fn encode<T: Serialize + ?Sized>(codec: Codec, value: &T) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::new();
    encode_into(codec, value, &mut out)?;
    Ok(out)
}

fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

fn octets(hex: &str) -> Vec<u8> {
    HEXLOWER.decode(hex.as_bytes()).unwrap()
}

/// Compares with the JSON text and the hexadecimal bytes in MessagePack and CBOR.
#[track_caller]
fn check<T: Serialize + ?Sized>(value: &T, json: &str, message_pack: &str, cbor: &str) {
    assert_eq!(String::from_utf8(encode(Codec::Json, value).unwrap()).unwrap(), json);
    assert_eq!(hex(&encode(Codec::MessagePack, value).unwrap()), message_pack, "{json} in MessagePack");
    assert_eq!(hex(&encode(Codec::Cbor, value).unwrap()), cbor, "{json} in CBOR");
}

#[track_caller]
fn check_error<T: Serialize + ?Sized>(codec: Codec, value: &T, expected: &str) {
    let error = encode(codec, value).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

/// Checks the payload of a value in JSON, written as the tail of a message; the shape is the same in the others.
#[track_caller]
fn check_shape<T: Serialize + ?Sized>(value: &T, expected: &str) {
    for codec in [Codec::Json, Codec::MessagePack, Codec::Cbor] {
        let payload = Payload::encode(codec, value).unwrap();
        let mut tail = String::new();
        let mut append = |part: Option<&[u8]>| {
            let Some(part) = part else { return tail.push_str("- ") };
            let mut json = Vec::new();
            let mut output = super::Output::new(Codec::Json, &mut json);
            super::transcode_value(codec, part, &mut output).unwrap();
            tail.push_str(&String::from_utf8(json).unwrap());
            tail.push(' ');
        };
        append(payload.args_bytes());
        append(payload.kwargs_bytes());
        assert_eq!(tail.trim_end(), expected, "{codec}");
    }
}

#[derive(Serialize)]
struct Point {
    x: i64,
    y: i64,
}

#[derive(Serialize)]
struct Pair(i64, &'static str);

#[derive(Serialize)]
struct Meters(f64);

#[derive(Serialize)]
struct Nothing;

#[derive(Serialize)]
enum Figure {
    Empty,
    Circle(u32),
    Line(u32, u32),
    Box { width: u32 },
}

#[derive(Serialize)]
#[serde(tag = "kind")]
enum Tagged {
    Point { x: i64 },
}

#[derive(Serialize)]
#[serde(untagged)]
enum Untagged {
    Number(i64),
    Point { x: i64 },
}

#[derive(Serialize)]
struct Flattened {
    name: &'static str,
    #[serde(flatten)]
    rest: BTreeMap<&'static str, i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    absent: Option<i64>,
}

fn flattened() -> Flattened {
    Flattened { name: "n", rest: BTreeMap::from([("a", 1), ("b", 2)]), absent: None }
}

#[test]
fn scalars() {
    check(&(), "null", "c0", "f6");
    check(&None::<i64>, "null", "c0", "f6");
    check(&Nothing, "null", "c0", "f6");
    check(&true, "true", "c3", "f5");
    check(&Some(5), "5", "05", "05");
    check(&-1_i8, "-1", "ff", "20");
    check(&300_u64, "300", "cd012c", "19012c");
    check(&u64::MAX, "18446744073709551615", "cfffffffffffffffff", "1bffffffffffffffff");
    check(&i64::MIN, "-9223372036854775808", "d38000000000000000", "3b7fffffffffffffff");
    check(&3.0_f64, "3.0", "cb4008000000000000", "fb4008000000000000");
    check(&0.1_f32, "0.1", "ca3dcccccd", "fa3dcccccd");
    check(&Meters(1.5), "1.5", "cb3ff8000000000000", "fb3ff8000000000000");
    check(&'ü', "\"ü\"", "a2c3bc", "62c3bc");
    check("a\"\n", r#""a\"\n""#, "a361220a", "6361220a");
    check(&Figure::Empty, "\"Empty\"", "a5456d707479", "65456d707479");
}

#[test]
fn integers_of_128_bits() {
    check(&5_i128, "5", "05", "05");
    check(&(1_u128 << 63), "9223372036854775808", "cf8000000000000000", "1b8000000000000000");
    assert_eq!(encode(Codec::Json, &u128::MAX).unwrap(), b"340282366920938463463374607431768211455");
    assert_eq!(hex(&encode(Codec::Cbor, &(1_u128 << 64)).unwrap()), "c249010000000000000000");
    assert_eq!(hex(&encode(Codec::Cbor, &(-1_i128 - (1 << 64))).unwrap()), "c349010000000000000000");
    check_error(Codec::MessagePack, &(1_u128 << 64), "no integer as large");
    check_error(Codec::MessagePack, &(i128::from(i64::MIN) - 1), "no integer as large");
}

#[test]
fn json_has_no_infinities() {
    for float in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        check_error(Codec::Json, &float, "JSON has no number");
        check_error(Codec::Json, &[float as f32], "JSON has no number");
        assert_eq!(encode(Codec::MessagePack, &float).unwrap().len(), 9);
        assert_eq!(encode(Codec::Cbor, &float).unwrap().len(), 9);
    }
}

#[test]
fn bytes_are_binary_wherever_they_stand() {
    let expected = ("\"\\u0000AQL/\"", "c4030102ff", "430102ff");
    let bytes = || vec![1_u8, 2, 255];
    #[track_caller]
    fn check_bytes<T: Serialize + ?Sized>(value: &T, (json, message_pack, cbor): (&str, &str, &str)) {
        check(value, json, message_pack, cbor);
    }
    check_bytes(&bytes(), expected);
    check_bytes(bytes().as_slice(), expected);
    check_bytes(&&&bytes()[..], expected);
    check_bytes(&bytes().into_boxed_slice(), expected);
    check_bytes(&Box::new(bytes()), expected);
    check_bytes(&Cow::Borrowed(bytes().as_slice()), expected);
    check_bytes(&Some(bytes()), expected);
    check_bytes(&serde_bytes::ByteBuf::from(bytes()), expected);
    check(&[bytes()], "[\"\\u0000AQL/\"]", "91c4030102ff", "81430102ff");
    check(&(1, bytes()), "[1,\"\\u0000AQL/\"]", "9201c4030102ff", "8201430102ff");
    check(&BTreeMap::from([("k", bytes())]), "{\"k\":\"\\u0000AQL/\"}", "81a16bc4030102ff", "a1616b430102ff");
    check(&Vec::<u8>::new(), "\"\\u0000\"", "c400", "40");
    check(&vec![1_u16], "[1]", "9101", "8101");
    check(&[1_u8, 2], "[1,2]", "920102", "820102");
}

#[test]
fn shared_bytes_are_found_by_name() {
    assert!(super::binary::is_binary::<Arc<[u8]>>());
    assert!(super::binary::is_binary::<Rc<Vec<u8>>>());
    assert!(super::binary::is_binary::<&mut Cow<'_, [u8]>>());
    assert!(!super::binary::is_binary::<Vec<Vec<u8>>>());
    assert!(!super::binary::is_binary::<Option<Vec<u8>>>());
    assert!(!super::binary::is_binary::<[u8; 4]>());
    assert!(!super::binary::is_binary::<Vec<i64>>());
}

#[test]
fn base64_is_padded() {
    for (bytes, json) in [(&b"a"[..], "\"\\u0000YQ==\""), (b"ab", "\"\\u0000YWI=\""), (b"abc", "\"\\u0000YWJj\"")] {
        assert_eq!(encode(Codec::Json, bytes).unwrap(), json.as_bytes());
    }
}

#[test]
fn a_string_is_never_written_as_binary() {
    check_error(Codec::Json, "\0abc", "would be binary");
    assert_eq!(hex(&encode(Codec::MessagePack, "\0a").unwrap()), "a20061");
    assert_eq!(encode(Codec::Json, "a\0").unwrap(), b"\"a\\u0000\"");
}

#[test]
fn containers() {
    check(&[1, 2], "[1,2]", "920102", "820102");
    check(&Point { x: 1, y: 2 }, r#"{"x":1,"y":2}"#, "82a17801a17902", "a2617801617902");
    check(&Pair(1, "a"), r#"[1,"a"]"#, "9201a161", "82016161");
    check(&Figure::Circle(1), r#"{"Circle":1}"#, "81a6436972636c6501", "a166436972636c6501");
    check(&Figure::Line(1, 2), r#"{"Line":[1,2]}"#, "81a44c696e65920102", "a1644c696e65820102");
    check(
        &Figure::Box { width: 1 },
        r#"{"Box":{"width":1}}"#,
        "81a3426f7881a5776964746801",
        "a163426f78a165776964746801",
    );
    check(&flattened(), r#"{"name":"n","a":1,"b":2}"#, "83a46e616d65a16ea16101a16202", "a3646e616d65616e616101616202");
    check(
        &Tagged::Point { x: 1 },
        r#"{"kind":"Point","x":1}"#,
        "82a46b696e64a5506f696e74a17801",
        "a2646b696e6465506f696e74617801",
    );
    check(&[Untagged::Number(1), Untagged::Point { x: 2 }], r#"[1,{"x":2}]"#, "920181a17802", "8201a1617802");
}

#[test]
fn keys_are_strings() {
    check(&BTreeMap::from([(1, 2)]), r#"{"1":2}"#, "81a13102", "a1613102");
    check(&BTreeMap::from([(true, 2)]), r#"{"true":2}"#, "81a47472756502", "a1647472756502");
    check(&BTreeMap::from([('c', 2)]), r#"{"c":2}"#, "81a16302", "a1616302");
    check_error(Codec::Cbor, &BTreeMap::from([((1, 2), 3)]), "cannot be a tuple");
    check_error(Codec::MessagePack, &BTreeMap::from([(None::<i64>, 3)]), "cannot be None");
    check_error(Codec::Json, &BTreeMap::from([(vec![1], 3)]), "cannot be a sequence");
}

/// Says that it has another length than it has.
struct Lying(usize, usize);

impl Serialize for Lying {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq;
        let mut list = serializer.serialize_seq(Some(self.0))?;
        for _ in 0..self.1 {
            list.serialize_element(&7)?;
        }
        list.end()
    }
}

#[test]
fn lengths_are_those_of_the_items() {
    for (announced, real) in [(0, 3), (3, 0), (2, 20), (20, 2), (70_000, 1), (1, 70_000), (16, 15), (300, 299)] {
        for codec in [Codec::Json, Codec::MessagePack, Codec::Cbor] {
            let expected = encode(codec, &vec![7; real]).unwrap();
            assert!(encode(codec, &Lying(announced, real)).unwrap() == expected, "{announced} {real} {codec}");
            let nested = encode(codec, &("before", Lying(announced, real), "after")).unwrap();
            let expected = encode(codec, &("before", vec![7; real], "after")).unwrap();
            assert!(nested == expected, "{announced} {real} {codec}");
        }
    }
}

#[test]
fn nesting_has_a_limit() {
    let nested = |depth| (1..depth).fold(Value::Array(Vec::new()), |value, _| Value::Array(vec![value]));
    for codec in [Codec::Json, Codec::MessagePack, Codec::Cbor] {
        assert!(encode(codec, &nested(128)).is_ok());
        check_error(codec, &nested(129), "nested deeper");
    }
}

#[test]
fn extensions_and_tags() {
    let extension = Value::Extension(-5, vec![1, 2]);
    check(&extension, "\"\\u0000AQI=\"", "d5fb0102", "420102");
    check(&vec![extension], "[\"\\u0000AQI=\"]", "91d5fb0102", "81420102");
    let tag = Value::Tag(37, Box::new(Value::Array(vec![Value::from(1)])));
    check(&tag, "[1]", "9101", "d8258101");
    check(&Value::Tag(1, Box::new(tag)), "[1]", "9101", "c1d8258101");
    check_shape(&Value::Extension(1, vec![1, 2]), "[\"\\u0000AQI=\"] -");
    check_shape(&Value::Tag(37, Box::new(Value::Array(vec![Value::from(1)]))), "[[1]] -");
}

#[test]
fn the_shape_of_a_value_decides() {
    check_shape(&(), "- -");
    check_shape(&None::<Vec<i64>>, "- -");
    check_shape(&Nothing, "- -");
    check_shape(&Value::Null, "- -");
    check_shape(&5, "[5] -");
    check_shape("text", r#"["text"] -"#);
    check_shape(&Figure::Empty, r#"["Empty"] -"#);
    check_shape(&vec![1_u8], "[\"\\u0000AQ==\"] -");
    check_shape(&Some(vec![1_u8]), "[\"\\u0000AQ==\"] -");
    check_shape(&serde_bytes::Bytes::new(b"\x01"), "[\"\\u0000AQ==\"] -");
    check_shape(&Meters(1.5), "[1.5] -");
    check_shape(&vec![1, 2], "[1,2] -");
    check_shape(&(1, vec!["a"]), r#"[1,["a"]] -"#);
    check_shape(&Pair(1, "a"), r#"[1,"a"] -"#);
    check_shape(&Vec::<i64>::new(), "- -");
    check_shape(&Some(Point { x: 1, y: 2 }), r#"- {"x":1,"y":2}"#);
    check_shape(&BTreeMap::from([(1, 2)]), r#"- {"1":2}"#);
    check_shape(&BTreeMap::<String, i64>::new(), "- -");
    check_shape(&Dict::from([("a", 1)]), r#"- {"a":1}"#);
    check_shape(&Figure::Circle(1), r#"- {"Circle":1}"#);
    check_shape(&Figure::Line(1, 2), r#"- {"Line":[1,2]}"#);
    check_shape(&Figure::Box { width: 1 }, r#"- {"Box":{"width":1}}"#);
    check_shape(&Tagged::Point { x: 1 }, r#"- {"kind":"Point","x":1}"#);
    check_shape(&Untagged::Number(1), "[1] -");
    check_shape(&Untagged::Point { x: 1 }, r#"- {"x":1}"#);
    check_shape(&flattened(), r#"- {"name":"n","a":1,"b":2}"#);
    check_shape(&[[1, 2], [3, 4]], "[[1,2],[3,4]] -");
    check_shape(&uuid::Uuid::nil(), r#"["00000000-0000-0000-0000-000000000000"] -"#);
    check_shape(&std::net::Ipv4Addr::LOCALHOST, r#"["127.0.0.1"] -"#);
    check_shape(&rust_decimal::Decimal::new(15, 1), r#"["1.5"] -"#);
}

#[test]
fn a_payload_changes_its_codec() {
    const CODECS: [Codec; 3] = [Codec::Json, Codec::MessagePack, Codec::Cbor];
    let value = Value::Array(vec![Value::from(u64::MAX), Value::Bytes(vec![1, 2]), Value::from(1.0), Value::Null]);
    for from in CODECS {
        let payload = PayloadBuilder::new(from).arg(&value).unwrap().kwarg("k", &value).unwrap().finish().unwrap();
        for to in CODECS {
            let transcoded = payload.transcode(to).unwrap();
            assert_eq!((transcoded.codec(), transcoded.arg_count()), (to, 1));
            assert_eq!(transcoded.arg(0).unwrap(), encode(to, &value).unwrap(), "{from} {to}");
            assert_eq!(transcoded.kwargs_bytes().unwrap(), encode(to, &BTreeMap::from([("k", &value)])).unwrap());
            assert!(Payload::empty(from).transcode(to).unwrap().is_empty());
        }
    }
    let wide = Payload::encode(Codec::Cbor, &u128::MAX).unwrap();
    assert_eq!(wide.transcode(Codec::Json).unwrap().arg(0).unwrap(), u128::MAX.to_string().as_bytes());
    assert!(wide.transcode(Codec::MessagePack).is_err());
}

#[test]
fn integers_of_any_size_keep_their_digits() {
    let power = |exponent: usize| format!("1{}", "0".repeat(exponent));
    let cbor = |tag: &str, octets: &str| {
        let length = octets.len() / 2;
        let head = if length < 24 { format!("{:02x}", 0x40 + length) } else { format!("59{length:04x}") };
        format!("{tag}{head}{octets}")
    };
    let edge = "ff".repeat(1_785);
    let edge_digits = (num_bigint::BigUint::from(1_u8) << 14_280_u32) - 1_u8;
    for (json, tagged) in [
        ("18446744073709551616".to_owned(), cbor("c2", "010000000000000000")),
        ("-18446744073709551617".to_owned(), cbor("c3", "010000000000000000")),
        (u128::MAX.to_string(), cbor("c2", &"ff".repeat(16))),
        ("340282366920938463463374607431768211456".to_owned(), cbor("c2", &format!("01{}", "00".repeat(16)))),
        (i128::MIN.to_string(), cbor("c3", &format!("7f{}", "ff".repeat(15)))),
        ("-170141183460469231731687303715884105729".to_owned(), cbor("c3", &format!("80{}", "00".repeat(15)))),
        ("-340282366920938463463374607431768211456".to_owned(), cbor("c3", &"ff".repeat(16))),
        (edge_digits.to_string(), cbor("c2", &edge)),
        (format!("-{}", edge_digits.clone() + 1_u8), cbor("c3", &edge)),
    ] {
        assert_eq!(transcoded(Codec::Json, json.as_bytes(), Codec::Cbor).map(|out| hex(&out)).as_ref(), Ok(&tagged));
        assert_eq!(transcoded(Codec::Cbor, &octets(&tagged), Codec::Json), Ok(json.clone().into_bytes()), "{tagged}");
        let refused = transcoded(Codec::Json, json.as_bytes(), Codec::MessagePack).unwrap_err();
        assert_eq!(refused.to_string(), format!("MessagePack has no integer as large as {json}"));
        assert!(transcoded(Codec::Cbor, &octets(&tagged), Codec::MessagePack).is_err());
    }
    for (tagged, json) in [
        ("c240", "0"),
        ("c340", "-1"),
        ("c2420005", "5"),
        ("c25f41014100ff", "256"),
        (&*cbor("c2", &format!("{}01", "00".repeat(2_000))), "1"),
    ] {
        assert_eq!(transcoded(Codec::Cbor, &octets(tagged), Codec::Json), Ok(json.as_bytes().to_vec()), "{tagged}");
    }
    for (from, value, to, expected) in [
        (Codec::Json, power(4_299), Codec::Cbor, "an integer of 1786 octets is too large for another codec"),
        (Codec::Json, power(4_300), Codec::Cbor, "an integer of 4301 digits is too large for another codec"),
        (
            Codec::Cbor,
            cbor("c2", &format!("01{}", "00".repeat(1_785))),
            Codec::Json,
            "an integer of 1786 octets is too large for another codec",
        ),
        (Codec::Cbor, "c20102".to_owned(), Codec::Json, "a bignum is not a binary"),
    ] {
        let value = if from == Codec::Json { value.into_bytes() } else { octets(&value) };
        assert_eq!(transcoded(from, &value, to).unwrap_err().to_string(), expected);
    }
}

fn transcoded(from: Codec, value: &[u8], to: Codec) -> Result<Vec<u8>, super::EncodeError> {
    let mut out = Vec::new();
    super::transcode_value(from, value, &mut super::Output::new(to, &mut out)).map(|()| out)
}

#[test]
fn numbers_of_json_find_their_form() {
    for (json, message_pack, cbor) in [
        ("1.5", Some("cb3ff8000000000000"), Some("fb3ff8000000000000")),
        ("1.0", Some("cb3ff0000000000000"), Some("fb3ff0000000000000")),
        ("-0", Some("cb8000000000000000"), Some("fb8000000000000000")),
        ("18446744073709551616", None, Some("c249010000000000000000")),
        ("1e400", None, None),
    ] {
        for (codec, expected) in [(Codec::MessagePack, message_pack), (Codec::Cbor, cbor)] {
            let written = transcoded(Codec::Json, json.as_bytes(), codec).ok();
            assert_eq!(written.map(|out| hex(&out)).as_deref(), expected, "{json} in {codec}");
        }
    }
}

#[test]
fn a_payload_is_built_part_by_part() {
    for codec in [Codec::Json, Codec::MessagePack, Codec::Cbor] {
        let builder = PayloadBuilder::new(codec);
        assert!(builder.finish().unwrap().is_empty());
        let mut builder = PayloadBuilder::new(codec).arg(&vec![1, 2]).unwrap().kwarg("n", &vec![1_u8]).unwrap();
        for number in 0..20 {
            builder = builder.arg(&number).unwrap().kwarg(&format!("k{number}"), &()).unwrap();
        }
        let payload = builder.finish().unwrap();
        assert_eq!(payload.arg_count(), 21);
        assert_eq!(payload.arg(0).unwrap(), encode(codec, &[1, 2]).unwrap());
        assert_eq!(payload.arg(20).unwrap(), encode(codec, &19).unwrap());
        let kwargs: Vec<_> = payload.kwargs().map(|(name, value)| (name.into_owned(), value.to_vec())).collect();
        assert_eq!(kwargs.len(), 21);
        assert_eq!(kwargs[0], ("n".to_owned(), encode(codec, &[1_u8][..]).unwrap()));
        assert_eq!(kwargs[20].0, "k19");
    }
}
