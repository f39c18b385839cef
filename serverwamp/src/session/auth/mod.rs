//! Authentication methods, as pure functions and state of each side.
//!
//! A server makes a challenge from what it knows of the user, sends its `extra` in CHALLENGE, and consumes it when it
//! verifies AUTHENTICATE, so that no challenge is used twice. A client answers a challenge with what AUTHENTICATE
//! carries. Nonces, salts, challenges and the time are parameters.
//!
//! Secrets are wiped from memory and are not shown by `Debug`. Comparisons with them take the same time whatever they
//! compare. Deriving keys from passwords is slow on purpose: clients do it on a thread that may block, and servers not
//! at all, other than to store a new user.
//!
//! WAMP: authentication, advanced profile.

mod channel;
mod cra;
mod cryptosign;
mod decoy;
mod error;
mod extra;
mod scram;
mod secret;
mod text;
mod ticket;

pub(crate) use channel::{ChannelBinding, ChannelBindingType};
pub use cra::CraCredential;
pub(crate) use cra::{CraChallenge, CraClient};
pub(crate) use cryptosign::{CryptosignChallenge, CryptosignClient};
pub use cryptosign::{PublicKey, SigningKey};
pub(crate) use decoy::Decoys;
pub use error::AuthenticationError;
pub use scram::{Kdf, Salt, ScramCredential, ScramDialect, ScramKeys};
pub(crate) use scram::{ScramChallenge, ScramClient, ScramServerProof, folded};
pub(crate) use secret::Key;
pub use secret::Secret;

use std::fmt;

use crate::wire::Dict;

/// The ways to authenticate that HELLO can name in `authmethods`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum AuthenticationMethod {
    /// No challenge at all.
    Anonymous,
    /// A ticket or password in clear text.
    Ticket,
    /// WAMP-CRA: a keyed hash of a challenge.
    Cra,
    /// SCRAM, as the specification or as Autobahn has it.
    Scram(ScramDialect),
    /// The signature of a challenge.
    Cryptosign,
}

impl AuthenticationMethod {
    /// Every method, strongest first.
    pub(crate) const ALL: [Self; 6] = [
        Self::Cryptosign,
        Self::Scram(ScramDialect::Specification),
        Self::Scram(ScramDialect::Autobahn),
        Self::Cra,
        Self::Ticket,
        Self::Anonymous,
    ];

    /// The method's name in HELLO, CHALLENGE and WELCOME.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Ticket => "ticket",
            Self::Cra => "wampcra",
            Self::Scram(ScramDialect::Specification) => "wamp-scram",
            Self::Scram(ScramDialect::Autobahn) => "scram",
            Self::Cryptosign => "cryptosign",
        }
    }

    /// The method of this name, if it is one of ours.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }
}

/// What a client says in AUTHENTICATE.
///
/// `Debug` does not show the signature, which may be a password.
#[derive(Clone, Default, PartialEq)]
pub struct Answer {
    /// `AUTHENTICATE.Signature`.
    pub signature: String,
    /// `AUTHENTICATE.Extra`.
    pub extra: Dict,
}

impl From<String> for Answer {
    fn from(signature: String) -> Self {
        Self { signature, extra: Dict::new() }
    }
}

impl From<&str> for Answer {
    fn from(signature: &str) -> Self {
        signature.to_owned().into()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Answer").field("extra", &self.extra).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_not_shown() {
        let shown = format!("{:?}", Answer::from("sesame"));
        assert!(!shown.contains("sesame"), "{shown}");
    }

    #[test]
    fn methods_have_names() {
        for method in AuthenticationMethod::ALL {
            assert_eq!(AuthenticationMethod::from_name(method.name()), Some(method));
        }
        assert_eq!(AuthenticationMethod::from_name("WAMPCRA"), None);
    }
}
