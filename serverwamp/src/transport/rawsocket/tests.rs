use std::future::poll_fn;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::handshake::{Handshake, HandshakeError, NO_ROOM, accept, request};
use super::*;
use crate::transport::spare;
use crate::wire::{Codec, Subprotocol};

/// The published vectors.
fn vectors(section: &str) -> Vec<Value> {
    let all = include_str!("../../../../tests/vectors/transport/rawsocket.json");
    let all: Value = serde_json::from_str(all).unwrap();
    all[section].as_array().unwrap().clone()
}

fn octets(hexadecimal: &Value) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(hexadecimal.as_str().unwrap().as_bytes()).unwrap()
}

// ------------------------------------------------------------ the handshake

/// What the server answers, and what it makes of it.
async fn shake_hands(sent: &[u8], message_size: usize) -> (Vec<u8>, Result<Handshake, HandshakeError>) {
    let (mut ours, mut theirs) = duplex(64);
    theirs.write_all(sent).await.unwrap();
    let agreed = accept(&mut ours, Vec::new(), message_size).await;
    drop(ours);
    let mut answer = Vec::new();
    theirs.read_to_end(&mut answer).await.unwrap();
    (answer, agreed)
}

#[tokio::test]
async fn handshakes() {
    let vectors = vectors("handshake_ok");
    assert_eq!(vectors.len(), 80);
    for vector in vectors {
        let codec = match vector["serializer"].as_str().unwrap() {
            "json" => Some((1, Codec::Json)),
            "msgpack" => Some((2, Codec::MessagePack)),
            "cbor" => Some((3, Codec::Cbor)),
            _ => None,
        };
        let (answer, agreed) = shake_hands(&octets(&vector["octets"]), 1 << 20).await;
        match codec {
            Some((serializer, codec)) => {
                assert_eq!(answer, [0x7f, 0xb0 | serializer, 0, 0], "{vector}");
                let agreed = agreed.unwrap();
                assert_eq!(agreed.subprotocol, Subprotocol { codec, batched: false }, "{vector}");
                assert_eq!(agreed.peer_accepts as u64, vector["max_length"].as_u64().unwrap(), "{vector}");
                assert_eq!(agreed.announced, 1 << 20);
            }
            None => {
                assert_eq!(answer, [0x7f, 0x10, 0, 0], "{vector}");
                assert!(matches!(agreed, Err(HandshakeError::Refused(_))), "{vector}");
            }
        }
    }
}

#[tokio::test]
async fn refused_handshakes() {
    let errors: Vec<Vec<u8>> = vectors("handshake_error_replies").iter().map(|it| octets(&it["octets"])).collect();
    for (sent, error) in [
        // Serializers that there are not.
        ([0x7f, 0xf0, 0, 0], 1),
        ([0x7f, 0xf6, 0, 0], 1),
        ([0x7f, 0x0f, 0, 0], 1),
        // Reserved octets come first: what they mean could change the meaning of the rest.
        ([0x7f, 0xf1, 0, 1], 3),
        ([0x7f, 0xf1, 1, 0], 3),
        ([0x7f, 0xf1, 0xff, 0xff], 3),
        ([0x7f, 0xf0, 0x80, 0], 3),
    ] {
        let (answer, agreed) = shake_hands(&sent, 1 << 20).await;
        assert_eq!(answer, errors[error - 1], "{sent:02x?}");
        assert!(matches!(agreed, Err(HandshakeError::Refused(_))), "{sent:02x?}");
    }
    assert_eq!(NO_ROOM.as_slice(), errors[3]);
}

#[tokio::test]
async fn a_handshake_that_ends_early() {
    let (mut ours, mut theirs) = duplex(64);
    theirs.write_all(&[0x7f, 0xf1]).await.unwrap();
    theirs.shutdown().await.unwrap();
    assert!(matches!(accept(&mut ours, Vec::new(), 512).await, Err(HandshakeError::Incomplete)));
}

#[tokio::test]
async fn the_length_that_is_announced_is_never_more_than_is_accepted() {
    for (message_size, length) in [
        (0, 0),
        (511, 0),
        (512, 0),
        (1023, 0),
        (1024, 1),
        (64 * 1024 - 1, 6),
        (64 * 1024, 7),
        (1024 * 1024, 11),
        (1 << 24, 15),
        (1 << 25, 15),
        (usize::MAX, 15),
    ] {
        let (answer, agreed) = shake_hands(&[0x7f, 0x11, 0, 0], message_size).await;
        assert_eq!(answer, [0x7f, length << 4 | 1, 0, 0], "{message_size}");
        assert_eq!(agreed.unwrap().announced, 512 << length, "{message_size}");
    }
}

