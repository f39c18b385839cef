//! `/healthz` and `/readyz` on the server's own ports.

use serde_json::json;
use serverwamp::{AppHandle, Limits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

over_every_line!(
    probes_are_answered,
    probes_are_answered_where_there_is_no_room,
    probes_are_answered_while_the_server_shuts_down,
    nobody_delays_the_shutdown,
);

#[wamp::rpc("doze", manual)]
async fn doze(milliseconds: u64) -> &'static str {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    "slept"
}

/// The status and the whole answer to a request, after which the server closes the connection.
async fn ask(place: Place, method: &str, target: &str, more: &str) -> (u16, String) {
    let mut stream = place.connect().await;
    let request =
        format!("{method} {target} HTTP/1.1\r\nHost: 10.0.0.1:8080\r\nUser-Agent: kube-probe/1.34\r\n{more}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer)).await.expect("an answer in time").unwrap();
    (answer.split(' ').nth(1).unwrap_or_else(|| panic!("{answer:?}")).parse().unwrap(), answer)
}

async fn status(place: Place, target: &str) -> u16 {
    ask(place, "GET", target, "").await.0
}

async fn probes_are_answered(line: Line) {
    let place = line.start(app().limits(Limits { header_count: 16, ..Limits::default() })).await;
    for target in ["/healthz", "/readyz", "/readyz?verbose"] {
        for more in ["", "Origin: https://evil.example.net\r\n", "Upgrade: websocket\r\nConnection: Upgrade\r\n"] {
            let (status, answer) = ask(place, "GET", target, more).await;
            assert_eq!((status, answer.ends_with("\r\n\r\nok\n")), (200, true), "{target} {more}: {answer}");
            assert!(answer.contains("\r\nconnection: close\r\n") && answer.contains("\r\ncache-control: no-store\r\n"));
        }
        let (status, answer) = ask(place, "HEAD", target, "").await;
        let answer = (answer.contains("\r\ncontent-length: 3\r\n"), answer.ends_with("\r\n\r\n"));
        assert_eq!((status, answer), (200, (true, true)), "{target}");
        let (status, answer) = ask(place, "POST", target, "Content-Length: 0\r\n").await;
        assert_eq!((status, answer.contains("\r\nallow: GET, HEAD\r\n")), (405, true), "{target}");
        assert_eq!(ask(place, "GET", target, &"X: y\r\n".repeat(20)).await.0, 431, "{target}");
    }
    for target in ["/healthz/", "/health", "/READYZ", "/ws/readyz"] {
        assert_eq!(status(place, target).await, 404, "{target}");
    }
}

async fn probes_are_answered_where_there_is_no_room(line: Line) {
    let place = line.start(app().limits(Limits { connections: 1, ..Limits::default() })).await;
    let mut first = Client::join(place).await;
    for (target, expected) in [("/healthz", 200), ("/readyz", 200), ("/ws", 503), ("/other", 503)] {
        assert_eq!(status(place, target).await, expected, "{target}");
    }
    assert_eq!(ask(place, "HEAD", "/readyz", "").await.0, 200);
    // A request that comes in parts.
    let mut stream = place.connect().await;
    for part in ["GET /readyz HT", "TP/1.1\r\nHost: localhost\r\n", "\r\n"] {
        stream.write_all(part.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut answer = String::new();
    tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    first.assert_alive().await;
}

/// A server whose shutdown has begun, with a client whose call runs for so long.
async fn shutting_down(line: Line, milliseconds: u64) -> (Place, Client, AppHandle) {
    let app = app().routes(serverwamp::routes![doze]);
    let handle = app.handle();
    let place = line.start(app).await;
    assert!(handle.is_ready());
    let mut client = Client::join(place).await;
    client.send(json!([48, 1, {}, "doze", [milliseconds]])).await;
    client.assert_alive().await;
    handle.shutdown();
    handle.stopping().await;
    assert!(!handle.is_ready());
    (place, client, handle)
}

async fn probes_are_answered_while_the_server_shuts_down(line: Line) {
    let (place, mut client, handle) = shutting_down(line, 1000).await;
    for (target, expected) in [("/readyz", 503), ("/healthz", 200), ("/ws", 503), ("/other", 503)] {
        assert_eq!(status(place, target).await, expected, "{target}");
    }
    let (status, answer) = ask(place, "HEAD", "/readyz", "").await;
    assert_eq!((status, answer.ends_with("\r\n\r\n")), (503, true), "{answer}");
    let mut raw = place.connect().await;
    raw.write_all(&[0x7f, 0xf1, 0, 0]).await.unwrap();
    raw.flush().await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(PATIENCE, raw.read_to_end(&mut answer)).await.unwrap().unwrap();
    assert_eq!(answer, [0x7f, 0x40, 0, 0]);
    assert_eq!(client.receive().await, Some(json!([50, 1, {}, ["slept"]])), "a running call ends");
    assert_eq!(client.receive().await, Some(json!([6, {}, "wamp.close.system_shutdown"])));
    drop(client);
    tokio::time::timeout(PATIENCE, handle.stopped()).await.unwrap();
    assert!(TcpStream::connect(place.address).await.is_err(), "nobody listens any more");
}

async fn nobody_delays_the_shutdown(line: Line) {
    let (place, mut client, handle) = shutting_down(line, 0).await;
    let ends = handle.stopped();
    let strangers = tokio::spawn(async move {
        let mut waiting = Vec::new();
        while let Ok(mut stream) = TcpStream::connect(place.address).await {
            let _ = stream.write_all(b"GET /readyz HTTP/1.1\r\n").await;
            waiting.push(stream);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    while let Some(message) = client.receive().await {
        if message[0] == 6 {
            // By now there are some.
            tokio::time::sleep(Duration::from_millis(100)).await;
            client.send(json!([6, {}, "wamp.close.goodbye_and_out"])).await;
        }
    }
    drop(client);
    tokio::time::timeout(PATIENCE, ends).await.unwrap();
    // There is always one of them: if they were waited for, the drain time would have been over first.
    assert_eq!(handle.statistics().limits.get("drain"), None);
    tokio::time::timeout(PATIENCE, strangers).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_server_whose_task_is_dropped_is_not_ready() {
    let app = app();
    let handle = app.handle();
    let server = tokio::spawn(app.serve());
    handle.addresses().await;
    while !handle.is_ready() {
        tokio::task::yield_now().await;
    }
    server.abort();
    tokio::time::timeout(PATIENCE, handle.stopped()).await.unwrap();
    assert!(!handle.is_ready());
}
