use std::io::{self, Read, Write};

use proptest::prelude::*;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::*;

const MESSAGE_SIZE: usize = 300;

/// A frame as a client sends it.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x11, 0x22, 0xf3, 0x84];
    let mut octets = Vec::new();
    append(Head::Text, payload, &mut octets);
    let head = octets.len() - payload.len();
    octets[0] = first;
    octets[1] |= MASKED;
    octets.iter_mut().skip(head).zip(mask.iter().cycle()).for_each(|(octet, mask)| *octet ^= mask);
    octets.splice(head..head, mask);
    octets
}

/// What comes of octets that arrive in pieces of this size: the frames up to the end, and what is wrong with the next one.
fn read(octets: &[u8], piece: usize) -> (Vec<Frame>, Option<Invalid>) {
    let mut input = Frames::new(Side::Server, &[], MESSAGE_SIZE);
    let mut frames = Vec::new();
    for piece in octets.chunks(piece) {
        input.octets.room(1).extend_from_slice(piece);
        loop {
            match input.next() {
                Ok(Some(frame @ Frame::Close(_))) => {
                    frames.push(frame);
                    return (frames, None);
                }
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(invalid) => return (frames, Some(invalid)),
            }
        }
    }
    (frames, None)
}

#[track_caller]
fn check(octets: &[Vec<u8>], expected: &[Frame], invalid: Option<Invalid>) {
    let octets = octets.concat();
    for piece in [1, 3, octets.len()] {
        assert_eq!(read(&octets, piece), (expected.to_vec(), invalid.clone()), "in pieces of {piece}");
    }
}

fn text(text: &'static str) -> Frame {
    Frame::Text(text.into())
}

#[test]
fn messages() {
    const LONG: &str = match str::from_utf8(&[b'x'; 200]) {
        Ok(text) => text,
        Err(_) => "",
    };
    check(&[frame(0x81, b"a"), frame(0x82, b"\xff\0")], &[text("a"), Frame::Binary(b"\xff\0"[..].into())], None);
    check(&[frame(0x81, b"")], &[text("")], None);
    check(&[frame(0x81, LONG.as_bytes())], &[text(LONG)], None);
    check(&[frame(0x81, "ünïcödé — and more".as_bytes())], &[text("ünïcödé — and more")], None);
    let (one, rest) = "é!".as_bytes().split_at(1);
    let fragments = [frame(0x01, one), frame(0x89, b"?"), frame(0x00, b""), frame(0x80, rest), frame(0x81, b"b")];
    check(&fragments, &[Frame::Ping(b"?"[..].into()), text("é!"), text("b")], None);
}

#[test]
fn control_frames() {
    check(&[frame(0x89, b"x"), frame(0x8a, b"y")], &[Frame::Ping(b"x"[..].into()), Frame::Pong], None);
    check(&[frame(0x88, b"")], &[Frame::Close(None)], None);
    check(&[frame(0x88, b"\x03\xe8bye")], &[Frame::Close(Some(CloseCode::Normal))], None);
    check(&[frame(0x88, b"\x03\xed")], &[Frame::Close(Some(CloseCode::Protocol))], None);
}

#[test]
fn what_breaks_the_rules() {
    let broken = |rule: &str| Some(Invalid::Framing(rule.to_owned()));
    let long = [b'x'; MESSAGE_SIZE];
    for (frames, invalid) in [
        (vec![frame(0xc1, b"a")], broken("a reserved bit is set")),
        (vec![b"\x81\x01a".to_vec()], broken("a frame is not masked")),
        (vec![frame(0x80, b"a")], broken("a continuation of nothing")),
        (vec![frame(0x01, b"a"), frame(0x81, b"b")], broken("a message within another one")),
        (vec![frame(0x89, &long[..126])], broken("a control frame that is too long")),
        (vec![frame(0x09, b"a")], broken("a control frame in fragments")),
        (vec![frame(0x83, b"a")], broken("a frame of an unknown kind")),
        (vec![frame(0x8b, b"a")], broken("a frame of an unknown kind")),
        (vec![frame(0x88, b"a")], broken("half a code at the end")),
        (vec![frame(0x88, b"\x03\xe8\xff")], Some(Invalid::NotText)),
        (vec![frame(0x81, b"a\xff")], Some(Invalid::NotText)),
        (vec![frame(0x01, b"\xc3"), frame(0x80, b"x")], Some(Invalid::NotText)),
        (vec![frame(0x01, b"\xc3"), frame(0x80, b"")], Some(Invalid::NotText)),
        (vec![frame(0x82, &[long.as_slice(), b"x"].concat())], Some(Invalid::TooLarge)),
        (vec![b"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff".to_vec()], Some(Invalid::TooLarge)),
        (vec![frame(0x02, &long), frame(0x80, b"x")], Some(Invalid::TooLarge)),
    ] {
        check(&frames, &[], invalid);
    }
}

