//! SCRAM: both sides show that they know a password, of which the server has only what no client can log in with.
//!
//! There are two dialects, and the method's name says which one is spoken.
//!
//! | | `wamp-scram`, the specification | `scram`, Autobahn and Crossbar |
//! |---|---|---|
//! | key derivation | `argon2id13`, `pbkdf2` | `argon2id-13`, `pbkdf2` |
//! | salted password | the octets | with Argon2 the text of their base64, without padding |
//! | normalised with SASLprep | authid and password | authid |
//! | `,` and `=` in an authid | escaped | as they are |
//! | server's nonce | appended to the client's text | appended to the client's octets |
//! | channel binding | `tls-exporter` and others | none, and not even `biws` for it |
//! | `AUTHENTICATE.Extra` | `nonce`, `channel_binding`, `cbind_data` | empty |
//! | WELCOME's `authextra` | `verifier` | `scram_server_signature` |
//!
//! autobahn-python fails on a challenge with `pbkdf2` of its own dialect, so users of it need Argon2.
//!
//! The specification's example writes `v=` before the verifier and its text does not: this server does not, and clients
//! take both. connectanum does not escape authids and battler does so wrongly, so neither can log in with one that has
//! a comma.
//!
//! WAMP: WAMP-SCRAM, advanced profile; RFC 5802, RFC 7677.

mod client;
mod credential;
mod exchange;
mod kdf;
mod server;
mod stored;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

pub(crate) use client::{ScramClient, ScramServerProof};
pub use credential::{ScramCredential, ScramKeys};
pub use kdf::{Kdf, Salt};
pub(crate) use server::ScramChallenge;

use super::{Answer, AuthenticationError, AuthenticationMethod, ChannelBinding, Key, Secret, extra, text};

/// Which SCRAM is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScramDialect {
    /// `wamp-scram`, as the specification has it.
    Specification,
    /// `scram`, as Autobahn and Crossbar have it.
    Autobahn,
}

impl ScramDialect {
    /// Both dialects.
    pub const ALL: [Self; 2] = [Self::Specification, Self::Autobahn];

    /// The entry of WELCOME's `authextra` by which the server shows that it knows the user.
    const fn verifier_name(self) -> &'static str {
        match self {
            Self::Specification => "verifier",
            Self::Autobahn => "scram_server_signature",
        }
    }

    /// The password as this dialect derives keys from it.
    fn prepare(self, password: &str) -> Result<Secret, AuthenticationError> {
        match self {
            Self::Specification => Ok(saslprep("password", password)?.into_owned().into()),
            Self::Autobahn => Ok(password.into()),
        }
    }
}

/// An authid in one form for all that a user table may take for one user: whatever their case, white space, and ways to
/// write a character.
pub(crate) fn folded(authid: &str) -> String {
    let prepared = stringprep::saslprep(authid).unwrap_or(Cow::Borrowed(authid));
    let characters = prepared.chars().filter(|character| !character.is_whitespace() && !character.is_control());
    characters.flat_map(char::to_lowercase).collect()
}

/// The text in the one form of all that look alike (RFC 4013).
fn saslprep<'a>(name: &'static str, text: &'a str) -> Result<Cow<'a, str>, AuthenticationError> {
    stringprep::saslprep(text)
        .map_err(|_| AuthenticationError::Malformed { name, expected: "a text that SASLprep allows" })
}
