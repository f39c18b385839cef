//! Subscribers that are slow, dead, or gone.

use serde_json::{Value, json};
use serverwamp::{App, Limits};
use serverwamp_tests::{Peer, Serializer, hello};
use tokio::task::JoinHandle;

fn app() -> App {
    App::discover_in(concat!(module_path!(), "::procedures")).open_topics("")
}

mod procedures {
    use serverwamp::{Session, wamp};

    #[wamp::rpc]
    async fn nothing() {}

    /// Sends the caller more than may wait for it.
    #[wamp::rpc]
    async fn flood(events: u64, session: Session) {
        let text = "x".repeat(1000);
        for number in 1..=events {
            session.send_event("flood", (number, &text)).await.unwrap();
        }
    }
}

async fn subscribed(app: &App, serializer: Serializer) -> Peer {
    let mut peer = Peer::join(app, serializer).await;
    peer.send(json!([32, 1, {}, "flood"])).await;
    assert_eq!(peer.receive().await.unwrap()[0], 33);
    peer
}

/// Reads numbered events all the time, up to the last one.
fn reading(mut peer: Peer, last: u64) -> JoinHandle<Peer> {
    tokio::spawn(async move {
        for number in 1..=last {
            let event = peer.receive().await.unwrap_or_else(|| panic!("cut before event {number}"));
            assert_eq!((&event[0], &event[4][0]), (&json!(36), &json!(number)));
        }
        peer
    })
}

