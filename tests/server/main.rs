//! The server on real sockets: the upgrade, its refusals, pings, and the end of the process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[macro_use]
mod line;

mod autobahn;
mod binding;
mod client;
mod clients;
mod ends;
#[cfg(target_os = "linux")]
mod exhaustion;
mod health;
#[cfg(unix)]
mod hosting;
mod killed;
mod limits;
mod process;
mod progress;
mod proxies;
#[cfg(unix)]
mod rawsocket;
mod readers;
#[cfg(unix)]
mod router;
#[cfg(target_os = "linux")]
mod systemd;
mod tls;
mod upgrade;

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use serverwamp::{App, Session, wamp};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use line::{Line, Place, Stream};

const PATIENCE: Duration = Duration::from_secs(20);

#[wamp::rpc("add")]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

#[wamp::rpc("echo")]
async fn echo(text: String) -> String {
    text
}

#[wamp::rpc("count")]
async fn count(to: u32, progress: serverwamp::Progress<u32>) -> &'static str {
    for number in 0..to {
        if progress.send(number).await.is_err() {
            break;
        }
    }
    "done"
}

#[wamp::rpc("where")]
async fn transport(session: Session) -> (String, Option<String>, Option<String>, bool) {
    let transport = session.transport();
    let peer = transport.peer.is_some_and(|peer| peer.ip().is_loopback());
    (transport.path.clone(), transport.query.clone(), transport.cookie("b").map(str::to_owned), peer)
}

fn app() -> App {
    App::discover().bind("127.0.0.1:0")
}

/// Runs an app for as long as the test does.
async fn start(app: App) -> SocketAddr {
    let handle = app.handle();
    tokio::spawn(async move { app.await.expect("the server runs") });
    handle.addresses().await[0]
}

/// A WebSocket client in JSON.
struct Client(WebSocketStream<Stream>);

impl Client {
    async fn open(place: impl Into<Place>, target: &str, headers: &[(&str, &str)]) -> Client {
        let place = place.into();
        Client::over(place.connect().await, place.address, target, headers).await
    }

    /// Opens a WebSocket over a connection that there is.
    async fn over(stream: Stream, address: SocketAddr, target: &str, headers: &[(&str, &str)]) -> Client {
        Client::try_over(stream, address, target, headers).await.expect("a WebSocket")
    }

    /// Opens a WebSocket, unless the server refuses.
    async fn try_open(place: impl Into<Place>, target: &str, headers: &[(&str, &str)]) -> Option<Client> {
        let place = place.into();
        Client::try_over(place.connect().await, place.address, target, headers).await
    }

    async fn try_over(stream: Stream, address: SocketAddr, target: &str, headers: &[(&str, &str)]) -> Option<Client> {
        let mut request = format!("ws://{address}{target}").into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "wamp.2.json".parse().unwrap());
        for (name, value) in headers {
            let name: tokio_tungstenite::tungstenite::http::HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        match tokio_tungstenite::client_async(request, stream).await {
            Ok((stream, response)) => {
                assert_eq!(response.headers()["sec-websocket-protocol"], "wamp.2.json");
                Some(Client(stream))
            }
            Err(tokio_tungstenite::tungstenite::Error::Http(_)) => None,
            Err(error) => panic!("{error}"),
        }
    }

    async fn join(place: impl Into<Place>) -> Client {
        let mut client = Client::open(place, "/ws", &[]).await;
        client.hello().await;
        client
    }

    async fn hello(&mut self) {
        self.send(json!([1, "realm1", {"roles": {"caller": {}}}])).await;
        assert_eq!(self.receive().await.unwrap()[0], 2);
    }

    async fn send(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    /// The next WAMP message; none at the end of the connection.
    async fn receive(&mut self) -> Option<Value> {
        loop {
            match self.next().await? {
                Message::Text(text) => return Some(serde_json::from_str(&text).unwrap()),
                Message::Close(_) => return None,
                _ => {}
            }
        }
    }

    /// The code that the server closes with.
    async fn close_code(&mut self) -> u16 {
        loop {
            if let Message::Close(frame) = self.next().await.expect("a close frame") {
                return frame.expect("a close code").code.into();
            }
        }
    }

    async fn next(&mut self) -> Option<Message> {
        tokio::time::timeout(PATIENCE, self.0.next()).await.expect("a message in time")?.ok()
    }

    async fn assert_alive(&mut self) {
        self.send(json!([48, 77, {}, "add", [2, 3]])).await;
        assert_eq!(self.receive().await, Some(json!([50, 77, {}, [5]])));
    }
}
