//! Deriving the key of WAMP-CRA from a password.

use pbkdf2::pbkdf2_hmac;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::super::error::within;
use super::{AuthenticationError, Secret, extra, text};
use crate::wire::Dict;

/// How the key of a user is derived from the password with PBKDF2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CraSalt {
    salt: String,
    iterations: u32,
    key_length: u32,
}

impl CraSalt {
    /// What a challenge means that has a salt and does not say otherwise. New users should get many more, as far as the
    /// slowest client bears it.
    pub(crate) const DEFAULT_ITERATIONS: u32 = 1000;
    /// Octets of a key where a challenge does not say otherwise.
    pub(crate) const DEFAULT_KEY_LENGTH: u32 = 32;
    const MOST_ITERATIONS: u64 = 10_000_000;

    /// Takes the salt of a user, which is used as text, and the number of iterations.
    ///
    /// # Errors
    /// A salt of not 1 to 256 octets, no iterations or more than ten million.
    pub(crate) fn new(salt: impl Into<String>, iterations: u32) -> Result<Self, AuthenticationError> {
        Self::checked(salt.into(), iterations.into(), Self::DEFAULT_KEY_LENGTH.into())
    }

    /// The octets of a key, 16 to 64. Default 32.
    ///
    /// # Errors
    /// Any other length.
    pub(crate) fn key_length(self, key_length: u32) -> Result<Self, AuthenticationError> {
        Self::checked(self.salt, self.iterations.into(), key_length.into())
    }

    fn checked(salt: String, iterations: u64, key_length: u64) -> Result<Self, AuthenticationError> {
        within("salt", salt.len() as u64, 1, 256)?;
        let iterations = within("iterations", iterations, 1, Self::MOST_ITERATIONS)? as u32;
        let key_length = within("keylen", key_length, 16, 64)? as u32;
        Ok(Self { salt, iterations, key_length })
    }

    /// This salt with another text of the same length, and of hexadecimal digits if this one is.
    pub(super) fn disguise(&self, octets: &[u8]) -> Self {
        let hexadecimal = self.salt.bytes().all(|octet| matches!(octet, b'0'..=b'9' | b'a'..=b'f'));
        let text = if hexadecimal { text::hex(octets) } else { text::base64(octets) };
        Self { salt: text.chars().take(self.salt.len()).collect(), ..self.clone() }
    }

    /// Derives the key from a password: the ASCII text that both sides sign with. Slow on purpose.
    pub(crate) fn derive(&self, password: &[u8]) -> Secret {
        let mut octets = Zeroizing::new(vec![0; self.key_length as usize]);
        pbkdf2_hmac::<Sha256>(password, self.salt.as_bytes(), self.iterations, &mut octets);
        text::base64(&octets).into()
    }

    /// Adds the salt to `CHALLENGE.Extra`, with all that could be left off: Autobahn wants it.
    pub(super) fn write(&self, extra: &mut Dict) {
        extra.insert("salt", self.salt.as_str());
        extra.insert("iterations", self.iterations);
        extra.insert("keylen", self.key_length);
    }

    /// The salt of a challenge, if it has one; an empty one is none, as for most clients.
    pub(super) fn read(challenge: &Dict) -> Result<Option<Self>, AuthenticationError> {
        let Some(salt) = extra::string(challenge, "salt")?.filter(|salt| !salt.is_empty()) else { return Ok(None) };
        let iterations = extra::integer(challenge, "iterations")?.unwrap_or(Self::DEFAULT_ITERATIONS.into());
        let key_length = extra::integer(challenge, "keylen")?.unwrap_or(Self::DEFAULT_KEY_LENGTH.into());
        Self::checked(salt.to_owned(), iterations, key_length).map(Some)
    }
}
