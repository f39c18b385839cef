use super::ReadError;

/// Bytes and how many of them have been read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'de> {
    input: &'de [u8],
    pub(super) position: usize,
}

impl<'de> Cursor<'de> {
    #[inline]
    pub(super) const fn new(input: &'de [u8]) -> Self {
        Self { input, position: 0 }
    }

    /// The next byte, left unread.
    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.input.get(self.position).copied()
    }

    /// Passes the byte that was peeked at.
    #[inline]
    pub(super) fn advance(&mut self) {
        self.position = self.position.wrapping_add(1);
    }

    #[inline]
    pub(super) fn byte(&mut self) -> Result<u8, ReadError> {
        match self.peek() {
            Some(byte) => {
                self.advance();
                Ok(byte)
            }
            None => Err(self.ended()),
        }
    }

    #[inline]
    pub(super) fn take(&mut self, length: u64) -> Result<&'de [u8], ReadError> {
        let taken = usize::try_from(length).ok().and_then(|length| self.rest().get(..length));
        match taken {
            Some(taken) => {
                self.position = self.position.wrapping_add(taken.len());
                Ok(taken)
            }
            None => Err(self.ended()),
        }
    }

    #[inline]
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], ReadError> {
        match self.rest().first_chunk::<N>() {
            Some(taken) => {
                self.position = self.position.wrapping_add(N);
                Ok(*taken)
            }
            None => Err(self.ended()),
        }
    }

    #[inline]
    pub(super) fn rest(&self) -> &'de [u8] {
        self.input.get(self.position..).unwrap_or_default()
    }

    /// What was read since a position.
    #[inline]
    pub(super) fn since(&self, start: usize) -> &'de [u8] {
        self.input.get(start..self.position).unwrap_or_default()
    }

    /// What was read since a position, as text.
    #[inline]
    pub(super) fn text_since(&self, start: usize) -> Result<&'de str, ReadError> {
        self.text(self.since(start))
    }

    #[inline]
    pub(super) fn text(&self, bytes: &'de [u8]) -> Result<&'de str, ReadError> {
        std::str::from_utf8(bytes).map_err(|_| self.expected("valid UTF-8 in the string before"))
    }

    #[inline]
    pub(super) fn finish(&self) -> Result<(), ReadError> {
        if self.position == self.input.len() { Ok(()) } else { Err(self.expected("the end")) }
    }

    #[cold]
    pub(super) fn expected(&self, expected: &'static str) -> ReadError {
        ReadError::malformed(expected, self.position)
    }

    #[cold]
    pub(super) fn ended(&self) -> ReadError {
        ReadError::malformed("more bytes", self.input.len())
    }
}
