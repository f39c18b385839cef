//! The meta API of subscriptions.

use serde_json::{Value, json};
use serverwamp_tests::{Peer, Serializer};

use super::*;

async fn meta(peer: &mut Peer, request: u64, procedure: &str, args: Value) -> Value {
    call(peer, request, &format!("wamp.subscription.{procedure}"), args, json!({})).await
}

#[tokio::test]
async fn subscriptions_are_listed_looked_up_and_described() {
    for serializer in Serializer::ALL {
        let app = app();
        let (mut one, first) = join_as(&app, serializer, "realm1", json!({})).await;
        let (mut other, second) = join_as(&app, serializer, "realm1", json!({})).await;
        for (request, (topic, policy)) in
            (1..).zip([("a.b.c", "exact"), ("a.b", "prefix"), ("a..c", "wildcard"), ("", "prefix")])
        {
            assert_eq!(subscribe(&mut one, request, topic, json!({"match": policy})).await, request);
        }
        assert_eq!(subscribe(&mut other, 1, "a.b", json!({"match": "prefix"})).await, 2);
        let mut sessions = [first, second];
        sessions.sort_unstable();
        for (request, (procedure, args, expected)) in (10..).zip([
            ("list", json!([]), json!({"exact": [1], "prefix": [2, 4], "wildcard": [3]})),
            ("lookup", json!(["a.b.c"]), json!(1)),
            ("lookup", json!(["a.b", {"match": "prefix"}]), json!(2)),
            ("lookup", json!(["a..c", {"match": "wildcard"}]), json!(3)),
            ("lookup", json!(["", {"match": "prefix"}]), json!(4)),
            ("lookup", json!(["a.b"]), json!(null)),
            ("lookup", json!(["a.b", {"match": "exact"}]), json!(null)),
            ("match", json!(["a.b.c"]), json!([1, 4, 2, 3])),
            ("match", json!(["a.x.c"]), json!([4, 3])),
            ("match", json!(["wamp.session.on_join"]), json!(null)),
            ("list_subscribers", json!([2]), json!(sessions)),
            ("list_subscribers", json!([1]), json!([first])),
            ("count_subscribers", json!([2]), json!(2)),
        ]) {
            assert_eq!(meta(&mut one, request, procedure, args.clone()).await, json!([expected]), "{procedure} {args}");
        }
        let described = meta(&mut one, 40, "get", json!([2])).await;
        let created = described[0]["created"].as_str().unwrap();
        assert!(chrono::DateTime::parse_from_rfc3339(created).is_ok(), "{created}");
        assert_eq!(described, json!([{"id": 2, "created": created, "uri": "a.b", "match": "prefix"}]), "{serializer}");
        for (request, (procedure, args, error)) in (50..).zip([
            ("get", json!([9]), "wamp.error.no_such_subscription"),
            ("list_subscribers", json!([0]), "wamp.error.no_such_subscription"),
            ("count_subscribers", json!([9]), "wamp.error.no_such_subscription"),
            ("get", json!([]), "wamp.error.invalid_argument"),
            ("lookup", json!([7]), "wamp.error.invalid_argument"),
            ("lookup", json!(["a..b"]), "wamp.error.invalid_uri"),
            ("lookup", json!(["a", {"match": "nonsense"}]), "wamp.error.invalid_argument"),
            ("match", json!(["a..b"]), "wamp.error.invalid_uri"),
        ]) {
            let procedure = format!("wamp.subscription.{procedure}");
            let got = call_error(&mut one, request, &procedure, args.clone(), json!({})).await;
            assert_eq!(got, error, "{serializer} {procedure} {args}");
        }
        assert_eq!(ask(&mut one, json!([34, 90, 1])).await, json!([35, 90]));
        assert_eq!(meta(&mut one, 91, "lookup", json!(["a.b.c"])).await, json!([null]));
    }
}

/// The next meta event: its topic and arguments, the time of a creation checked and left out.
async fn meta_event(peer: &mut Peer) -> (String, Value) {
    let event = peer.receive().await.expect("an event");
    assert_eq!(event[0], 36, "{event}");
    let mut args = event[4].clone();
    if let Some(created) = args[1].get("created").cloned() {
        assert!(chrono::DateTime::parse_from_rfc3339(created.as_str().unwrap()).is_ok(), "{created}");
        args[1].as_object_mut().unwrap().remove("created");
    }
    let topic = event[3]["topic"].as_str().expect("the topic, for a pattern");
    (topic.strip_prefix("wamp.subscription.on_").unwrap_or(topic).to_owned(), args)
}

