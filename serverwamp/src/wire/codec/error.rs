use std::fmt;

/// Why bytes could not be read, and where. It fits a register, since every step of a reader returns it or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReadError {
    pub(crate) kind: ReadErrorKind,
    /// The number of bytes before the problem.
    pub(crate) position: u32,
}

/// What is wrong with the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadErrorKind {
    /// They do not follow the codec.
    Malformed(Expected),
    /// Lists and maps are nested deeper than the limit.
    TooDeep,
    /// There are more values and keys than the limit.
    TooManyNodes,
}

impl ReadErrorKind {
    /// The limit that was exceeded, by its name in the configuration.
    pub(crate) fn limit(&self) -> Option<&'static str> {
        match self {
            Self::Malformed(_) => None,
            Self::TooDeep => Some("depth"),
            Self::TooManyNodes => Some("nodes"),
        }
    }
}

macro_rules! expected {
    ($($name:ident $text:literal)*) => {
        /// What should have come.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Expected {
            $($name,)*
        }

        impl fmt::Display for Expected {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(match self {
                    $(Self::$name => $text,)*
                })
            }
        }
    };
}

expected! {
    Arguments "a list of arguments"
    ArgumentsKw "a dict of keyword arguments"
    Chunk "a chunk of a string of unknown length"
    Colon "`:`"
    Comma "`,` or the end of the list or dict"
    Digits "digits in each part of a number"
    End "the end"
    Escape "an escape sequence"
    KnownLength "a known length"
    KnownValue "a value that the codec defines"
    LessInput "less than 4 GiB"
    Message "a list as message"
    MoreBytes "more bytes"
    NoControl "no control character in a string"
    Number "a number without leading zeros"
    ScalarKey "a scalar as key"
    StringKey "a string as key"
    Surrogates "a pair of surrogates"
    Utf8 "valid UTF-8 in the string before"
    Value "a value"
}

impl ReadError {
    #[cold]
    fn new(kind: ReadErrorKind, position: usize) -> Self {
        Self { kind, position: u32::try_from(position).unwrap_or(u32::MAX) }
    }

    #[cold]
    pub(crate) fn malformed(expected: Expected, position: usize) -> Self {
        Self::new(ReadErrorKind::Malformed(expected), position)
    }

    #[cold]
    pub(crate) fn too_deep(position: usize) -> Self {
        Self::new(ReadErrorKind::TooDeep, position)
    }

    #[cold]
    pub(crate) fn too_many_nodes(position: usize) -> Self {
        Self::new(ReadErrorKind::TooManyNodes, position)
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ReadErrorKind::Malformed(expected) => write!(formatter, "expected {expected}")?,
            ReadErrorKind::TooDeep => formatter.write_str("nested too deeply")?,
            ReadErrorKind::TooManyNodes => formatter.write_str("too many values")?,
        }
        write!(formatter, " at byte {}", self.position)
    }
}

impl std::error::Error for ReadError {}
