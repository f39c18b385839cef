//! Messages in frames: one each, or several where the serializer is batched.

use bytes::Bytes;

use crate::transport::Transport;
use crate::wire::{self, BatchError, Codec, Separator, Subprotocol};

/// Octets of one batch above which the next message begins another.
const BATCH: usize = 64 * 1024;

/// How the messages of a connection are framed.
#[derive(Debug)]
pub(super) struct Framing {
    batched: Option<Batched>,
}

#[derive(Debug)]
struct Batched {
    codec: Codec,
    /// Ours once the peer has shown its own.
    separator: Option<Separator>,
    output: Vec<u8>,
}

impl Framing {
    pub(super) fn new(subprotocol: Subprotocol) -> Framing {
        let batched = Batched { codec: subprotocol.codec, separator: None, output: Vec::new() };
        Framing { batched: subprotocol.batched.then_some(batched) }
    }

    /// The messages in a frame.
    pub(super) fn split(&mut self, frame: Bytes) -> Result<impl Iterator<Item = Bytes> + use<>, BatchError> {
        match &mut self.batched {
            None => Ok(Messages::One(Some(frame))),
            Some(batched) => {
                if batched.codec == Codec::Json && batched.separator.is_none() {
                    batched.separator = Separator::of_frame(&frame);
                }
                wire::split_batch(batched.codec, frame).map(|messages| Messages::Several(messages.into_iter()))
            }
        }
    }

    /// Sends a message, or keeps it for the batch.
    pub(super) fn push(&mut self, message: &[u8], transport: &mut impl Transport) {
        match &mut self.batched {
            None => transport.send(message),
            Some(batched) => {
                let separator = batched.separator.unwrap_or_default();
                // No message of ours is too long for its prefix: replies are limited far below.
                let _ = wire::append_to_batch(batched.codec, separator, message, &mut batched.output);
                if batched.output.len() > BATCH {
                    self.finish(transport);
                }
            }
        }
    }

    /// Sends the batch.
    pub(super) fn finish(&mut self, transport: &mut impl Transport) {
        if let Some(batched) = &mut self.batched
            && !batched.output.is_empty()
        {
            transport.send(&batched.output);
            batched.output = Vec::new();
        }
    }
}

enum Messages<I> {
    One(Option<Bytes>),
    Several(I),
}

impl<I: Iterator<Item = Bytes>> Iterator for Messages<I> {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        match self {
            Messages::One(message) => message.take(),
            Messages::Several(messages) => messages.next(),
        }
    }
}
