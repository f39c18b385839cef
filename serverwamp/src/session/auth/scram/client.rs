//! The client's side of SCRAM.

use super::credential::{client_key, server_key};
use super::exchange::{Exchange, continues_nonce};
use super::{Answer, AuthenticationError, ChannelBinding, Kdf, Key, Salt, ScramDialect, Secret, extra, saslprep, text};
use crate::wire::Dict;

/// A client that is about to say HELLO, or was challenged.
#[derive(Debug)]
pub(crate) struct ScramClient {
    pub(super) dialect: ScramDialect,
    authid: String,
    password: Secret,
    nonce: String,
    binding: Option<ChannelBinding>,
}

impl ScramClient {
    /// A user with a password, bound to the connection if a binding is given.
    ///
    /// # Errors
    /// An authid or a password that SASLprep (RFC 4013) does not allow, and a binding in a dialect without any.
    pub(crate) fn new(
        dialect: ScramDialect,
        authid: &str,
        password: &str,
        nonce: [u8; 16],
        binding: Option<ChannelBinding>,
    ) -> Result<Self, AuthenticationError> {
        if let (ScramDialect::Autobahn, Some(binding)) = (dialect, &binding) {
            let value = binding.kind.name().to_owned();
            return Err(AuthenticationError::Unavailable { name: "channel_binding", value });
        }
        Ok(Self {
            dialect,
            authid: saslprep("authid", authid)?.into_owned(),
            password: dialect.prepare(password)?,
            nonce: text::base64(&nonce),
            binding,
        })
    }

    /// The user as HELLO has to name it.
    pub(crate) fn authid(&self) -> &str {
        &self.authid
    }

    /// What HELLO says in `authextra`.
    pub(crate) fn authextra(&self) -> Dict {
        let mut authextra = Dict::from([("nonce", self.nonce.as_str())]);
        if let Some(binding) = &self.binding {
            authextra.insert("channel_binding", binding.kind.name());
        }
        authextra
    }

    /// Answers `CHALLENGE.Extra`. Slow on purpose: for a thread that may block.
    ///
    /// # Errors
    /// A challenge that does not continue this client's nonce, or one with an absurdly cheap or expensive key derivation.
    pub(crate) fn answer(self, challenge: &Dict) -> Result<(Answer, ScramServerProof), AuthenticationError> {
        let nonce = extra::required_string(challenge, "nonce")?;
        if !continues_nonce(self.dialect, &self.nonce, nonce) {
            return Err(AuthenticationError::Malformed { name: "nonce", expected: "the client's with more appended" });
        }
        let kdf = Kdf::read(self.dialect, challenge)?;
        self.answer_with(nonce, extra::required_string(challenge, "salt")?, kdf)
    }

    /// Answers a challenge of which all is acceptable but perhaps the salt.
    pub(super) fn answer_with(
        self,
        nonce: &str,
        salt: &str,
        kdf: Kdf,
    ) -> Result<(Answer, ScramServerProof), AuthenticationError> {
        let exchange = Exchange {
            dialect: self.dialect,
            authid: &self.authid,
            client_nonce: &self.nonce,
            nonce,
            salt,
            kdf,
            binding: self.binding.as_ref(),
        };
        let auth_message = exchange.auth_message();
        let salt = text::from_base64(salt)
            .ok_or(AuthenticationError::Malformed { name: "salt", expected: "octets in base64" })?;
        let derived = kdf.derive(self.password.as_bytes(), &Salt::new(salt)?)?;
        let (signature, server_proof) =
            prove(self.dialect, derived.salted_password(self.dialect).as_bytes(), &auth_message);
        Ok((Answer { signature, extra: self.answer_extra(nonce) }, server_proof))
    }

    fn answer_extra(&self, nonce: &str) -> Dict {
        match self.dialect {
            ScramDialect::Autobahn => Dict::new(),
            ScramDialect::Specification => {
                let binding = self.binding.as_ref();
                let mut extra = Dict::from([("nonce", nonce)]);
                extra.insert("channel_binding", binding.map(|binding| binding.kind.name()));
                extra.insert("cbind_data", binding.map(|binding| text::base64(&binding.data)));
                extra
            }
        }
    }
}

/// `ClientProof` in base64, and what the server will have to prove.
pub(super) fn prove(dialect: ScramDialect, salted_password: &[u8], auth_message: &str) -> (String, ScramServerProof) {
    let message: &[&[u8]] = &[auth_message.as_bytes()];
    let client_key = client_key(salted_password);
    let client_signature = Key::hmac(Key::sha256(client_key.as_bytes()).as_bytes(), message);
    let signature = Key::hmac(server_key(salted_password).as_bytes(), message);
    (text::base64(client_key.xor(&client_signature).as_bytes()), ScramServerProof { dialect, signature })
}

/// What a server has to say in WELCOME to prove that it knows the user.
#[derive(Debug)]
pub(crate) struct ScramServerProof {
    dialect: ScramDialect,
    signature: Key,
}

impl ScramServerProof {
    /// Verifies what WELCOME says in `authextra`.
    ///
    /// # Errors
    /// No proof, or that of a server that does not know the user: the session must be left.
    pub(crate) fn verify(self, authextra: &Dict) -> Result<(), AuthenticationError> {
        let verifier = extra::required_string(authextra, self.dialect.verifier_name())?;
        let octets = text::from_base64(verifier.strip_prefix("v=").unwrap_or(verifier));
        match octets.and_then(|octets| <[u8; 32]>::try_from(octets).ok()) {
            Some(octets) if Key::from(octets) == self.signature => Ok(()),
            _ => Err(AuthenticationError::Denied),
        }
    }
}
