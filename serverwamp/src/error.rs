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
    /// Somebody else's router could not be joined, or the session with it is over for good.
    Connect(ConnectError),
    /// Anything else that the operating system refused.
    Io(io::Error),
}

/// Why a client has no session with its router.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// The address cannot be understood.
    Address {
        /// The address as it was given.
        url: String,
        /// What was expected.
        problem: String,
    },
    /// The name of the realm, or the credentials, cannot be used as they are; or a configuration has no client of a name.
    Unusable(String),
    /// There is no connection: nobody listens, or something else does.
    Unreachable {
        /// The address as it was given.
        url: String,
        /// What went wrong.
        source: io::Error,
    },
    /// The router did not welcome the client within this time.
    TimedOut {
        /// The address as it was given.
        url: String,
        /// How long was waited.
        after: std::time::Duration,
    },
    /// The router refused the session, or ended it, or the other way round: the URI of ABORT or GOODBYE, and a message.
    Refused {
        /// The URI of ABORT or GOODBYE, or `wamp.close.transport_lost`.
        reason: String,
        /// What the router had to say.
        message: Option<String>,
    },
    /// The router does not take what the program offers, or wants.
    SetUp(Problem),
    /// The client was stopped, or all handles to it were dropped, before it had joined.
    Stopped,
}

impl ConnectError {
    /// The same for somebody else who has waited.
    #[cfg(feature = "config")]
    pub(crate) fn again(&self) -> ConnectError {
        match self {
            ConnectError::Address { url, problem } => {
                ConnectError::Address { url: url.clone(), problem: problem.clone() }
            }
            ConnectError::Unusable(problem) => ConnectError::Unusable(problem.clone()),
            ConnectError::Unreachable { url, source } => {
                let source = io::Error::new(source.kind(), source.to_string());
                ConnectError::Unreachable { url: url.clone(), source }
            }
            ConnectError::TimedOut { url, after } => ConnectError::TimedOut { url: url.clone(), after: *after },
            ConnectError::Refused { reason, message } => {
                ConnectError::Refused { reason: reason.clone(), message: message.clone() }
            }
            ConnectError::SetUp(problem) => ConnectError::SetUp(problem.clone()),
            ConnectError::Stopped => ConnectError::Stopped,
        }
    }

    /// Whether trying again can be of no use.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            ConnectError::Address { .. } | ConnectError::Unusable(_) | ConnectError::Stopped => true,
            ConnectError::Unreachable { .. } | ConnectError::TimedOut { .. } | ConnectError::SetUp(_) => false,
            ConnectError::Refused { reason, .. } => is_final(reason),
        }
    }
}

/// Whether a router that gives this reason will always give it: wrong credentials, an unknown realm, errors of protocol.
pub(crate) fn is_final(reason: &str) -> bool {
    let Some(error) = reason.strip_prefix("wamp.error.") else { return false };
    error.starts_with("authentication_")
        || error.starts_with("authorization_")
        || matches!(
            error,
            "not_authorized"
                | "no_auth_method"
                | "not_auth_method"
                | "no_matching_auth_method"
                | "cannot_authenticate"
                | "no_such_principal"
                | "no_such_realm"
                | "no_such_role"
                | "invalid_uri"
                | "protocol_violation"
        )
}

impl fmt::Display for ConnectError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConnectError::Address { url, problem } => write!(formatter, "`{url}` is no address of a router: {problem}"),
            ConnectError::Unreachable { url, source } => write!(formatter, "cannot connect to {url}: {source}"),
            ConnectError::TimedOut { url, after } => {
                write!(formatter, "cannot connect to {url}: not welcomed within {after:?}")
            }
            ConnectError::Refused { reason, message: None } => write!(formatter, "the session ended: {reason}"),
            ConnectError::Refused { reason, message: Some(message) } => {
                write!(formatter, "the session ended: {reason}: {message}")
            }
            ConnectError::SetUp(problem) => problem.fmt(formatter),
            ConnectError::Unusable(problem) => formatter.write_str(problem),
            ConnectError::Stopped => formatter.write_str("the client was stopped before it had joined"),
        }
    }
}

impl std::error::Error for ConnectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ConnectError::Unreachable { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl From<ConnectError> for Error {
    fn from(error: ConnectError) -> Error {
        match error {
            ConnectError::SetUp(problem) => Error::Startup(vec![problem]),
            error => Error::Connect(error),
        }
    }
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
            Error::Connect(error) => error.fmt(formatter),
            Error::Io(source) => source.fmt(formatter),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Startup(_) => None,
            Error::Connect(error) => Some(error),
            Error::Bind { source, .. } | Error::Io(source) => Some(source),
        }
    }
}

impl From<io::Error> for Error {
    fn from(source: io::Error) -> Error {
        Error::Io(source)
    }
}
