//! Event retention: `retain`, `get_retained`.

use serde_json::{Value, json};
use serverwamp::{Audience, Limits};
use serverwamp_tests::Serializer;

use super::*;

const RETAIN: fn() -> Value = || json!({"retain": true});

/// The retained events that a new subscription is sent, each as its topic (with patterns) and its first argument.
async fn retained(peer: &mut Peer, request: u64, topic: &str, policy: &str) -> Vec<(Value, Value)> {
    let id = subscribe(peer, request, topic, json!({"match": policy, "get_retained": true})).await;
    peer.send(json!([48, request + 1000, {}, "alive"])).await;
    let mut events = Vec::new();
    loop {
        let message = peer.receive().await.expect("a message");
        if message[0] == 50 {
            return events;
        }
        assert_eq!((&message[0], &message[1], &message[3]["retained"]), (&json!(36), &json!(id), &json!(true)));
        events.push((message[3]["topic"].clone(), message[4][0].clone()));
    }
}

#[tokio::test]
async fn the_latest_event_follows_subscribed_in_every_serializer() {
    for published in Serializer::ALL {
        for subscribed in Serializer::ALL {
            let app = app();
            let mut publisher = join(&app, published, "realm1").await;
            publish(&mut publisher, 1, RETAIN(), "a.b", json!(["old"])).await;
            let payload =
                json!([16, 2, {"acknowledge": true, "retain": true}, "a.b", [1, "é", "\0AQI=", [null]], {"k": 1.5}]);
            let id = ask(&mut publisher, payload).await[2].clone();
            publish(&mut publisher, 3, json!({}), "a.b", json!(["not retained"])).await;
            let mut subscriber = join(&app, subscribed, "realm1").await;
            assert_eq!(subscribe(&mut subscriber, 1, "a.b", json!({"get_retained": true})).await, 1);
            let event = json!([36, 1, id, {"retained": true}, [1, "é", "\0AQI=", [null]], {"k": 1.5}]);
            assert_eq!(subscriber.receive().await, Some(event), "{published} to {subscribed}");
            publish(&mut publisher, 4, RETAIN(), "a.b", json!(["new"])).await;
            let event = subscriber.receive().await.unwrap();
            assert_eq!((&event[3], &event[4]), (&json!({}), &json!(["new"])), "{published} to {subscribed}");
        }
    }
}

#[tokio::test]
async fn only_who_asks_gets_them_and_again_when_asking_again() {
    for serializer in Serializer::ALL {
        let app = app();
        let mut publisher = join(&app, serializer, "realm1").await;
        publish(&mut publisher, 1, RETAIN(), "a", json!(["x"])).await;
        let mut subscriber = join(&app, serializer, "realm1").await;
        for (request, options) in [(1, json!({})), (2, json!({"get_retained": false}))] {
            subscribe(&mut subscriber, request, "a", options).await;
            assert_nothing_else(&mut subscriber, request + 10).await;
        }
        for request in [21, 22] {
            assert_eq!(retained(&mut subscriber, request, "a", "exact").await, [(Value::Null, json!("x"))]);
        }
        // Nobody of another realm.
        let mut elsewhere = join(&app, serializer, "realm2").await;
        assert_eq!(retained(&mut elsewhere, 1, "a", "exact").await, []);
    }
}

#[tokio::test]
async fn patterns_get_what_matches_in_the_order_of_publication() {
    for serializer in Serializer::ALL {
        let app = app();
        let mut publisher = join(&app, serializer, "realm1").await;
        for (request, topic) in (1..).zip(["a.z", "b", "a.b.c", "ab", "a.b", "a.x.c", "a.z"]) {
            publish(&mut publisher, request, RETAIN(), topic, json!([request])).await;
        }
        let mut subscriber = join(&app, serializer, "realm1").await;
        for (request, (topic, policy, expected)) in (1..).zip([
            ("a", "prefix", vec![("a.b.c", 3), ("ab", 4), ("a.b", 5), ("a.x.c", 6), ("a.z", 7)]),
            ("a.", "prefix", vec![("a.b.c", 3), ("a.b", 5), ("a.x.c", 6), ("a.z", 7)]),
            ("a..c", "wildcard", vec![("a.b.c", 3), ("a.x.c", 6)]),
            (".b.c", "wildcard", vec![("a.b.c", 3)]),
            ("c", "prefix", vec![]),
        ]) {
            let expected: Vec<_> = expected.into_iter().map(|(topic, value)| (json!(topic), json!(value))).collect();
            assert_eq!(retained(&mut subscriber, request, topic, policy).await, expected, "{serializer} {topic}");
        }
    }
}

