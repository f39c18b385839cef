use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;

use super::*;
use crate::wire::Value;

fn vectors() -> serde_json::Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/crypto/wampcra.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// What the vectors say of salt, iterations and key length, put into a challenge.
fn challenge_of(vector: &serde_json::Value) -> Dict {
    let mut extra = Dict::from([("challenge", vector["challenge"].as_str().unwrap())]);
    if let Some(salt) = vector["salt"].as_str() {
        extra.insert("salt", salt);
    }
    for name in ["iterations", "keylen"] {
        if let Some(number) = vector[name].as_u64() {
            extra.insert(name, number);
        }
    }
    extra
}

#[test]
fn clients_sign_like_everybody_else() {
    let vectors = vectors();
    for vector in vectors["signatures"].as_array().unwrap() {
        let client = CraClient::new(vector["secret"].as_str().unwrap());
        let answer = client.answer(&challenge_of(vector)).unwrap();
        assert_eq!(answer.signature, vector["signature"].as_str().unwrap(), "{}", vector["name"]);
        assert!(answer.extra.is_empty());
    }
}

#[test]
fn servers_accept_what_everybody_else_signs() {
    let vectors = vectors();
    for vector in vectors["signatures"].as_array().unwrap() {
        let secret = vector["secret"].as_str().unwrap();
        let salt = CraSalt::read(&challenge_of(vector)).unwrap();
        let key = salt.as_ref().map_or_else(|| secret.into(), |salt| salt.derive(secret.as_bytes()));
        assert_eq!(key.as_bytes(), vector["hmac_key_ascii"].as_str().unwrap().as_bytes());
        let challenge = || CraChallenge {
            text: vector["challenge"].as_str().unwrap().to_owned(),
            key: key.clone(),
            salt: salt.clone(),
        };
        let signature = vector["signature"].as_str().unwrap();
        assert_eq!(challenge().verify(signature), Ok(()), "{}", vector["name"]);
        assert_eq!(challenge().verify(signature.trim_end_matches('=')), Ok(()), "without padding");
        assert_eq!(challenge().extra(), challenge_of(vector));
    }
}

#[test]
fn keys_are_derived_like_everywhere_else() {
    let vectors = vectors();
    for vector in vectors["pbkdf2_sha256"].as_array().unwrap() {
        let salt = CraSalt::new(vector["salt"].as_str().unwrap(), vector["iterations"].as_u64().unwrap() as u32);
        let key = salt.unwrap().derive(vector["secret"].as_str().unwrap().as_bytes());
        let octets = text::from_base64(std::str::from_utf8(key.as_bytes()).unwrap()).unwrap();
        let expected = vector["derived_key_base64"].as_str().and_then(text::from_base64);
        assert_eq!(
            octets,
            expected.or_else(|| { text::from_hex::<32>(vector["derived_key_hex"].as_str()?).map(Vec::from) }).unwrap()
        );
    }
}

fn challenge(secret: &CraCredential) -> CraChallenge {
    let time = UNIX_EPOCH + Duration::from_millis(1_403_454_985_448);
    CraChallenge::new(secret, "joe \"é\"", SessionId::new(3_251_278_072_152_162).unwrap(), [7; 16], time)
}

#[test]
fn challenges_name_all_parts() {
    let secret = CraCredential::password("secret").role("user").provider("userdb");
    let extra = challenge(&secret).extra();
    assert_eq!(extra.len(), 1);
    let text: serde_json::Value = serde_json::from_str(extra.get("challenge").unwrap().as_str().unwrap()).unwrap();
    assert_eq!(
        text,
        serde_json::json!({
            "nonce": "BwcHBwcHBwcHBwcHBwcHBw==",
            "authprovider": "userdb",
            "authid": "joe \"é\"",
            "timestamp": "2014-06-22T16:36:25.448Z",
            "authrole": "user",
            "authmethod": "wampcra",
            "session": 3_251_278_072_152_162_u64,
        })
    );
}

#[test]
fn salted_challenges_carry_what_clients_need() {
    let salt = CraSalt::new("salt123", 100).unwrap().key_length(16).unwrap();
    let extra = challenge(&CraCredential::with_salt(salt.derive(b"password"), Some(salt))).extra();
    assert_eq!(extra.get("salt").and_then(Value::as_str), Some("salt123"));
    assert_eq!(extra.get("iterations").and_then(Value::as_u64), Some(100));
    assert_eq!(extra.get("keylen").and_then(Value::as_u64), Some(16));
}

#[test]
fn stored_keys_are_the_password_s() {
    let derived = CraCredential::derive("password", "salt123", 100).unwrap();
    let key = derived.secret().as_str().unwrap();
    assert_eq!(CraCredential::salted(key, "salt123", 100, 32), Ok(derived.clone()));
    let answer = CraClient::new("password").answer(&challenge(&derived).extra()).unwrap();
    assert_eq!(challenge(&derived).verify(&answer.signature), Ok(()));
    let error = CraCredential::salted(key, "", 100, 32).unwrap_err();
    assert_eq!(error.to_string(), "`salt`: 0 is not within 1 to 256");
}

