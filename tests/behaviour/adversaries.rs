//! What clients that mean harm, and functions that were written without care, do to others.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use serverwamp::{App, Inject, Limits, Session, wamp};
use serverwamp_tests::{Peer, Serializer, hello};
use tokio::sync::Semaphore;
use tokio::time::sleep;

/// Holds functions up until the test lets them go on, one by one.
#[derive(Clone)]
struct Gate(Arc<Semaphore>);

impl Gate {
    async fn pass(&self) {
        self.0.acquire().await.unwrap().forget();
    }
}

/// Sends a request and returns its answer.
async fn ask(peer: &mut Peer, request: Value) -> Value {
    peer.send(request).await;
    peer.receive().await.expect("an answer")
}

mod subscribers {
    use super::*;

    #[wamp::subscribe("held.", match = "prefix")]
    async fn held(gate: Inject<Gate>) {
        gate.pass().await;
    }

    fn world(limits: Limits) -> (App, Gate) {
        let gate = Gate(Arc::new(Semaphore::new(0)));
        let app = App::discover_in(module_path!()).inject(gate.clone()).limits(limits).open_topics("open.");
        (app, gate)
    }

    #[tokio::test(start_paused = true)]
    async fn publications_that_waited_leave_their_receivers_time_to_read() {
        const EVENTS: usize = 100;
        for serializer in Serializer::ALL {
            let (app, gate) = world(Limits { outbound_bytes: 256 * 1024, ..Limits::default() });
            let (mut publisher, mut subscriber) =
                (Peer::join(&app, serializer).await, Peer::join(&app, serializer).await);
            assert_eq!(ask(&mut subscriber, json!([32, 1, {}, "open.news"])).await, json!([33, 1, 1]), "{serializer}");
            publisher.send(json!([32, 1, {}, "held.a"])).await;
            let text = "x".repeat(2550);
            for request in 2..2 + EVENTS {
                publisher.send(json!([16, request, {}, "open.news", [text]])).await;
            }
            sleep(Duration::from_millis(10)).await;
            gate.0.add_permits(1);
            for number in 0..EVENTS {
                let event = subscriber.receive().await.unwrap_or_else(|| panic!("{serializer}: cut after {number}"));
                assert_eq!(event[0], 36);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn outbound_bytes_limit_counts_all_of_a_request_that_waits() {
        let names: Vec<String> = (0..2000).map(|number| format!("somebody{number}")).collect();
        for serializer in Serializer::ALL {
            for request in [
                json!([16, 2, {"acknowledge": true, "eligible_authid": names}, "open.news"]),
                json!([32, 2, {"x_names": names}, "open.news"]),
            ] {
                let (app, _gate) = world(Limits { outbound_bytes: 64 * 1024, ..Limits::default() });
                let mut peer = Peer::join(&app, serializer).await;
                peer.send(json!([32, 1, {}, "held.a"])).await;
                for _ in 0..4 {
                    peer.send(request.clone()).await;
                }
                let refused = peer.receive().await.unwrap();
                assert_eq!((&refused[0], &refused[4]), (&json!(8), &json!("serverwamp.error.limit_exceeded")));
            }
        }
    }
}

mod sessions {
    use super::*;

    #[wamp::on_leave]
    async fn left(gate: Inject<Gate>, runs: Inject<Arc<AtomicUsize>>) {
        gate.pass().await;
        runs.fetch_add(1, Ordering::Relaxed);
    }

    #[tokio::test(start_paused = true)]
    async fn calls_in_flight_limit_counts_functions_of_earlier_sessions() {
        let (gate, runs) = (Gate(Arc::new(Semaphore::new(0))), Arc::new(AtomicUsize::new(0)));
        let app = App::discover_in(module_path!()).inject(gate.clone()).inject(Arc::clone(&runs));
        let app = app.limits(Limits { calls_in_flight: 2, ..Limits::default() });
        let mut peer = Peer::join(&app, Serializer::Json).await;
        assert_eq!(ask(&mut peer, json!([6, {}, "wamp.close.close_realm"])).await[0], 6);
        assert_eq!(ask(&mut peer, hello("realm1")).await[0], 2);
        assert_eq!(ask(&mut peer, json!([6, {}, "wamp.close.close_realm"])).await[0], 6);
        let refused = ask(&mut peer, hello("realm1")).await;
        assert_eq!((&refused[0], &refused[2]), (&json!(3), &json!("serverwamp.error.limit_exceeded")));
        assert_eq!(app.handle().statistics().limits["calls_in_flight"], 1);
        gate.0.add_permits(2);
        sleep(Duration::from_millis(10)).await;
        assert_eq!(runs.load(Ordering::Relaxed), 2);
    }
}

mod values {
    use super::*;

    /// Counts the values that live.
    struct Counted(Arc<AtomicUsize>);

    impl Counted {
        fn new(count: &Arc<AtomicUsize>) -> Counted {
            count.fetch_add(1, Ordering::Relaxed);
            Counted(Arc::clone(count))
        }
    }

    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// A value that keeps the session that keeps it.
    struct Keeper {
        _session: Session,
        _counted: Counted,
    }

    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("on purpose");
        }
    }

    #[wamp::rpc(detached)]
    async fn keep_late(session: Session, gate: Inject<Gate>, count: Inject<Arc<AtomicUsize>>) {
        gate.pass().await;
        session.set(Keeper { _session: session.clone(), _counted: Counted::new(&count) });
    }

    #[wamp::rpc]
    async fn keep(session: Session, count: Inject<Arc<AtomicUsize>>) {
        session.set(Keeper { _session: session.clone(), _counted: Counted::new(&count) });
    }

    #[wamp::rpc]
    async fn arm(session: Session) {
        session.set(Bomb);
    }

    fn world() -> (App, Gate, Arc<AtomicUsize>) {
        let (gate, count) = (Gate(Arc::new(Semaphore::new(0))), Arc::new(AtomicUsize::new(0)));
        let app = App::discover_in(module_path!()).inject(gate.clone()).inject(Arc::clone(&count));
        (app, gate, count)
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_that_is_over_keeps_nothing() {
        let (app, gate, count) = world();
        let mut peer = Peer::join(&app, Serializer::Json).await;
        assert_eq!(ask(&mut peer, json!([48, 1, {}, "keep"])).await, json!([50, 1, {}]));
        assert_eq!(count.load(Ordering::Relaxed), 1);
        peer.send(json!([48, 2, {}, "keep_late"])).await;
        sleep(Duration::from_millis(10)).await;
        drop(peer);
        sleep(Duration::from_millis(10)).await;
        assert_eq!(count.load(Ordering::Relaxed), 0, "kept while the session lasted");
        gate.0.add_permits(1);
        sleep(Duration::from_millis(10)).await;
        assert_eq!((count.load(Ordering::Relaxed), gate.0.available_permits()), (0, 0), "kept after its end");
    }

    #[tokio::test(start_paused = true)]
    async fn a_value_that_panics_harms_no_connection() {
        let (app, ..) = world();
        let mut peer = Peer::join(&app, Serializer::Json).await;
        assert_eq!(ask(&mut peer, json!([48, 1, {}, "arm"])).await, json!([50, 1, {}]));
        peer.send(json!([6, {}, "wamp.close.close_realm"])).await;
        assert_eq!(peer.receive().await, Some(json!([6, {}, "wamp.close.goodbye_and_out"])));
        assert_eq!(app.handle().statistics().sessions, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn patterns_match_topics_of_the_protocol_only_where_they_name_them() {
    for serializer in Serializer::ALL {
        let app = App::new().topics("");
        let mut peer = Peer::join(&app, serializer).await;
        for (pattern, policy) in [("", "prefix"), ("wam", "prefix"), (".session.on_join", "wildcard")] {
            assert_eq!(
                ask(&mut peer, json!([32, 1, {"match": policy}, pattern])).await[0],
                33,
                "{serializer} {pattern}"
            );
        }
        let realm = app.handle().realm("realm1");
        realm.publish("wamp.session.on_join", 1).await.unwrap();
        assert!(peer.is_silent().await, "{serializer}");
        realm.publish("wampum.session.on_join", 1).await.unwrap();
        for _ in 0..3 {
            assert_eq!(peer.receive().await.unwrap()[0], 36, "{serializer}");
        }

        let app = App::new().topics("wamp.");
        let mut peer = Peer::join(&app, serializer).await;
        for (pattern, policy) in [("wamp.", "prefix"), ("wamp..on_join", "wildcard")] {
            assert_eq!(
                ask(&mut peer, json!([32, 1, {"match": policy}, pattern])).await[0],
                33,
                "{serializer} {pattern}"
            );
        }
        app.handle().realm("realm1").publish("wamp.session.on_join", 1).await.unwrap();
        for _ in 0..2 {
            assert_eq!(peer.receive().await.unwrap()[0], 36, "{serializer}");
        }
    }
}
