//! How messages share a frame in the batched subprotocols, and the subprotocols' names, PROTOCOL 1.9.

use std::fmt;

use bytes::{Buf, Bytes};
use smallvec::SmallVec;

use super::codec::Codec;

/// What a client and a server agree on when a connection is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Subprotocol {
    pub(crate) codec: Codec,
    /// Whether a frame may hold several messages.
    pub(crate) batched: bool,
}

impl Subprotocol {
    /// All that there are, in the order in which a client that has no preference should offer them.
    pub(crate) const ALL: [Self; 6] = [
        Self { codec: Codec::Cbor, batched: false },
        Self { codec: Codec::MessagePack, batched: false },
        Self { codec: Codec::Json, batched: false },
        Self { codec: Codec::Cbor, batched: true },
        Self { codec: Codec::MessagePack, batched: true },
        Self { codec: Codec::Json, batched: true },
    ];

    /// The name in `Sec-WebSocket-Protocol`.
    pub(crate) const fn name(self) -> &'static str {
        match (self.codec, self.batched) {
            (Codec::Json, false) => "wamp.2.json",
            (Codec::MessagePack, false) => "wamp.2.msgpack",
            (Codec::Cbor, false) => "wamp.2.cbor",
            (Codec::Json, true) => "wamp.2.json.batched",
            (Codec::MessagePack, true) => "wamp.2.msgpack.batched",
            (Codec::Cbor, true) => "wamp.2.cbor.batched",
        }
    }

    /// The name without the protocol's.
    pub(crate) fn serializer(self) -> &'static str {
        self.name().strip_prefix("wamp.2.").unwrap_or_default()
    }

    /// The subprotocol with that name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|subprotocol| subprotocol.name() == name)
    }

    /// Whether frames are text.
    pub(crate) const fn is_text(self) -> bool {
        matches!(self.codec, Codec::Json)
    }
}

impl fmt::Display for Subprotocol {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The octet after each message of a JSON batch. What a peer sends is also what it can read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Separator {
    /// The specification's.
    #[default]
    RecordSeparator,
    /// Autobahn's and Crossbar's, which took the specification's decimal number as octal.
    Cancel,
}

impl Separator {
    const fn octet(self) -> u8 {
        match self {
            Self::RecordSeparator => 0x1e,
            Self::Cancel => 0x18,
        }
    }

    const fn from_octet(octet: u8) -> Option<Self> {
        match octet {
            0x1e => Some(Self::RecordSeparator),
            0x18 => Some(Self::Cancel),
            _ => None,
        }
    }

    /// The separator that a peer's frame uses, if it has one.
    pub(crate) fn of_frame(frame: &[u8]) -> Option<Self> {
        frame.iter().find_map(|&octet| Self::from_octet(octet))
    }
}

/// Why a frame is not a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BatchError {
    #[error("a batch has at least one message")]
    Empty,
    #[error("a message of a batch ends before its announced length")]
    Truncated,
    #[error("a message is too long for a batch")]
    TooLong,
}

/// Takes a frame apart into its messages.
///
/// # Errors
/// Frames without a message, and lengths beyond the end of the frame.
pub(crate) fn split_batch(codec: Codec, frame: Bytes) -> Result<SmallVec<[Bytes; 1]>, BatchError> {
    let messages = match codec {
        Codec::Json => split_terminated(&frame),
        Codec::MessagePack | Codec::Cbor => split_prefixed(frame)?,
    };
    if messages.is_empty() { Err(BatchError::Empty) } else { Ok(messages) }
}

/// Neither octet occurs in JSON itself. The last message may lack it.
fn split_terminated(frame: &Bytes) -> SmallVec<[Bytes; 1]> {
    let mut messages: SmallVec<[Bytes; 1]> =
        frame.split(|&octet| Separator::from_octet(octet).is_some()).map(|message| frame.slice_ref(message)).collect();
    if messages.last().is_some_and(Bytes::is_empty) {
        messages.pop();
    }
    messages
}

fn split_prefixed(mut frame: Bytes) -> Result<SmallVec<[Bytes; 1]>, BatchError> {
    let mut messages = SmallVec::new();
    while !frame.is_empty() {
        let length = frame.try_get_u32().map_err(|_| BatchError::Truncated)?;
        let length = usize::try_from(length).map_err(|_| BatchError::Truncated)?;
        if length > frame.len() {
            return Err(BatchError::Truncated);
        }
        messages.push(frame.split_to(length));
    }
    Ok(messages)
}

