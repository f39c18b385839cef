//! Cryptosign.

use serde_json::{Value, json};
use serverwamp::{App, Authenticated, PublicKey, Session};
use serverwamp_tests::login::{Cryptosign, authenticate};

use super::{DENIED, check_refused, check_welcomed, unasked};

/// Joe has the key of sevens, and may log in as nobody else.
async fn user_of(session: Session, key: PublicKey) -> Option<Authenticated> {
    let may = matches!(session.claims().authid(), None | Some("joe")) && key.to_hex() == Cryptosign::new(7).key();
    may.then(|| Authenticated::new(()).role("user"))
}

fn app() -> App {
    App::new().topics("news.").cryptosign_authenticator(user_of)
}

fn claiming(client: &Cryptosign, authid: &str) -> Value {
    let mut details = client.details();
    details["authid"] = json!(authid);
    details
}

#[tokio::test]
async fn the_key_decides() {
    let app = app();
    let joe = Cryptosign::new(7);
    let key = joe.key();
    let sign = |client: &Cryptosign, method: &str, challenge: &Value| {
        assert_eq!((method, &challenge["channel_binding"]), ("cryptosign", &Value::Null));
        authenticate(client.signature(challenge))
    };
    let signed = |method: &str, it: &Value| sign(&joe, method, it);
    check_welcomed(&app, joe.details(), signed, [&key, "user", "cryptosign", "dynamic"]).await;
    check_welcomed(&app, claiming(&joe, "joe"), signed, ["joe", "user", "cryptosign", "dynamic"]).await;
    check_refused(&app, claiming(&joe, "jim"), signed, DENIED.0, DENIED.1).await;
    let jim = Cryptosign::new(8);
    check_refused(&app, jim.details(), |method, it| sign(&jim, method, it), DENIED.0, DENIED.1).await;
    check_refused(&app, joe.details(), |method, it| sign(&jim, method, it), DENIED.0, DENIED.1).await;
}

#[tokio::test]
async fn odd_answers() {
    let joe = Cryptosign::new(7);
    for length in [0, 1, 2, 64, 127, 128, 130, 190, 191] {
        let truncated = |_: &str, it: &Value| authenticate(&joe.signature(it)[..length]);
        check_refused(&app(), joe.details(), truncated, DENIED.0, DENIED.1).await;
    }
    let longer = |_: &str, it: &Value| authenticate(joe.signature(it) + "00");
    check_refused(&app(), joe.details(), longer, DENIED.0, DENIED.1).await;
    for odd in ["é".repeat(96), "z".repeat(192), "0".repeat(192)] {
        check_refused(&app(), joe.details(), |_, _| authenticate(odd.as_str()), DENIED.0, DENIED.1).await;
    }
    // A right signature of something else that the client has chosen.
    let other = |_: &str, it: &Value| {
        let own = json!({"challenge": "00".repeat(32)});
        let signed = joe.signature(&own);
        authenticate(signed[..128].to_owned() + it["challenge"].as_str().unwrap())
    };
    check_refused(&app(), joe.details(), other, DENIED.0, DENIED.1).await;
    let whole = |_: &str, _: &Value| authenticate(joe.signature(&json!({"challenge": "00".repeat(32)})));
    check_refused(&app(), joe.details(), whole, DENIED.0, DENIED.1).await;
}

#[tokio::test]
async fn odd_hellos() {
    let violation = "wamp.error.protocol_violation";
    const KEY: &str = "`pubkey`: expected an Ed25519 key of 64 hexadecimal digits";
    let key = Cryptosign::new(7).key();
    for (authextra, reason, message) in [
        (json!({}), violation, "`pubkey`: expected a string"),
        (json!({"pubkey": 1}), violation, "`pubkey`: expected a string"),
        (json!({"pubkey": ""}), violation, KEY),
        (json!({"pubkey": "00".repeat(33)}), violation, KEY),
        (json!({"pubkey": "é".repeat(32)}), violation, KEY),
        (json!({"pubkey": format!("01{}", "00".repeat(31))}), violation, KEY),
        (
            json!({"pubkey": key, "channel_binding": "tls-unique"}),
            "wamp.error.authentication_failed",
            "`channel_binding`: `tls-unique` is not available",
        ),
    ] {
        let details = json!({"authmethods": ["cryptosign"], "authextra": authextra});
        check_refused(&app(), details, unasked, reason, message).await;
    }
}
