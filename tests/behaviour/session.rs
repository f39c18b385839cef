//! The life of a session: HELLO, WELCOME, GOODBYE, ABORT.

use serde_json::{Value, json};
use serverwamp::{App, Limits, Realm, Session, wamp};
use serverwamp_tests::{Peer, Serializer, hello};

#[wamp::rpc]
async fn alive() -> bool {
    true
}

#[wamp::rpc]
async fn close(session: Session) {
    session.close("my.close.reason", "bye");
}

#[wamp::rpc]
async fn abort(session: Session) {
    session.abort("my.error", "out");
}

#[wamp::rpc]
async fn who(session: Session) -> (u64, String) {
    (session.id().get(), session.authid().to_owned())
}

/// What the client said in HELLO: agent, roles, whether it announced certain features.
#[wamp::rpc]
async fn client(session: Session) -> (Option<String>, Vec<&'static str>, [bool; 4]) {
    let announced = [
        ("caller", "progressive_call_results"),
        ("caller", "call_canceling"),
        ("subscriber", "progressive_call_results"),
        ("caller", "no_such_feature"),
    ];
    let announced = announced.map(|(role, feature)| session.announces(role, feature));
    (session.agent().map(str::to_owned), session.roles().collect(), announced)
}

fn app() -> App {
    App::discover_in(module_path!())
}

#[tokio::test]
async fn welcome_says_what_is_true() {
    for serializer in Serializer::ALL {
        let mut peer = Peer::connect(&app(), serializer);
        peer.send(hello("any.realm")).await;
        let welcome = peer.receive().await.unwrap();
        let id = welcome[1].as_u64().unwrap();
        assert!((1..=1 << 53).contains(&id));
        let details = &welcome[2];
        assert_eq!(details["realm"], "any.realm");
        assert_eq!((&details["authmethod"], &details["authrole"]), (&json!("anonymous"), &json!("anonymous")));
        assert!(details["agent"].as_str().unwrap().starts_with("serverwamp/"));
        let features = &details["roles"]["dealer"]["features"];
        for feature in ["progressive_call_results", "call_canceling", "call_timeout", "caller_identification"] {
            assert_eq!(features[feature], true, "{feature}");
        }
        peer.send(json!([48, 1, {}, "who"])).await;
        assert_eq!(peer.receive().await, Some(json!([50, 1, {}, [id, details["authid"]]])));
    }
}

#[tokio::test]
async fn handlers_see_what_the_client_announced() {
    let features = json!({"progressive_call_results": true, "call_canceling": false, "my_feature": true});
    let long = "é".repeat(200);
    for (details, expected) in [
        (json!({"roles": {"caller": {}}}), json!([null, ["caller"], [false, false, false, false]])),
        (
            json!({"agent": "me/1.0", "roles": {"subscriber": {}, "caller": {"features": features}, "my_role": {}}}),
            json!(["me/1.0", ["subscriber", "caller"], [true, false, false, false]]),
        ),
        (
            json!({"agent": long, "roles": {"callee": {}, "subscriber": {"features": features}}}),
            json!(["é".repeat(128), ["subscriber", "callee"], [false, false, true, false]]),
        ),
        (
            json!({"agent": "x".repeat(255) + "é", "roles": {"publisher": {}}}),
            json!(["x".repeat(255), ["publisher"], [false, false, false, false]]),
        ),
    ] {
        for serializer in Serializer::ALL {
            let mut peer = Peer::connect(&app(), serializer);
            peer.send(json!([1, "realm1", details])).await;
            assert_eq!(peer.receive().await.unwrap()[0], 2);
            peer.send(json!([48, 1, {}, "client"])).await;
            assert_eq!(peer.receive().await, Some(json!([50, 1, {}, expected])), "{serializer}: {details}");
        }
    }
}

#[tokio::test]
async fn goodbye_is_answered_and_the_connection_may_join_again() {
    for serializer in Serializer::ALL {
        let mut peer = Peer::join(&app(), serializer).await;
        for realm in ["one", "two"] {
            peer.send(json!([6, {}, "wamp.close.close_realm"])).await;
            assert_eq!(peer.receive().await, Some(json!([6, {}, "wamp.close.goodbye_and_out"])));
            peer.send(hello(realm)).await;
            assert_eq!(peer.receive().await.unwrap()[2]["realm"], realm);
            peer.send(json!([48, 1, {}, "alive"])).await;
            assert_eq!(peer.receive().await, Some(json!([50, 1, {}, [true]])));
        }
    }
}

#[tokio::test]
async fn the_server_ends_a_session() {
    for serializer in Serializer::ALL {
        let mut peer = Peer::join(&app(), serializer).await;
        peer.send(json!([48, 1, {}, "close"])).await;
        assert_eq!(peer.receive().await, Some(json!([50, 1, {}])));
        assert_eq!(peer.receive().await, Some(json!([6, {"message": "bye"}, "my.close.reason"])));
        peer.send(json!([48, 2, {}, "alive"])).await;
        peer.send(json!([6, {}, "wamp.close.goodbye_and_out"])).await;
        peer.send(hello("again")).await;
        assert_eq!(peer.receive().await.unwrap()[2]["realm"], "again", "what came after GOODBYE is ignored");
        peer.send(json!([48, 1, {}, "abort"])).await;
        assert_eq!(peer.receive().await, Some(json!([50, 1, {}])));
        assert_eq!(peer.receive().await, Some(json!([3, {"message": "out"}, "my.error"])));
        assert_eq!(peer.receive().await, None);
    }
}

