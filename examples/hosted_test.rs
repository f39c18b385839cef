//! WAMP inside the HTTP servers of `axum` and `hyper`, each as a process.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, clippy::indexing_slicing)]

use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

const PATIENCE: Duration = Duration::from_secs(60);
const EXAMPLES: [&str; 2] = ["axum", "hyper"];

/// An example as a process.
struct Server {
    process: Child,
    address: String,
}

impl Server {
    async fn start(example: &str) -> Server {
        let test = std::env::current_exe().expect("this program");
        let path = test.ancestors().nth(2).expect("a folder of builds").join("examples").join(example);
        let mut process = Command::new(&path)
            .env("ADDR", "127.0.0.1:0")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut lines = BufReader::new(process.stdout.take().expect("standard output")).lines();
        let line = timeout(PATIENCE, lines.next_line()).await.expect("it listens in time").unwrap().expect("a line");
        Server { process, address: line.strip_prefix("listening on ").expect("an address").to_owned() }
    }

    /// Sends a request and returns the status and what the body is.
    async fn request(&self, method: &str, target: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        let length = body.len();
        let head = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
        let request = format!("{head}Content-Type: text/plain\r\nContent-Length: {length}\r\n\r\n{body}");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut answer)).await.expect("an answer in time").unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        (head.split(' ').nth(1).expect("a status").parse().unwrap(), body.to_owned())
    }

    fn signal(&self) {
        let id = self.process.id().expect("a running process").to_string();
        assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    }

    async fn exit(mut self) -> ExitStatus {
        timeout(PATIENCE, self.process.wait()).await.expect("it ends in time").unwrap()
    }
}

struct Client(WebSocketStream<TcpStream>);

impl Client {
    async fn join(server: &Server) -> Client {
        let mut request = format!("ws://{}/ws", server.address).into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "wamp.2.json".parse().unwrap());
        let stream = TcpStream::connect(&server.address).await.unwrap();
        let mut client = Client(tokio_tungstenite::client_async(request, stream).await.unwrap().0);
        client.send(json!([1, "realm1", {"roles": {"caller": {}, "subscriber": {}}}])).await;
        assert_eq!(client.receive().await[0], 2);
        client
    }

    async fn send(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    async fn receive(&mut self) -> Value {
        let message = timeout(PATIENCE, self.0.next()).await.expect("a message in time").expect("a message").unwrap();
        serde_json::from_str(message.to_text().unwrap()).unwrap()
    }

    async fn close_code(&mut self) -> u16 {
        match timeout(PATIENCE, self.0.next()).await.expect("a message in time") {
            Some(Ok(Message::Close(Some(frame)))) => frame.code.into(),
            other => panic!("expected a close frame, got {other:?}"),
        }
    }
}

#[tokio::test]
async fn rest_and_wamp_share_what_they_know() {
    for example in EXAMPLES {
        let server = Server::start(example).await;
        let mut client = Client::join(&server).await;
        client.send(json!([32, 1, {}, "notes.added"])).await;
        assert_eq!(client.receive().await[0], 33, "{example}");
        assert_eq!(server.request("POST", "/notes", "by REST").await.0, 201, "{example}");
        let event = client.receive().await;
        assert_eq!((&event[0], &event[4]), (&json!(36), &json!(["by REST"])), "{example}");
        client.send(json!([48, 1, {}, "notes.add", ["by WAMP"]])).await;
        assert_eq!(client.receive().await[4], json!(["by WAMP"]), "{example}");
        assert_eq!(client.receive().await, json!([50, 1, {}]), "{example}");
        client.send(json!([48, 2, {}, "notes.list"])).await;
        assert_eq!(client.receive().await, json!([50, 2, {}, ["by REST", "by WAMP"]]), "{example}");
        assert_eq!(
            server.request("GET", "/notes", "").await,
            (200, r#"["by REST","by WAMP"]"#.to_owned()),
            "{example}"
        );
        for (target, status) in [("/healthz", 200), ("/readyz", 200), ("/ws", 426), ("/other", 404)] {
            assert_eq!(server.request("GET", target, "").await.0, status, "{example} {target}");
        }
    }
}

/// The host closes its port when it has heard of the shutdown, a moment before or after the sessions have.
async fn nobody_else_comes(address: &str) {
    while TcpStream::connect(address).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn one_shutdown_is_for_all() {
    for example in EXAMPLES {
        let server = Server::start(example).await;
        let (mut idle, mut busy) = (Client::join(&server).await, Client::join(&server).await);
        busy.send(json!([48, 1, {}, "notes.remind", ["tea", 0.5]])).await;
        busy.send(json!([48, 2, {}, "notes.list"])).await;
        assert_eq!(busy.receive().await, json!([50, 2, {}]), "{example}");
        // A connection that was there before may still ask.
        let mut waiting = TcpStream::connect(&server.address).await.unwrap();
        waiting.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n").await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        server.signal();
        assert_eq!(idle.receive().await, json!([6, {}, "wamp.close.system_shutdown"]), "{example}");
        idle.send(json!([6, {}, "wamp.close.goodbye_and_out"])).await;
        assert_eq!(idle.close_code().await, 1001, "{example}");
        timeout(PATIENCE, nobody_else_comes(&server.address)).await.expect("the port is closed");
        waiting.write_all(b"\r\n").await.unwrap();
        let mut answer = String::new();
        let _ = timeout(PATIENCE, waiting.read_to_string(&mut answer)).await.expect("the connection ends");
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 503"), "{example}: {answer}");
        assert_eq!(busy.receive().await, json!([50, 1, {}, ["do not forget: tea"]]), "{example}: a running call ends");
        assert_eq!(busy.receive().await, json!([6, {}, "wamp.close.system_shutdown"]), "{example}");
        drop(busy);
        assert_eq!(server.exit().await.code(), Some(0), "{example}");
    }
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    for example in EXAMPLES {
        let server = Server::start(example).await;
        let mut client = Client::join(&server).await;
        client.send(json!([48, 1, {}, "notes.remind", ["tea", 60]])).await;
        client.send(json!([48, 2, {}, "notes.list"])).await;
        assert_eq!(client.receive().await, json!([50, 2, {}]), "{example}");
        let begin = Instant::now();
        server.signal();
        while TcpStream::connect(&server.address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        server.signal();
        assert_eq!(server.exit().await.code(), Some(0), "{example}");
        assert!(begin.elapsed() < Duration::from_secs(8), "{example}: before the drain time is over");
    }
}
