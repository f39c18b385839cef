use super::DecodeError;
use crate::wire::codec::{
    Binary, Items, Read, Reader, TAG_NEGATIVE_BIGNUM, TAG_POSITIVE_BIGNUM, Text, Token, integral_float, integral_text,
    parse_number,
};
use crate::wire::integer::Integer;
use crate::wire::timestamp::Timestamp;

const TAG_TIME: u64 = 1;
const EXTENSION_TIME: i8 = -1;

/// What the declared type asks for, as far as that changes how a value is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Any,
    Integer,
    Float,
    /// A number with all its digits.
    Decimal,
    /// A `Value`, which keeps apart what the codecs keep apart.
    Native,
}

/// A value with the conversions done that what is wanted allows; of a container only the head.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Datum<'de> {
    Null,
    Bool(bool),
    Integer(Integer),
    Float(f64),
    Text(Text<'de>),
    /// A text that the input holds in another form.
    Made(String),
    Binary(Binary<'de>),
    List(Items),
    Map(Items),
    Extension(i8, &'de [u8]),
    /// Only for `Wanted::Native`.
    Tag(u64),
}

impl<'de> Datum<'de> {
    #[inline]
    pub(super) fn read(reader: &mut Reader<'de>, wanted: Wanted) -> Result<Self, DecodeError> {
        let token = reader.token()?;
        Self::from_token(token, reader, wanted)
    }

    pub(super) fn from_token(token: Token<'de>, reader: &mut Reader<'de>, wanted: Wanted) -> Result<Self, DecodeError> {
        match (token, wanted) {
            (Token::Null, _) => Ok(Self::Null),
            (Token::Bool(value), _) => Ok(Self::Bool(value)),
            (Token::Integer(integer), Wanted::Any | Wanted::Integer | Wanted::Native) => {
                Ok(Self::Integer(integer.into()))
            }
            (Token::Integer(integer), Wanted::Float) => Ok(Self::Float(integer as f64)),
            (Token::Double(float), Wanted::Any | Wanted::Float | Wanted::Native) => Ok(Self::Float(float)),
            (Token::Text(text), Wanted::Any | Wanted::Decimal | Wanted::Native) => Ok(Self::Text(text)),
            (Token::Binary(binary), _) => Ok(Self::Binary(binary)),
            (Token::List(items), _) => Ok(Self::List(items)),
            (Token::Map(items), _) => Ok(Self::Map(items)),
            (Token::Tag(tag), _) => Self::tagged(tag, reader, wanted),
            (token, _) => Self::convert(token, wanted),
        }
    }

    fn convert(token: Token<'de>, wanted: Wanted) -> Result<Self, DecodeError> {
        match token {
            Token::Null => Ok(Self::Null),
            Token::Bool(value) => Ok(Self::Bool(value)),
            Token::Integer(integer) => Ok(Self::integer(integer, wanted)),
            Token::Number(text) => Self::number(text, wanted),
            Token::Single(float) if wanted == Wanted::Decimal => Ok(Self::Made(float.to_string())),
            Token::Double(float) if wanted == Wanted::Decimal => Ok(Self::Made(float.to_string())),
            Token::Single(float) => Ok(Self::float(f64::from(float), wanted)),
            Token::Double(float) => Ok(Self::float(float, wanted)),
            Token::Text(text) => Ok(Self::text(text, wanted)),
            Token::Binary(binary) => Ok(Self::Binary(binary)),
            Token::List(items) => Ok(Self::List(items)),
            Token::Map(items) => Ok(Self::Map(items)),
            Token::Extension(EXTENSION_TIME, data) if wanted != Wanted::Native => {
                let time = Timestamp::from_extension(data).and_then(|time| time.to_rfc3339());
                time.map(Self::Made).ok_or_else(|| DecodeError::new("invalid timestamp"))
            }
            Token::Extension(kind, data) => Ok(Self::Extension(kind, data)),
            Token::Tag(tag) => Ok(Self::Tag(tag)),
        }
    }

    /// Reads what follows a tag. Tags that say nothing about the forms of a value known here are looked through.
    fn tagged(tag: u64, reader: &mut Reader<'de>, wanted: Wanted) -> Result<Self, DecodeError> {
        if wanted == Wanted::Native && !matches!(tag, TAG_POSITIVE_BIGNUM | TAG_NEGATIVE_BIGNUM | TAG_BYTES) {
            return Ok(Self::Tag(tag));
        }
        let mut innermost = tag;
        let is_bignum = |tag| matches!(tag, TAG_POSITIVE_BIGNUM | TAG_NEGATIVE_BIGNUM);
        let token = loop {
            match reader.token()? {
                Token::Tag(tag) if !is_bignum(innermost) => innermost = tag,
                token => break token,
            }
        };
        match (innermost, token) {
            (TAG_POSITIVE_BIGNUM | TAG_NEGATIVE_BIGNUM, Token::Binary(binary)) => {
                let integer = bignum(innermost == TAG_NEGATIVE_BIGNUM, binary);
                let integer = integer.ok_or_else(|| DecodeError::new("integer out of range: more than 128 bits"))?;
                Ok(Self::wide_integer(integer, wanted))
            }
            (tag, _) if is_bignum(tag) => Err(DecodeError::new("a bignum is not a binary")),
            (TAG_TIME, token) if !matches!(wanted, Wanted::Integer | Wanted::Float) => {
                let time = Timestamp::from_number(&token).and_then(|time| time.to_rfc3339());
                time.map(Self::Made).ok_or_else(|| DecodeError::new("invalid timestamp"))
            }
            (_, token) => Self::convert(token, wanted),
        }
    }

    fn integer(integer: i128, wanted: Wanted) -> Self {
        Self::wide_integer(integer.into(), wanted)
    }

    fn wide_integer(integer: Integer, wanted: Wanted) -> Self {
        match wanted {
            Wanted::Float => Self::Float(integer.as_f64()),
            // Types that hold decimals have no way to be given an integer beyond 64 bits but its digits.
            Wanted::Decimal if integer.as_i64().is_none() && integer.as_u64().is_none() => {
                Self::Made(integer.to_string())
            }
            _ => Self::Integer(integer),
        }
    }

    fn float(float: f64, wanted: Wanted) -> Self {
        let integer = if wanted == Wanted::Integer { integral_float(float) } else { None };
        integer.map_or(Self::Float(float), |integer| Self::Integer(integer.into()))
    }

    /// A JSON number that is not a plain integer within 128 bits.
    fn number(text: &'de str, wanted: Wanted) -> Result<Self, DecodeError> {
        let plain = !text.contains(['.', 'e', 'E']) && text != "-0";
        match wanted {
            Wanted::Decimal => return Ok(Self::Text(Text::Plain(text))),
            Wanted::Integer => {
                if let Some(integer) = integral_text(text) {
                    return Ok(Self::Integer(integer));
                }
            }
            Wanted::Any | Wanted::Native if plain => match integral_text(text) {
                Some(integer) => return Ok(Self::Integer(integer)),
                None if wanted == Wanted::Native => {
                    return Err(DecodeError::new("integer out of range: more than 128 bits"));
                }
                None => {}
            },
            Wanted::Any | Wanted::Native | Wanted::Float => {}
        }
        match text.parse::<f64>() {
            Ok(float) if float.is_finite() => Ok(Self::Float(float)),
            _ => Err(DecodeError::new("number out of range")),
        }
    }

    fn text(text: Text<'de>, wanted: Wanted) -> Self {
        if matches!(wanted, Wanted::Integer | Wanted::Float)
            && let Some(number) = numeric_text(&text.to_cow(), wanted)
        {
            return number;
        }
        Self::Text(text)
    }
}

/// The number that a string is, if it is one that fits what is wanted.
pub(super) fn numeric_text<'any>(text: &str, wanted: Wanted) -> Option<Datum<'any>> {
    let token = parse_number(text)?;
    if wanted == Wanted::Float {
        return text.parse().ok().filter(|float: &f64| float.is_finite()).map(Datum::Float);
    }
    let integer = match token {
        Token::Integer(integer) => Some(integer.into()),
        _ => integral_text(text),
    };
    integer.map(Datum::Integer)
}

/// The tag that JavaScript encoders put before a byte array.
const TAG_BYTES: u64 = 64;

fn bignum(negative: bool, binary: Binary<'_>) -> Option<Integer> {
    let bytes = binary.to_cow()?;
    let mut magnitude = 0_u128;
    for &byte in bytes.iter() {
        magnitude = magnitude.checked_mul(256)? | u128::from(byte);
    }
    if !negative {
        return Some(magnitude.into());
    }
    // The encoded magnitude is one less than that of the integer.
    i128::try_from(magnitude).ok().map(|magnitude| Integer::from(!magnitude))
}
