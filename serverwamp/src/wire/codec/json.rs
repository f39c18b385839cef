//! JSON (RFC 8259), with binary as a string of U+0000 and base64.

use super::cursor::Cursor;
use super::text::{Binary, Text};
use super::{Expected, Head, Items, Read, ReadError, Token};

/// How a binary begins, between the quotes. No JSON string can hold U+0000 in another form than an escape.
const BINARY_MARK: &str = "\\u0000";

/// The most digits that always fit an `i64`.
const SAFE_DIGITS: usize = 18;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Json<'de>(Cursor<'de>);

impl<'de> Json<'de> {
    #[inline]
    pub(crate) fn new(input: &'de [u8]) -> Self {
        let mut reader = Self(Cursor::new(input));
        reader.skip_whitespace();
        reader
    }

    /// Whitespace is passed wherever a token may have it behind, so that no token has it in front.
    #[inline]
    fn skip_whitespace(&mut self) {
        if self.0.peek().is_some_and(|byte| byte <= b' ') {
            self.pass_whitespace();
        }
    }

    fn pass_whitespace(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.0.peek() {
            self.0.advance(1);
        }
    }

    fn word(&mut self, word: &'static [u8], token: Token<'de>) -> Result<Token<'de>, ReadError> {
        if self.0.rest.starts_with(word) {
            self.0.advance(word.len());
            Ok(token)
        } else {
            Err(self.0.expected(Expected::Value))
        }
    }

    /// Passes a number; says whether it has neither fraction nor exponent.
    #[inline(always)]
    fn pass_number(&mut self) -> Result<bool, ReadError> {
        let rest = self.0.rest;
        let sign = usize::from(rest.first() == Some(&b'-'));
        let whole = digits(rest, sign);
        if whole == sign || (rest.get(sign) == Some(&b'0') && whole.wrapping_sub(sign) > 1) {
            return Err(self.0.expected(Expected::Number));
        }
        self.0.advance(whole);
        match rest.get(whole) {
            Some(b'.' | b'e' | b'E') => self.pass_fraction(),
            _ => Ok(true),
        }
    }

    /// Passes what follows the integer part of a number.
    fn pass_fraction(&mut self) -> Result<bool, ReadError> {
        if self.0.peek() == Some(b'.') {
            self.0.advance(1);
            self.pass_digits()?;
        }
        if let Some(b'e' | b'E') = self.0.peek() {
            self.0.advance(1);
            if let Some(b'+' | b'-') = self.0.peek() {
                self.0.advance(1);
            }
            self.pass_digits()?;
        }
        Ok(false)
    }

    fn pass_digits(&mut self) -> Result<(), ReadError> {
        match digits(self.0.rest, 0) {
            0 => Err(self.0.expected(Expected::Digits)),
            length => {
                self.0.advance(length);
                Ok(())
            }
        }
    }

    #[inline]
    fn number(&mut self) -> Result<Token<'de>, ReadError> {
        match self.take_small_integer() {
            Some(integer) => Ok(Token::Integer(integer.into())),
            None => self.long_number(),
        }
    }

    fn long_number(&mut self) -> Result<Token<'de>, ReadError> {
        let start = self.0.rest;
        let plain = self.pass_number()?;
        let text = self.0.text(self.0.since(start))?;
        let integer = if plain && text != "-0" { text.parse().ok() } else { None };
        Ok(integer.map_or(Token::Number(text), Token::Integer))
    }

    /// Reads a string whose opening quote has been read.
    #[inline]
    fn string(&mut self) -> Result<Text<'de>, ReadError> {
        let start = self.0.rest;
        let escaped = self.pass_string()?;
        let text = self.0.text(self.without_quote(start))?;
        Ok(if escaped { Text::Escaped(text) } else { Text::Plain(text) })
    }

    /// Passes a string whose opening quote has been read, without a look at its UTF-8; says whether it has escapes.
    #[inline]
    fn pass_string(&mut self) -> Result<bool, ReadError> {
        self.0.advance(plain_length(self.0.rest));
        if self.0.peek() == Some(b'"') {
            self.0.advance(1);
            return Ok(false);
        }
        self.pass_escaped_string()
    }

    /// The content of a string that has just been passed.
    #[inline]
    fn without_quote(&self, start: &'de [u8]) -> &'de [u8] {
        self.0.since(start).split_last().map_or(&[], |(_, content)| content)
    }

    fn pass_escaped_string(&mut self) -> Result<bool, ReadError> {
        loop {
            match self.0.byte()? {
                b'"' => return Ok(true),
                b'\\' => self.pass_escape()?,
                0..0x20 => return Err(self.0.expected(Expected::NoControl)),
                _ => self.0.advance(plain_length(self.0.rest)),
            }
        }
    }

    fn pass_escape(&mut self) -> Result<(), ReadError> {
        match self.0.byte()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(()),
            b'u' => match self.code_unit()? {
                0xdc00..=0xdfff => Err(self.0.expected(Expected::Surrogates)),
                0xd800..=0xdbff => {
                    let escape = self.0.byte()? == b'\\' && self.0.byte()? == b'u';
                    let pair = escape && matches!(self.code_unit()?, 0xdc00..=0xdfff);
                    if pair { Ok(()) } else { Err(self.0.expected(Expected::Surrogates)) }
                }
                _ => Ok(()),
            },
            _ => Err(self.0.expected(Expected::Escape)),
        }
    }

    fn code_unit(&mut self) -> Result<u32, ReadError> {
        let mut unit = 0;
        for digit in self.0.array::<4>()? {
            match char::from(digit).to_digit(16) {
                Some(digit) => unit = (unit << 4) | digit,
                None => return Err(self.0.expected(Expected::Escape)),
            }
        }
        Ok(unit)
    }
}

