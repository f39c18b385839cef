use proptest::prelude::*;

use super::Codec::{Cbor, Json, MessagePack};
use super::*;
use crate::wire::codec::ReadErrorKind;

const LIMITS: ScanLimits = ScanLimits { depth: 64, nodes: 1000 };

fn call_arguments(code: u64) -> Option<usize> {
    (code == 48).then_some(4)
}

fn scan(codec: Codec, message: &[u8], limits: ScanLimits) -> Result<Scanned<'_>, ReadError> {
    let mut scanned = Scanned::new();
    scan_message(codec, message, limits, call_arguments, &mut scanned)?;
    Ok(scanned)
}

fn check(codec: Codec, message: &[u8], elements: &[&[u8]], args: &[&[u8]], kwargs: &[(&[u8], &[u8])]) {
    let scanned = scan(codec, message, LIMITS).unwrap();
    assert_eq!(scanned.elements().iter().map(|element| element.span.of(message)).collect::<Vec<_>>(), elements);
    let slots = |slots: &Slots| {
        assert_eq!(slots.args.iter().map(|span| span.of(message)).collect::<Vec<_>>(), args);
        let found = slots.kwargs.iter().map(|(key, value)| (key.of(message), value.of(message)));
        assert_eq!(found.collect::<Vec<_>>(), kwargs);
    };
    slots(&scanned.slots);
    let place = |index: usize| scanned.elements().get(index).map(|element| element.span);
    slots(&scan_payload(codec, message, place(4), place(5)).unwrap());
}

