//! What the Autobahn test suite asks of a WebSocket server, by the numbers of its cases: its strict results, without its
//! waits. `tests/autobahn/run` runs the suite itself.

use std::net::SocketAddr;

use serverwamp::{Limits, testing};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::PATIENCE;

const MESSAGE_SIZE: usize = 1 << 20;

const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;
/// Of a message in fragments.
const FIRST_TEXT: u8 = 0x01;
const FIRST_BINARY: u8 = 0x02;
const NEXT: u8 = 0x00;
const LAST: u8 = 0x80;

/// A frame: its first octet, and what it holds.
type Frame = (u8, Vec<u8>);

fn frame(first: u8, payload: impl AsRef<[u8]>) -> Frame {
    (first, payload.as_ref().to_vec())
}

fn closing(code: u16) -> Frame {
    frame(CLOSE, code.to_be_bytes())
}

/// A frame as a client sends it.
fn masked((first, payload): &Frame) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut octets = vec![*first];
    match payload.len() {
        length @ ..126 => octets.push(0x80 | length as u8),
        length @ ..0x1_0000 => {
            octets.push(0x80 | 126);
            octets.extend((length as u16).to_be_bytes());
        }
        length => {
            octets.push(0x80 | 127);
            octets.extend((length as u64).to_be_bytes());
        }
    }
    octets.extend(mask);
    octets.extend(payload.iter().zip(mask.iter().cycle()).map(|(octet, mask)| octet ^ mask));
    octets
}

/// All the frames that a server has sent.
fn frames(mut octets: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    while let [first, length, rest @ ..] = octets {
        let (length, rest) = match *length {
            126 => (usize::from(u16::from_be_bytes(rest[..2].try_into().unwrap())), &rest[2..]),
            127 => (u64::from_be_bytes(rest[..8].try_into().unwrap()).try_into().unwrap(), &rest[8..]),
            length => (usize::from(length), rest),
        };
        frames.push(frame(*first, &rest[..length]));
        octets = &rest[length..];
    }
    assert!(octets.is_empty());
    frames
}

async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let limits = Limits { message_size: MESSAGE_SIZE, ..Limits::default() };
    tokio::spawn(testing::echo_web_sockets(listener, limits));
    address
}

async fn open(address: SocketAddr) -> TcpStream {
    let mut stream = super::line::tcp(address).await;
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        assert!(stream.read_buf(&mut answer).await.unwrap() > 0);
    }
    assert!(answer.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&answer));
    stream
}