/// How many events a peer gets before it is cut.
async fn events_until_the_end(mut peer: Peer) -> u64 {
    let mut events = 0;
    while let Some(event) = peer.receive().await {
        events += u64::from(event[0] == 36);
    }
    events
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_that_never_reads_is_cut_and_delays_nobody() {
    const EVENTS: u64 = 1_500;
    for serializer in Serializer::ALL {
        let app = app().limits(Limits { outbound_bytes: 512 * 1024, ..Limits::default() });
        let dead = subscribed(&app, serializer).await;
        let mut readers = Vec::new();
        for serializer in Serializer::ALL {
            readers.push(reading(subscribed(&app, serializer).await, EVENTS));
        }
        let mut publisher = Peer::join(&app, serializer).await;
        let text = "x".repeat(1000);
        for number in 1..=EVENTS {
            publisher.send(json!([16, number, {}, "flood", [number, text]])).await;
        }
        for reader in readers {
            reader.await.unwrap();
        }
        assert!(events_until_the_end(dead).await < EVENTS, "{serializer}: the dead one was not cut");
        let statistics = app.handle().statistics();
        assert_eq!(statistics.limits.get("outbound_bytes"), Some(&1), "{serializer}");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_awaits_its_publications_waits_for_those_who_read_only() {
    const EVENTS: u64 = 8_000;
    let app = app();
    let dead = subscribed(&app, Serializer::Cbor).await;
    let readers = [subscribed(&app, Serializer::Json).await, subscribed(&app, Serializer::Cbor).await];
    let readers = readers.map(|peer| reading(peer, EVENTS));
    let realm = app.handle().realm("realm1");
    let text = "x".repeat(1000);
    for number in 1..=EVENTS {
        realm.publish("flood", (number, &text)).await.unwrap();
    }
    for reader in readers {
        reader.await.unwrap();
    }
    assert!(events_until_the_end(dead).await < EVENTS, "the dead one was not cut");
    assert_eq!(app.handle().statistics().limits.get("outbound_bytes"), Some(&1));
}

#[tokio::test(start_paused = true)]
async fn events_to_one_session_wait_for_it() {
    const EVENTS: u64 = 2_000;
    for serializer in Serializer::ALL {
        let app = app().limits(Limits { outbound_bytes: 512 * 1024, ..Limits::default() });
        let mut peer = subscribed(&app, serializer).await;
        peer.send(json!([48, 2, {}, "flood", [EVENTS]])).await;
        // It reads late, but before the write stall.
        tokio::time::sleep(std::time::Duration::from_secs(5)).await;
        let mut peer = reading(peer, EVENTS).await.unwrap();
        assert_eq!(peer.receive().await, Some(json!([50, 2, {}])), "{serializer}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_frame_of_many_publications_leaves_subscribers_their_turn() {
    const EVENTS: u64 = 3_000;
    for serializer in [Serializer::JsonBatched, Serializer::MessagePackBatched, Serializer::CborBatched] {
        // The whole batch would not fit into what may wait for a subscriber.
        let app = app().limits(Limits { outbound_bytes: 256 * 1024, ..Limits::default() });
        let mut readers = Vec::new();
        for serializer in Serializer::ALL {
            readers.push(reading(subscribed(&app, serializer).await, EVENTS));
        }
        let mut publisher = Peer::join(&app, serializer).await;
        let text = "x".repeat(250);
        let mut batch: Vec<Value> =
            (1..=EVENTS).map(|number| json!([16, number, {}, "flood", [number, text]])).collect();
        batch.push(json!([48, EVENTS + 1, {}, "nothing"]));
        publisher.send_all(&batch).await;
        assert_eq!(publisher.receive().await, Some(json!([50, EVENTS + 1, {}])), "what follows is handled as well");
        for reader in readers {
            reader.await.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_subscription_ends_with_its_session() {
    for serializer in Serializer::ALL {
        let app = app();
        let mut other = Peer::join(&app, serializer).await;
        let mut request = 0;
        for (expected, leave) in (1..).zip(["unsubscribe", "goodbye", "abort", "violation", "disconnect", "closed"]) {
            let mut peer = Peer::join(&app, serializer).await;
            peer.send(json!([32, 1, {}, "topic"])).await;
            // A topic that nobody is subscribed to any more gets another id.
            assert_eq!(peer.receive().await, Some(json!([33, 1, expected])), "{serializer} before {leave}");
            match leave {
                "unsubscribe" => {
                    peer.send(json!([34, 2, expected])).await;
                    assert_eq!(peer.receive().await, Some(json!([35, 2])));
                }
                "goodbye" => {
                    peer.send(json!([6, {}, "wamp.close.close_realm"])).await;
                    assert_eq!(peer.receive().await.unwrap()[0], 6);
                    peer.send(hello("realm1")).await;
                    assert_eq!(peer.receive().await.unwrap()[0], 2);
                }
                "abort" => {
                    peer.send(json!([3, {}, "my.reason"])).await;
                    assert_eq!(peer.receive().await, None);
                }
                "violation" => {
                    peer.send(json!([999])).await;
                    assert_eq!(peer.receive().await.unwrap()[0], 3);
                }
                "disconnect" => {
                    drop(peer);
                    while app.handle().realm("realm1").sessions() > 1 {
                        tokio::task::yield_now().await;
                    }
                    continue;
                }
                _ => {
                    app.handle().realm("realm1").close();
                    assert_eq!(peer.receive().await, Some(json!([6, {}, "wamp.close.close_realm"])));
                    assert_eq!(other.receive().await.unwrap()[0], 6);
                    continue;
                }
            }
            request += 1;
            other.send(json!([16, request, {"acknowledge": true}, "topic"])).await;
            assert_eq!(other.receive().await.unwrap()[0], 17);
            match leave {
                "unsubscribe" | "goodbye" => assert!(peer.is_silent().await, "{serializer}: an event after {leave}"),
                _ => assert_eq!(peer.receive().await, None, "{serializer}: an event after {leave}"),
            }
            drop(peer);
            while app.handle().realm("realm1").sessions() > 1 {
                tokio::task::yield_now().await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_published_before_unsubscribing_comes_before_its_answer() {
    for serializer in Serializer::ALL {
        let app = app();
        let mut peer = subscribed(&app, serializer).await;
        let realm = app.handle().realm("realm1");
        let mut answered = 0;
        for round in 0..3_u64 {
            realm.publish("flood", round);
            peer.send_all(&[json!([34, 2, round + 1]), json!([32, 3, {}, "flood"])]).await;
            realm.publish("flood", "between");
            let mut events = Vec::new();
            loop {
                let message = peer.receive().await.unwrap();
                match message[0].as_u64() {
                    Some(36) => events.push(message[4][0].clone()),
                    Some(35) => break,
                    _ => panic!("{serializer}: {message}"),
                }
            }
            assert_eq!(events[0], round);
            assert_eq!(peer.receive().await, Some(json!([33, 3, round + 2])), "{serializer}: nothing in between");
            answered += 1;
        }
        assert_eq!(answered, 3);
    }
}
