//! Octets ⇄ what the ends of a WebSocket say, RFC 6455 section 5: heads, masks, fragments.

use bytes::{Buf, Bytes, BytesMut};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::transport::Invalid;
use crate::transport::buffer::ReadBuffer;

/// An end of a WebSocket. Only clients mask what they send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

/// What the other end says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Frame {
    /// A whole message.
    Text(Bytes),
    /// A whole message.
    Binary(Bytes),
    Ping(Bytes),
    Pong,
    /// The end, with the code to answer it with if the other end gave one.
    Close(Option<CloseCode>),
}

/// What begins a frame: what it is, and that nothing of it follows in another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Head {
    Text = FINAL | TEXT,
    Binary = FINAL | BINARY,
    Close = FINAL | CLOSE,
    Ping = FINAL | PING,
    Pong = FINAL | PONG,
}

const FINAL: u8 = 0x80;
const RESERVED: u8 = 0x70;
const MASKED: u8 = 0x80;

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// The longest payload of a frame that is no part of a message.
const LONGEST_CONTROL: usize = 125;

/// Appends a frame as a server sends it.
pub(super) fn append(head: Head, payload: &[u8], output: &mut Vec<u8>) {
    append_head(head, 0, payload.len(), output);
    output.extend_from_slice(payload);
}

/// Appends a frame as a client sends it: with a mask that nobody can foresee, so that no proxy on the way can be made to
/// take a part of it for something else.
pub(super) fn append_masked(head: Head, payload: &[u8], mask: [u8; 4], output: &mut Vec<u8>) {
    append_head(head, MASKED, payload.len(), output);
    output.extend_from_slice(&mask);
    let start = output.len();
    output.extend_from_slice(payload);
    unmask(output.get_mut(start..).unwrap_or_default(), mask);
}

