//! What is wrong with a known key.

use std::{borrow::Cow, fmt};

use crate::wire::codec::{ReadError, Token};

/// A known key has a value that it cannot have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    path: String,
    expected: Cow<'static, str>,
    got: Cow<'static, str>,
}

impl Problem {
    #[cold]
    pub(crate) fn new(expected: impl Into<Cow<'static, str>>, got: impl Into<Cow<'static, str>>) -> Self {
        Self { path: String::new(), expected: expected.into(), got: got.into() }
    }

    #[cold]
    pub(crate) fn unexpected(expected: impl Into<Cow<'static, str>>, token: &Token<'_>) -> Self {
        match token {
            Token::Integer(integer) => Self::new(expected, integer.to_string()),
            token => Self::new(expected, token.kind()),
        }
    }

    /// Puts the name of what contains the value in front of its path.
    #[cold]
    pub(crate) fn within(mut self, name: &str) -> Self {
        self.path = if self.path.is_empty() { name.to_owned() } else { format!("{name}.{}", self.path) };
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(formatter, "{}: ", self.path)?;
        }
        write!(formatter, "expected {}, got {}", self.expected, self.got)
    }
}

impl From<ReadError> for Problem {
    #[cold]
    fn from(error: ReadError) -> Self {
        Self::new("a well-formed value", error.to_string())
    }
}
