//! The keys of both ends.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crypto_box::{PublicKey, SalsaBox, SecretKey};
use zeroize::Zeroizing;

use crate::client::payload_codec::PayloadError;

/// The key of one end that only it has (X25519): wiped when dropped, hidden from `Debug`.
#[cfg_attr(docsrs, doc(cfg(feature = "cryptobox")))]
#[derive(Clone)]
pub struct BoxSecretKey(SecretKey);

/// The key of one end that others have (X25519).
#[cfg_attr(docsrs, doc(cfg(feature = "cryptobox")))]
#[derive(Clone, PartialEq, Eq)]
pub struct BoxPublicKey(PublicKey);

/// What is needed to be an originator (who calls and publishes), a responder (who is called and subscribes), or both.
#[cfg_attr(docsrs, doc(cfg(feature = "cryptobox")))]
#[derive(Clone)]
pub struct BoxKeys {
    originator: Option<Arc<SalsaBox>>,
    responder: Option<Arc<SalsaBox>>,
}

impl BoxSecretKey {
    /// A new key, from the operating system's randomness.
    pub fn generate() -> BoxSecretKey {
        let octets = Zeroizing::new(rand::random::<[u8; 32]>());
        BoxSecretKey::from_bytes(&octets)
    }

    /// Takes the 32 octets of a key.
    pub fn from_bytes(octets: &[u8; 32]) -> BoxSecretKey {
        BoxSecretKey(SecretKey::from_bytes(*octets))
    }

    /// Takes the 32 octets in base64, as Autobahn writes them.
    ///
    /// # Errors
    /// Anything else.
    pub fn from_base64(text: &str) -> Result<BoxSecretKey, PayloadError> {
        Ok(BoxSecretKey::from_bytes(&*from_base64(text)?))
    }

    /// The key in base64: to be kept where nobody else reads it.
    pub fn to_base64(&self) -> String {
        STANDARD.encode(Zeroizing::new(self.0.to_bytes()).as_slice())
    }

    /// The key that others are given.
    pub fn public_key(&self) -> BoxPublicKey {
        BoxPublicKey(self.0.public_key())
    }
}

impl BoxPublicKey {
    /// Takes the 32 octets of a key.
    pub fn from_bytes(octets: &[u8; 32]) -> BoxPublicKey {
        BoxPublicKey(PublicKey::from_bytes(*octets))
    }

    /// Takes the 32 octets in base64, as Autobahn writes them.
    ///
    /// # Errors
    /// Anything else.
    pub fn from_base64(text: &str) -> Result<BoxPublicKey, PayloadError> {
        Ok(BoxPublicKey::from_bytes(&*from_base64(text)?))
    }

    /// The key in base64.
    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.0.as_bytes())
    }
}

impl BoxKeys {
    /// Keys of a program that calls and publishes, with the public key of those that it calls or that subscribe.
    pub fn originator(own: &BoxSecretKey, responder: &BoxPublicKey) -> BoxKeys {
        BoxKeys { originator: Some(new_box(responder, own)), responder: None }
    }

    /// Keys of a program that is called and subscribes, with the public key of those that call or publish.
    pub fn responder(own: &BoxSecretKey, originator: &BoxPublicKey) -> BoxKeys {
        BoxKeys { originator: None, responder: Some(new_box(originator, own)) }
    }

    /// One key that all ends share.
    pub fn shared(key: &BoxSecretKey) -> BoxKeys {
        let both = new_box(&key.public_key(), key);
        BoxKeys { originator: Some(Arc::clone(&both)), responder: Some(both) }
    }

    /// These, and those of the other end, for a program that is both.
    #[must_use]
    pub fn and(self, other: BoxKeys) -> BoxKeys {
        let (originator, responder) = (self.originator.or(other.originator), self.responder.or(other.responder));
        BoxKeys { originator, responder }
    }

    pub(super) fn end(&self, is_originator: bool) -> Option<&SalsaBox> {
        if is_originator { self.originator.as_deref() } else { self.responder.as_deref() }
    }
}

fn new_box(theirs: &BoxPublicKey, own: &BoxSecretKey) -> Arc<SalsaBox> {
    Arc::new(SalsaBox::new(&theirs.0, &own.0))
}

fn from_base64(text: &str) -> Result<Zeroizing<[u8; 32]>, PayloadError> {
    let octets = STANDARD.decode(text.trim()).map(Zeroizing::new).ok();
    let octets = octets.and_then(|octets| <[u8; 32]>::try_from(octets.as_slice()).ok()).map(Zeroizing::new);
    octets.ok_or_else(|| PayloadError::new("wamp.error.encryption.no_key", "expected a key of 32 octets in base64"))
}

impl fmt::Debug for BoxSecretKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("BoxSecretKey")
    }
}

impl fmt::Debug for BoxPublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "BoxPublicKey({})", self.to_base64())
    }
}

impl fmt::Debug for BoxKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (originator, responder) = (self.originator.is_some(), self.responder.is_some());
        formatter.debug_struct("BoxKeys").field("originator", &originator).field("responder", &responder).finish()
    }
}
