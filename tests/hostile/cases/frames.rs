//! Frames of both transports that are none, or come where they may not. RFC 6455 sections 5 and 7; PROTOCOL 1.9, 1.10.

use serde_json::json;
use serverwamp_tests::Serializer::{self, *};

use super::{RAW_SOCKET, WEB_SOCKET};
use crate::script::{Case, Step, case, hear, say, violation};

const TEXT: &[Serializer] = &[Json, JsonBatched];
const BINARY: &[Serializer] = &[MessagePack, Cbor, MessagePackBatched, CborBatched];

/// A WebSocket frame with a mask that changes the octets.
fn frame(first: u8, payload: &[u8]) -> Step {
    masked(first, payload, [0x11, 0x80, 0xff, 0x5a])
}

fn masked(first: u8, payload: &[u8], mask: [u8; 4]) -> Step {
    let mut octets = vec![first];
    match payload.len() {
        length @ ..126 => octets.push(0x80 | u8::try_from(length).unwrap()),
        length => {
            octets.push(0x80 | 126);
            octets.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
    }
    octets.extend(mask);
    octets.extend(payload.iter().zip(mask.iter().cycle()).map(|(octet, mask)| octet ^ mask));
    Step::Octets(octets)
}

fn octets(octets: &[u8]) -> Step {
    Step::Octets(octets.to_vec())
}

const FINAL: u8 = 0x80;
const CALL: &[u8] = br#"[48,7,{},"add",[2,3]]"#;

pub(crate) fn cases() -> Vec<Case> {
    [refused(), texts(), taken(), closes(), raw_sockets(), batches()].concat()
}

/// Frames after which a WebSocket is closed with 1002, whether there is a session or not.
fn refused() -> Vec<Case> {
    let long = [b'x'; 126];
    let rows: Vec<(&str, Vec<Step>)> = vec![
        ("no mask", vec![octets(&[0x81, 0x02, b'[', b']'])]),
        ("no mask, of an empty frame", vec![octets(&[0x82, 0x00])]),
        ("no mask, of a ping", vec![octets(&[0x89, 0x00])]),
        ("no mask, of a close", vec![octets(&[0x88, 0x02, 0x03, 0xe8])]),
        ("RSV1", vec![frame(0xc1, CALL)]),
        ("RSV2", vec![frame(0xa1, CALL)]),
        ("RSV3", vec![frame(0x91, CALL)]),
        ("all reserved bits", vec![frame(0xf2, CALL)]),
        ("RSV1 of a ping", vec![frame(0xc9, b"")]),
        ("RSV1 of a continuation", vec![frame(0x01, b"["), frame(0xc0, b"]")]),
        ("opcode 3", vec![frame(0x83, CALL)]),
        ("opcode 4", vec![frame(0x84, CALL)]),
        ("opcode 5", vec![frame(0x85, CALL)]),
        ("opcode 6", vec![frame(0x86, CALL)]),
        ("opcode 7", vec![frame(0x87, CALL)]),
        ("opcode 7, not final", vec![frame(0x07, CALL)]),
        ("opcode 11", vec![frame(0x8b, b"")]),
        ("opcode 12", vec![frame(0x8c, b"")]),
        ("opcode 13", vec![frame(0x8d, b"")]),
        ("opcode 14", vec![frame(0x8e, b"")]),
        ("opcode 15", vec![frame(0x8f, b"")]),
        ("opcode 15, not final", vec![frame(0x0f, b"")]),
        ("a ping of 126 octets", vec![frame(0x89, &long)]),
        ("a pong of 126 octets", vec![frame(0x8a, &long)]),
        ("a close of 126 octets", vec![frame(0x88, &long)]),
        ("a ping in fragments", vec![frame(0x09, b"x")]),
        ("a pong in fragments", vec![frame(0x0a, b"x")]),
        ("a close in fragments", vec![frame(0x08, &[0x03, 0xe8])]),
        ("a continuation of nothing", vec![frame(0x80, CALL)]),
        ("a continuation of nothing, not final", vec![frame(0x00, CALL)]),
        ("a continuation of a ping", vec![frame(0x89, b"x"), Step::Pong(b"x".to_vec()), frame(0x80, b"y")]),
        ("a text within a text", vec![frame(0x01, b"["), frame(0x81, b"[]")]),
        ("a binary within a text", vec![frame(0x01, b"["), frame(0x82, b"[]")]),
        ("a text within a binary", vec![frame(0x02, b"["), frame(0x01, b"[]")]),
        ("a binary within a binary", vec![frame(0x02, b"["), frame(0x02, b"[]")]),
        ("a continuation behind the last", vec![frame(0x89, b""), Step::Pong(vec![]), frame(0x00, b"")]),
        ("half a code at the end", vec![frame(0x88, &[0x03])]),
    ];
    let mut cases = Vec::new();
    for (name, steps) in rows {
        for joined in [false, true] {
            let before = if joined { vec![Step::Enter("realm1")] } else { vec![] };
            let steps = [before, steps.clone(), vec![Step::Closed(1002)]].concat();
            let place = if joined { "in a session" } else { "at first" };
            cases.push(case(format!("{name}, {place}"), super::THREE_WEB_SOCKETS[cases.len() % 2], steps));
        }
    }
    cases
}

/// Texts that are no UTF-8, in one frame and in fragments; and frames of the other kind.
fn texts() -> Vec<Case> {
    let mut cases = Vec::new();
    let broken: [(&str, &[u8]); 7] = [
        ("a lone continuation octet", b"[\"\x80\"]"),
        ("an octet that never is", b"[\"\xff\"]"),
        ("an overlong character", b"[\"\xc0\xaf\"]"),
        ("a surrogate", b"[\"\xed\xa0\x80\"]"),
        ("beyond the last character", b"[\"\xf4\x90\x80\x80\"]"),
        ("a character that is cut off", b"[\"\xe2\x82"),
        ("a character without its last octet", b"[\"\xf0\x9f\x98\"]"),
    ];
    for (name, text) in broken {
        let joined = || Step::Enter("realm1");
        let closed = Step::Closed(1007);
        cases.push(case(format!("{name}, in one frame"), TEXT, vec![joined(), frame(0x81, text), closed.clone()]));
        for split in 1..text.len() {
            let (first, second) = text.split_at(split);
            let steps = vec![joined(), frame(0x01, first), frame(0x80, second), closed.clone()];
            cases.push(case(format!("{name}, split at {split}"), TEXT, steps));
        }
    }
    // The transport is fine, and the session is not.
    let joined = || vec![Step::Enter("realm1")];
    for (name, steps) in
        [("a binary frame", vec![frame(0x82, CALL)]), ("binary fragments", vec![frame(2, b"["), frame(0x80, b"]")])]
    {
        cases.push(case(format!("{name} for a text"), TEXT, [joined(), steps.clone(), violation()].concat()));
        cases.push(case(format!("{name} for a text, at first"), TEXT, [steps, violation()].concat()));
    }
    for (name, steps) in
        [("a text frame", vec![frame(0x81, CALL)]), ("text fragments", vec![frame(1, b"["), frame(0x80, b"]")])]
    {
        cases.push(case(format!("{name} for binary"), BINARY, [joined(), steps.clone(), violation()].concat()));
        cases.push(case(format!("{name} for binary, at first"), BINARY, [steps, violation()].concat()));
    }
    for state in [joined(), vec![]] {
        cases.push(case("an empty text", TEXT, [state.clone(), vec![frame(0x81, b"")], violation()].concat()));
        cases.push(case("an empty binary", BINARY, [state, vec![frame(0x82, b"")], violation()].concat()));
    }
    cases
}

/// What is strange, and allowed.
fn taken() -> Vec<Case> {
    let joined = || Step::Enter("realm1");
    let result = || hear(json!([50, 7, {}, [5]]));
    let euro = r#"[48,7,{},"large",[1],{"€😀":1}]"#.as_bytes();
    let refused = || crate::script::error(48, 7, "wamp.error.invalid_argument");
    let (first, second) = CALL.split_at(9);
    let one_by_one = |text: &[u8]| {
        let (last, rest) = text.split_last().unwrap();
        let mut steps = vec![joined(), frame(0x01, &rest[..1])];
        steps.extend(rest[1..].iter().map(|octet| frame(0x00, &[*octet])));
        steps.push(frame(FINAL, &[*last]));
        steps
    };
    let ping = || vec![frame(0x89, b"hello"), Step::Pong(b"hello".to_vec())];
    let mut rows = vec![
        ("fragments", vec![joined(), frame(1, first), frame(0x80, second), result()]),
        (
            "empty fragments",
            vec![joined(), frame(1, b""), frame(0, b""), frame(0, CALL), frame(0, b""), frame(0x80, b""), result()],
        ),
        (
            "a ping between fragments",
            [vec![joined(), frame(1, first)], ping(), vec![frame(0x80, second), result()]].concat(),
        ),
        ("pongs that nobody asked for", vec![joined(), frame(0x8a, b""), frame(0x8a, &[0; 125]), Step::Served]),
        ("a ping of 125 octets", vec![joined(), frame(0x89, &[7; 125]), Step::Pong(vec![7; 125]), Step::Served]),
        ("a ping before HELLO", [ping(), vec![joined(), Step::Served]].concat()),
        ("a mask of zeros", vec![joined(), masked(0x81, CALL, [0; 4]), result()]),
        (
            "a length in more octets than it needs",
            vec![
                joined(),
                Step::Octets([&[0x81, 0xff, 0, 0, 0, 0, 0, 0, 0, CALL.len() as u8, 0, 0, 0, 0][..], CALL].concat()),
                result(),
            ],
        ),
        ("white space around a message", vec![joined(), frame(0x81, b" \n[48 , 7,\t{},\"add\",[2,3]]\r\n "), result()]),
        ("every fragment an octet", [one_by_one(CALL), vec![result()]].concat()),
        ("characters split between fragments", [one_by_one(euro), vec![refused(), Step::Served]].concat()),
    ];
    for split in 1..euro.len() {
        let steps = vec![joined(), frame(1, &euro[..split]), frame(0x80, &euro[split..]), refused(), Step::Served];
        rows.push(("a character split between two fragments", steps));
    }
    let on: &[Serializer] = &[Json];
    let cases = rows.into_iter().map(|(name, steps)| case(name, on, steps));
    let pings = (0..100).flat_map(|number| vec![frame(0x89, &[number]), Step::Pong(vec![number])]);
    cases
        .chain([case(
            "pings in each codec",
            WEB_SOCKET,
            [vec![joined()], pings.collect(), vec![Step::Served]].concat(),
        )])
        .collect()
}

/// How clients close: with which code they are answered. Section 7.4.
fn closes() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut row = |name: String, payload: &[u8], code: u16| {
        for before in [vec![], vec![Step::Enter("realm1")]] {
            let steps = [before, vec![frame(0x88, payload), Step::Closed(code)]].concat();
            cases.push(case(name.clone(), super::THREE_WEB_SOCKETS[cases.len() % 2], steps));
        }
    };
    for code in [1000_u16, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999] {
        row(format!("closed with {code}"), &code.to_be_bytes(), code);
    }
    for code in [0_u16, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
        row(format!("closed with {code}, which nobody may send"), &code.to_be_bytes(), 1002);
    }
    row("closed with a reason".to_owned(), b"\x03\xe8bye", 1000);
    row("closed with a reason that is no text".to_owned(), b"\x03\xe8\xff\xff", 1007);
    let empty = vec![Step::Enter("realm1"), frame(0x88, b""), Step::ClosedWithoutCode];
    cases.push(case("closed without a code", WEB_SOCKET, empty));
    let behind = vec![Step::Enter("realm1"), frame(0x88, &[0x03, 0xe8]), frame(0x81, CALL), Step::Closed(1000)];
    cases.push(case("a message behind the close", TEXT, behind));
    let within = vec![Step::Enter("realm1"), frame(1, b"["), frame(0x88, &[0x03, 0xe8]), Step::Closed(1000)];
    cases.push(case("a close between fragments", TEXT, within));
    cases
}

