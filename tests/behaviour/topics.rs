//! Publish and subscribe between clients, on topics that the realm opens.

use serde_json::{Value, json};
use serverwamp::{App, Audience, Limits, PublishError, Realm, RealmHandle, Session, wamp};
use serverwamp_tests::{Peer, Serializer, hello};

#[wamp::rpc]
async fn alive() -> bool {
    true
}

#[wamp::rpc]
async fn announce(topic: String, text: String, realm: RealmHandle) -> bool {
    realm.publish(topic, text).await.is_ok()
}

/// Sends to the caller alone; the event comes before the result.
#[wamp::rpc]
async fn whisper(topic: String, text: String, session: Session) -> bool {
    session.send_event(topic, text).is_ok()
}

fn app() -> App {
    App::discover_in(module_path!()).topics("news.").open_topics("chat.")
}

/// Sends a request and returns its answer.
async fn ask(peer: &mut Peer, request: Value) -> Value {
    peer.send(request).await;
    peer.receive().await.expect("an answer")
}

async fn subscribe(peer: &mut Peer, request: u64, topic: &str, policy: &str) -> u64 {
    let subscribed = ask(peer, json!([32, request, {"match": policy}, topic])).await;
    assert_eq!((&subscribed[0], &subscribed[1]), (&json!(33), &json!(request)), "{subscribed}");
    subscribed[2].as_u64().unwrap()
}

/// A peer's answer to a call shows that nothing else waits for it.
async fn assert_nothing_else(peer: &mut Peer, request: u64) {
    assert_eq!(ask(peer, json!([48, request, {}, "alive"])).await, json!([50, request, {}, [true]]));
}

#[tokio::test]
async fn an_event_reaches_subscribers_in_every_serializer() {
    for published in Serializer::ALL {
        for subscribed in Serializer::ALL {
            let app = app();
            let (mut publisher, mut subscriber) =
                (Peer::join(&app, published).await, Peer::join(&app, subscribed).await);
            assert_eq!(subscribe(&mut subscriber, 1, "chat.room", "exact").await, 1);
            let payload = json!([16, 1, {"acknowledge": true}, "chat.room", [1, "é\n\"", "\0AQI=", null], {"a": [1.5, {"b": []}]}]);
            let answer = ask(&mut publisher, payload).await;
            assert_eq!((&answer[0], &answer[1]), (&json!(17), &json!(1)));
            let id = answer[2].as_u64().unwrap();
            assert!((1..=1 << 53).contains(&id));
            let event = json!([36, 1, id, {}, [1, "é\n\"", "\0AQI=", null], {"a": [1.5, {"b": []}]}]);
            assert_eq!(subscriber.receive().await, Some(event), "{published} to {subscribed}");
            publisher.send_all(&[json!([16, 2, {}, "chat.room"]), json!([16, 3, {}, "chat.room", [], {"n": 1}])]).await;
            let bare = subscriber.receive().await.unwrap();
            assert_eq!((bare.as_array().unwrap().len(), &bare[3]), (4, &json!({})), "{bare}");
            let keywords = subscriber.receive().await.unwrap();
            assert_eq!((&keywords[4], &keywords[5]), (&json!([]), &json!({"n": 1})));
            assert_nothing_else(&mut publisher, 4).await;
        }
    }
}

#[tokio::test]
async fn welcome_announces_what_the_broker_can() {
    for serializer in Serializer::ALL {
        let mut peer = Peer::connect(&app(), serializer);
        let welcome = ask(&mut peer, hello("realm1")).await;
        let features = json!({
            "subscriber_blackwhite_listing": true, "publisher_exclusion": true, "publisher_identification": true,
            "pattern_based_subscription": true, "subscription_revocation": true,
        });
        assert_eq!(welcome[2]["roles"]["broker"], json!({"features": features}));
    }
}

