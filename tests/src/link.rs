//! What carries a peer's frames, written by hand, so that the server's own code is not its judge.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::Serializer;

/// What a connection is made of, beneath its frames.
pub trait Octets: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Octets for S {}

/// A connection to an app.
pub(crate) struct Link {
    stream: Box<dyn Octets>,
    carrier: Carrier,
    /// What has been read, of which so much has been taken.
    input: Vec<u8>,
    taken: usize,
    is_open: bool,
    /// What a WebSocket was closed with.
    pub(crate) close_code: Option<u16>,
}

/// The transport of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// RFC 6455, with text frames where the serializer is one of text.
    WebSocket,
    /// PROTOCOL 1.10.
    RawSocket,
}

/// What comes from a server next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A frame with messages.
    Frame(Vec<u8>),
    /// The answer to a ping.
    Pong(Vec<u8>),
    /// The close frame of a WebSocket, with its code if it has one.
    Close(Option<u16>),
    /// The end of the stream.
    End,
}

/// What a frame is for.
enum Kind {
    Message,
    Ping,
    Pong,
    Close,
}

impl Link {
    /// Begins. The server's answer is waited for when it is needed. Over RawSocket, `length` is how large a message is
    /// taken, as the handshake says it.
    pub(crate) fn open(stream: impl Octets, serializer: Serializer, length: u8) -> Link {
        let carrier = serializer.carrier();
        let mut link =
            Link { stream: Box::new(stream), carrier, input: Vec::new(), taken: 0, is_open: false, close_code: None };
        let opening = match carrier {
            Carrier::WebSocket => format!(
                "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                 Sec-WebSocket-Protocol: {}\r\n\r\n",
                serializer.subprotocol()
            )
            .into_bytes(),
            Carrier::RawSocket => vec![0x7f, length << 4 | serializer.number(), 0, 0],
        };
        let written = futures_util::FutureExt::now_or_never(link.stream.write_all(&opening));
        // A stream that has ended already shows when something is received.
        let _ = written.expect("room for the first octets");
        link
    }

    /// Sends a frame with one message, or one batch.
    pub(crate) async fn send(&mut self, serializer: Serializer, payload: &[u8]) -> Option<()> {
        self.await_opening().await?;
        self.write(Kind::Message, serializer.is_websocket_text(), payload).await
    }

    /// Sends octets as they are.
    pub(crate) async fn send_octets(&mut self, octets: &[u8]) -> Option<()> {
        self.await_opening().await?;
        self.stream.write_all(octets).await.ok()
    }

    /// The next frame with messages; none at the end of the connection. Cancel-safe.
    pub(crate) async fn receive(&mut self) -> Option<Vec<u8>> {
        loop {
            match self.hear().await {
                Heard::Frame(payload) => return Some(payload),
                Heard::Pong(_) => {}
                Heard::Close(code) => {
                    self.close_code = code;
                    return None;
                }
                Heard::End => return None,
            }
        }
    }

    /// What comes next, whatever it is; pings are answered. Cancel-safe.
    pub(crate) async fn hear(&mut self) -> Heard {
        self.try_hear().await.unwrap_or(Heard::End)
    }

    async fn try_hear(&mut self) -> Option<Heard> {
        self.await_opening().await?;
        loop {
            let Some((kind, payload)) = self.take_frame() else {
                self.read().await?;
                continue;
            };
            match kind {
                Kind::Message => return Some(Heard::Frame(payload)),
                Kind::Ping => self.write(Kind::Pong, false, &payload).await?,
                Kind::Pong => return Some(Heard::Pong(payload)),
                Kind::Close => return Some(Heard::Close(payload.first_chunk().map(|code| u16::from_be_bytes(*code)))),
            }
        }
    }

    async fn await_opening(&mut self) -> Option<()> {
        while !self.is_open {
            let length = match self.carrier {
                Carrier::WebSocket => self.input.windows(4).position(|end| end == b"\r\n\r\n").map(|start| start + 4),
                Carrier::RawSocket => (self.input.len() >= 4).then_some(4),
            };
            match length {
                Some(length) => {
                    let answer = &self.input[..length];
                    let expected = match self.carrier {
                        Carrier::WebSocket => answer.starts_with(b"HTTP/1.1 101"),
                        Carrier::RawSocket => answer[0] == 0x7f && answer[1] & 0x0f != 0,
                    };
                    if !expected {
                        return None;
                    }
                    self.taken = length;
                    self.is_open = true;
                }
                None => self.read().await?,
            }
        }
        Some(())
    }

    async fn read(&mut self) -> Option<()> {
        self.input.drain(..self.taken);
        self.taken = 0;
        self.input.reserve(64 * 1024);
        self.stream.read_buf(&mut self.input).await.ok().filter(|read| *read > 0).map(drop)
    }

    async fn write(&mut self, kind: Kind, text: bool, payload: &[u8]) -> Option<()> {
        let mut frame = match self.carrier {
            Carrier::WebSocket => {
                let opcode = match kind {
                    Kind::Message => 2 - u8::from(text),
                    Kind::Close => 8,
                    Kind::Ping => 9,
                    Kind::Pong => 10,
                };
                let mut head = vec![0x80 | opcode];
                match payload.len() {
                    length @ ..126 => head.push(0x80 | u8::try_from(length).expect("a short length")),
                    length => {
                        head.push(0x80 | 127);
                        head.extend((length as u64).to_be_bytes());
                    }
                }
                // The mask changes nothing.
                head.extend([0; 4]);
                head
            }
            Carrier::RawSocket => {
                let kind = match kind {
                    Kind::Message => 0,
                    Kind::Ping => 1,
                    Kind::Pong | Kind::Close => 2,
                };
                (u32::try_from(payload.len()).expect("a short length") | kind << 24).to_be_bytes().to_vec()
            }
        };
        frame.extend(payload);
        self.stream.write_all(&frame).await.ok()
    }

    /// The next frame, if it has been read as a whole. The server sends it in one piece and without a mask.
    fn take_frame(&mut self) -> Option<(Kind, Vec<u8>)> {
        let input = self.input.get(self.taken..)?;
        let (kind, head, length) = match self.carrier {
            Carrier::WebSocket => {
                let (head, length) = match *input.get(1)? {
                    126 => (4, u64::from(u16::from_be_bytes(input.get(2..4)?.try_into().ok()?))),
                    127 => (10, u64::from_be_bytes(input.get(2..10)?.try_into().ok()?)),
                    length => (2, u64::from(length)),
                };
                let kind = match input[0] {
                    0x81 | 0x82 => Kind::Message,
                    0x88 => Kind::Close,
                    0x89 => Kind::Ping,
                    0x8a => Kind::Pong,
                    other => panic!("a WebSocket frame of kind {other:02x}"),
                };
                (kind, head, length)
            }
            Carrier::RawSocket => {
                let head = u32::from_be_bytes(input.get(..4)?.try_into().ok()?);
                let kind = match head >> 24 {
                    0 => Kind::Message,
                    1 => Kind::Ping,
                    2 => Kind::Pong,
                    other => panic!("a RawSocket frame of kind {other:02x}"),
                };
                (kind, 4, u64::from(head & 0x00ff_ffff))
            }
        };
        let end = head + usize::try_from(length).expect("a short length");
        let payload = input.get(head..end)?.to_vec();
        self.taken += end;
        Some((kind, payload))
    }
}
