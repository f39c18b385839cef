//! Encoded values from one codec to another.

use super::{ContainerKind, EncodeError, MAX_DEPTH, Output};
use crate::wire::{
    codec::{Binary, Codec, Items, Read, ReadError, Reader, Text, Token, integral_text},
    integer::Integer,
    payload::{Octets, Payload},
    scan::Span,
};

/// CBOR's tags of integers beyond 64 bits.
const POSITIVE_BIGNUM: u64 = 2;
const NEGATIVE_BIGNUM: u64 = 3;

/// Appends an encoded value, in another codec if need be.
///
/// # Errors
/// What the other codec cannot hold, and bytes that are no value.
pub(crate) fn transcode_value(codec: Codec, value: &[u8], output: &mut Output<'_>) -> Result<(), EncodeError> {
    if codec == output.codec() {
        output.encoded(value);
        return Ok(());
    }
    copy(&mut Reader::new(codec, value), output, MAX_DEPTH)
}

impl Payload {
    /// The same arguments in a codec; cheap if they are in it already.
    ///
    /// # Errors
    /// What the codec cannot hold.
    pub(crate) fn transcode(&self, codec: Codec) -> Result<Self, EncodeError> {
        match codec == self.codec {
            true => Ok(self.clone()),
            false => self.copied(codec),
        }
    }

    /// The same arguments in memory of their own, so that the message that they came in need not be kept.
    pub(crate) fn detached(&self) -> Self {
        // Copying octets cannot fail.
        let mut payload = self.copied(self.codec).unwrap_or_else(|_| Self::empty(self.codec));
        if let Octets::Own(octets) = payload.bytes {
            payload.bytes = Octets::Shared(octets.into());
        }
        payload
    }

    fn copied(&self, codec: Codec) -> Result<Self, EncodeError> {
        let mut payload = Self::empty(codec);
        let mut bytes = Vec::with_capacity(self.size());
        for (part, place) in [
            (self.args_bytes(), &mut payload.args),
            (self.kwargs_bytes(), &mut payload.kwargs),
            (self.opaque_bytes(), &mut payload.opaque),
        ] {
            let Some(part) = part else { continue };
            let start = bytes.len();
            transcode_value(self.codec, part, &mut Output::new(codec, &mut bytes))?;
            *place = Some(Span::new(start, bytes.len())?);
        }
        payload.bytes = bytes.into();
        Ok(payload)
    }
}

impl From<ReadError> for EncodeError {
    #[cold]
    fn from(error: ReadError) -> Self {
        Self::new(error)
    }
}

fn copy(reader: &mut Reader<'_>, output: &mut Output<'_>, depth: usize) -> Result<(), EncodeError> {
    let deeper = || depth.checked_sub(1).ok_or_else(|| EncodeError::new("the value is nested too deeply"));
    match reader.token()? {
        Token::Null => output.null(),
        Token::Bool(value) => output.bool(value),
        Token::Integer(value) => output.wide_signed(value),
        Token::Number(text) => copy_number(text, output),
        // Its text in JSON has the digits of a double, since that is how a peer will read it.
        Token::Single(value) if output.codec() == Codec::Json => output.double(value.into()),
        Token::Single(value) => output.single(value),
        Token::Double(value) => output.double(value),
        Token::Text(Text::Plain(text)) => output.string(text),
        Token::Text(text) => output.string(&text.to_cow()),
        Token::Binary(binary) => output.binary(&content(binary)?),
        Token::Extension(kind, data) => output.extension(kind, data),
        Token::List(items) => copy_list(reader, items, output, deeper()?),
        Token::Map(items) => copy_dict(reader, items, output, deeper()?),
        Token::Tag(tag @ (POSITIVE_BIGNUM | NEGATIVE_BIGNUM)) => copy_bignum(tag, reader, output),
        Token::Tag(tag) => {
            output.tag(tag)?;
            copy(reader, output, deeper()?)
        }
    }
}

fn copy_list(
    reader: &mut Reader<'_>,
    mut items: Items,
    output: &mut Output<'_>,
    depth: usize,
) -> Result<(), EncodeError> {
    let mut list = output.begin(ContainerKind::List, items.remaining())?;
    while reader.more(&mut items)? {
        output.item(&mut list);
        copy(reader, output, depth)?;
    }
    output.end(&list)
}

fn copy_dict(
    reader: &mut Reader<'_>,
    mut items: Items,
    output: &mut Output<'_>,
    depth: usize,
) -> Result<(), EncodeError> {
    let mut dict = output.begin(ContainerKind::Dict, items.remaining())?;
    while reader.more(&mut items)? {
        match reader.key()? {
            Token::Text(key) => output.key(&mut dict, &key.to_cow())?,
            Token::Integer(key) => output.key(&mut dict, &key.to_string())?,
            Token::Bool(key) => output.key(&mut dict, &key.to_string())?,
            key => return Err(EncodeError::new(format_args!("the key of a dict cannot be {}", key.kind()))),
        }
        reader.separator()?;
        copy(reader, output, depth)?;
    }
    output.end(&dict)
}

/// A JSON number that is not written as an integer of 128 bits.
fn copy_number(text: &str, output: &mut Output<'_>) -> Result<(), EncodeError> {
    if text.bytes().skip(1).all(|digit| digit.is_ascii_digit()) && text != "-0" {
        let integer = integral_text(text).and_then(|integer| integer.as_u128());
        return output.wide_unsigned(integer.ok_or_else(|| beyond_128_bits(text))?);
    }
    match text.parse() {
        Ok(number) if f64::is_finite(number) => output.double(number),
        _ => Err(EncodeError::new(format_args!("{} has no number {text}", output.codec()))),
    }
}

fn copy_bignum(tag: u64, reader: &mut Reader<'_>, output: &mut Output<'_>) -> Result<(), EncodeError> {
    let Token::Binary(binary) = reader.token()? else {
        return Err(EncodeError::new("a bignum is not a binary"));
    };
    let bytes = content(binary)?;
    let digits = bytes.iter().skip_while(|&&byte| byte == 0);
    let magnitude = digits.clone().fold(0, |magnitude: u128, &byte| magnitude << 8 | u128::from(byte));
    let integer = match (digits.count(), tag) {
        (..=16, POSITIVE_BIGNUM) => Some(Integer::from(magnitude)),
        // The tag says how far the integer is below -1.
        (..=16, _) => i128::try_from(magnitude).ok().map(|below| Integer::from(!below)),
        _ => None,
    };
    let integer = integer.ok_or_else(|| beyond_128_bits("an integer"))?;
    match integer.as_i128() {
        Some(integer) => output.wide_signed(integer),
        None => output.wide_unsigned(magnitude),
    }
}

fn content(binary: Binary<'_>) -> Result<std::borrow::Cow<'_, [u8]>, EncodeError> {
    binary.to_cow().ok_or_else(|| EncodeError::new("the base64 of a binary is invalid"))
}

#[cold]
fn beyond_128_bits(integer: &str) -> EncodeError {
    EncodeError::new(format_args!("{integer} has more than 128 bits"))
}