#[test]
fn finds_slots() {
    check(
        Json,
        br#" [ 48 , 1, {}, "math.add", [2, [3] ], {"a" : 1, "b":"x"} ] "#,
        &[b"48", b"1", b"{}", br#""math.add""#, b"[2, [3] ]", br#"{"a" : 1, "b":"x"}"#],
        &[b"2", b"[3]"],
        &[(br#""a""#, b"1"), (br#""b""#, br#""x""#)],
    );
    check(
        MessagePack,
        b"\x96\x30\x01\x80\xa1p\x92\x02\x91\x03\x81\xa1a\xc0",
        &[b"\x30", b"\x01", b"\x80", b"\xa1p", b"\x92\x02\x91\x03", b"\x81\xa1a\xc0"],
        &[b"\x02", b"\x91\x03"],
        &[(b"\xa1a", b"\xc0")],
    );
    check(
        Cbor,
        b"\x9f\x18\x30\x01\xa0\x61p\x9f\x02\x81\x03\xff\xbf\x61a\xc2\x41\x01\xff\xff",
        &[b"\x18\x30", b"\x01", b"\xa0", b"\x61p", b"\x9f\x02\x81\x03\xff", b"\xbf\x61a\xc2\x41\x01\xff"],
        &[b"\x02", b"\x81\x03"],
        &[(b"\x61a", b"\xc2\x41\x01")],
    );
    check(Json, b"[48.0,1,{},[5],[2]]", &[b"48.0", b"1", b"{}", b"[5]", b"[2]"], &[b"2"], &[]);
    check(Json, b"[48,1,{},\"p\",[],{}]", &[b"48", b"1", b"{}", b"\"p\"", b"[]", b"{}"], &[], &[]);
}

#[test]
fn finds_no_slots_where_no_arguments_are() {
    for message in
        ["[49,1,{},2,[3]]", "[48,1,{},2]", "[48,1,{},2,3,4]", "[48,1,{},2,{\"a\":1},[3]]", "[[48],1,2,3,[4]]"]
    {
        let scanned = scan(Json, message.as_bytes(), LIMITS).unwrap();
        assert_eq!(scanned.slots, Slots::default(), "{message}");
    }
    assert_eq!(scan(Json, b"[]", LIMITS).unwrap().count, 0);
    assert_eq!(scan(Json, b"[1,2,3,4,5,6,7,8,9]", LIMITS).unwrap().count, 9);
}

fn check_refused(codec: Codec, message: &[u8], expected: &str) {
    let error = scan(codec, message, LIMITS).unwrap_err();
    assert!(error.to_string().contains(expected), "{codec} {message:02x?}: {error}");
}

#[test]
fn refuses_malformed_messages() {
    for (message, expected) in [
        ("", "more bytes"),
        ("{}", "a list as message"),
        ("48", "a list as message"),
        ("[48", "`,` or the end"),
        ("[48,]", "a value"),
        ("[,48]", "a value"),
        ("[48 1]", "`,` or the end"),
        ("[48}", "`,` or the end"),
        ("[48]]", "the end"),
        ("[48]x", "the end"),
        ("[48,{\"a\"}]", "`:`"),
        ("[48,{\"a\":}]", "a value"),
        ("[48,{\"a\":1,}]", "a string as key"),
        ("[48,{1:1}]", "a string as key"),
        ("[48,{\"a\":1]", "`,` or the end"),
        ("[48,1,{},\"p\",[1,]]", "a value"),
        ("[48,1,{},\"p\",[],{\"a\" 1}]", "`:`"),
        ("[48,\u{a0}1]", "a value"),
    ] {
        check_refused(Json, message.as_bytes(), expected);
    }
    check_refused(MessagePack, b"\x92\x30", "more bytes");
    check_refused(MessagePack, b"\x91\x30\x30", "the end");
    check_refused(MessagePack, b"\xdd\xff\xff\xff\xff\x30", "more bytes");
    check_refused(MessagePack, b"\x92\x30\x81\x90\x01", "a scalar as key");
    check_refused(Cbor, b"\x9f\x18\x30", "more bytes");
    check_refused(Cbor, b"\x82\x18\x30\xbf\x61a\xff", "a value at");
    check_refused(Cbor, b"\x82\x18\x30\xa1\xc1\x01\x01", "a scalar as key");
    check_refused(Cbor, b"\x82\x18\x30\xc1", "more bytes");
}

/// A message whose first element is nested to the given depth, the message included.
fn nested(codec: Codec, depth: usize) -> Vec<u8> {
    let (open, value, close): (&[u8], &[u8], &[u8]) = match codec {
        Json => (b"[", b"1", b"]"),
        MessagePack => (b"\x91", b"\x01", b""),
        Cbor => (b"\x9f", b"\x01", b"\xff"),
    };
    [open.repeat(depth), value.to_vec(), close.repeat(depth)].concat()
}

#[test]
fn limits_the_depth() {
    for codec in [Json, MessagePack, Cbor] {
        let kind = |depth| scan(codec, &nested(codec, depth), LIMITS).map(drop).map_err(|error| error.kind);
        assert!(kind(64).is_ok());
        assert_eq!(kind(65), Err(ReadErrorKind::TooDeep));
        assert_eq!(kind(100_000), Err(ReadErrorKind::TooDeep));
        let limits = ScanLimits { depth: usize::MAX, nodes: usize::MAX };
        let kind = |depth| scan(codec, &nested(codec, depth), limits).map(drop).map_err(|error| error.kind);
        assert!(kind(MAX_DEPTH).is_ok());
        assert_eq!(kind(MAX_DEPTH + 1), Err(ReadErrorKind::TooDeep));
    }
    let tags = [&b"\x81"[..], &b"\xc6".repeat(100_000), b"\x01"].concat();
    assert_eq!(scan(Cbor, &tags, LIMITS).unwrap_err().kind, ReadErrorKind::TooDeep);
}

#[test]
fn limits_the_nodes() {
    // Message, code, request, dict, key, value, procedure, list, argument.
    let messages: [(Codec, &[u8]); 3] = [
        (Json, br#"[48,1,{"a":1},"p",[2]]"#),
        (MessagePack, b"\x95\x30\x01\x81\xa1a\x01\xa1p\x91\x02"),
        (Cbor, b"\x85\x18\x30\x01\xa1\x61a\x01\x61p\x81\x02"),
    ];
    for (codec, message) in messages {
        let scan = |nodes| scan(codec, message, ScanLimits { depth: 64, nodes });
        assert!(scan(9).is_ok());
        for nodes in 0..9 {
            assert_eq!(scan(nodes).unwrap_err().kind, ReadErrorKind::TooManyNodes);
        }
    }
}

#[test]
fn peeks_at_the_request() {
    for (codec, message, expected) in [
        (Json, &b"[48,7,[[[["[..], Some((48, 7))),
        (Json, b"[48.0 , 7e0", Some((48, 7))),
        (Json, b"[48]", None),
        (Json, b"[48,\"7\"]", None),
        (Json, b"{}", None),
        (MessagePack, b"\x95\x30\x07", Some((48, 7))),
        (Cbor, b"\x9f\x18\x30\x07", Some((48, 7))),
        (Cbor, b"", None),
    ] {
        assert_eq!(peek_request(codec, message), expected, "{codec} {message:02x?}");
    }
}

const FRAGMENTS: &[&str] = &[
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    " ",
    "\n",
    "\"a\"",
    "\"\"",
    "\"\\n\"",
    "\"\\ud83d\\ude00\"",
    "\"\\ud83d\"",
    "\"\\ude00\"",
    "\"\\u00\"",
    "\"é\"",
    "\"",
    "\\",
    "\u{1}",
    "\u{a0}",
    "0",
    "1",
    "-",
    "-0",
    "01",
    "1.5",
    "1.",
    ".5",
    "1e5",
    "1E-5",
    "1e",
    "e",
    "null",
    "true",
    "false",
    "nul",
    "12345678901234567890123",
    "\"long enough for words\"",
];

fn check_acceptance(text: &[u8]) {
    let accepted = match serde_json::from_slice::<serde_json::Value>(text) {
        Ok(_) => true,
        // It stops at numbers beyond `f64`, which JSON itself allows.
        Err(error) if error.to_string().starts_with("number out of range") => return,
        Err(_) => false,
    };
    assert_eq!(scan_value(Json, text, ScanLimits::NONE).is_ok(), accepted, "{}", text.escape_ascii());
}

proptest! {
    #[test]
    fn accepts_of_fragments_what_serde_json_accepts(
        fragments in proptest::collection::vec(proptest::sample::select(FRAGMENTS), 0..12),
    ) {
        check_acceptance(fragments.concat().as_bytes());
        // Wrapped, they are well-formed more often.
        check_acceptance(format!("[{}]", fragments.join(",")).as_bytes());
    }

    #[test]
    fn accepts_of_bytes_what_serde_json_accepts(bytes in proptest::collection::vec(any::<u8>(), 0..24)) {
        check_acceptance(&bytes);
        check_acceptance(&[b"\"", &bytes[..], b"\""].concat());
    }

    #[test]
    fn accepts_of_strings_what_serde_json_accepts(text in "[a-f0-9\\\\\"u/nbD\u{0}-\u{1f}é😀]{0,24}") {
        check_acceptance(format!("\"{text}\"").as_bytes());
    }

    #[test]
    fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        for codec in [Json, MessagePack, Cbor] {
            let _ = scan(codec, &bytes, LIMITS);
            let _ = peek_request(codec, &bytes);
            let whole = Span::new(0, bytes.len()).ok();
            let _ = scan_payload(codec, &bytes, whole, whole);
        }
    }
}
