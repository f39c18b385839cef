//! The functions of topics and sessions, as clients see them.

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

mod events {
    use super::*;

    #[wamp::event("sensors.", match = "prefix")]
    async fn measured(value: f64, unit: Option<String>, details: EventDetails, session: Session, seen: Inject<Seen>) {
        let publisher = details.publisher().map(|publisher| publisher == session.id());
        seen.note(format!("{} {value} {unit:?} {publisher:?}", details.topic()));
    }

    #[wamp::event("slow")]
    async fn slow(gate: Inject<Gate>, seen: Inject<Seen>) {
        gate.0.acquire().await.unwrap().forget();
        seen.note("slow is done");
    }

    #[wamp::event("broken")]
    async fn broken() {
        panic!("on purpose");
    }

    #[wamp::event("first")]
    async fn first(seen: Inject<Seen>) {
        seen.note("first");
    }

    #[wamp::event("fir", match = "prefix")]
    async fn wider(seen: Inject<Seen>) -> Result<(), RpcError> {
        seen.note("wider");
        Err(RpcError::new("my.error.logged"))
    }

    fn world(limits: Limits) -> (App, Seen, Gate) {
        let (seen, gate) = (Seen::default(), Gate(Arc::new(Semaphore::new(0))));
        let app = App::discover_in(module_path!()).inject(seen.clone()).inject(gate.clone()).limits(limits);
        (app, seen, gate)
    }

