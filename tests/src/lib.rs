//! What the tests of serverwamp share: peers that speak every serializer, written in JSON.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod certificates;
pub mod history;
mod judge;
mod link;
pub mod load;
pub mod login;
pub mod proxy;
mod router;

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Value, json};
use serverwamp::{App, testing};

use self::link::Link;

pub use judge::Serializer;
pub use link::{Carrier, Heard, Octets};
pub use router::{Router, RouterPeer, welcome};

/// How long a test waits for a message that should come.
const PATIENCE: Duration = Duration::from_secs(300);

/// A peer that sends and receives messages in one of the serializers; all are written in JSON here, where a string that
/// begins with U+0000 is binary.
pub struct Peer {
    link: Link,
    serializer: Serializer,
    received: VecDeque<Value>,
}

impl Peer {
    /// Connects without a word.
    pub fn connect(app: &App, serializer: Serializer) -> Peer {
        Peer::accepting(app, serializer, 15)
    }

    /// Connects without a word, over RawSocket, and says that it takes no message of more than 2^(9 + `length`) octets.
    pub fn accepting(app: &App, serializer: Serializer, length: u8) -> Peer {
        let stream = testing::socket(app).expect("the app starts");
        Peer { link: Link::open(stream, serializer, length), serializer, received: VecDeque::new() }
    }

    /// Begins a connection without a word, over a stream that leads to an app.
    pub fn over(stream: impl Octets, serializer: Serializer) -> Peer {
        Peer { link: Link::open(stream, serializer, 15), serializer, received: VecDeque::new() }
    }

    /// Connects and joins `realm1` with all roles. The WELCOME is checked to be one.
    pub async fn join(app: &App, serializer: Serializer) -> Peer {
        Peer::connect(app, serializer).joined().await
    }

    /// Joins `realm1` with all roles. The WELCOME is checked to be one.
    pub async fn joined(mut self) -> Peer {
        self.enter().await;
        self
    }

    /// Joins `realm1` with all roles. The WELCOME is checked to be one.
    pub async fn enter(&mut self) {
        self.send(hello("realm1")).await;
        let welcome = self.receive().await.expect("WELCOME");
        assert_eq!(welcome[0], 2, "{}: {welcome}", self.serializer);
    }

    /// Sends a message.
    pub async fn send(&mut self, message: Value) {
        self.send_all(&[message]).await;
    }

    /// Sends messages, as one batch where the serializer has them.
    pub async fn send_all(&mut self, messages: &[Value]) {
        for frame in self.serializer.frames(messages) {
            self.send_frame(&frame).await;
        }
    }

    /// Sends a frame as it is. A closed connection shows at the next `receive`.
    pub async fn send_frame(&mut self, frame: &[u8]) {
        let _ = self.link.send(self.serializer, frame).await;
    }

    /// Sends octets as they are, beneath all frames.
    pub async fn send_octets(&mut self, octets: &[u8]) {
        let _ = self.link.send_octets(octets).await;
    }

    /// The next message; none once the connection is closed.
    pub async fn receive(&mut self) -> Option<Value> {
        while self.received.is_empty() {
            let frame = tokio::time::timeout(PATIENCE, self.link.receive()).await.expect("a message in time")?;
            self.received.extend(self.serializer.messages(&frame));
        }
        self.received.pop_front()
    }

    /// The code that the server has closed with, once `receive` has returned none; RawSocket has none.
    pub fn close_code(&self) -> Option<u16> {
        self.link.close_code
    }

    /// What comes next, frame by frame, for a peer that has no message left to `receive`.
    pub async fn hear(&mut self) -> Heard {
        assert!(self.received.is_empty(), "messages are left: {:?}", self.received);
        tokio::time::timeout(PATIENCE, self.link.hear()).await.expect("something in time")
    }

    /// The serializer.
    pub fn serializer(&self) -> Serializer {
        self.serializer
    }

    /// The next frame as it came; none once the connection is closed.
    pub async fn receive_frame(&mut self) -> Option<Vec<u8>> {
        tokio::time::timeout(PATIENCE, self.link.receive()).await.expect("a frame in time")
    }

    /// Whether nothing comes for a while (of paused time).
    pub async fn is_silent(&mut self) -> bool {
        self.is_silent_for(Duration::from_millis(500)).await
    }

    /// Whether nothing comes for as long, while pings are answered.
    pub async fn is_silent_for(&mut self, time: Duration) -> bool {
        self.received.is_empty() && tokio::time::timeout(time, self.link.receive()).await.is_err()
    }
}

/// HELLO with all roles.
pub fn hello(realm: &str) -> Value {
    json!([1, realm, {"roles": {"caller": {}, "callee": {}, "publisher": {}, "subscriber": {}}}])
}

/// Sends a message on an established session and compares the answers, in every serializer.
pub async fn check(app: &App, sent: Value, expected: &[Value]) {
    for serializer in Serializer::ALL {
        let mut peer = Peer::join(app, serializer).await;
        peer.send(sent.clone()).await;
        for wanted in expected {
            let got = peer.receive().await.unwrap_or_else(|| panic!("{serializer}: closed instead of {wanted}"));
            assert!(same(&got, wanted), "{serializer}: sent {sent}\n     got {got}\nexpected {wanted}");
        }
    }
}

/// A call with these arguments, as a CALL's tail, and its result's tail.
pub async fn check_call(app: &App, procedure: &str, arguments: Value, result: Value) {
    check(app, tail(json!([48, 1, {}, procedure]), arguments), &[tail(json!([50, 1, {}]), result)]).await;
}

/// A call with these arguments, and the error that it ends in.
pub async fn check_error(app: &App, procedure: &str, arguments: Value, error: &str, payload: Value) {
    check(app, tail(json!([48, 1, {}, procedure]), arguments), &[tail(json!([8, 48, 1, {}, error]), payload)]).await;
}

fn tail(mut message: Value, more: Value) -> Value {
    let list = message.as_array_mut().expect("a list");
    list.extend(more.as_array().expect("a list").iter().cloned());
    message
}

/// Equal, where the text `"…"` stands for anything.
pub fn same(got: &Value, wanted: &Value) -> bool {
    match (got, wanted) {
        (_, Value::String(any)) if any == "…" => true,
        (Value::Array(got), Value::Array(wanted)) => {
            got.len() == wanted.len() && got.iter().zip(wanted).all(|(got, wanted)| same(got, wanted))
        }
        (Value::Object(got), Value::Object(wanted)) => {
            got.len() == wanted.len()
                && wanted.iter().all(|(key, wanted)| got.get(key).is_some_and(|got| same(got, wanted)))
        }
        _ => got == wanted,
    }
}
