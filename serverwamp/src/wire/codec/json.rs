//! JSON (RFC 8259), with binary as a string of U+0000 and base64.

use super::cursor::Cursor;
use super::text::{Binary, Text};
use super::{Head, Items, Read, ReadError, Token};

/// How a binary begins, between the quotes. No JSON string can hold U+0000 in another form than an escape.
const BINARY_MARK: &str = "\\u0000";

/// The most digits that always fit a `u64`.
const SAFE_DIGITS: usize = 19;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Json<'de>(Cursor<'de>);

impl<'de> Json<'de> {
    #[inline]
    pub(crate) const fn new(input: &'de [u8]) -> Self {
        Self(Cursor::new(input))
    }

    #[inline]
    fn skip_whitespace(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.0.peek() {
            self.0.advance();
        }
    }

    fn word(&mut self, word: &'static [u8], token: Token<'de>) -> Result<Token<'de>, ReadError> {
        if self.0.rest().starts_with(word) {
            self.0.position = self.0.position.wrapping_add(word.len());
            Ok(token)
        } else {
            Err(self.0.expected("a value"))
        }
    }

    /// Reads a number; says whether it has neither fraction nor exponent.
    #[inline]
    fn number(&mut self) -> Result<(&'de [u8], bool), ReadError> {
        let rest = self.0.rest();
        let sign = usize::from(rest.first() == Some(&b'-'));
        let whole = sign.wrapping_add(digits(rest, sign));
        if whole == sign || (rest.get(sign) == Some(&b'0') && whole.wrapping_sub(sign) > 1) {
            return Err(self.0.expected("a number"));
        }
        let end = match rest.get(whole) {
            Some(b'.' | b'e' | b'E') => self.fraction(rest, whole)?,
            _ => whole,
        };
        self.0.position = self.0.position.wrapping_add(end);
        Ok((rest.get(..end).unwrap_or_default(), end == whole))
    }

    /// Finds the end of the number whose integer part ends at `end`.
    fn fraction(&self, rest: &[u8], mut end: usize) -> Result<usize, ReadError> {
        if rest.get(end) == Some(&b'.') {
            end = self.some_digits(rest, end.wrapping_add(1))?;
        }
        if let Some(b'e' | b'E') = rest.get(end) {
            end = end.wrapping_add(1);
            if let Some(b'+' | b'-') = rest.get(end) {
                end = end.wrapping_add(1);
            }
            end = self.some_digits(rest, end)?;
        }
        Ok(end)
    }

    fn some_digits(&self, rest: &[u8], start: usize) -> Result<usize, ReadError> {
        match digits(rest, start) {
            0 => Err(self.0.expected("a number with digits in each part")),
            length => Ok(start.wrapping_add(length)),
        }
    }

    #[inline]
    fn number_token(&mut self) -> Result<Token<'de>, ReadError> {
        let (number, plain) = self.number()?;
        let (negative, digits) = match number {
            [b'-', digits @ ..] => (true, digits),
            digits => (false, digits),
        };
        if plain && digits.len() <= SAFE_DIGITS {
            let step = |value: u64, digit: &u8| value.wrapping_mul(10).wrapping_add(u64::from(digit & 0x0f));
            let value = i128::from(digits.iter().fold(0, step));
            if !negative || value != 0 {
                return Ok(Token::Integer(if negative { value.wrapping_neg() } else { value }));
            }
        }
        self.long_number(number, plain)
    }

    fn long_number(&self, number: &'de [u8], plain: bool) -> Result<Token<'de>, ReadError> {
        let text = self.0.text(number)?;
        match text.parse() {
            Ok(integer) if plain && text != "-0" => Ok(Token::Integer(integer)),
            _ => Ok(Token::Number(text)),
        }
    }

    /// Reads a string whose opening quote has been read.
    #[inline]
    fn string(&mut self) -> Result<Text<'de>, ReadError> {
        let start = self.0.position;
        self.plain_run();
        if self.0.peek() == Some(b'"') {
            let text = self.0.text_since(start)?;
            self.0.advance();
            return Ok(Text::Plain(text));
        }
        self.escaped_string(start)
    }

    fn escaped_string(&mut self, start: usize) -> Result<Text<'de>, ReadError> {
        loop {
            match self.0.peek() {
                Some(b'"') => {
                    let text = self.0.text_since(start)?;
                    self.0.advance();
                    return Ok(Text::Escaped(text));
                }
                Some(b'\\') => self.escape()?,
                Some(_) => return Err(self.0.expected("no control character in a string")),
                None => return Err(self.0.ended()),
            }
            self.plain_run();
        }
    }

    fn escape(&mut self) -> Result<(), ReadError> {
        self.0.advance();
        match self.0.byte()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(()),
            b'u' => match self.code_unit()? {
                0xdc00..=0xdfff => Err(self.0.expected("a leading surrogate first")),
                0xd800..=0xdbff => {
                    let pair = self.0.array::<2>()? == *b"\\u" && matches!(self.code_unit()?, 0xdc00..=0xdfff);
                    if pair { Ok(()) } else { Err(self.0.expected("a trailing surrogate")) }
                }
                _ => Ok(()),
            },
            _ => Err(self.0.expected("an escape sequence")),
        }
    }

    fn code_unit(&mut self) -> Result<u32, ReadError> {
        let mut unit = 0;
        for digit in self.0.array::<4>()? {
            match char::from(digit).to_digit(16) {
                Some(digit) => unit = (unit << 4) | digit,
                None => return Err(self.0.expected("four hexadecimal digits")),
            }
        }
        Ok(unit)
    }

    /// Passes the bytes of a string up to a quote, a backslash or a control character.
    #[inline]
    fn plain_run(&mut self) {
        const ONES: u64 = 0x0101_0101_0101_0101;
        const HIGH: u64 = 0x8080_8080_8080_8080;
        let rest = self.0.rest();
        let mut length = 0_usize;
        // Written so that the compiler turns it into vector instructions.
        while let Some(block) = rest.get(length..).and_then(<[u8]>::first_chunk::<32>) {
            if block.iter().fold(false, |stop, &byte| stop | (byte < 0x20) | (byte == b'"') | (byte == b'\\')) {
                break;
            }
            length = length.wrapping_add(32);
        }
        while let Some(word) = rest.get(length..).and_then(<[u8]>::first_chunk::<8>) {
            let word = u64::from_le_bytes(*word);
            let zero_in = |word: u64| word.wrapping_sub(ONES) & !word;
            let control = word.wrapping_sub(ONES.wrapping_mul(0x20)) & !word;
            let quote = zero_in(word ^ ONES.wrapping_mul(0x22));
            let backslash = zero_in(word ^ ONES.wrapping_mul(0x5c));
            // A borrow can only mark bytes after the first true stop, so the lowest mark is right.
            let stops = (control | quote | backslash) & HIGH;
            if stops != 0 {
                length = length.wrapping_add((stops.trailing_zeros() >> 3) as usize);
                self.0.position = self.0.position.wrapping_add(length);
                return;
            }
            length = length.wrapping_add(8);
        }
        while let Some(&byte) = rest.get(length) {
            if byte < 0x20 || byte == b'"' || byte == b'\\' {
                break;
            }
            length = length.wrapping_add(1);
        }
        self.0.position = self.0.position.wrapping_add(length);
    }
}

