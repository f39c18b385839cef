//! CBOR (RFC 8949).

use super::cursor::Cursor;
use super::text::{Binary, Text};
use super::{Expected, Head, Items, Read, ReadError, Token};

/// Before the octets of an integer.
pub(crate) const TAG_POSITIVE_BIGNUM: u64 = 2;

/// Before the octets that say how far an integer is below -1.
pub(crate) const TAG_NEGATIVE_BIGNUM: u64 = 3;

/// Ends a string, list or map of unknown length.
const BREAK: u8 = 0xff;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Cbor<'de>(Cursor<'de>);

impl<'de> Cbor<'de> {
    #[inline]
    pub(crate) const fn new(input: &'de [u8]) -> Self {
        Self(Cursor::new(input))
    }

    /// Reads the number that the head byte holds or announces; `None` is an unknown length.
    #[inline]
    fn argument(&mut self, head: u8) -> Result<Option<u64>, ReadError> {
        match head & 0x1f {
            small @ 0..=23 => Ok(Some(small.into())),
            24 => self.0.byte().map(|byte| Some(byte.into())),
            25 => Ok(Some(u16::from_be_bytes(self.0.array()?).into())),
            26 => Ok(Some(u32::from_be_bytes(self.0.array()?).into())),
            27 => Ok(Some(u64::from_be_bytes(self.0.array()?))),
            31 => Ok(None),
            _ => Err(self.0.expected(Expected::KnownValue)),
        }
    }

    #[inline]
    fn known_argument(&mut self, head: u8) -> Result<u64, ReadError> {
        self.argument(head)?.ok_or_else(|| self.0.expected(Expected::KnownLength))
    }

    #[inline]
    fn items(&mut self, head: u8) -> Result<Items, ReadError> {
        Ok(self.argument(head)?.map_or(Items::until(BREAK), Items::counted))
    }

    fn simple(&mut self, head: u8) -> Result<Token<'de>, ReadError> {
        match head {
            0xf4 => Ok(Token::Bool(false)),
            0xf5 => Ok(Token::Bool(true)),
            0xf6 | 0xf7 => Ok(Token::Null),
            0xf9 => Ok(Token::Single(half_to_single(u16::from_be_bytes(self.0.array()?)))),
            0xfa => Ok(Token::Single(f32::from_be_bytes(self.0.array()?))),
            0xfb => Ok(Token::Double(f64::from_be_bytes(self.0.array()?))),
            BREAK => Err(self.0.expected(Expected::Value)),
            _ => Err(self.0.expected(Expected::KnownValue)),
        }
    }

    /// Reads the chunks of a string of unknown length and its break. The chunks are checked to have the head's type.
    fn chunks(&mut self, head: u8) -> Result<&'de [u8], ReadError> {
        let start = self.0.rest;
        loop {
            let chunk_head = self.0.byte()?;
            if chunk_head == BREAK {
                let chunks = self.0.since(start);
                return Ok(chunks.split_last().map_or(chunks, |(_, chunks)| chunks));
            }
            if chunk_head >> 5 != head >> 5 {
                return Err(self.0.expected(Expected::Chunk));
            }
            let length = self.known_argument(chunk_head)?;
            let chunk = self.0.take(length)?;
            if head >> 5 == 3 {
                self.0.text(chunk)?;
            }
        }
    }

    /// Reads the next of the chunks that [`Text::Chunks`] and [`Binary::Chunks`] hold.
    pub(super) fn chunk(&mut self) -> Option<&'de [u8]> {
        let head = self.0.byte().ok()?;
        let length = self.known_argument(head).ok()?;
        self.0.take(length).ok()
    }
}