/// Joins with an authid of its own making: anonymous clients are told apart by their session ids here.
#[tokio::test]
async fn lists_of_the_publication_hold_for_late_subscribers() {
    for serializer in Serializer::ALL {
        let app = app();
        let (mut publisher, own) = join_as(&app, serializer, "realm1", json!({})).await;
        let (mut late, id) = join_as(&app, serializer, "realm1", json!({})).await;
        publish(&mut publisher, 1, RETAIN(), "base", json!(["for all"])).await;
        for (request, (options, expected)) in (2..).zip([
            (json!({}), Some("new")),
            (json!({"exclude": [id]}), None),
            (json!({"eligible": [id]}), Some("new")),
            (json!({"eligible": []}), None),
            (json!({"exclude_authrole": ["anonymous"]}), None),
            (json!({"eligible_authrole": ["anonymous"], "exclude_authid": ["nobody"]}), Some("new")),
            (json!({"eligible_authid": ["nobody"]}), None),
        ]) {
            let mut restricted = options.clone();
            restricted["retain"] = json!(true);
            let topic = format!("t.{request}");
            // Whom the later event is not for still has the one before.
            publish(&mut publisher, request * 10, RETAIN(), &topic, json!(["old"])).await;
            publish(&mut publisher, request * 10 + 1, restricted.clone(), &topic, json!(["older still"])).await;
            publish(&mut publisher, request * 10 + 2, restricted, &topic, json!(["new"])).await;
            let got = retained(&mut late, request, &topic, "exact").await;
            assert_eq!(got, [(Value::Null, json!(expected.unwrap_or("old")))], "{serializer} {options}");
            publish(&mut publisher, request * 10 + 3, RETAIN(), &topic, json!(["newest"])).await;
            assert_eq!(late.receive().await.unwrap()[4], json!(["newest"]));
            let (mut later, _) = join_as(&app, serializer, "realm1", json!({})).await;
            assert_eq!(retained(&mut later, 1, &topic, "exact").await, [(Value::Null, json!("newest"))]);
        }
        // Its own event a publisher gets if it would have had it.
        assert_eq!(retained(&mut publisher, 500, "base", "exact").await, []);
        publish(&mut publisher, 501, json!({"retain": true, "exclude_me": false}), "base", json!([own])).await;
        let event = publisher.receive().await.unwrap();
        assert_eq!(event[4], json!([own]));
        assert_eq!(retained(&mut publisher, 502, "base", "exact").await, [(Value::Null, json!(own))]);
    }
}

#[tokio::test]
async fn a_disclosed_publisher_and_an_encrypted_payload_are_retained_as_they_were() {
    for serializer in Serializer::ALL {
        let app = app();
        let (mut publisher, own) = join_as(&app, serializer, "realm1", json!({})).await;
        let options = json!({"retain": true, "disclose_me": true, "enc_algo": "cryptobox", "enc_serializer": "json"});
        publisher.send(json!([16, 1, options, "t", "\0AQI="])).await;
        assert_nothing_else(&mut publisher, 2).await;
        let mut late = join(&app, serializer, "realm1").await;
        subscribe(&mut late, 1, "t", json!({"get_retained": true})).await;
        let event = late.receive().await.unwrap();
        assert_eq!(event[4], "\0AQI=", "{serializer}");
        assert_eq!((&event[3]["publisher"], &event[3]["enc_algo"]), (&json!(own), &json!("cryptobox")));
        assert_eq!(event[3]["publisher_authrole"], "anonymous");
    }
}