/// Sends octets in pieces and returns what comes until the server ends the connection, which the client does not.
async fn converse(address: SocketAddr, octets: &[u8], piece: usize) -> Vec<Frame> {
    let (mut input, mut output) = open(address).await.into_split();
    let sending = async {
        for piece in octets.chunks(piece) {
            // A server that has closed need not take what follows.
            if output.write_all(piece).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    let mut answer = Vec::new();
    let receiving = async {
        // What was still on its way to a server that is gone may cost its last octets a reset, never a frame before.
        let _ = input.read_to_end(&mut answer).await;
    };
    let conversation = async { tokio::join!(sending, receiving) };
    tokio::time::timeout(PATIENCE, conversation).await.expect("the server ends the connection");
    frames(&answer)
}

/// Sends frames as they are, and compares what comes.
async fn check(address: SocketAddr, case: &str, sent: &[Frame], expected: &[Frame]) {
    let octets: Vec<u8> = sent.iter().flat_map(masked).collect();
    for piece in [1, 997, octets.len()] {
        if octets.len() / piece > 2000 {
            continue;
        }
        let got = converse(address, &octets, piece).await;
        assert!(got == expected, "case {case} in pieces of {piece}:\n     got {got:x?}\nexpected {expected:x?}");
    }
}

/// The frames are answered by these; then the client closes, and the server with it.
async fn passes(address: SocketAddr, case: &str, sent: &[Frame], expected: &[Frame]) {
    let end = [closing(1000)];
    check(address, case, &[sent, &end].concat(), &[expected, &end].concat()).await;
}

/// The frames are answered by these; then the server closes, at once, with this code.
async fn fails(address: SocketAddr, case: &str, sent: &[Frame], expected: &[Frame], code: u16) {
    check(address, case, sent, &[expected, &[closing(code)]].concat()).await;
}

#[tokio::test]
async fn framing_1_and_9() {
    let address = echo().await;
    for length in [0, 125, 126, 127, 128, 65_535, 65_536, MESSAGE_SIZE] {
        for (case, first, octet) in [("1.1", TEXT, b'*'), ("1.2", BINARY, 0xfe)] {
            let message = [frame(first, vec![octet; length])];
            passes(address, &format!("{case}, {length} octets"), &message, &message).await;
        }
    }
    // 9.3, 9.4: the same in fragments.
    for (first, whole, octet) in [(FIRST_TEXT, TEXT, b'*'), (FIRST_BINARY, BINARY, 0xfe)] {
        let part = || vec![octet; 4096];
        let mut sent = vec![frame(first, part())];
        sent.resize(63, frame(NEXT, part()));
        sent.push(frame(LAST, part()));
        passes(address, "9.3", &sent, &[frame(whole, vec![octet; 64 * 4096])]).await;
    }
    fails(address, "more than the limit", &[frame(BINARY, vec![0; MESSAGE_SIZE + 1])], &[], 1009).await;
}

#[tokio::test]
async fn pings_2() {
    let address = echo().await;
    let payload = |octets: &[u8]| (vec![frame(PING, octets)], vec![frame(PONG, octets)]);
    for (case, (sent, expected)) in [
        ("2.1", payload(b"")),
        ("2.2", payload(b"Hello, world!")),
        ("2.3", payload(&[0, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0, 0xff])),
        ("2.4", payload(&[0xfe; 125])),
        ("2.7", (vec![frame(PONG, "")], vec![])),
        ("2.8", (vec![frame(PONG, "unsolicited pong payload")], vec![])),
        ("2.9", (vec![frame(PONG, "unsolicited"), frame(PING, "ping payload")], vec![frame(PONG, "ping payload")])),
        (
            "2.10",
            (
                (0..10).map(|n| frame(PING, format!("payload-{n}"))).collect(),
                (0..10).map(|n| frame(PONG, format!("payload-{n}"))).collect(),
            ),
        ),
    ] {
        passes(address, case, &sent, &expected).await;
    }
    fails(address, "2.5", &[frame(PING, [0xfe; 126])], &[], 1002).await;
}

#[tokio::test]
async fn reserved_bits_3_and_opcodes_4() {
    let address = echo().await;
    let hello = frame(TEXT, "Hello, world!");
    for bits in 1..8_u8 {
        for (first, payload) in [(TEXT, "a"), (BINARY, "a"), (PING, "a"), (CLOSE, "")] {
            let reserved = frame(first | bits << 4, payload);
            let case = format!("3.{bits}");
            fails(address, &case, std::slice::from_ref(&reserved), &[], 1002).await;
            let sent = [hello.clone(), reserved, frame(PING, "")];
            fails(address, &case, &sent, std::slice::from_ref(&hello), 1002).await;
        }
    }
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        for payload in ["", "reserved opcode payload"] {
            let reserved = frame(0x80 | opcode, payload);
            let case = format!("4, opcode {opcode}");
            fails(address, &case, std::slice::from_ref(&reserved), &[], 1002).await;
            let sent = [hello.clone(), reserved, frame(PING, "")];
            fails(address, &case, &sent, std::slice::from_ref(&hello), 1002).await;
        }
    }
}

#[tokio::test]
async fn fragments_5() {
    let address = echo().await;
    let whole = || vec![frame(TEXT, "fragment1fragment2")];
    let (one, two) = (frame(FIRST_TEXT, "fragment1"), frame(LAST, "fragment2"));
    let (ping, pong) = (frame(PING, "ping payload"), frame(PONG, "ping payload"));
    passes(address, "5.3", &[one.clone(), two.clone()], &whole()).await;
    let answer = [vec![pong.clone()], whole()].concat();
    passes(address, "5.6", &[one.clone(), ping.clone(), two.clone()], &answer).await;
    let five = |n: u8| frame([FIRST_TEXT, NEXT, NEXT, NEXT, LAST][usize::from(n) - 1], format!("fragment{n}"));
    let sent = [five(1), five(2), ping.clone(), five(3), five(4), ping.clone(), five(5)];
    let message = frame(TEXT, "fragment1fragment2fragment3fragment4fragment5");
    passes(address, "5.19", &sent, &[pong.clone(), pong, message]).await;

    for (case, sent) in [
        ("5.1", vec![frame(PING & !0x80, "fragment1"), frame(LAST, "fragment2")]),
        ("5.2", vec![frame(PONG & !0x80, "fragment1"), frame(LAST, "fragment2")]),
        ("5.9", vec![frame(LAST, "non-continuation payload"), frame(TEXT, "Hello, world!")]),
        ("5.12", vec![frame(NEXT, "non-continuation payload"), frame(TEXT, "Hello, world!")]),
        ("5.18", vec![one.clone(), frame(TEXT, "fragment2")]),
        ("5.18, binary", vec![one, frame(FIRST_BINARY, "fragment2")]),
    ] {
        fails(address, case, &sent, &[], 1002).await;
    }
    let sent = [five(1), frame(LAST, "fragment2"), frame(NEXT, "fragment3"), frame(TEXT, "fragment4")];
    fails(address, "5.15", &sent, &whole(), 1002).await;
}

#[tokio::test]
async fn utf_8_6() {
    let address = echo().await;
    let texts: [&[u8]; 16] = [
        "Hello-µ@ßöäüàá-UTF-8!!".as_bytes(),
        "κόσμε".as_bytes(),
        b"\0",
        "\u{80}\u{7ff}\u{800}\u{ffff}\u{10000}\u{10ffff}".as_bytes(),
        b"\xed\x9f\xbf",
        b"\xee\x80\x80",
        b"\xef\xbf\xbd",
        b"\xf4\x8f\xbf\xbf",
        b"\xef\xbf\xbe",
        b"\xef\xbf\xbf",
        b"\xf0\x9f\xbf\xbe",
        b"\xf0\x9f\xbf\xbf",
        b"\xf0\xaf\xbf\xbf",
        b"\xf4\x8f\xbf\xbe",
        b"\xf3\xbf\xbf\xbe",
        b"",
    ];
    for text in texts {
        passes(address, &format!("6.2, {text:x?}"), &[frame(TEXT, text)], &[frame(TEXT, text)]).await;
        // 6.2.3: each octet in a frame of its own.
        let octets = text.iter().map(|&octet| frame(NEXT, [octet]));
        let mut sent: Vec<_> = [frame(FIRST_TEXT, "")].into_iter().chain(octets).collect();
        sent.push(frame(LAST, ""));
        passes(address, &format!("6.2.3, {text:x?}"), &sent, &[frame(TEXT, text)]).await;
    }
    let others: [&[u8]; 20] = [
        b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
        b"\xf8\x88\x80\x80\x80",
        b"\xfc\x84\x80\x80\x80\x80",
        b"\xf7\xbf\xbf\xbf",
        b"\xfb\xbf\xbf\xbf\xbf",
        b"\xf4\x90\x80\x80",
        b"\x80",
        b"\xbf",
        b"\x80\xbf\x80",
        b"\xc0 \xc1 ",
        b"\xe0 \xe1 ",
        b"\xfe",
        b"\xff",
        b"\xfe\xfe\xff\xff",
        b"\xc0\xaf",
        b"\xe0\x80\xaf",
        b"\xf0\x80\x80\xaf",
        b"\xc1\xbf",
        b"\xed\xa0\x80",
        b"\xed\xad\xbf\xed\xbf\xbf",
    ];
    for octets in others {
        fails(address, &format!("6.3, {octets:x?}"), &[frame(TEXT, octets)], &[], 1007).await;
        // 6.4: at once, though the message goes on.
        let sent = [frame(FIRST_TEXT, "κόσμε"), frame(NEXT, octets)];
        fails(address, &format!("6.4, {octets:x?}"), &sent, &[], 1007).await;
        fails(address, &format!("6.4, {octets:x?}"), &[frame(FIRST_TEXT, octets)], &[], 1007).await;
    }
    // A character that never ends.
    for text in ["é", "€", "😀"] {
        let beginning = &text.as_bytes()[..text.len() - 1];
        fails(address, "6.6", &[frame(TEXT, beginning)], &[], 1007).await;
        fails(address, "6.6", &[frame(FIRST_TEXT, beginning), frame(LAST, "")], &[], 1007).await;
    }
}

#[tokio::test]
async fn ends_7() {
    let address = echo().await;
    let (hello, bye) = (frame(TEXT, "Hello World!"), closing(1000));
    check(address, "7.1.1", &[hello.clone(), bye.clone()], &[hello.clone(), bye.clone()]).await;
    for (case, after) in [("7.1.2", bye.clone()), ("7.1.3", frame(PING, "")), ("7.1.4", hello.clone())] {
        check(address, case, &[bye.clone(), after], std::slice::from_ref(&bye)).await;
    }
    let sent = [frame(FIRST_TEXT, "fragment1"), bye.clone(), frame(LAST, "fragment2")];
    check(address, "7.1.5", &sent, std::slice::from_ref(&bye)).await;

    check(address, "7.3.1", &[frame(CLOSE, "")], &[frame(CLOSE, "")]).await;
    fails(address, "7.3.2", &[frame(CLOSE, "a")], &[], 1002).await;
    let reason = |length| frame(CLOSE, [&1000_u16.to_be_bytes()[..], &vec![b'*'; length]].concat());
    check(address, "7.3.4", &[reason(11)], std::slice::from_ref(&bye)).await;
    check(address, "7.3.5", &[reason(123)], std::slice::from_ref(&bye)).await;
    fails(address, "7.3.6", &[reason(124)], &[], 1002).await;
    fails(address, "7.5.1", &[frame(CLOSE, b"\x03\xe8\xce\xba\xed\xa0\x80")], &[], 1007).await;
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999] {
        check(address, &format!("7.7, {code}"), &[closing(code)], &[closing(code)]).await;
    }
    for code in [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65_535] {
        fails(address, &format!("7.9, {code}"), &[closing(code)], &[], 1002).await;
    }
}