#[tokio::test]
async fn subscribing_twice_is_one_subscription() {
    for serializer in Serializer::ALL {
        let app = app();
        let (mut publisher, mut subscriber) = (Peer::join(&app, serializer).await, Peer::join(&app, serializer).await);
        assert_eq!(subscribe(&mut subscriber, 1, "chat.a", "exact").await, 1);
        assert_eq!(subscribe(&mut subscriber, 2, "chat.b", "exact").await, 2);
        assert_eq!(subscribe(&mut subscriber, 3, "chat.a", "exact").await, 1);
        assert_eq!(ask(&mut publisher, json!([16, 1, {"acknowledge": true}, "chat.a", ["x"]])).await[0], 17);
        assert_eq!(subscriber.receive().await.unwrap()[1], 1);
        assert_nothing_else(&mut subscriber, 4).await;
        assert_eq!(ask(&mut subscriber, json!([34, 5, 1])).await, json!([35, 5]));
        let unknown = ask(&mut subscriber, json!([34, 6, 1])).await;
        assert_eq!((&unknown[1], &unknown[4]), (&json!(34), &json!("wamp.error.no_such_subscription")));
        // Somebody else's subscription is none of the publisher's.
        let foreign = ask(&mut publisher, json!([34, 2, 2])).await;
        assert_eq!(foreign[4], "wamp.error.no_such_subscription");
        assert_eq!(ask(&mut publisher, json!([16, 3, {"acknowledge": true}, "chat.a", ["x"]])).await[0], 17);
        assert_nothing_else(&mut subscriber, 7).await;
    }
}

#[tokio::test]
async fn one_event_for_each_matching_subscription() {
    for serializer in Serializer::ALL {
        let app = app();
        let (mut publisher, mut subscriber) = (Peer::join(&app, serializer).await, Peer::join(&app, serializer).await);
        for (request, topic, policy) in [
            (1, "chat.a.b", "exact"),
            (2, "chat.a", "prefix"),
            (3, "chat..b", "wildcard"),
            (4, "chat.b", "prefix"),
            (5, "chat..c", "wildcard"),
        ] {
            assert_eq!(subscribe(&mut subscriber, request, topic, policy).await, request);
        }
        let id = ask(&mut publisher, json!([16, 1, {"acknowledge": true}, "chat.a.b", [7]])).await[2].clone();
        let details = [json!({}), json!({"topic": "chat.a.b"}), json!({"topic": "chat.a.b"})];
        for (subscription, details) in (1..).zip(details) {
            let event = json!([36, subscription, id, details, [7]]);
            assert_eq!(subscriber.receive().await, Some(event), "{serializer}");
        }
        // A prefix is one of the text.
        publisher.send(json!([16, 2, {}, "chat.ab", [8]])).await;
        assert_eq!(subscriber.receive().await.unwrap()[1], 2);
        assert_nothing_else(&mut subscriber, 6).await;
    }
}

