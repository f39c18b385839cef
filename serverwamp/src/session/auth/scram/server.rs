//! The server's side of SCRAM.

use super::exchange::{Exchange, append_nonce};
use super::{
    AuthenticationError, AuthenticationMethod, ChannelBinding, Key, ScramCredential, ScramDialect, ScramKeys, extra,
    saslprep, text,
};
use crate::wire::Dict;

/// A challenge that a server sent, until it is answered.
#[derive(Debug)]
pub(crate) struct ScramChallenge {
    dialect: ScramDialect,
    keys: ScramKeys,
    auth_message: String,
    nonce: String,
    binding: Option<ChannelBinding>,
    extra: Dict,
}

impl ScramChallenge {
    /// Answers HELLO, with what it said in `authid` and `authextra`, with what is known of the user (or
    /// [made up](super::super::Decoys)), and with the channel bindings that the connection has.
    ///
    /// # Errors
    /// A HELLO without a nonce, one that asks for a channel binding that there is not, and a credential that has no keys
    /// for the dialect.
    pub(crate) fn new(
        dialect: ScramDialect,
        authid: &str,
        authextra: &Dict,
        credential: &ScramCredential,
        nonce: [u8; 16],
        bindings: &[ChannelBinding],
    ) -> Result<Self, AuthenticationError> {
        let client_nonce = extra::required_string(authextra, "nonce")?;
        let nonce = append_nonce(dialect, client_nonce, nonce)?;
        let bindings = match dialect {
            ScramDialect::Specification => bindings,
            ScramDialect::Autobahn => &[],
        };
        let binding = ChannelBinding::requested(authextra, bindings)?;
        let keys = credential.keys_of(dialect).ok_or_else(|| AuthenticationError::Unavailable {
            name: "authmethods",
            value: AuthenticationMethod::Scram(dialect).name().to_owned(),
        })?;
        let exchange = Exchange {
            dialect,
            authid: &saslprep("authid", authid)?,
            client_nonce,
            nonce: &nonce,
            salt: &text::base64(credential.salt().as_bytes()),
            kdf: credential.kdf(),
            binding: binding.as_ref(),
        };
        Ok(Self::of(&exchange, keys.clone()))
    }

    /// The challenge of an exchange that is acceptable.
    pub(super) fn of(exchange: &Exchange<'_>, keys: ScramKeys) -> Self {
        let mut extra = Dict::from([("nonce", exchange.nonce), ("salt", exchange.salt)]);
        exchange.kdf.write(exchange.dialect, &mut extra);
        Self {
            dialect: exchange.dialect,
            keys,
            auth_message: exchange.auth_message(),
            nonce: exchange.nonce.to_owned(),
            binding: exchange.binding.cloned(),
            extra,
        }
    }

    /// `CHALLENGE.Extra`.
    pub(crate) fn extra(&self) -> &Dict {
        &self.extra
    }

    /// Verifies AUTHENTICATE, and returns what WELCOME says in `authextra`.
    ///
    /// # Errors
    /// A proof by somebody who does not know the password, over another connection, or of another challenge; entries of
    /// `Extra` with wrong types.
    pub(crate) fn verify(self, signature: &str, extra: &Dict) -> Result<Dict, AuthenticationError> {
        if self.dialect == ScramDialect::Specification {
            self.check_extra(extra)?;
        }
        let proof = text::from_base64(signature).and_then(|octets| <[u8; 32]>::try_from(octets).ok());
        let proof = Key::from(proof.ok_or(AuthenticationError::Denied)?);
        let message = self.auth_message.as_bytes();
        let client_key = Key::hmac(self.keys.stored(), &[message]).xor(&proof);
        if Key::sha256(client_key.as_bytes()) != Key::from(*self.keys.stored()) {
            return Err(AuthenticationError::Denied);
        }
        let verifier = Key::hmac(self.keys.server(), &[message]);
        Ok(Dict::from([(self.dialect.verifier_name(), text::base64(verifier.as_bytes()))]))
    }

    /// Compares what the client repeats of the exchange.
    fn check_extra(&self, extra: &Dict) -> Result<(), AuthenticationError> {
        let binding = self.binding.as_ref();
        let data = match extra::string(extra, "cbind_data")? {
            Some(data) => Some(text::from_base64(data).ok_or(AuthenticationError::Denied)?),
            None => None,
        };
        let same = extra::string(extra, "nonce")? == Some(&self.nonce)
            && extra::string(extra, "channel_binding")? == binding.map(|binding| binding.kind.name())
            && data.as_ref() == binding.map(|binding| &binding.data);
        if same { Ok(()) } else { Err(AuthenticationError::Denied) }
    }
}
