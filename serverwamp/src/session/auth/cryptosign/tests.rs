use proptest::prelude::*;

use super::*;
use crate::session::auth::text::{from_hex, hex};
use crate::wire::Value;

fn vectors() -> serde_json::Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/crypto/cryptosign.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn octets(vector: &serde_json::Value) -> [u8; 32] {
    from_hex(vector.as_str().unwrap()).unwrap()
}

fn binding_of(vector: &serde_json::Value) -> Option<ChannelBinding> {
    let data = from_hex::<32>(vector["channel_id"].as_str()?).unwrap().to_vec();
    Some(ChannelBinding { kind: ChannelBindingType::Unique, data })
}

/// What a server makes of a signature by somebody who says to have this key.
fn verify(
    key: &PublicKey,
    challenge: [u8; 32],
    binding: Option<ChannelBinding>,
    signature: &str,
) -> Result<PublicKey, AuthenticationError> {
    let mut authextra = Dict::from([("pubkey", key.to_hex())]);
    authextra.insert("channel_binding", binding.as_ref().map(|binding| binding.kind.name()));
    let bindings: Vec<_> = binding.into_iter().collect();
    CryptosignChallenge::new(&authextra, challenge, &bindings, None).unwrap().verify(signature)
}

#[test]
fn both_sides_sign_like_everybody_else() {
    let vectors = vectors();
    for vector in vectors["sign"].as_array().unwrap() {
        let key = SigningKey::from_hex(vector["private_key"].as_str().unwrap()).unwrap();
        assert_eq!(key.public_key().to_hex(), vector["public_key"].as_str().unwrap());
        let signature = vector["signature"].as_str().unwrap();
        let (public_key, binding) = (key.public_key(), binding_of(vector));
        let mut challenge = Dict::from([("challenge", vector["challenge"].as_str().unwrap())]);
        challenge.insert("channel_binding", binding.as_ref().map(|binding| binding.kind.name()));
        let client = CryptosignClient::new(key, binding.clone()).unwrap();
        assert_eq!(client.answer(&challenge).unwrap(), Answer::from(signature.to_owned()));
        let challenge = octets(&vector["challenge"]);
        assert_eq!(verify(&public_key, challenge, binding.clone(), signature), Ok(public_key.clone()));
        let upper = signature.to_uppercase();
        assert_eq!(verify(&public_key, challenge, binding, &upper), Ok(public_key));
    }
}

#[test]
fn both_sides_accept_what_everybody_else_signs() {
    let vectors = vectors();
    for vector in vectors["verify_only"].as_array().unwrap() {
        let key = PublicKey::from_hex(vector["public_key"].as_str().unwrap()).unwrap();
        let (challenge, binding) = (octets(&vector["challenge"]), binding_of(vector));
        let signature = vector["signature"].as_str().unwrap();
        if vector["signer"] == "client" {
            assert_eq!(verify(&key, challenge, binding, signature), Ok(key));
        } else {
            let mut extra = Dict::from([("challenge", hex(&[9; 32])), ("pubkey", key.to_hex())]);
            extra.insert("signature", signature);
            extra.insert("channel_binding", binding.as_ref().map(|binding| binding.kind.name()));
            let client = || CryptosignClient::new(SigningKey::from_bytes(&[1; 32]), binding.clone()).unwrap();
            assert!(client().expect_router(key.clone(), challenge).answer(&extra).is_ok());
            let other = client().expect_router(key, [1; 32]).answer(&extra);
            assert_eq!(other, Err(AuthenticationError::Denied));
        }
    }
}

#[test]
fn the_test_key_pair_belongs_together() {
    let vectors = vectors();
    let pair = &vectors["test_keypair"];
    let key = SigningKey::from_hex(pair["private_key"].as_str().unwrap()).unwrap();
    assert_eq!(key.public_key().to_hex(), pair["public_key"].as_str().unwrap());
}

fn exporter(octet: u8) -> ChannelBinding {
    ChannelBinding { kind: ChannelBindingType::Exporter, data: vec![octet; 32] }
}

fn client(binding: Option<ChannelBinding>) -> CryptosignClient {
    CryptosignClient::new(SigningKey::from_bytes(&[1; 32]), binding).unwrap()
}

fn public_key() -> PublicKey {
    SigningKey::from_bytes(&[1; 32]).public_key()
}