#[inline]
fn append_head(head: Head, masked: u8, length: usize, output: &mut Vec<u8>) {
    let head = head as u8;
    match length {
        length @ 0..=125 => output.extend_from_slice(&[head, masked | length as u8]),
        length @ 126..=0xffff => {
            let [high, low] = (length as u16).to_be_bytes();
            output.extend_from_slice(&[head, masked | 126, high, low]);
        }
        length => {
            output.extend_from_slice(&[head, masked | 127]);
            output.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

/// What came from the other end and is not taken yet.
#[derive(Debug)]
pub(super) struct Frames {
    /// The end that takes it.
    side: Side,
    pub(super) octets: ReadBuffer,
    /// A message of which more is to come.
    fragments: Option<Fragments>,
    /// The most octets of a message.
    pub(super) message_size: usize,
}

/// The beginning of a message.
#[derive(Debug)]
struct Fragments {
    opcode: u8,
    octets: BytesMut,
    /// How many of the octets are known to be UTF-8; stays zero where they need not be.
    text: usize,
}

impl Frames {
    /// What comes to this end.
    pub(super) fn new(side: Side, received: &[u8], message_size: usize) -> Frames {
        Frames { side, octets: ReadBuffer::new(received), fragments: None, message_size }
    }

    /// Appends a frame to what this end sends.
    #[inline]
    pub(super) fn append(&self, head: Head, payload: &[u8], output: &mut Vec<u8>) {
        match self.side {
            Side::Server => append(head, payload, output),
            Side::Client => append_masked(head, payload, rand::random(), output),
        }
    }

    /// The next frame that is there as a whole, or message.
    ///
    /// # Errors
    /// The other end breaks the rules; nothing that it sends after that means anything.
    pub(super) fn next(&mut self) -> Result<Option<Frame>, Invalid> {
        loop {
            let Some((opcode, is_final, payload)) = self.next_frame()? else { return Ok(None) };
            match (opcode, is_final, self.fragments.is_some()) {
                (TEXT | BINARY, true, false) => return message(opcode, payload).map(Some),
                (TEXT | BINARY, false, false) => self.fragments = Some(Fragments::new(opcode, payload)?),
                (CONTINUATION, is_final, true) => {
                    if let Some(message) = self.append_fragment(&payload, is_final)? {
                        return Ok(Some(message));
                    }
                }
                (PING, true, _) if payload.len() <= LONGEST_CONTROL => return Ok(Some(Frame::Ping(payload.freeze()))),
                (PONG, true, _) if payload.len() <= LONGEST_CONTROL => return Ok(Some(Frame::Pong)),
                (CLOSE, true, _) if payload.len() <= LONGEST_CONTROL => return close(&payload).map(Some),
                (CONTINUATION, _, false) => return Err(broken("a continuation of nothing")),
                (TEXT | BINARY, _, true) => return Err(broken("a message within another one")),
                (CLOSE | PING | PONG, true, _) => return Err(broken("a control frame that is too long")),
                (CLOSE | PING | PONG, false, _) => return Err(broken("a control frame in fragments")),
                _ => return Err(broken("a frame of an unknown kind")),
            }
        }
    }

    /// Takes the next frame apart: its opcode, whether it is final, and what it holds.
    #[inline]
    fn next_frame(&mut self) -> Result<Option<(u8, bool, BytesMut)>, Invalid> {
        let Some((&[first, second], rest)) = self.octets.split_first_chunk() else { return Ok(None) };
        if first & RESERVED != 0 {
            return Err(broken("a reserved bit is set"));
        }
        match (self.side, second & MASKED) {
            (Side::Server, 0) => return Err(broken("a frame is not masked")),
            (Side::Client, MASKED) => return Err(broken("a frame of a server is masked")),
            _ => {}
        }
        let (length, rest) = match second & !MASKED {
            126 => match rest.split_first_chunk() {
                Some((length, rest)) => (u64::from(u16::from_be_bytes(*length)), rest),
                None => return Ok(None),
            },
            127 => match rest.split_first_chunk() {
                Some((length, rest)) => (u64::from_be_bytes(*length), rest),
                None => return Ok(None),
            },
            length => (u64::from(length), rest),
        };
        let length = usize::try_from(length).ok().filter(|&length| length <= self.message_size);
        let length = length.ok_or(Invalid::TooLarge)?;
        let (mask, rest) = match self.side {
            Side::Client => (None, rest),
            Side::Server => match rest.split_first_chunk::<4>() {
                Some((&mask, rest)) => (Some(mask), rest),
                None => return Ok(None),
            },
        };
        if rest.len() < length {
            // What a peer only announces gets no memory: there is never more than twice what has come.
            let missing = length.saturating_sub(rest.len());
            self.octets.reserve(missing.min(self.octets.len()));
            return Ok(None);
        }
        let head = self.octets.len().saturating_sub(rest.len());
        self.octets.advance(head);
        let mut payload = self.octets.split_to(length);
        if let Some(mask) = mask {
            unmask(&mut payload, mask);
        }
        Ok(Some((first & !FINAL, first & FINAL != 0, payload)))
    }

    /// Adds to the message that has begun. Returns it if it is whole.
    #[cold]
    fn append_fragment(&mut self, payload: &[u8], is_final: bool) -> Result<Option<Frame>, Invalid> {
        let Some(mut fragments) = self.fragments.take() else { return Ok(None) };
        if fragments.octets.len().saturating_add(payload.len()) > self.message_size {
            return Err(Invalid::TooLarge);
        }
        fragments.octets.extend_from_slice(payload);
        fragments.check()?;
        if is_final {
            return fragments.finish().map(Some);
        }
        self.fragments = Some(fragments);
        Ok(None)
    }
}

impl Fragments {
    #[cold]
    fn new(opcode: u8, octets: BytesMut) -> Result<Fragments, Invalid> {
        let mut fragments = Fragments { opcode, octets, text: 0 };
        fragments.check()?;
        Ok(fragments)
    }

    /// Refuses what no continuation makes UTF-8 any more; a fragment may end within a character.
    fn check(&mut self) -> Result<(), Invalid> {
        if self.opcode != TEXT {
            return Ok(());
        }
        let new = self.octets.get(self.text..).unwrap_or_default();
        let valid = match str::from_utf8(new) {
            Ok(text) => text.len(),
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => return Err(Invalid::NotText),
        };
        self.text = self.text.saturating_add(valid);
        Ok(())
    }

    fn finish(self) -> Result<Frame, Invalid> {
        match self.opcode {
            TEXT if self.text == self.octets.len() => Ok(Frame::Text(self.octets.freeze())),
            TEXT => Err(Invalid::NotText),
            _ => Ok(Frame::Binary(self.octets.freeze())),
        }
    }
}

#[inline]
fn message(opcode: u8, payload: BytesMut) -> Result<Frame, Invalid> {
    match opcode {
        TEXT if payload.is_ascii() || str::from_utf8(&payload).is_ok() => Ok(Frame::Text(payload.freeze())),
        TEXT => Err(Invalid::NotText),
        _ => Ok(Frame::Binary(payload.freeze())),
    }
}

#[cold]
fn close(payload: &[u8]) -> Result<Frame, Invalid> {
    match payload.split_first_chunk() {
        Some((_, reason)) if str::from_utf8(reason).is_err() => Err(Invalid::NotText),
        Some((&code, _)) => Ok(Frame::Close(Some(match CloseCode::from(u16::from_be_bytes(code)) {
            code if code.is_allowed() => code,
            _ => CloseCode::Protocol,
        }))),
        None if payload.is_empty() => Ok(Frame::Close(None)),
        None => Err(broken("half a code at the end")),
    }
}

#[inline]
fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (chunks, rest) = payload.as_chunks_mut();
    for chunk in chunks {
        *chunk = (u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
    }
    for (octet, mask) in rest.iter_mut().zip([a, b, c, d, a, b, c]) {
        *octet ^= mask;
    }
}

#[cold]
fn broken(rule: &str) -> Invalid {
    Invalid::Framing(rule.to_owned())
}

#[cfg(test)]
mod tests;