#[tokio::test]
async fn who_gets_an_event() {
    let id = |welcome: &Value| welcome[1].clone();
    for serializer in Serializer::ALL {
        let app = app();
        let mut peers = Vec::new();
        let mut welcomes = Vec::new();
        for _ in 0..3 {
            let mut peer = Peer::connect(&app, serializer);
            welcomes.push(ask(&mut peer, hello("realm1")).await);
            subscribe(&mut peer, 1, "chat.a", "exact").await;
            peers.push(peer);
        }
        let (me, one) = (id(&welcomes[0]), id(&welcomes[1]));
        let authid = welcomes[1][2]["authid"].clone();
        let cases: Vec<(Value, &[usize])> = vec![
            (json!({}), &[1, 2]),
            (json!({"exclude_me": true}), &[1, 2]),
            (json!({"exclude_me": false}), &[0, 1, 2]),
            (json!({"exclude": [one]}), &[2]),
            (json!({"exclude": []}), &[1, 2]),
            (json!({"exclude_authid": [authid]}), &[2]),
            (json!({"exclude_authrole": ["anonymous"]}), &[]),
            (json!({"exclude_authrole": ["admin"]}), &[1, 2]),
            (json!({"eligible": [one]}), &[1]),
            (json!({"eligible": [me, one]}), &[1]),
            (json!({"eligible": [me, one], "exclude_me": false}), &[0, 1]),
            (json!({"eligible": []}), &[]),
            (json!({"eligible_authid": [authid]}), &[1]),
            (json!({"eligible_authid": []}), &[]),
            (json!({"eligible_authrole": ["anonymous"]}), &[1, 2]),
            (json!({"eligible_authrole": ["admin"]}), &[]),
            (json!({"eligible_authrole": []}), &[]),
            (json!({"eligible": [one], "exclude_authid": [authid]}), &[]),
            (json!({"eligible": [one], "eligible_authrole": ["admin"]}), &[]),
        ];
        for (request, (mut options, expected)) in (2..).zip(cases) {
            options["acknowledge"] = json!(true);
            peers[0].send(json!([16, request, options, "chat.a", [request]])).await;
            for (index, peer) in peers.iter_mut().enumerate() {
                let wanted = usize::from(index == 0) + usize::from(expected.contains(&index));
                let mut kinds = Vec::new();
                for _ in 0..wanted {
                    kinds.push(peer.receive().await.unwrap()[0].clone());
                }
                assert_eq!(kinds.contains(&json!(36)), expected.contains(&index), "{serializer} {options} {index}");
                assert_nothing_else(peer, request + 100).await;
            }
        }
    }
}

#[tokio::test]
async fn a_publisher_is_disclosed_where_it_asks_for_it() {
    for serializer in Serializer::ALL {
        let app = app();
        let (mut publisher, mut subscriber) = (Peer::connect(&app, serializer), Peer::join(&app, serializer).await);
        let welcome = ask(&mut publisher, hello("realm1")).await;
        subscribe(&mut subscriber, 1, "chat.a", "exact").await;
        publisher.send(json!([16, 1, {"disclose_me": true}, "chat.a"])).await;
        let publisher_is = json!({
            "publisher": welcome[1], "publisher_authid": welcome[2]["authid"], "publisher_authrole": "anonymous",
        });
        assert_eq!(subscriber.receive().await.unwrap()[3], publisher_is);
        publisher.send(json!([16, 2, {"disclose_me": false}, "chat.a"])).await;
        assert_eq!(subscriber.receive().await.unwrap()[3], json!({}));
    }
}

#[tokio::test]
async fn an_opaque_payload_is_passed_through() {
    for serializer in Serializer::ALL {
        let app = app();
        let (mut publisher, mut subscriber) = (Peer::join(&app, serializer).await, Peer::join(&app, serializer).await);
        subscribe(&mut subscriber, 1, "chat.a", "exact").await;
        let scheme = json!({"ppt_scheme": "x_ours", "ppt_serializer": "cbor"});
        publisher.send(json!([16, 1, scheme, "chat.a", ["\0AQID"]])).await;
        let event = subscriber.receive().await.unwrap();
        assert_eq!((&event[3], &event[4]), (&scheme, &json!(["\0AQID"])), "{serializer}");
    }
}

