//! A credential as one line of text, for a column of a user table.

use super::{AuthenticationError, Kdf, Salt, ScramCredential, ScramDialect, ScramKeys, Secret, text};

const MALFORMED: AuthenticationError =
    AuthenticationError::Malformed { name: "credential", expected: "a text as it was stored" };

impl ScramCredential {
    /// The credential as text: `scram$iterations,memory$salt$keys$keys`, with a memory of 0 for PBKDF2, and the keys of the
    /// specification's dialect before those of Autobahn's. A secret, though no password.
    pub fn to_stored(&self) -> Secret {
        let keys = ScramDialect::ALL.map(|dialect| match self.keys_of(dialect) {
            Some(keys) => {
                format!("{},{}", text::base64(keys.stored()), text::base64(keys.server()))
            }
            None => String::new(),
        });
        let (iterations, memory) = (self.kdf().iterations(), self.kdf().memory().unwrap_or(0));
        let salt = text::base64(self.salt().as_bytes());
        format!("scram${iterations},{memory}${salt}${}", keys.join("$")).into()
    }

    /// Reads what [`to_stored`](Self::to_stored) wrote.
    ///
    /// # Errors
    /// Any other text, and parameters out of bounds.
    pub fn from_stored(stored: &str) -> Result<Self, AuthenticationError> {
        let parts: Vec<&str> = stored.split('$').collect();
        let ["scram", cost, salt, specification, autobahn] = parts.as_slice() else { return Err(MALFORMED) };
        let (iterations, memory) = cost.split_once(',').ok_or(MALFORMED)?;
        let iterations = iterations.parse().map_err(|_| MALFORMED)?;
        let kdf = match memory.parse().map_err(|_| MALFORMED)? {
            0 => Kdf::pbkdf2(iterations)?,
            memory => Kdf::argon2id(iterations, memory)?,
        };
        let credential = Self::new(kdf, Salt::new(text::from_base64(salt).ok_or(MALFORMED)?)?);
        ScramDialect::ALL.into_iter().zip([*specification, *autobahn]).try_fold(credential, |credential, stored| {
            Ok(match stored {
                (_, "") => credential,
                (dialect, keys) => credential.keys(dialect, read_keys(keys).ok_or(MALFORMED)?),
            })
        })
    }
}

fn read_keys(text: &str) -> Option<ScramKeys> {
    let (stored, server) = text.split_once(',')?;
    let key = |text| text::from_base64(text).and_then(|octets| <[u8; 32]>::try_from(octets).ok());
    Some(ScramKeys::new(key(stored)?, key(server)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stored(credential: &ScramCredential) -> String {
        String::from_utf8(credential.to_stored().as_bytes().to_vec()).unwrap()
    }

    fn keys(octet: u8) -> ScramKeys {
        ScramKeys::new([octet; 32], [octet + 1; 32])
    }

    fn credential(kdf: Kdf) -> ScramCredential {
        ScramCredential::new(kdf, Salt::new([7; 16]).unwrap())
    }

    #[test]
    fn credentials_survive_being_stored() {
        for kdf in [Kdf::default(), Kdf::pbkdf2(4096).unwrap()] {
            for credential in [
                credential(kdf),
                credential(kdf).keys(ScramDialect::Specification, keys(1)),
                credential(kdf).keys(ScramDialect::Autobahn, keys(3)),
                credential(kdf).keys(ScramDialect::Specification, keys(1)).keys(ScramDialect::Autobahn, keys(3)),
            ] {
                assert_eq!(ScramCredential::from_stored(&stored(&credential)), Ok(credential));
            }
        }
    }

    /// Tables outlive versions of this crate.
    #[test]
    fn the_form_does_not_change() {
        let credential = credential(Kdf::default()).keys(ScramDialect::Autobahn, keys(1));
        assert_eq!(
            stored(&credential),
            "scram$2,19456$BwcHBwcHBwcHBwcHBwcHBw==$$\
             AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=,AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI="
        );
    }

    #[test]
    fn other_texts_are_refused() {
        let check = |stored: &str, expected: &str| {
            assert_eq!(ScramCredential::from_stored(stored).unwrap_err().to_string(), expected, "{stored}");
        };
        const MALFORMED: &str = "`credential`: expected a text as it was stored";
        for odd in [
            "",
            "scram",
            "scram$2,19456$BwcHBwcHBwc=$",
            "scram$2,19456$BwcHBwcHBwc=$$$",
            "scrum$2,19456$BwcHBwcHBwc=$$",
            "scram$2$BwcHBwcHBwc=$$",
            "scram$-2,19456$BwcHBwcHBwc=$$",
            "scram$2,x$BwcHBwcHBwc=$$",
            "scram$2,19456$?$$",
            "scram$2,19456$BwcHBwcHBwc=$AQ==,AQ==$",
            "scram$2,19456$BwcHBwcHBwc=$AQ==$",
        ] {
            check(odd, MALFORMED);
        }
        check("scram$2,0$BwcHBwcHBwc=$$", "`iterations`: 2 is not within 4096 to 10000000");
        check("scram$0,19456$BwcHBwcHBwc=$$", "`iterations`: 0 is not within 1 to 431");
        check("scram$2,19456$AQ==$$", "`salt`: 1 is not within 8 to 128");
    }

    proptest! {
        #[test]
        fn arbitrary_text_does_not_panic(text: String, parts in "[$,=A-Za-z0-9]{0,120}") {
            prop_assert!(ScramCredential::from_stored(&text).is_err());
            let _ = ScramCredential::from_stored(&("scram$".to_owned() + &parts));
        }
    }
}
