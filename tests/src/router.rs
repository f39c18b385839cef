//! A router that does as its script says, in every serializer: what clients are tested with.

use std::future::{Ready, ready};
use std::io;
use std::time::Duration;

use serde_json::{Value, json};
use serverwamp::client::{self, Connect};
use serverwamp::{Client, Component};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::{Carrier, PATIENCE, Serializer, same};

/// Connections that wait to be accepted; more are refused.
const BACKLOG: usize = 16;

/// Where clients connect to.
pub struct Router {
    serializer: Serializer,
    listener: mpsc::Sender<DuplexStream>,
    accepted: mpsc::Receiver<DuplexStream>,
}

/// The router's end of a client's connection. Messages are written in JSON.
pub struct RouterPeer {
    serializer: Serializer,
    stream: DuplexStream,
    input: Vec<u8>,
    received: std::collections::VecDeque<Value>,
    /// How often the client has sent a ping.
    pub pings: usize,
    requests: u64,
}

impl Serializer {
    /// Where clients that are to speak it find a router on port 8080 of the host `router`.
    pub fn url(self) -> &'static str {
        match self.carrier() {
            Carrier::WebSocket => "ws://router:8080/ws?a=b",
            Carrier::RawSocket => "rs://router:8080",
        }
    }

    /// What clients are told to speak, who know its transport from the URL.
    pub fn of_clients(self) -> client::Serializer {
        match self {
            Serializer::Json | Serializer::RawSocketJson => client::Serializer::Json,
            Serializer::MessagePack | Serializer::RawSocketMessagePack => client::Serializer::MessagePack,
            Serializer::Cbor | Serializer::RawSocketCbor => client::Serializer::Cbor,
            Serializer::JsonBatched => client::Serializer::JsonBatched,
            Serializer::MessagePackBatched => client::Serializer::MessagePackBatched,
            Serializer::CborBatched => client::Serializer::CborBatched,
        }
    }
}

impl Router {
    /// A router that speaks this serializer.
    pub fn new(serializer: Serializer) -> Router {
        let (listener, accepted) = mpsc::channel(BACKLOG);
        Router { serializer, listener, accepted }
    }

    fn dial(&self) -> impl Fn() -> Ready<io::Result<DuplexStream>> + Send + Sync + 'static {
        let listener = self.listener.clone();
        move || {
            let (ours, theirs) = duplex(64 * 1024);
            ready(listener.try_send(ours).map(|()| theirs).map_err(|_| io::ErrorKind::ConnectionRefused.into()))
        }
    }

    /// A client that is to connect here.
    pub fn connect(&self) -> Connect {
        Client::connect(self.serializer.url()).serializers([self.serializer.of_clients()]).through(self.dial())
    }

    /// A component that is to connect here, with the functions of a module.
    pub fn host(&self, module: &'static str) -> Component {
        self.lead(Component::discover_in(self.serializer.url(), module))
    }

    /// A component without functions that is to connect here.
    pub fn manual(&self) -> Component {
        self.lead(Component::new(self.serializer.url()))
    }

    fn lead(&self, component: Component) -> Component {
        component.serializers([self.serializer.of_clients()]).through(self.dial())
    }

    /// The next connection, behind its opening handshake.
    pub async fn accept(&mut self) -> RouterPeer {
        let stream = tokio::time::timeout(PATIENCE, self.accepted.recv()).await.expect("a connection in time");
        let stream = stream.expect("a connection");
        let mut peer = RouterPeer {
            serializer: self.serializer,
            stream,
            input: Vec::new(),
            received: Default::default(),
            pings: 0,
            requests: 0,
        };
        peer.open().await.expect("an opening");
        peer
    }

    /// The next connection, whose client is welcomed to whatever realm it likes.
    pub async fn welcome(&mut self) -> RouterPeer {
        let mut peer = self.accept().await;
        let hello = peer.receive().await.expect("HELLO");
        assert_eq!(hello[0], 1, "{hello}");
        peer.send(welcome()).await;
        peer
    }

    /// Whether nobody connects for as long.
    pub async fn is_left_alone_for(&mut self, time: Duration) -> bool {
        tokio::time::timeout(time, self.accepted.recv()).await.is_err()
    }
}

/// WELCOME of a router that knows what clients can use.
pub fn welcome() -> Value {
    let dealer = json!({"call_canceling": true, "call_timeout": true, "progressive_call_results": true});
    let roles = json!({"broker": {}, "dealer": {"features": dealer}});
    json!([2, 7, {"roles": roles, "authid": "joe", "authrole": "user", "authmethod": "ticket"}])
}

impl RouterPeer {
    async fn open(&mut self) -> Option<()> {
        match self.serializer.carrier() {
            Carrier::RawSocket => {
                while self.input.len() < 4 {
                    self.read().await?;
                }
                let asked: Vec<u8> = self.input.drain(..4).collect();
                assert_eq!((asked[0], asked[1] & 0x0f, &asked[2..]), (0x7f, self.serializer.number(), &[0, 0][..]));
                self.stream.write_all(&[0x7f, 0xf0 | self.serializer.number(), 0, 0]).await.ok()
            }
            Carrier::WebSocket => {
                let end = loop {
                    match self.input.windows(4).position(|end| end == b"\r\n\r\n") {
                        Some(start) => break start + 4,
                        None => self.read().await?,
                    }
                };
                let head = String::from_utf8(self.input.drain(..end).collect()).expect("a head of text");
                let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
                assert!(head.starts_with("GET /ws?a=b HTTP/1.1\r\nHost: router:8080\r\n"), "{head}");
                assert_eq!(field("Sec-WebSocket-Protocol: "), self.serializer.subprotocol());
                let accept = derive_accept_key(field("Sec-WebSocket-Key: ").as_bytes());
                let answer = format!(
                    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                     Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: {}\r\n\r\n",
                    self.serializer.subprotocol()
                );
                self.stream.write_all(answer.as_bytes()).await.ok()
            }
        }
    }

