//! RawSocket: frames with their length in front, over any byte stream. PROTOCOL 1.10.

mod handshake;
#[cfg(test)]
mod tests;

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::Buf;
use tokio::io::AsyncReadExt;

use super::buffer::{ReadBuffer, WriteBuffer};
use super::{ByteStream, Close, Invalid, Received, Transport};

pub(crate) use handshake::{Handshake, HandshakeError, MAGIC, NO_ROOM, accept, request};

/// Room below which more is made for the next octets.
const LEAST_ROOM: usize = 512;

/// The length that has a bit of its own, as 24 bits end one octet below it.
const LARGEST: usize = 1 << 24;

/// A RawSocket whose handshake is over.
pub(crate) struct RawSocket<S> {
    stream: S,
    input: ReadBuffer,
    output: WriteBuffer,
    /// The last read found nothing: only the stream's readiness makes another one worthwhile.
    drained: bool,
    /// Octets of a frame that the handshake allows the peer.
    announced: usize,
    /// Octets of a frame that are accepted now.
    accepted: usize,
    closing: Closing,
    /// The peer broke the framing: what it still sends cannot be read as frames.
    broken: bool,
}

/// How far the end of a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closing {
    Open,
    /// What is queued goes out, and nothing more.
    Queued,
    Shut,
}

/// What a frame is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Message = 0,
    Ping = 1,
    Pong = 2,
}

/// The four octets in front of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Header {
    kind: Kind,
    length: usize,
}

impl Header {
    const OCTETS: usize = 4;

    /// Reads `RRRR XTTT` and 24 bits of length, where X stands for the one length that they cannot say.
    fn parse(octets: [u8; Header::OCTETS]) -> Result<Header, String> {
        let [flags, length @ ..] = octets;
        let [high, middle, low] = length;
        let length = u32::from_be_bytes([0, high, middle, low]) as usize;
        let kind = match flags & 0b0111 {
            0 => Kind::Message,
            1 => Kind::Ping,
            2 => Kind::Pong,
            kind => return Err(format!("frames of type {kind} are reserved")),
        };
        match flags >> 3 {
            0 => Ok(Header { kind, length }),
            1 if length == 0 => Ok(Header { kind, length: LARGEST }),
            1 => Err("a length above 2^24".to_owned()),
            _ => Err("reserved bits are set".to_owned()),
        }
    }

    fn octets(self) -> [u8; Header::OCTETS] {
        let [overflow, high, middle, low] = u32::try_from(self.length).unwrap_or(u32::MAX).to_be_bytes();
        [overflow << 3 | self.kind as u8, high, middle, low]
    }
}

impl<S: ByteStream> RawSocket<S> {
    /// An end of a connection after its handshake, which says how large the peer's frames may ever be.
    pub(crate) fn new(stream: S, handshake: Handshake, accepted: usize) -> RawSocket<S> {
        let Handshake { announced, rest, .. } = handshake;
        RawSocket {
            stream,
            input: ReadBuffer::new(&rest),
            output: WriteBuffer::default(),
            drained: false,
            announced,
            accepted: accepted.min(announced),
            closing: Closing::Open,
            broken: false,
        }
    }

    /// Takes the next frame from what has been read, if it is there as a whole.
    fn next_frame(&mut self) -> Option<Received> {
        if self.broken {
            self.input.clear();
            return None;
        }
        let octets = self.input.first_chunk::<{ Header::OCTETS }>()?;
        let header = match Header::parse(*octets) {
            Ok(header) if header.length <= self.accepted => header,
            Ok(_) => return Some(self.fail(Invalid::TooLarge)),
            Err(message) => return Some(self.fail(Invalid::Framing(message))),
        };
        if self.input.len().saturating_sub(Header::OCTETS) < header.length {
            return None;
        }
        self.input.advance(Header::OCTETS);
        let payload = self.input.split_to(header.length);
        match header.kind {
            Kind::Message => return Some(Received::Frame(payload.freeze())),
            Kind::Ping => self.queue(Kind::Pong, &payload),
            Kind::Pong => {}
        }
        Some(Received::Control)
    }

    #[cold]
    fn fail(&mut self, invalid: Invalid) -> Received {
        self.broken = true;
        Received::Invalid(invalid)
    }

    fn queue(&mut self, kind: Kind, payload: &[u8]) {
        if payload.len() > LARGEST {
            // Nobody sends what the peer does not take, and none takes this; if it were so, a gap would be worse.
            self.close(Close::TooLarge);
        }
        if self.closing == Closing::Open {
            let header = Header { kind, length: payload.len() };
            self.output.tail().extend_from_slice(&header.octets());
            self.output.tail().extend_from_slice(payload);
        }
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        // TLS may have taken more from its socket than a read has got, of which the socket's readiness says nothing.
        if self.drained {
            ready!(self.stream.poll_readable(context));
            self.drained = false;
        }
        let read = pin!(self.stream.read_buf(self.input.room(LEAST_ROOM))).poll(context);
        self.drained = read.is_pending();
        read
    }
}

impl<S: ByteStream> Transport for RawSocket<S> {
    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Received> {
        if let Some(received) = self.next_frame() {
            return Poll::Ready(received);
        }
        match self.poll_read(context) {
            // Part of a frame also shows that the peer is there, however long the frame may take.
            Poll::Ready(Ok(1..)) => Poll::Ready(self.next_frame().unwrap_or(Received::Control)),
            Poll::Ready(Ok(0) | Err(_)) => Poll::Ready(Received::Closed),
            Poll::Pending => Poll::Pending,
        }
    }

    fn send(&mut self, frame: &[u8]) {
        self.queue(Kind::Message, frame);
    }

    fn ping(&mut self) -> bool {
        self.queue(Kind::Ping, &[]);
        true
    }

    fn close(&mut self, _: Close) {
        if self.closing == Closing::Open {
            self.closing = Closing::Queued;
        }
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.drained {
            // What was read has been handled by now, so that the buffer is free for others.
            self.input.rest();
        }
        ready!(self.output.poll_drain(&mut self.stream, context))?;
        if self.closing == Closing::Queued {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
            self.closing = Closing::Shut;
        }
        Poll::Ready(Ok(()))
    }

    fn unsent(&self) -> usize {
        self.output.unsent()
    }

    fn sent(&self) -> u64 {
        self.output.sent()
    }

    fn set_message_size(&mut self, octets: usize) {
        self.accepted = octets.min(self.announced);
    }
}
