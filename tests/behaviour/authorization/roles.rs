//! Functions that are for some roles only.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use serverwamp::{Action, ActionKind, App, Authenticated, Decision, Inject, MatchPolicy, Rules, Session, Uri, wamp};
use serverwamp_tests::{Peer, Serializer, hello};

use super::{NOT_AUTHORIZED, ask, outcome, request};

/// How many functions have run.
#[derive(Clone, Default)]
struct Runs(Arc<AtomicUsize>);

impl Runs {
    fn count(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn take(&self) -> usize {
        self.0.swap(0, Ordering::SeqCst)
    }
}

#[wamp::rpc("open")]
#[wamp::rpc("for.anonymous", role = "anonymous")]
#[wamp::rpc("for.both", role = "admin | anonymous")]
#[wamp::rpc("for.admin", role = "admin")]
#[wamp::rpc("for.", match = "prefix", role = "admin|staff")]
async fn call(runs: Inject<Runs>) {
    runs.count();
}

#[wamp::rpc("blocking", blocking, role = "admin")]
fn blocking(runs: Inject<Runs>) {
    runs.count();
}

#[wamp::subscribe("topic.open")]
#[wamp::subscribe("topic.anonymous", role = "anonymous")]
#[wamp::subscribe("topic.admin", role = "admin")]
async fn topic(runs: Inject<Runs>) {
    runs.count();
}

/// It is asked before the one for `topic.admin`, and runs for none of those that are refused.
#[wamp::subscribe("topic.", match = "prefix")]
async fn any_topic(runs: Inject<Runs>) {
    runs.count();
}

#[wamp::event("event.open")]
#[wamp::event("event.anonymous", role = "anonymous")]
#[wamp::event("event.admin", role = "admin")]
async fn event(runs: Inject<Runs>) {
    runs.count();
}

struct Service;

#[wamp::service(prefix = "service", role = "admin")]
impl Service {
    #[wamp::rpc]
    async fn closed(&self) {}

    #[wamp::rpc(role = "anonymous")]
    async fn opened(&self) {}

