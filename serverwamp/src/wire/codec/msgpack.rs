//! MessagePack, the version that tells strings from binary.

use super::cursor::Cursor;
use super::text::{Binary, Text};
use super::{Expected, Head, Items, Read, ReadError, Token};

/// What JavaScript's msgpack5 writes for `undefined`: the one-byte extension 0 of a zero.
const UNDEFINED: &[u8] = &[0xd4, 0x00, 0x00];

#[derive(Clone, Copy, Debug)]
pub(crate) struct MessagePack<'de>(Cursor<'de>);

impl<'de> MessagePack<'de> {
    #[inline]
    pub(crate) const fn new(input: &'de [u8]) -> Self {
        Self(Cursor::new(input))
    }

    #[inline]
    fn text(&mut self, length: u64) -> Result<Token<'de>, ReadError> {
        let bytes = self.0.take(length)?;
        Ok(Token::Text(Text::Plain(self.0.text(bytes)?)))
    }

    #[inline]
    fn binary(&mut self, length: u64) -> Result<Token<'de>, ReadError> {
        Ok(Token::Binary(Binary::Plain(self.0.take(length)?)))
    }

    fn extension(&mut self, length: u64) -> Result<Token<'de>, ReadError> {
        let kind = i8::from_be_bytes(self.0.array()?);
        let data = self.0.take(length)?;
        if kind == 0 && data == [0] { Ok(Token::Null) } else { Ok(Token::Extension(kind, data)) }
    }

    #[inline]
    fn length8(&mut self) -> Result<u64, ReadError> {
        self.0.byte().map(u64::from)
    }

    #[inline]
    fn length16(&mut self) -> Result<u64, ReadError> {
        Ok(u16::from_be_bytes(self.0.array()?).into())
    }

    #[inline]
    fn length32(&mut self) -> Result<u64, ReadError> {
        Ok(u32::from_be_bytes(self.0.array()?).into())
    }
}

/// Reads an integer of the width that its type says.
macro_rules! integer {
    ($reader:ident, $type:ty) => {
        Ok(Token::Integer(<$type>::from_be_bytes($reader.0.array()?).into()))
    };
}

impl<'de> Read<'de> for MessagePack<'de> {
    #[inline]
    fn position(&self) -> usize {
        self.0.position()
    }

    #[inline]
    fn token(&mut self) -> Result<Token<'de>, ReadError> {
        match self.0.byte()? {
            small @ 0x00..=0x7f => Ok(Token::Integer(small.into())),
            head @ 0x80..=0x8f => Ok(Token::Map(Items::counted(u64::from(head & 0x0f)))),
            head @ 0x90..=0x9f => Ok(Token::List(Items::counted(u64::from(head & 0x0f)))),
            head @ 0xa0..=0xbf => self.text(u64::from(head & 0x1f)),
            0xc0 => Ok(Token::Null),
            0xc1 => Err(self.0.expected(Expected::KnownValue)),
            0xc2 => Ok(Token::Bool(false)),
            0xc3 => Ok(Token::Bool(true)),
            0xc4 => self.length8().and_then(|length| self.binary(length)),
            0xc5 => self.length16().and_then(|length| self.binary(length)),
            0xc6 => self.length32().and_then(|length| self.binary(length)),
            0xc7 => self.length8().and_then(|length| self.extension(length)),
            0xc8 => self.length16().and_then(|length| self.extension(length)),
            0xc9 => self.length32().and_then(|length| self.extension(length)),
            0xca => Ok(Token::Single(f32::from_be_bytes(self.0.array()?))),
            0xcb => Ok(Token::Double(f64::from_be_bytes(self.0.array()?))),
            0xcc => integer!(self, u8),
            0xcd => integer!(self, u16),
            0xce => integer!(self, u32),
            0xcf => integer!(self, u64),
            0xd0 => integer!(self, i8),
            0xd1 => integer!(self, i16),
            0xd2 => integer!(self, i32),
            0xd3 => integer!(self, i64),
            head @ 0xd4..=0xd8 => self.extension(1 << (head & 0x0f).wrapping_sub(4)),
            0xd9 => self.length8().and_then(|length| self.text(length)),
            0xda => self.length16().and_then(|length| self.text(length)),
            0xdb => self.length32().and_then(|length| self.text(length)),
            0xdc => Ok(Token::List(Items::counted(self.length16()?))),
            0xdd => Ok(Token::List(Items::counted(self.length32()?))),
            0xde => Ok(Token::Map(Items::counted(self.length16()?))),
            0xdf => Ok(Token::Map(Items::counted(self.length32()?))),
            small @ 0xe0..=0xff => Ok(Token::Integer(i8::from_be_bytes([small]).into())),
        }
    }

    #[inline(always)]
    fn head(&mut self) -> Result<Head, ReadError> {
        match self.0.peek() {
            Some(0x00..=0x7f | 0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff) => {
                self.0.advance(1);
                Ok(Head::Scalar)
            }
            Some(head @ 0x80..=0x8f) => {
                self.0.advance(1);
                Ok(Head::Map(Items::counted(u64::from(head & 0x0f))))
            }
            Some(head @ 0x90..=0x9f) => {
                self.0.advance(1);
                Ok(Head::List(Items::counted(u64::from(head & 0x0f))))
            }
            Some(head @ 0xa0..=0xbf) => {
                self.0.advance(1);
                let text = self.0.take(u64::from(head & 0x1f))?;
                self.0.check_text(text).map(|()| Head::Scalar)
            }
            _ => Ok(match self.token()? {
                Token::List(items) => Head::List(items),
                Token::Map(items) => Head::Map(items),
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
        Ok(items.take_counted())
    }

    #[inline]
    fn take_null(&mut self) -> bool {
        let rest = self.0.rest;
        let length = match rest.first() {
            Some(0xc0) => 1,
            Some(0xd4) if rest.starts_with(UNDEFINED) => UNDEFINED.len(),
            _ => return false,
        };
        self.0.advance(length);
        true
    }

    #[inline]
    fn take_small_integer(&mut self) -> Option<i64> {
        let (length, integer) = match *self.0.rest {
            [small @ 0x00..=0x7f, ..] => (1, small.into()),
            [small @ 0xe0..=0xff, ..] => (1, i8::from_be_bytes([small]).into()),
            [0xcc, a, ..] => (2, a.into()),
            [0xcd, a, b, ..] => (3, u16::from_be_bytes([a, b]).into()),
            [0xce, a, b, c, d, ..] => (5, u32::from_be_bytes([a, b, c, d]).into()),
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