fn raw_sockets() -> Vec<Case> {
    let joined = || Step::Enter("realm1");
    let mut cases = Vec::new();
    for first in [0x03_u8, 0x04, 0x05, 0x06, 0x07, 0x0b, 0x0f, 0x10, 0x20, 0x40, 0x80, 0x81, 0xf0, 0xff, 0x18] {
        for before in [vec![], vec![joined()]] {
            let steps = [before, vec![octets(&[first, 0, 0, 1, b'x']), Step::Lost]].concat();
            cases.push(case(format!("a RawSocket frame of type {first:#04x}"), RAW_SOCKET, steps));
        }
    }
    for head in [[0x08, 0, 0, 1], [0x0a, 0, 0, 1]] {
        cases.push(case(
            format!("a length above 2^24: {head:02x?}"),
            RAW_SOCKET,
            vec![joined(), octets(&head), Step::Lost],
        ));
    }
    let ping = |payload: &[u8]| {
        vec![octets(&[&[1, 0, 0, payload.len() as u8][..], payload].concat()), Step::Pong(payload.to_vec())]
    };
    cases.push(case(
        "a RawSocket ping",
        RAW_SOCKET,
        [ping(b""), vec![joined()], ping(b"hello"), ping(&[0; 255]), vec![Step::Served]].concat(),
    ));
    let pongs = vec![joined(), octets(&[2, 0, 0, 0]), octets(&[2, 0, 0, 2, 1, 2]), Step::Served];
    cases.push(case("RawSocket pongs that nobody asked for", RAW_SOCKET, pongs));
    for before in [vec![], vec![joined()]] {
        let steps = [before, vec![octets(&[0, 0, 0, 0])], violation()].concat();
        cases.push(case("an empty RawSocket frame", RAW_SOCKET, steps));
    }
    let http = vec![octets(b"GET /ws HTTP/1.1\r\nHost: localhost\r\n\r\n"), Step::Lost];
    cases.push(case("HTTP behind the handshake of RawSocket", RAW_SOCKET, http));
    cases
}

