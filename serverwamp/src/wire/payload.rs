//! The arguments that a message carries, kept encoded.

use std::borrow::Cow;

use bytes::Bytes;

use super::codec::{Codec, Read, Reader, Token};
use super::scan::{Slots, Span, scan_payload};

/// Encoded arguments: a positional list and a keyword map, either may be absent. Cheap to clone.
///
/// The ranges refer to `bytes`, which may hold more than the arguments: the whole message that brought them.
#[derive(Clone, Debug)]
pub(crate) struct Payload {
    pub(super) codec: Codec,
    pub(super) bytes: Bytes,
    pub(super) args: Option<Span>,
    pub(super) kwargs: Option<Span>,
    /// Filled in by the scan of a message; looked up on demand in a payload that this process has encoded.
    pub(super) slots: Option<Slots>,
    /// A single binary or string in the place of the arguments, which only the end points of an encrypted call read.
    pub(super) opaque: Option<Span>,
}

impl Payload {
    /// A payload without arguments.
    pub(crate) const fn empty(codec: Codec) -> Self {
        Self { codec, bytes: Bytes::new(), args: None, kwargs: None, slots: None, opaque: None }
    }

    /// The codec that the arguments are encoded in.
    pub(crate) const fn codec(&self) -> Codec {
        self.codec
    }

    /// Whether there are neither arguments nor keyword arguments.
    pub(crate) const fn is_empty(&self) -> bool {
        self.args.is_none() && self.kwargs.is_none() && self.opaque.is_none()
    }

    /// The encoded list of arguments.
    pub(crate) fn args_bytes(&self) -> Option<&[u8]> {
        self.args.map(|span| span.of(&self.bytes))
    }

    /// The encoded map of keyword arguments.
    pub(crate) fn kwargs_bytes(&self) -> Option<&[u8]> {
        self.kwargs.map(|span| span.of(&self.bytes))
    }

    /// The encoded value that stands in the place of the arguments, with the old scheme of end-to-end encryption.
    pub(crate) fn opaque_bytes(&self) -> Option<&[u8]> {
        self.opaque.map(|span| span.of(&self.bytes))
    }

    /// Where the single arguments are.
    pub(crate) fn slots(&self) -> Cow<'_, Slots> {
        match &self.slots {
            Some(slots) => Cow::Borrowed(slots),
            None => Cow::Owned(scan_payload(self.codec, &self.bytes, self.args, self.kwargs).unwrap_or_default()),
        }
    }

    /// How many positional arguments there are.
    pub(crate) fn arg_count(&self) -> usize {
        self.slots().args.len()
    }

    /// An encoded positional argument.
    pub(crate) fn arg(&self, index: usize) -> Option<&[u8]> {
        self.slots().args.get(index).map(|span| span.of(&self.bytes))
    }

    /// The name and the encoded value of each keyword argument.
    pub(crate) fn kwargs(&self) -> impl Iterator<Item = (Cow<'_, str>, &[u8])> {
        let slots = self.slots();
        let entries = slots.kwargs.clone();
        entries.into_iter().map(|(key, value)| (key_text(self.codec, key.of(&self.bytes)), value.of(&self.bytes)))
    }

    /// How many bytes the arguments take.
    pub(crate) fn size(&self) -> usize {
        let spans = [self.args, self.kwargs, self.opaque];
        spans.into_iter().flatten().map(|span| span.of(&self.bytes).len()).sum()
    }
}

/// The text of an encoded key.
pub(crate) fn key_text(codec: Codec, key: &[u8]) -> Cow<'_, str> {
    Reader::new(codec, key).token().ok().and_then(Token::into_key).unwrap_or_default()
}