impl<'de> Read<'de> for Cbor<'de> {
    #[inline]
    fn position(&self) -> usize {
        self.0.position()
    }

    #[inline]
    fn token(&mut self) -> Result<Token<'de>, ReadError> {
        let head = self.0.byte()?;
        match head >> 5 {
            0 => Ok(Token::Integer(self.known_argument(head)?.into())),
            1 => Ok(Token::Integer(!i128::from(self.known_argument(head)?))),
            2 => Ok(Token::Binary(match self.argument(head)? {
                Some(length) => Binary::Plain(self.0.take(length)?),
                None => Binary::Chunks(self.chunks(head)?),
            })),
            3 => Ok(Token::Text(match self.argument(head)? {
                Some(length) => {
                    let bytes = self.0.take(length)?;
                    Text::Plain(self.0.text(bytes)?)
                }
                None => Text::Chunks(self.chunks(head)?),
            })),
            4 => Ok(Token::List(self.items(head)?)),
            5 => Ok(Token::Map(self.items(head)?)),
            6 => Ok(Token::Tag(self.known_argument(head)?)),
            _ => self.simple(head),
        }
    }

    #[inline(always)]
    fn head(&mut self) -> Result<Head, ReadError> {
        match self.0.peek() {
            Some(0x00..=0x17 | 0x20..=0x37 | 0xf4..=0xf7) => {
                self.0.advance(1);
                Ok(Head::Scalar)
            }
            Some(head @ 0x80..=0x97) => {
                self.0.advance(1);
                Ok(Head::List(Items::counted(u64::from(head & 0x1f))))
            }
            Some(head @ 0xa0..=0xb7) => {
                self.0.advance(1);
                Ok(Head::Map(Items::counted(u64::from(head & 0x1f))))
            }
            Some(head @ 0x60..=0x77) => {
                self.0.advance(1);
                let text = self.0.take(u64::from(head & 0x1f))?;
                self.0.check_text(text).map(|()| Head::Scalar)
            }
            _ => Ok(match self.token()? {
                Token::List(items) => Head::List(items),
                Token::Map(items) => Head::Map(items),
                Token::Tag(_) => Head::Tag,
                _ => Head::Scalar,
            }),
        }
    }

    #[inline]
    fn key(&mut self) -> Result<Token<'de>, ReadError> {
        self.token()
    }

    #[inline]
    fn key_head(&mut self) -> Result<Head, ReadError> {
        self.head()
    }

    #[inline]
    fn separator(&mut self) -> Result<(), ReadError> {
        Ok(())
    }

    #[inline]
    fn more(&mut self, items: &mut Items) -> Result<bool, ReadError> {
        if items.end == 0 {
            return Ok(items.take_counted());
        }
        let more = self.0.peek() != Some(BREAK);
        if !more {
            self.0.advance(1);
        }
        Ok(more)
    }

    #[inline]
    fn take_null(&mut self) -> bool {
        let null = matches!(self.0.peek(), Some(0xf6 | 0xf7));
        if null {
            self.0.advance(1);
        }
        null
    }

    #[inline]
    fn take_small_integer(&mut self) -> Option<i64> {
        let (length, integer) = match *self.0.rest {
            [small @ 0x00..=0x17, ..] => (1, small.into()),
            [small @ 0x20..=0x37, ..] => (1, !i64::from(small & 0x1f)),
            [0x18, a, ..] => (2, a.into()),
            [0x19, a, b, ..] => (3, u16::from_be_bytes([a, b]).into()),
            [0x1a, a, b, c, d, ..] => (5, u32::from_be_bytes([a, b, c, d]).into()),
            _ => return None,
        };
        self.0.advance(length);
        Some(integer)
    }

    #[inline]
    fn take_literal(&mut self, octets: &[u8]) -> bool {
        self.0.take_literal(octets)
    }

    #[inline]
    fn finish(&mut self) -> Result<(), ReadError> {
        self.0.finish()
    }
}

/// Widens a 16-bit float, which Rust has no stable type for.
fn half_to_single(half: u16) -> f32 {
    let sign = u32::from(half >> 15) << 31;
    let exponent = u32::from(half >> 10) & 0x1f;
    let fraction = u32::from(half) & 0x3ff;
    let magnitude = match exponent {
        // Subnormal: a whole multiple of 2^-24, which a single holds exactly.
        0 => (fraction as f32 / 16_777_216.0).to_bits(),
        31 => 0x7f80_0000 | (fraction << 13),
        _ => (exponent.wrapping_add(112) << 23) | (fraction << 13),
    };
    f32::from_bits(sign | magnitude)
}
