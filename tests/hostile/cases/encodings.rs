//! Octets that are no message in their codec, or only look like a large one. RFC 8259, MessagePack, RFC 8949.

use serde_json::json;
use serverwamp_tests::Serializer::{self, *};

use crate::script::{Case, Step, case, error, hear, violation};

const JSON: &[Serializer] = &[Json, RawSocketJson];
const MESSAGE_PACK: &[Serializer] = &[MessagePack, RawSocketMessagePack];
const CBOR: &[Serializer] = &[Cbor, RawSocketCbor];

/// What must come of octets in a session of `realm1`.
#[derive(Clone, Copy)]
enum Outcome {
    Violation,
    /// The ERROR with this URI for request 7, and the session goes on.
    Error(&'static str),
    /// The result of adding 2 and 3, as request 7.
    Five,
}

use Outcome::{Error, Five, Violation};

const ARGUMENT: Outcome = Error("wamp.error.invalid_argument");

fn steps(octets: Vec<u8>, outcome: Outcome) -> Vec<Step> {
    let before = vec![Step::Enter("realm1"), Step::Frame(octets)];
    let after = match outcome {
        Violation => violation(),
        Error(uri) => vec![error(48, 7, uri), Step::Served],
        Five => vec![hear(json!([50, 7, {}, [5]])), Step::Served],
    };
    [before, after].concat()
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (on, rows) in [(JSON, json_rows()), (MESSAGE_PACK, message_pack_rows()), (CBOR, cbor_rows())] {
        for (octets, outcome) in rows {
            let name: String = octets.escape_ascii().to_string().chars().take(100).collect();
            cases.push(case(format!("{} octets: {name}", octets.len()), on, steps(octets.clone(), outcome)));
            if matches!(outcome, Violation) {
                let first = [vec![Step::Frame(octets)], violation()].concat();
                cases.push(case(format!("at first: {name}"), on, first));
            }
        }
    }
    cases
}

fn json_rows() -> Vec<(Vec<u8>, Outcome)> {
    let text = |text: &str, outcome| (text.as_bytes().to_vec(), outcome);
    let mut rows = vec![
        text("", Violation),
        text(" ", Violation),
        text("{not json", Violation),
        text("nul", Violation),
        text("[48,7,{},\"add\",[2,3]", Violation),
        text("[48,7,{},\"add\",[2,3]]]", Violation),
        text("[48,7,{},\"add\",[2,3]][]", Violation),
        text("[48,7,{},\"add\",[2,3],]", Violation),
        text("[48,7,{},\"add\",[2,,3]]", Violation),
        text("[48 7,{},\"add\",[2,3]]", Violation),
        text("[48,7,{},'add',[2,3]]", Violation),
        text("[48,7,{a:1},\"add\",[2,3]]", Violation),
        text("[48,7,{\"a\"},\"add\",[2,3]]", Violation),
        text("[48,7,{\"a\":1,},\"add\",[2,3]]", Violation),
        text("[48,7,{1:1},\"add\",[2,3]]", Violation),
        text("[48,07,{},\"add\",[2,3]]", Violation),
        text("[48,+7,{},\"add\",[2,3]]", Violation),
        text("[48,0x7,{},\"add\",[2,3]]", Violation),
        text("[48,7,{},\"add\",[2,3.]]", Violation),
        text("[48,7,{},\"add\",[2,.3]]", Violation),
        text("[48,7,{},\"add\",[2,3e]]", Violation),
        text("[48,7,{},\"add\",[2,-]]", Violation),
        text("[48,7,{},\"add\",[2,--3]]", Violation),
        text("[48,7,{},\"add\",[2,NaN]]", Violation),
        text("[48,7,{},\"add\",[2,Infinity]]", Violation),
        text("[48,7,{},\"add\",[2,True]]", Violation),
        text("[48,7,{},\"add\",[2,3]]//", Violation),
        text("[48,7,{},\"add\",/**/[2,3]]", Violation),
        text("\u{feff}[48,7,{},\"add\",[2,3]]", Violation),
        text("[48,7,{},\"add\",[2,\"\u{1}\"]]", Violation),
        text("[48,7,{},\"add\",[2,\"\n\"]]", Violation),
        text("[48,7,{},\"add\",[2,\"\\x41\"]]", Violation),
        text("[48,7,{},\"add\",[2,\"\\u12\"]]", Violation),
        text("[48,7,{},\"add\",[2,\"\\ud800\"]]", Violation),
        text("[48,7,{},\"add\",[2,\"\\udc00\"]]", Violation),
        text("[48,7,{},\"add\",[2,\"\\ud800\\ud800\"]]", Violation),
        text("[48,7,{},\"add\",[2,\"\\ud800x\"]]", Violation),
        text("[48,7,{},\"add\",[2,\"\\", Violation),
        text("[48,7,{},\"add\u{0}\",[2,3]]", Violation),
        text("\u{0}[48,7,{},\"add\",[2,3]]", Violation),
        text("[48,7,{},\"add\",[2,3]]\u{0}", Violation),
        // A digit with a nought behind the comma is an integer all the same; so is a power of ten.
        text("[4.8e1,0.7e1,{},\"add\",[20e-1,3.0]]", Five),
        text("[48,7,{},\"\\u0061dd\",[2,3]]", Five),
        text("\t[ 48 ,\r7,\n{ } , \"add\" , [ 2 , 3 ] , { } ] ", Five),
        text("[48,7,{},\"add\",[2],{\"b\":3}]", Five),
        text("[48,7,{},\"add\",[2,1e999]]", ARGUMENT),
        text("[48,7,{},\"add\",[2,1e-999]]", ARGUMENT),
        text("[48,7,{},\"add\",[2,99999999999999999999999999999999999999999999]]", ARGUMENT),
        text("[48,7,{},\"add\",[2,9223372036854775808]]", ARGUMENT),
        text("[48,7,{},\"add\",[2],{\"b\":3,\"b\":4}]", ARGUMENT),
        text("[48,7,{},\"add\",[2,3],{\"b\":3}]", ARGUMENT),
        text("[48,7,{},\"add\",[2,3],{\"\":3}]", ARGUMENT),
        text("[48,7,{},\"add\",[2,\"\\u0000AA\"]]", ARGUMENT),
        text("[48,7,{},\"add\",[2,\"\\u0000no base64!\"]]", ARGUMENT),
        text("[48,1e999,{},\"add\",[2,3]]", Violation),
        text("[48,99999999999999999999999999999999999999999999,{},\"add\",[2,3]]", Violation),
        text("[48,7,{\"timeout\":1,\"timeout\":1},\"add\",[2,3]]", Violation),
    ];
    rows.push((b"[48,7,{},\"add\",[2,".to_vec(), Violation));
    // Which request that is has been read before it gets too deep.
    rows.push(([b"[48,7,{},\"add\",", &[b'['; 20_000][..]].concat(), ARGUMENT));
    rows.push(([b"[48,7,{},\"add\",", "{\"a\":".repeat(5_000).as_bytes()].concat(), ARGUMENT));
    rows.push((vec![b'['; 4_000], Violation));
    rows.push((vec![b'{'; 4_000], Violation));
    rows.push((vec![b']'; 100], Violation));
    rows.push((format!("[48,7,{{}},\"add\",[2,{}]]", "9".repeat(20_000)).into_bytes(), ARGUMENT));
    rows.push((format!("[48,7,{{}},\"add\",[2,0.{}1]]", "0".repeat(20_000)).into_bytes(), ARGUMENT));
    rows.push((format!("[48,7,{{}},\"add\",[2,1e{}]]", "9".repeat(20_000)).into_bytes(), ARGUMENT));
    rows.push((format!("[48,{}7,{{}},\"add\",[2,3]]", " ".repeat(20_000)).into_bytes(), Five));
    rows
}

/// CALL `add` as request 7, up to its arguments.
const PACKED: &[u8] = b"\x95\x30\x07\x80\xa3add";

fn message_pack_rows() -> Vec<(Vec<u8>, Outcome)> {
    let call = |arguments: &[u8], outcome| ([PACKED, arguments].concat(), outcome);
    let whole = |octets: &[u8], outcome| (octets.to_vec(), outcome);
    let mut rows = vec![
        whole(b"", Violation),
        whole(b"\xc1", Violation),
        whole(b"\x90", Violation),
        whole(b"\xdc\x00\x00", Violation),
        whole(b"\x95", Violation),
        whole(b"\xdc", Violation),
        whole(b"\xdd\xff\xff\xff\xff", Violation),
        whole(b"\xdf\xff\xff\xff\xff", Violation),
        whole(b"\xdd\xff\xff\xff\xff\x30\x07", Violation),
        whole(b"\x93\x30\x07\xc1", Violation),
        whole(b"\x94\x30\x07\x81\x01\x01\xa3add", Violation),
        whole(b"\x94\x30\x07\x81\xc0\x01\xa3add", Violation),
        whole(b"\x94\x30\x07\x81\x90\x01\xa3add", Violation),
        whole(b"\x94\x30\x07\x80\xc4\x03add", Violation),
        whole(b"\x94\x30\x07\x80\xd9\xff", Violation),
        whole(b"\x94\x30\x07\x80\xdb\xff\xff\xff\xffadd", Violation),
        whole(b"\x94\x30\x07\x80\xa3a\xffd", Violation),
        call(b"\x92\x02\x03\x00", Violation),
        call(b"\x92\x02", Violation),
        call(b"\x92\x02\xa1\xff", Violation),
        call(b"\x92\x02\xa1\xc0", Violation),
        call(b"\x92\x02\xa3\xed\xa0\x80", Violation),
        call(b"\x92\x02\xd9\x02\xc3", Violation),
        call(b"\x92\x02\xda\xff\xff", Violation),
        call(b"\x92\x02\xdb\xff\xff\xff\xff", Violation),
        call(b"\x92\x02\xc6\xff\xff\xff\xff", Violation),
        call(b"\x92\x02\xc9\xff\xff\xff\xff\x01", Violation),
        call(b"\x92\x02\xd8\x01", Violation),
        call(b"\x92\x02\xcf\x00", Violation),
        call(b"\x92\x02\xcb\x00", Violation),
        call(b"\x92\x02\xc1", Violation),
        // There cannot be as many as it says: nothing follows.
        call(b"\xdd\xff\xff\xff\xff", Violation),
        call(b"\x92\x02\xdd\xff\xff\xff\xff", Violation),
        call(b"\x92\x02\xdf\xff\xff\xff\xff", Violation),
        call(b"\x92\x02\xc0", ARGUMENT),
        call(b"\x92\x02\xd4\x05\x00", ARGUMENT),
        call(b"\x92\x02\xc7\x00\x05", ARGUMENT),
        call(b"\x92\x02\xc4\x00", ARGUMENT),
        call(b"\x92\x02\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00", ARGUMENT),
        call(b"\x92\x02\xcf\xff\xff\xff\xff\xff\xff\xff\xff", ARGUMENT),
        call(b"\x92\x02\xcb\x40\x08\x00\x00\x00\x00\x00\x00", Five),
        call(b"\x92\x02\xca\x40\x40\x00\x00", Five),
        call(b"\x92\xd3\x00\x00\x00\x00\x00\x00\x00\x02\xce\x00\x00\x00\x03", Five),
        call(b"\xdd\x00\x00\x00\x02\x02\x03", Five),
        whole(b"\xdd\x00\x00\x00\x05\xcc\x30\xcf\x00\x00\x00\x00\x00\x00\x00\x07\xde\x00\x00\xdb\x00\x00\x00\x03add\x92\x02\x03", Five),
        whole(b"\x95\xcb\x40\x48\x00\x00\x00\x00\x00\x00\x07\x80\xa3add\x92\x02\x03", Five),
        whole(b"\x96\x30\x07\x80\xa3add\x91\x02\x81\xa1b\x03", Five),
        whole(b"\x96\x30\x07\x80\xa3add\x91\x02\x82\xa1b\x03\xa1b\x03", ARGUMENT),
        whole(b"\x96\x30\x07\x80\xa3add\x91\x02\x81\x01\x03", ARGUMENT),
        whole(b"\x95\x30\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00\x80\xa3add\x92\x02\x03", Violation),
        whole(b"\x95\x30\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00\x80\xa3add\x92\x02\x03", Violation),
        whole(b"\x95\x30\xd3\xff\xff\xff\xff\xff\xff\xff\xff\x80\xa3add\x92\x02\x03", Violation),
    ];
    rows.push(([PACKED, &[0x91; 20_000][..]].concat(), ARGUMENT));
    rows.push(([PACKED, &b"\x81\xa1a".repeat(5_000)[..]].concat(), ARGUMENT));
    rows.push((vec![0x91; 4_000], Violation));
    rows
}

/// The same in CBOR.
const CONCISE: &[u8] = b"\x85\x18\x30\x07\xa0\x63add";

fn cbor_rows() -> Vec<(Vec<u8>, Outcome)> {
    let call = |arguments: &[u8], outcome| ([CONCISE, arguments].concat(), outcome);
    let whole = |octets: &[u8], outcome| (octets.to_vec(), outcome);
    let mut rows = vec![
        whole(b"", Violation),
        whole(b"\x80", Violation),
        whole(b"\x9f\xff", Violation),
        whole(b"\xff", Violation),
        whole(b"\x9f", Violation),
        whole(b"\xbf", Violation),
        whole(b"\x85", Violation),
        whole(b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff", Violation),
        whole(b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff", Violation),
        whole(b"\x9c", Violation),
        whole(b"\x1c", Violation),
        whole(b"\x84\x18\x30\x07\xa1\x01\x01\x63add", Violation),
        whole(b"\x84\x18\x30\x07\xa1\xf6\x01\x63add", Violation),
        whole(b"\x84\x18\x30\x07\xbf\x61a\xff\x63add", Violation),
        whole(b"\x84\x18\x30\x07\xa0\x43add", Violation),
        whole(b"\x84\x18\x30\x07\xa0\x63a\xffd", Violation),
        whole(b"\x84\x18\x30\x07\xa0\x7b\xff\xff\xff\xff\xff\xff\xff\xffadd", Violation),
        call(b"\x82\x02\x03\x00", Violation),
        call(b"\x82\x02", Violation),
        call(b"\x82\x02\xff", Violation),
        call(b"\x9f\x02\x03", Violation),
        call(b"\x82\x02\x61\xff", Violation),
        call(b"\x82\x02\x63\xed\xa0\x80", Violation),
        // Each chunk of a text is one by itself.
        call(b"\x82\x02\x7f\x62\xe2\x82\x61\xac\xff", Violation),
        call(b"\x82\x02\x7f\x41a\xff", Violation),
        call(b"\x82\x02\x5f\x61a\xff", Violation),
        call(b"\x82\x02\x7f\x7f\x61a\xff\xff", Violation),
        call(b"\x82\x02\x7f\x61a", Violation),
        call(b"\x82\x02\x5b\xff\xff\xff\xff\xff\xff\xff\xff", Violation),
        call(b"\x82\x02\x7b\x7f\xff\xff\xff\xff\xff\xff\xff", Violation),
        call(b"\x82\x02\x9b\xff\xff\xff\xff\xff\xff\xff\xff", Violation),
        call(b"\x82\x02\xbb\xff\xff\xff\xff\xff\xff\xff\xff", Violation),
        call(b"\x82\x02\xbb\x80\x00\x00\x00\x00\x00\x00\x01", Violation),
        call(b"\x82\x02\x1f", Violation),
        call(b"\x82\x02\x3f", Violation),
        call(b"\x82\x02\xdf\x00", Violation),
        call(b"\x82\x02\xc1", Violation),
        call(b"\x82\x02\xf8\x00", Violation),
        call(b"\x82\x02\xf8\xff", Violation),
        call(b"\x82\x02\xe0", Violation),
        call(b"\x82\x02\xfc", Violation),
        call(b"\x82\x02\xfb\x00", Violation),
        call(b"\x82\x02\xf6", ARGUMENT),
        call(b"\x82\x02\xf7", ARGUMENT),
        call(b"\x82\x02\x40", ARGUMENT),
        call(b"\x82\x02\xf9\x7e\x00", ARGUMENT),
        call(b"\x82\x02\x1b\xff\xff\xff\xff\xff\xff\xff\xff", ARGUMENT),
        call(b"\x82\x02\x3b\xff\xff\xff\xff\xff\xff\xff\xff", ARGUMENT),
        call(b"\x82\x02\xc2\x58\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", ARGUMENT),
        call(b"\x82\x02\xf9\x42\x00", Five),
        call(b"\x82\x02\xfa\x40\x40\x00\x00", Five),
        call(b"\x82\x02\x1b\x00\x00\x00\x00\x00\x00\x00\x03", Five),
        call(b"\x9f\x02\x03\xff", Five),
        call(b"\x9b\x00\x00\x00\x00\x00\x00\x00\x02\x02\x03", Five),
        whole(b"\x9f\x18\x30\x07\xbf\xff\x7f\x61a\x62dd\xff\x9f\x02\x03\xff\xff", Five),
        whole(b"\x85\xfb\x40\x48\x00\x00\x00\x00\x00\x00\x07\xa0\x63add\x82\x02\x03", Five),
        whole(b"\x86\x18\x30\x07\xa0\x63add\x81\x02\xbf\x61b\x03\xff", Five),
        whole(b"\x86\x18\x30\x07\xa0\x63add\x81\x02\xa2\x61b\x03\x61b\x03", ARGUMENT),
        whole(b"\x86\x18\x30\x07\xa0\x63add\x81\x02\xa1\x01\x03", ARGUMENT),
        whole(b"\x85\x18\x30\xf9\x7e\x00\xa0\x63add\x82\x02\x03", Violation),
        whole(b"\x85\x18\x30\xf9\x7c\x00\xa0\x63add\x82\x02\x03", Violation),
        whole(b"\x85\x18\x30\x20\xa0\x63add\x82\x02\x03", Violation),
        whole(b"\x85\x18\x30\x3b\xff\xff\xff\xff\xff\xff\xff\xff\xa0\x63add\x82\x02\x03", Violation),
    ];
    rows.push(([CONCISE, &[0x81; 20_000][..]].concat(), ARGUMENT));
    rows.push(([CONCISE, &[0x9f; 20_000][..]].concat(), ARGUMENT));
    rows.push(([CONCISE, &[0xc1; 20_000][..]].concat(), ARGUMENT));
    rows.push(([CONCISE, &b"\xa1\x61a".repeat(5_000)[..]].concat(), ARGUMENT));
    rows.push(([CONCISE, b"\x82\x02\x7f", &[0x60; 20_000][..], b"\xff"].concat(), ARGUMENT));
    rows.push((vec![0x81; 4_000], Violation));
    rows.push((vec![0xc1; 4_000], Violation));
    rows
}
