//! PROTOCOL 1.10: what only RawSocket has. All else that sessions do is tested over it as over WebSocket.

use std::time::Duration;

use serde_json::{Value, json};
use serverwamp::testing::socket;
use serverwamp::{App, Limits, Progress, PublishError, Realm, RpcError, Session, wamp};
use serverwamp_tests::{Peer, Serializer, hello};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::{Instant, sleep, timeout};

const RAW_SOCKETS: [Serializer; 3] =
    [Serializer::RawSocketJson, Serializer::RawSocketMessagePack, Serializer::RawSocketCbor];

const HELLO: &[u8] = br#"[1,"realm1",{"roles":{"caller":{},"subscriber":{}}}]"#;

#[wamp::rpc]
async fn text(length: usize) -> String {
    "x".repeat(length)
}

#[wamp::rpc]
async fn fails(length: usize) -> Result<(), RpcError> {
    Err(RpcError::new("my.error").arg("x".repeat(length)))
}

#[wamp::rpc]
async fn parts(lengths: Vec<usize>, progress: Progress<String>) -> &'static str {
    for length in lengths {
        if progress.send("x".repeat(length)).await.is_err() {
            break;
        }
    }
    "done"
}

/// Sends the caller an event. Returns the octets that it may have, if it was too large.
#[wamp::rpc]
async fn event(length: usize, session: Session) -> Option<usize> {
    match session.send_event("news.a", "x".repeat(length)).await {
        Err(PublishError::TooLarge { maximum }) => Some(maximum),
        sent => sent.map(|()| None).unwrap(),
    }
}

#[wamp::rpc]
async fn close(session: Session, length: usize) {
    session.close("my.reason", "x".repeat(length));
}

#[wamp::rpc]
async fn transport(session: Session) -> (&'static str, &'static str, Option<usize>, bool) {
    let transport = session.transport();
    (transport.kind, transport.serializer, transport.peer_message_size, transport.headers.is_empty())
}

fn app() -> App {
    App::discover_in(module_path!()).open_topics("news.")
}

/// A peer that takes messages of 2^(9 + `length`) octets, and has joined.
async fn joined(app: &App, serializer: Serializer, length: u8) -> Peer {
    let mut peer = Peer::accepting(app, serializer, length);
    assert_eq!(ask(&mut peer, hello("realm1")).await[0], 2, "{serializer}");
    peer
}

async fn ask(peer: &mut Peer, message: Value) -> Value {
    peer.send(message).await;
    peer.receive().await.expect("an answer")
}

fn counted(app: &App, limit: &str) -> u64 {
    app.handle().statistics().limits.get(limit).copied().unwrap_or_default()
}

// ------------------------------------------------------------ what the peer takes

#[tokio::test]
async fn peer_message_size_limit() {
    let app = app();
    let mut counts = 0;
    for serializer in RAW_SOCKETS {
        for length in [0, 1, 6] {
            let maximum = 512_usize << length;
            let mut peer = joined(&app, serializer, length).await;
            let what = format!("{serializer}, {maximum}");
            for (id, wanted, fits) in [(1, maximum - 40, true), (2, maximum - 4, false), (3, maximum * 2, false)] {
                let answer = ask(&mut peer, json!([48, id, {}, "text", [wanted]])).await;
                if fits {
                    assert_eq!(answer[3][0].as_str().unwrap().len(), wanted, "{what}");
                } else {
                    let message = format!("the result is larger than {maximum} octets");
                    let error = "wamp.error.payload_size_exceeded";
                    assert_eq!(answer, json!([8, 48, id, {}, error, [], {"message": message}]), "{what}");
                    counts += 1;
                }
            }
            // An error keeps its URI.
            assert_eq!(ask(&mut peer, json!([48, 4, {}, "fails", [maximum]])).await, json!([8, 48, 4, {}, "my.error"]));
            counts += 1;
            // A progressive result that is left out would be a gap.
            peer.send(json!([48, 5, {"receive_progress": true}, "parts", [[1, maximum, 2]]])).await;
            assert_eq!(peer.receive().await, Some(json!([50, 5, {"progress": true}, ["x"]])), "{what}");
            assert_eq!(peer.receive().await.unwrap()[4], "wamp.error.payload_size_exceeded", "{what}");
            counts += 1;
            assert_eq!(ask(&mut peer, json!([48, 6, {}, "text", [1]])).await, json!([50, 6, {}, ["x"]]), "{what}");
        }
    }
    assert_eq!(counted(&app, "peer_message_size"), counts);
}

#[tokio::test]
async fn a_message_of_exactly_what_the_peer_takes() {
    let app = app();
    let mut peer = joined(&app, Serializer::RawSocketJson, 0).await;
    let around = r#"[50,1,{},[""]]"#.len();
    assert_eq!(ask(&mut peer, json!([48, 1, {}, "text", [512 - around]])).await[0], 50);
    assert_eq!(ask(&mut peer, json!([48, 2, {}, "text", [513 - around]])).await[0], 8);
}

