//! Deriving a key from a password, within limits.

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use pbkdf2::pbkdf2_hmac;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::super::error::within;
use super::{AuthenticationError, ScramDialect, Secret, extra};
use crate::wire::Dict;

/// The salt of one user: 8 to 128 random octets, 16 for a new user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Salt(Vec<u8>);

impl Salt {
    /// Takes the octets.
    ///
    /// # Errors
    /// Fewer than 8 or more than 128.
    pub fn new(octets: impl Into<Vec<u8>>) -> Result<Self, AuthenticationError> {
        let octets = octets.into();
        within("salt", octets.len() as u64, 8, 128)?;
        Ok(Self(octets))
    }

    /// The octets.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<[u8; 16]> for Salt {
    fn from(octets: [u8; 16]) -> Self {
        Self(octets.into())
    }
}

/// How a key is derived from a password, and at what cost: always within limits, so that neither a weak derivation nor
/// one that exhausts the client is ever asked for or accepted.
///
/// By default Argon2id with two passes over 19 MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kdf(Function);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    Pbkdf2 { iterations: u32 },
    Argon2id { iterations: u32, memory: u32 },
}

impl Kdf {
    /// PBKDF2 with HMAC-SHA-256.
    ///
    /// # Errors
    /// Fewer than 4,096 iterations (RFC 7677) or more than ten million, a matter of seconds.
    pub fn pbkdf2(iterations: u64) -> Result<Self, AuthenticationError> {
        let iterations = within("iterations", iterations, 4096, 10_000_000)? as u32;
        Ok(Self(Function::Pbkdf2 { iterations }))
    }

    /// Argon2id, version 1.3, with one lane: `iterations` passes over `memory` KiB.
    ///
    /// # Errors
    /// Less than 8 KiB or more than 256 MiB of memory; passes over less than 8 MiB all in all, or more than 8 GiB, a matter
    /// of seconds.
    pub fn argon2id(iterations: u64, memory: u64) -> Result<Self, AuthenticationError> {
        const LEAST_WORK: u64 = 8 << 10;
        const MOST_WORK: u64 = 8 << 20;
        let memory = within("memory", memory, Params::MIN_M_COST.into(), 256 << 10)?;
        let (least, most) = (LEAST_WORK.div_ceil(memory), MOST_WORK / memory);
        let iterations = within("iterations", iterations, least, most)?;
        Ok(Self(Function::Argon2id { iterations: iterations as u32, memory: memory as u32 }))
    }

    /// What `CHALLENGE.Extra` asks for.
    pub(super) fn read(dialect: ScramDialect, challenge: &Dict) -> Result<Self, AuthenticationError> {
        let required = |name| {
            extra::integer(challenge, name)?
                .ok_or(AuthenticationError::Malformed { name, expected: "an integer from 0" })
        };
        let name = extra::required_string(challenge, "kdf")?;
        if name == PBKDF2 {
            Self::pbkdf2(required("iterations")?)
        } else if name == argon2id_name(dialect) {
            Self::argon2id(required("iterations")?, required("memory")?)
        } else {
            Err(AuthenticationError::Unavailable { name: "kdf", value: name.to_owned() })
        }
    }

    /// Adds to `CHALLENGE.Extra`.
    pub(super) fn write(self, dialect: ScramDialect, challenge: &mut Dict) {
        challenge.insert("iterations", self.iterations());
        match self.0 {
            Function::Pbkdf2 { .. } => {
                challenge.insert("kdf", PBKDF2);
            }
            Function::Argon2id { memory, .. } => {
                challenge.insert("kdf", argon2id_name(dialect));
                challenge.insert("memory", memory);
            }
        }
    }

    /// The number of iterations or passes.
    pub const fn iterations(self) -> u32 {
        match self.0 {
            Function::Pbkdf2 { iterations } | Function::Argon2id { iterations, .. } => iterations,
        }
    }

    /// The memory in KiB, if memory is used.
    pub const fn memory(self) -> Option<u32> {
        match self.0 {
            Function::Pbkdf2 { .. } => None,
            Function::Argon2id { memory, .. } => Some(memory),
        }
    }

    /// The 32 octets that are derived from a password.
    pub(super) fn derive(self, password: &[u8], salt: &Salt) -> Result<Derived, AuthenticationError> {
        let salt = salt.as_bytes();
        let mut octets = Zeroizing::new([0; 32]);
        match self.0 {
            Function::Pbkdf2 { iterations } => pbkdf2_hmac::<Sha256>(password, salt, iterations, octets.as_mut_slice()),
            Function::Argon2id { iterations, memory } => {
                // The parameters are within Argon2's own limits, so memory is all that can be missing.
                Params::new(memory, iterations, 1, Some(octets.len()))
                    .map(|parameters| Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters))
                    .and_then(|argon2| argon2.hash_password_into(password, salt, octets.as_mut_slice()))
                    .map_err(|_| AuthenticationError::OutOfMemory)?;
            }
        }
        Ok(Derived { function: self.0, octets })
    }
}

impl Default for Kdf {
    fn default() -> Self {
        Self(Function::Argon2id { iterations: 2, memory: 19 << 10 })
    }
}

const PBKDF2: &str = "pbkdf2";

const fn argon2id_name(dialect: ScramDialect) -> &'static str {
    match dialect {
        ScramDialect::Specification => "argon2id13",
        ScramDialect::Autobahn => "argon2id-13",
    }
}

/// What was derived from a password.
pub(super) struct Derived {
    function: Function,
    octets: Zeroizing<[u8; 32]>,
}

impl Derived {
    /// The salted password (RFC 5802) of a dialect.
    pub(super) fn salted_password(&self, dialect: ScramDialect) -> Secret {
        match (dialect, self.function) {
            (ScramDialect::Autobahn, Function::Argon2id { .. }) => {
                BASE64_STANDARD_NO_PAD.encode(self.octets.as_slice()).into()
            }
            _ => self.octets.to_vec().into(),
        }
    }
}

#[cfg(test)]
impl Kdf {
    /// One iteration, which no peer would accept.
    pub(crate) const CHEAP: [Self; 2] =
        [Self(Function::Pbkdf2 { iterations: 1 }), Self(Function::Argon2id { iterations: 1, memory: 8 })];
}