#[tokio::test]
async fn realms_are_accepted_as_configured() {
    let app = app().realm(Realm::new("known")).default_realm(false);
    for (sent, reason) in [
        (hello("unknown"), "wamp.error.no_such_realm"),
        (hello("not a uri"), "wamp.error.invalid_uri"),
        (json!([1, "known", {"roles": {}}]), "wamp.error.no_such_role"),
        (json!([1, "known", {}]), "wamp.error.no_such_role"),
    ] {
        for serializer in Serializer::ALL {
            let mut peer = Peer::connect(&app, serializer);
            peer.send(sent.clone()).await;
            let abort = peer.receive().await.unwrap();
            assert_eq!((&abort[0], &abort[2]), (&json!(3), &json!(reason)), "{sent}");
            assert_eq!(peer.receive().await, None);
        }
    }
    let mut peer = Peer::connect(&app, Serializer::Json);
    peer.send(hello("known")).await;
    assert_eq!(peer.receive().await.unwrap()[0], 2);
}

#[tokio::test]
async fn abort_ends_the_connection_without_an_answer() {
    for joined in [true, false] {
        let mut peer = match joined {
            true => Peer::join(&app(), Serializer::Json).await,
            false => Peer::connect(&app(), Serializer::Json),
        };
        peer.send(json!([3, {}, "my.reason"])).await;
        assert_eq!(peer.receive().await, None);
    }
}

#[tokio::test]
async fn what_is_not_served_is_refused_and_the_session_lives() {
    let cases: [(Value, Option<Value>); 10] = [
        (json!([32, 1, {}, "news"]), Some(json!([8, 32, 1, {}, "wamp.error.invalid_uri", [], "…"]))),
        (json!([34, 1, 7]), Some(json!([8, 34, 1, {}, "wamp.error.no_such_subscription", [], "…"]))),
        (json!([16, 1, {}, "news", [1]]), None),
        (
            json!([16, 1, {"acknowledge": true}, "news"]),
            Some(json!([8, 16, 1, {}, "wamp.error.not_authorized", [], "…"])),
        ),
        (json!([64, 1, {}, "my.procedure"]), Some(json!([8, 64, 1, {}, "wamp.error.not_authorized", [], "…"]))),
        (json!([64, 1, {}, "wamp.session.kill"]), Some(json!([8, 64, 1, {}, "wamp.error.invalid_uri", [], "…"]))),
        (json!([64, 1, {"match": "prefix"}, "wamp."]), Some(json!([8, 64, 1, {}, "wamp.error.invalid_uri", [], "…"]))),
        (json!([66, 1, 7]), Some(json!([8, 66, 1, {}, "wamp.error.no_such_registration", [], "…"]))),
        (json!([48, 1, {}, "a b"]), Some(json!([8, 48, 1, {}, "wamp.error.invalid_uri", [], "…"]))),
        (json!([48, 1, {}, "a..b"]), Some(json!([8, 48, 1, {}, "wamp.error.invalid_uri", [], "…"]))),
    ];
    let app = app();
    for (sent, answer) in cases {
        let alive = json!([50, 2, {}, [true]]);
        for serializer in Serializer::ALL {
            let mut peer = Peer::join(&app, serializer).await;
            peer.send(sent.clone()).await;
            peer.send(json!([48, 2, {}, "alive"])).await;
            if let Some(expected) = &answer {
                let got = peer.receive().await.unwrap();
                assert_eq!((&got[1], &got[2], &got[4]), (&expected[1], &expected[2], &expected[4]), "{sent} {got}");
            }
            assert_eq!(peer.receive().await.as_ref(), Some(&alive), "{sent}");
        }
    }
}

#[tokio::test]
async fn request_ids_may_have_gaps_unless_they_are_strict() {
    let mut peer = Peer::join(&app(), Serializer::Json).await;
    for id in [5, 3, 9_007_199_254_740_992_u64] {
        peer.send(json!([48, id, {}, "alive"])).await;
        assert_eq!(peer.receive().await, Some(json!([50, id, {}, [true]])));
    }
    peer.send_frame(br#"[48,7.0,{},"alive"]"#).await;
    assert_eq!(peer.receive().await, Some(json!([50, 7, {}, [true]])));

    let strict = app().limits(Limits { strict_request_ids: true, ..Limits::default() });
    let mut peer = Peer::join(&strict, Serializer::Json).await;
    for id in 1..=3 {
        peer.send(json!([48, id, {}, "alive"])).await;
        assert_eq!(peer.receive().await, Some(json!([50, id, {}, [true]])));
    }
    peer.send(json!([48, 5, {}, "alive"])).await;
    assert_eq!(peer.receive().await.unwrap()[2], "wamp.error.protocol_violation");
    assert_eq!(peer.receive().await, None);
}
