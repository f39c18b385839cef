//! What sessions may do, by procedures.

use std::time::Duration;

use serde_json::{Value, json};
use serverwamp::{ActionKind, App, DynamicAuthorizer, Limits, MatchPolicy, Realm, Rules, routes, wamp};
use serverwamp_tests::{Peer, Serializer};

use super::{Backend, Reply, keywords, one};

const PROCEDURE: &str = "com.example.authorize";
const NOT_AUTHORIZED: &str = "wamp.error.not_authorized";
const FAILED: &str = "wamp.error.authorization_failed";

#[wamp::rpc("who", manual)]
async fn who(request: serverwamp::Request) -> u64 {
    request.id().get()
}

/// Clients with the ticket of a role have it; nobody else is asked about than frontends.
fn app(authorizer: impl Into<DynamicAuthorizer>) -> App {
    let role = async |_: serverwamp::Session, role: String| Some(serverwamp::Authenticated::new(()).role(role));
    let realm = Realm::new("realm1").router().allow_anonymous("backend").ticket_authenticator(role);
    App::new().realm(realm.dynamic_authorizer(authorizer).routes(routes![who]))
}

fn for_frontends() -> DynamicAuthorizer {
    DynamicAuthorizer::new(PROCEDURE).for_roles("frontend | guest")
}

async fn join(app: &App, serializer: Serializer, role: &str) -> Peer {
    let mut peer = Peer::connect(app, serializer);
    let roles = json!({"caller": {}, "publisher": {}, "subscriber": {}, "callee": {}});
    peer.send(json!([1, "realm1", {"roles": roles, "authmethods": ["ticket"], "authid": "joe"}])).await;
    assert_eq!(peer.receive().await.unwrap()[0], 4);
    peer.send(json!([5, role, {}])).await;
    assert_eq!(peer.receive().await.unwrap()[0], 2);
    peer
}

async fn ask(peer: &mut Peer, request: Value) -> Value {
    peer.send(request).await;
    peer.receive().await.expect("an answer")
}

/// The error of an answer, or the type of the message.
fn outcome(answer: &Value) -> String {
    match answer[0].as_u64() {
        Some(8) => answer[4].as_str().unwrap().to_owned(),
        other => other.unwrap().to_string(),
    }
}

/// Answers by the URI.
fn by_uri(arguments: &Value) -> Reply {
    let uri = arguments[1].as_str().unwrap();
    match uri.strip_prefix("is.").unwrap_or(uri) {
        "true" => one(json!(true)),
        "false" => one(json!(false)),
        "allow" => one(json!({"allow": true})),
        "deny" => one(json!({"allow": false, "cache": true})),
        "keywords" => keywords(json!({"allow": true, "disclose": null, "cache": false})),
        "null" => one(Value::Null),
        "text" => one(json!("true")),
        "number" => one(json!(1)),
        "several" => Reply::Yield(json!([[true, true]])),
        "no_allow" => keywords(json!({"disclose": true})),
        "odd_allow" => keywords(json!({"allow": "yes"})),
        "odd_cache" => keywords(json!({"allow": true, "cache": 1})),
        "error" => Reply::Error("com.example.broken"),
        _ => Reply::Nothing,
    }
}

