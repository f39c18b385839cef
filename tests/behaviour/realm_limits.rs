//! The limits of a realm hold for its sessions, the app's for all others and between sessions.

use std::time::Duration;

use serde_json::{Value, json};
use serverwamp::{App, Limits, Realm, wamp};
use serverwamp_tests::{Peer, Serializer, hello};
use tokio::time::sleep;

#[wamp::rpc]
async fn take(_value: serverwamp::Value) {}

#[wamp::rpc]
async fn large(octets: usize) -> String {
    "x".repeat(octets)
}

#[wamp::rpc]
async fn endless() {
    std::future::pending::<()>().await;
}

fn app() -> App {
    App::discover_in(module_path!()).topics("news.")
}

fn small_app(limits: &Limits) -> App {
    app().limits(limits.clone()).realm(Realm::new("large").limits(Limits::default()).topics("news."))
}

fn app_with_small_realm(limits: &Limits) -> App {
    app().realm(Realm::new("small").limits(limits.clone()).topics("news."))
}

async fn join(peer: &mut Peer, realm: &str) {
    peer.send(hello(realm)).await;
    let welcome = peer.receive().await.expect("WELCOME");
    assert_eq!((&welcome[0], &welcome[2]["realm"]), (&json!(2), &json!(realm)), "{welcome}");
}

async fn leave(peer: &mut Peer) {
    peer.send(json!([6, {}, "wamp.close.close_realm"])).await;
    assert_eq!(peer.receive().await, Some(json!([6, {}, "wamp.close.goodbye_and_out"])));
}

/// What becomes of these messages: the URI of the first ERROR or ABORT, or what else happens.
async fn outcome(peer: &mut Peer, messages: &[Value]) -> String {
    peer.send_all(messages).await;
    peer.send(json!([48, 77, {}, "take", [1]])).await;
    loop {
        match peer.receive().await {
            None => return "closed".to_owned(),
            Some(error) if error[0] == 8 => return error[4].as_str().unwrap().to_owned(),
            Some(abort) if abort[0] == 3 => return abort[2].as_str().unwrap().to_owned(),
            Some(result) if result[1] == 77 => return "fine".to_owned(),
            Some(_) => {}
        }
    }
}

#[tokio::test]
async fn each_limit_is_the_realms_while_a_session_is_in_it() {
    let take = |value: Value| json!([48, 1, {}, "take", [value]]);
    let nested = (0..20).fold(json!(1), |inner, _| json!([inner]));
    let unlimited = Limits::default;
    let cases = [
        (Limits { message_size: 2000, ..unlimited() }, vec![take(json!("x".repeat(3000)))], "closed"),
        (Limits { depth: 8, ..unlimited() }, vec![take(nested)], "wamp.error.invalid_argument"),
        (Limits { nodes: 200, ..unlimited() }, vec![take(json!(vec![1; 300]))], "wamp.error.invalid_argument"),
        (
            Limits { calls_in_flight: 2, ..unlimited() },
            (1..=3).map(|id| json!([48, id, {}, "endless"])).collect(),
            "serverwamp.error.limit_exceeded",
        ),
        (
            Limits { outbound_bytes: 10_000, ..unlimited() },
            vec![json!([48, 1, {}, "large", [5000]])],
            "wamp.error.payload_size_exceeded",
        ),
        (
            Limits { subscriptions: 2, ..unlimited() },
            (1..=3).map(|id| json!([32, id, {}, format!("news.{id}")])).collect(),
            "serverwamp.error.limit_exceeded",
        ),
        (
            Limits { strict_request_ids: true, ..unlimited() },
            vec![json!([48, 5, {}, "take", [1]])],
            "wamp.error.protocol_violation",
        ),
    ];
    for (limits, messages, refused) in cases {
        let (with_small_realm, small) = (app_with_small_realm(&limits), small_app(&limits));
        for serializer in Serializer::ALL {
            let what = format!("{serializer}: {limits:?}");
            let mut peer = Peer::connect(&with_small_realm, serializer);
            join(&mut peer, "small").await;
            leave(&mut peer).await;
            join(&mut peer, "other").await;
            assert_eq!(outcome(&mut peer, &messages).await, "fine", "{what}");
            leave(&mut peer).await;
            join(&mut peer, "small").await;
            assert_eq!(outcome(&mut peer, &messages).await, refused, "{what}");

            let mut peer = Peer::connect(&small, serializer);
            join(&mut peer, "large").await;
            assert_eq!(outcome(&mut peer, &messages).await, "fine", "{what}");
            leave(&mut peer).await;
            join(&mut peer, "other").await;
            assert_eq!(outcome(&mut peer, &messages).await, refused, "{what}");
        }
    }
}