/// A subscriber gets all events or is cut: one that is left out would be a silent gap.
#[tokio::test]
async fn an_event_that_does_not_fit_ends_the_session() {
    for serializer in RAW_SOCKETS {
        let app = app();
        let mut small = joined(&app, serializer, 1).await;
        let mut large = joined(&app, serializer, 2).await;
        let mut publisher = joined(&app, serializer, 0).await;
        for peer in [&mut small, &mut large] {
            assert_eq!(ask(peer, json!([32, 1, {}, "news.a"])).await[0], 33);
        }
        for (id, length) in [(1, 100), (2, 1500), (3, 1)] {
            let publish = json!([16, id, {"acknowledge": true}, "news.a", ["x".repeat(length)]]);
            assert_eq!(ask(&mut publisher, publish).await[0], 17, "{serializer}");
        }
        assert_eq!(small.receive().await.unwrap()[0], 36, "{serializer}");
        let abort = small.receive().await.unwrap();
        let message = "EVENT does not fit into the 1024 octets that you take";
        assert_eq!(abort, json!([3, {"message": message}, "wamp.error.payload_size_exceeded"]), "{serializer}");
        assert_eq!(small.receive().await, None, "{serializer}");
        for length in [100, 1500, 1] {
            assert_eq!(large.receive().await.unwrap()[4][0].as_str().unwrap().len(), length, "{serializer}");
        }
        assert_eq!(counted(&app, "peer_message_size"), 1);
        assert_eq!(app.handle().realm("realm1").sessions(), 2);
    }
}

/// Whoever sends to one session is told, and nobody is cut.
#[tokio::test]
async fn an_event_to_one_session_that_does_not_fit_is_refused() {
    for serializer in RAW_SOCKETS {
        let mut peer = joined(&app(), serializer, 1).await;
        assert_eq!(ask(&mut peer, json!([32, 1, {}, "news.a"])).await[0], 33);
        for (id, length) in [(2, 1020), (3, 10_000)] {
            // The first one's payload would fit, but not with what is around it.
            let refused = ask(&mut peer, json!([48, id, {}, "event", [length]])).await;
            assert_eq!(refused, json!([50, id, {}, [1024]]), "{serializer} {length}");
        }
        assert_eq!(ask(&mut peer, json!([48, 4, {}, "event", [10]])).await[0], 36, "{serializer}");
        assert_eq!(peer.receive().await, Some(json!([50, 4, {}])), "{serializer}");
    }
}

#[tokio::test]
async fn a_welcome_that_does_not_fit_announces_less() {
    for serializer in RAW_SOCKETS {
        let app = app();
        let mut large = Peer::accepting(&app, serializer, 1);
        let welcome = ask(&mut large, hello("realm1")).await;
        assert_eq!(welcome[2]["roles"]["dealer"]["features"]["call_timeout"], true, "{serializer}");
        let long_realm = "r".repeat(255);
        let mut small = Peer::accepting(&app, serializer, 0);
        let welcome = ask(&mut small, hello(&long_realm)).await;
        assert_eq!((&welcome[0], &welcome[2]["realm"]), (&json!(2), &json!(long_realm)), "{serializer}");
        assert_eq!(welcome[2]["roles"], json!({"broker": {}, "dealer": {}}), "{serializer}");
        assert_eq!(ask(&mut small, json!([48, 1, {}, "text", [1]])).await, json!([50, 1, {}, ["x"]]));
    }
}

#[tokio::test]
async fn a_farewell_that_does_not_fit_is_shorter() {
    for serializer in RAW_SOCKETS {
        for (length, message) in [(20, Some("x".repeat(20))), (2000, None)] {
            let mut peer = joined(&app(), serializer, 1).await;
            peer.send(json!([48, 1, {}, "close", [], {"length": length}])).await;
            let mut farewell = peer.receive().await.unwrap();
            if farewell[0] == 50 {
                farewell = peer.receive().await.unwrap();
            }
            let details = message.map_or(json!({}), |message| json!({"message": message}));
            assert_eq!(farewell, json!([6, details, "my.reason"]), "{serializer}");
        }
    }
}

// ------------------------------------------------------------ how a connection begins

async fn read_to_end(mut stream: DuplexStream) -> Vec<u8> {
    let mut octets = Vec::new();
    timeout(Duration::from_secs(60), stream.read_to_end(&mut octets)).await.expect("an end").unwrap();
    octets
}

/// Opens a RawSocket in JSON, and joins.
async fn open(app: &App) -> DuplexStream {
    let mut stream = socket(app).unwrap();
    stream.write_all(&[0x7f, 0xf1, 0, 0]).await.unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, [0x7f, 0xb1, 0, 0]);
    write(&mut stream, 0, HELLO).await;
    assert!(read(&mut stream).await.1.starts_with(b"[2,"));
    stream
}

