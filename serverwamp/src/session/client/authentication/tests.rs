use serde_json::{Value, json};

use super::*;
use crate::session::auth::{Kdf, Salt, ScramChallenge, ScramClient, ScramCredential, ScramDialect};
use crate::session::client::tests::{join, receive, sent, told};

fn offer(authmethods: &[&str]) -> Offer {
    Offer { authmethods: authmethods.iter().map(ToString::to_string).collect(), ..Offer::default() }
}

/// A session whose HELLO is sent.
fn joining(authmethods: &[&str]) -> ClientSession {
    let mut session = join(offer(authmethods));
    sent(&mut session);
    session
}

/// A session that was challenged with `ticket`.
fn challenged() -> ClientSession {
    let mut session = joining(&["ticket", "totp"]);
    receive(&mut session, json!([4, "ticket", {"a": 1}]));
    assert_eq!(told(&mut session), [r#"challenge ticket {"a":1}"#]);
    session
}

fn aborted(reason: &str, message: &str) -> [Value; 1] {
    [json!([3, {"message": message}, reason])]
}

#[test]
fn hello_says_what_is_offered() {
    for (offer, expected) in [
        (Offer::default(), json!({})),
        (offer(&["scram", "ticket"]), json!({"authmethods": ["scram", "ticket"]})),
        (
            Offer { authid: Some("joe".to_owned()), authextra: Dict::from([("nonce", "x")]), ..offer(&["scram"]) },
            json!({"authmethods": ["scram"], "authid": "joe", "authextra": {"nonce": "x"}}),
        ),
    ] {
        let mut hello = sent(&mut join(offer)).remove(0);
        let details = hello[2].as_object_mut().unwrap();
        details.remove("roles");
        details.remove("agent");
        assert_eq!(hello[2], expected);
    }
}

#[test]
fn several_challenges_may_precede_welcome() {
    let mut session = challenged();
    session.authenticate("secret".into(), None).unwrap();
    assert_eq!(sent(&mut session), [json!([5, "secret", {}])]);
    receive(&mut session, json!([4, "totp", {}]));
    let answer = Answer { signature: "123456".to_owned(), extra: Dict::from([("device", "phone")]) };
    session.authenticate(answer, None).unwrap();
    assert_eq!(sent(&mut session), [json!([5, "123456", {"device": "phone"}])]);
    receive(&mut session, json!([2, 7, {"roles": {"broker": {}}}]));
    assert_eq!(told(&mut session), ["challenge totp {}", "welcome"]);
    assert!(sent(&mut session).is_empty());
}

#[test]
fn a_challenge_that_was_not_asked_for_is_refused() {
    for (offered, message) in [
        (&[][..], "expected CHALLENGE of no method, not of `wampcra`"),
        (&["ticket"], "expected CHALLENGE of `ticket`, not of `wampcra`"),
        (&["wamp-scram", "scram"], "expected CHALLENGE of `wamp-scram` or `scram`, not of `wampcra`"),
    ] {
        let mut session = joining(offered);
        receive(&mut session, json!([4, "wampcra", {"challenge": "{}"}]));
        assert_eq!(sent(&mut session), aborted("wamp.error.cannot_authenticate", message));
        assert_eq!(told(&mut session), ["ended wamp.error.cannot_authenticate"]);
    }
}

#[test]
fn what_a_router_sends_is_repeated_in_part() {
    let mut session = joining(&["ticket"]);
    receive(&mut session, json!([4, "ä".repeat(100_000), {}]));
    let expected = format!("expected CHALLENGE of `ticket`, not of `{}", "ä".repeat(256 - 40));
    assert_eq!(sent(&mut session), aborted("wamp.error.cannot_authenticate", &expected));
}

#[test]
fn a_router_cannot_challenge_forever() {
    let mut session = joining(&["ticket"]);
    for _ in 0..MOST_CHALLENGES {
        receive(&mut session, json!([4, "ticket", {}]));
        session.authenticate("secret".into(), None).unwrap();
        assert_eq!(sent(&mut session), [json!([5, "secret", {}])]);
    }
    receive(&mut session, json!([4, "ticket", {}]));
    let message = "expected no more than 8 times CHALLENGE, not one more of `ticket`";
    assert_eq!(sent(&mut session), aborted("wamp.error.cannot_authenticate", message));
}

#[test]
fn nothing_but_abort_comes_while_challenged() {
    for (message, kind) in [
        (json!([2, 7, {"roles": {}}]), "WELCOME"),
        (json!([4, "ticket", {}]), "CHALLENGE"),
        (json!([6, {}, "wamp.close.normal"]), "GOODBYE"),
        (json!([50, 1, {}]), "RESULT"),
    ] {
        let mut session = challenged();
        receive(&mut session, message);
        assert_eq!(sent(&mut session), aborted("wamp.error.protocol_violation", &format!("unexpected {kind}")));
        assert_eq!(told(&mut session), ["ended wamp.error.protocol_violation"]);
        session.authenticate("secret".into(), None).unwrap();
        session.cannot_authenticate("too late");
        assert!(sent(&mut session).is_empty());
    }
    let mut session = challenged();
    receive(&mut session, json!([3, {"message": "too slow"}, "wamp.error.authentication_failed"]));
    session.authenticate("secret".into(), None).unwrap();
    assert!(sent(&mut session).is_empty());
    assert_eq!(told(&mut session), ["ended wamp.error.authentication_failed"]);
}

#[test]
fn malformed_challenges_are_violations() {
    for message in [json!([4]), json!([4, "ticket"]), json!([4, 1, {}]), json!([4, "ticket", []])] {
        let mut session = joining(&["ticket"]);
        receive(&mut session, message.clone());
        assert_eq!(told(&mut session), ["ended wamp.error.protocol_violation"], "{message}");
    }
}

#[test]
fn an_answer_that_the_codec_cannot_hold_is_not_sent() {
    let mut session = challenged();
    let extra = Dict::from([("x", f64::NAN)]);
    assert!(session.authenticate(Answer { extra, ..Answer::default() }, None).is_err());
    assert!(sent(&mut session).is_empty());
    session.cannot_authenticate("no answer");
    assert_eq!(sent(&mut session), aborted("wamp.error.cannot_authenticate", "no answer"));
}

#[test]
fn welcome_must_prove_that_the_router_knows_the_user() {
    for dialect in ScramDialect::ALL {
        let name = if dialect == ScramDialect::Specification { "verifier" } else { "scram_server_signature" };
        for (change, wrong) in [
            (None, None),
            (Some(json!({name: "AAAA"})), Some("a wrong one came".to_owned())),
            (Some(json!({name: 1})), Some(format!("`{name}`: expected a string"))),
            (Some(json!({})), Some(format!("`{name}`: expected a string"))),
        ] {
            let mut session = joining(&["scram", "totp"]);
            receive(&mut session, json!([4, "scram", {}]));
            let (answer, proof, authextra) = scram(dialect);
            session.authenticate(answer, Some(proof)).unwrap();
            // Another factor does not make up for it.
            receive(&mut session, json!([4, "totp", {}]));
            session.authenticate("123456".into(), None).unwrap();
            sent(&mut session);
            told(&mut session);
            let authextra = change.unwrap_or(authextra);
            receive(&mut session, json!([2, 7, {"roles": {"broker": {}}, "authextra": authextra}]));
            match wrong {
                None => assert_eq!(told(&mut session), ["welcome"]),
                Some(wrong) => {
                    let message = format!("expected proof in WELCOME that the router knows the user: {wrong}");
                    assert_eq!(sent(&mut session), aborted("wamp.error.cannot_authenticate", &message));
                    assert_eq!(told(&mut session), ["ended wamp.error.cannot_authenticate"]);
                }
            }
        }
    }
}

/// An answer that is right, what it asks of WELCOME, and what WELCOME has to say.
fn scram(dialect: ScramDialect) -> (Answer, ScramServerProof, Value) {
    let credential = ScramCredential::derive("secret", Kdf::pbkdf2(4096).unwrap(), Salt::new([1; 16]).unwrap());
    let client = ScramClient::new(dialect, "joe", "secret", [2; 16], None).unwrap();
    let challenge =
        ScramChallenge::new(dialect, "joe", &client.authextra(), &credential.unwrap(), [3; 16], &[]).unwrap();
    let (answer, proof) = client.answer(challenge.extra()).unwrap();
    let authextra = challenge.verify(&answer.signature, &answer.extra).unwrap();
    (answer, proof, serde_json::from_str(&authextra.to_string()).unwrap())
}
