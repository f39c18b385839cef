use super::{Expected, ReadError};

/// What is left to read of some bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'de> {
    pub(super) rest: &'de [u8],
    /// How many bytes there were in the beginning.
    length: usize,
}

impl<'de> Cursor<'de> {
    #[inline]
    pub(super) const fn new(input: &'de [u8]) -> Self {
        Self { rest: input, length: input.len() }
    }

    /// How many bytes have been read.
    #[inline]
    pub(super) const fn position(&self) -> usize {
        self.length.wrapping_sub(self.rest.len())
    }

    /// The next byte, left unread.
    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Passes bytes that were looked at.
    #[inline]
    pub(super) fn advance(&mut self, length: usize) {
        self.rest = self.rest.get(length..).unwrap_or_default();
    }

    #[inline]
    pub(super) fn byte(&mut self) -> Result<u8, ReadError> {
        match self.rest.split_first() {
            Some((byte, rest)) => {
                self.rest = rest;
                Ok(*byte)
            }
            None => Err(self.ended()),
        }
    }

    /// Passes these bytes if they are next.
    #[inline]
    pub(super) fn take_literal(&mut self, bytes: &[u8]) -> bool {
        let rest = self.rest.strip_prefix(bytes);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    #[inline]
    pub(super) fn take(&mut self, length: u64) -> Result<&'de [u8], ReadError> {
        match usize::try_from(length).ok().and_then(|length| self.rest.split_at_checked(length)) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(self.ended()),
        }
    }

    #[inline]
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], ReadError> {
        match self.rest.split_first_chunk::<N>() {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(*taken)
            }
            None => Err(self.ended()),
        }
    }

    /// What has been read since `rest` was what is given.
    #[inline]
    pub(super) fn since(&self, start: &'de [u8]) -> &'de [u8] {
        start.get(..start.len().wrapping_sub(self.rest.len())).unwrap_or_default()
    }

    #[inline]
    pub(super) fn text(&self, bytes: &'de [u8]) -> Result<&'de str, ReadError> {
        std::str::from_utf8(bytes).map_err(|_| self.expected(Expected::Utf8))
    }

    /// Checks what [`Self::text`] would check; faster for the short plain strings that most strings are.
    #[inline]
    pub(super) fn check_text(&self, bytes: &'de [u8]) -> Result<(), ReadError> {
        if bytes.is_ascii() { Ok(()) } else { self.text(bytes).map(drop) }
    }

    #[inline]
    pub(super) fn finish(&self) -> Result<(), ReadError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.expected(Expected::End)) }
    }

    #[cold]
    pub(super) fn expected(&self, expected: Expected) -> ReadError {
        ReadError::malformed(expected, self.position())
    }

    #[cold]
    pub(super) fn ended(&self) -> ReadError {
        ReadError::malformed(Expected::MoreBytes, self.length)
    }
}