    #[wamp::unsubscribe]
    async fn ended(&self) {}
}

fn app(runs: &Runs) -> App {
    App::discover_in(module_path!()).inject(runs.clone()).service(Service).open_topics("event.")
}

#[tokio::test]
async fn a_function_is_for_the_roles_that_it_names() {
    let runs = Runs::default();
    let allow = async |_: Session, _: Uri, _: Action| Decision::allow();
    for app in [app(&runs), app(&runs).authorizer(allow)] {
        for serializer in Serializer::ALL {
            let mut peer = Peer::join(&app, serializer).await;
            let before = app.handle().statistics();
            for (id, (kind, uri, expected, functions)) in (1..).zip([
                ("call", "open", "result", 1),
                ("call", "for.anonymous", "result", 1),
                ("call", "for.both", "result", 1),
                ("call", "for.admin", NOT_AUTHORIZED, 0),
                ("call", "for.staff", NOT_AUTHORIZED, 0),
                ("call", "blocking", NOT_AUTHORIZED, 0),
                ("call", "service.closed", NOT_AUTHORIZED, 0),
                ("call", "service.opened", "result", 0),
                ("subscribe", "topic.open", "subscribed", 2),
                ("subscribe", "topic.anonymous", "subscribed", 2),
                ("subscribe", "topic.admin", NOT_AUTHORIZED, 0),
                // Who may subscribe is another question than who may publish.
                ("subscribe", "event.admin", "subscribed", 0),
                ("publish", "event.open", "published", 1),
                ("publish", "event.anonymous", "published", 1),
                ("publish", "event.admin", NOT_AUTHORIZED, 0),
            ]) {
                let answer = ask(&mut peer, request(kind, id, uri, "exact")).await;
                assert_eq!(outcome(&answer), expected, "{serializer} {kind} {uri}");
                assert_eq!(runs.take(), functions, "{serializer} {kind} {uri}");
            }
            let after = app.handle().statistics();
            assert_eq!(after.denied_requests - before.denied_requests, 6, "{serializer}");
            assert_eq!(after.failed_calls - before.failed_calls, 4, "{serializer}");
            app.handle().realm("realm1").publish("event.admin", 7).await.unwrap();
            assert_eq!(peer.receive().await.unwrap()[4], json!([7]), "{serializer}: nothing was published before");
        }
    }
}

#[tokio::test]
async fn a_pattern_does_not_get_around_a_function() {
    let app = app(&Runs::default());
    for serializer in Serializer::ALL {
        let mut peer = Peer::join(&app, serializer).await;
        for (id, (pattern, policy)) in (1..).zip([("topic.", "prefix"), ("topic.", "wildcard"), (".admin", "wildcard")])
        {
            let answer = ask(&mut peer, request("subscribe", id, pattern, policy)).await;
            assert_eq!(outcome(&answer), "wamp.error.invalid_uri", "{serializer} {pattern}");
        }
        let answer = ask(&mut peer, request("subscribe", 9, "topic.admin", "wildcard")).await;
        assert_eq!(outcome(&answer), NOT_AUTHORIZED, "{serializer}");
    }
}

#[tokio::test]
async fn rules_do_not_open_a_function() {
    let rules = Rules::new().allow("*", "", MatchPolicy::Prefix, ActionKind::ALL);
    let app = app(&Runs::default()).rules(rules);
    for serializer in Serializer::ALL {
        let mut peer = Peer::join(&app, serializer).await;
        for (id, (uri, expected)) in (1..).zip([("for.admin", NOT_AUTHORIZED), ("for.anonymous", "result")]) {
            assert_eq!(
                outcome(&ask(&mut peer, request("call", id, uri, "exact")).await),
                expected,
                "{serializer} {uri}"
            );
        }
    }
}

/// Gives every client that claims to be somebody that name for a role.
fn app_with_roles(runs: &Runs) -> App {
    app(runs).allow_anonymous("guest").transport_authenticator(async |session: Session| {
        let role = session.claims().authid()?.to_owned();
        Some(Authenticated::new(()).role(role))
    })
}

/// Joins as somebody, and claims to be an administrator in every other way there is.
async fn join_as(app: &App, serializer: Serializer, name: Option<&str>) -> Peer {
    let mut peer = Peer::connect(app, serializer);
    let mut hello = hello("realm1");
    hello[2]["authrole"] = json!("admin");
    hello[2]["role"] = json!("admin");
    hello[2]["authextra"] = json!({"authrole": "admin", "role": "admin"});
    if let Some(name) = name {
        hello[2]["authid"] = json!(name);
    }
    let welcome = ask(&mut peer, hello).await;
    assert_eq!(welcome[2]["authrole"], name.unwrap_or("guest"), "{welcome}");
    peer
}

#[tokio::test]
async fn the_role_is_the_one_that_authentication_found() {
    let asked = Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    let rules = Rules::new().allow("admin | staff", "", MatchPolicy::Prefix, ActionKind::ALL).allow(
        "guest",
        "for.",
        MatchPolicy::Prefix,
        [ActionKind::Call],
    );
    let app = app_with_roles(&Runs::default()).rules(rules).authorizer(move |session: Session, _: Uri, _: Action| {
        log.lock().unwrap().push(session.authrole().to_owned());
        async { Decision::allow() }
    });
    for serializer in Serializer::ALL {
        for (name, requests) in [
            (Some("admin"), [("for.admin", true, true), ("for.both", true, true), ("open", true, true)]),
            (Some("staff"), [("for.admin", false, false), ("for.staff", true, true), ("open", true, true)]),
            (Some("anonymous"), [("for.admin", false, false), ("for.both", false, false), ("open", false, false)]),
            (None, [("for.admin", false, false), ("for.none", false, false), ("open", false, false)]),
            (Some("guest"), [("for.both", false, false), ("open", false, false), ("unknown", false, false)]),
        ] {
            let mut peer = join_as(&app, serializer, name).await;
            for (id, (uri, allowed, asks)) in (1..).zip(requests) {
                let answer = ask(&mut peer, request("call", id, uri, "exact")).await;
                let expected = if allowed { "result" } else { NOT_AUTHORIZED };
                assert_eq!(outcome(&answer), expected, "{serializer} {name:?} {uri}");
                let asked = std::mem::take(&mut *asked.lock().unwrap());
                assert_eq!(asked, vec![name.unwrap_or("guest"); usize::from(asks)], "{serializer} {name:?} {uri}");
            }
        }
    }
}
