//! An encoded dict that is being read key by key.

use std::{
    borrow::Cow,
    ops::{Deref, DerefMut},
};

use super::Problem;
use crate::wire::{
    codec::{Codec, Read, ReadError, Reader, Token},
    scan::{MAX_DEPTH, skip},
};

/// An encoded dict that is being read.
pub(crate) struct Source<'de> {
    pub(super) codec: Codec,
    input: &'de [u8],
    reader: Reader<'de>,
    /// As it was before the last token.
    before_token: Reader<'de>,
}

impl<'de> Source<'de> {
    #[inline]
    pub(crate) fn new(codec: Codec, input: &'de [u8]) -> Self {
        let reader = Reader::new(codec, input);
        Self { codec, input, reader, before_token: reader }
    }

    pub(crate) fn token(&mut self) -> Result<Token<'de>, ReadError> {
        self.before_token = self.reader;
        self.reader.token()
    }

    /// Reads a key, up to its value.
    pub(super) fn key(&mut self) -> Result<Cow<'de, str>, Problem> {
        let key = match self.reader.key()? {
            Token::Text(text) => text.to_cow(),
            token => return Err(Problem::new("a dict whose keys are strings", format!("{} as a key", token.kind()))),
        };
        self.reader.separator()?;
        Ok(key)
    }

    /// Passes the value that is next, however deep a scan has allowed, and gives its bytes.
    pub(super) fn value(&mut self) -> Result<&'de [u8], ReadError> {
        let start = self.reader.position();
        skip(&mut self.reader, MAX_DEPTH)?;
        Ok(self.input.get(start..self.reader.position()).unwrap_or_default())
    }

    /// Passes the value whose first token was read last, and gives its bytes.
    pub(super) fn value_of_token(&mut self) -> Result<&'de [u8], ReadError> {
        self.reader = self.before_token;
        self.value()
    }

    /// Whether JavaScript's `undefined` is next, which means that the key is absent. JSON leaves such keys out.
    pub(super) fn is_undefined(&self) -> bool {
        let rest = self.input.get(self.reader.position()..).unwrap_or_default();
        match self.codec {
            Codec::Json => false,
            Codec::MessagePack => rest.starts_with(&[0xd4, 0, 0]),
            Codec::Cbor => rest.starts_with(&[0xf7]),
        }
    }
}

impl<'de> Deref for Source<'de> {
    type Target = Reader<'de>;

    fn deref(&self) -> &Reader<'de> {
        &self.reader
    }
}

impl DerefMut for Source<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.reader
    }
}
