use bytes::Bytes;

use super::line::{Line, Outcome, receive_all, wait};
use crate::transport::{Invalid, RawSocket, accept_handshake, request_handshake};
use crate::wire::Codec;

/// What a server accepts.
const MESSAGE_SIZE: usize = 2000;

/// Two octets that say in which pieces the rest comes and to which side, then a RawSocket's handshake and frames.
pub fn rawsocket(octets: &[u8]) {
    let [piece, side, octets @ ..] = octets else { return };
    let receive = if side % 2 == 0 { as_server } else { as_client };
    let outcome = receive(octets, octets.len());
    for piece in [1, usize::from(*piece)] {
        assert_eq!(receive(octets, piece), outcome, "in pieces of {piece}");
    }
    assert_eq!(outcome, if side % 2 == 0 { expected_of_server(octets) } else { expected_of_client(octets) });
}

/// What comes of a connection, and what the other end is sent.
type Ended = (Option<Outcome>, Vec<u8>);

fn as_server(octets: &[u8], piece: usize) -> Ended {
    let (mut line, written) = Line::new(octets, piece);
    let handshake = wait(accept_handshake(&mut line, Vec::new(), MESSAGE_SIZE));
    let outcome = handshake.ok().map(|handshake| receive_all(&mut RawSocket::new(line, handshake, MESSAGE_SIZE)));
    (outcome, written.octets())
}

fn as_client(octets: &[u8], piece: usize) -> Ended {
    let (mut line, written) = Line::new(octets, piece);
    let handshake = wait(request_handshake(&mut line, Codec::MessagePack, MESSAGE_SIZE));
    let outcome = handshake.ok().map(|handshake| receive_all(&mut RawSocket::new(line, handshake, MESSAGE_SIZE)));
    (outcome, written.octets())
}

/// What the specification says of a client's octets.
fn expected_of_server(octets: &[u8]) -> Ended {
    match *octets {
        [0x7f, wishes, 0, 0, ref frames @ ..] => match wishes & 0x0f {
            1..=3 => expected_of_frames(frames, vec![0x7f, 0x10 | wishes & 0x0f, 0, 0]),
            _ => (None, vec![0x7f, 0x10, 0, 0]),
        },
        [_, _, _, _, ..] => (None, vec![0x7f, 0x30, 0, 0]),
        _ => (None, Vec::new()),
    }
}

/// What the specification says of a server's octets.
fn expected_of_client(octets: &[u8]) -> Ended {
    let request = vec![0x7f, 0x12, 0, 0];
    match *octets {
        [0x7f, answer, 0, 0, ref frames @ ..] if answer & 0x0f == 2 => expected_of_frames(frames, request),
        _ => (None, request),
    }
}

fn expected_of_frames(mut octets: &[u8], mut sent: Vec<u8>) -> Ended {
    // The largest power of two that a handshake can say is not more than is accepted.
    const ANNOUNCED: usize = 1024;
    let mut frames = Vec::new();
    let mut invalid = None;
    while let [flags, high, middle, low, ref rest @ ..] = *octets {
        let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        if flags > 2 && !(matches!(flags, 8..=10) && length == 0) {
            invalid = Some(());
            break;
        }
        if flags > 2 || length > ANNOUNCED {
            return (Some(Outcome { frames, invalid: Some(Invalid::TooLarge) }), sent);
        }
        let Some((payload, behind)) = rest.split_at_checked(length) else { break };
        match flags {
            0 => frames.push(Bytes::copy_from_slice(payload)),
            1 => {
                sent.extend([2, high, middle, low]);
                sent.extend(payload);
            }
            _ => {}
        }
        octets = behind;
    }
    let invalid = invalid.map(|()| Invalid::Framing(rule_of(octets)));
    (Some(Outcome { frames, invalid }), sent)
}

/// The rule that a frame's first octets break.
fn rule_of(octets: &[u8]) -> String {
    match octets[0] {
        flags if flags & 7 > 2 => format!("frames of type {} are reserved", flags & 7),
        flags if flags >> 3 == 1 => "a length above 2^24".to_owned(),
        _ => "reserved bits are set".to_owned(),
    }
}
