//! Session testaments: events that a session leaves to be published when it is over.

use serde_json::{Value, json};
use serverwamp::{ActionKind, EventDetails, Inject, Limits, MatchPolicy, Realm, RealmHandle, Rules, routes, wamp};
use serverwamp_tests::{Peer, Serializer};

use super::*;

const ADD: &str = "wamp.session.add_testament";
const FLUSH: &str = "wamp.session.flush_testaments";

async fn add(peer: &mut Peer, request: u64, topic: &str, args: Value, more: Value) {
    let kwargs = more.get("kwargs").cloned().unwrap_or_else(|| json!({}));
    let mut named = more;
    named.as_object_mut().unwrap().remove("kwargs");
    assert_eq!(call(peer, request, ADD, json!([topic, args, kwargs]), named).await, json!([]));
}

/// A watcher of everything on `will.`, and a session with an id.
async fn watched(app: &App, serializer: Serializer) -> (Peer, Peer, u64) {
    let mut watcher = join(app, serializer, "realm1").await;
    subscribe(&mut watcher, 1, "will.", json!({"match": "prefix"})).await;
    let (peer, id) = join_as(app, serializer, "realm1", json!({})).await;
    (watcher, peer, id)
}

/// Ways in which a session ends.
const ENDINGS: [&str; 6] = ["goodbye", "lost", "violation", "abort", "kill", "no pong"];

#[tokio::test(start_paused = true)]
async fn they_are_published_whichever_way_the_session_ends() {
    for serializer in Serializer::ALL {
        for ending in ENDINGS {
            let app = app();
            let (mut watcher, mut peer, id) = watched(&app, serializer).await;
            add(&mut peer, 1, "will.a", json!([1, "é", "\0AQI="]), json!({"kwargs": {"k": [null]}})).await;
            assert_nothing_else(&mut watcher, 2).await;
            let mut kept = None;
            match ending {
                "goodbye" => peer.send(json!([6, {}, "wamp.close.close_realm"])).await,
                "lost" => drop(peer),
                "violation" => peer.send(json!([2, 7, {}])).await,
                "abort" => peer.send(json!([3, {}, "my.reason"])).await,
                "kill" => {
                    watcher.send(json!([48, 3, {}, "wamp.session.kill", [id]])).await;
                    assert_eq!(watcher.receive().await, Some(json!([50, 3, {}])));
                    kept = Some(peer);
                }
                // Nobody answers the pings of this one; the watcher does.
                _ => kept = Some(peer),
            }
            let event = watcher.receive().await.unwrap();
            assert_eq!(event[3], json!({"topic": "will.a"}), "{serializer} {ending}");
            assert_eq!(
                (&event[4], &event[5]),
                (&json!([1, "é", "\0AQI="]), &json!({"k": [null]})),
                "{serializer} {ending}"
            );
            assert_nothing_else(&mut watcher, 4).await;
            drop(kept);
        }
    }
}

#[tokio::test]
async fn detached_come_first_and_each_scope_in_its_order() {
    for serializer in Serializer::ALL {
        let app = app();
        let (mut watcher, mut peer, _) = watched(&app, serializer).await;
        for (request, (text, scope)) in
            (1..).zip([("1", "destroyed"), ("2", "detached"), ("3", "destroyed"), ("4", "detached")])
        {
            add(&mut peer, request, "will.a", json!([text]), json!({"scope": scope})).await;
        }
        drop(peer);
        for text in ["2", "4", "1", "3"] {
            assert_eq!(watcher.receive().await.unwrap()[4], json!([text]), "{serializer}");
        }
        assert_nothing_else(&mut watcher, 2).await;
    }
}

#[tokio::test]
async fn they_can_be_flushed_by_scope() {
    for serializer in Serializer::ALL {
        for (scope, left) in [(json!({}), "detached"), (json!({"scope": "detached"}), "destroyed")] {
            let app = app();
            let (mut watcher, mut peer, _) = watched(&app, serializer).await;
            for (request, kept) in [(1, "detached"), (2, "destroyed")] {
                add(&mut peer, request, "will.a", json!([kept]), json!({"scope": kept})).await;
            }
            assert_eq!(call(&mut peer, 3, FLUSH, json!([]), scope).await, json!([]));
            drop(peer);
            assert_eq!(watcher.receive().await.unwrap()[4], json!([left]), "{serializer}");
            assert_nothing_else(&mut watcher, 2).await;
        }
    }
}

#[tokio::test]
async fn publish_options_are_honoured() {
    for serializer in Serializer::ALL {
        let app = app();
        let (mut watcher, mut peer, id) = watched(&app, serializer).await;
        let (mut other, watching) = join_as(&app, serializer, "realm1", json!({})).await;
        subscribe(&mut other, 1, "will.", json!({"match": "prefix"})).await;
        let options = json!({"disclose_me": true, "retain": true, "acknowledge": true, "exclude": [watching]});
        add(&mut peer, 1, "will.a", json!(["x"]), json!({"publish_options": options})).await;
        add(&mut peer, 2, "will.b", json!(["y"]), json!({"publish_options": {"eligible": [watching]}})).await;
        drop(peer);
        let event = watcher.receive().await.unwrap();
        assert_eq!((&event[3]["publisher"], &event[4]), (&json!(id), &json!(["x"])), "{serializer}");
        assert_nothing_else(&mut watcher, 2).await;
        assert_eq!(other.receive().await.unwrap()[4], json!(["y"]), "{serializer}");
        let mut late = join(&app, serializer, "realm1").await;
        subscribe(&mut late, 1, "will.a", json!({"get_retained": true})).await;
        assert_eq!(late.receive().await.unwrap()[4], json!(["x"]), "{serializer}");
    }
}