#[tokio::test]
async fn only_what_the_realm_opens() {
    let (invalid, denied) = ("wamp.error.invalid_uri", "wamp.error.not_authorized");
    let cases: Vec<(Value, Option<&str>)> = vec![
        (json!([32, 1, {}, "news.a"]), None),
        (json!([32, 1, {"match": "prefix"}, "news."]), None),
        (json!([32, 1, {"match": "prefix"}, "news.a"]), None),
        (json!([32, 1, {"match": "wildcard"}, "news..a"]), None),
        (json!([32, 1, {}, "chat.a"]), None),
        (json!([32, 1, {}, "secret.a"]), Some(invalid)),
        (json!([32, 1, {"match": "prefix"}, ""]), Some(invalid)),
        (json!([32, 1, {"match": "prefix"}, "new"]), Some(invalid)),
        (json!([32, 1, {"match": "prefix"}, "news"]), Some(invalid)),
        (json!([32, 1, {"match": "wildcard"}, ".a"]), Some(invalid)),
        (json!([32, 1, {"match": "wildcard"}, ""]), Some(invalid)),
        (json!([32, 1, {}, "wamp.session.on_join"]), Some(invalid)),
        (json!([32, 1, {}, "a b"]), Some(invalid)),
        (json!([16, 1, {"acknowledge": true}, "chat.a"]), None),
        (json!([16, 1, {"acknowledge": true}, "news.a"]), Some(denied)),
        (json!([16, 1, {"acknowledge": true}, "chat"]), Some(denied)),
        (json!([16, 1, {"acknowledge": true}, "wamp.session.on_join"]), Some(invalid)),
        (json!([16, 1, {"acknowledge": true}, "chat..a"]), Some(invalid)),
    ];
    let app = app();
    for (request, error) in cases {
        for serializer in Serializer::ALL {
            let mut peer = Peer::join(&app, serializer).await;
            let answer = ask(&mut peer, request.clone()).await;
            match error {
                Some(error) => assert_eq!((&answer[0], &answer[4]), (&json!(8), &json!(error)), "{request}"),
                None => assert_ne!(answer[0], 8, "{request} {answer}"),
            }
        }
    }
}

#[tokio::test]
async fn the_protocols_topics_are_not_opened_by_an_empty_text() {
    let app = App::discover_in(module_path!()).open_topics("");
    let mut peer = Peer::join(&app, Serializer::Json).await;
    for (request, refused) in [
        (json!([32, 1, {}, "wamp.session.on_join"]), true),
        (json!([32, 2, {"match": "prefix"}, "wamp."]), true),
        (json!([32, 3, {"match": "prefix"}, ""]), false),
        (json!([16, 4, {"acknowledge": true}, "wamp.session.on_join"]), true),
        (json!([16, 5, {"acknowledge": true}, "wampum"]), false),
    ] {
        assert_eq!(ask(&mut peer, request.clone()).await[0] == 8, refused, "{request}");
    }
    let app = app.topics("wamp.session.");
    let mut peer = Peer::join(&app, Serializer::Json).await;
    assert_eq!(ask(&mut peer, json!([32, 1, {}, "wamp.session.on_join"])).await[0], 33);
    let publish = json!([16, 2, {"acknowledge": true}, "wamp.session.on_join"]);
    assert_eq!(ask(&mut peer, publish).await[4], "wamp.error.invalid_uri");
}

#[tokio::test]
async fn a_refused_publication_that_is_not_acknowledged_vanishes_and_is_counted() {
    for serializer in Serializer::ALL {
        let app = app();
        let mut peer = Peer::join(&app, serializer).await;
        let publications = [
            json!([16, 1, {}, "news.a"]),
            json!([16, 2, {"acknowledge": false}, "wamp.a"]),
            json!([16, 3, {"acknowledge": true}, "news.a"]),
        ];
        peer.send_all(&publications).await;
        assert_eq!(peer.receive().await.unwrap()[2], 3, "{serializer}");
        assert_nothing_else(&mut peer, 4).await;
        assert_eq!(app.handle().statistics().refused_publications, 3);
    }
}

#[tokio::test]
async fn realms_do_not_hear_each_other() {
    let app = app().realm(Realm::new("closed").topics("news."));
    for serializer in Serializer::ALL {
        let mut peers = Vec::new();
        for realm in ["one", "two", "closed"] {
            let mut peer = Peer::connect(&app, serializer);
            assert_eq!(ask(&mut peer, hello(realm)).await[0], 2);
            assert_eq!(subscribe(&mut peer, 1, "news.a", "exact").await, 1, "ids are the realm's own");
            peers.push(peer);
        }
        for realm in ["one", "two", "closed"] {
            app.handle().realm(realm).publish("news.a", realm);
        }
        for (peer, realm) in peers.iter_mut().zip(["one", "two", "closed"]) {
            assert_eq!(peer.receive().await.unwrap()[4], json!([realm]));
            assert_nothing_else(peer, 2).await;
        }
        assert_eq!(
            ask(&mut peers[2], json!([16, 3, {"acknowledge": true}, "chat.a"])).await[4],
            "wamp.error.not_authorized"
        );
        assert_eq!(ask(&mut peers[2], json!([32, 4, {}, "chat.a"])).await[4], "wamp.error.invalid_uri");
    }
}