#[tokio::test]
async fn what_follows_the_handshake_is_kept() {
    let (mut ours, mut theirs) = duplex(64);
    // What the first octet was read with, and what comes later.
    theirs.write_all(&[0, 0, 0, 0, 0, 2, b'h', b'i']).await.unwrap();
    let agreed = accept(&mut ours, vec![0x7f, 0xf1], 1024).await.unwrap();
    let mut socket = RawSocket::new(ours, agreed, 1024);
    assert_eq!(frame(&mut socket).await, b"hi");
}

// ------------------------------------------------------------ frames

/// A server's end that accepts messages up to a size, and the octets of the other end.
fn open(accepted: usize) -> (RawSocket<DuplexStream>, DuplexStream) {
    let (ours, theirs) = duplex(64 * 1024);
    let subprotocol = Subprotocol { codec: Codec::Json, batched: false };
    let handshake = Handshake { subprotocol, peer_accepts: LARGEST, announced: LARGEST, rest: Vec::new() };
    (RawSocket::new(ours, handshake, accepted), theirs)
}

async fn receive(socket: &mut RawSocket<DuplexStream>) -> Received {
    poll_fn(|context| socket.poll_receive(context)).await
}

/// The next thing that is more than a sign of life.
async fn next(socket: &mut RawSocket<DuplexStream>) -> Received {
    loop {
        match receive(socket).await {
            Received::Control => {}
            received => return received,
        }
    }
}

async fn frame(socket: &mut RawSocket<DuplexStream>) -> Vec<u8> {
    match next(socket).await {
        Received::Frame(frame) => frame.to_vec(),
        received => panic!("expected a frame, got {received:?}"),
    }
}

async fn flush(socket: &mut RawSocket<DuplexStream>) {
    poll_fn(|context| socket.poll_flush(context)).await.unwrap();
}

#[test]
fn headers() {
    for vector in vectors("frame_prefixes") {
        let prefix = octets(&vector["prefix"]);
        let parsed = Header::parse(prefix.as_slice().try_into().unwrap());
        let kind = match vector["type"].as_str().unwrap() {
            "WAMP" => Kind::Message,
            "PING" => Kind::Ping,
            "PONG" => Kind::Pong,
            _ => {
                assert!(parsed.is_err(), "{vector}");
                continue;
            }
        };
        let length = usize::try_from(vector["length"].as_u64().unwrap()).unwrap();
        assert_eq!(parsed, Ok(Header { kind, length }), "{vector}");
        assert_eq!(Header { kind, length }.octets().as_slice(), prefix, "{vector}");
    }
}

#[test]
fn every_header_is_read_or_refused() {
    for flags in 0..=u8::MAX {
        for length in [[0; 3], [0, 0, 1], [0xff; 3]] {
            let [high, middle, low] = length;
            let parsed = Header::parse([flags, high, middle, low]);
            let length = u32::from_be_bytes([0, high, middle, low]) as usize;
            let expected = match flags {
                0..=2 => Some(length),
                8..=10 if length == 0 => Some(LARGEST),
                _ => None,
            };
            assert_eq!(parsed.map(|header| header.length).ok(), expected, "{flags:02x} {length}");
        }
    }
}

#[tokio::test]
async fn frames_of_every_length() {
    const LIMIT: usize = 70_000;
    for (length, limit, fits) in [
        (0, LIMIT, true),
        (1, LIMIT, true),
        (spare::INPUT - Header::OCTETS, LIMIT, true),
        (LIMIT - 1, LIMIT, true),
        (LIMIT, LIMIT, true),
        (LIMIT + 1, LIMIT, false),
        (LARGEST - 1, LARGEST, true),
        (LARGEST, LARGEST, true),
        (LARGEST, LARGEST - 1, false),
    ] {
        let (mut socket, mut theirs) = open(limit);
        let header = Header { kind: Kind::Message, length };
        theirs.write_all(&header.octets()).await.unwrap();
        if !fits {
            // The header alone decides, before any of the rest is there.
            assert!(matches!(next(&mut socket).await, Received::Invalid(Invalid::TooLarge)), "{length}");
            continue;
        }
        let sent = vec![7; length];
        let sending = async {
            theirs.write_all(&sent).await.unwrap();
            theirs.write_all(&[0, 0, 0, 3, 1, 2, 3]).await.unwrap();
        };
        let receiving = async { (frame(&mut socket).await, frame(&mut socket).await) };
        let ((), (first, second)) = tokio::join!(sending, receiving);
        assert!(first == sent, "{length}");
        assert_eq!(second, [1, 2, 3], "{length}");
        // And the same way back.
        socket.send(&sent);
        let mut got = vec![0; Header::OCTETS + length];
        let ((), read) = tokio::join!(flush(&mut socket), theirs.read_exact(&mut got));
        read.unwrap();
        assert_eq!(got[..Header::OCTETS], header.octets(), "{length}");
        assert!(got[Header::OCTETS..] == sent, "{length}");
    }
}

