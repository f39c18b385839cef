//! What can go wrong with a server as a whole.

use std::fmt;
use std::io;

/// The result of serving.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a server did not start or stopped.
#[non_exhaustive]
pub enum Error {
    /// The program is put together wrongly; every problem is listed.
    Startup(Vec<Problem>),
    /// An address could not be bound.
    Bind {
        /// The address as it was given.
        address: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// Anything else that the operating system refused.
    Io(io::Error),
}

/// One mistake in how a program is put together, found before the server listens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// `file:line` of the function that the problem is about, where there is one.
    pub location: Option<String>,
    /// What is wrong, and what to do.
    pub message: String,
}

impl Problem {
    pub(crate) fn new(message: impl Into<String>) -> Problem {
        Problem { location: None, message: message.into() }
    }

    pub(crate) fn at(location: impl Into<String>, message: impl Into<String>) -> Problem {
        Problem { location: Some(location.into()), message: message.into() }
    }

    /// A mistake in a text of this kind, at this octet of it.
    #[cfg(feature = "config")]
    pub(crate) fn in_text(what: &str, text: &str, start: usize, message: &str) -> Problem {
        let line = text.bytes().take(start).filter(|byte| *byte == b'\n').count().saturating_add(1);
        Problem::new(format!("{what}, line {line}: {message}"))
    }

    /// Sorts by file, then by line as a number, then by message.
    pub(crate) fn sort(problems: &mut [Problem]) {
        fn place(problem: &Problem) -> Option<(&str, u32)> {
            let (file, line) = problem.location.as_ref()?.rsplit_once(':')?;
            Some((file, line.parse().ok()?))
        }
        problems.sort_by(|one, other| (place(one), one).cmp(&(place(other), other)));
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.location {
            Some(location) => write!(formatter, "{location}: {}", self.message),
            None => formatter.write_str(&self.message),
        }
    }
}

/// As `Display`: it is what a `main` that returns the error prints.
impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Startup(problems) => {
                match problems.len() {
                    1 => formatter.write_str("the server cannot start:")?,
                    count => write!(formatter, "the server cannot start, {count} problems:")?,
                }
                problems.iter().try_for_each(|problem| write!(formatter, "\n  {problem}"))
            }
            Error::Bind { address, source } => write!(formatter, "cannot listen on {address}: {source}"),
            Error::Io(source) => source.fmt(formatter),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Startup(_) => None,
            Error::Bind { source, .. } | Error::Io(source) => Some(source),
        }
    }
}

impl From<io::Error> for Error {
    fn from(source: io::Error) -> Error {
        Error::Io(source)
    }
}