#[tokio::test]
async fn the_program_publishes_from_anywhere() {
    let app = app();
    let handle = app.handle();
    let realm = handle.realm("realm1");
    assert_eq!(realm.publish("news.a", "nobody is there").await, Ok(()));
    assert_eq!((realm.name(), realm.sessions()), ("realm1", 0));
    assert_eq!(handle.realm("no realm").publish("news.a", 1).await, Ok(()));
    let invalid = realm.publish("not a topic", 1);
    assert!(matches!(invalid.result(), Err(PublishError::InvalidTopic(_))));
    let mut peers = Vec::new();
    for serializer in Serializer::ALL {
        let mut peer = Peer::join(&app, serializer).await;
        subscribe(&mut peer, 1, "news.a", "exact").await;
        peers.push(peer);
    }
    assert_eq!(realm.sessions(), Serializer::ALL.len());
    assert_eq!(realm.publish("news.a", ("text", 1.5, vec![1_u8, 2])).await, Ok(()));
    for peer in &mut peers {
        assert_eq!(peer.receive().await.unwrap()[4], json!(["text", 1.5, "\0AQI="]));
    }
    let unencodable = realm.publish("news.a", f64::NAN).await;
    assert!(matches!(unencodable, Err(PublishError::Unencodable(_))), "{unencodable:?}");
    for peer in &mut peers {
        assert_nothing_else(peer, 2).await;
    }
    // A handle outlives the sessions of its realm.
    drop(peers);
    tokio::task::yield_now().await;
    while realm.sessions() > 0 {
        tokio::task::yield_now().await;
    }
    let mut peer = Peer::join(&app, Serializer::Cbor).await;
    assert_eq!(subscribe(&mut peer, 1, "news.a", "exact").await, 1);
    realm.publish_to(Audience::everyone().exclude_authrole(["anonymous"]), "news.a", "not for you");
    realm.publish("news.a", "again");
    assert_eq!(peer.receive().await.unwrap()[4], json!(["again"]));
}

#[tokio::test]
async fn handlers_publish_to_all_and_to_one() {
    for serializer in Serializer::ALL {
        let app = app();
        let (mut caller, mut other) = (Peer::join(&app, serializer).await, Peer::join(&app, serializer).await);
        assert_eq!(ask(&mut caller, json!([48, 1, {}, "whisper", ["news.a", "x"]])).await, json!([50, 1, {}, [true]]));
        for peer in [&mut caller, &mut other] {
            subscribe(peer, 2, "news.a", "exact").await;
            subscribe(peer, 3, "news.", "prefix").await;
        }
        caller.send(json!([48, 4, {}, "announce", ["news.a", "all"]])).await;
        let first = caller.receive().await.unwrap();
        assert_eq!((&first[1], &first[4]), (&json!(1), &json!(["all"])), "an event sent before the result");
        let second = caller.receive().await.unwrap();
        assert_eq!(second, json!([36, 2, first[2], {"topic": "news.a"}, ["all"]]));
        assert_eq!(caller.receive().await, Some(json!([50, 4, {}, [true]])));
        assert_eq!(other.receive().await, Some(first));
        assert_eq!(other.receive().await, Some(second));
        let whispered = ask(&mut caller, json!([48, 5, {}, "whisper", ["news.a", "one"]])).await;
        assert_eq!((&whispered[1], &whispered[3], &whispered[4]), (&json!(1), &json!({}), &json!(["one"])));
        let whispered = caller.receive().await.unwrap();
        assert_eq!((&whispered[1], &whispered[3]), (&json!(2), &json!({"topic": "news.a"})));
        assert_eq!(caller.receive().await, Some(json!([50, 5, {}, [true]])));
        assert_nothing_else(&mut other, 6).await;
    }
}

