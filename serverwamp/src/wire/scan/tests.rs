use super::*;

const LIMITS: ScanLimits = ScanLimits { depth: 64, nodes: 1000 };

fn call_arguments(code: u64) -> Option<usize> {
    (code == 48).then_some(4)
}

fn check(codec: Codec, message: &[u8], elements: &[&[u8]], args: &[&[u8]], kwargs: &[(&[u8], &[u8])]) {
    let mut scanned = Scanned::new();
    scan_message(codec, message, LIMITS, call_arguments, &mut scanned).unwrap();
    assert_eq!(scanned.elements().iter().map(|element| element.span.of(message)).collect::<Vec<_>>(), elements);
    assert_eq!(scanned.slots.args.iter().map(|span| span.of(message)).collect::<Vec<_>>(), args);
    let found = scanned.slots.kwargs.iter().map(|(key, value)| (key.of(message), value.of(message)));
    assert_eq!(found.collect::<Vec<_>>(), kwargs);
}

#[test]
fn finds_slots() {
    check(
        Codec::Json,
        br#" [ 48 , 1, {}, "math.add", [2, [3] ], {"a" : 1, "b":"x"} ] "#,
        &[b"48", b"1", b"{}", br#""math.add""#, b"[2, [3] ]", br#"{"a" : 1, "b":"x"}"#],
        &[b"2", b"[3]"],
        &[(br#""a""#, b"1"), (br#""b""#, br#""x""#)],
    );
    check(
        Codec::MessagePack,
        b"\x96\x30\x01\x80\xa1p\x92\x02\x91\x03\x81\xa1a\xc0",
        &[b"\x30", b"\x01", b"\x80", b"\xa1p", b"\x92\x02\x91\x03", b"\x81\xa1a\xc0"],
        &[b"\x02", b"\x91\x03"],
        &[(b"\xa1a", b"\xc0")],
    );
    check(
        Codec::Cbor,
        b"\x9f\x18\x30\x01\xa0\x61p\x9f\x02\x81\x03\xff\xbf\x61a\xc2\x41\x01\xff\xff",
        &[b"\x18\x30", b"\x01", b"\xa0", b"\x61p", b"\x9f\x02\x81\x03\xff", b"\xbf\x61a\xc2\x41\x01\xff"],
        &[b"\x02", b"\x81\x03"],
        &[(b"\x61a", b"\xc2\x41\x01")],
    );
}
