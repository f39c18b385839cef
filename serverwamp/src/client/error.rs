//! What a client's request can fail with.

use std::error::Error;
use std::fmt;

use super::payload_codec::PayloadError;
use crate::error::ConnectError;
use crate::handler::{RpcError, WampError};
use crate::wire::{DecodeError, EncodeError, Payload, Uri, UriError, uris};

/// Why a session is over: a reason and the peer's message.
#[derive(Debug, Clone)]
pub(crate) struct Over {
    pub(crate) reason: Uri,
    pub(crate) message: Option<String>,
}

impl Over {
    pub(super) fn new(reason: &'static str) -> Over {
        Over { reason: Uri::known(reason), message: None }
    }

    pub(super) fn lost() -> Over {
        Over::new(uris::TRANSPORT_LOST)
    }
}

/// Why a call has no result, or a subscription, a registration or a publication does not exist.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum CallError {
    /// The other side answered with an error.
    Remote(RpcError),
    /// The session ended, or never began: the reason's URI and a message. A request is not made again in the next session.
    Ended {
        /// The URI of GOODBYE or ABORT, or `wamp.close.transport_lost`.
        reason: String,
        /// What the other side had to say.
        message: Option<String>,
    },
    /// There is no session right now: the client connects, for the first time or again.
    NotConnected,
    /// The router did not answer within the call's timeout, nor by an error of its own.
    TimedOut,
    /// The call has been answered already.
    Over,
    /// What was to be sent is not allowed or cannot be encoded.
    Unsendable(String),
    /// The result or the event is of another shape than the one asked for.
    Unexpected(String),
    /// The payload could not be encoded or decoded, or came in clear though it should not have.
    Payload(PayloadError),
    /// The app is put together wrongly.
    Startup(String),
}

impl CallError {
    /// The error's or the reason's URI, where there is one.
    pub fn uri(&self) -> Option<&str> {
        match self {
            CallError::Remote(error) => Some(error.uri()),
            CallError::Ended { reason, .. } => Some(reason),
            CallError::TimedOut => Some(uris::TIMEOUT),
            CallError::Payload(error) => Some(error.uri()),
            CallError::NotConnected
            | CallError::Over
            | CallError::Unsendable(_)
            | CallError::Unexpected(_)
            | CallError::Startup(_) => None,
        }
    }

    /// The error that the other side answered with, as a type of the program's; none if it is not one of that type's.
    ///
    /// ```
    /// use serverwamp::{CallError, WampError};
    ///
    /// #[derive(Debug, WampError)]
    /// #[wamp(prefix = "bank.error")]
    /// enum BankError {
    ///     TooPoor { missing: f64 },
    /// }
    ///
    /// fn explain(error: &CallError) -> String {
    ///     match error.to() {
    ///         Some(BankError::TooPoor { missing }) => format!("{missing} too little"),
    ///         None => error.to_string(),
    ///     }
    /// }
    /// ```
    pub fn to<E: WampError>(&self) -> Option<E> {
        self.to_under("")
    }

    /// As [`to`](CallError::to), where URIs of the type that begin with a dot are under this prefix: that of the set which
    /// the procedure is in, see [`RpcError::new`].
    pub fn to_under<E: WampError>(&self, prefix: &str) -> Option<E> {
        let CallError::Remote(error) = self else { return None };
        E::from_rpc_error(error).or_else(|| E::from_rpc_error(&error.within(prefix)?))
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
            CallError::NotConnected => formatter.write_str("the client is not connected"),
            CallError::TimedOut => formatter.write_str("the call was not answered in time"),
            CallError::Over => formatter.write_str("the call has been answered already"),
            CallError::Unsendable(message) => write!(formatter, "the request cannot be sent: {message}"),
            CallError::Unexpected(message) => write!(formatter, "what came is not as expected: {message}"),
            CallError::Payload(error) => write!(formatter, "the payload cannot be used: {error}"),
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

impl From<ConnectError> for CallError {
    fn from(error: ConnectError) -> CallError {
        match error {
            ConnectError::Refused { reason, message } => CallError::Ended { reason, message },
            ConnectError::Unusable(problem) => CallError::Unsendable(problem),
            ConnectError::Stopped => Over::new(uris::CLOSE_NORMAL).into(),
            error => CallError::Unsendable(error.to_string()),
        }
    }
}

/// What the requests of a client that cannot connect end with.
impl From<&ConnectError> for Over {
    fn from(error: &ConnectError) -> Over {
        match error {
            ConnectError::Refused { reason, message } => Over {
                reason: Uri::new(reason).unwrap_or_else(|_| Uri::known(uris::TRANSPORT_LOST)),
                message: message.clone(),
            },
            error => Over { message: Some(error.to_string()), ..Over::lost() },
        }
    }
}

impl From<Over> for ConnectError {
    fn from(over: Over) -> ConnectError {
        ConnectError::Refused { reason: over.reason.to_string(), message: over.message }
    }
}

/// In a handler that calls others: their errors are the caller's too, everything else is `wamp.error.runtime_error`.
impl From<CallError> for RpcError {
    fn from(error: CallError) -> RpcError {
        match error {
            CallError::Remote(error) => error,
            CallError::TimedOut => RpcError::new(uris::TIMEOUT),
            error => RpcError::internal(&error),
        }
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

impl From<PayloadError> for CallError {
    fn from(error: PayloadError) -> CallError {
        CallError::Payload(error)
    }
}

impl From<UriError> for CallError {
    fn from(error: UriError) -> CallError {
        CallError::Unsendable(error.to_string())
    }
}
