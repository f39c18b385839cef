//! A realm's own authentication handler.

use std::time::Duration;

use serde_json::{Value, json};
use serverwamp::{App, Authenticated, Dict, Identity, RpcError, Session, wamp};
use serverwamp_tests::Serializer;
use serverwamp_tests::login::{authenticate, login};

use super::{DENIED, check_refused, check_welcomed, unasked};

#[wamp::rpc]
async fn answers(given: Identity<Vec<String>>) -> Vec<String> {
    given.to_vec()
}

/// What it does is what the client claims to be called.
async fn handle(session: Session) -> Result<(), RpcError> {
    assert_eq!(session.authid(), "");
    match session.claims().authid().unwrap_or_default() {
        "mark" => session.mark_authenticated(Authenticated::new(()).authid("joe").role("user").provider("own")),
        "rounds" => {
            let mut given = Vec::new();
            for round in 0..3 {
                let answer = session.challenge("quiz", Dict::from([("round", round)])).await?;
                given.push(answer.signature + &answer.extra.to_string());
            }
            session.mark_authenticated(Authenticated::new(given).authid("joe"));
        }
        "for ever" => loop {
            session.challenge("quiz", Dict::new()).await?;
        },
        "spawned" => {
            let other = session.clone();
            let answered = tokio::spawn(async move { other.challenge("quiz", Dict::new()).await }).await.unwrap()?;
            session.mark_authenticated(Authenticated::new(()).authid(answered.signature));
        }
        "twice" => {
            let one = session.challenge("one", Dict::new());
            let other = session.challenge("other", Dict::new());
            let (one, other) = futures_util::join!(one, other);
            assert_eq!(other.unwrap_err().uri(), "wamp.error.authentication_failed");
            session.mark_authenticated(Authenticated::new(()).authid(one?.signature));
        }
        "abort" => session.abort("my.error", "no luck"),
        "mark and abort" => {
            session.mark_authenticated(Authenticated::new(()));
            session.abort("my.error", "no luck");
        }
        "abort and fail" => {
            session.abort("my.error", "no luck");
            return Err(RpcError::default());
        }
        "marks" => {
            session.mark_authenticated(Authenticated::new(()).authid("first"));
            session.mark_authenticated(Authenticated::new(()).authid("second"));
        }
        "fail" => return Err(RpcError::new("my.error.closed").message("come back tomorrow")),
        "internal" => return Err(RpcError::internal(&"secret")),
        "panic" => panic!("secret"),
        "nan" => drop(session.challenge("quiz", Dict::from([("nan", f64::NAN)])).await?),
        "sleep" => tokio::time::sleep(Duration::from_secs(1000)).await,
        _ => {}
    }
    Ok(())
}

fn app() -> App {
    // The others are not asked.
    App::discover_in(module_path!())
        .transport_authenticator(async |_: Session| panic!("not asked") as Option<Authenticated>)
        .allow_anonymous("guest")
        .authentication_handler(handle)
}

fn claiming(authid: &str) -> Value {
    json!({"authid": authid, "authmethods": ["anonymous"]})
}

#[tokio::test]
async fn the_handler_decides() {
    let app = app();
    check_welcomed(&app, claiming("mark"), unasked, ["joe", "user", "custom", "own"]).await;
    check_welcomed(&app, claiming("marks"), unasked, ["first", "authenticated", "custom", "dynamic"]).await;
    let answer = |method: &str, _: &Value| authenticate(format!("to {method}"));
    check_welcomed(&app, claiming("spawned"), answer, ["to quiz", "authenticated", "quiz", "dynamic"]).await;
    check_welcomed(&app, claiming("twice"), answer, ["to one", "authenticated", "one", "dynamic"]).await;
    check_refused(&app, claiming("nothing"), unasked, DENIED.0, DENIED.1).await;
    for abort in ["abort", "mark and abort", "abort and fail"] {
        check_refused(&app, claiming(abort), unasked, "my.error", "no luck").await;
    }
    check_refused(&app, claiming("fail"), unasked, "my.error.closed", "come back tomorrow").await;
    let failed = "wamp.error.authentication_failed";
    for failing in ["internal", "panic"] {
        check_refused(&app, claiming(failing), unasked, failed, "").await;
    }
    check_refused(&app, claiming("for ever"), answer, failed, "too many challenges").await;
}

#[tokio::test]
async fn several_rounds() {
    let expected = ["0{\"n\":0}", "1{\"n\":1}", "2{\"n\":2}"];
    for serializer in Serializer::ALL {
        let (welcome, mut peer) = login(&app(), serializer, &claiming("rounds"), |method, extra| {
            assert_eq!(method, "quiz");
            json!([5, extra["round"].to_string(), {"n": extra["round"]}])
        })
        .await;
        assert_eq!(welcome[2]["authmethod"], "quiz");
        peer.send(json!([48, 1, {}, "answers"])).await;
        assert_eq!(peer.receive().await, Some(json!([50, 1, {}, expected])), "{serializer}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_handler_has_not_for_ever() {
    check_refused(&app(), claiming("sleep"), unasked, "wamp.error.timeout", "joining took too long").await;
}

/// What JSON cannot hold is the program's mistake.
#[tokio::test]
async fn a_challenge_that_cannot_be_sent() {
    let (end, _) = login(&app(), Serializer::ALL[0], &claiming("nan"), unasked).await;
    assert_eq!(end, json!([3, {}, "wamp.error.authentication_failed"]));
}