#[tokio::test(start_paused = true)]
async fn a_procedure_decides_and_only_a_clear_yes_is_one() {
    let limits = Limits { authorization_timeout: Duration::from_secs(2), ..Limits::default() };
    let app = app(for_frontends()).limits(limits);
    for serializer in Serializer::ALL {
        let backend = Backend::start(&app, serializer, PROCEDURE, by_uri).await;
        let mut peer = join(&app, serializer, "frontend").await;
        for (uri, expected) in [
            ("true", "33"),
            ("false", NOT_AUTHORIZED),
            ("allow", "33"),
            ("deny", NOT_AUTHORIZED),
            ("keywords", "33"),
            ("null", FAILED),
            ("text", FAILED),
            ("number", FAILED),
            ("several", FAILED),
            ("no_allow", FAILED),
            ("odd_allow", FAILED),
            ("odd_cache", FAILED),
            ("error", FAILED),
            ("silence", FAILED),
        ] {
            let answer = ask(&mut peer, json!([32, 1, {}, format!("is.{uri}")])).await;
            assert_eq!(outcome(&answer), expected, "{serializer}: {uri}");
            let text = answer.to_string();
            assert!(!text.contains("a secret") && !text.contains("broken"), "{serializer}: {text}");
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(*backend.interrupted.lock().unwrap(), 1, "{serializer}");
        // Nobody is there to answer.
        drop(backend);
        tokio::time::sleep(Duration::from_millis(1)).await;
        let answer = ask(&mut peer, json!([32, 2, {}, "is.true"])).await;
        assert_eq!(outcome(&answer), FAILED, "{serializer}");
        drop(peer);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn it_is_told_who_wants_to_do_what() {
    for (authorizer, count) in [(for_frontends(), 3), (for_frontends().pass_options(), 4)] {
        let app = app(authorizer);
        for serializer in Serializer::ALL {
            let backend = Backend::start(&app, serializer, PROCEDURE, |_| one(json!(true))).await;
            let mut peer = join(&app, serializer, "guest").await;
            for request in [
                json!([48, 1, {}, "who"]),
                json!([32, 2, {"match": "prefix"}, "news."]),
                json!([16, 3, {"acknowledge": true, "disclose_me": true}, "news.today"]),
                json!([64, 4, {"match": "wildcard"}, "a..c"]),
            ] {
                let answer = ask(&mut peer, request.clone()).await;
                assert_ne!(answer[0], 8, "{serializer}: {answer}");
            }
            let expected = [
                ("who", "call", json!({"disclose_me": false})),
                ("news.", "subscribe", json!({"match": "prefix"})),
                ("news.today", "publish", json!({"disclose_me": true})),
                ("a..c", "register", json!({"match": "wildcard"})),
            ];
            let asked = backend.asked();
            assert_eq!(asked.len(), expected.len(), "{serializer}");
            for (asked, (uri, action, options)) in asked.iter().zip(expected) {
                assert_eq!(asked.as_array().unwrap().len(), count, "{serializer}");
                assert_eq!((&asked[1], &asked[2]), (&json!(uri), &json!(action)), "{serializer}");
                assert_eq!(asked[0]["options"], options, "{serializer}");
                if count == 4 {
                    assert_eq!(asked[3], options, "{serializer}");
                }
                let who = ["realm", "authid", "authrole", "authmethod"].map(|name| asked[0][name].as_str().unwrap());
                assert_eq!(who, ["realm1", "joe", "guest", "ticket"], "{serializer}");
                assert!(asked[0]["session"].is_u64(), "{serializer}");
            }
        }
    }
}

#[tokio::test]
async fn a_decision_is_cached_if_it_says_so() {
    for (answer, times) in [
        (json!({"allow": true, "cache": true}), 1),
        (json!({"allow": false, "cache": true}), 1),
        (json!({"allow": true, "cache": false}), 3),
        (json!({"allow": true}), 3),
        (json!(true), 3),
    ] {
        let app = app(for_frontends());
        for serializer in Serializer::ALL {
            let given = answer.clone();
            let backend = Backend::start(&app, serializer, PROCEDURE, move |_| one(given.clone())).await;
            let mut peer = join(&app, serializer, "frontend").await;
            for id in 1..=3 {
                ask(&mut peer, json!([48, id, {}, "who"])).await;
            }
            assert_eq!(backend.asked().len(), times, "{serializer}: {answer}");
            drop(backend);
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn it_discloses_callers_and_publishers() {
    for (answer, disclosed) in [
        (json!({"allow": true, "disclose": true}), true),
        (json!({"allow": true, "disclose": false}), false),
        (json!({"allow": true}), false),
    ] {
        let app = app(for_frontends());
        for serializer in Serializer::ALL {
            let given = answer.clone();
            let _backend = Backend::start(&app, serializer, PROCEDURE, move |_| one(given.clone())).await;
            let mut other = join(&app, serializer, "backend").await;
            assert_eq!(ask(&mut other, json!([64, 1, {}, "a.procedure"])).await[0], 65);
            assert_eq!(ask(&mut other, json!([32, 2, {}, "a.topic"])).await[0], 33);
            let mut peer = join(&app, serializer, "frontend").await;
            peer.send(json!([48, 1, {}, "a.procedure"])).await;
            let invocation = other.receive().await.unwrap();
            assert_eq!(invocation[3]["caller_authid"] == "joe", disclosed, "{serializer}: {invocation}");
            peer.send(json!([16, 2, {}, "a.topic"])).await;
            let event = other.receive().await.unwrap();
            assert_eq!(event[3]["publisher_authid"] == "joe", disclosed, "{serializer}: {event}");
            drop(other);
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_in_a_circle() {
    // Whoever is to answer is asked about too, and nobody has answered yet: that is an answer.
    let everybody = app(PROCEDURE);
    for serializer in Serializer::ALL {
        let mut peer = join(&everybody, serializer, "frontend").await;
        let answer = ask(&mut peer, json!([64, 1, {}, PROCEDURE])).await;
        assert_eq!(outcome(&answer), FAILED, "{serializer}");
    }
    // A client that answers about itself.
    let own = app(DynamicAuthorizer::new(PROCEDURE).for_roles("frontend"));
    for serializer in Serializer::ALL {
        let mut backend = join(&own, serializer, "backend").await;
        assert_eq!(ask(&mut backend, json!([64, 1, {"invoke": "last"}, PROCEDURE])).await[0], 65);
        let mut peer = join(&own, serializer, "frontend").await;
        peer.send(json!([64, 1, {"invoke": "last"}, PROCEDURE])).await;
        let invocation = backend.receive().await.unwrap();
        backend.send(json!([70, invocation[1], {}, [true]])).await;
        assert_eq!(peer.receive().await.unwrap()[0], 65, "{serializer}");
        peer.send(json!([48, 2, {}, "who"])).await;
        let invocation = peer.receive().await.unwrap();
        assert_eq!((&invocation[0], &invocation[4][1]), (&json!(68), &json!("who")), "{serializer}");
        peer.send(json!([70, invocation[1], {}, [true]])).await;
        assert_eq!(peer.receive().await.unwrap()[0], 50, "{serializer}");
        drop((backend, peer));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn rules_have_to_allow_as_well_and_others_are_not_asked_about() {
    let rules = Rules::new().allow("frontend", "is.", MatchPolicy::Prefix, [ActionKind::Subscribe]).allow(
        "backend",
        "",
        MatchPolicy::Prefix,
        ActionKind::ALL,
    );
    let realm = Realm::new("realm1").router().rules(rules).dynamic_authorizer(for_frontends());
    let role = async |_: serverwamp::Session, role: String| Some(serverwamp::Authenticated::new(()).role(role));
    let app = App::new().realm(realm.allow_anonymous("backend").ticket_authenticator(role));
    for serializer in Serializer::ALL {
        let backend = Backend::start(&app, serializer, PROCEDURE, by_uri).await;
        for (role, topic, expected, asked) in [
            ("frontend", "is.true", "33", 1),
            ("frontend", "is.false", NOT_AUTHORIZED, 2),
            ("frontend", "true", NOT_AUTHORIZED, 2),
            ("backend", "false", "33", 2),
            ("other", "is.true", NOT_AUTHORIZED, 2),
        ] {
            let mut peer = join(&app, serializer, role).await;
            let answer = ask(&mut peer, json!([32, 1, {}, topic])).await;
            assert_eq!(outcome(&answer), expected, "{serializer}: {role} {topic}");
            assert_eq!(backend.asked().len(), asked, "{serializer}: {role} {topic}");
        }
        drop(backend);
        tokio::task::yield_now().await;
    }
}

#[derive(serde::Serialize)]
struct Answered {
    allow: bool,
    cache: bool,
}

#[wamp::rpc("auth.may", manual)]
async fn may(session: serverwamp::Value, uri: String, action: String) -> Answered {
    let role = session.as_map().and_then(|session| session.get("authrole")?.as_str()).unwrap_or_default().to_owned();
    Answered { allow: (role == "frontend" && uri == "who" && action == "call"), cache: true }
}

#[tokio::test]
async fn a_function_of_the_program_decides_too() {
    let realm = Realm::new("realm1").routes(routes![who, may]).dynamic_authorizer("auth.may");
    let role = async |_: serverwamp::Session, role: String| Some(serverwamp::Authenticated::new(()).role(role));
    let app = App::new().realm(realm.ticket_authenticator(role));
    for serializer in Serializer::ALL {
        for (role, procedure, expected) in
            [("frontend", "who", "50"), ("frontend", "auth.may", NOT_AUTHORIZED), ("guest", "who", NOT_AUTHORIZED)]
        {
            let mut peer = join(&app, serializer, role).await;
            let answer = ask(&mut peer, json!([48, 1, {}, procedure])).await;
            assert_eq!(outcome(&answer), expected, "{serializer}: {role} {procedure}");
        }
    }
}
