use std::io::{self, Read, Write};

use bytes::Bytes;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::line::{Line, Outcome, receive_all};
use crate::transport::WebSocket;

/// What the messages of a line may have at most.
const MESSAGE_SIZE: usize = 300;

/// Two octets that say in which pieces the rest comes and to which side, then frames of a WebSocket; tungstenite is the
/// judge.
pub fn frames(octets: &[u8]) {
    let [piece, flags, octets @ ..] = octets else { return };
    let (is_server, is_text) = (flags & 1 == 0, flags & 2 == 0);
    let (outcome, sent) = receive(octets, octets.len(), is_server, is_text);
    for piece in [1, usize::from(*piece)] {
        let (again, sent_again) = receive(octets, piece, is_server, is_text);
        assert_eq!((&again, unmasked(&sent_again)), (&outcome, unmasked(&sent)), "in pieces of {piece}");
    }
    let judged = judge(octets, is_server, is_text);
    assert_eq!(outcome.frames, judged.frames);
    // Some of what is wrong with the head of a frame one of us refuses at once, the other when all of the frame has come.
    let completed = [octets, &[0; MESSAGE_SIZE]].concat();
    let is_broken = || receive(&completed, completed.len(), is_server, is_text).0.invalid.is_some();
    assert!(!judged.is_invalid || outcome.invalid.is_some() || is_broken(), "only a judge refuses it");
    let is_judged = || judge(&completed, is_server, is_text).is_invalid;
    assert!(outcome.invalid.is_none() || judged.is_invalid || is_judged(), "no judge says {:?}", outcome.invalid);
    assert_eq!(unmasked(&sent), judged.pongs);
}

fn receive(octets: &[u8], piece: usize, is_server: bool, is_text: bool) -> (Outcome, Vec<u8>) {
    // Some octets have come with the upgrade.
    let (early, late) = octets.split_at(octets.len() / 4);
    let (line, written) = Line::new(late, piece);
    let outcome = match is_server {
        true => receive_all(&mut WebSocket::server(line, early, is_text, MESSAGE_SIZE)),
        false => receive_all(&mut WebSocket::client(line, early, is_text, MESSAGE_SIZE)),
    };
    (outcome, written.octets())
}

/// The payloads of the pongs that were sent; each client's has a mask of its own.
fn unmasked(mut sent: &[u8]) -> Vec<Vec<u8>> {
    let mut pongs = Vec::new();
    while let [0x8a, second, rest @ ..] = sent {
        let (mask, rest) = match second & 0x80 {
            0 => (&[0; 4], rest),
            _ => rest.split_first_chunk().unwrap(),
        };
        let (payload, rest) = rest.split_at(usize::from(second & 0x7f));
        pongs.push(payload.iter().zip(mask.iter().cycle()).map(|(octet, mask)| octet ^ mask).collect());
        sent = rest;
    }
    assert!(sent.is_empty(), "only pongs are sent: {sent:02x?}");
    pongs
}

struct Judged {
    frames: Vec<Bytes>,
    is_invalid: bool,
    pongs: Vec<Vec<u8>>,
}

/// What has come, with nothing more coming.
struct Come<'o>(&'o [u8]);

impl Read for Come<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() { Err(io::ErrorKind::WouldBlock.into()) } else { self.0.read(buffer) }
    }
}

impl Write for Come<'_> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn judge(octets: &[u8], is_server: bool, is_text: bool) -> Judged {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_SIZE))
        .max_frame_size(Some(MESSAGE_SIZE))
        .accept_unmasked_frames(false);
    let role = if is_server { Role::Server } else { Role::Client };
    let mut context = WebSocketContext::new(role, Some(config));
    let mut stream = Come(octets);
    let mut judged = Judged { frames: Vec::new(), is_invalid: false, pongs: Vec::new() };
    loop {
        match context.read(&mut stream) {
            Ok(Message::Text(text)) if is_text => judged.frames.push(text.into()),
            Ok(Message::Binary(octets)) if !is_text => judged.frames.push(octets),
            Ok(Message::Text(_) | Message::Binary(_)) => judged.is_invalid = true,
            Ok(Message::Ping(payload)) => judged.pongs.push(payload.to_vec()),
            Ok(Message::Pong(_)) => {}
            Ok(Message::Close(_) | Message::Frame(_)) => return judged,
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return judged,
            Err(_) => judged.is_invalid = true,
        }
        if judged.is_invalid {
            return judged;
        }
    }
}
