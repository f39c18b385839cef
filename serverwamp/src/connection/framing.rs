//! Messages in frames: one each, or several where the serializer is batched.

use bytes::Bytes;
use smallvec::SmallVec;

use crate::transport::Transport;
use crate::wire::{self, BatchError, Codec, Separator, Subprotocol};

/// Octets of one batch above which the next message begins another.
const BATCH: usize = 64 * 1024;

/// How the messages of a connection are framed.
#[derive(Debug)]
pub(crate) struct Framing {
    /// The messages of a batch that are still to be handled.
    received: smallvec::IntoIter<[Bytes; 1]>,
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
    pub(crate) fn new(subprotocol: Subprotocol) -> Framing {
        let batched = Batched { codec: subprotocol.codec, separator: None, output: Vec::new() };
        Framing { received: SmallVec::new().into_iter(), batched: subprotocol.batched.then_some(batched) }
    }

    /// Takes a frame apart: its first message. The others are then the next ones.
    pub(crate) fn split(&mut self, frame: Bytes) -> Result<Option<Bytes>, BatchError> {
        let Some(batched) = &mut self.batched else { return Ok(Some(frame)) };
        if batched.codec == Codec::Json && batched.separator.is_none() {
            batched.separator = Separator::of_frame(&frame);
        }
        self.received = wire::split_batch(batched.codec, frame)?.into_iter();
        Ok(self.received.next())
    }

    /// The next message of the batch.
    pub(crate) fn next_message(&mut self) -> Option<Bytes> {
        self.received.next()
    }

    /// Sends a message, or keeps it for the batch.
    pub(crate) fn push(&mut self, message: &[u8], transport: &mut (impl Transport + ?Sized)) {
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
    pub(crate) fn finish(&mut self, transport: &mut (impl Transport + ?Sized)) {
        if let Some(batched) = &mut self.batched
            && !batched.output.is_empty()
        {
            transport.send(&batched.output);
            batched.output = Vec::new();
        }
    }
}
