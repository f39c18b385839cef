//! SCRAM, in both dialects.

use std::sync::LazyLock;

use serde_json::{Value, json};
use serverwamp::{App, Authenticated, Kdf, Salt, ScramCredential, ScramDialect, Session};
use serverwamp_tests::login::{Scram, authenticate, hello, login};
use serverwamp_tests::{Peer, Serializer};

use super::{DENIED, check_refused, check_welcomed, unasked};

static STORED: LazyLock<String> = LazyLock::new(|| {
    let kdf = Kdf::pbkdf2(4096).unwrap();
    let credential = ScramCredential::derive("pencil", kdf, Salt::random()).unwrap();
    credential.to_stored().as_str().unwrap().to_owned()
});

async fn credential_of(session: Session) -> Option<ScramCredential> {
    let whole = ScramCredential::from_stored(&STORED).unwrap();
    match session.claims().authid() {
        Some("joe") => Some(whole),
        Some("old") => {
            let keys = whole.keys_of(ScramDialect::Autobahn).unwrap().clone();
            Some(ScramCredential::new(whole.kdf(), whole.salt().clone()).keys(ScramDialect::Autobahn, keys))
        }
        _ => None,
    }
}

fn app() -> App {
    App::new().topics("news.").scram_authenticator(credential_of, async |session: Session| {
        assert_eq!(session.authid(), "");
        Some(Authenticated::new(()).role("user"))
    })
}

fn client(method: &'static str, authid: &'static str, password: &'static str) -> Scram {
    Scram { method, authid, password }
}

const METHODS: [(&str, &str); 2] = [("wamp-scram", "verifier"), ("scram", "scram_server_signature")];

#[tokio::test]
async fn both_sides_prove_that_they_know_the_password() {
    let app = app();
    for (method, proof) in METHODS {
        let joe = client(method, "joe", "pencil");
        for serializer in Serializer::ALL {
            let verifier = std::cell::RefCell::new(String::new());
            let (welcome, _) = login(&app, serializer, &joe.details(), |asked, challenge| {
                assert_eq!(asked, method);
                let (answer, expected) = joe.answer(challenge);
                *verifier.borrow_mut() = expected;
                answer
            })
            .await;
            assert_eq!(welcome[2]["authextra"], json!({ proof: verifier.into_inner() }), "{serializer}: {welcome}");
        }
        check_welcomed(&app, joe.details(), |_, it| joe.answer(it).0, ["joe", "user", method, "dynamic"]).await;
        for wrong in [client(method, "joe", "pen"), client(method, "nobody", "pencil")] {
            check_refused(&app, wrong.details(), |_, it| wrong.answer(it).0, DENIED.0, DENIED.1).await;
        }
    }
    let old = client("scram", "old", "pencil");
    check_welcomed(&app, old.details(), |_, it| old.answer(it).0, ["old", "user", "scram", "dynamic"]).await;
    let old = client("wamp-scram", "old", "pencil");
    check_refused(&app, old.details(), |_, it| old.answer(it).0, DENIED.0, DENIED.1).await;
}

#[tokio::test]
async fn odd_hellos() {
    let violation = "wamp.error.protocol_violation";
    let nonce = Scram::NONCE;
    for (authextra, reason, message) in [
        (json!({}), violation, "`nonce`: expected a string"),
        (json!({"nonce": 1}), violation, "`nonce`: expected a string"),
        (json!({"nonce": ""}), violation, "`nonce`: expected 1 to 128 octets in base64"),
        (json!({"nonce": "?"}), violation, "`nonce`: expected 1 to 128 octets in base64"),
        (json!({"nonce": "A".repeat(1000)}), violation, "`nonce`: expected 1 to 128 octets in base64"),
        (json!({"nonce": nonce, "channel_binding": 1}), violation, "`channel_binding`: expected a string"),
        (
            json!({"nonce": nonce, "channel_binding": "tls-exporter"}),
            "wamp.error.authentication_failed",
            "`channel_binding`: `tls-exporter` is not available",
        ),
    ] {
        for authid in ["joe", "nobody"] {
            let details = json!({"authmethods": ["wamp-scram"], "authid": authid, "authextra": authextra});
            check_refused(&app(), details, unasked, reason, message).await;
        }
    }
}

#[tokio::test]
async fn odd_answers() {
    let app = app();
    let joe = client("wamp-scram", "joe", "pencil");
    for signature in ["", "?", "AAAA", "é"] {
        let answer = |_: &str, it: &Value| json!([5, signature, joe.answer(it).0[2]]);
        check_refused(&app, joe.details(), answer, DENIED.0, DENIED.1).await;
    }
    let replace = |name: &'static str, value: Value| {
        move |_: &str, challenge: &Value| {
            let mut answer = client("wamp-scram", "joe", "pencil").answer(challenge).0;
            answer[2][name] = value.clone();
            answer
        }
    };
    check_refused(&app, joe.details(), replace("nonce", json!("other")), DENIED.0, DENIED.1).await;
    check_refused(&app, joe.details(), replace("channel_binding", json!("tls-unique")), DENIED.0, DENIED.1).await;
    check_refused(&app, joe.details(), replace("cbind_data", json!("AAAA")), DENIED.0, DENIED.1).await;
    check_refused(&app, joe.details(), |_, _| authenticate("AAAA"), DENIED.0, DENIED.1).await;
    let violation = "wamp.error.protocol_violation";
    check_refused(&app, joe.details(), replace("nonce", json!(1)), violation, "`nonce`: expected a string").await;
}

#[tokio::test]
async fn a_user_who_does_not_exist_looks_like_one_who_does() {
    let app = app();
    let challenge_of = async |authid: &str| {
        let mut peer = Peer::connect(&app, Serializer::ALL[0]);
        let details = json!({"authmethods": ["wamp-scram"], "authid": authid, "authextra": {"nonce": Scram::NONCE}});
        peer.send(hello("realm1", &details)).await;
        peer.receive().await.unwrap()[2].clone()
    };
    let fresh = challenge_of("nobody").await;
    assert_eq!((&fresh["kdf"], &fresh["memory"]), (&json!("argon2id13"), &json!(19456)), "before anybody was seen");
    let (real, decoy) = (challenge_of("joe").await, challenge_of("nobody").await);
    for name in ["kdf", "iterations", "memory"] {
        assert_eq!(real[name], decoy[name], "{name}");
    }
    let length = |challenge: &Value, name: &str| challenge[name].as_str().unwrap().len();
    assert_eq!((length(&real, "salt"), length(&real, "nonce")), (length(&decoy, "salt"), length(&decoy, "nonce")));
    assert_eq!(challenge_of("nobody").await["salt"], decoy["salt"]);
    assert_ne!(challenge_of("somebody").await["salt"], decoy["salt"]);
    assert_ne!(challenge_of("nobody").await["nonce"], decoy["nonce"]);
}

/// Who has keys for one dialect only is not told by asking for the other.
#[tokio::test]
async fn a_user_has_one_salt_in_both_dialects() {
    let app = app();
    for authid in ["joe", "old", "nobody"] {
        let mut salts = Vec::new();
        for (method, _) in METHODS {
            let mut peer = Peer::connect(&app, Serializer::ALL[0]);
            peer.send(hello("realm1", &client(method, authid, "").details())).await;
            let challenge = peer.receive().await.unwrap();
            salts.push((challenge[2]["salt"].clone(), challenge[2]["iterations"].clone()));
        }
        assert_eq!(salts[0], salts[1], "{authid}");
    }
}
