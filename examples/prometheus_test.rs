//! The example with metrics: calls are made, and Prometheus is told of them.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn calls_are_counted_where_prometheus_looks() {
    let metrics = free_address();
    let (_server, address) = start(&metrics).await;
    let mut client = Client::join(&address).await;
    for (call, end) in [
        (r#"[48,1,{},"math.add",[2,3]]"#, "[50,1,{},[5]]"),
        (r#"[48,2,{},"math.add",[4,5]]"#, "[50,2,{},[9]]"),
        (r#"[48,3,{},"math.add",["x",5]]"#, r#""wamp.error.invalid_argument""#),
        (r#"[48,4,{},"shop.order",[3]]"#, "[50,4,{}]"),
        (r#"[48,5,{},"shop.order",[0]]"#, r#""shop.error.empty_order""#),
        (r#"[48,6,{},"sleep",[20]]"#, "[50,6,{}]"),
        (r#"[48,7,{},"nowhere"]"#, r#""wamp.error.no_such_procedure""#),
    ] {
        client.ask(call, end).await;
    }
    let text = fetch(&metrics).await;
    for line in [
        r#"wamp_calls_total{procedure="math.add",outcome="result"} 2"#,
        r#"wamp_calls_total{procedure="math.add",outcome="error"} 1"#,
        r#"wamp_calls_total{procedure="shop.order",outcome="error"} 1"#,
        r#"wamp_calls_total{procedure="sleep",outcome="timeout"} 0"#,
        r#"wamp_calls_total{outcome="error"} 1"#,
        r#"wamp_call_duration_seconds_bucket{procedure="sleep",le="0.01"} 0"#,
        r#"wamp_call_duration_seconds_count{procedure="sleep"} 1"#,
        r#"wamp_connections{transport="websocket",serializer="json"} 1"#,
        r#"wamp_authentications_total{method="anonymous",outcome="accepted"} 1"#,
        "wamp_sessions 1",
        "wamp_calls_in_flight 0",
        "wamp_queue_bytes 0",
        "shop_items_ordered_total 3",
    ] {
        assert!(text.lines().any(|there| there == line), "{line} is not in\n{text}");
    }
}

/// An address that nobody listens on.
fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("its address").to_string()
}

/// The example as a process, and where it says that it listens.
async fn start(metrics: &str) -> (Child, String) {
    let test = std::env::current_exe().expect("this program");
    let example = test.ancestors().nth(2).expect("a folder of builds").join("examples/prometheus");
    let mut server = Command::new(&example)
        .env("WAMP_ADDR", "127.0.0.1:0")
        .env("METRICS_ADDR", metrics)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", example.display()));
    let mut lines = BufReader::new(server.stdout.take().expect("standard output")).lines();
    let address = async {
        while let Some(line) = lines.next_line().await.expect("a line") {
            if let Some((_, url)) = line.split_once("listening on ws://") {
                return url.split_once("/ws").expect("the WebSocket's path").0.to_owned();
            }
        }
        panic!("it ended without listening");
    };
    let address = timeout(PATIENCE, address).await.expect("it listens in time");
    (server, address)
}

/// What Prometheus would be told.
async fn fetch(address: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut answer)).await.expect("an answer in time").unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer
}

/// A WebSocket client that looks for what it expects in what comes.
struct Client(TcpStream);

impl Client {
    async fn join(address: &str) -> Client {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
        let key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        let request = format!("{head}{key}Sec-WebSocket-Protocol: wamp.2.json\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut client = Client(stream);
        client.ask(r#"[1,"realm1",{"roles":{"caller":{}}}]"#, "[2,").await;
        client
    }

    async fn ask(&mut self, message: &str, end: &str) {
        let mut frame = vec![0x81, 0x80 | u8::try_from(message.len()).unwrap(), 0, 0, 0, 0];
        frame.extend(message.as_bytes());
        self.0.write_all(&frame).await.unwrap();
        let mut answer = Vec::new();
        while !String::from_utf8_lossy(&answer).contains(end) {
            let read = timeout(PATIENCE, self.0.read_buf(&mut answer)).await.expect("an answer in time").unwrap();
            assert!(read > 0, "{end}: {}", String::from_utf8_lossy(&answer));
        }
    }
}
