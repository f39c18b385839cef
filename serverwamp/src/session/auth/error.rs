//! Why an authentication ends without success.

use thiserror::Error;

use crate::wire::uris;

/// Why an authentication ended without success, on either side.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AuthenticationError {
    /// The peer's proof is wrong. It does not say whether there is such a user.
    #[error("the credentials are wrong")]
    Denied,
    /// What the peer sent lacks an entry, or has it in another form.
    #[error("`{name}`: expected {expected}")]
    Malformed {
        /// The entry.
        name: &'static str,
        /// What it should have been.
        expected: &'static str,
    },
    /// The peer asks for something that is not available.
    #[error("`{name}`: `{value}` is not available")]
    Unavailable {
        /// The entry.
        name: &'static str,
        /// What was asked for.
        value: String,
    },
    /// A parameter is absurdly small or large.
    #[error("`{name}`: {value} is not within {least} to {most}")]
    OutOfBounds {
        /// The parameter.
        name: &'static str,
        /// Its value.
        value: u64,
        /// The least that is accepted.
        least: u64,
        /// The most that is accepted.
        most: u64,
    },
    /// There was not enough memory to derive a key.
    #[error("not enough memory to derive a key")]
    OutOfMemory,
}

impl AuthenticationError {
    /// The reason for ABORT. WAMP: URIs of the advanced profile.
    pub(crate) const fn uri(&self) -> &'static str {
        match self {
            Self::Denied => uris::AUTHENTICATION_DENIED,
            Self::Malformed { .. } => uris::PROTOCOL_VIOLATION,
            Self::Unavailable { .. } | Self::OutOfBounds { .. } | Self::OutOfMemory => uris::AUTHENTICATION_FAILED,
        }
    }
}

/// The value, if it is within the bounds.
pub(super) fn within(name: &'static str, value: u64, least: u64, most: u64) -> Result<u64, AuthenticationError> {
    if (least..=most).contains(&value) {
        Ok(value)
    } else {
        Err(AuthenticationError::OutOfBounds { name, value, least, most })
    }
}
