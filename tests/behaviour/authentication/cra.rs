//! WAMP-CRA.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use serverwamp::{App, Authenticated, CraCredential, RpcError, Session};
use serverwamp_tests::login::{authenticate, cra, hello, login};
use serverwamp_tests::{Peer, Serializer};

use super::{DENIED, check_refused, check_welcomed};

async fn secret_of(session: Session) -> Result<Option<CraCredential>, RpcError> {
    match session.claims().authid() {
        Some("joe") => Ok(Some(CraCredential::password("pencil").role("admin").provider("db"))),
        Some("salted") => Ok(Some(CraCredential::derive("pencil", "0123456789abcdef", 100)?)),
        Some("broken") => Ok(Some(CraCredential::salted("key", "", 1, 32)?)),
        Some("panic") => panic!("secret"),
        _ => Ok(None),
    }
}

async fn identity_of(session: Session) -> Result<Option<Authenticated>, RpcError> {
    assert_eq!((session.authid(), session.authmethod()), ("", ""), "not settled before it is known");
    match session.claims().authid() {
        Some("joe") => Ok(Some(Authenticated::new(()).role("admin"))),
        _ => Ok(Some(Authenticated::new(()).authid("other").provider("table"))),
    }
}

fn app() -> App {
    App::new().topics("news.").cra_authenticator(secret_of, identity_of)
}

fn details(authid: &str) -> Value {
    json!({"authmethods": ["wampcra"], "authid": authid})
}

fn with(password: &'static str) -> impl Fn(&str, &Value) -> Value {
    move |method, challenge| {
        assert_eq!(method, "wampcra");
        cra(password, challenge)
    }
}

#[tokio::test]
async fn the_signature_decides() {
    let app = app();
    check_welcomed(&app, details("joe"), with("pencil"), ["joe", "admin", "wampcra", "dynamic"]).await;
    check_welcomed(&app, details("salted"), with("pencil"), ["other", "authenticated", "wampcra", "table"]).await;
    for authid in ["joe", "salted", "nobody"] {
        check_refused(&app, details(authid), with("pen"), DENIED.0, DENIED.1).await;
    }
    for signature in ["", "é", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="] {
        check_refused(&app, details("joe"), |_, _| authenticate(signature), DENIED.0, DENIED.1).await;
    }
    let failed = "wamp.error.authentication_failed";
    check_refused(&app, details("broken"), super::unasked, failed, "").await;
    check_refused(&app, details("panic"), super::unasked, failed, "").await;
    let violation = "wamp.error.protocol_violation";
    let nobody = json!({"authmethods": ["wampcra"]});
    check_refused(&app, nobody, super::unasked, violation, "`authid`: expected a string").await;
}

#[tokio::test]
async fn the_challenge_names_the_session_and_is_never_the_same() {
    let app = app();
    let mut nonces = Vec::new();
    for serializer in Serializer::ALL {
        let seen = std::cell::RefCell::new(Value::Null);
        let (welcome, _) = login(&app, serializer, &details("joe"), |_, challenge| {
            let text = challenge["challenge"].as_str().unwrap();
            *seen.borrow_mut() = serde_json::from_str(text).unwrap();
            cra("pencil", challenge)
        })
        .await;
        let seen = seen.into_inner();
        assert_eq!(seen["session"], welcome[1]);
        assert_eq!((&seen["authid"], &seen["authrole"]), (&json!("joe"), &json!("admin")));
        assert_eq!((&seen["authmethod"], &seen["authprovider"]), (&json!("wampcra"), &json!("db")));
        assert!(!nonces.contains(&seen["nonce"]));
        nonces.push(seen["nonce"].clone());
    }
}

/// A signature that was right once is so for its challenge alone.
#[tokio::test]
async fn a_replayed_answer_is_refused() {
    let app = app();
    let seen = std::cell::RefCell::new(Value::Null);
    let (welcome, _) = login(&app, Serializer::ALL[0], &details("joe"), |_, challenge| {
        *seen.borrow_mut() = cra("pencil", challenge);
        seen.borrow().clone()
    })
    .await;
    assert_eq!(welcome[0], 2);
    let answer = seen.into_inner();
    check_refused(&app, details("joe"), |_, _| answer.clone(), DENIED.0, DENIED.1).await;
    // And not twice on one connection.
    let mut peer = Peer::connect(&app, Serializer::ALL[0]);
    peer.send(hello("realm1", &details("joe"))).await;
    let challenge = peer.receive().await.unwrap();
    let answer = cra("pencil", &challenge[2]);
    peer.send_all(&[answer.clone(), answer]).await;
    assert_eq!(peer.receive().await.unwrap()[0], 2);
    assert_eq!(peer.receive().await.unwrap()[2], "wamp.error.protocol_violation");
}

#[tokio::test]
async fn the_identity_is_looked_up_after_success_only() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let app = App::new().topics("news.").cra_authenticator(secret_of, move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        async { None }
    });
    check_refused(&app, details("joe"), with("wrong"), DENIED.0, DENIED.1).await;
    check_refused(&app, details("nobody"), with("pencil"), DENIED.0, DENIED.1).await;
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    check_refused(&app, details("joe"), with("pencil"), DENIED.0, DENIED.1).await;
    assert_eq!(asked.load(Ordering::SeqCst), Serializer::ALL.len());
}

/// What a client is challenged with.
async fn challenge_of(app: &App, realm: &str, authid: &str) -> Value {
    let mut peer = Peer::connect(app, Serializer::ALL[0]);
    peer.send(hello(realm, &details(authid))).await;
    peer.receive().await.unwrap()[2].clone()
}

#[tokio::test]
async fn a_user_who_does_not_exist_looks_like_one_who_does() {
    let app = app();
    let real = challenge_of(&app, "realm1", "salted").await;
    let decoy = challenge_of(&app, "realm1", "nobody").await;
    let keys = |challenge: &Value| challenge.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&real), keys(&decoy));
    assert_eq!((&real["iterations"], &real["keylen"]), (&decoy["iterations"], &decoy["keylen"]));
    let salt = |challenge: &Value| challenge["salt"].as_str().unwrap().to_owned();
    assert_eq!((salt(&real).len(), salt(&real).contains(char::is_uppercase)), (salt(&decoy).len(), false));
    assert!(salt(&decoy).bytes().all(|digit| digit.is_ascii_hexdigit() && !digit.is_ascii_uppercase()));
    let text = |challenge: &Value| -> Value { serde_json::from_str(challenge["challenge"].as_str().unwrap()).unwrap() };
    assert_eq!(keys(&text(&real)), keys(&text(&decoy)));
    assert_eq!((&text(&real)["authrole"], &text(&decoy)["authid"]), (&Value::Null, &json!("nobody")));
    // The salt is a user's own, and stays.
    assert_eq!(salt(&challenge_of(&app, "realm1", "nobody").await), salt(&decoy));
    assert_ne!(salt(&challenge_of(&app, "realm1", "nobody else").await), salt(&decoy));
    assert_ne!(salt(&challenge_of(&app, "realm2", "nobody").await), salt(&decoy));
    // A server with the same secret makes up the same, one with another does not.
    let salts = async |secret| {
        let app = self::app().decoy_secret([secret; 32]);
        challenge_of(&app, "realm1", "salted").await;
        salt(&challenge_of(&app, "realm1", "nobody").await)
    };
    assert_eq!(salts(1).await, salts(1).await);
    assert_ne!(salts(1).await, salts(2).await);
}