#[tokio::test]
async fn the_limit_moves_but_not_beyond_what_was_announced() {
    let (ours, mut theirs) = duplex(64 * 1024);
    let subprotocol = Subprotocol { codec: Codec::Json, batched: false };
    let handshake = Handshake { subprotocol, peer_accepts: LARGEST, announced: 1024, rest: Vec::new() };
    let mut socket = RawSocket::new(ours, handshake, 8);
    for (limit, largest) in [(8, 8), (100, 100), (10_000, 1024)] {
        socket.set_message_size(limit);
        theirs.write_all(&Header { kind: Kind::Message, length: largest }.octets()).await.unwrap();
        theirs.write_all(&vec![0; largest]).await.unwrap();
        assert_eq!(frame(&mut socket).await.len(), largest);
    }
    theirs.write_all(&[0, 0, 4, 1]).await.unwrap();
    assert!(matches!(next(&mut socket).await, Received::Invalid(Invalid::TooLarge)));
}

#[tokio::test]
async fn octet_by_octet_and_all_at_once() {
    let sent = [0, 0, 0, 2, b'a', b'b', 1, 0, 0, 1, 9, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 1, b'c'];
    let expected = [b"ab".to_vec(), Vec::new(), b"c".to_vec()];
    for size in 1..=sent.len() {
        let (mut socket, mut theirs) = open(64);
        let mut got = Vec::new();
        for part in sent.chunks(size) {
            theirs.write_all(part).await.unwrap();
            while let Some(received) = futures_util::FutureExt::now_or_never(receive(&mut socket)) {
                match received {
                    Received::Frame(frame) => got.push(frame.to_vec()),
                    Received::Control => {}
                    received => panic!("{received:?}"),
                }
            }
        }
        assert_eq!(got, expected, "{size} at once");
        flush(&mut socket).await;
        assert_eq!(socket.input.capacity(), 0, "nothing is kept for an idle peer");
        drop(socket);
        let mut answer = Vec::new();
        theirs.read_to_end(&mut answer).await.unwrap();
        assert_eq!(answer, [2, 0, 0, 1, 9]);
    }
}

#[tokio::test]
async fn each_ping_has_its_pong() {
    let (mut socket, mut theirs) = open(1000);
    let payloads = [vec![], vec![0xde, 0xad, 0xbe, 0xef], vec![7; 1000]];
    let mut expected = Vec::new();
    for payload in &payloads {
        theirs.write_all(&Header { kind: Kind::Ping, length: payload.len() }.octets()).await.unwrap();
        theirs.write_all(payload).await.unwrap();
        expected.extend(Header { kind: Kind::Pong, length: payload.len() }.octets());
        expected.extend(payload);
    }
    theirs.write_all(&[0, 0, 0, 1, b'x']).await.unwrap();
    assert_eq!(frame(&mut socket).await, b"x");
    // Our own, and its answer.
    assert!(socket.ping());
    expected.extend([1, 0, 0, 0]);
    flush(&mut socket).await;
    let mut got = vec![0; expected.len()];
    theirs.read_exact(&mut got).await.unwrap();
    assert_eq!(got, expected);
    theirs.write_all(&[2, 0, 0, 0]).await.unwrap();
    assert!(matches!(receive(&mut socket).await, Received::Control));
    // A ping is bounded as a message is.
    theirs.write_all(&Header { kind: Kind::Ping, length: 1001 }.octets()).await.unwrap();
    assert!(matches!(next(&mut socket).await, Received::Invalid(Invalid::TooLarge)));
}

#[tokio::test]
async fn after_broken_framing_nothing_is_read_as_frames() {
    for (header, too_large) in
        [([3, 0, 0, 0], false), ([0x10, 0, 0, 1], false), ([8, 0, 0, 1], false), ([0, 0xff, 0xff, 0xff], true)]
    {
        let (mut socket, mut theirs) = open(1000);
        theirs.write_all(&header).await.unwrap();
        theirs.write_all(&[0, 0, 0, 1, b'x']).await.unwrap();
        match receive(&mut socket).await {
            Received::Invalid(Invalid::TooLarge) if too_large => {}
            Received::Invalid(Invalid::Framing(_)) if !too_large => {}
            received => panic!("{header:02x?}: {received:?}"),
        }
        theirs.write_all(&[0, 0, 0, 1, b'y']).await.unwrap();
        theirs.shutdown().await.unwrap();
        assert!(matches!(next(&mut socket).await, Received::Closed), "{header:02x?}");
        // What was queued before goes out, and then the end.
        socket.send(b"bye");
        socket.close(Close::ProtocolError);
        socket.send(b"never");
        assert!(socket.ping());
        flush(&mut socket).await;
        flush(&mut socket).await;
        let mut got = Vec::new();
        theirs.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, [0, 0, 0, 3, b'b', b'y', b'e'], "{header:02x?}");
        assert_eq!((socket.unsent(), socket.sent()), (0, 7));
    }
}

