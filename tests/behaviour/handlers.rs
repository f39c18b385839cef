//! The functions of topics and sessions, as clients see them.

mod events;
mod lifespan;
mod limits;
mod order;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{Stream, StreamExt, stream};
use serde_json::{Value, json};
use serverwamp::{App, EventDetails, Inject, Limits, RpcError, Session, Subscription, Topic, wamp};
use serverwamp_tests::{Peer, Serializer, hello};
use tokio::sync::Semaphore;
use tokio::time::sleep;

/// What the functions have seen, in order.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    /// What was seen since this was last asked, once all that runs has had its turn.
    async fn take(&self) -> Vec<String> {
        sleep(Duration::from_millis(10)).await;
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// Holds functions up until the test lets them go on, one by one.
#[derive(Clone)]
struct Gate(Arc<Semaphore>);

/// Sends a request and returns its answer.
async fn ask(peer: &mut Peer, request: Value) -> Value {
    peer.send(request).await;
    peer.receive().await.expect("an answer")
}

mod subscriptions {
    use super::*;

    #[wamp::subscribe("plain")]
    async fn plain(topic: Topic, session: Session, seen: Inject<Seen>) {
        seen.note(format!("{topic} in {}", session.realm()));
    }

    #[wamp::subscribe("refused")]
    async fn refused() -> Result<(), RpcError> {
        Err(RpcError::new("my.error.closed").arg(1).kwarg("until", "noon"))
    }

    #[wamp::subscribe("broken")]
    async fn broken() {
        panic!("on purpose");
    }

    #[wamp::subscribe("greeted")]
    async fn greeted(subscription: Subscription, session: Session) {
        subscription.send("first").await.unwrap();
        session.send_event("greeted", ("second", 2)).await.unwrap();
        session.send_event("plain", "to nobody").await.unwrap();
    }

    #[wamp::subscribe("counted")]
    async fn counted() -> impl Stream<Item = u32> {
        stream::iter(1..=3)
    }

    #[wamp::subscribe("failing")]
    async fn failing() -> Result<impl Stream<Item = Result<u32, RpcError>>, RpcError> {
        Ok(stream::iter([Ok(1), Err(RpcError::new("my.error.dry"))]))
    }

    #[wamp::subscribe("endless")]
    async fn endless(seen: Inject<Seen>) -> impl Stream<Item = u32> {
        struct Guard(Seen);
        impl Drop for Guard {
            fn drop(&mut self) {
                self.0.note("stream dropped");
            }
        }
        let guard = Guard(Seen::clone(&seen));
        stream::iter(0..).then(move |number| {
            let _guard = &guard;
            async move {
                sleep(Duration::from_secs(1)).await;
                number
            }
        })
    }

    #[wamp::subscribe("held.", match = "prefix")]
    async fn held(topic: Topic, gate: Inject<Gate>, seen: Inject<Seen>) -> Result<(), RpcError> {
        seen.note(format!("asked for {topic}"));
        gate.0.acquire().await.unwrap().forget();
        match topic.ends_with("no") {
            true => Err(RpcError::not_authorized("no")),
            false => Ok(()),
        }
    }

    #[wamp::subscribe("layers", match = "prefix")]
    async fn outer(topic: Topic, seen: Inject<Seen>) -> Result<(), RpcError> {
        seen.note("outer");
        match topic.ends_with("secret") {
            true => Err(RpcError::new("my.error.outer")),
            false => Ok(()),
        }
    }

    #[wamp::subscribe("layers.inner")]
    async fn inner(seen: Inject<Seen>) {
        seen.note("inner");
    }

    #[wamp::subscribe("layers\\.[0-9]+", match = "regex")]
    async fn numbered(seen: Inject<Seen>) {
        seen.note("numbered");
    }

    #[wamp::unsubscribe("plain")]
    async fn plain_ended(topic: Topic, session: Session, seen: Inject<Seen>) {
        seen.note(format!("{topic} ended, session over: {}", session.has_ended()));
    }

    #[wamp::unsubscribe]
    async fn ended(subscription: Subscription, seen: Inject<Seen>) {
        assert!(subscription.is_closed());
        seen.note(format!("any: {}", subscription.topic()));
    }

    #[wamp::rpc]
    async fn echo(value: Value) -> Value {
        value
    }

    pub(super) struct World {
        pub(super) app: App,
        pub(super) seen: Seen,
        pub(super) gate: Gate,
    }

    pub(super) fn world(limits: Limits) -> World {
        let (seen, gate) = (Seen::default(), Gate(Arc::new(Semaphore::new(0))));
        let app = App::discover_in(module_path!())
            .inject(seen.clone())
            .inject(gate.clone())
            .limits(limits)
            .open_topics("held.")
            .open_topics("open.");
        World { app, seen, gate }
    }

    #[tokio::test(start_paused = true)]
    async fn what_functions_decide_goes_to_the_client() {
        for serializer in Serializer::ALL {
            let World { app, seen, .. } = world(Limits::default());
            let mut peer = Peer::join(&app, serializer).await;
            assert_eq!(ask(&mut peer, json!([32, 1, {}, "plain"])).await, json!([33, 1, 1]), "{serializer}");
            assert_eq!(ask(&mut peer, json!([32, 2, {}, "plain"])).await, json!([33, 2, 1]));
            assert_eq!(seen.take().await, ["plain in realm1"], "once for a subscription");
            let refusal = json!([8, 32, 3, {}, "my.error.closed", [1], {"until": "noon"}]);
            assert_eq!(ask(&mut peer, json!([32, 3, {}, "refused"])).await, refusal);
            assert_eq!(
                ask(&mut peer, json!([32, 4, {}, "broken"])).await,
                json!([8, 32, 4, {}, "wamp.error.runtime_error"])
            );
            assert_eq!(ask(&mut peer, json!([32, 5, {}, "unknown"])).await[4], "wamp.error.invalid_uri");
            assert_eq!(ask(&mut peer, json!([34, 6, 1])).await, json!([35, 6]));
            assert_eq!(seen.take().await, ["plain ended, session over: false", "any: plain"]);
            assert_eq!(ask(&mut peer, json!([32, 7, {}, "plain"])).await, json!([33, 7, 2]), "refusals leave no gap");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn first_events_follow_subscribed() {
        for serializer in Serializer::ALL {
            let World { app, .. } = world(Limits::default());
            let mut peer = Peer::join(&app, serializer).await;
            assert_eq!(ask(&mut peer, json!([32, 1, {}, "greeted"])).await, json!([33, 1, 1]), "{serializer}");
            assert_eq!(peer.receive().await.unwrap()[4], json!(["first"]));
            assert_eq!(peer.receive().await.unwrap()[4], json!(["second", 2]));
            assert_eq!(ask(&mut peer, json!([32, 2, {}, "counted"])).await, json!([33, 2, 2]));
            for number in 1..=3 {
                let event = peer.receive().await.unwrap();
                assert_eq!((&event[0], &event[1], &event[4]), (&json!(36), &json!(2), &json!([number])));
            }
            // The subscription outlives its stream.
            assert_eq!(ask(&mut peer, json!([32, 3, {}, "counted"])).await, json!([33, 3, 2]));
            assert_eq!(ask(&mut peer, json!([34, 4, 2])).await, json!([35, 4]));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_fails_ends_the_subscription() {
        for serializer in Serializer::ALL {
            let World { app, seen, .. } = world(Limits::default());
            let mut peer = Peer::connect(&app, serializer);
            let roles = json!({"subscriber": {"features": {"subscription_revocation": true}}});
            assert_eq!(ask(&mut peer, json!([1, "realm1", {"roles": roles}])).await[0], 2);
            assert_eq!(ask(&mut peer, json!([32, 1, {}, "failing"])).await, json!([33, 1, 1]), "{serializer}");
            assert_eq!(peer.receive().await.unwrap()[4], json!([1]));
            let revoked = json!([35, 0, {"subscription": 1, "reason": "my.error.dry"}]);
            assert_eq!(peer.receive().await, Some(revoked));
            assert_eq!(seen.take().await, ["any: failing"]);
            assert_eq!(ask(&mut peer, json!([34, 2, 1])).await[4], "wamp.error.no_such_subscription");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_revocation_is_for_clients_that_know_it() {
        let World { app, seen, .. } = world(Limits::default());
        let mut peer = Peer::join(&app, Serializer::Json).await;
        assert_eq!(ask(&mut peer, json!([32, 1, {}, "failing"])).await, json!([33, 1, 1]));
        assert_eq!(peer.receive().await.unwrap()[4], json!([1]));
        assert_eq!(seen.take().await, ["any: failing"]);
        assert!(peer.is_silent().await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_ends_with_its_subscription() {
        type End = fn(&mut Peer) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>>;
        let ends: [(&str, End); 4] = [
            ("UNSUBSCRIBE", |peer| Box::pin(async { peer.send(json!([34, 2, 1])).await })),
            ("GOODBYE", |peer| Box::pin(async { peer.send(json!([6, {}, "wamp.close.close_realm"])).await })),
            ("ABORT", |peer| Box::pin(async { peer.send(json!([3, {}, "my.error.enough"])).await })),
            ("violation", |peer| Box::pin(async { peer.send(json!([999])).await })),
        ];
        for (name, end) in ends {
            let World { app, seen, .. } = world(Limits::default());
            let mut peer = Peer::join(&app, Serializer::Json).await;
            assert_eq!(ask(&mut peer, json!([32, 1, {}, "endless"])).await, json!([33, 1, 1]));
            assert_eq!(peer.receive().await.unwrap()[4], json!([0]));
            end(&mut peer).await;
            assert_eq!(seen.take().await, ["stream dropped", "any: endless"], "{name}");
        }
        let World { app, seen, .. } = world(Limits::default());
        let mut peer = Peer::join(&app, Serializer::Json).await;
        assert_eq!(ask(&mut peer, json!([32, 1, {}, "endless"])).await, json!([33, 1, 1]));
        drop(peer);
        assert_eq!(seen.take().await, ["stream dropped", "any: endless"], "disconnect");
    }

    #[tokio::test(start_paused = true)]
    async fn all_functions_of_a_topic_are_asked_the_most_specific_first() {
        let World { app, seen, .. } = world(Limits::default());
        let mut peer = Peer::join(&app, Serializer::Json).await;
        for (topic, answer, asked) in [
            ("layers.inner", json!(33), vec!["inner", "outer"]),
            ("layers.7", json!(33), vec!["outer", "numbered"]),
            ("layers.secret", json!(8), vec!["outer"]),
        ] {
            assert_eq!(ask(&mut peer, json!([32, 1, {}, topic])).await[0], answer, "{topic}");
            assert_eq!(seen.take().await, asked, "{topic}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_pattern_reads_what_a_function_could_refuse() {
        let World { app, .. } = world(Limits::default());
        let mut peer = Peer::join(&app, Serializer::Json).await;
        for (topic, policy, accepted) in [
            ("open.", "prefix", true),
            ("open.x", "prefix", true),
            ("open..x", "wildcard", true),
            ("", "prefix", false),
            ("pla", "prefix", false),
            // One function decides about all of these, two others about some.
            ("layers", "prefix", false),
            ("layers.i", "prefix", false),
            ("layers.1", "prefix", false),
            ("layers.a", "prefix", true),
            ("refused", "prefix", false),
        ] {
            let answer = ask(&mut peer, json!([32, 1, {"match": policy}, topic])).await;
            assert_eq!(answer[0], if accepted { json!(33) } else { json!(8) }, "{topic} {policy}: {answer}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn requests_about_topics_wait_for_the_decision_and_calls_do_not() {
        for serializer in Serializer::ALL {
            let World { app, seen, gate } = world(Limits::default());
            let mut peer = Peer::join(&app, serializer).await;
            peer.send(json!([32, 1, {}, "held.a"])).await;
            peer.send(json!([16, 2, {"acknowledge": true, "exclude_me": false}, "held.a", ["own"]])).await;
            peer.send(json!([32, 3, {}, "held.no"])).await;
            peer.send(json!([34, 4, 1])).await;
            assert_eq!(ask(&mut peer, json!([48, 5, {}, "echo", [1]])).await, json!([50, 5, {}, [1]]), "{serializer}");
            assert!(peer.is_silent().await);
            assert_eq!(seen.take().await, ["asked for held.a"]);
            gate.0.add_permits(1);
            assert_eq!(peer.receive().await, Some(json!([33, 1, 1])));
            let (one, other) = (peer.receive().await.unwrap(), peer.receive().await.unwrap());
            assert_eq!((&one[0], &other[0]), (&json!(17), &json!(36)), "published to itself once subscribed");
            assert_eq!(seen.take().await, ["asked for held.no"]);
            gate.0.add_permits(1);
            assert_eq!(peer.receive().await.unwrap()[4], "wamp.error.not_authorized");
            assert_eq!(peer.receive().await, Some(json!([35, 4])));
        }
    }
}

mod anywhere {
    use super::*;

    #[wamp::subscribe]
    async fn any(topic: Topic, seen: Inject<Seen>) -> Result<(), RpcError> {
        seen.note(format!("any {topic} {}", topic.match_policy()));
        match topic.contains("secret") {
            true => Err(RpcError::not_authorized("secret")),
            false => Ok(()),
        }
    }

    #[wamp::subscribe("rooms..log", match = "wildcard")]
    async fn log(seen: Inject<Seen>) {
        seen.note("log");
    }

    #[tokio::test(start_paused = true)]
    async fn a_function_without_a_topic_decides_about_all() {
        for serializer in Serializer::ALL {
            let seen = Seen::default();
            let app = App::discover_in(module_path!()).inject(seen.clone());
            let mut peer = Peer::join(&app, serializer).await;
            for (topic, policy, answer, asked) in [
                ("x.y", "exact", 33, vec!["any x.y exact"]),
                ("x.", "prefix", 33, vec!["any x. prefix"]),
                ("x..z", "wildcard", 33, vec!["any x..z wildcard"]),
                ("rooms.7.log", "exact", 33, vec!["log", "any rooms.7.log exact"]),
                ("rooms..log", "wildcard", 33, vec!["log", "any rooms..log wildcard"]),
                ("a.secret", "exact", 8, vec!["any a.secret exact"]),
                // Each has topics that another function decides about as well.
                ("", "prefix", 8, vec![]),
                ("rooms.", "prefix", 8, vec![]),
                ("..", "wildcard", 8, vec![]),
                ("wamp.session.on_join", "exact", 8, vec![]),
            ] {
                let given = ask(&mut peer, json!([32, 1, {"match": policy}, topic])).await;
                assert_eq!(given[0], answer, "{topic} {policy} {serializer}: {given}");
                assert_eq!(seen.take().await, asked, "{topic} {policy}");
            }
        }
    }
}

mod pressure {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[derive(Clone, Default)]
    struct Made(Arc<AtomicU32>);

    /// As fast as it is asked for.
    #[wamp::subscribe("flood")]
    async fn flood(made: Inject<Made>) -> impl Stream<Item = (u32, String)> {
        let made = Made::clone(&made);
        stream::iter(0..2000).map(move |number| {
            made.0.fetch_add(1, Ordering::Relaxed);
            (number, "x".repeat(10_000))
        })
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_waits_for_its_subscriber() {
        let made = Made::default();
        let app = App::discover_in(module_path!()).inject(made.clone());
        let mut peer = Peer::join(&app, Serializer::MessagePack).await;
        assert_eq!(ask(&mut peer, json!([32, 1, {}, "flood"])).await, json!([33, 1, 1]));
        sleep(Duration::from_secs(5)).await;
        let waiting = made.0.load(Ordering::Relaxed);
        assert!(waiting < 100, "{waiting} events of 10 KB were made for a peer that does not read");
        for number in 0..2000 {
            assert_eq!(peer.receive().await.unwrap()[4][0], number, "in order, none lost");
        }
    }
}