#[test]
fn signatures_are_bound_to_the_connection() {
    let challenge = |binding| {
        let authextra = client(Some(exporter(3))).authextra();
        CryptosignChallenge::new(&authextra, [5; 32], &[binding], None).unwrap()
    };
    let answer = client(Some(exporter(3))).answer(challenge(exporter(3)).extra()).unwrap();
    assert_eq!(challenge(exporter(3)).verify(&answer.signature), Ok(public_key()));
    assert_eq!(challenge(exporter(4)).verify(&answer.signature), Err(AuthenticationError::Denied));
}

#[test]
fn a_replayed_message_with_a_valid_signature_is_refused() {
    let signed = SigningKey::from_bytes(&[1; 32]).sign([6; 32]);
    assert_eq!(verify(&public_key(), [6; 32], None, &signed), Ok(public_key()));
    assert_eq!(verify(&public_key(), [5; 32], None, &signed), Err(AuthenticationError::Denied));
    let repeats_the_challenge = format!("{}{}", &signed[..128], hex(&[5; 32]));
    assert_eq!(verify(&public_key(), [5; 32], None, &repeats_the_challenge), Err(AuthenticationError::Denied));
}

#[test]
fn routers_prove_themselves() {
    let router = SigningKey::from_bytes(&[2; 32]);
    for binding in [None, Some(exporter(3))] {
        let client = || client(binding.clone()).expect_router(router.public_key(), [7; 32]);
        let bindings: Vec<_> = binding.clone().into_iter().collect();
        let challenge = |key: Option<&SigningKey>| {
            CryptosignChallenge::new(&client().authextra(), [5; 32], &bindings, key).unwrap()
        };
        assert!(client().answer(challenge(Some(&router)).extra()).is_ok());
        let impostor = SigningKey::from_bytes(&[3; 32]);
        for other in [None, Some(&impostor)] {
            assert_eq!(client().answer(challenge(other).extra()), Err(AuthenticationError::Denied));
        }
    }
}

fn check_hello_refused(authextra: Dict, expected: &str) {
    let bindings = [
        ChannelBinding { kind: ChannelBindingType::ServerEndPoint, data: vec![1; 32] },
        ChannelBinding { kind: ChannelBindingType::Unique, data: vec![1; 12] },
    ];
    let router = SigningKey::from_bytes(&[2; 32]);
    let error = CryptosignChallenge::new(&authextra, [5; 32], &bindings, Some(&router));
    assert_eq!(error.unwrap_err().to_string(), expected);
}

#[test]
fn servers_refuse_odd_hellos() {
    let hello = |name, value: Value| {
        let mut authextra = client(None).authextra();
        authextra.insert(name, value);
        authextra
    };
    const KEY: &str = "`pubkey`: expected an Ed25519 key of 64 hexadecimal digits";
    check_hello_refused(Dict::new(), "`pubkey`: expected a string");
    check_hello_refused(hello("pubkey", 1.into()), "`pubkey`: expected a string");
    for odd in ["", "0", "zz", "é", &"0".repeat(63), &"0".repeat(66), &"z".repeat(64), &"é".repeat(32)] {
        check_hello_refused(hello("pubkey", odd.into()), KEY);
    }
    // The neutral element, for which a signature of zeros holds for every message.
    check_hello_refused(hello("pubkey", format!("01{}", "0".repeat(62)).into()), KEY);
    check_hello_refused(hello("challenge", "12".into()), "`challenge`: expected 64 hexadecimal digits");
    check_hello_refused(hello("challenge", 1.into()), "`challenge`: expected a string");
    check_hello_refused(hello("channel_binding", 1.into()), "`channel_binding`: expected a string");
    for kind in ["tls-exporter", "tls-unique", "tls-server-end-point", "x"] {
        let expected = format!("`channel_binding`: `{kind}` is not available");
        check_hello_refused(hello("channel_binding", kind.into()), &expected);
    }
}

#[test]
fn nulls_are_as_good_as_absent() {
    let mut authextra = client(None).authextra();
    for name in ["trustroot", "challenge", "channel_binding", "activation_code"] {
        authextra.insert(name, ());
    }
    let router = SigningKey::from_bytes(&[2; 32]);
    let challenge = CryptosignChallenge::new(&authextra, [5; 32], &[], Some(&router)).unwrap();
    assert_eq!(challenge.extra(), &Dict::from([("challenge", hex(&[5; 32]).into()), ("channel_binding", Value::Null)]));
}