fn batches() -> Vec<Case> {
    const PREFIXED: &[Serializer] = &[MessagePackBatched, CborBatched];
    const JSON: &[Serializer] = &[JsonBatched];
    let joined = || vec![Step::Enter("realm1")];
    let call = |id: u64| json!([48, id, {}, "add", [2, 3]]);
    let mut cases = Vec::new();
    let prefixed: [(&str, &[u8]); 6] = [
        ("a length that is cut off", &[0, 0, 0]),
        ("a length beyond the frame", &[0, 0, 0, 2, 0x90]),
        ("the largest length", &[0xff, 0xff, 0xff, 0xff, 0x90]),
        ("an empty message", &[0, 0, 0, 0]),
        ("an empty list", &[0, 0, 0, 1, 0x90]),
        ("octets behind the last message", &[0, 0, 0, 1, 0x90, 0]),
    ];
    for (name, payload) in prefixed {
        cases.push(case(name, PREFIXED, [joined(), vec![Step::Frame(payload.to_vec())], violation()].concat()));
    }
    for payload in [&b"\x1e"[..], b"\x18", b"\x1e\x1e", b"[]\x1e", b"[48,1,{},\"add\",[2,3]]\x1e\x1e[]\x1e"] {
        let mut steps = [joined(), vec![Step::Frame(payload.to_vec())]].concat();
        if payload.starts_with(b"[48") {
            steps.push(hear(json!([50, 1, {}, [5]])));
        }
        cases.push(case(
            format!("the batch {:?}", String::from_utf8_lossy(payload)),
            JSON,
            [steps, violation()].concat(),
        ));
    }
    let all = &[JsonBatched, MessagePackBatched, CborBatched];
    let first_ones =
        |last| [joined(), vec![Step::SayAll(vec![call(1), last, call(2)]), hear(json!([50, 1, {}, [5]]))]].concat();
    cases.push(case("a violation within a batch", all, [first_ones(json!([48, 0, {}, "add"])), violation()].concat()));
    cases.push(case(
        "ABORT within a batch",
        all,
        [first_ones(json!([3, {}, "my.reason"])), vec![Step::Closed(1000)]].concat(),
    ));
    let refusal = first_ones(json!([48, 3, {}, "no uri"]));
    let rest = vec![crate::script::error(48, 3, "wamp.error.invalid_uri"), hear(json!([50, 2, {}, [5]]))];
    cases.push(case("a refusal within a batch", all, [refusal, rest].concat()));
    let calls = (1..=1000).map(call).collect();
    let results = (1..=1000).map(|id| hear(json!([50, id, {}, [5]]))).collect();
    cases.push(case("a thousand calls in one batch", all, [joined(), vec![Step::SayAll(calls)], results].concat()));
    cases.push(case(
        "a batch of HELLOs",
        all,
        [vec![Step::SayAll(vec![crate::script::hello("realm1"); 2]), hear(json!([2, "…", "…"]))], violation()].concat(),
    ));
    cases.push(case(
        "HELLO within a batch",
        all,
        vec![
            Step::SayAll(vec![
                crate::script::hello("realm1"),
                call(1),
                json!([6, {}, "my.reason"]),
                crate::script::hello("realm1"),
                call(1),
            ]),
            hear(json!([2, "…", "…"])),
            hear(json!([50, 1, {}, [5]])),
            hear(json!([6, {}, "wamp.close.goodbye_and_out"])),
            hear(json!([2, "…", "…"])),
            hear(json!([50, 1, {}, [5]])),
            say(call(2)),
            hear(json!([50, 2, {}, [5]])),
        ],
    ));
    cases
}
