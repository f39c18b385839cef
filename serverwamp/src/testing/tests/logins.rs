//! Logins of the test client against a router that does as its script says.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use super::*;
use crate::session::{
    CraChallenge, CraCredential, CryptosignChallenge, Kdf, Salt, ScramChallenge, ScramCredential, ScramDialect,
};
use crate::wire::SessionId;
use crate::{Answer, Challenge, Credentials, SigningKey};

/// Joins with these credentials, while the script plays the router.
async fn login<S: Future>(
    credentials: &Credentials,
    script: impl FnOnce(Router) -> S,
) -> (Result<TestClient, CallError>, S::Output) {
    let (ours, theirs) = Memory::pair(usize::MAX, usize::MAX);
    let joining = over(theirs, credentials);
    tokio::join!(joining, script(Router(ours)))
}

/// Takes HELLO, sends a challenge and returns the answer's signature and extra.
async fn challenge(router: &mut Router, method: &str, extra: Value) -> (String, Value) {
    router.send(json!([4, method, extra])).await;
    let answer = router.receive().await;
    assert_eq!(answer[0], 5, "{answer}");
    (answer[1].as_str().unwrap().to_owned(), answer[2].clone())
}

async fn hello(router: &mut Router, authmethods: Value, authid: Value) -> Dict {
    let hello = router.receive().await;
    assert_eq!((&hello[2]["authmethods"], &hello[2]["authid"]), (&authmethods, &authid));
    serde_json::from_value(hello[2]["authextra"].clone()).unwrap_or_default()
}

async fn welcome(router: &mut Router, authextra: &Dict) {
    let details = json!({"roles": {}, "authid": "joe", "authrole": "user", "authmethod": "x", "authprovider": "db",
        "authextra": json(authextra)});
    router.send(json!([2, 7, details])).await;
}

fn json(dict: &Dict) -> Value {
    serde_json::from_str(&dict.to_string()).unwrap()
}

fn is_joe(client: &TestClient) {
    let known = (client.authid(), client.authrole(), client.authmethod(), client.authprovider());
    assert_eq!(known, ("joe", "user", "x", "db"));
}

#[tokio::test(start_paused = true)]
async fn anonymous_and_known_by_the_transport() {
    for (credentials, authmethods) in
        [(Credentials::default(), Value::Null), (Credentials::anonymous(), json!(["anonymous"]))]
    {
        let (client, ()) = login(&credentials, async |mut router: Router| {
            hello(&mut router, authmethods, Value::Null).await;
            welcome(&mut router, &Dict::from([("motto", "hi")])).await;
        })
        .await;
        let client = client.unwrap();
        is_joe(&client);
        assert_eq!(client.authextra(), Dict::from([("motto", "hi")]));
    }
}

#[tokio::test(start_paused = true)]
async fn tickets() {
    let (client, ()) = login(&Credentials::ticket("joe", "sesame"), async |mut router: Router| {
        hello(&mut router, json!(["ticket"]), json!("joe")).await;
        assert_eq!(challenge(&mut router, "ticket", json!({})).await, ("sesame".to_owned(), json!({})));
        welcome(&mut router, &Dict::new()).await;
    })
    .await;
    is_joe(&client.unwrap());
}