/// How many digits there are from a place on.
#[inline]
fn digits(bytes: &[u8], start: usize) -> usize {
    bytes.get(start..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit()).count()
}

impl<'de> Read<'de> for Json<'de> {
    #[inline]
    fn position(&self) -> usize {
        self.0.position
    }

    #[inline]
    fn start(&mut self) -> usize {
        self.skip_whitespace();
        self.0.position
    }

    #[inline]
    fn token(&mut self) -> Result<Token<'de>, ReadError> {
        self.skip_whitespace();
        match self.0.peek() {
            Some(b'-' | b'0'..=b'9') => self.number_token(),
            Some(b'"') => {
                self.0.advance();
                match self.string()? {
                    Text::Escaped(text) if text.starts_with(BINARY_MARK) => {
                        let base64 = text.get(BINARY_MARK.len()..).unwrap_or_default();
                        Ok(Token::Binary(Binary::Base64(base64)))
                    }
                    text => Ok(Token::Text(text)),
                }
            }
            Some(b'[') => {
                self.0.advance();
                Ok(Token::List(Items::until(b']')))
            }
            Some(b'{') => {
                self.0.advance();
                Ok(Token::Map(Items::until(b'}')))
            }
            Some(b'n') => self.word(b"null", Token::Null),
            Some(b't') => self.word(b"true", Token::Bool(true)),
            Some(b'f') => self.word(b"false", Token::Bool(false)),
            Some(_) => Err(self.0.expected("a value")),
            None => Err(self.0.ended()),
        }
    }

    #[inline]
    fn head(&mut self) -> Result<Head, ReadError> {
        self.skip_whitespace();
        match self.0.peek() {
            Some(b'-' | b'0'..=b'9') => self.number().map(|_| Head::Scalar),
            Some(b'"') => {
                self.0.advance();
                self.string().map(|_| Head::Scalar)
            }
            Some(b'[') => {
                self.0.advance();
                Ok(Head::List(Items::until(b']')))
            }
            Some(b'{') => {
                self.0.advance();
                Ok(Head::Map(Items::until(b'}')))
            }
            _ => self.token().map(|_| Head::Scalar),
        }
    }

    #[inline]
    fn key(&mut self) -> Result<Token<'de>, ReadError> {
        self.skip_whitespace();
        if self.0.peek() != Some(b'"') {
            return Err(self.0.expected("a string as key"));
        }
        self.0.advance();
        Ok(Token::Text(self.string()?))
    }

    #[inline]
    fn separator(&mut self) -> Result<(), ReadError> {
        self.skip_whitespace();
        if self.0.peek() != Some(b':') {
            return Err(self.0.expected("`:`"));
        }
        self.0.advance();
        Ok(())
    }

    #[inline]
    fn more(&mut self, items: &mut Items) -> Result<bool, ReadError> {
        self.skip_whitespace();
        let next = self.0.peek();
        if next == Some(items.end) {
            self.0.advance();
            return Ok(false);
        }
        if items.first {
            items.first = false;
            return Ok(true);
        }
        match next {
            Some(b',') => {
                self.0.advance();
                Ok(true)
            }
            Some(_) => Err(self.0.expected("`,` or the end of the list or dict")),
            None => Err(self.0.ended()),
        }
    }

    #[inline]
    fn take_null(&mut self) -> bool {
        self.skip_whitespace();
        self.0.peek() == Some(b'n') && self.word(b"null", Token::Null).is_ok()
    }

    #[inline]
    fn finish(&mut self) -> Result<(), ReadError> {
        self.skip_whitespace();
        self.0.finish()
    }
}
