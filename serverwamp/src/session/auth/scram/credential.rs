//! What a server knows of a user.

use super::kdf::Derived;
use super::{AuthenticationError, Kdf, Key, Salt, ScramDialect};

/// The keys by which a server recognises a user, and by which the user recognises the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScramKeys {
    stored: Key,
    server: Key,
}

impl ScramKeys {
    /// Takes `StoredKey` and `ServerKey` (RFC 5802), 32 octets each.
    pub fn new(stored: [u8; 32], server: [u8; 32]) -> Self {
        Self { stored: stored.into(), server: server.into() }
    }

    pub(super) fn from_salted_password(salted_password: &[u8]) -> Self {
        Self { stored: Key::sha256(client_key(salted_password).as_bytes()), server: server_key(salted_password) }
    }

    /// `StoredKey`: a hash of what the client proves to know.
    pub fn stored(&self) -> &[u8; 32] {
        self.stored.as_bytes()
    }

    /// `ServerKey`: what the server proves to know.
    pub fn server(&self) -> &[u8; 32] {
        self.server.as_bytes()
    }
}

/// `ClientKey` (RFC 5802).
pub(super) fn client_key(salted_password: &[u8]) -> Key {
    Key::hmac(salted_password, &[b"Client Key"])
}

/// `ServerKey` (RFC 5802).
pub(super) fn server_key(salted_password: &[u8]) -> Key {
    Key::hmac(salted_password, &[b"Server Key"])
}

/// What a provider says of a user who logs in with SCRAM: enough to recognise the password, not to log in with it.
///
/// The dialects derive different keys from one password, so a credential has keys for each one that the user may speak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScramCredential {
    kdf: Kdf,
    salt: Salt,
    specification: Option<ScramKeys>,
    autobahn: Option<ScramKeys>,
}

impl ScramCredential {
    /// A credential without keys: [`keys`](Self::keys) adds those that were stored.
    pub fn new(kdf: Kdf, salt: Salt) -> Self {
        Self { kdf, salt, specification: None, autobahn: None }
    }

    /// Derives the keys of both dialects from a password. Slow on purpose: not for a thread that serves others.
    ///
    /// # Errors
    /// A password that SASLprep (RFC 4013) does not allow, with control characters for example.
    pub fn derive(password: &str, kdf: Kdf, salt: Salt) -> Result<Self, AuthenticationError> {
        let prepared = ScramDialect::Specification.prepare(password)?;
        let specification = kdf.derive(prepared.as_bytes(), &salt)?;
        let other = if prepared.as_bytes() == password.as_bytes() {
            None
        } else {
            Some(kdf.derive(password.as_bytes(), &salt)?)
        };
        let autobahn = other.as_ref().unwrap_or(&specification);
        let keys =
            |derived: &Derived, dialect| ScramKeys::from_salted_password(derived.salted_password(dialect).as_bytes());
        Ok(Self::new(kdf, salt)
            .keys(ScramDialect::Specification, keys(&specification, ScramDialect::Specification))
            .keys(ScramDialect::Autobahn, keys(autobahn, ScramDialect::Autobahn)))
    }

    /// Sets the keys of a dialect.
    #[must_use]
    pub fn keys(mut self, dialect: ScramDialect, keys: ScramKeys) -> Self {
        match dialect {
            ScramDialect::Specification => self.specification = Some(keys),
            ScramDialect::Autobahn => self.autobahn = Some(keys),
        }
        self
    }

    /// The keys of a dialect, if there are any.
    pub fn keys_of(&self, dialect: ScramDialect) -> Option<&ScramKeys> {
        match dialect {
            ScramDialect::Specification => self.specification.as_ref(),
            ScramDialect::Autobahn => self.autobahn.as_ref(),
        }
    }

    /// This credential, with another's keys where it has none.
    pub(crate) fn or_keys_of(self, other: &Self) -> Self {
        Self {
            specification: self.specification.or_else(|| other.specification.clone()),
            autobahn: self.autobahn.or_else(|| other.autobahn.clone()),
            ..self
        }
    }

    /// What a client sees of it.
    pub(crate) fn without_keys(&self) -> Self {
        Self::new(self.kdf, self.salt.clone())
    }

    /// How the keys are derived.
    pub fn kdf(&self) -> Kdf {
        self.kdf
    }

    /// The user's salt.
    pub fn salt(&self) -> &Salt {
        &self.salt
    }
}
