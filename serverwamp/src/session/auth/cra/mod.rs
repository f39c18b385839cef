//! WAMP-CRA: the client shows that it knows a secret by a keyed hash of a text that the server made up.
//!
//! The specification leaves two things out on which all implementations agree. The signature is over the text exactly
//! as it was received. And with a salt, the key is not what PBKDF2 gives but the base64 text of it.
//!
//! What a server stores differs: some keep the password and derive the key for each login. This one needs only the
//! derived key, which a thief of the user table can still log in with, to this server and any that uses the same salt;
//! SCRAM has not that weakness.
//!
//! WAMP: challenge response authentication, advanced profile.

mod salt;
#[cfg(test)]
mod tests;
mod timestamp;

use std::time::SystemTime;

use serde_json::json;

pub(crate) use salt::CraSalt;
use timestamp::iso8601;

use super::{Answer, AuthenticationError, AuthenticationMethod, Key, Secret, extra, text};
use crate::wire::{Dict, SessionId};

/// What a provider says of a user who logs in with WAMP-CRA.
///
/// `Debug` does not show the secret, which is wiped from memory when it is dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CraCredential {
    /// What both sides know: the password itself, or with a salt the key that is derived from it.
    secret: Secret,
    /// How clients derive the key; `None` if the secret is used as it is.
    salt: Option<CraSalt>,
    role: Option<String>,
    provider: Option<String>,
}

impl CraCredential {
    /// A password that both sides use as it is.
    pub fn password(password: impl Into<Secret>) -> Self {
        Self::with_salt(password, None)
    }

    /// A key that was derived from a password with PBKDF2-HMAC-SHA-256, in base64, as [`derive`](Self::derive) and other
    /// implementations have it; clients are told how to derive it: with a salt, iterations, and octets of the key.
    ///
    /// # Errors
    /// A salt of not 1 to 256 octets, no iterations or more than ten million, a key of not 16 to 64 octets.
    pub fn salted(
        key: impl Into<Secret>,
        salt: impl Into<String>,
        iterations: u32,
        key_length: u32,
    ) -> Result<Self, AuthenticationError> {
        Ok(Self::with_salt(key, Some(CraSalt::new(salt, iterations)?.key_length(key_length)?)))
    }

    /// Derives a key of 32 octets from a password, to be stored with its salt and number of iterations. Slow on purpose:
    /// for a thread that may block.
    ///
    /// # Errors
    /// A salt of not 1 to 256 octets, no iterations or more than ten million.
    pub fn derive(password: &str, salt: impl Into<String>, iterations: u32) -> Result<Self, AuthenticationError> {
        let salt = CraSalt::new(salt, iterations)?;
        Ok(Self::with_salt(salt.derive(password.as_bytes()), Some(salt)))
    }

    pub(super) fn with_salt(secret: impl Into<Secret>, salt: Option<CraSalt>) -> Self {
        Self { secret: secret.into(), salt, role: None, provider: None }
    }

    /// The password, or the key that was derived from it, to store.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Another credential that a client cannot tell from one of the same source: all is alike but the secret and the
    /// salt, which are made of these octets.
    pub(super) fn disguise(&self, secret: impl Into<Secret>, octets: &[u8]) -> Self {
        Self {
            secret: secret.into(),
            salt: self.salt.as_ref().map(|salt| salt.disguise(octets)),
            role: self.role.clone(),
            provider: self.provider.clone(),
        }
    }

    /// The role, which the challenge names. It is not the role that the client is given:
    /// [`Authenticated`](crate::Authenticated) has that.
    #[must_use]
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.role = Some(role.into());
        self
    }

    /// What the challenge names as the source of the secret.
    #[must_use]
    pub fn provider(mut self, provider: impl Into<String>) -> Self {
        self.provider = Some(provider.into());
        self
    }
}

/// A challenge that a server sent, until it is answered.
#[derive(Debug)]
pub(crate) struct CraChallenge {
    text: String,
    key: Secret,
    salt: Option<CraSalt>,
}

impl CraChallenge {
    /// Makes the challenge of a session that is about to be.
    pub(crate) fn new(
        credential: &CraCredential,
        authid: &str,
        session: SessionId,
        nonce: [u8; 16],
        now: SystemTime,
    ) -> Self {
        let text = json!({
            "authid": authid,
            "authrole": credential.role,
            "authmethod": AuthenticationMethod::Cra.name(),
            "authprovider": credential.provider,
            "nonce": text::base64(&nonce),
            "timestamp": iso8601(now),
            "session": session,
        });
        Self { text: text.to_string(), key: credential.secret.clone(), salt: credential.salt.clone() }
    }

    /// `CHALLENGE.Extra`.
    pub(crate) fn extra(&self) -> Dict {
        let mut extra = Dict::from([("challenge", self.text.as_str())]);
        if let Some(salt) = &self.salt {
            salt.write(&mut extra);
        }
        extra
    }

    /// Verifies `AUTHENTICATE.Signature`.
    ///
    /// # Errors
    /// A signature with another key or of another text.
    pub(crate) fn verify(self, signature: &str) -> Result<(), AuthenticationError> {
        let given = text::from_base64(signature).and_then(|octets| <[u8; 32]>::try_from(octets).ok());
        match given {
            Some(given) if Key::from(given) == Key::hmac(self.key.as_bytes(), &[self.text.as_bytes()]) => Ok(()),
            _ => Err(AuthenticationError::Denied),
        }
    }
}

/// A client that is about to be challenged.
#[derive(Clone, Debug)]
pub(crate) struct CraClient {
    secret: Secret,
}

impl CraClient {
    /// A client that knows the secret or password.
    pub(crate) fn new(secret: impl Into<Secret>) -> Self {
        Self { secret: secret.into() }
    }

    /// Answers `CHALLENGE.Extra`. With a salt this is slow on purpose.
    ///
    /// # Errors
    /// A challenge of another form, or with an absurd number of iterations.
    pub(crate) fn answer(&self, challenge: &Dict) -> Result<Answer, AuthenticationError> {
        let text = extra::required_string(challenge, "challenge")?;
        let signature = match CraSalt::read(challenge)? {
            Some(salt) => Key::hmac(salt.derive(self.secret.as_bytes()).as_bytes(), &[text.as_bytes()]),
            None => Key::hmac(self.secret.as_bytes(), &[text.as_bytes()]),
        };
        Ok(text::base64(signature.as_bytes()).into())
    }
}