    #[tokio::test(start_paused = true)]
    async fn functions_run_for_what_clients_publish() {
        for serializer in Serializer::ALL {
            let (app, seen, _) = world(Limits::default());
            let (mut publisher, mut subscriber) =
                (Peer::join(&app, serializer).await, Peer::join(&app, serializer).await);
            assert_eq!(ask(&mut subscriber, json!([32, 1, {}, "sensors.a"])).await[0], 33, "{serializer}");
            let acknowledged = json!({"acknowledge": true});
            assert_eq!(ask(&mut publisher, json!([16, 1, acknowledged, "sensors.a", [1.5]])).await[0], 17);
            assert_eq!(subscriber.receive().await.unwrap()[4], json!([1.5]));
            publisher.send(json!([16, 2, {"disclose_me": true}, "sensors.b", [2], {"unit": "K"}])).await;
            assert_eq!(
                seen.take().await,
                ["sensors.a 1.5 None None", "sensors.b 2 Some(\"K\") Some(true)"],
                "{serializer}"
            );
            // What a function cannot take, its subscribers get all the same.
            assert_eq!(ask(&mut publisher, json!([16, 3, acknowledged, "sensors.a", ["warm"]])).await[0], 17);
            assert_eq!(subscriber.receive().await.unwrap()[4], json!(["warm"]));
            for topic in ["broken", "first"] {
                assert_eq!(ask(&mut publisher, json!([16, 4, acknowledged, topic])).await[0], 17);
            }
            assert_eq!(seen.take().await, ["first", "wider"]);
            assert_eq!(
                ask(&mut publisher, json!([16, 5, acknowledged, "other"])).await[4],
                "wamp.error.not_authorized"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_program_publishes_to_subscribers_only() {
        let (app, seen, _) = world(Limits::default());
        let mut subscriber = Peer::join(&app, Serializer::Json).await;
        assert_eq!(ask(&mut subscriber, json!([32, 1, {}, "first"])).await[0], 33);
        app.handle().realm("realm1").publish("first", 1).await.unwrap();
        assert_eq!(subscriber.receive().await.unwrap()[4], json!([1]));
        assert_eq!(seen.take().await, [""; 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_function_goes_on_without_its_publisher() {
        let (app, seen, gate) = world(Limits::default());
        let mut publisher = Peer::join(&app, Serializer::Json).await;
        assert_eq!(ask(&mut publisher, json!([16, 1, {"acknowledge": true}, "slow"])).await[0], 17);
        drop(publisher);
        assert_eq!(seen.take().await, [""; 0]);
        gate.0.add_permits(1);
        assert_eq!(seen.take().await, ["slow is done"]);
    }

    #[tokio::test(start_paused = true)]
    async fn calls_in_flight_limit_counts_event_functions() {
        let (app, _, gate) = world(Limits { calls_in_flight: 2, ..Limits::default() });
        let mut publisher = Peer::join(&app, Serializer::Json).await;
        publisher.send(json!([16, 1, {}, "slow"])).await;
        assert_eq!(ask(&mut publisher, json!([16, 2, {"acknowledge": true}, "slow"])).await[0], 17);
        publisher.send(json!([16, 3, {}, "slow"])).await;
        let refused = ask(&mut publisher, json!([16, 4, {"acknowledge": true}, "slow"])).await;
        assert_eq!(
            (&refused[4], &refused[6]["limit"]),
            (&json!("serverwamp.error.limit_exceeded"), &json!("calls_in_flight"))
        );
        let statistics = app.handle().statistics();
        assert_eq!((statistics.refused_publications, statistics.limits["calls_in_flight"]), (2, 2));
        gate.0.add_permits(2);
        sleep(Duration::from_millis(10)).await;
        assert_eq!(ask(&mut publisher, json!([16, 5, {"acknowledge": true}, "slow"])).await[0], 17);
    }
}

mod lifespan {
    use super::*;

    struct Name(String);

    #[wamp::on_join(before_authentication)]
    async fn arrived(session: Session, seen: Inject<Seen>) -> Result<(), RpcError> {
        seen.note("arrived");
        match session.realm() {
            "forbidden" => Err(RpcError::not_authorized("not here")),
            _ => Ok(()),
        }
    }

    #[wamp::on_join]
    async fn joined(session: Session, seen: Inject<Seen>, gate: Inject<Gate>) -> Result<(), RpcError> {
        session.set(Name(format!("guest of {}", session.realm())));
        match session.realm() {
            "refused" => return Err(RpcError::new("my.error.full").message("no seat left")),
            "broken" => panic!("on purpose"),
            "aborted" => session.abort("my.error.rude", "out"),
            "closed" => session.close("my.close.early", "bye"),
            "slow" => gate.0.acquire().await.unwrap().forget(),
            _ => {}
        }
        seen.note("joined");
        Ok(())
    }

    #[wamp::on_leave]
    async fn left(session: Session, seen: Inject<Seen>) {
        let name = session.get::<Name>().map(|name| name.0.clone());
        seen.note(format!("left {name:?} {}", session.has_ended()));
    }

    #[wamp::on_leave(before_authentication)]
    async fn gone(seen: Inject<Seen>) {
        seen.note("gone");
    }

    #[wamp::rpc]
    async fn close(session: Session) {
        session.close("my.close.reason", "bye");
    }

    #[wamp::rpc]
    async fn abort(session: Session) {
        session.abort("my.error.reason", "bye");
    }

    fn world(limits: Limits) -> (App, Seen, Gate) {
        let (seen, gate) = (Seen::default(), Gate(Arc::new(Semaphore::new(0))));
        let app = App::discover_in(module_path!()).inject(seen.clone()).inject(gate.clone()).limits(limits);
        (app, seen, gate)
    }

    const WHOLE: [&str; 4] = ["arrived", "joined", "gone", r#"left Some("guest of realm1") true"#];

    /// Both leave functions run; which of them first is settled by where they stand.
    fn sorted(mut seen: Vec<String>) -> Vec<String> {
        if let Some(rest) = seen.get_mut(2..) {
            rest.sort();
        }
        seen
    }

    #[tokio::test(start_paused = true)]
    async fn functions_run_once_for_every_way_that_a_session_ends() {
        for (name, last) in [
            ("GOODBYE", Some(json!([6, {}, "wamp.close.close_realm"]))),
            ("ABORT", Some(json!([3, {}, "my.error.enough"]))),
            ("violation", Some(json!([50, 1, {}]))),
            ("closed by the server", Some(json!([48, 1, {}, "close"]))),
            ("aborted by the server", Some(json!([48, 1, {}, "abort"]))),
            ("disconnect", None),
        ] {
            let (app, seen, _) = world(Limits::default());
            let mut peer = Peer::join(&app, Serializer::Json).await;
            if let Some(last) = last {
                peer.send(last).await;
            }
            peer.send(json!([6, {}, "wamp.close.goodbye_and_out"])).await;
            drop(peer);
            assert_eq!(sorted(seen.take().await), WHOLE, "{name}");
            assert_eq!(app.handle().statistics().sessions, 0);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_on_a_connection_that_is_used_again_is_another() {
        let (app, seen, _) = world(Limits::default());
        let mut peer = Peer::join(&app, Serializer::Cbor).await;
        for _ in 0..2 {
            assert_eq!(ask(&mut peer, json!([6, {}, "wamp.close.close_realm"])).await[0], 6);
            assert_eq!(sorted(seen.take().await), WHOLE);
            assert_eq!(ask(&mut peer, hello("realm1")).await[0], 2);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_function_may_refuse() {
        for serializer in Serializer::ALL {
            for (realm, abort, expected) in [
                (
                    "forbidden",
                    json!([3, {"message": "not here"}, "wamp.error.not_authorized"]),
                    vec!["arrived", "gone"],
                ),
                ("refused", json!([3, {"message": "no seat left"}, "my.error.full"]), vec!["arrived", "gone"]),
                ("broken", json!([3, {}, "wamp.error.runtime_error"]), vec!["arrived", "gone"]),
            ] {
                let (app, seen, _) = world(Limits::default());
                let mut peer = Peer::connect(&app, serializer);
                assert_eq!(ask(&mut peer, hello(realm)).await, abort, "{serializer}");
                assert_eq!(peer.receive().await, None);
                assert_eq!(seen.take().await, expected, "{realm}");
                assert_eq!(app.handle().statistics().sessions, 0);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_function_may_end_the_session() {
        for (realm, ends) in [
            ("aborted", vec![json!([3, {"message": "out"}, "my.error.rude"])]),
            ("closed", vec![json!([6, {"message": "bye"}, "my.close.early"])]),
        ] {
            let (app, seen, _) = world(Limits::default());
            let mut peer = Peer::connect(&app, Serializer::Json);
            assert_eq!(ask(&mut peer, hello(realm)).await[0], 2, "{realm}");
            for end in ends {
                assert_eq!(peer.receive().await, Some(end));
            }
            drop(peer);
            assert_eq!(seen.take().await.len(), 4, "{realm}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn welcome_timeout_limit() {
        let (app, seen, gate) = world(Limits::default());
        let mut peer = Peer::connect(&app, Serializer::Json);
        peer.send(hello("slow")).await;
        sleep(Duration::from_secs(14)).await;
        gate.0.add_permits(1);
        assert_eq!(peer.receive().await.unwrap()[0], 2);
        let mut peer = Peer::connect(&app, Serializer::Json);
        let abort = ask(&mut peer, hello("slow")).await;
        assert_eq!((&abort[0], &abort[2]), (&json!(3), &json!("wamp.error.authentication_failed")));
        assert_eq!(seen.take().await.last().unwrap(), "gone");
        assert_eq!(app.handle().statistics().limits["welcome_timeout"], 1);
        let mut peer = Peer::connect(&app, Serializer::Json);
        peer.send(hello("slow")).await;
        drop(peer);
        assert_eq!(seen.take().await, ["arrived", "gone"], "gone before the decision");
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
