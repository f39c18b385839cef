//! The four octets that open a RawSocket, and the four that answer them.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::wire::{Codec, Subprotocol};

/// What a RawSocket begins with, and no HTTP request does.
pub(crate) const MAGIC: u8 = 0x7f;

/// The answer where there are too many connections.
pub(crate) const NO_ROOM: [u8; 4] = refusal(4);

const UNKNOWN_SERIALIZER: [u8; 4] = refusal(1);
const RESERVED_OCTETS: [u8; 4] = refusal(3);

/// What both sides agreed on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Handshake {
    pub(crate) subprotocol: Subprotocol,
    /// Octets of a message that the peer takes.
    pub(crate) peer_accepts: usize,
    /// Octets of a message that the peer was told it may send.
    pub(super) announced: usize,
    /// What came behind the handshake.
    pub(super) rest: Vec<u8>,
}

/// Why a connection did not become a RawSocket.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandshakeError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("closed before its handshake was complete")]
    Incomplete,
    #[error("refused: {0}")]
    Refused(&'static str),
    #[error("the other end does not speak RawSocket: it answered {0:02x?}")]
    Unknown([u8; 4]),
}

/// Reads the handshake, of which `received` is the beginning, and answers it.
///
/// # Errors
/// The handshake is refused; the peer has been answered.
pub(crate) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    mut received: Vec<u8>,
    message_size: usize,
) -> Result<Handshake, HandshakeError> {
    let request = loop {
        if let Some(request) = received.first_chunk::<4>() {
            break *request;
        }
        if stream.read_buf(&mut received).await? == 0 {
            return Err(HandshakeError::Incomplete);
        }
    };
    let length = length_below(message_size);
    let agreed = match agree(request) {
        Ok(agreed) => agreed,
        Err((answer, reason)) => {
            stream.write_all(&answer).await?;
            let _ = stream.shutdown().await;
            return Err(HandshakeError::Refused(reason));
        }
    };
    let (codec, peer_accepts) = agreed;
    let [_, serializer, ..] = request;
    stream.write_all(&[MAGIC, length << 4 | serializer & 0x0f, 0, 0]).await?;
    stream.flush().await?;
    Ok(Handshake {
        subprotocol: Subprotocol { codec, batched: false },
        peer_accepts,
        announced: octets(length),
        rest: received.split_off(request.len()),
    })
}

/// Asks a server for a RawSocket with this codec, and reads its answer.
///
/// # Errors
/// The server refuses, or does not speak RawSocket.
pub(crate) async fn request<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    codec: Codec,
    message_size: usize,
) -> Result<Handshake, HandshakeError> {
    let serializer = number(codec);
    let length = length_below(message_size);
    stream.write_all(&[MAGIC, length << 4 | serializer, 0, 0]).await?;
    stream.flush().await?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await?;
    let [magic, agreed, reserved @ ..] = answer;
    match (magic, agreed & 0x0f) {
        (MAGIC, 0) => Err(HandshakeError::Refused(match agreed >> 4 {
            1 => "the serializer is not supported",
            2 => "the length of messages is not acceptable",
            3 => "reserved octets are used",
            4 => "there are too many connections",
            _ => "for an unknown reason",
        })),
        (MAGIC, echoed) if echoed == serializer && reserved == [0, 0] => Ok(Handshake {
            subprotocol: Subprotocol { codec, batched: false },
            peer_accepts: octets(agreed >> 4),
            announced: octets(length),
            rest: Vec::new(),
        }),
        _ => Err(HandshakeError::Unknown(answer)),
    }
}

/// What stands for a codec.
const fn number(codec: Codec) -> u8 {
    match codec {
        Codec::Json => 1,
        Codec::MessagePack => 2,
        Codec::Cbor => 3,
    }
}

/// The codec and the octets of a message that a peer asks for, or what to answer and why.
fn agree([magic, wishes, reserved @ ..]: [u8; 4]) -> Result<(Codec, usize), ([u8; 4], &'static str)> {
    if magic != MAGIC || reserved != [0, 0] {
        return Err((RESERVED_OCTETS, "reserved octets are used"));
    }
    let codec = match wishes & 0x0f {
        1 => Codec::Json,
        2 => Codec::MessagePack,
        3 => Codec::Cbor,
        _ => return Err((UNKNOWN_SERIALIZER, "expected JSON, MessagePack or CBOR")),
    };
    Ok((codec, octets(wishes >> 4)))
}

const fn refusal(error: u8) -> [u8; 4] {
    [MAGIC, error << 4, 0, 0]
}

/// How many octets a length of a handshake stands for.
fn octets(length: u8) -> usize {
    1 << (9 + length)
}

/// The length of a handshake that promises no more than this many octets, as far as there is one.
fn length_below(message_size: usize) -> u8 {
    (0..=15).rev().find(|&length| octets(length) <= message_size).unwrap_or(0)
}
