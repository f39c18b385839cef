//! The HTTP side of a WebSocket.

use serde_json::json;
use serverwamp::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

over_every_line!(
    answers,
    who_is_to_upgrade_is_told_to_what,
    the_request_is_known_to_the_session,
    a_close_is_answered,
    a_hello_in_the_same_packet_as_the_request,
    upgrade_timeout_limit,
);

/// Sends a request as it is and returns the status of the answer.
async fn status(place: Place, request: &str) -> u16 {
    let mut stream = place.connect().await;
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = vec![0; 16];
    tokio::time::timeout(PATIENCE, stream.read_exact(&mut answer)).await.unwrap().unwrap();
    std::str::from_utf8(&answer).unwrap().split(' ').nth(1).unwrap().parse().unwrap()
}

fn request(target: &str, more: &str) -> String {
    let key = "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    format!("GET {target} HTTP/1.1\r\nHost: example.com:8080\r\n{key}{more}\r\n")
}

const GOOD: &str = "Upgrade: websocket\r\nSec-WebSocket-Protocol: wamp.2.json\r\n";

async fn answers(line: Line) {
    let app = app().allow_origin("https://app.example.org");
    let handle = app.handle();
    let place = line.start(app).await;
    let fields = |count: usize| (0..count).map(|n| format!("X-{n}: 1\r\n")).collect::<String>() + GOOD;
    let origin = |origin: &str| format!("{GOOD}Origin: {origin}\r\n");
    for (request, expected) in [
        (request("/ws", GOOD), 101),
        (request("/", GOOD), 101),
        (request("/ws?token=x", GOOD), 101),
        (request("/other", GOOD), 404),
        (request("/ws", "Sec-WebSocket-Protocol: wamp.2.json\r\n"), 426),
        ("GET /ws HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 426),
        (request("/ws", "Upgrade: websocket\r\n"), 400),
        (request("/ws", "Upgrade: websocket\r\nSec-WebSocket-Protocol: chat, wamp.2.ubjson\r\n"), 400),
        (request("/ws", "Upgrade: websocket\r\nSec-WebSocket-Protocol: chat, wamp.2.ubjson,wamp.2.cbor\r\n"), 101),
        (request("/ws", GOOD).replace("13", "8"), 426),
        (request("/ws", GOOD).replace("Sec-WebSocket-Version: 13\r\n", ""), 400),
        (request("/ws", GOOD).replace("HTTP/1.1", "HTTP/1.0"), 400),
        (request("/ws", GOOD).replace("GET", "POST"), 400),
        (request("/ws", &fields(50)), 101),
        (request("/ws", &fields(64)), 431),
        (request("/ws", &format!("{GOOD}X: {}\r\n", "x".repeat(15_000))), 101),
        (request("/ws", &format!("{GOOD}X: {}\r\n", "x".repeat(17_000))), 431),
        ("nonsense\r\n\r\n".to_owned(), 400),
        (request("/ws", &origin("http://example.com")), 101),
        (request("/ws", &origin("https://example.com:9999")), 101),
        (request("/ws", &origin("http://localhost:3000")), 101),
        (request("/ws", &origin("http://127.0.0.1")), 101),
        (request("/ws", &origin("http://[::1]:5173")), 101),
        (request("/ws", &origin("https://app.example.org")), 101),
        (request("/ws", &origin("https://evil.example.net")), 403),
        (request("/ws", &origin("http://localhost.evil.example.net")), 403),
        (request("/ws", &origin("null")), 403),
    ] {
        assert_eq!(status(place, &request).await, expected, "{}", &request[..request.len().min(300)]);
    }
    assert_eq!(handle.statistics().limits, [("header_count", 1), ("header_size", 1), ("origin", 3)].into());
}

async fn who_is_to_upgrade_is_told_to_what(line: Line) {
    let place = line.start(app()).await;
    for request in [request("/", ""), request("/ws", GOOD).replace("13", "8")] {
        let mut stream = place.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
        let answer = answer.to_ascii_lowercase();
        for part in
            ["http/1.1 426 ", "\r\nupgrade: websocket\r\n", "\r\nsec-websocket-version: 13\r\n", ": upgrade\r\n"]
        {
            assert!(answer.contains(part), "{part} in {answer}");
        }
    }
}

async fn the_request_is_known_to_the_session(line: Line) {
    let place = line.start(app()).await;
    let mut client = Client::open(place, "/ws?x=1", &[("cookie", "a=1; b=two")]).await;
    client.hello().await;
    client.send(json!([48, 1, {}, "where"])).await;
    assert_eq!(client.receive().await, Some(json!([50, 1, {}, ["/ws", "x=1", "two", true]])));
}

async fn a_close_is_answered(line: Line) {
    let place = line.start(app()).await;
    let mut client = Client::join(place).await;
    client.send(json!([6, {}, "wamp.close.close_realm"])).await;
    assert_eq!(client.receive().await, Some(json!([6, {}, "wamp.close.goodbye_and_out"])));
    client.0.close(None).await.unwrap();
    assert!(matches!(client.next().await, Some(Message::Close(_))));
}

#[tokio::test]
async fn many_calls_in_one_go() {
    const CALLS: u32 = 1000;
    let mut client = Client::join(start(app()).await).await;
    for request in 1..=CALLS {
        client.0.feed(Message::text(json!([48, request, {}, "add", [request, 1]]).to_string())).await.unwrap();
    }
    client.0.flush().await.unwrap();
    for request in 1..=CALLS {
        assert_eq!(client.receive().await, Some(json!([50, request, {}, [request + 1]])));
    }
}

#[tokio::test]
async fn a_close_behind_a_call_in_the_same_packet() {
    let address = start(app()).await;
    for answered in [true, false] {
        let mut client = Client::join(address).await;
        client.0.feed(Message::text(json!([48, 1, {}, "add", [2, 3]]).to_string())).await.unwrap();
        client.0.feed(Message::text(json!([48, 2, {}, "add", [4, 5]]).to_string())).await.unwrap();
        if answered {
            client.0.feed(Message::Close(None)).await.unwrap();
        }
        client.0.flush().await.unwrap();
        if !answered {
            client.0.get_mut().shutdown().await.unwrap();
        }
        assert_eq!(client.receive().await, Some(json!([50, 1, {}, [5]])));
        assert_eq!(client.receive().await, Some(json!([50, 2, {}, [9]])));
        assert_eq!(matches!(client.next().await, Some(Message::Close(_))), answered);
    }
}

async fn a_hello_in_the_same_packet_as_the_request(line: Line) {
    let place = line.start(app()).await;
    let mut stream = place.connect().await;
    let hello = br#"[1,"realm1",{"roles":{"caller":{}}}]"#;
    let mut octets = request("/ws", GOOD).into_bytes();
    octets.extend([0x81, 0x80 | u8::try_from(hello.len()).unwrap(), 0, 0, 0, 0]);
    octets.extend(hello);
    stream.write_all(&octets).await.unwrap();
    let mut answer = Vec::new();
    while !answer.windows(4).any(|window| window == b"[2,") && !String::from_utf8_lossy(&answer).contains("[2,") {
        assert!(stream.read_buf(&mut answer).await.unwrap() > 0);
    }
}

async fn upgrade_timeout_limit(line: Line) {
    let limits = Limits { upgrade_timeout: Duration::from_secs(1), ..Limits::default() };
    let place = line.start(app().limits(limits)).await;
    let mut stream = place.connect().await;
    stream.write_all(b"GET /ws HTTP/1.1\r\n").await.unwrap();
    let mut octets = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut octets)).await.unwrap().unwrap();
    assert!(octets.is_empty());
}
