//! Frames over byte streams: what a connection reads and writes. No transport knows what a frame's content means.

mod buffer;
mod http;
mod memory;
mod opaque;
mod opening;
mod peer;
mod rawsocket;
mod spare;
#[cfg(feature = "tls")]
mod tls;
mod websocket;
#[cfg(not(feature = "tls"))]
mod without_tls;

use std::io;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio::net::TcpStream;

use crate::handler::TlsInfo;

pub use http::TrustedProxies;
pub(crate) use http::{Asked, HttpSettings, Upgrade, request as request_upgrade};
#[cfg(feature = "tower")]
pub(crate) use http::{Refusal, check, judge};
pub(crate) use memory::Memory;
pub(crate) use opaque::Opaque;
pub(crate) use opening::{OpenError, Opened, decline, open};
pub(crate) use peer::Peer;
#[cfg(any(test, fuzzing))]
pub(crate) use rawsocket::accept as accept_handshake;
pub(crate) use rawsocket::{Handshake, RawSocket, request as request_handshake};
#[cfg(feature = "tls")]
pub use tls::{ClientCertificates, ClientTls, TlsConfig, TlsError};
pub(crate) use websocket::{WebSocket, echo};
#[cfg(not(feature = "tls"))]
pub(crate) use without_tls::{ClientTls, TlsConfig};

/// A connection that carries frames both ways.
///
/// Sending never waits: a frame goes to a buffer, whose size the connection watches, and `poll_flush` hands it on.
pub(crate) trait Transport: Send + Unpin + 'static {
    /// What the peer sent next.
    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Received>;

    /// Queues a frame.
    fn send(&mut self, frame: &[u8]);

    /// Queues a ping. Returns whether this kind of transport has any.
    fn ping(&mut self) -> bool;

    /// Queues the end of the connection; nothing can be sent after it.
    fn close(&mut self, close: Close);

    /// Hands what is queued to the operating system.
    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Octets that are queued.
    fn unsent(&self) -> usize;

    /// Octets handed on since the connection began.
    fn sent(&self) -> u64;

    /// Changes how large a frame the peer may send.
    fn set_message_size(&mut self, octets: usize);
}

/// A byte stream beneath frames.
pub(crate) trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin + 'static {
    /// Whether it is worth to try to read again, after a read that found nothing.
    fn poll_readable(&self, context: &mut Context<'_>) -> Poll<()>;

    /// What is known of the TLS that the stream is protected by; none if it is not.
    fn tls_info(&self) -> Option<TlsInfo> {
        None
    }
}

impl ByteStream for TcpStream {
    fn poll_readable(&self, context: &mut Context<'_>) -> Poll<()> {
        // Reading reports what is wrong.
        self.poll_read_ready(context).map(drop)
    }
}

#[cfg(unix)]
impl ByteStream for tokio::net::UnixStream {
    fn poll_readable(&self, context: &mut Context<'_>) -> Poll<()> {
        // Reading reports what is wrong.
        self.poll_read_ready(context).map(drop)
    }
}

impl ByteStream for DuplexStream {
    fn poll_readable(&self, _: &mut Context<'_>) -> Poll<()> {
        // Only reading tells.
        Poll::Ready(())
    }
}

/// A transport of any kind.
pub(crate) type AnyTransport = Box<dyn Transport>;

/// What came from a peer.
#[derive(Debug)]
pub(crate) enum Received {
    /// A whole frame.
    Frame(Bytes),
    /// Something that only shows that the peer is there.
    Control,
    /// What the transport's rules forbid.
    Invalid(Invalid),
    /// The end of the connection.
    Closed,
}

/// How a peer broke the rules of a transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Invalid {
    /// A text frame where the serializer wants binary ones, or the other way round.
    FrameKind { expected: &'static str },
    /// A frame larger than allowed.
    TooLarge,
    /// A text that is not UTF-8.
    NotText,
    /// Anything else, in words for the log.
    Framing(String),
}

impl Invalid {
    /// How to end the connection of a peer that did this.
    pub(crate) fn close(&self) -> Close {
        match self {
            Invalid::TooLarge => Close::TooLarge,
            Invalid::NotText => Close::NotText,
            Invalid::FrameKind { .. } | Invalid::Framing(_) => Close::ProtocolError,
        }
    }
}

/// How to end a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Close {
    /// As the peer has ended it.
    Answer,
    Normal,
    GoingAway,
    ProtocolError,
    NotText,
    TooLarge,
}