#[tokio::test]
async fn kill_all_fires_none() {
    for serializer in Serializer::ALL {
        let app = app();
        let (mut watcher, mut peer, _) = watched(&app, serializer).await;
        add(&mut peer, 1, "will.a", json!(["x"]), json!({})).await;
        assert_eq!(call(&mut watcher, 2, "wamp.session.kill_all", json!([]), json!({})).await, json!([1]));
        assert_eq!(peer.receive().await.unwrap()[0], 6);
        peer.send(json!([6, {}, "wamp.close.goodbye_and_out"])).await;
        subscribe(&mut watcher, 3, "wamp.session.on_leave", json!({})).await;
        while call(&mut watcher, 4, "wamp.session.count", json!([]), json!({})).await != json!([1]) {}
        watcher.send(json!([48, 5, {}, "alive"])).await;
        loop {
            let message = watcher.receive().await.unwrap();
            if message[0] == 50 {
                break;
            }
            assert_ne!(message[1], 1, "{serializer}: {message}");
        }
    }
}

#[tokio::test]
async fn what_is_refused() {
    let rules = Rules::new()
        .allow("*", "wamp.session.", MatchPolicy::Prefix, ActionKind::ALL)
        .allow("*", "alive", MatchPolicy::Exact, ActionKind::ALL)
        .allow("*", "will.", MatchPolicy::Prefix, ActionKind::ALL);
    for serializer in Serializer::ALL {
        let app = App::discover_in("behaviour::router").realm(Realm::new("realm1").router().rules(rules.clone()));
        let (mut watcher, mut peer, _) = watched(&app, serializer).await;
        let invalid = "wamp.error.invalid_argument";
        for (request, (args, kwargs, error)) in (1..).zip([
            (json!([]), json!({}), invalid),
            (json!([7]), json!({}), invalid),
            (json!(["will.a", 7]), json!({}), invalid),
            (json!(["will.a", [], 7]), json!({}), invalid),
            (json!(["will.a", [], {}]), json!({"scope": "now"}), invalid),
            (json!(["will.a", [], {}]), json!({"scope": 7}), invalid),
            (json!(["will.a", [], {}]), json!({"publish_options": 7}), invalid),
            (json!(["will.a", [], {}]), json!({"publish_options": {"exclude": "x"}}), invalid),
            (json!(["not a uri", [], {}]), json!({}), "wamp.error.invalid_uri"),
            (json!(["wamp.session.on_join", [], {}]), json!({}), "wamp.error.invalid_uri"),
            (json!(["other", [], {}]), json!({}), "wamp.error.not_authorized"),
        ]) {
            let got = call_error(&mut peer, request, ADD, args.clone(), kwargs).await;
            assert_eq!(got, error, "{serializer} {args}");
        }
        assert_eq!(call_error(&mut peer, 20, FLUSH, json!([]), json!({"scope": "now"})).await, invalid);
        drop(peer);
        assert_nothing_else(&mut watcher, 2).await;
    }
}

#[wamp::event("will.", match = "prefix", manual)]
async fn hear(text: String, details: EventDetails, realm: RealmHandle, prefix: Inject<String>) {
    realm.publish("heard", (format!("{}{text}", *prefix), details.topic().to_string()));
}

#[tokio::test]
async fn event_functions_run_for_them() {
    for serializer in Serializer::ALL {
        let app = app().routes(routes![hear]).inject("heard ".to_owned());
        let mut watcher = join(&app, serializer, "realm1").await;
        subscribe(&mut watcher, 1, "heard", json!({})).await;
        let mut peer = join(&app, serializer, "realm1").await;
        add(&mut peer, 1, "will.a", json!(["x"]), json!({})).await;
        drop(peer);
        assert_eq!(watcher.receive().await.unwrap()[4], json!(["heard x", "will.a"]), "{serializer}");
    }
}

#[tokio::test]
async fn testaments_limit_and_testament_bytes_limit() {
    for serializer in Serializer::ALL {
        for (limits, limit) in [
            (Limits { testaments: 2, ..Limits::default() }, "testaments"),
            (Limits { testament_bytes: 1000, ..Limits::default() }, "testament_bytes"),
        ] {
            let app = app().limits(limits);
            let (mut watcher, mut peer, _) = watched(&app, serializer).await;
            add(&mut peer, 1, "will.a", json!(["x".repeat(100)]), json!({})).await;
            add(&mut peer, 2, "will.b", json!(["x".repeat(100)]), json!({"scope": "detached"})).await;
            let error = ask(&mut peer, json!([48, 3, {}, ADD, ["will.c", ["x".repeat(100)], {}]])).await;
            assert_eq!(error[4], "serverwamp.error.limit_exceeded", "{serializer}");
            assert_eq!(error[6]["limit"], limit, "{serializer}");
            assert_eq!(app.handle().statistics().limits.get(limit), Some(&1), "{serializer}");
            // Flushing makes room.
            assert_eq!(call(&mut peer, 4, FLUSH, json!([]), json!({})).await, json!([]));
            add(&mut peer, 5, "will.d", json!([1]), json!({})).await;
            drop(peer);
            for topic in ["will.b", "will.d"] {
                assert_eq!(watcher.receive().await.unwrap()[3]["topic"], topic, "{serializer}");
            }
            assert_nothing_else(&mut watcher, 2).await;
        }
    }
}