/// Appends a message to a batch.
///
/// # Errors
/// Messages whose length the prefix cannot say.
pub(crate) fn append_to_batch(
    codec: Codec,
    separator: Separator,
    message: &[u8],
    batch: &mut Vec<u8>,
) -> Result<(), BatchError> {
    match codec {
        Codec::Json => {
            batch.extend_from_slice(message);
            batch.push(separator.octet());
        }
        Codec::MessagePack | Codec::Cbor => {
            let length = u32::try_from(message.len()).map_err(|_| BatchError::TooLong)?;
            batch.extend_from_slice(&length.to_be_bytes());
            batch.extend_from_slice(message);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGES: [(Codec, [&[u8]; 2]); 3] = [
        (Codec::Json, [br#"[16,1,{},"a.b"]"#, br#"[6,{},"wamp.close.normal"]"#]),
        (Codec::MessagePack, [b"\x94\x10\x01\x80\xa3a.b", b"\x93\x06\x80\xb1wamp.close.normal"]),
        (Codec::Cbor, [b"\x84\x10\x01\xa0\x63a.b", b"\x83\x06\xa0\x71wamp.close.normal"]),
    ];

    fn vector(name: &str) -> Vec<u8> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/transport/json_binary_and_batched.json");
        let vectors: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let text = vectors["batched"][name].as_str().unwrap();
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }

    fn check(codec: Codec, separator: Separator, messages: &[&[u8]], batch: &[u8]) {
        assert_eq!(split_batch(codec, Bytes::copy_from_slice(batch)).unwrap().as_slice(), messages);
        let mut written = Vec::new();
        for message in messages {
            append_to_batch(codec, separator, message, &mut written).unwrap();
        }
        assert_eq!(written, batch);
    }

    #[test]
    fn batches_are_those_of_the_vectors() {
        let [(json, json_messages), (message_pack, message_pack_messages), (cbor, cbor_messages)] = MESSAGES;
        check(json, Separator::RecordSeparator, &json_messages, &vector("json_spec"));
        check(json, Separator::Cancel, &json_messages, &vector("json_autobahn_dialect"));
        check(json, Separator::RecordSeparator, &json_messages[..1], &vector("single_json_spec"));
        check(message_pack, Separator::default(), &message_pack_messages, &vector("msgpack"));
        check(cbor, Separator::default(), &cbor_messages, &vector("cbor"));
    }

    #[test]
    fn an_empty_batch_is_illegal() {
        for codec in [Codec::Json, Codec::MessagePack, Codec::Cbor] {
            assert_eq!(split_batch(codec, vector("illegal_empty").into()), Err(BatchError::Empty), "{codec}");
        }
    }

    #[test]
    fn the_last_separator_may_be_missing() {
        let messages = split_batch(Codec::Json, Bytes::from_static(b"[1]\x1e[2]")).unwrap();
        assert_eq!(messages.as_slice(), [&b"[1]"[..], b"[2]"]);
    }

    #[test]
    fn a_length_beyond_the_frame_is_refused() {
        for frame in [&b"\0\0\0\x02\x90"[..], b"\0\0", b"\0\0\0\x01\x90\0", b"\xff\xff\xff\xff\x90"] {
            assert_eq!(
                split_batch(Codec::Cbor, Bytes::copy_from_slice(frame)),
                Err(BatchError::Truncated),
                "{frame:?}"
            );
        }
    }

    #[test]
    fn the_separator_is_that_of_the_peer() {
        for (frame, expected) in [
            (&b"[1]\x18"[..], Some(Separator::Cancel)),
            (b"[1]\x1e[2]\x1e", Some(Separator::RecordSeparator)),
            (b"[1]", None),
        ] {
            assert_eq!(Separator::of_frame(frame), expected);
        }
    }

    #[test]
    fn subprotocols_have_names() {
        for subprotocol in Subprotocol::ALL {
            assert_eq!(Subprotocol::from_name(subprotocol.name()), Some(subprotocol));
            assert_eq!(subprotocol.is_text(), subprotocol.name().contains("json"));
        }
        assert_eq!(Subprotocol::from_name("wamp.2.ubjson"), None);
    }
}