    /// The id of the next request of the router's own.
    pub fn next_id(&mut self) -> u64 {
        self.requests += 1;
        self.requests
    }

    /// Sends a message.
    pub async fn send(&mut self, message: Value) {
        for frame in self.serializer.frames(&[message]) {
            self.send_frame(&frame).await;
        }
    }

    /// Sends a frame as it is. A closed connection shows at the next `receive`.
    pub async fn send_frame(&mut self, payload: &[u8]) {
        let kind = match self.serializer.carrier() {
            Carrier::WebSocket => 2 - u8::from(self.serializer.is_websocket_text()),
            Carrier::RawSocket => 0,
        };
        self.write(kind, payload).await;
    }

    /// Sends a ping.
    pub async fn ping(&mut self) {
        let kind = if self.serializer.carrier() == Carrier::WebSocket { 9 } else { 1 };
        self.write(kind, b"ping").await;
    }

    async fn write(&mut self, kind: u8, payload: &[u8]) {
        let mut frame = match self.serializer.carrier() {
            Carrier::RawSocket => {
                (u32::try_from(payload.len()).expect("a short length") | u32::from(kind) << 24).to_be_bytes().to_vec()
            }
            Carrier::WebSocket => {
                let mut head = vec![0x80 | kind];
                match payload.len() {
                    length @ ..126 => head.push(u8::try_from(length).expect("a short length")),
                    length => {
                        head.push(127);
                        head.extend((length as u64).to_be_bytes());
                    }
                }
                head
            }
        };
        frame.extend(payload);
        let _ = self.stream.write_all(&frame).await;
    }

    /// The next message; none once the connection is closed. Pings are answered. Cancel-safe.
    pub async fn receive(&mut self) -> Option<Value> {
        loop {
            if let Some(message) = self.received.pop_front() {
                return Some(message);
            }
            match self.take_frame() {
                Some((true, payload)) => self.received.extend(self.serializer.messages(&payload)),
                Some((false, payload)) => {
                    self.pings += 1;
                    let pong = if self.serializer.carrier() == Carrier::WebSocket { 10 } else { 2 };
                    self.write(pong, &payload).await;
                }
                None => tokio::time::timeout(PATIENCE, self.read()).await.expect("something in time")?,
            }
        }
    }

    /// The next message, which must be like this one; `"…"` stands for anything.
    #[track_caller]
    pub fn expect(&mut self, wanted: Value) -> impl Future<Output = Value> {
        let location = std::panic::Location::caller();
        async move {
            let got = self.receive().await.unwrap_or_else(|| panic!("{location}: closed instead of {wanted}"));
            assert!(same(&got, &wanted), "{location}: {}\n     got {got}\nexpected {wanted}", self.serializer);
            got
        }
    }

    /// Whether nothing is received for as long, while pings are left without an answer.
    pub async fn is_silent_for(&mut self, time: Duration) -> bool {
        self.received.is_empty()
            && tokio::time::timeout(time, async {
                while self.take_frame().is_none_or(|(is_message, _)| !is_message) {
                    if self.read().await.is_none() {
                        break;
                    }
                }
            })
            .await
            .is_err()
    }

    async fn read(&mut self) -> Option<()> {
        self.stream.read_buf(&mut self.input).await.ok().filter(|read| *read > 0).map(drop)
    }

    /// The next frame with messages, or ping, if it has been read as a whole; none at the end of a WebSocket.
    fn take_frame(&mut self) -> Option<(bool, Vec<u8>)> {
        loop {
            let (kind, end, payload) = match self.serializer.carrier() {
                Carrier::RawSocket => {
                    let head = u32::from_be_bytes(self.input.get(..4)?.try_into().ok()?);
                    let end = 4 + (head & 0x00ff_ffff) as usize;
                    (head >> 24, end, self.input.get(4..end)?.to_vec())
                }
                Carrier::WebSocket => {
                    assert!(self.input.get(1)? & 0x80 != 0, "a client masks what it sends");
                    let (head, length) = match self.input[1] & 0x7f {
                        126 => (4, u64::from(u16::from_be_bytes(self.input.get(2..4)?.try_into().ok()?))),
                        127 => (10, u64::from_be_bytes(self.input.get(2..10)?.try_into().ok()?)),
                        length => (2, u64::from(length)),
                    };
                    let mask: [u8; 4] = self.input.get(head..head + 4)?.try_into().ok()?;
                    let end = head + 4 + usize::try_from(length).expect("a short length");
                    let masked = self.input.get(head + 4..end)?;
                    let payload = masked.iter().zip(mask.iter().cycle()).map(|(octet, mask)| octet ^ mask).collect();
                    let kind = match self.input[0] {
                        0x81 | 0x82 => 0,
                        0x89 => 1,
                        0x8a => 2,
                        0x88 => 3,
                        other => panic!("a WebSocket frame of kind {other:02x}"),
                    };
                    (kind, end, payload)
                }
            };
            self.input.drain(..end);
            match kind {
                0 => return Some((true, payload)),
                1 => return Some((false, payload)),
                // Pongs, and the end, which is followed by that of the stream.
                _ => {}
            }
        }
    }
}
