//! What a connection begins with: one port is for all of them, told apart by their first octet.

use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

use super::rawsocket::{self, Handshake, HandshakeError, MAGIC, NO_ROOM};
use super::upgrade::{self, Origins, Upgrade, UpgradeError};
use crate::limits::Limits;

/// What a peer opened.
#[derive(Debug)]
pub(crate) enum Opened {
    WebSocket(Upgrade),
    RawSocket(Handshake),
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
    Upgrade(#[from] UpgradeError),
    #[error("no RawSocket: {0}")]
    Handshake(#[from] HandshakeError),
}

/// Reads how a connection begins and answers it. `message_size` is what a message of any realm may have at most.
///
/// # Errors
/// It is refused; the peer has been answered, where it began with something that has answers.
pub(crate) async fn open<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    listener: Option<SocketAddr>,
    origins: &Origins,
    limits: &Limits,
    message_size: usize,
) -> Result<Opened, OpenError> {
    let mut received = Vec::with_capacity(1024);
    stream.read_buf(&mut received).await?;
    match received.first() {
        Some(&MAGIC) => Ok(Opened::RawSocket(rawsocket::accept(stream, received, message_size).await?)),
        Some(first) if begins_http(*first) => {
            Ok(Opened::WebSocket(upgrade::accept(stream, received, listener, origins, limits).await?))
        }
        Some(&first) => Err(OpenError::Unknown(first)),
        None => Err(OpenError::Silent),
    }
}

/// What to answer where there are too many connections, given what has come; nothing to what is neither.
pub(crate) fn no_room(received: &[u8]) -> Vec<u8> {
    match received.first() {
        Some(&MAGIC) => NO_ROOM.to_vec(),
        Some(first) if !begins_http(*first) => Vec::new(),
        _ => upgrade::no_room().into_bytes(),
    }
}

/// Whether it is the first letter of a method.
fn begins_http(octet: u8) -> bool {
    octet.is_ascii_alphabetic()
}