async fn write(stream: &mut DuplexStream, kind: u8, payload: &[u8]) {
    let length = u32::try_from(payload.len()).unwrap();
    stream.write_all(&(length | u32::from(kind) << 24).to_be_bytes()).await.unwrap();
    stream.write_all(payload).await.unwrap();
}

async fn read(stream: &mut DuplexStream) -> (u8, Vec<u8>) {
    let mut header = [0; 4];
    stream.read_exact(&mut header).await.unwrap();
    let [kind, length @ ..] = header;
    let mut payload = vec![0; u32::from_be_bytes([0, length[0], length[1], length[2]]) as usize];
    stream.read_exact(&mut payload).await.unwrap();
    (kind, payload)
}

#[tokio::test]
async fn the_first_octet_decides() {
    let app = app();
    for (sent, expected) in [
        (&[0x7f, 0xf2, 0, 0][..], &[0x7f, 0xb2, 0, 0][..]),
        (&[0x7f, 0xf4, 0, 0], &[0x7f, 0x10, 0, 0]),
        (&[0x7f, 0xf2, 1, 0], &[0x7f, 0x30, 0, 0]),
        (b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 426 "),
        (b"DELETE /x HTTP/1.1\r\n\r\n", b"HTTP/1.1 404 "),
        (b"\x16\x03\x01\x02\x00", b""),
        (b"\0\0\0\0", b""),
        (b"\r\n\r\n", b""),
        (b"\xff", b""),
        (b"\x7e\xf1\0\0", b""),
        (b"", b""),
    ] {
        let mut stream = socket(&app).unwrap();
        stream.write_all(sent).await.unwrap();
        stream.shutdown().await.unwrap();
        let answer = read_to_end(stream).await;
        assert!(answer.starts_with(expected) && answer.is_empty() == expected.is_empty(), "{sent:?}: {answer:?}");
    }
}

#[tokio::test]
async fn everything_in_one_piece_and_octet_by_octet() {
    let mut sent = vec![0x7f, 0xf1, 0, 0, 0, 0, 0, u8::try_from(HELLO.len()).unwrap()];
    sent.extend(HELLO);
    for size in [1, 3, sent.len()] {
        let app = app();
        let mut stream = socket(&app).unwrap();
        for part in sent.chunks(size) {
            stream.write_all(part).await.unwrap();
            tokio::task::yield_now().await;
        }
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).await.unwrap();
        assert!(read(&mut stream).await.1.starts_with(b"[2,"), "{size} at once");
    }
}