#[test]
fn clients_refuse_odd_challenges() {
    let check = |binding: Option<ChannelBinding>, entries: &[(&str, Value)], expected: &str| {
        let challenge: Dict = entries.iter().map(|(name, value)| (*name, value.clone())).collect();
        assert_eq!(client(binding).answer(&challenge).unwrap_err().to_string(), expected);
    };
    let valid = || ("challenge", Value::from(hex(&[5; 32])));
    const CHALLENGE: &str = "`challenge`: expected 64 hexadecimal digits";
    const BINDING: &str = "`channel_binding`: expected what HELLO asked for";
    check(None, &[], CHALLENGE);
    for odd in ["", "0", "zz", &"0".repeat(62), &"0".repeat(65), &"z".repeat(64)] {
        check(None, &[("challenge", odd.into())], CHALLENGE);
    }
    check(None, &[("challenge", 1.into())], "`challenge`: expected a string");
    check(None, &[valid(), ("channel_binding", "tls-exporter".into())], BINDING);
    check(Some(exporter(3)), &[valid()], BINDING);
    check(Some(exporter(3)), &[valid(), ("channel_binding", "tls-unique".into())], BINDING);
}

#[test]
fn clients_cannot_bind_to_what_is_no_channel_id() {
    for binding in [
        ChannelBinding { kind: ChannelBindingType::ServerEndPoint, data: vec![1; 32] },
        ChannelBinding { kind: ChannelBindingType::Exporter, data: vec![1; 31] },
    ] {
        let error = CryptosignClient::new(SigningKey::from_bytes(&[1; 32]), Some(binding)).unwrap_err();
        assert!(matches!(error, AuthenticationError::Unavailable { name: "channel_binding", .. }));
    }
}

#[test]
fn private_keys_are_not_shown() {
    let key = SigningKey::from_bytes(&[1; 32]);
    assert_eq!(format!("{key:?}"), "SigningKey");
    assert!(!format!("{:?}", client(None)).contains("0101"));
    for odd in ["", "00", &"0".repeat(128), &"z".repeat(64)] {
        assert!(SigningKey::from_hex(odd).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn both_sides_agree(seed: [u8; 32], challenge: [u8; 32], id: Option<[u8; 32]>) {
        let key = SigningKey::from_bytes(&seed);
        let public_key = key.public_key();
        let binding = id.map(|id| ChannelBinding { kind: ChannelBindingType::Exporter, data: id.to_vec() });
        let bindings: Vec<_> = binding.clone().into_iter().collect();
        let client = CryptosignClient::new(key, binding).unwrap();
        let server =
            CryptosignChallenge::new(&client.authextra(), challenge, &bindings, None).unwrap();
        let answer = client.answer(server.extra()).unwrap();
        prop_assert_eq!(server.verify(&answer.signature), Ok(public_key));
    }

    #[test]
    fn flipped_bits_and_truncated_answers_are_refused(bit in 0_usize..96 * 8, length in 0_usize..192) {
        let signed = SigningKey::from_bytes(&[1; 32]).sign([5; 32]);
        let mut octets = from_hex::<96>(&signed).unwrap();
        octets[bit / 8] ^= 1 << (bit % 8);
        for odd in [hex(&octets), signed[..length].to_owned(), format!("{signed}00"), format!("{signed}0")] {
            prop_assert_eq!(verify(&public_key(), [5; 32], None, &odd), Err(AuthenticationError::Denied));
        }
    }

    #[test]
    fn arbitrary_text_is_refused(arbitrary: String, digits in "[0-9a-fA-F]{0,200}") {
        for text in [arbitrary, digits] {
            prop_assert_eq!(verify(&public_key(), [5; 32], None, &text), Err(AuthenticationError::Denied));
            let challenge = Dict::from([("challenge", text.as_str())]);
            prop_assert_eq!(client(None).answer(&challenge).is_ok(), text.len() == 64 && text.is_ascii() && text.chars().all(|digit| digit.is_ascii_hexdigit()));
            let _ = PublicKey::from_hex(&text);
        }
    }
}