#[tokio::test]
async fn order_of_one_publisher_across_topics() {
    for serializer in Serializer::ALL {
        let app = app();
        let mut publisher = Peer::join(&app, serializer).await;
        let mut subscribers = Vec::new();
        for serializer in Serializer::ALL {
            let mut subscriber = Peer::join(&app, serializer).await;
            subscribe(&mut subscriber, 1, "chat.a", "exact").await;
            subscribe(&mut subscriber, 2, "chat.b", "exact").await;
            subscribers.push(subscriber);
        }
        let topic = |number: u64| ["chat.a", "chat.b"][number as usize % 2];
        let publications: Vec<Value> =
            (1..=500).map(|number| json!([16, number, {}, topic(number), [number, "x".repeat(100)]])).collect();
        publisher.send_all(&publications).await;
        for subscriber in &mut subscribers {
            for number in 1..=500_u64 {
                assert_eq!(subscriber.receive().await.unwrap()[4][0], number, "{serializer}");
            }
        }
    }
}

#[tokio::test]
async fn published_means_queued_for_everyone() {
    let app = app();
    let (mut publisher, mut subscriber) =
        (Peer::join(&app, Serializer::Json).await, Peer::join(&app, Serializer::Cbor).await);
    subscribe(&mut subscriber, 1, "chat.a", "exact").await;
    assert_eq!(ask(&mut publisher, json!([16, 1, {"acknowledge": true}, "chat.a", [1]])).await[0], 17);
    // What the subscriber says now comes after the event.
    assert_eq!(ask(&mut subscriber, json!([34, 2, 1])).await[0], 36);
    assert_eq!(subscriber.receive().await, Some(json!([35, 2])));
}

#[tokio::test]
async fn subscriptions_limit() {
    let app = app().limits(Limits { subscriptions: 2, ..Limits::default() });
    for serializer in Serializer::ALL {
        let mut peer = Peer::join(&app, serializer).await;
        let first = subscribe(&mut peer, 1, "news.a", "exact").await;
        subscribe(&mut peer, 2, "news.", "prefix").await;
        let limit = json!({"limit": "subscriptions", "maximum": 2});
        let refused = json!([8, 32, 3, {}, "serverwamp.error.limit_exceeded", [], limit]);
        assert_eq!(ask(&mut peer, json!([32, 3, {}, "news.b"])).await, refused, "{serializer}");
        assert_eq!(subscribe(&mut peer, 4, "news.a", "exact").await, first, "it exists");
        assert_eq!(ask(&mut peer, json!([34, 5, first])).await, json!([35, 5]));
        subscribe(&mut peer, 6, "news.b", "exact").await;
    }
    assert_eq!(app.handle().statistics().limits["subscriptions"], Serializer::ALL.len() as u64);
}

#[tokio::test]
async fn an_event_that_is_too_large_is_refused() {
    let app = app().limits(Limits { outbound_bytes: 10_000, ..Limits::default() });
    for serializer in Serializer::ALL {
        let (mut publisher, mut subscriber) = (Peer::join(&app, serializer).await, Peer::join(&app, serializer).await);
        subscribe(&mut subscriber, 1, "chat.a", "exact").await;
        let refused = ask(&mut publisher, json!([16, 1, {"acknowledge": true}, "chat.a", ["x".repeat(3000)]])).await;
        assert_eq!(refused[4], "wamp.error.payload_size_exceeded", "{serializer}");
        assert_eq!(ask(&mut publisher, json!([16, 2, {"acknowledge": true}, "chat.a", ["x"]])).await[0], 17);
        assert_eq!(subscriber.receive().await.unwrap()[4], json!(["x"]));
    }
}