#[tokio::test]
async fn the_program_retains_and_clears() {
    for serializer in Serializer::ALL {
        let app = app();
        let realm = app.handle().realm("realm1");
        // A configured router lives without sessions.
        let _ = serverwamp::testing::RawPeer::connect(&app, "wamp.2.json").expect("the app starts");
        assert!(realm.publish_retained("t", "early").is_ok());
        let staff = Audience::everyone().eligible_authrole(["staff"]);
        assert!(realm.publish_retained_to(staff, "t", "for staff").is_ok());
        assert!(app.handle().realm("nobody.is.here").publish_retained("t", "x").result().is_err());
        let mut peer = join(&app, serializer, "realm1").await;
        assert_eq!(retained(&mut peer, 1, "t", "exact").await, [(Value::Null, json!("early"))]);
        assert_eq!(call(&mut peer, 2, "retain", json!(["u", "late"]), json!({})).await, json!([true]));
        assert_eq!(retained(&mut peer, 3, "u", "exact").await, [(Value::Null, json!("late"))]);
        for cleared in [true, false] {
            assert_eq!(call(&mut peer, 4, "clear", json!(["u"]), json!({})).await, json!([cleared]));
        }
        assert_eq!(retained(&mut peer, 5, "u", "prefix").await, []);
    }
}

#[tokio::test]
async fn other_realms_retain_nothing() {
    let app = App::discover_in("behaviour::router").open_topics("");
    for serializer in Serializer::ALL {
        let mut peer = join(&app, serializer, "plain").await;
        let error = ask(&mut peer, json!([16, 1, {"acknowledge": true, "retain": true}, "t", ["x"]])).await;
        assert_eq!((&error[0], &error[1]), (&json!(17), &json!(1)), "{serializer}: as without the option");
        assert_eq!(call(&mut peer, 2, "retain", json!(["t", "x"]), json!({})).await, json!([false]));
        assert_eq!(retained(&mut peer, 3, "t", "exact").await, []);
    }
}

#[tokio::test]
async fn retained_events_limit_and_retained_bytes_limit() {
    for serializer in Serializer::ALL {
        for (limits, limit) in [
            (Limits { retained_events: 2, ..Limits::default() }, "retained_events"),
            (Limits { retained_bytes: 1000, ..Limits::default() }, "retained_bytes"),
        ] {
            let app = app().limits(limits);
            let mut publisher = join(&app, serializer, "realm1").await;
            for (request, topic) in (1..).zip(["a.1", "a.2", "a.3"]) {
                publish(&mut publisher, request, RETAIN(), topic, json!(["x".repeat(100)])).await;
            }
            // What supersedes another takes its room.
            publish(&mut publisher, 4, RETAIN(), "a.3", json!(["y".repeat(100)])).await;
            let mut late = join(&app, serializer, "realm1").await;
            let kept: Vec<Value> = retained(&mut late, 1, "a.", "prefix").await.into_iter().map(|it| it.0).collect();
            assert_eq!(kept, ["a.2", "a.3"], "{serializer} {limit}");
            assert_eq!(app.handle().statistics().limits.get(limit), Some(&1), "{serializer} {limit}");
        }
        let app = app().limits(Limits { retained_bytes: 1000, ..Limits::default() });
        let mut peer = join(&app, serializer, "realm1").await;
        subscribe(&mut peer, 1, "a", json!({})).await;
        let options = json!({"retain": true, "acknowledge": true, "exclude_me": false});
        let error = ask(&mut peer, json!([16, 2, options, "a", ["x".repeat(1000)]])).await;
        assert_eq!(error[4], "wamp.error.payload_size_exceeded", "{serializer}");
        assert_nothing_else(&mut peer, 3).await;
        let none = super::app().limits(Limits { retained_events: 0, ..Limits::default() });
        let mut peer = join(&none, serializer, "realm1").await;
        publish(&mut peer, 1, RETAIN(), "a", json!(["x"])).await;
        let mut late = join(&none, serializer, "realm1").await;
        assert_eq!(retained(&mut late, 1, "a", "exact").await, []);
    }
}