#[tokio::test]
async fn what_is_sent_is_handed_on_in_one_go() {
    let (mut socket, mut theirs) = open(1000);
    for number in 0..100_u8 {
        socket.send(&[number]);
    }
    assert_eq!((socket.unsent(), socket.sent()), (500, 0));
    flush(&mut socket).await;
    assert_eq!((socket.unsent(), socket.sent()), (0, 500));
    let mut got = vec![0; 1000];
    assert_eq!(theirs.read(&mut got).await.unwrap(), 500);
    assert_eq!(got[495..500], [0, 0, 0, 1, 99]);
}

#[tokio::test]
async fn a_peer_that_reads_nothing_holds_up_what_is_sent() {
    let (mut socket, mut theirs) = open(1000);
    let sent = vec![1; 200_000];
    socket.send(&sent);
    assert!(futures_util::FutureExt::now_or_never(flush(&mut socket)).is_none());
    // Of what the stream has taken and not handed on, one octet counts.
    assert_eq!((socket.unsent(), socket.sent()), (200_004 - 65_536 + 1, 65_536));
    let mut got = vec![0; 200_004];
    let ((), read) = tokio::join!(flush(&mut socket), theirs.read_exact(&mut got));
    read.unwrap();
    assert!(got[4..] == sent);
    assert_eq!(socket.unsent(), 0);
}

proptest::proptest! {
    /// Whatever comes, in whatever pieces, it ends.
    #[test]
    fn garbage_ends(sent in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300), size in 1_usize..50) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (mut socket, mut theirs) = open(64);
            for part in sent.chunks(size) {
                theirs.write_all(part).await.unwrap();
                let _ = futures_util::FutureExt::now_or_never(receive(&mut socket));
            }
            drop(theirs);
            while !matches!(receive(&mut socket).await, Received::Closed) {}
        });
    }
}

// ------------------------------------------------------------ the client's side

#[tokio::test]
async fn a_client_asks_and_reads_the_answer() {
    for (answer, expected) in [
        ([0x7f, 0x53, 0, 0], "agreed on 16384"),
        ([0x7f, 0x10, 0, 0], "refused: the serializer is not supported"),
        ([0x7f, 0x20, 0, 0], "refused: the length of messages is not acceptable"),
        ([0x7f, 0x30, 0, 0], "refused: reserved octets are used"),
        ([0x7f, 0x40, 0, 0], "refused: there are too many connections"),
        ([0x7f, 0xf0, 0, 0], "refused: for an unknown reason"),
        ([0x7f, 0x52, 0, 0], "the other end does not speak RawSocket: it answered [7f, 52, 00, 00]"),
        ([0x7f, 0x53, 0, 1], "the other end does not speak RawSocket: it answered [7f, 53, 00, 01]"),
        (*b"HTTP", "the other end does not speak RawSocket: it answered [48, 54, 54, 50]"),
    ] {
        let (mut ours, mut theirs) = duplex(64);
        theirs.write_all(&answer).await.unwrap();
        let agreed = request(&mut ours, Codec::Cbor, 1 << 20).await;
        let mut asked = [0; 4];
        theirs.read_exact(&mut asked).await.unwrap();
        assert_eq!(asked, [0x7f, 0xb3, 0, 0]);
        let words = match agreed {
            Ok(agreed) => format!("agreed on {}", agreed.peer_accepts),
            Err(error) => error.to_string(),
        };
        assert_eq!(words, expected);
    }
}

#[tokio::test]
async fn both_sides_agree_in_every_codec() {
    for codec in [Codec::Json, Codec::MessagePack, Codec::Cbor] {
        let (mut ours, mut theirs) = duplex(64);
        let (client, server) =
            tokio::join!(request(&mut ours, codec, 1 << 16), accept(&mut theirs, Vec::new(), 1 << 12));
        let (client, server) = (client.unwrap(), server.unwrap());
        assert_eq!((client.subprotocol, client.peer_accepts), (server.subprotocol, 1 << 12));
        assert_eq!(server.peer_accepts, 1 << 16);
    }
}
