use std::fmt::{self, Write};

use serde::de::{self, Expected, Unexpected};

use crate::wire::codec::ReadError;

/// The most characters of a peer's string that an error repeats.
const MAX_QUOTED: usize = 64;

/// The most characters that an error of a foreign type's making may have.
const MAX_CUSTOM: usize = 256;

/// Why an argument does not fit the declared type. The text is for the peer that sent it.
#[derive(Clone, PartialEq, Eq)]
pub struct DecodeError(Box<str>);

impl DecodeError {
    #[cold]
    pub(super) fn new(message: impl Into<Box<str>>) -> Self {
        Self(message.into())
    }
}

impl de::Error for DecodeError {
    #[cold]
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(cut(&message.to_string(), MAX_CUSTOM))
    }

    #[cold]
    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("invalid type: {}, expected {expected}", describe(unexpected)))
    }

    #[cold]
    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("invalid value: {}, expected {expected}", describe(unexpected)))
    }

    #[cold]
    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!("unknown variant {:?}, expected {}", cut(variant, MAX_QUOTED), one_of(expected)))
    }

    #[cold]
    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!("unknown field {:?}, expected {}", cut(field, MAX_QUOTED), one_of(expected)))
    }
}

fn describe(unexpected: Unexpected<'_>) -> String {
    match unexpected {
        Unexpected::Str(text) => format!("string {:?}", cut(text, MAX_QUOTED)),
        Unexpected::Unit => "null".to_owned(),
        other => other.to_string(),
    }
}

fn cut(text: &str, length: usize) -> String {
    match text.char_indices().nth(length) {
        Some((end, _)) => text.get(..end).unwrap_or_default().to_owned() + "…",
        None => text.to_owned(),
    }
}

fn one_of(names: &[&str]) -> String {
    match names {
        [] => "none".to_owned(),
        [name] => format!("`{name}`"),
        [first, rest @ ..] => rest.iter().fold(format!("one of `{first}`"), |mut list, name| {
            // Writing to a string cannot fail.
            let _ = write!(list, ", `{name}`");
            list
        }),
    }
}

impl From<ReadError> for DecodeError {
    #[cold]
    fn from(error: ReadError) -> Self {
        Self::new(error.to_string())
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for DecodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, formatter)
    }
}

impl std::error::Error for DecodeError {}
