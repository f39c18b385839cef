//! Cryptosign: the client shows that it has a private key by signing the server's challenge with Ed25519.
//!
//! What is signed is the challenge, or with a channel binding the challenge XOR the channel id. The answer repeats it
//! after the signature; the server knows for itself what it must be and takes nothing else. Certificates and trust
//! roots are not supported.
//!
//! TLS 1.3 has no `tls-unique`, the one binding that Autobahn knows; clients of this crate bind to `tls-exporter`.
//!
//! WAMP: cryptosign-based authentication, advanced profile.

mod keys;
#[cfg(test)]
mod tests;

pub use keys::{PublicKey, SigningKey};

use super::{Answer, AuthenticationError, ChannelBinding, ChannelBindingType, extra};
use crate::wire::Dict;

/// The bindings of the available ones that have a channel id for this method.
fn usable(bindings: &[ChannelBinding]) -> Vec<ChannelBinding> {
    let types = [ChannelBindingType::Exporter, ChannelBindingType::Unique];
    bindings.iter().filter(|binding| types.contains(&binding.kind) && binding.data.len() == 32).cloned().collect()
}

/// What is signed for a challenge.
fn message(challenge: [u8; 32], binding: Option<&ChannelBinding>) -> [u8; 32] {
    let mut message = challenge;
    if let Some(binding) = binding {
        message.iter_mut().zip(&binding.data).for_each(|(octet, id)| *octet ^= id);
    }
    message
}

/// A challenge that a server sent, until it is answered.
#[derive(Debug)]
pub(crate) struct CryptosignChallenge {
    key: PublicKey,
    message: [u8; 32],
    extra: Dict,
}

impl CryptosignChallenge {
    /// Answers HELLO, with what it said in `authextra` and with the channel bindings that the connection has. With a key
    /// of the router it proves itself to clients that ask for it.
    ///
    /// Every key is challenged; whose it is, is a question for when the client has shown that it has it.
    ///
    /// # Errors
    /// A HELLO without a public key, or one that asks for a channel binding that there is not.
    pub(crate) fn new(
        authextra: &Dict,
        challenge: [u8; 32],
        bindings: &[ChannelBinding],
        router_key: Option<&SigningKey>,
    ) -> Result<Self, AuthenticationError> {
        let key = PublicKey::from_hex(extra::required_string(authextra, "pubkey")?)?;
        let binding = ChannelBinding::requested(authextra, &usable(bindings))?;
        let binding = binding.as_ref();
        let mut extra = Dict::from([("challenge", super::text::hex(&challenge))]);
        extra.insert("channel_binding", binding.map(|binding| binding.kind.name()));
        if let (Some(router_key), Some(challenge)) = (router_key, extra::hex32(authextra, "challenge")?) {
            extra.insert("pubkey", router_key.public_key().to_hex());
            extra.insert("signature", router_key.sign(message(challenge, binding)));
        }
        Ok(Self { key, message: message(challenge, binding), extra })
    }

    /// `CHALLENGE.Extra`.
    pub(crate) fn extra(&self) -> &Dict {
        &self.extra
    }

    /// The key that the client says to have.
    pub(crate) fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Verifies `AUTHENTICATE.Signature`, and returns the key that the client has.
    ///
    /// # Errors
    /// A signature with another key, of another challenge or over another connection.
    pub(crate) fn verify(self, signature: &str) -> Result<PublicKey, AuthenticationError> {
        if self.key.has_signed(self.message, signature) { Ok(self.key) } else { Err(AuthenticationError::Denied) }
    }
}

/// A client that is about to say HELLO, or was challenged.
#[derive(Debug)]
pub(crate) struct CryptosignClient {
    key: SigningKey,
    binding: Option<ChannelBinding>,
    router: Option<(PublicKey, [u8; 32])>,
}

impl CryptosignClient {
    /// A client with a private key, bound to the connection if a binding is given.
    ///
    /// # Errors
    /// A binding that has no channel id of 32 octets.
    pub(crate) fn new(key: SigningKey, binding: Option<ChannelBinding>) -> Result<Self, AuthenticationError> {
        if let Some(binding) = binding.as_ref().filter(|binding| usable(std::slice::from_ref(*binding)).is_empty()) {
            let value = binding.kind.name().to_owned();
            return Err(AuthenticationError::Unavailable { name: "channel_binding", value });
        }
        Ok(Self { key, binding, router: None })
    }

    /// Lets the router prove that it has the private key to this one, by signing a challenge of 32 random octets.
    pub(crate) fn expect_router(mut self, key: PublicKey, challenge: [u8; 32]) -> Self {
        self.router = Some((key, challenge));
        self
    }

    /// What HELLO says in `authextra`.
    pub(crate) fn authextra(&self) -> Dict {
        let mut authextra = Dict::from([("pubkey", self.key.public_key().to_hex())]);
        if let Some(binding) = &self.binding {
            authextra.insert("channel_binding", binding.kind.name());
        }
        if let Some((_, challenge)) = &self.router {
            authextra.insert("challenge", super::text::hex(challenge));
        }
        authextra
    }

    /// Answers `CHALLENGE.Extra`.
    ///
    /// # Errors
    /// A challenge that is not one of 32 octets or has another binding than was asked for, and a router that does not
    /// prove itself.
    pub(crate) fn answer(self, challenge: &Dict) -> Result<Answer, AuthenticationError> {
        const CHALLENGE: AuthenticationError =
            AuthenticationError::Malformed { name: "challenge", expected: "64 hexadecimal digits" };
        let octets = extra::hex32(challenge, "challenge")?.ok_or(CHALLENGE)?;
        let binding = self.binding.as_ref();
        if extra::string(challenge, "channel_binding")? != binding.map(|binding| binding.kind.name()) {
            return Err(AuthenticationError::Malformed { name: "channel_binding", expected: "what HELLO asked for" });
        }
        if let Some((router, own)) = &self.router {
            let key = extra::string(challenge, "pubkey")?.and_then(|text| PublicKey::from_hex(text).ok());
            let signature = extra::string(challenge, "signature")?.unwrap_or_default();
            if key.as_ref() != Some(router) || !router.has_signed(message(*own, binding), signature) {
                return Err(AuthenticationError::Denied);
            }
        }
        Ok(self.key.sign(message(octets, binding)).into())
    }
}