#[tokio::test]
async fn changes_of_subscriptions_are_events_in_their_order() {
    for serializer in Serializer::ALL {
        let app = app();
        let mut watcher = join(&app, serializer, "realm1").await;
        // Of itself it hears nothing.
        assert_eq!(subscribe(&mut watcher, 1, "wamp.subscription.", json!({"match": "prefix"})).await, 1);
        let (mut one, first) = join_as(&app, serializer, "realm1", json!({})).await;
        let (mut other, second) = join_as(&app, serializer, "realm1", json!({})).await;
        let id = subscribe(&mut one, 1, "a.b", json!({"match": "prefix"})).await;
        subscribe(&mut other, 1, "a.b", json!({"match": "prefix"})).await;
        subscribe(&mut other, 2, "a.b", json!({"match": "prefix"})).await;
        let exact = subscribe(&mut other, 3, "x", json!({})).await;
        ask(&mut one, json!([34, 2, id])).await;
        assert_eq!(ask(&mut other, json!([6, {}, "wamp.close.close_realm"])).await[0], 6);
        let mut expected = vec![
            ("create", json!([first, {"id": id, "uri": "a.b", "match": "prefix"}])),
            ("subscribe", json!([first, id])),
            ("subscribe", json!([second, id])),
            ("create", json!([second, {"id": exact, "uri": "x", "match": "exact"}])),
            ("subscribe", json!([second, exact])),
            ("unsubscribe", json!([first, id])),
        ];
        let mut last = vec![
            ("unsubscribe", json!([second, id])),
            ("delete", json!([second, id])),
            ("unsubscribe", json!([second, exact])),
            ("delete", json!([second, exact])),
        ];
        for (name, args) in expected.drain(..) {
            assert_eq!(meta_event(&mut watcher).await, (name.to_owned(), args), "{serializer}");
        }
        // The subscriptions of a session that leaves end in no order; each is over after it has no subscriber.
        let mut before = None;
        while !last.is_empty() {
            let (name, args) = meta_event(&mut watcher).await;
            let place = last.iter().position(|(wanted, id)| *wanted == name && *id == args).expect("one of them");
            last.remove(place);
            if name == "delete" {
                assert_eq!(before, Some(args), "{serializer}");
                before = None;
            } else {
                before = Some(args);
            }
        }
        assert_nothing_else(&mut watcher, 9).await;
    }
}

#[tokio::test]
async fn subscribers_are_removed() {
    for serializer in Serializer::ALL {
        let app = app();
        let mut admin = join(&app, serializer, "realm1").await;
        let (mut told, session) = join_as(&app, serializer, "realm1", json!({"subscription_revocation": true})).await;
        let id = subscribe(&mut told, 1, "a", json!({})).await;
        let remove = "wamp.subscription.remove_subscriber";
        for (request, (args, kwargs, error)) in (1..).zip([
            (json!([id, 1]), json!({}), "wamp.error.no_such_session"),
            (json!([99, session]), json!({}), "wamp.error.no_such_subscription"),
            (json!([id, session]), json!({"reason": "not a uri"}), "wamp.error.invalid_uri"),
            (json!([id]), json!({}), "wamp.error.invalid_argument"),
        ]) {
            assert_eq!(
                call_error(&mut admin, request, remove, args.clone(), kwargs).await,
                error,
                "{serializer} {args}"
            );
        }
        assert_eq!(call(&mut admin, 9, remove, json!([id, session]), json!({"reason": "my.reason"})).await, json!([]));
        let revoked = json!([35, 0, {"subscription": id, "reason": "my.reason"}]);
        assert_eq!(told.receive().await, Some(revoked), "{serializer}");
        publish(&mut admin, 10, json!({}), "a", json!([])).await;
        assert_nothing_else(&mut told, 2).await;
        assert_eq!(meta(&mut admin, 11, "lookup", json!(["a"])).await, json!([null]));
    }
}
