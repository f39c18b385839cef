//! Extensions and tags, which [`Value`](crate::wire::value::Value) hands over as newtypes around a pair.

use serde::Serialize;

use super::{EncodeError, Output, serializer::Encoder};
use crate::wire::{
    codec::{Codec, Read, Reader, Token},
    value::{EXTENSION_NAME, TAG_NAME},
};

/// A pair of a number and what it qualifies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Qualified {
    Extension,
    Tag,
}

impl Qualified {
    #[inline]
    pub(super) fn from_name(name: &str) -> Option<Self> {
        match name {
            EXTENSION_NAME => Some(Self::Extension),
            TAG_NAME => Some(Self::Tag),
            _ => None,
        }
    }

    /// Writes the pair in the form that the codec has for it.
    #[cold]
    pub(super) fn write<T: Serialize + ?Sized>(self, pair: &T, encoder: &mut Encoder<'_>) -> Result<(), EncodeError> {
        let codec = match self {
            // Its binary stands as such in this codec.
            Self::Extension => Codec::MessagePack,
            Self::Tag => encoder.output().codec(),
        };
        let mut encoded = Vec::new();
        encoder.nested(Output::new(codec, &mut encoded)).value(pair)?;
        match self.copy(codec, &encoded, encoder.output()) {
            Some(written) => written,
            None => Err(EncodeError::new("an extension or tag is a number and a value")),
        }
    }

    fn copy(self, codec: Codec, encoded: &[u8], output: &mut Output<'_>) -> Option<Result<(), EncodeError>> {
        let mut reader = Reader::new(codec, encoded);
        let Token::List(mut items) = reader.token().ok()? else { return None };
        reader.more(&mut items).ok()?;
        let Token::Integer(number) = reader.token().ok()? else { return None };
        reader.more(&mut items).ok()?;
        if self == Self::Tag {
            let end = encoded.len().checked_sub(usize::from(codec == Codec::Json))?;
            let value = encoded.get(reader.position()..end)?;
            let tag = number.try_into().ok()?;
            return Some(output.tag(tag).map(|()| output.encoded(value)));
        }
        let Token::Binary(binary) = reader.token().ok()? else { return None };
        Some(output.extension(number.try_into().ok()?, &binary.to_cow()?))
    }
}