/// Has a session of a realm not read for some seconds, and counts the messages of 20,000 octets that it gets at last.
async fn read_late(app: &App, realm: &str, serializer: Serializer, events: bool) -> usize {
    const MESSAGES: usize = 60;
    let mut peer = Peer::connect(app, serializer);
    join(&mut peer, realm).await;
    if events {
        peer.send(json!([32, 1, {}, "news.a"])).await;
        assert_eq!(peer.receive().await.unwrap()[0], 33);
        for _ in 0..MESSAGES {
            let _ = app.handle().realm(realm).publish("news.a", "x".repeat(20_000));
        }
    } else {
        let calls: Vec<Value> = (1..=MESSAGES).map(|id| json!([48, id, {}, "large", [20_000]])).collect();
        peer.send_all(&calls).await;
    }
    sleep(Duration::from_secs(5)).await;
    let mut received = 0;
    while received < MESSAGES && peer.receive().await.is_some() {
        received += 1;
    }
    received
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_is_cut_at_the_limits_of_its_realm() {
    for (limit, limits) in [
        ("outbound_bytes", Limits { outbound_bytes: 200_000, ..Limits::default() }),
        ("write_stall", Limits { write_stall: Duration::from_secs(2), ..Limits::default() }),
    ] {
        let (with_small_realm, small) = (app_with_small_realm(&limits), small_app(&limits));
        for serializer in Serializer::ALL {
            for events in [false, true] {
                let what = format!("{serializer}, {limit}, events: {events}");
                assert_eq!(read_late(&with_small_realm, "other", serializer, events).await, 60, "{what}");
                assert!(read_late(&with_small_realm, "small", serializer, events).await < 60, "{what}");
                assert_eq!(read_late(&small, "large", serializer, events).await, 60, "{what}");
                assert!(read_late(&small, "other", serializer, events).await < 60, "{what}");
            }
        }
        for app in [with_small_realm, small] {
            let counted = 2 * Serializer::ALL.len() as u64;
            assert_eq!(app.handle().statistics().limits.get(limit), Some(&counted), "{limit}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_session_left_unread_may_still_be_read_when_it_is_over() {
    let limits = Limits { outbound_bytes: 200_000, ..Limits::default() };
    let app = small_app(&limits);
    for serializer in Serializer::ALL {
        let mut peer = Peer::connect(&app, serializer);
        join(&mut peer, "large").await;
        let calls: Vec<Value> = (1..=60).map(|id| json!([48, id, {}, "large", [20_000]])).collect();
        peer.send_all(&calls).await;
        peer.send(json!([6, {}, "wamp.close.close_realm"])).await;
        sleep(Duration::from_secs(1)).await;
        for id in 1..=60 {
            assert_eq!(peer.receive().await.unwrap()[1], id, "{serializer}");
        }
        assert_eq!(peer.receive().await, Some(json!([6, {}, "wamp.close.goodbye_and_out"])));
    }
}

#[tokio::test(start_paused = true)]
async fn what_applies_before_a_realm_is_known_is_the_apps() {
    let limits = Limits {
        message_size_before_welcome: usize::MAX,
        hello_timeout: Duration::MAX,
        welcome_timeout: Duration::ZERO,
        connections: 100,
        ..Limits::default()
    };
    let app = app().limits(Limits { connections: 1, ..Limits::default() }).realm(Realm::new("small").limits(limits));
    for serializer in Serializer::ALL {
        for large in [false, true] {
            let mut peer = Peer::connect(&app, serializer);
            join(&mut peer, "small").await;
            assert!(serverwamp::testing::RawPeer::connect(&app, "wamp.2.json").is_err(), "{serializer}: connections");
            leave(&mut peer).await;
            if large {
                peer.send(json!([1, "small", {"roles": {"caller": {}}, "agent": "x".repeat(100_000)}])).await;
            }
            assert_eq!(peer.receive().await, None, "{serializer}: {large}");
            drop(peer);
            sleep(Duration::from_secs(5)).await;
        }
    }
    let counted = app.handle().statistics().limits;
    assert_eq!(counted.get("message_size_before_welcome"), Some(&(Serializer::ALL.len() as u64)), "{counted:?}");
}
