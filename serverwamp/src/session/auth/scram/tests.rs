use std::sync::LazyLock;

use proptest::prelude::*;

use super::client::prove;
use super::exchange::Exchange;
use super::*;
use crate::session::auth::ChannelBindingType;
use crate::wire::{Dict, Value};

use ScramDialect::{Autobahn, Specification};

fn vectors(file: &str) -> serde_json::Value {
    let path = format!("{}/../tests/vectors/crypto/{file}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn text_of<'a>(vector: &'a serde_json::Value, name: &str) -> &'a str {
    vector[name].as_str().unwrap_or_else(|| panic!("{name} in {vector}"))
}

fn kdf_of(vector: &serde_json::Value) -> Kdf {
    let iterations = vector["iterations"].as_u64().unwrap();
    match text_of(vector, "kdf") {
        "pbkdf2" => Kdf::pbkdf2(iterations).unwrap(),
        _ => Kdf::argon2id(iterations, vector["memory"].as_u64().unwrap()).unwrap(),
    }
}

fn salt_of(vector: &serde_json::Value) -> Salt {
    Salt::new(text::from_base64(text_of(vector, "salt_base64")).unwrap()).unwrap()
}

fn binding_of(vector: &serde_json::Value) -> Option<ChannelBinding> {
    let data = text::from_base64(vector["cbind_data_base64"].as_str()?).unwrap();
    assert_eq!(text_of(vector, "channel_binding"), "tls-server-end-point");
    Some(ChannelBinding { kind: ChannelBindingType::ServerEndPoint, data })
}

fn check_key(key: &[u8; 32], vector: &serde_json::Value, name: &str) {
    assert_eq!(text::hex(key), text_of(vector, name), "{name}");
}

#[test]
fn both_sides_compute_like_the_specification() {
    let vectors = vectors("scram_spec.json");
    for vector in vectors["vectors"].as_array().unwrap() {
        let (kdf, salt, binding) = (kdf_of(vector), salt_of(vector), binding_of(vector));
        let salted = kdf.derive(text_of(vector, "password").as_bytes(), &salt).unwrap().salted_password(Specification);
        assert_eq!(text::hex(salted.as_bytes()), text_of(vector, "salted_password_hex"));
        check_key(credential::client_key(salted.as_bytes()).as_bytes(), vector, "client_key_hex");
        let keys = ScramKeys::from_salted_password(salted.as_bytes());
        check_key(keys.stored(), vector, "stored_key_hex");
        check_key(keys.server(), vector, "server_key_hex");

        let exchange = Exchange {
            dialect: Specification,
            authid: text_of(vector, "authid"),
            client_nonce: text_of(vector, "client_nonce"),
            nonce: text_of(vector, "server_nonce"),
            salt: text_of(vector, "salt_base64"),
            kdf,
            binding: binding.as_ref(),
        };
        let auth_message = exchange.auth_message();
        let expected = vector["auth_message"].as_str().map(str::as_bytes);
        assert_eq!(expected, Some(auth_message.as_bytes()));
        let (signature, server_proof) = prove(Specification, salted.as_bytes(), &auth_message);
        assert_eq!(signature, text_of(vector, "authenticate_signature_base64"));

        let mut extra = Dict::from([("nonce", exchange.nonce)]);
        extra.insert("channel_binding", binding.as_ref().map(|binding| binding.kind.name()));
        extra.insert("cbind_data", vector["cbind_data_base64"].as_str());
        let challenge = ScramChallenge::of(&exchange, keys);
        let authextra = challenge.verify(&signature, &extra).unwrap();
        let verifier = text_of(vector, "welcome_verifier_base64");
        assert_eq!(authextra, Dict::from([("verifier", verifier)]));
        assert_eq!(server_proof.verify(&authextra), Ok(()));
    }
}

#[test]
fn credentials_are_those_of_autobahn() {
    let vectors = vectors("scram_autobahn_dialect.json");
    for vector in vectors["credentials"].as_array().unwrap() {
        let kdf = Kdf::argon2id(vector["time_cost"].as_u64().unwrap(), vector["memory_kib"].as_u64().unwrap()).unwrap();
        let salt = Salt::new(text::from_hex::<16>(text_of(vector, "salt_hex")).unwrap()).unwrap();
        let salted = kdf.derive(text_of(vector, "password").as_bytes(), &salt).unwrap().salted_password(Autobahn);
        assert_eq!(salted.as_bytes(), text_of(vector, "salted_password_ascii").as_bytes());
        let keys = ScramKeys::from_salted_password(salted.as_bytes());
        check_key(keys.stored(), vector, "stored_key_hex");
        check_key(keys.server(), vector, "server_key_hex");
    }
}

/// What autobahn-python 26.10.2 computes for the first user of the vectors.
#[test]
fn both_sides_compute_like_autobahn() {
    let salted_password = b"X6ke7PwUFNsNs8ypv+xkr0lb36C8jBNajBe2teNobKs";
    let exchange = Exchange {
        dialect: Autobahn,
        authid: "foobar@example.com",
        client_nonce: "AQEBAQEBAQEBAQEBAQEBAQ==",
        nonce: "AQEBAQEBAQEBAQEBAQEBAQICAgICAgICAgICAgICAgI=",
        salt: "O8PKAd0dUByhwi4cXX0W/g==",
        kdf: Kdf::argon2id(4096, 512).unwrap(),
        binding: None,
    };
    let (signature, server_proof) = prove(Autobahn, salted_password, &exchange.auth_message());
    assert_eq!(signature, "b2+C6OtwhxmK6Uvcnay6VzqGgFYRJ6F+jMN2FLowu9E=");
    let challenge = ScramChallenge::of(&exchange, ScramKeys::from_salted_password(salted_password));
    let authextra = challenge.verify(&signature, &Dict::new()).unwrap();
    let verifier = "6qR6EM1Mmor64zUd+tz3MDzlls91tKmCX2buXtGzE0k=";
    assert_eq!(authextra, Dict::from([("scram_server_signature", verifier)]));
    assert_eq!(server_proof.verify(&authextra), Ok(()));
}

#[test]
fn argon2id_is_that_of_the_reference() {
    let vectors = vectors("scram_spec.json");
    for vector in vectors["argon2id"].as_array().unwrap() {
        let kdf = Kdf::argon2id(vector["time_cost"].as_u64().unwrap(), vector["memory_kib"].as_u64().unwrap()).unwrap();
        let salt = Salt::new(text_of(vector, "salt_utf8")).unwrap();
        let derived = kdf.derive(text_of(vector, "password").as_bytes(), &salt).unwrap();
        assert_eq!(text::hex(derived.salted_password(Specification).as_bytes()), text_of(vector, "raw_hash_hex"));
    }
}

const PASSWORD: &str = "pencil";

fn salt() -> Salt {
    Salt::new(*b"0123456789abcdef").unwrap()
}

/// One credential that clients accept; deriving it takes a while.
static CREDENTIAL: LazyLock<ScramCredential> =
    LazyLock::new(|| ScramCredential::derive(PASSWORD, Kdf::argon2id(1, 8192).unwrap(), salt()).unwrap());

fn exporter(octet: u8) -> ChannelBinding {
    ChannelBinding { kind: ChannelBindingType::Exporter, data: vec![octet; 32] }
}

fn client(dialect: ScramDialect, password: &str, binding: Option<ChannelBinding>) -> ScramClient {
    ScramClient::new(dialect, "j=o,e", password, [1; 16], binding).unwrap()
}

fn challenge(client: &ScramClient, credential: &ScramCredential, bindings: &[ChannelBinding]) -> ScramChallenge {
    let authextra = client.authextra();
    ScramChallenge::new(client.dialect, client.authid(), &authextra, credential, [2; 16], bindings).unwrap()
}

#[test]
fn both_sides_recognise_each_other() {
    for (dialect, binding) in [(Specification, None), (Specification, Some(exporter(3))), (Autobahn, None)] {
        let client = client(dialect, PASSWORD, binding);
        let challenge = challenge(&client, &CREDENTIAL, &[exporter(3)]);
        let (answer, server_proof) = client.answer(challenge.extra()).unwrap();
        let authextra = challenge.verify(&answer.signature, &answer.extra).unwrap();
        assert_eq!(server_proof.verify(&authextra), Ok(()));
    }
}

#[test]
fn the_messages_are_those_of_the_dialect() {
    let names = |dict: &Dict| dict.iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>();
    let client_of = |dialect| client(dialect, PASSWORD, None);

    let challenge_of = challenge(&client_of(Specification), &CREDENTIAL, &[]);
    assert_eq!(
        challenge_of.extra().get("nonce").unwrap().as_str(),
        Some("AQEBAQEBAQEBAQEBAQEBAQ==AgICAgICAgICAgICAgICAg==")
    );
    assert_eq!(challenge_of.extra().get("kdf").unwrap().as_str(), Some("argon2id13"));
    assert_eq!(names(challenge_of.extra()), ["nonce", "salt", "iterations", "kdf", "memory"]);
    let (answer, _) = client_of(Specification).answer(challenge_of.extra()).unwrap();
    assert_eq!(names(&answer.extra), ["nonce", "channel_binding", "cbind_data"]);
    assert_eq!(names(&challenge_of.verify(&answer.signature, &answer.extra).unwrap()), ["verifier"]);

    let challenge_of = challenge(&client_of(Autobahn), &CREDENTIAL, &[]);
    let nonce = text::from_base64(challenge_of.extra().get("nonce").unwrap().as_str().unwrap()).unwrap();
    assert_eq!(nonce, [[1; 16], [2; 16]].concat());
    assert_eq!(challenge_of.extra().get("kdf").unwrap().as_str(), Some("argon2id-13"));
    let (answer, _) = client_of(Autobahn).answer(challenge_of.extra()).unwrap();
    assert_eq!(answer.extra, Dict::new());
    assert_eq!(names(&challenge_of.verify(&answer.signature, &answer.extra).unwrap()), ["scram_server_signature"]);

    let pbkdf2 = ScramCredential::derive(PASSWORD, Kdf::pbkdf2(4096).unwrap(), salt()).unwrap();
    for dialect in ScramDialect::ALL {
        let challenge = challenge(&client_of(dialect), &pbkdf2, &[]);
        // Autobahn does not bear an entry `memory` of null.
        assert_eq!(names(challenge.extra()), ["nonce", "salt", "iterations", "kdf"]);
        assert!(client_of(dialect).answer(challenge.extra()).is_ok());
    }
}

#[test]
fn wrong_passwords_and_other_connections_are_refused() {
    let check = |dialect, password: &str, own: Option<u8>, seen: u8| {
        let client = client(dialect, password, own.map(exporter));
        let challenge = challenge(&client, &CREDENTIAL, &[exporter(seen)]);
        let (answer, _) = client.answer(challenge.extra()).unwrap();
        challenge.verify(&answer.signature, &answer.extra)
    };
    assert!(check(Specification, PASSWORD, Some(3), 3).is_ok());
    for denied in [
        check(Specification, "Pencil", None, 3),
        check(Autobahn, "Pencil", None, 3),
        check(Specification, PASSWORD, Some(3), 4),
    ] {
        assert_eq!(denied, Err(AuthenticationError::Denied));
    }
}

#[test]
fn servers_check_what_clients_repeat() {
    let check = |entries: &[(&str, Value)], expected: &str| {
        let client = client(Specification, PASSWORD, Some(exporter(3)));
        let challenge = challenge(&client, &CREDENTIAL, &[exporter(3)]);
        let (mut answer, _) = client.answer(challenge.extra()).unwrap();
        for (name, value) in entries {
            answer.extra.insert(*name, value.clone());
        }
        let result = challenge.verify(&answer.signature, &answer.extra);
        assert_eq!(result.map_or_else(|error| error.to_string(), |_| String::new()), expected, "{entries:?}");
    };
    const DENIED: &str = "the credentials are wrong";
    check(&[], "");
    check(&[("nonce", Value::Null)], DENIED);
    check(&[("nonce", "AQEBAQEBAQEBAQEBAQEBAQ==".into())], DENIED);
    check(&[("nonce", 1.into())], "`nonce`: expected a string");
    check(&[("channel_binding", Value::Null)], DENIED);
    check(&[("channel_binding", "tls-unique".into())], DENIED);
    check(&[("channel_binding", 1.into())], "`channel_binding`: expected a string");
    check(&[("cbind_data", Value::Null)], DENIED);
    check(&[("cbind_data", text::base64(&[4; 32]).into())], DENIED);
    check(&[("cbind_data", "?".into())], DENIED);
    check(&[("cbind_data", vec![3_u8; 32].into())], "`cbind_data`: expected a string");
}

#[test]
fn servers_refuse_odd_hellos() {
    let check = |dialect, authid: &str, entries: &[(&str, Value)], credential: &ScramCredential, expected: &str| {
        let mut authextra = client(dialect, PASSWORD, None).authextra();
        for (name, value) in entries {
            authextra.insert(*name, value.clone());
        }
        let error = ScramChallenge::new(dialect, authid, &authextra, credential, [2; 16], &[exporter(3)]);
        assert_eq!(error.unwrap_err().to_string(), expected, "{entries:?}");
    };
    let keyless = ScramCredential::new(Kdf::default(), salt());
    const NONCE: &str = "`nonce`: expected 1 to 128 octets in base64";
    for dialect in ScramDialect::ALL {
        let check = |entries: &[(&str, Value)], expected| check(dialect, "joe", entries, &CREDENTIAL, expected);
        check(&[("nonce", Value::Null)], "`nonce`: expected a string");
        check(&[("nonce", 1.into())], "`nonce`: expected a string");
        for odd in ["", "a", "a,r=", "????", &text::base64(&[0; 129])] {
            check(&[("nonce", odd.into())], NONCE);
        }
        check(&[("channel_binding", "x".into())], "`channel_binding`: `x` is not available");
    }
    let binding = [("channel_binding", "tls-exporter".into())];
    check(Autobahn, "joe", &binding, &CREDENTIAL, "`channel_binding`: `tls-exporter` is not available");
    check(Autobahn, "joe", &[], &keyless, "`authmethods`: `scram` is not available");
    check(Specification, "joe", &[], &keyless, "`authmethods`: `wamp-scram` is not available");
    check(Specification, "j\u{7}e", &[], &CREDENTIAL, "`authid`: expected a text that SASLprep allows");
}

#[test]
fn clients_refuse_absurd_challenges() {
    let check = |dialect, entries: &[(&str, Value)], expected: &str| {
        let client = client(dialect, PASSWORD, None);
        let mut extra = challenge(&client, &CREDENTIAL, &[]).extra().clone();
        for (name, value) in entries {
            extra.insert(*name, value.clone());
        }
        assert_eq!(client.answer(&extra).unwrap_err().to_string(), expected, "{entries:?}");
    };
    const NONCE: &str = "`nonce`: expected the client's with more appended";
    for dialect in ScramDialect::ALL {
        let check = |entries: &[(&str, Value)], expected: &str| check(dialect, entries, expected);
        check(&[("nonce", Value::Null)], "`nonce`: expected a string");
        for odd in ["", "AQEBAQEBAQEBAQEBAQEBAQ==", "AgICAgICAgICAgICAgICAg==AgICAgICAgICAgICAgICAg=="] {
            check(&[("nonce", odd.into())], NONCE);
        }
        check(&[("salt", Value::Null)], "`salt`: expected a string");
        check(&[("salt", "?".into())], "`salt`: expected octets in base64");
        check(&[("salt", text::base64(&[0; 7]).into())], "`salt`: 7 is not within 8 to 128");
        check(&[("salt", text::base64(&[0; 129]).into())], "`salt`: 129 is not within 8 to 128");
        check(&[("kdf", Value::Null)], "`kdf`: expected a string");
        check(&[("kdf", "scrypt".into())], "`kdf`: `scrypt` is not available");
        check(&[("iterations", Value::Null)], "`iterations`: expected an integer from 0");
        check(&[("memory", Value::Null)], "`memory`: expected an integer from 0");
        check(&[("memory", 7.into())], "`memory`: 7 is not within 8 to 262144");
        check(&[("memory", 262_145.into())], "`memory`: 262145 is not within 8 to 262144");
        check(&[("iterations", 0.into())], "`iterations`: 0 is not within 1 to 1024");
        check(&[("iterations", 1025.into())], "`iterations`: 1025 is not within 1 to 1024");
        let cheap = [("iterations", 15.into()), ("memory", 512.into())];
        check(&cheap, "`iterations`: 15 is not within 16 to 16384");
        let pbkdf2 = |iterations: u64| [("kdf", Value::from("pbkdf2")), ("iterations", iterations.into())];
        check(&pbkdf2(4095), "`iterations`: 4095 is not within 4096 to 10000000");
        check(&pbkdf2(10_000_001), "`iterations`: 10000001 is not within 4096 to 10000000");
    }
    check(Specification, &[("kdf", "argon2id-13".into())], "`kdf`: `argon2id-13` is not available");
    check(Autobahn, &[("kdf", "argon2id13".into())], "`kdf`: `argon2id13` is not available");
    check(Specification, &[("nonce", "AQEBAQEBAQEBAQEBAQEBAQ==,s=".into())], NONCE);
    let error = ScramClient::new(Autobahn, "joe", PASSWORD, [1; 16], Some(exporter(3))).unwrap_err();
    assert_eq!(error.to_string(), "`channel_binding`: `tls-exporter` is not available");
}

#[test]
fn clients_recognise_impostors() {
    for dialect in ScramDialect::ALL {
        let welcome = |change: fn(&str) -> Value| {
            let client = client(dialect, PASSWORD, None);
            let challenge = challenge(&client, &CREDENTIAL, &[]);
            let (answer, server_proof) = client.answer(challenge.extra()).unwrap();
            let authextra = challenge.verify(&answer.signature, &answer.extra).unwrap();
            let name = dialect.verifier_name();
            let verifier = change(authextra.get(name).unwrap().as_str().unwrap());
            server_proof.verify(&Dict::from([(name, verifier)]))
        };
        assert_eq!(welcome(|verifier| verifier.into()), Ok(()));
        assert_eq!(welcome(|verifier| format!("v={verifier}").into()), Ok(()));
        assert_eq!(welcome(|_| "".into()), Err(AuthenticationError::Denied));
        assert_eq!(welcome(|verifier| verifier[4..].into()), Err(AuthenticationError::Denied));
        assert_eq!(welcome(|_| text::base64(&[0; 32]).into()), Err(AuthenticationError::Denied));
        assert!(matches!(welcome(|_| Value::Null), Err(AuthenticationError::Malformed { .. })));
    }
}

#[test]
fn users_who_do_not_exist_look_like_those_who_do() {
    let decoys = crate::session::auth::Decoys::new([9; 32]);
    let decoy = decoys.scram("j=o,e", CREDENTIAL.kdf(), salt().as_bytes().len()).unwrap();
    for dialect in ScramDialect::ALL {
        let client = client(dialect, PASSWORD, None);
        let (real, made_up) = (challenge(&client, &CREDENTIAL, &[]), challenge(&client, &decoy, &[]));
        let shape = |challenge: &ScramChallenge| {
            let salt = challenge.extra().get("salt").unwrap().as_str().unwrap().len();
            let mut others = challenge.extra().clone();
            others.remove("salt");
            (salt, others)
        };
        assert_eq!(shape(&real), shape(&made_up));
        let (answer, _) = client.answer(made_up.extra()).unwrap();
        assert_eq!(made_up.verify(&answer.signature, &answer.extra), Err(AuthenticationError::Denied));
    }
}

#[test]
fn passwords_that_look_alike_are_alike() {
    // A no-break space, and a ligature.
    let (typed, plain) = ("a\u{a0}ﬁsh", "a fish");
    let [pbkdf2, argon2id] = Kdf::CHEAP;
    for kdf in [pbkdf2, argon2id] {
        let credential = |password| ScramCredential::derive(password, kdf, salt()).unwrap();
        let (typed, plain) = (credential(typed), credential(plain));
        assert_eq!(typed.keys_of(Specification), plain.keys_of(Specification));
        assert_ne!(typed.keys_of(Autobahn), plain.keys_of(Autobahn));
    }
    assert_eq!(credential_error("pen\u{7}cil"), "`password`: expected a text that SASLprep allows");
}

fn credential_error(password: &str) -> String {
    ScramCredential::derive(password, Kdf::CHEAP[0], salt()).unwrap_err().to_string()
}

#[test]
fn secrets_are_not_shown() {
    let client = client(Autobahn, "hunter2", None);
    let challenge = challenge(&client, &CREDENTIAL, &[]);
    let stored = CREDENTIAL.keys_of(Autobahn).unwrap().stored();
    let shown = format!("{client:?} {challenge:?} {:?}", *CREDENTIAL);
    for secret in ["hunter2".to_owned(), format!("{:?}", b"hunter2"), format!("{stored:?}"), text::hex(stored)] {
        assert!(!shown.contains(secret.trim_matches(['[', ']'])), "{shown}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn both_sides_agree(
        authid in "\\PC{1,12}",
        password in "\\PC{0,20}",
        salt: [u8; 16],
        nonces: [[u8; 16]; 2],
        autobahn: bool,
        argon2id: bool,
    ) {
        let dialect = if autobahn { Autobahn } else { Specification };
        let kdf = Kdf::CHEAP[usize::from(argon2id)];
        let salt = Salt::new(salt).unwrap();
        let Ok(client) = ScramClient::new(dialect, &authid, &password, nonces[0], None) else { return Ok(()) };
        let Ok(credential) = ScramCredential::derive(&password, kdf, salt) else { return Ok(()) };
        let challenge = ScramChallenge::new(dialect, client.authid(), &client.authextra(), &credential, nonces[1], &[]).unwrap();
        // A client would not accept so cheap a derivation from a challenge.
        let entry = |name| challenge.extra().get(name).unwrap().as_str().unwrap();
        let (answer, server_proof) = client.answer_with(entry("nonce"), entry("salt"), kdf).unwrap();
        let authextra = challenge.verify(&answer.signature, &answer.extra).unwrap();
        prop_assert_eq!(server_proof.verify(&authextra), Ok(()));
    }

    #[test]
    fn flipped_bits_and_arbitrary_text_are_refused(bit in 0_usize..256, arbitrary: String, autobahn: bool) {
        static ANSWERS: LazyLock<[Answer; 2]> = LazyLock::new(|| {
            ScramDialect::ALL.map(|dialect| {
                let client = client(dialect, PASSWORD, None);
                let challenge = challenge(&client, &CREDENTIAL, &[]);
                client.answer(challenge.extra()).unwrap().0
            })
        });
        let dialect = ScramDialect::ALL[usize::from(autobahn)];
        let answer = &ANSWERS[usize::from(autobahn)];
        let challenge = || challenge(&client(dialect, PASSWORD, None), &CREDENTIAL, &[]);
        prop_assert!(challenge().verify(&answer.signature, &answer.extra).is_ok());
        let mut octets = text::from_base64(&answer.signature).unwrap();
        octets[bit / 8] ^= 1 << (bit % 8);
        for odd in [text::base64(&octets), text::base64(&octets[..bit / 8]), arbitrary.clone()] {
            prop_assert_eq!(challenge().verify(&odd, &answer.extra), Err(AuthenticationError::Denied));
        }
        let hello = Dict::from([("nonce", arbitrary.as_str()), ("channel_binding", &arbitrary)]);
        prop_assert!(ScramChallenge::new(dialect, &arbitrary, &hello, &CREDENTIAL, [2; 16], &[]).is_err());
        let mut extra = challenge().extra().clone();
        for name in ["nonce", "salt", "kdf"] {
            let valid = extra.insert(name, arbitrary.as_str()).unwrap();
            prop_assert!(client(dialect, PASSWORD, None).answer(&extra).is_err());
            extra.insert(name, valid);
        }
    }
}
