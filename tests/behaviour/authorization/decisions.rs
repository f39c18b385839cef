//! What an authorizer decides, and what comes of it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use serverwamp::{
    Action, ActionKind, App, Decision, EventDetails, Inject, Limits, MatchPolicy, Realm, RpcError, Session, Uri, wamp,
};
use serverwamp_tests::{Peer, Serializer, hello};
use tokio::time::sleep;

use super::{FAILED, KINDS, NOT_AUTHORIZED, allowed, ask, outcome, request};

#[wamp::rpc("work.", match = "prefix")]
async fn work() {}

/// Who published what the function ran for.
#[derive(Clone, Default)]
struct Publishers(Arc<Mutex<Vec<bool>>>);

#[wamp::event("work.event.", match = "prefix")]
async fn event(details: EventDetails, publishers: Inject<Publishers>) {
    publishers.0.lock().unwrap().push(details.publisher().is_some());
}

/// Decides by the last component of the URI.
async fn by_name(_: Session, uri: Uri, _: Action) -> Result<Decision, RpcError> {
    match uri.rsplit('.').next().unwrap() {
        "allowed" => Ok(Decision::allow()),
        "later" => {
            sleep(Duration::from_secs(1)).await;
            Ok(Decision::allow())
        }
        "denied" => Ok(Decision::deny()),
        "denied_later" => {
            sleep(Duration::from_secs(1)).await;
            Ok(Decision::deny())
        }
        "failed" => Err(RpcError::new("database.down").arg("secret")),
        "panicked" => panic!("secret"),
        "panicked_later" => {
            sleep(Duration::from_secs(1)).await;
            panic!("secret")
        }
        "panicked_in_drop" => {
            let _guard = PanicsWhenDropped;
            Ok(Decision::allow())
        }
        "slow" => {
            sleep(Duration::from_secs(60)).await;
            Ok(Decision::allow())
        }
        "too_slow" => {
            let _guard = PanicsWhenDropped;
            sleep(Duration::from_secs(60)).await;
            Ok(Decision::allow())
        }
        "disclosed" => Ok(Decision::allow().disclose(true)),
        "undisclosed" => Ok(Decision::allow().disclose(false)),
        other => panic!("{other}"),
    }
}

struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("secret");
    }
}

fn app() -> App {
    App::discover_in(module_path!()).open_topics("work.").inject(Publishers::default())
}

#[tokio::test(start_paused = true)]
async fn every_action_is_what_the_authorizer_decides() {
    for kind in KINDS {
        let cases = [
            ("allowed", allowed(kind)),
            ("later", allowed(kind)),
            ("denied", NOT_AUTHORIZED),
            ("denied_later", NOT_AUTHORIZED),
            ("failed", FAILED),
            ("panicked", FAILED),
            ("panicked_later", FAILED),
            ("panicked_in_drop", FAILED),
            ("too_slow", FAILED),
        ];
        let app = app().authorizer(by_name);
        for serializer in Serializer::ALL {
            let mut peer = Peer::join(&app, serializer).await;
            for (id, (name, expected)) in (1_u64..).zip(cases) {
                let answer = ask(&mut peer, request(kind, id, &format!("work.{name}"), "exact")).await;
                assert_eq!(outcome(&answer), expected, "{serializer}, {kind} {name}: {answer}");
                assert_eq!(answer[if answer[0] == 8 { 2 } else { 1 }], id, "{serializer}, {kind} {name}: {answer}");
                assert!(!answer.to_string().contains("secret"), "{answer}");
            }
        }
        let statistics = app.handle().statistics();
        let peers = Serializer::ALL.len() as u64;
        assert_eq!(statistics.denied_requests, 2 * peers, "{kind}");
        assert_eq!(statistics.failed_authorizations, 5 * peers, "{kind}");
        assert_eq!(statistics.limits.get("authorization_timeout"), Some(&peers), "{kind}");
    }
}