#[test]
fn disguises_differ_in_nothing_but_secret_and_salt() {
    let named = |credential: CraCredential| credential.role("user").provider("db");
    for (salt, digits) in [("0123456789abcdef0", "0123456789abcdef"), ("Zz+", "")] {
        let real = named(CraCredential::salted("key", salt, 100, 16).unwrap());
        let disguise = real.disguise("other", &[0xa5; 256]);
        let (one, other) = (challenge(&real).extra(), challenge(&disguise).extra());
        assert_ne!(one.get("salt"), other.get("salt"));
        for name in ["challenge", "iterations", "keylen"] {
            assert_eq!(one.get(name), other.get(name), "{name}");
        }
        let text = other.get("salt").and_then(Value::as_str).unwrap();
        assert_eq!(text.len(), salt.len());
        assert!(digits.is_empty() || text.chars().all(|digit| digits.contains(digit)), "{text}");
        assert_ne!(real.secret, disguise.secret);
    }
    assert_eq!(CraCredential::password("a").disguise("b", &[1]), CraCredential::password("b"));
}

#[test]
fn secrets_are_not_shown() {
    let secret = CraCredential::password("pencil");
    let shown = format!("{secret:?} {:?} {:?}", challenge(&secret), CraClient::new("pencil"));
    assert!(!shown.contains("pencil") && !shown.contains("112"), "{shown}");
}

fn check_refused(entries: &[(&str, Value)], expected: &str) {
    let mut extra = Dict::from([("challenge", "{}"), ("salt", "salt123")]);
    for (name, value) in entries {
        extra.insert(*name, value.clone());
    }
    assert_eq!(CraClient::new("secret").answer(&extra).unwrap_err().to_string(), expected);
}

#[test]
fn clients_refuse_absurd_challenges() {
    check_refused(&[("challenge", Value::Null)], "`challenge`: expected a string");
    check_refused(&[("challenge", 1.into())], "`challenge`: expected a string");
    check_refused(&[("salt", 1.into())], "`salt`: expected a string");
    check_refused(&[("salt", "x".repeat(257).into())], "`salt`: 257 is not within 1 to 256");
    check_refused(&[("iterations", 0.into())], "`iterations`: 0 is not within 1 to 10000000");
    check_refused(
        &[("iterations", u64::MAX.into())],
        &format!("`iterations`: {} is not within 1 to 10000000", u64::MAX),
    );
    check_refused(&[("iterations", (-1).into())], "`iterations`: expected an integer from 0");
    check_refused(&[("keylen", 15.into())], "`keylen`: 15 is not within 16 to 64");
    check_refused(&[("keylen", 65.into())], "`keylen`: 65 is not within 16 to 64");
    check_refused(&[("keylen", "32".into())], "`keylen`: expected an integer from 0");
}

#[test]
fn an_empty_salt_is_none() {
    let plain = Dict::from([("challenge", "{}")]);
    let empty = Dict::from([("challenge", "{}"), ("salt", "")]);
    let client = CraClient::new("secret");
    assert_eq!(client.answer(&plain), client.answer(&empty));
}

proptest! {
    #[test]
    fn both_sides_agree(password: String, salt in "[ -~é]{1,40}", iterations in 1_u32..20, salted: bool) {
        let secret = if salted {
            let salt = CraSalt::new(salt, iterations).unwrap();
            CraCredential::with_salt(salt.derive(password.as_bytes()), Some(salt))
        } else {
            CraCredential::password(password.as_str())
        };
        let answer = CraClient::new(password.as_str()).answer(&challenge(&secret).extra()).unwrap();
        prop_assert_eq!(challenge(&secret).verify(&answer.signature), Ok(()));
        let wrong = CraClient::new(format!("{password}!")).answer(&challenge(&secret).extra()).unwrap();
        prop_assert_eq!(challenge(&secret).verify(&wrong.signature), Err(AuthenticationError::Denied));
    }

    #[test]
    fn flipped_bits_and_arbitrary_text_are_refused(bit in 0_usize..256, arbitrary: String) {
        let secret = CraCredential::password("secret");
        let answer = CraClient::new("secret").answer(&challenge(&secret).extra()).unwrap();
        let mut octets = text::from_base64(&answer.signature).unwrap();
        octets[bit / 8] ^= 1 << (bit % 8);
        for signature in [text::base64(&octets), arbitrary] {
            prop_assert_eq!(challenge(&secret).verify(&signature), Err(AuthenticationError::Denied));
        }
    }

    #[test]
    fn shortened_signatures_are_refused(length in 0_usize..43) {
        let secret = CraCredential::password("secret");
        let answer = CraClient::new("secret").answer(&challenge(&secret).extra()).unwrap();
        prop_assert_eq!(
            challenge(&secret).verify(&answer.signature[..length]),
            Err(AuthenticationError::Denied)
        );
    }
}