/// Where the digits end that begin at a place.
#[inline]
fn digits(bytes: &[u8], start: usize) -> usize {
    let mut end = start;
    while let Some(b'0'..=b'9') = bytes.get(end) {
        end = end.wrapping_add(1);
    }
    end
}

/// How many bytes of a string there are up to a quote, a backslash or a control character.
#[inline]
fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let mut length = 0_usize;
    while let Some(word) = bytes.get(length..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*word);
        let below = |word: u64, limit: u64| word.wrapping_sub(ONES.wrapping_mul(limit)) & !word;
        let quote = below(word ^ ONES.wrapping_mul(u64::from(b'"')), 1);
        let backslash = below(word ^ ONES.wrapping_mul(u64::from(b'\\')), 1);
        // A borrow can only mark bytes after the first true stop, so the lowest mark is right.
        let stops = (below(word, 0x20) | quote | backslash) & HIGH;
        if stops != 0 {
            return length.wrapping_add((stops.trailing_zeros() >> 3) as usize);
        }
        length = length.wrapping_add(8);
    }
    while let Some(&byte) = bytes.get(length) {
        if byte < 0x20 || byte == b'"' || byte == b'\\' {
            break;
        }
        length = length.wrapping_add(1);
    }
    length
}

impl<'de> Read<'de> for Json<'de> {
    #[inline]
    fn position(&self) -> usize {
        self.0.position()
    }

    #[inline]
    fn token(&mut self) -> Result<Token<'de>, ReadError> {
        match self.0.peek() {
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'"') => {
                self.0.advance(1);
                match self.string()? {
                    Text::Escaped(text) if text.starts_with(BINARY_MARK) => {
                        let base64 = text.get(BINARY_MARK.len()..).unwrap_or_default();
                        Ok(Token::Binary(Binary::Base64(base64)))
                    }
                    text => Ok(Token::Text(text)),
                }
            }
            Some(b'[') => {
                self.0.advance(1);
                Ok(Token::List(Items::until(b']')))
            }
            Some(b'{') => {
                self.0.advance(1);
                Ok(Token::Map(Items::until(b'}')))
            }
            Some(b'n') => self.word(b"null", Token::Null),
            Some(b't') => self.word(b"true", Token::Bool(true)),
            Some(b'f') => self.word(b"false", Token::Bool(false)),
            Some(_) => Err(self.0.expected(Expected::Value)),
            None => Err(self.0.ended()),
        }
    }

    #[inline(always)]
    fn head(&mut self) -> Result<Head, ReadError> {
        match self.0.peek() {
            Some(b'-' | b'0'..=b'9') => self.pass_number().map(|_| Head::Scalar),
            Some(b'"') => {
                self.0.advance(1);
                let start = self.0.rest;
                self.pass_string()?;
                self.0.check_text(self.without_quote(start)).map(|()| Head::Scalar)
            }
            Some(b'[') => {
                self.0.advance(1);
                Ok(Head::List(Items::until(b']')))
            }
            Some(b'{') => {
                self.0.advance(1);
                Ok(Head::Map(Items::until(b'}')))
            }
            _ => self.token().map(|_| Head::Scalar),
        }
    }

    #[inline]
    fn key(&mut self) -> Result<Token<'de>, ReadError> {
        if self.0.peek() != Some(b'"') {
            return Err(self.0.expected(Expected::StringKey));
        }
        self.0.advance(1);
        Ok(Token::Text(self.string()?))
    }

    #[inline]
    fn key_head(&mut self) -> Result<Head, ReadError> {
        if self.0.peek() == Some(b'"') { self.head() } else { Err(self.0.expected(Expected::StringKey)) }
    }

    #[inline]
    fn separator(&mut self) -> Result<(), ReadError> {
        self.skip_whitespace();
        if self.0.peek() != Some(b':') {
            return Err(self.0.expected(Expected::Colon));
        }
        self.0.advance(1);
        self.skip_whitespace();
        Ok(())
    }

    #[inline(always)]
    fn more(&mut self, items: &mut Items) -> Result<bool, ReadError> {
        self.skip_whitespace();
        let next = self.0.peek();
        if next == Some(items.end) {
            self.0.advance(1);
            return Ok(false);
        }
        if items.first {
            items.first = false;
            return Ok(true);
        }
        if next != Some(b',') {
            return Err(self.0.expected(Expected::Comma));
        }
        self.0.advance(1);
        self.skip_whitespace();
        Ok(true)
    }

    #[inline]
    fn take_null(&mut self) -> bool {
        self.0.peek() == Some(b'n') && self.word(b"null", Token::Null).is_ok()
    }

    #[inline]
    fn take_small_integer(&mut self) -> Option<i64> {
        let rest = self.0.rest;
        let sign = usize::from(rest.first() == Some(&b'-'));
        let (mut value, mut end) = (0_i64, sign);
        while let Some(digit @ b'0'..=b'9') = rest.get(end) {
            value = value.wrapping_mul(10).wrapping_add(i64::from(digit & 0x0f));
            end = end.wrapping_add(1);
        }
        let plain = match end.wrapping_sub(sign) {
            1 => sign == 0 || value != 0,
            2..=SAFE_DIGITS => rest.get(sign) != Some(&b'0'),
            _ => false,
        };
        if !plain || matches!(rest.get(end), Some(b'.' | b'e' | b'E')) {
            return None;
        }
        self.0.advance(end);
        Some(if sign == 0 { value } else { value.wrapping_neg() })
    }

    #[inline]
    fn take_literal(&mut self, octets: &[u8]) -> bool {
        self.0.take_literal(octets)
    }

    #[inline]
    fn finish(&mut self) -> Result<(), ReadError> {
        self.skip_whitespace();
        self.0.finish()
    }
}
