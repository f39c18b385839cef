//! What users who do not exist are challenged with.

use super::{
    AuthenticationError, CraCredential, Kdf, Key, Salt, ScramCredential, ScramDialect, ScramKeys, Secret, text,
};

/// Makes up credentials for users who do not exist, so that challenges do not tell who does.
///
/// They are always the same for one authid, and nobody can log in with them. They pass for real if real users have the
/// same parameters and salts of the same form, and if an authid is given in the form in which users are looked up.
/// Servers of one realm, and the same server after a restart, should have the same secret.
///
/// WAMP: WAMP-SCRAM, initial client authentication message, advanced profile.
#[derive(Clone, Debug)]
pub(crate) struct Decoys(Key);

impl Decoys {
    /// Derives everything from a secret that only servers know.
    pub(crate) fn new(secret: [u8; 32]) -> Self {
        Self(secret.into())
    }

    /// What a provider might have said of a user who logs in with WAMP-CRA, if it says such things of real users; a plain
    /// password, if it has said nothing yet.
    pub(crate) fn cra(&self, authid: &str, like: Option<&CraCredential>) -> CraCredential {
        let secret = self.secret("cra", authid);
        match like {
            Some(real) => real.disguise(secret, &self.octets("cra salt", authid, 256)),
            None => CraCredential::password(secret),
        }
    }

    /// What a provider might have said of a user who logs in with SCRAM.
    ///
    /// # Errors
    /// A length of the salt of not 8 to 128 octets.
    pub(crate) fn scram(
        &self,
        authid: &str,
        kdf: Kdf,
        salt_length: usize,
    ) -> Result<ScramCredential, AuthenticationError> {
        let salt = Salt::new(self.octets("scram salt", authid, salt_length))?;
        let credential = ScramCredential::new(kdf, salt);
        Ok(ScramDialect::ALL.into_iter().fold(credential, |credential, dialect| {
            let key = |purpose| *self.key(&format!("{dialect:?} {purpose}"), authid, 0).as_bytes();
            credential.keys(dialect, ScramKeys::new(key("stored"), key("server")))
        }))
    }

    fn key(&self, purpose: &str, authid: &str, block: u8) -> Key {
        Key::hmac(self.0.as_bytes(), &[purpose.as_bytes(), &[0, block], authid.as_bytes()])
    }

    fn secret(&self, purpose: &str, authid: &str) -> Secret {
        text::base64(self.key(purpose, authid, 0).as_bytes()).into()
    }

    fn octets(&self, purpose: &str, authid: &str, length: usize) -> Vec<u8> {
        (0..=u8::MAX).flat_map(|block| *self.key(purpose, authid, block).as_bytes()).take(length).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: [u8; 32] = [7; 32];

    #[test]
    fn the_same_user_gets_the_same_challenge() {
        let (decoys, again, other) = (Decoys::new(SECRET), Decoys::new(SECRET), Decoys::new([8; 32]));
        let scram = |decoys: &Decoys, authid| decoys.scram(authid, Kdf::default(), 16).unwrap();
        assert_eq!(scram(&decoys, "joe"), scram(&again, "joe"));
        assert_ne!(scram(&decoys, "joe").salt(), scram(&decoys, "jim").salt());
        assert_ne!(scram(&decoys, "joe").salt(), scram(&other, "joe").salt());
        let real = CraCredential::salted("key", "c2FsdCBzYWx0IHNhbHQ=", 1000, 32).unwrap();
        for like in [None, Some(&real)] {
            assert_eq!(decoys.cra("joe", like), again.cra("joe", like));
            assert_ne!(decoys.cra("joe", like), decoys.cra("jim", like));
            assert_ne!(decoys.cra("joe", like), other.cra("joe", like));
        }
    }

    #[test]
    fn salts_have_the_length_of_real_ones() {
        let decoys = Decoys::new(SECRET);
        for length in [8, 16, 33, 128] {
            let credential = decoys.scram("joe", Kdf::default(), length).unwrap();
            assert_eq!(credential.salt().as_bytes().len(), length);
        }
        for length in [0, 7, 129] {
            let error = AuthenticationError::OutOfBounds { name: "salt", value: length as u64, least: 8, most: 128 };
            assert_eq!(decoys.scram("joe", Kdf::default(), length), Err(error));
        }
    }

    #[test]
    fn purposes_do_not_share_keys() {
        let decoys = Decoys::new(SECRET);
        let credential = decoys.scram("joe", Kdf::default(), 32).unwrap();
        let keys = |dialect| credential.keys_of(dialect).unwrap().clone();
        let (specification, autobahn) = (keys(ScramDialect::Specification), keys(ScramDialect::Autobahn));
        let mut all = vec![
            specification.stored().to_vec(),
            specification.server().to_vec(),
            autobahn.stored().to_vec(),
            autobahn.server().to_vec(),
            credential.salt().as_bytes().to_vec(),
        ];
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 5);
    }
}
