use super::Codec::{Cbor, Json, MessagePack};
use super::Token::{Bool, Double, Extension, Integer, Null, Number, Single, Tag};
use super::*;

fn read(codec: Codec, input: &[u8]) -> Result<Token<'_>, ReadError> {
    let mut reader = Reader::new(codec, input);
    let token = reader.token()?;
    let mut passing = Reader::new(codec, input);
    passing.head()?;
    assert_eq!(passing.position(), reader.position(), "{codec} {input:02x?}");
    match token {
        Token::List(_) | Token::Map(_) | Tag(_) => {}
        _ => reader.finish()?,
    }
    Ok(token)
}

fn check(codec: Codec, input: &[u8], expected: Token<'_>) {
    assert_eq!(read(codec, input), Ok(expected), "{codec} {input:02x?}");
    for length in 0..input.len() {
        // A prefix of a JSON number is a number too.
        if !matches!(expected, Integer(_) | Number(_)) || codec != Json {
            assert!(read(codec, &input[..length]).is_err(), "{codec} {:02x?}", &input[..length]);
        }
    }
}

fn check_text(codec: Codec, input: &[u8], expected: &str) {
    match read(codec, input) {
        Ok(Token::Text(text)) => assert_eq!(text.to_cow(), expected),
        other => panic!("{codec} {input:02x?}: {other:?}"),
    }
}

fn check_binary(codec: Codec, input: &[u8], expected: Option<&[u8]>) {
    match read(codec, input) {
        Ok(Token::Binary(binary)) => assert_eq!(binary.to_cow().as_deref(), expected),
        other => panic!("{codec} {input:02x?}: {other:?}"),
    }
}

fn check_malformed(codec: Codec, input: &[u8], expected: &str) {
    let error = read(codec, input).unwrap_err();
    assert!(error.to_string().contains(expected), "{codec} {input:02x?}: {error}");
}

#[test]
fn json_scalars() {
    check(Json, b"null", Null);
    check(Json, b"true", Bool(true));
    check(Json, b"false", Bool(false));
    for integer in [0, 7, -7, 10, 123_456_789_012_345_678, 1_234_567_890_123_456_789, i128::MAX, i128::MIN] {
        check(Json, integer.to_string().as_bytes(), Integer(integer));
    }
    for number in ["-0", "0.5", "-1.25e+10", "1E-3", "1e999", "340282366920938463463374607431768211455"] {
        check(Json, number.as_bytes(), Number(number));
    }
    for malformed in ["01", "-", "-01", ".5", "+1", "--1", "00"] {
        check_malformed(Json, malformed.as_bytes(), "expected a");
    }
    for malformed in ["1.", "1e", "1e+", "1.e5", "-1.x"] {
        check_malformed(Json, malformed.as_bytes(), "digits in each part");
    }
    for malformed in ["nul", "tru", "fals", "NaN", "Infinity", "'a'", "undefined", "/", "]", "}", ",", ":"] {
        check_malformed(Json, malformed.as_bytes(), "a value");
    }
    check_malformed(Json, b"nulll", "the end");
    check_malformed(Json, b"1 2", "the end");
}