#[test]
fn a_text_in_fragments_is_refused_as_soon_as_nothing_can_make_it_one() {
    for (fragments, is_text) in [
        (&[&b"\xce"[..], b"\xba", b"a"][..], true),
        (&[b"\xf4", b"\x8f", b"\xbf", b"\xbf\xe2\x82"], true),
        (&[b"\xce\xba\xff"], false),
        (&[b"a", b"\xff"], false),
        (&[b"\xce", b"a"], false),
        (&[b"\xf4", b"\x90"], false),
        (&[b"\xed", b"\xa0"], false),
        (&[b"\xc0"], false),
    ] {
        // None of them is the last.
        let frames: Vec<_> = fragments.iter().zip([1, 0, 0, 0]).map(|(octets, first)| frame(first, octets)).collect();
        check(&frames, &[], (!is_text).then_some(Invalid::NotText));
        // What is binary may be anything.
        let frames: Vec<_> = fragments.iter().zip([2, 0, 0, 0]).map(|(octets, first)| frame(first, octets)).collect();
        check(&frames, &[], None);
    }
}

#[test]
fn lengths_are_written_as_they_are_read() {
    for length in [0, 1, 125, 126, 300] {
        let payload = vec![7; length];
        check(&[frame(0x82, &payload)], &[Frame::Binary(payload.into())], None);
    }
    let mut output = Vec::new();
    append(Head::Binary, &[0; 0x1_0000], &mut output);
    assert_eq!(output[..10], [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
}

/// Octets that have come, and nothing more.
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

/// What tungstenite makes of octets, and what is wrong with the next frame.
fn judge(octets: &[u8]) -> (Vec<Frame>, Option<Error>) {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_SIZE))
        .max_frame_size(Some(MESSAGE_SIZE))
        .accept_unmasked_frames(false);
    let mut context = WebSocketContext::new(Role::Server, Some(config));
    let mut stream = Come(octets);
    let mut frames = Vec::new();
    loop {
        frames.push(match context.read(&mut stream) {
            Ok(Message::Text(text)) => Frame::Text(text.into()),
            Ok(Message::Binary(octets)) => Frame::Binary(octets),
            Ok(Message::Ping(octets)) => Frame::Ping(octets),
            Ok(Message::Pong(_)) => Frame::Pong,
            Ok(Message::Close(code)) => {
                frames.push(Frame::Close(code.map(|close| close.code)));
                return (frames, None);
            }
            Ok(Message::Frame(_)) => return (frames, None),
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return (frames, None),
            Err(error) => return (frames, Some(error)),
        });
    }
}

fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![
        8 => prop::sample::select(vec![0x81_u8, 0x82, 0x01, 0x02, 0x00, 0x80, 0x89, 0x8a]),
        1 => Just(0x88),
        1 => any::<u8>(),
    ];
    let payload = prop_oneof![
        ".{0,20}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..4),
        (120_usize..310).prop_map(|length| vec![b'x'; length]),
    ];
    (first, payload).prop_map(|(first, payload)| frame(first, &payload))
}

proptest! {
    #[test]
    fn tungstenite_agrees(frames in prop::collection::vec(any_frame(), 1..6), piece in 1_usize..400) {
        let octets = frames.concat();
        let (ours, invalid) = read(&octets, piece);
        let (theirs, error) = judge(&octets);
        prop_assert_eq!(&ours, &theirs);
        prop_assert_eq!(invalid.is_some(), error.is_some(), "{:?}, {:?}", invalid, error);
    }

    #[test]
    fn arbitrary_octets_do_no_harm(octets in prop::collection::vec(any::<u8>(), 0..64), piece in 1_usize..64) {
        read(&octets, piece);
    }
}

#[test]
fn a_client_masks_and_takes_nothing_masked() {
    for length in [0, 1, 7, 125, 126, 0xffff, 0x1_0000] {
        let payload: Vec<u8> = (0..length).map(|octet| octet as u8).collect();
        let client = Frames::new(Side::Client, &[], 0);
        let mut sent = Vec::new();
        client.append(Head::Binary, &payload, &mut sent);
        let mut server = Frames::new(Side::Server, &sent, 0x1_0000);
        assert_eq!(server.next(), Ok(Some(Frame::Binary(payload.clone().into()))), "{length}");

        let mut answered = Vec::new();
        server.append(Head::Binary, &payload, &mut answered);
        let mut client = Frames::new(Side::Client, &answered, 0x1_0000);
        assert_eq!(client.next(), Ok(Some(Frame::Binary(payload.into()))), "{length}");
        let mut client = Frames::new(Side::Client, &sent, 0x1_0000);
        assert!(matches!(client.next(), Err(Invalid::Framing(_))), "{length}");
    }
}

#[test]
fn each_frame_of_a_client_has_a_mask_of_its_own() {
    let client = Frames::new(Side::Client, &[], 0);
    let mut sent = Vec::new();
    client.append(Head::Ping, &[], &mut sent);
    client.append(Head::Ping, &[], &mut sent);
    assert_ne!(sent[..6], sent[6..], "the same four octets twice come once in four thousand million times");
}
