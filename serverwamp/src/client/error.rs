//! What a client's request can fail with.

use std::error::Error;
use std::fmt;

use crate::handler::RpcError;
use crate::wire::{DecodeError, EncodeError, Payload, Uri, UriError};

/// Why a session is over: a reason and the peer's message.
#[derive(Debug, Clone)]
pub(crate) struct Over {
    pub(crate) reason: Uri,
    pub(crate) message: Option<String>,
}

/// Why a call has no result, or a subscription or a publication does not exist.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum CallError {
    /// The other side answered with an error.
    Remote(RpcError),
    /// The session ended, or never began: the reason's URI and a message.
    Ended {
        /// The URI of GOODBYE or ABORT, or `wamp.close.transport_lost`.
        reason: String,
        /// What the other side had to say.
        message: Option<String>,
    },
    /// The call has been answered already.
    Over,
    /// What was to be sent is not allowed or cannot be encoded.
    Unsendable(String),
    /// The result or the event is of another shape than the one asked for.
    Unexpected(String),
    /// The app is put together wrongly.
    Startup(String),
}

impl CallError {
    /// The error's or the reason's URI, where there is one.
    pub fn uri(&self) -> Option<&str> {
        match self {
            CallError::Remote(error) => Some(error.uri()),
            CallError::Ended { reason, .. } => Some(reason),
            CallError::Over | CallError::Unsendable(_) | CallError::Unexpected(_) | CallError::Startup(_) => None,
        }
    }

    /// An ERROR message.
    pub(crate) fn remote(error: &Uri, payload: &Payload) -> CallError {
        CallError::Remote(RpcError::from_parts(error, payload.to_args(), payload.to_kwargs()))
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::Remote(error) => error.fmt(formatter),
            CallError::Ended { reason, message: None } => write!(formatter, "the session ended: {reason}"),
            CallError::Ended { reason, message: Some(message) } => {
                write!(formatter, "the session ended: {reason}: {message}")
            }
            CallError::Over => formatter.write_str("the call has been answered already"),
            CallError::Unsendable(message) => write!(formatter, "the request cannot be sent: {message}"),
            CallError::Unexpected(message) => write!(formatter, "what came is not as expected: {message}"),
            CallError::Startup(message) => formatter.write_str(message),
        }
    }
}

impl Error for CallError {}

impl From<Over> for CallError {
    fn from(over: Over) -> CallError {
        CallError::Ended { reason: over.reason.to_string(), message: over.message }
    }
}

impl From<DecodeError> for CallError {
    fn from(error: DecodeError) -> CallError {
        CallError::Unexpected(error.to_string())
    }
}

impl From<EncodeError> for CallError {
    fn from(error: EncodeError) -> CallError {
        CallError::Unsendable(error.to_string())
    }
}

impl From<UriError> for CallError {
    fn from(error: UriError) -> CallError {
        CallError::Unsendable(error.to_string())
    }
}
