//! What a connection begins with: one port is for all of them, told apart by their first octet.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::http::{self, HttpError, HttpSettings, Probe, Requested, Upgrade};
use super::peer::Peer;
use super::rawsocket::{self, Handshake, HandshakeError, MAGIC, NO_ROOM};
use crate::limits::Limits;

/// What a peer opened.
#[derive(Debug)]
pub(crate) enum Opened {
    WebSocket(Upgrade),
    RawSocket(Handshake),
    /// Something else is asked, and not answered yet.
    Probe(Probe),
}

/// Why a peer opened nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("no TLS: {0}")]
    Tls(std::io::Error),
    #[error("closed before it sent anything")]
    Silent,
    #[error("begins with {0:#04x}, as neither HTTP nor RawSocket does")]
    Unknown(u8),
    #[error("no WebSocket: {0}")]
    Http(#[from] HttpError),
    #[error("no RawSocket: {0}")]
    Handshake(#[from] HandshakeError),
}

impl OpenError {
    /// The limit that was met, if it was one.
    pub(crate) fn limit(&self) -> Option<&'static str> {
        match self {
            OpenError::Http(HttpError::Refused(refusal)) => refusal.limit,
            _ => None,
        }
    }
}

/// Reads how a connection begins and answers it. `message_size` is what a message of any realm may have at most.
///
/// # Errors
/// It is refused; the peer has been answered, where it began with something that has answers.
pub(crate) async fn open<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    peer: &Peer,
    listener: Option<SocketAddr>,
    settings: &HttpSettings,
    limits: &Limits,
    message_size: usize,
) -> Result<Opened, OpenError> {
    let mut received = Vec::with_capacity(1024);
    stream.read_buf(&mut received).await?;
    match received.first() {
        Some(&MAGIC) => Ok(Opened::RawSocket(rawsocket::accept(stream, received, message_size).await?)),
        Some(first) if begins_http(*first) => {
            match http::accept(stream, received, peer, listener, settings, limits).await? {
                Requested::WebSocket(upgrade) => Ok(Opened::WebSocket(upgrade)),
                Requested::Probe(probe) => Ok(Opened::Probe(probe)),
            }
        }
        Some(&first) => Err(OpenError::Unknown(first)),
        None => Err(OpenError::Silent),
    }
}

/// Reads how a connection begins, for as long as the peer needs for it but not longer than this, and answers that nothing is
/// served, for a reason; probes are answered all the same, and what is neither HTTP nor RawSocket is not.
pub(crate) async fn decline<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    patience: Duration,
    limits: &Limits,
    is_ready: bool,
    reason: &str,
) {
    let mut received = Vec::with_capacity(1024);
    let beginning = async {
        stream.read_buf(&mut received).await?;
        match received.first() {
            Some(first) if begins_http(*first) => http::read_on(stream, &mut received, limits).await,
            _ => Ok(()),
        }
    };
    // Who is too slow, or sends too much, is answered what it is worth.
    let _ = timeout(patience, beginning).await;
    let answer = match received.first() {
        Some(&MAGIC) => NO_ROOM.to_vec(),
        Some(first) if !begins_http(*first) => Vec::new(),
        _ => http::decline(&received, limits, is_ready, reason),
    };
    let answering = async {
        stream.write_all(&answer).await?;
        stream.shutdown().await
    };
    // A peer that cannot be told notices when the connection closes.
    let _ = timeout(patience, answering).await;
}

/// Whether it is the first letter of a method.
fn begins_http(octet: u8) -> bool {
    octet.is_ascii_alphabetic()
}
