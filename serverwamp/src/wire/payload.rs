//! The arguments that a message carries, kept encoded.

use std::borrow::Cow;
use std::ops::Deref;

use bytes::Bytes;

use super::codec::{Codec, Read, Reader, Token};
use super::scan::{Slots, Span, scan_payload};

/// Encoded arguments: a positional list and a keyword map, either may be absent. Cheap to clone.
///
/// The ranges refer to `bytes`, which may hold more than the arguments: the whole message that brought them.
#[derive(Clone, Debug)]
pub struct Payload {
    pub(super) codec: Codec,
    pub(super) bytes: Octets,
    pub(super) args: Option<Span>,
    pub(super) kwargs: Option<Span>,
    /// A single binary or string in the place of the arguments, which only the end points of an encrypted call read.
    pub(super) opaque: Option<Span>,
}

/// What payloads refer to: a part of the message that brought them, or what was encoded for them.
#[derive(Clone, Debug)]
pub(super) enum Octets {
    Shared(Bytes),
    Own(Vec<u8>),
}

impl Deref for Octets {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Octets::Shared(octets) => octets,
            Octets::Own(octets) => octets,
        }
    }
}

impl From<Bytes> for Octets {
    fn from(octets: Bytes) -> Octets {
        Octets::Shared(octets)
    }
}

impl From<Vec<u8>> for Octets {
    fn from(octets: Vec<u8>) -> Octets {
        Octets::Own(octets)
    }
}

impl Payload {
    /// A payload without arguments.
    pub(crate) const fn empty(codec: Codec) -> Self {
        Self { codec, bytes: Octets::Own(Vec::new()), args: None, kwargs: None, opaque: None }
    }

    /// Encoded parts, which have to be what they are said to be.
    #[cfg(feature = "sqlite")]
    pub(crate) fn of_parts(codec: Codec, args: Option<&[u8]>, kwargs: Option<&[u8]>, opaque: Option<&[u8]>) -> Self {
        let mut payload = Self::empty(codec);
        let mut bytes = Vec::new();
        let places = [&mut payload.args, &mut payload.kwargs, &mut payload.opaque];
        for (part, place) in [args, kwargs, opaque].into_iter().zip(places) {
            let start = bytes.len();
            bytes.extend_from_slice(part.unwrap_or_default());
            *place = part.and_then(|_| Span::new(start, bytes.len()).ok());
        }
        payload.bytes = Octets::Shared(bytes.into());
        payload
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

    /// Where the single arguments are. The slots of a CALL are in the message.
    pub(crate) fn slots(&self) -> Slots {
        scan_payload(self.codec, &self.bytes, self.args, self.kwargs).unwrap_or_default()
    }

    /// How many positional arguments there are.
    pub(crate) fn arg_count(&self) -> usize {
        self.slots().args.len()
    }

    /// What the spans of slots refer to.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The name of a keyword argument.
    pub(crate) fn key(&self, key: Span) -> Cow<'_, str> {
        key_text(self.codec, key.of(&self.bytes))
    }

    /// An encoded positional argument.
    pub(crate) fn arg(&self, index: usize) -> Option<&[u8]> {
        self.slots().args.get(index).map(|span| span.of(&self.bytes))
    }

    /// The encoded positional argument that is the only one.
    ///
    /// # Errors
    /// How many there are instead.
    pub(crate) fn only_arg(&self) -> Result<&[u8], usize> {
        let slots = self.slots();
        match (slots.args.len(), slots.args.first()) {
            (1, Some(span)) => Ok(span.of(&self.bytes)),
            (count, _) => Err(count),
        }
    }

    /// The name and the encoded value of each keyword argument.
    pub(crate) fn kwargs(&self) -> impl Iterator<Item = (Cow<'_, str>, &[u8])> {
        let slots = self.slots();
        (0..slots.kwargs.len()).filter_map(move |index| {
            let (key, value) = slots.kwargs.get(index)?;
            Some((key_text(self.codec, key.of(&self.bytes)), value.of(&self.bytes)))
        })
    }

    /// Keeps the arguments alone, in memory of their own, not the message and what else was read with it.
    pub(crate) fn compact(&mut self) {
        let mut bytes = Vec::with_capacity(self.size());
        for span in [&mut self.args, &mut self.kwargs, &mut self.opaque].into_iter().flatten() {
            let start = bytes.len();
            bytes.extend_from_slice(span.of(&self.bytes));
            // As long as it was, and begins no later.
            *span = Span::new(start, bytes.len()).unwrap_or_default();
        }
        self.bytes = bytes.into();
    }

    /// Whether the arguments take more bytes than this.
    #[inline]
    pub(crate) fn is_larger_than(&self, limit: usize) -> bool {
        self.bytes.len() > limit && self.size() > limit
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