/// What was asked, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn note(&self, uri: &Uri, action: Action) {
        let (kind, policy, disclosed) = (action.kind(), action.match_policy(), action.disclose_me());
        self.0.lock().unwrap().push(format!("{kind:?} {uri} {policy} {disclosed}"));
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[tokio::test]
async fn an_action_says_what_is_asked_for() {
    let log = Log::default();
    let asked = log.clone();
    let app = app().authorizer(move |session: Session, uri: Uri, action: Action| {
        assert_eq!((session.realm(), session.authrole()), ("realm1", "anonymous"));
        asked.note(&uri, action);
        async { Decision::deny() }
    });
    for serializer in Serializer::ALL {
        let mut peer = Peer::join(&app, serializer).await;
        for (message, expected) in [
            (json!([48, 1, {}, "work.a"]), "Call work.a exact false"),
            (json!([48, 2, {"disclose_me": true}, "no.such.procedure"]), "Call no.such.procedure exact true"),
            (json!([16, 3, {"acknowledge": true}, "work.a"]), "Publish work.a exact false"),
            (json!([16, 4, {"acknowledge": true, "disclose_me": true}, "closed"]), "Publish closed exact true"),
            (json!([32, 5, {}, "work.a"]), "Subscribe work.a exact false"),
            (json!([32, 6, {"match": "prefix"}, "work."]), "Subscribe work. prefix false"),
            (json!([32, 7, {"match": "wildcard"}, "closed..a"]), "Subscribe closed..a wildcard false"),
            (json!([32, 8, {}, "wamp.session.on_join"]), "Subscribe wamp.session.on_join exact false"),
            (json!([64, 9, {}, "work.a"]), "Register work.a exact false"),
            (json!([64, 10, {"match": "prefix"}, "work"]), "Register work prefix false"),
        ] {
            assert_eq!(outcome(&ask(&mut peer, message).await), NOT_AUTHORIZED, "{serializer} {expected}");
            assert_eq!(log.take(), [expected], "{serializer}");
        }
        // What is closed to all clients is not asked about, nor is the end of what was allowed.
        for (message, error) in [
            (json!([16, 11, {"acknowledge": true}, "wamp.session.on_join"]), "wamp.error.invalid_uri"),
            (json!([64, 12, {}, "wamp.session.count"]), "wamp.error.invalid_uri"),
            (json!([34, 13, 1]), "wamp.error.no_such_subscription"),
            (json!([66, 14, 1]), "wamp.error.no_such_registration"),
        ] {
            assert_eq!(outcome(&ask(&mut peer, message).await), error, "{serializer}");
            assert_eq!(log.take(), [""; 0], "{serializer}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_allowed_has_to_be_there_all_the_same() {
    let app = app().authorizer(async |_: Session, uri: Uri, _: Action| {
        if uri.ends_with("later") {
            sleep(Duration::from_secs(1)).await;
        }
        Decision::allow()
    });
    for serializer in Serializer::ALL {
        let mut peer = Peer::join(&app, serializer).await;
        for (id, (kind, uri, error)) in (1..).zip([
            ("call", "closed", "wamp.error.no_such_procedure"),
            ("call", "closed.later", "wamp.error.no_such_procedure"),
            ("subscribe", "closed", "wamp.error.invalid_uri"),
            ("subscribe", "closed.later", "wamp.error.invalid_uri"),
            ("publish", "closed", NOT_AUTHORIZED),
            ("publish", "closed.later", NOT_AUTHORIZED),
        ]) {
            let answer = ask(&mut peer, request(kind, id, uri, "exact")).await;
            assert_eq!(outcome(&answer), error, "{serializer} {kind} {uri}");
        }
    }
    assert_eq!(app.handle().statistics().denied_requests, 0);
}

#[tokio::test]
async fn a_refused_publication_without_acknowledgement_vanishes_and_is_counted() {
    let app = app().authorizer(async |session: Session, uri: Uri, action: Action| match action.kind() {
        ActionKind::Subscribe => Ok(Decision::allow()),
        _ => by_name(session, uri, action).await,
    });
    for serializer in Serializer::ALL {
        let before = app.handle().statistics();
        let (mut publisher, mut subscriber) = (Peer::join(&app, serializer).await, Peer::join(&app, serializer).await);
        assert_eq!(ask(&mut subscriber, request("subscribe", 1, "work.", "prefix")).await[0], 33);
        let publications =
            ["denied", "failed", "panicked", "allowed"].map(|name| json!([16, 1, {}, format!("work.{name}")]));
        publisher.send_all(&publications).await;
        assert_eq!(subscriber.receive().await.unwrap()[3], json!({"topic": "work.allowed"}), "{serializer}");
        // Its answer is the first thing that the publisher hears.
        assert_eq!(ask(&mut publisher, json!([48, 2, {}, "work.allowed"])).await, json!([50, 2, {}]), "{serializer}");
        let after = app.handle().statistics();
        assert_eq!(after.refused_publications - before.refused_publications, 3, "{serializer}");
        assert_eq!(after.denied_requests - before.denied_requests, 1, "{serializer}");
        assert_eq!(after.failed_authorizations - before.failed_authorizations, 2, "{serializer}");
    }
}

#[tokio::test]
async fn cached_decisions_are_asked_for_once_in_a_session() {
    let log = Log::default();
    let asked = log.clone();
    let app = app().authorizer(move |_: Session, uri: Uri, action: Action| {
        asked.note(&uri, action);
        let decision = if uri.contains("no") { Decision::deny() } else { Decision::allow() };
        async move { if uri.contains("kept") { decision.cached() } else { decision } }
    });
    for serializer in Serializer::ALL {
        for _ in 0..2 {
            let mut peer = Peer::join(&app, serializer).await;
            let mut id = 0;
            for kind in KINDS {
                for (uri, times) in [("work.kept", 1), ("work.asked", 3), ("work.kept.no", 1), ("work.asked.no", 3)] {
                    for _ in 0..3 {
                        id += 1;
                        let expected = if uri.contains("no") { NOT_AUTHORIZED } else { allowed(kind) };
                        let answer = ask(&mut peer, request(kind, id, uri, "exact")).await;
                        assert_eq!(outcome(&answer), expected, "{serializer} {kind} {uri}");
                    }
                    assert_eq!(log.take().len(), times, "{serializer} {kind} {uri}");
                }
            }
            for policy in ["exact", "prefix", "wildcard", "prefix"] {
                id += 1;
                ask(&mut peer, request("subscribe", id, "work.kept.too", policy)).await;
            }
            let wanted =
                ["exact", "prefix", "wildcard"].map(|policy| format!("Subscribe work.kept.too {policy} false"));
            assert_eq!(log.take(), wanted, "{serializer}");
            for disclosed in [false, true, true] {
                id += 1;
                ask(&mut peer, json!([48, id, {"disclose_me": disclosed}, "work.kept.also"])).await;
            }
            assert_eq!(log.take(), [false, true].map(|it| format!("Call work.kept.also exact {it}")), "{serializer}");
        }
    }
}

#[tokio::test]
async fn cached_decisions_limit() {
    for (maximum, expected) in
        [(0, vec!["a", "b", "a", "c", "a"]), (2, vec!["a", "b", "c", "a"]), (3, vec!["a", "b", "c"])]
    {
        let log = Arc::new(Mutex::new(Vec::new()));
        let asked = Arc::clone(&log);
        let app = app().limits(Limits { cached_decisions: maximum, ..Limits::default() });
        let app = app.authorizer(move |_: Session, uri: Uri, _: Action| {
            asked.lock().unwrap().push(uri.trim_start_matches("work.").to_owned());
            async { Decision::allow().cached() }
        });
        let mut peer = Peer::join(&app, Serializer::ALL[0]).await;
        for (id, name) in (1..).zip(["a", "b", "a", "c", "a"]) {
            ask(&mut peer, request("call", id, &format!("work.{name}"), "exact")).await;
        }
        assert_eq!(*log.lock().unwrap(), expected, "{maximum}");
        assert_eq!(app.handle().statistics().limits.contains_key("cached_decisions"), maximum < 3, "{maximum}");
    }
}

#[tokio::test(start_paused = true)]
async fn authorization_timeout_limit() {
    let limits = Limits { authorization_timeout: Duration::from_secs(90), ..Limits::default() };
    let short = Limits { authorization_timeout: Duration::from_millis(900), ..Limits::default() };
    let app =
        app().authorizer(by_name).realm(Realm::new("patient").limits(limits).open_topics("work.").authorizer(by_name));
    let app = app.realm(Realm::new("hasty").limits(short).open_topics("work.").authorizer(by_name));
    for serializer in Serializer::ALL {
        for (realm, expected) in [("any", [true, false]), ("patient", [true, true]), ("hasty", [false, false])] {
            let mut peer = Peer::connect(&app, serializer);
            ask(&mut peer, hello(realm)).await;
            for kind in ["call", "subscribe", "publish"] {
                for (name, in_time) in ["later", "slow"].into_iter().zip(expected) {
                    let answer = ask(&mut peer, request(kind, 1, &format!("work.{name}"), "exact")).await;
                    let expected = if in_time { allowed(kind) } else { FAILED };
                    assert_eq!(outcome(&answer), expected, "{serializer} {realm} {kind} {name}");
                }
            }
        }
    }
    let missed = 9 * Serializer::ALL.len() as u64;
    assert_eq!(app.handle().statistics().limits.get("authorization_timeout"), Some(&missed));
}

#[tokio::test]
async fn a_decision_says_whether_a_publisher_is_disclosed() {
    let publishers = Publishers::default();
    let app = app().inject(publishers.clone()).authorizer(by_name);
    for serializer in Serializer::ALL {
        let (mut publisher, mut subscriber) = (Peer::connect(&app, serializer), Peer::join(&app, serializer).await);
        let me = ask(&mut publisher, hello("realm1")).await[1].clone();
        for (id, (name, disclose_me, expected)) in (1_u64..).zip([
            ("allowed", false, Ok(None)),
            ("allowed", true, Ok(Some(&me))),
            ("disclosed", false, Ok(Some(&me))),
            ("disclosed", true, Ok(Some(&me))),
            ("undisclosed", false, Ok(None)),
            ("undisclosed", true, Err("wamp.error.option_disallowed.disclose_me")),
        ]) {
            let topic = format!("work.event.{name}");
            assert_eq!(ask(&mut subscriber, json!([32, id, {}, topic])).await[0], 33);
            let options = json!({"acknowledge": true, "disclose_me": disclose_me});
            let answer = ask(&mut publisher, json!([16, id, options, topic])).await;
            let seen = std::mem::take(&mut *publishers.0.lock().unwrap());
            match expected {
                Ok(disclosed) => {
                    assert_eq!(outcome(&answer), "published", "{serializer} {name} {disclose_me}");
                    let event = subscriber.receive().await.unwrap();
                    assert_eq!(event[3].get("publisher"), disclosed, "{serializer} {name} {disclose_me}: {event}");
                    assert_eq!(seen, [disclosed.is_some()], "{serializer} {name} {disclose_me}");
                }
                Err(error) => {
                    assert_eq!(outcome(&answer), error, "{serializer} {name}");
                    assert!(subscriber.is_silent().await, "{serializer} {name}");
                    assert_eq!(seen, [true; 0]);
                }
            }
            for (disclose_me, expected) in
                [(false, "result"), (true, expected.map_or_else(|error| error, |_| "result"))]
            {
                let call = json!([48, id + if disclose_me { 100 } else { 200 }, {"disclose_me": disclose_me}, topic]);
                let wanted = if name == "undisclosed" && disclose_me {
                    "wamp.error.option_disallowed.disclose_me"
                } else {
                    expected
                };
                assert_eq!(outcome(&ask(&mut publisher, call).await), wanted, "{serializer} {name} {disclose_me}");
            }
        }
    }
}

#[tokio::test]
async fn a_decision_that_changes_leaves_what_is_there() {
    for serializer in Serializer::ALL {
        let open = Arc::new(Mutex::new(true));
        let decided = Arc::clone(&open);
        let app = app().authorizer(move |_: Session, _: Uri, _: Action| {
            let open = *decided.lock().unwrap();
            async move { if open { Decision::allow() } else { Decision::deny() } }
        });
        let mut peer = Peer::join(&app, serializer).await;
        assert_eq!(ask(&mut peer, request("subscribe", 1, "work.a", "exact")).await, json!([33, 1, 1]));
        *open.lock().unwrap() = false;
        assert_eq!(outcome(&ask(&mut peer, request("subscribe", 2, "work.a", "exact")).await), NOT_AUTHORIZED);
        app.handle().realm("realm1").publish("work.a", 7).await.unwrap();
        assert_eq!(peer.receive().await.unwrap()[4], json!([7]), "{serializer}");
        assert_eq!(ask(&mut peer, json!([34, 3, 1])).await, json!([35, 3]), "{serializer}");
        assert_eq!(outcome(&ask(&mut peer, request("subscribe", 4, "work.a", "exact")).await), NOT_AUTHORIZED);
    }
}

#[tokio::test]
async fn a_realm_has_its_own_authorizer() {
    let kind_of = |wanted: ActionKind| {
        move |_: Session, _: Uri, action: Action| async move {
            match action.kind() == wanted && action.match_policy() == MatchPolicy::Exact {
                true => Decision::allow(),
                false => Decision::deny(),
            }
        }
    };
    let app = app()
        .authorizer(kind_of(ActionKind::Call))
        .realm(Realm::new("topics").open_topics("work.").authorizer(kind_of(ActionKind::Publish)))
        .realm(Realm::new("open").open_topics("work."));
    for serializer in Serializer::ALL {
        for (realm, granted) in [("any", vec!["call"]), ("topics", vec!["publish"]), ("open", KINDS.to_vec())] {
            let mut peer = Peer::connect(&app, serializer);
            ask(&mut peer, hello(realm)).await;
            for (id, kind) in (1..).zip(KINDS) {
                let expected = if granted.contains(&kind) { allowed(kind) } else { NOT_AUTHORIZED };
                let answer: Value = ask(&mut peer, request(kind, id, "work.a", "exact")).await;
                assert_eq!(outcome(&answer), expected, "{serializer} {realm} {kind}");
            }
        }
    }
}