#[tokio::test(start_paused = true)]
async fn upgrade_timeout_is_absolute() {
    for begun in [&b""[..], &[0x7f], &[0x7f, 0xf1, 0], b"GET / HTTP/1.1\r\nX: y"] {
        let app = app();
        let mut stream = socket(&app).unwrap();
        let start = Instant::now();
        // However often a little comes.
        for octet in begun {
            stream.write_all(&[*octet]).await.unwrap();
            sleep(Duration::from_millis(200)).await;
        }
        assert_eq!(read_to_end(stream).await, b"", "{begun:?}");
        assert_eq!(start.elapsed().as_secs(), 5, "{begun:?}");
        assert_eq!(counted(&app, "upgrade_timeout"), 1, "{begun:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn connections_limit_answers_in_the_protocol_that_was_begun() {
    let app = app().limits(Limits { connections: 1, ..Limits::default() });
    let mut first = open(&app).await;
    for (sent, expected) in [
        (&[0x7f, 0xf1, 0, 0][..], &[0x7f, 0x40, 0, 0][..]),
        (b"GET /ws HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 503 "),
        // Who says nothing is told in the one that people read.
        (b"", b"HTTP/1.1 503 "),
        (b"\0\x01", b""),
    ] {
        let mut stream = socket(&app).unwrap();
        stream.write_all(sent).await.unwrap();
        let answer = read_to_end(stream).await;
        assert!(answer.starts_with(expected) && answer.is_empty() == expected.is_empty(), "{sent:?}: {answer:?}");
    }
    // Very many at once are not all told, but none waits.
    let many: Vec<DuplexStream> = (0..200).map(|_| socket(&app).unwrap()).collect();
    let start = Instant::now();
    let mut told = 0;
    for stream in many {
        told += u32::from(!read_to_end(stream).await.is_empty());
    }
    assert_eq!(told, 64);
    assert!(start.elapsed() <= Duration::from_secs(2));
    write(&mut first, 1, b"still there").await;
    assert_eq!(read(&mut first).await, (2, b"still there".to_vec()));
    drop(first);
    sleep(Duration::from_secs(1)).await;
    open(&app).await;
}

// ------------------------------------------------------------ what the server takes

#[tokio::test]
async fn what_is_announced_is_what_any_realm_takes() {
    let limits = |message_size| Limits { message_size, ..Limits::default() };
    let realm = |message_size| Realm::new("realm2").limits(limits(message_size));
    for (app, length) in [
        (app(), 11),
        (app().limits(limits(3000)), 2),
        (app().limits(limits(512)).realm(realm(100_000)), 7),
        (app().limits(limits(100_000)).realm(realm(512)), 7),
        (app().limits(limits(100_000)).realm(realm(512)).default_realm(false), 0),
    ] {
        let mut stream = socket(&app).unwrap();
        stream.write_all(&[0x7f, 0xf3, 0, 0]).await.unwrap();
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, [0x7f, length << 4 | 3, 0, 0]);
    }
}

#[tokio::test]
async fn broken_frames_end_the_connection() {
    for (header, limit) in [
        ([0, 0x10, 0, 1], "message_size"),
        ([1, 0x10, 0, 1], "message_size"),
        ([8, 0, 0, 0], "message_size"),
        ([3, 0, 0, 0], ""),
        ([7, 0, 0, 0], ""),
        ([0x80, 0, 0, 1], ""),
        ([8, 0, 0, 1], ""),
    ] {
        let app = app();
        let mut stream = open(&app).await;
        // What was asked before is answered.
        write(&mut stream, 0, br#"[48,1,{},"text",[1]]"#).await;
        stream.write_all(&header).await.unwrap();
        assert_eq!(read_to_end(stream).await, b"\0\0\0\x0f[50,1,{},[\"x\"]]", "{header:02x?}");
        let counted = app.handle().statistics().limits;
        assert_eq!(counted.keys().copied().collect::<String>(), limit, "{header:02x?}");
        assert_eq!(app.handle().statistics().sessions, 0);
    }
}

// ------------------------------------------------------------ signs of life

#[tokio::test(start_paused = true)]
async fn pong_timeout_limit() {
    let app = app();
    let start = Instant::now();
    let mut dead = open(&app).await;
    let mut alive = open(&app).await;
    // One answers.
    for _ in 0..10 {
        assert_eq!(read(&mut alive).await, (1, Vec::new()));
        write(&mut alive, 2, b"").await;
    }
    assert_eq!(start.elapsed().as_secs(), 250);
    // The other was asked once, and is gone.
    assert_eq!(read(&mut dead).await, (1, Vec::new()));
    assert_eq!(read_to_end(dead).await, b"");
    assert_eq!((counted(&app, "pong_timeout"), app.handle().statistics().sessions), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_takes_long_shows_that_the_peer_is_there() {
    let app = app();
    let mut stream = open(&app).await;
    let call = br#"[48,1,{},"text",[1]]"#;
    stream.write_all(&[0, 0, 0, u8::try_from(call.len()).unwrap()]).await.unwrap();
    for octet in call {
        sleep(Duration::from_secs(9)).await;
        stream.write_all(&[*octet]).await.unwrap();
    }
    // It cannot answer a ping in between.
    let mut received = read(&mut stream).await;
    while received.0 == 1 {
        received = read(&mut stream).await;
    }
    assert_eq!(received.1, br#"[50,1,{},["x"]]"#);
}

#[tokio::test(start_paused = true)]
async fn whoever_pings_has_to_read() {
    let app = app().limits(Limits { outbound_bytes: 500_000, ..Limits::default() });
    let mut stream = open(&app).await;
    let ping = vec![7; 50_000];
    write(&mut stream, 1, &ping).await;
    assert!(read(&mut stream).await == (2, ping.clone()));
    let flood = async {
        for _ in 0..100 {
            let length = u32::try_from(ping.len()).unwrap();
            let header = stream.write_all(&(length | 1 << 24).to_be_bytes()).await;
            if header.is_err() || stream.write_all(&ping).await.is_err() {
                return true;
            }
        }
        false
    };
    assert!(flood.await, "it is cut");
    assert_eq!(counted(&app, "outbound_bytes"), 1);
}

#[tokio::test]
async fn the_session_knows_its_transport() {
    let app = app();
    for (serializer, name) in RAW_SOCKETS.into_iter().zip(["json", "msgpack", "cbor"]) {
        let mut peer = joined(&app, serializer, 3).await;
        let known = ask(&mut peer, json!([48, 1, {}, "transport"])).await;
        assert_eq!(known, json!([50, 1, {}, ["rawsocket", name, 4096, true]]));
    }
    let mut peer = Peer::join(&app, Serializer::Cbor).await;
    let known = ask(&mut peer, json!([48, 1, {}, "transport"])).await;
    assert_eq!(known, json!([50, 1, {}, ["websocket", "cbor", null, false]]));
}