#[test]
fn json_strings() {
    check_text(Json, br#" "" "#, "");
    check_text(Json, r#""héllo, a string of more than one word""#.as_bytes(), "héllo, a string of more than one word");
    check_text(Json, br#""\"\\\/\b\f\n\r\t\u00e9\uD83D\ude00!""#, "\"\\/\u{8}\u{c}\n\r\té😀!");
    check_text(Json, br#""x\u0000""#, "x\0");
    check_text(Json, b"\"\x7f\"", "\x7f");
    for length in 0..20 {
        let text = "x".repeat(length) + "\n" + &"y".repeat(length);
        check_text(Json, serde_json::to_string(&text).unwrap().as_bytes(), &text);
        let broken = format!("\"{text}\"");
        check_malformed(Json, broken.as_bytes(), "no control character");
    }
    check_malformed(Json, br#""\x""#, "an escape sequence");
    check_malformed(Json, br#""\u12g4""#, "an escape sequence");
    check_malformed(Json, br#""\u+123""#, "an escape sequence");
    for lone in [r#""\ud800""#, r#""\udc00""#, r#""\ud800\n1234""#, r#""\ud800\u0061""#, r#""\ud800xxxxxx""#] {
        check_malformed(Json, lone.as_bytes(), "a pair of surrogates");
    }
    check_malformed(Json, b"\"\xff\"", "valid UTF-8");
    check_malformed(Json, b"\"\xed\xa0\x80\"", "valid UTF-8");
    check_malformed(Json, br#""\"#, "more bytes");
    check_malformed(Json, br#""abc"#, "more bytes");
}

#[test]
fn json_binary() {
    check_binary(
        Json,
        br#""\u0000EOP/kFMHXFJvX8BtT+N82w==""#,
        Some(b"\x10\xe3\xff\x90\x53\x07\x5c\x52\x6f\x5f\xc0\x6d\x4f\xe3\x7c\xdb"),
    );
    check_binary(Json, br#""\u0000""#, Some(b""));
    check_binary(Json, br#""\u0000AQ""#, Some(b"\x01"));
    check_binary(Json, br#""\u0000\u0041Q==""#, Some(b"\x01"));
    check_binary(Json, br#""\u0000A""#, None);
    check_binary(Json, br#""\u0000A Q==""#, None);
}

#[test]
fn messagepack() {
    check(MessagePack, b"\xc0", Null);
    check(MessagePack, b"\xd4\0\0", Null);
    check(MessagePack, b"\xc2", Bool(false));
    check(MessagePack, b"\xc3", Bool(true));
    check(MessagePack, b"\x7f", Integer(127));
    check(MessagePack, b"\xe0", Integer(-32));
    check(MessagePack, b"\xcc\xff", Integer(255));
    check(MessagePack, b"\xcd\xff\xff", Integer(65535));
    check(MessagePack, b"\xce\xff\xff\xff\xff", Integer(u32::MAX.into()));
    check(MessagePack, b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", Integer(u64::MAX.into()));
    check(MessagePack, b"\xd0\x80", Integer(-128));
    check(MessagePack, b"\xd1\x80\0", Integer(-32768));
    check(MessagePack, b"\xd2\x80\0\0\0", Integer(i32::MIN.into()));
    check(MessagePack, b"\xd3\x80\0\0\0\0\0\0\0", Integer(i64::MIN.into()));
    check(MessagePack, b"\xca\x3f\xc0\0\0", Single(1.5));
    check(MessagePack, b"\xcb\x3f\xf8\0\0\0\0\0\0", Double(1.5));
    check(MessagePack, b"\xd5\x05ab", Extension(5, b"ab"));
    check(MessagePack, b"\xc7\x03\xffabc", Extension(-1, b"abc"));
    check(MessagePack, b"\xc8\0\x01\x05a", Extension(5, b"a"));
    check(MessagePack, b"\xd4\0\x01", Extension(0, b"\x01"));
    for (head, length) in [(0xd6, 4), (0xd7, 8), (0xd8, 16)] {
        let input = [&[head, 1], [9; 16].split_at(length).0].concat();
        check(MessagePack, &input, Extension(1, &input[2..]));
    }
    for input in [&b"\xa2hi"[..], b"\xd9\x02hi", b"\xda\0\x02hi", b"\xdb\0\0\0\x02hi"] {
        check_text(MessagePack, input, "hi");
    }
    for input in [&b"\xc4\x02\0\xff"[..], b"\xc5\0\x02\0\xff", b"\xc6\0\0\0\x02\0\xff"] {
        check_binary(MessagePack, input, Some(b"\0\xff"));
    }
    for (input, count) in [(&b"\x92"[..], 2), (b"\xdc\x01\0", 256), (b"\xdd\xff\xff\xff\xff", u32::MAX)] {
        check(MessagePack, input, Token::List(Items::counted(count.into())));
    }
    for (input, count) in [(&b"\x82"[..], 2), (b"\xde\x01\0", 256), (b"\xdf\xff\xff\xff\xff", u32::MAX)] {
        check(MessagePack, input, Token::Map(Items::counted(count.into())));
    }
    check_malformed(MessagePack, b"\xc1", "a value that the codec defines");
    check_malformed(MessagePack, b"\xa1\xff", "valid UTF-8");
    check_malformed(MessagePack, b"\xdb\xff\xff\xff\xffabc", "more bytes");
}

#[test]
fn cbor() {
    check(Cbor, b"\xf6", Null);
    check(Cbor, b"\xf7", Null);
    check(Cbor, b"\xf4", Bool(false));
    check(Cbor, b"\xf5", Bool(true));
    check(Cbor, b"\x17", Integer(23));
    check(Cbor, b"\x18\x17", Integer(23));
    check(Cbor, b"\x19\x01\0", Integer(256));
    check(Cbor, b"\x1a\xff\xff\xff\xff", Integer(u32::MAX.into()));
    check(Cbor, b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff", Integer(u64::MAX.into()));
    check(Cbor, b"\x37", Integer(-24));
    check(Cbor, b"\x38\xff", Integer(-256));
    check(Cbor, b"\x3b\xff\xff\xff\xff\xff\xff\xff\xff", Integer(-(1 << 64)));
    check(Cbor, b"\xfb\x3f\xf8\0\0\0\0\0\0", Double(1.5));
    check(Cbor, b"\xfa\x3f\xc0\0\0", Single(1.5));
    check(Cbor, b"\xc1", Tag(1));
    check(Cbor, b"\xd9\xd9\xf7", Tag(55799));
    check(Cbor, b"\x82", Token::List(Items::counted(2)));
    check(Cbor, b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff", Token::List(Items::counted(u64::MAX)));
    check(Cbor, b"\x9f", Token::List(Items::until(0xff)));
    check(Cbor, b"\xb8\x02", Token::Map(Items::counted(2)));
    check(Cbor, b"\xbf", Token::Map(Items::until(0xff)));
    check_text(Cbor, b"\x62hi", "hi");
    check_text(Cbor, b"\x78\x02hi", "hi");
    check_text(Cbor, b"\x7f\x61h\x60\x61i\xff", "hi");
    check_text(Cbor, b"\x7f\xff", "");
    check_binary(Cbor, b"\x42\0\xff", Some(b"\0\xff"));
    check_binary(Cbor, b"\x5f\x41\0\x41\xff\xff", Some(b"\0\xff"));
    check_malformed(Cbor, b"\x61\xff", "valid UTF-8");
    check_malformed(Cbor, b"\x7f\x61\xc3\x61\xa9\xff", "valid UTF-8");
    check_malformed(Cbor, b"\x7f\x41a\xff", "a chunk of");
    check_malformed(Cbor, b"\x7f\x7f\xff\xff", "a known length");
    check_malformed(Cbor, b"\x7f\x61a", "more bytes");
    check_malformed(Cbor, b"\x7b\xff\xff\xff\xff\xff\xff\xff\xffa", "more bytes");
    for undefined in [b"\x1c", b"\x5d", b"\x9e", b"\xe0", b"\xf8", b"\xfc"] {
        check_malformed(Cbor, undefined, "a value that the codec defines");
    }
    check_malformed(Cbor, b"\x1f", "a known length");
    check_malformed(Cbor, b"\xdf", "a known length");
    check_malformed(Cbor, b"\xff", "a value");
}

/// The values of appendix A of RFC 8949.
#[test]
fn cbor_half_floats() {
    for (bits, float) in [
        (0x0000, 0.0),
        (0x8000, -0.0),
        (0x3c00, 1.0),
        (0x3e00, 1.5),
        (0x7bff, 65504.0),
        (0x0001, 5.960_464_5e-8),
        (0x0400, 6.103_515_6e-5),
        (0xc400, -4.0),
        (0x7c00, f32::INFINITY),
        (0xfc00, f32::NEG_INFINITY),
    ] {
        let [high, low] = u16::to_be_bytes(bits);
        let Ok(Single(single)) = read(Cbor, &[0xf9, high, low]) else { panic!("{bits:04x}") };
        assert_eq!(single.to_bits(), f32::to_bits(float), "{bits:04x}");
    }
    assert!(matches!(read(Cbor, b"\xf9\x7e\x00"), Ok(Single(nan)) if nan.is_nan()));
}

#[test]
fn integers_in_any_form() {
    for (codec, input) in [
        (Json, &b"7"[..]),
        (Json, b"7.0"),
        (Json, b"70e-1"),
        (Json, b"0.7e1"),
        (MessagePack, b"\x07"),
        (MessagePack, b"\xcb\x40\x1c\0\0\0\0\0\0"),
        (MessagePack, b"\xca\x40\xe0\0\0"),
        (Cbor, b"\xf9\x47\0"),
    ] {
        assert_eq!(read(codec, input).unwrap().as_u64(), Some(7), "{codec} {input:02x?}");
    }
    for input in ["-1", "7.5", "1e400", "1e-400", "\"7\"", "null", "18446744073709551616", "1e99999999999999999999"] {
        assert_eq!(read(Json, input.as_bytes()).unwrap().as_u64(), None, "{input}");
    }
}

#[test]
fn exact_integers_from_text() {
    for (text, expected) in [
        ("0.000e99999", Some(0)),
        ("-0.0", Some(0)),
        ("100e-2", Some(1)),
        ("0.001e3", Some(1)),
        ("1e38", Some(10_i128.pow(38))),
        ("-170141183460469231731687303715884105728.0", Some(i128::MIN)),
        ("0.1", None),
        ("1e-1", None),
        ("1e39", None),
        ("9007199254740993.5", None),
        ("1e9223372036854775807", None),
        ("0.00000000000000000000000000000000000000000000001e47", Some(1)),
        ("1e-9223372036854775808", None),
    ] {
        assert_eq!(integral_text(text).and_then(|integer| integer.as_i128()), expected, "{text}");
    }
}
