//! Encoded values from one codec to another.

use super::{ContainerKind, EncodeError, MAX_DEPTH, Output, bignum};
use crate::wire::{
    codec::{Binary, Codec, Items, Read, ReadError, Reader, TAG_NEGATIVE_BIGNUM, TAG_POSITIVE_BIGNUM, Text, Token},
    payload::{Octets, Payload},
    scan::Span,
};

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
        Token::Tag(tag @ (TAG_POSITIVE_BIGNUM | TAG_NEGATIVE_BIGNUM)) => copy_bignum(tag, reader, output),
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
        return output.bignum(&bignum::from_digits(text)?);
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
    output.bignum(&bignum::from_octets(tag == TAG_NEGATIVE_BIGNUM, &content(binary)?)?)
}

fn content(binary: Binary<'_>) -> Result<std::borrow::Cow<'_, [u8]>, EncodeError> {
    binary.to_cow().ok_or_else(|| EncodeError::new("the base64 of a binary is invalid"))
}
