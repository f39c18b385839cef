//! The limits that only a socket can meet.

use serde_json::json;
use serverwamp::{AppHandle, Limits, Realm, routes, wamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

over_every_line!(
    message_size_limit_closes_with_1009,
    message_size_before_welcome_limit,
    pong_timeout_limit,
    wrong_frames,
    a_message_may_come_in_fragments_and_octet_by_octet,
    header_size_limit_and_header_count_limit,
    drain_limit,
    a_stalled_reader_is_cut_and_harms_nobody,
    a_reader_that_leaves_too_much_is_cut_and_harms_nobody,
);

async fn message_size_limit_closes_with_1009(line: Line) {
    let place = line.start(app().limits(Limits { message_size: 1000, ..Limits::default() })).await;
    let mut client = Client::join(place).await;
    client.send(json!([48, 1, {}, "add", ["x".repeat(2000)]])).await;
    assert_eq!(client.close_code().await, 1009);
    Client::join(place).await.assert_alive().await;
}

async fn message_size_before_welcome_limit(line: Line) {
    let place = line.start(app()).await;
    let mut client = Client::open(place, "/ws", &[]).await;
    client.send(json!([1, "realm1", {"roles": {"caller": {}}, "agent": "x".repeat(100_000)}])).await;
    assert_eq!(client.close_code().await, 1009);
}

#[tokio::test]
async fn connections_limit_answers_503() {
    let address = start(app().limits(Limits { connections: 1, ..Limits::default() })).await;
    let mut first = Client::join(address).await;
    let mut second = TcpStream::connect(address).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(PATIENCE, second.read_to_end(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 503"), "{}", String::from_utf8_lossy(&answer));
    first.assert_alive().await;
}

async fn pong_timeout_limit(line: Line) {
    let limits = Limits {
        ping_interval: Duration::from_millis(200),
        pong_timeout: Duration::from_millis(200),
        ..Limits::default()
    };
    for app in [app().limits(limits.clone()), app().realm(Realm::new("realm1").limits(limits))] {
        let place = line.start(app).await;
        // This client answers pings, as it reads all the time.
        let mut good = Client::join(place).await;
        let pings = tokio::spawn(async move {
            for _ in 0..5 {
                assert!(matches!(good.next().await, Some(Message::Ping(_))));
            }
            good.assert_alive().await;
        });
        // This one never says a word after the upgrade's HELLO.
        let Client(dead) = Client::join(place).await;
        let mut stream = dead.into_inner();
        let mut octets = Vec::new();
        // However it ends, it ends.
        let _ =
            tokio::time::timeout(PATIENCE, stream.read_to_end(&mut octets)).await.expect("the connection is dropped");
        pings.await.unwrap();
    }
}

async fn wrong_frames(line: Line) {
    let place = line.start(app()).await;
    let mut client = Client::join(place).await;
    client.0.send(Message::binary(&b"[48,1,{},\"add\",[1,2]]"[..])).await.unwrap();
    let abort = client.receive().await.unwrap();
    assert_eq!(abort[2], "wamp.error.protocol_violation");
    assert_eq!(client.close_code().await, 1002);

    for (frame, code) in [(&[0x81, 0x02, b'h', b'i'][..], 1002), (&[0x81, 0x81, 0, 0, 0, 0, 0xff][..], 1007)] {
        let Client(client) = Client::join(place).await;
        let mut stream = client.into_inner();
        stream.write_all(frame).await.unwrap();
        let mut octets = Vec::new();
        tokio::time::timeout(PATIENCE, stream.read_to_end(&mut octets)).await.unwrap().unwrap();
        assert_eq!(octets[0], 0x88, "a close frame");
        assert_eq!(u16::from_be_bytes([octets[2], octets[3]]), code);
    }
}

async fn a_message_may_come_in_fragments_and_octet_by_octet(line: Line) {
    let place = line.start(app()).await;
    let Client(client) = Client::join(place).await;
    let mut stream = client.into_inner();
    let text = br#"[48,1,{},"add",[2,3]]"#;
    let (first, second) = text.split_at(7);
    for (opcode, part) in [(0x01, first), (0x80, second)] {
        let mut frame = vec![opcode, 0x80 | u8::try_from(part.len()).unwrap(), 0, 0, 0, 0];
        frame.extend(part);
        for octet in frame {
            stream.write_all(&[octet]).await.unwrap();
            stream.flush().await.unwrap();
        }
    }
    let mut answer = vec![0; 13];
    tokio::time::timeout(PATIENCE, stream.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(&answer[2..], b"[50,1,{},[5");
}

async fn header_size_limit_and_header_count_limit(line: Line) {
    let app = app().limits(Limits { header_size: 2000, header_count: 16, ..Limits::default() });
    let handle = app.handle();
    let place = line.start(app).await;
    for (limit, fields) in
        [("header_size", format!("X: {}\r\n", "x".repeat(3000))), ("header_count", "X: y\r\n".repeat(20))]
    {
        let mut stream = place.connect().await;
        stream.write_all(format!("GET /ws HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n").as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 431"), "{}", String::from_utf8_lossy(&answer));
        assert_eq!(handle.statistics().limits.get(limit), Some(&1));
    }
}

#[wamp::rpc("endless", manual)]
async fn endless() {
    std::future::pending::<()>().await;
}

async fn drain_limit(line: Line) {
    let limits = Limits { drain: Duration::from_millis(300), ..Limits::default() };
    let app = app().routes(routes![endless]).limits(limits);
    let handle = app.handle();
    let place = line.start(app).await;
    let mut client = Client::join(place).await;
    client.send(json!([48, 1, {}, "endless"])).await;
    client.assert_alive().await;
    handle.shutdown();
    assert_eq!(client.receive().await, Some(json!([8, 48, 1, {}, "wamp.error.canceled"])));
    assert_eq!(client.receive().await, Some(json!([6, {}, "wamp.close.system_shutdown"])));
    assert_eq!(handle.statistics().limits, [("drain", 1)].into());
}

/// How often a limit was met, once it was.
pub(super) async fn met(handle: &AppHandle, limit: &str) -> u64 {
    let counted = async {
        loop {
            if let Some(&count) = handle.statistics().limits.get(limit) {
                return count;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, counted).await.expect("the limit is met")
}

async fn a_stalled_reader_is_cut_and_harms_nobody(line: Line) {
    let app = app().limits(Limits { write_stall: Duration::from_millis(300), ..Limits::default() });
    let handle = app.handle();
    let place = line.start(app).await;
    let mut good = Client::join(place).await;
    // Its results fill the buffers of the system; then nothing moves any more.
    let mut stalled = Client::join(place).await;
    stalled.send(json!([48, 1, {"receive_progress": true}, "count", [u32::MAX]])).await;
    for _ in 0..100 {
        good.assert_alive().await;
    }
    assert_eq!(met(&handle, "write_stall").await, 1);
    good.assert_alive().await;
}

async fn a_reader_that_leaves_too_much_is_cut_and_harms_nobody(line: Line) {
    let app = app();
    let handle = app.handle();
    let place = line.start(app).await;
    let mut good = Client::join(place).await;
    let mut greedy = Client::join(place).await;
    let large = "x".repeat(500_000);
    for id in 1..=200 {
        // The server stops reading from a peer that it has cut.
        if greedy.0.send(Message::text(json!([48, id, {}, "echo", [large]]).to_string())).await.is_err() {
            break;
        }
    }
    assert_eq!(met(&handle, "outbound_bytes").await, 1);
    good.assert_alive().await;
}
