//! Strings and binary as the codecs hold them, and how to get at their content.

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::Cbor;

/// Peers write the padding or leave it off.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A string that was checked to be well-formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Text<'de> {
    /// The text itself.
    Plain(&'de str),
    /// What stands between the quotes in JSON, with escape sequences.
    Escaped(&'de str),
    /// The encoded chunks of a CBOR string of unknown length.
    Chunks(&'de [u8]),
}

impl<'de> Text<'de> {
    /// The text, borrowed where it stands as such in the input.
    pub(crate) fn to_cow(self) -> Cow<'de, str> {
        match self {
            Self::Plain(text) => Cow::Borrowed(text),
            Self::Escaped(text) => Cow::Owned(unescape(text)),
            Self::Chunks(chunks) => Cow::Owned(join_text(chunks)),
        }
    }
}

/// A binary that was found in the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binary<'de> {
    /// The bytes themselves.
    Plain(&'de [u8]),
    /// The base64 text of JSON, as it stands between the quotes, not yet checked.
    Base64(&'de str),
    /// The encoded chunks of a CBOR binary of unknown length.
    Chunks(&'de [u8]),
}

impl<'de> Binary<'de> {
    /// The bytes, borrowed where they stand as such in the input; `None` if the base64 is invalid.
    pub(crate) fn to_cow(self) -> Option<Cow<'de, [u8]>> {
        match self {
            Self::Plain(bytes) => Some(Cow::Borrowed(bytes)),
            // Some encoders escape the slash or the plus sign.
            Self::Base64(text) if text.contains('\\') => BASE64.decode(unescape(text)).ok().map(Cow::Owned),
            Self::Base64(text) => BASE64.decode(text).ok().map(Cow::Owned),
            Self::Chunks(chunks) => Some(Cow::Owned(join(chunks))),
        }
    }
}

fn join(chunks: &[u8]) -> Vec<u8> {
    let mut reader = Cbor::new(chunks);
    let mut joined = Vec::with_capacity(chunks.len());
    while let Some(chunk) = reader.chunk() {
        joined.extend_from_slice(chunk);
    }
    joined
}

fn join_text(chunks: &[u8]) -> String {
    String::from_utf8(join(chunks)).unwrap_or_default()
}

/// Replaces the escape sequences of a JSON string that was checked to hold no wrong ones.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let mut characters = after.chars();
        match characters.next() {
            Some('b') => plain.push('\u{8}'),
            Some('f') => plain.push('\u{c}'),
            Some('n') => plain.push('\n'),
            Some('r') => plain.push('\r'),
            Some('t') => plain.push('\t'),
            Some('u') => {
                let (character, length) = code_point(after);
                plain.push(character);
                rest = after.get(length..).unwrap_or_default();
                continue;
            }
            Some(same) => plain.push(same),
            None => {}
        }
        rest = characters.as_str();
    }
    plain.push_str(rest);
    plain
}

/// The character of `uXXXX` or `uXXXX\uXXXX` at the beginning of a text, and the length of the sequence.
fn code_point(sequence: &str) -> (char, usize) {
    let unit = |from: usize| sequence.get(from..)?.get(..4).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    match (unit(1), unit(7)) {
        (Some(high @ 0xd800..=0xdbff), Some(low @ 0xdc00..=0xdfff)) => {
            let code = 0x10000_u32.wrapping_add((high & 0x3ff) << 10).wrapping_add(low & 0x3ff);
            (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 11)
        }
        (unit, _) => (unit.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER), 5),
    }
}