#[tokio::test(start_paused = true)]
async fn cra_plain_and_salted() {
    let salted = CraCredential::derive("secret", "salt", 100).unwrap();
    for secret in [CraCredential::password("secret"), salted] {
        let (client, ()) = login(&Credentials::cra("joe", "secret"), async |mut router: Router| {
            hello(&mut router, json!(["wampcra"]), json!("joe")).await;
            let session = SessionId::new(7).unwrap();
            let expected = CraChallenge::new(&secret, "joe", session, [1; 16], SystemTime::UNIX_EPOCH);
            let (signature, extra) = challenge(&mut router, "wampcra", json(&expected.extra())).await;
            assert_eq!((expected.verify(&signature), extra), (Ok(()), json!({})));
            welcome(&mut router, &Dict::new()).await;
        })
        .await;
        is_joe(&client.unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn scram_in_both_dialects() {
    let offered = json!(["wamp-scram", "scram"]);
    // SASLprep takes the soft hyphen away, and the ligature apart.
    let credentials = Credentials::scram("j\u{ad}oe", "pas\u{ad}sword");
    for dialect in ScramDialect::ALL {
        for kdf in [Kdf::pbkdf2(4096).unwrap(), Kdf::default()] {
            let password = if dialect == ScramDialect::Autobahn { "pas\u{ad}sword" } else { "password" };
            let known = ScramCredential::derive(password, kdf, Salt::new([1; 16]).unwrap()).unwrap();
            let mut nonces = Vec::new();
            for proves in [true, false] {
                let (client, nonce) = login(&credentials, async |mut router: Router| {
                    let authextra = hello(&mut router, offered.clone(), json!("joe")).await;
                    let expected = ScramChallenge::new(dialect, "joe", &authextra, &known, [2; 16], &[]).unwrap();
                    let name = if dialect == ScramDialect::Autobahn { "scram" } else { "wamp-scram" };
                    let (signature, extra) = challenge(&mut router, name, json(expected.extra())).await;
                    let extra = serde_json::from_value(extra).unwrap();
                    let proof = expected.verify(&signature, &extra).unwrap();
                    welcome(&mut router, if proves { &proof } else { &authextra }).await;
                    if !proves {
                        assert_eq!(router.receive().await[0], 3, "ABORT");
                    }
                    authextra.get("nonce").cloned()
                })
                .await;
                match client {
                    Ok(client) if proves => is_joe(&client),
                    Err(error) if !proves => assert_eq!(error.uri(), Some("wamp.error.cannot_authenticate")),
                    other => panic!("{other:?}"),
                }
                assert!(!nonces.contains(&nonce), "a nonce is for one login");
                nonces.push(nonce);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn cryptosign() {
    let key = SigningKey::from_bytes(&[7; 32]);
    let credentials = Credentials::cryptosign(key.clone());
    for (credentials, authid) in
        [(credentials.clone(), Value::Null), (credentials.authid("joe").authextra("device", 7), json!("joe"))]
    {
        let (client, ()) = login(&credentials, async |mut router: Router| {
            let authextra = hello(&mut router, json!(["cryptosign"]), authid.clone()).await;
            assert_eq!(authextra.contains_key("device"), !authid.is_null());
            let expected = CryptosignChallenge::new(&authextra, [3; 32], &[], None).unwrap();
            let (signature, extra) = challenge(&mut router, "cryptosign", json(expected.extra())).await;
            assert_eq!((expected.verify(&signature), extra), (Ok(key.public_key()), json!({})));
            welcome(&mut router, &Dict::new()).await;
        })
        .await;
        is_joe(&client.unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn a_router_proves_that_it_has_its_key() {
    let (router_key, impostor) = (SigningKey::from_bytes(&[8; 32]), SigningKey::from_bytes(&[9; 32]));
    let credentials = Credentials::cryptosign(SigningKey::from_bytes(&[7; 32])).router_key(router_key.public_key());
    for key in [Some(&router_key), Some(&impostor), None] {
        let (client, answered) = login(&credentials, async |mut router: Router| {
            let authextra = hello(&mut router, json!(["cryptosign"]), Value::Null).await;
            let expected = CryptosignChallenge::new(&authextra, [3; 32], &[], key).unwrap();
            router.send(json!([4, "cryptosign", json(expected.extra())])).await;
            let answer = router.receive().await;
            if answer[0] == 5 {
                welcome(&mut router, &Dict::new()).await;
            }
            answer
        })
        .await;
        if key.is_some_and(|key| key.public_key() == router_key.public_key()) {
            assert_eq!(answered[0], 5);
            is_joe(&client.unwrap());
        } else {
            let message = "expected CHALLENGE of `cryptosign` with proof of the router's key, not without";
            assert_eq!(answered, json!([3, {"message": message}, "wamp.error.cannot_authenticate"]));
            assert_eq!(client.unwrap_err().uri(), Some("wamp.error.cannot_authenticate"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn two_factors_of_the_users_choice() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let code = move |challenge: Challenge| {
        let count = counted.fetch_add(1, Ordering::Relaxed);
        async move {
            assert_eq!((challenge.method, challenge.extra), ("totp".to_owned(), Dict::from([("digits", 6)])));
            let extra = Dict::from([("count", count as u64)]);
            Ok::<_, RpcError>(Answer { signature: "123456".to_owned(), extra })
        }
    };
    let ticket = Credentials::ticket("joe", "sesame");
    let credentials = Credentials::custom("totp", code).and(ticket.clone()).and(ticket);
    let (client, ()) = login(&credentials, async |mut router: Router| {
        hello(&mut router, json!(["totp", "ticket"]), json!("joe")).await;
        for expected in [0, 1] {
            let answer = challenge(&mut router, "totp", json!({"digits": 6})).await;
            assert_eq!(answer, ("123456".to_owned(), json!({"count": expected})));
        }
        assert_eq!(challenge(&mut router, "ticket", json!({})).await.0, "sesame");
        welcome(&mut router, &Dict::new()).await;
    })
    .await;
    is_joe(&client.unwrap());
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

/// What the router is told of a challenge without an answer.
#[tokio::test(start_paused = true)]
async fn challenges_without_an_answer() {
    let fails = async |_| Err::<Answer, _>(std::io::Error::other("the phone is off"));
    let unsendable = async |_| {
        let extra = Dict::from([("x", f64::NAN)]);
        Ok::<_, RpcError>(Answer { extra, ..Answer::default() })
    };
    let scram = || Credentials::scram("joe", "secret");
    for (credentials, method, extra, expected) in [
        (Credentials::anonymous(), "anonymous", json!({}), "expected no CHALLENGE of `anonymous`, not one"),
        (
            Credentials::ticket("joe", "sesame"),
            "wampcra",
            json!({"challenge": "{}"}),
            "expected CHALLENGE of `ticket`, not of `wampcra`",
        ),
        (
            Credentials::cra("joe", "secret"),
            "wampcra",
            json!({"salt": "x"}),
            "CHALLENGE of `wampcra`: `challenge`: expected a string, and there is none",
        ),
        (
            Credentials::cra("joe", "secret"),
            "wampcra",
            json!({"challenge": [1]}),
            "CHALLENGE of `wampcra`: `challenge`: expected a string, not [1]",
        ),
        (
            Credentials::cra("joe", "secret"),
            "wampcra",
            json!({"challenge": "{}", "salt": "x", "iterations": 100_000_000}),
            "CHALLENGE of `wampcra`: `iterations`: 100000000 is not within 1 to 10000000",
        ),
        (
            scram(),
            "scram",
            json!({"nonce": "AAAA", "salt": "c2FsdHNhbHQ=", "kdf": "pbkdf2", "iterations": 4096}),
            "CHALLENGE of `scram`: `nonce`: expected the client's with more appended, not \"AAAA\"",
        ),
        (
            Credentials::cryptosign(SigningKey::from_bytes(&[7; 32])),
            "cryptosign",
            json!({"challenge": "00"}),
            "CHALLENGE of `cryptosign`: `challenge`: expected 64 hexadecimal digits, not \"00\"",
        ),
        (Credentials::custom("totp", fails), "totp", json!({}), "no answer to CHALLENGE of `totp`"),
        (Credentials::custom("totp", unsendable), "totp", json!({}), "the answer to CHALLENGE cannot be sent"),
    ] {
        let (client, ()) = login(&credentials, async |mut router: Router| {
            router.receive().await;
            router.send(json!([4, method, extra])).await;
            let abort = json!([3, {"message": expected}, "wamp.error.cannot_authenticate"]);
            assert_eq!(router.receive().await, abort);
        })
        .await;
        match client.unwrap_err() {
            CallError::Ended { reason, message: Some(message) } => {
                assert_eq!(reason, "wamp.error.cannot_authenticate");
                assert!(message.starts_with(expected), "{message}");
                assert_eq!(message.ends_with("the phone is off"), expected == "no answer to CHALLENGE of `totp`");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn secrets_are_given_out_once() {
    let (client, ()) = login(&Credentials::ticket("joe", "sesame"), async |mut router: Router| {
        router.receive().await;
        challenge(&mut router, "ticket", json!({})).await;
        router.send(json!([4, "ticket", {}])).await;
        let message = "expected CHALLENGE of `ticket` once, not again";
        assert_eq!(router.receive().await, json!([3, {"message": message}, "wamp.error.cannot_authenticate"]));
    })
    .await;
    assert_eq!(client.unwrap_err().uri(), Some("wamp.error.cannot_authenticate"));
}

#[tokio::test(start_paused = true)]
async fn a_nonce_is_used_in_one_dialect() {
    let known = ScramCredential::derive("secret", Kdf::pbkdf2(4096).unwrap(), Salt::new([1; 16]).unwrap()).unwrap();
    let (client, ()) = login(&Credentials::scram("joe", "secret"), async |mut router: Router| {
        let authextra = hello(&mut router, json!(["wamp-scram", "scram"]), json!("joe")).await;
        let challenge_in =
            |dialect| ScramChallenge::new(dialect, "joe", &authextra, &known, [2; 16], &[]).unwrap().extra().clone();
        challenge(&mut router, "scram", json(&challenge_in(ScramDialect::Autobahn))).await;
        router.send(json!([4, "wamp-scram", json(&challenge_in(ScramDialect::Specification))])).await;
        let message = "expected CHALLENGE of `wamp-scram` once, not again";
        assert_eq!(router.receive().await, json!([3, {"message": message}, "wamp.error.cannot_authenticate"]));
    })
    .await;
    assert_eq!(client.unwrap_err().uri(), Some("wamp.error.cannot_authenticate"));
}

#[tokio::test(start_paused = true)]
async fn a_router_that_does_not_wait_is_heard() {
    let never = Credentials::custom("totp", async |_| std::future::pending::<Result<Answer, RpcError>>().await);
    let (client, ()) = login(&never, async |mut router: Router| {
        router.receive().await;
        router.send(json!([4, "totp", {}])).await;
        router.send(json!([3, {"message": "too slow"}, "wamp.error.authentication_failed"])).await;
    })
    .await;
    let reason = "wamp.error.authentication_failed".to_owned();
    assert_eq!(client.unwrap_err(), CallError::Ended { reason, message: Some("too slow".to_owned()) });
}

#[tokio::test(start_paused = true)]
async fn credentials_that_cannot_be_used() {
    for (credentials, expected) in [
        (
            Credentials::ticket("joe", "sesame").and(Credentials::cra("eve", "secret")),
            "a client is one user, and the credentials are of `joe` and `eve`",
        ),
        (Credentials::scram("joe", "\u{7}"), "`password`: expected a text that SASLprep allows"),
        (
            Credentials::cryptosign(SigningKey::from_bytes(&[7; 32])).channel_binding(),
            "`channel_binding`: `tls-exporter` is not available",
        ),
    ] {
        let (_, theirs) = Memory::pair(usize::MAX, usize::MAX);
        let joined = over(theirs, &credentials).await;
        assert_eq!(joined.unwrap_err(), CallError::Unsendable(expected.to_owned()));
    }
}

#[test]
fn secrets_are_not_shown() {
    let key = SigningKey::from_bytes(&[0x77; 32]);
    let credentials = Credentials::scram("joe", "sesame")
        .and(Credentials::ticket("joe", "sesame"))
        .and(Credentials::cra("joe", "sesame"))
        .and(Credentials::custom("totp", async |_| Ok::<Answer, RpcError>("sesame".into())))
        .and(Credentials::cryptosign(key));
    let shown = format!("{credentials:?} {:?}", Answer::from("sesame"));
    assert_eq!(
        shown,
        "Credentials { authid: Some(\"joe\"), methods: [scram, ticket, wampcra, totp, cryptosign], .. } \
         Answer { extra: {}, .. }"
    );
}
