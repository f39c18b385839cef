//! Ed25519 keys, and signatures in the form of AUTHENTICATE.

use std::fmt;

use ed25519_dalek::{Signature, Signer, VerifyingKey};
use zeroize::Zeroizing;

use super::super::text::{from_hex, hex};
use super::AuthenticationError;

/// Octets of a signature, and with the signed message after it.
const SIGNATURE: usize = 64;
const SIGNED: usize = SIGNATURE + 32;

/// The public key of a user or a router (Ed25519).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Takes the 32 octets in hexadecimal, as in `authextra.pubkey`.
    ///
    /// # Errors
    /// Anything else, and keys that accept signatures by everybody.
    pub fn from_hex(text: &str) -> Result<Self, AuthenticationError> {
        from_hex(text)
            .and_then(|octets| VerifyingKey::from_bytes(&octets).ok())
            .filter(|key| !key.is_weak())
            .map(Self)
            .ok_or(AuthenticationError::Malformed {
                name: "pubkey",
                expected: "an Ed25519 key of 64 hexadecimal digits",
            })
    }

    /// The key in hexadecimal: the authid of a user who gives none.
    pub fn to_hex(&self) -> String {
        hex(self.0.as_bytes())
    }

    /// Whether `signed` is a signature of this message, followed by the message, in hexadecimal.
    pub(super) fn has_signed(&self, message: [u8; 32], signed: &str) -> bool {
        let Some(signed) = from_hex::<SIGNED>(signed) else { return false };
        match signed.split_first_chunk::<SIGNATURE>() {
            Some((signature, repeated)) => {
                repeated == message && self.0.verify_strict(&message, &Signature::from_bytes(signature)).is_ok()
            }
            None => false,
        }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PublicKey({})", self.to_hex())
    }
}

/// A private key (Ed25519): wiped when dropped, hidden from `Debug`.
#[derive(Clone)]
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// Takes the 32 octets of the private key in hexadecimal.
    ///
    /// # Errors
    /// Anything else.
    pub fn from_hex(text: &str) -> Result<Self, AuthenticationError> {
        from_hex(text)
            .map(|octets| Self::from_bytes(&Zeroizing::new(octets)))
            .ok_or(AuthenticationError::Malformed { name: "private key", expected: "64 hexadecimal digits" })
    }

    /// Takes a private key as OpenSSH writes it (`ssh-keygen -t ed25519`).
    ///
    /// # Errors
    /// Anything else: keys of other kinds, and encrypted ones.
    #[cfg(feature = "openssh")]
    #[cfg_attr(docsrs, doc(cfg(feature = "openssh")))]
    pub fn from_openssh(text: &str) -> Result<Self, AuthenticationError> {
        let key = ssh_key::PrivateKey::from_openssh(text).ok();
        let key = key.as_ref().and_then(|key| key.key_data().ed25519());
        key.map(|key| Self::from_bytes(&Zeroizing::new(key.private.to_bytes()))).ok_or(AuthenticationError::Malformed {
            name: "private key",
            expected: "an Ed25519 key that is not encrypted, in the format of OpenSSH",
        })
    }

    /// Takes the 32 octets of the private key.
    pub fn from_bytes(octets: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(octets))
    }

    /// The public key that belongs to this one.
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// A signature of the message, followed by the message, in hexadecimal.
    pub(super) fn sign(&self, message: [u8; 32]) -> String {
        hex(&[self.0.sign(&message).to_bytes().as_slice(), &message].concat())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SigningKey")
    }
}
