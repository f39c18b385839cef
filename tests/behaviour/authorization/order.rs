//! What waits for an authorizer keeps its order, can be given up, and is dropped with its session.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use serverwamp::{Action, App, Call, Decision, Inject, Limits, Session, Uri, wamp};
use serverwamp_tests::{Peer, Serializer};
use tokio::sync::Barrier;
use tokio::time::sleep;

use super::{FAILED, NOT_AUTHORIZED, ask, outcome, request};

/// What has happened, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn note(&self, what: impl ToString) {
        self.0.lock().unwrap().push(what.to_string());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Notes that it was called; never ends where the URI says so.
#[wamp::rpc("call.", match = "prefix")]
async fn call(request: serverwamp::Request, log: Inject<Log>) {
    log.note(request.uri());
    if request.uri().contains("running") {
        std::future::pending::<()>().await;
    }
}

#[wamp::rpc("detached.", match = "prefix", detached)]
async fn detached(request: serverwamp::Request, log: Inject<Log>) {
    log.note(request.uri());
    sleep(Duration::from_secs(1)).await;
    log.note("detached has ended");
}

/// Notes when an authorizer's future is dropped that had not decided.
struct Undecided(Log, Uri);

impl Drop for Undecided {
    fn drop(&mut self) {
        self.0.note(format!("{} was given up", self.1));
    }
}

/// Decides after as many tenths of a second as the URI's last component says; `never` for not at all.
fn app(log: &Log) -> App {
    let noted = log.clone();
    let app = App::discover_in(module_path!()).open_topics("topic.").inject(log.clone());
    app.authorizer(move |_: Session, uri: Uri, _: Action| {
        let log = noted.clone();
        async move {
            let undecided = Undecided(log, uri.clone());
            let (_, last) = uri.rsplit_once('.').unwrap();
            match last.trim_end_matches("denied").parse() {
                Ok(0) => {}
                Ok(tenths) => sleep(Duration::from_millis(100 * tenths)).await,
                Err(_) => std::future::pending().await,
            }
            std::mem::forget(undecided);
            if last.ends_with("denied") { Decision::deny() } else { Decision::allow() }
        }
    })
}

fn call_of(id: u64, procedure: &str) -> Value {
    json!([48, id, {}, procedure])
}

#[tokio::test(start_paused = true)]
async fn calls_start_in_their_order_whatever_the_authorizer_takes() {
    let log = Log::default();
    let app = app(&log);
    for serializer in Serializer::ALL {
        let mut peer = Peer::join(&app, serializer).await;
        let procedures = ["call.a.3", "call.b.1", "call.c.0", "call.running.2", "call.d.5denied", "call.e.1"];
        let calls: Vec<Value> = (1..).zip(procedures).map(|(id, procedure)| call_of(id, procedure)).collect();
        peer.send_all(&calls).await;
        let mut answered = Vec::new();
        for _ in 0..5 {
            answered.push(peer.receive().await.unwrap());
        }
        assert_eq!(log.take(), ["call.a.3", "call.b.1", "call.c.0", "call.running.2", "call.e.1"], "{serializer}");
        // The call that is denied holds back those behind it, as nobody knows before.
        assert_eq!(outcome(&answered[3]), NOT_AUTHORIZED, "{serializer}: {answered:?}");
        assert_eq!(answered[4], json!([50, 6, {}]), "{serializer}: {answered:?}");
        peer.send(json!([49, 4, {}])).await;
        assert_eq!(outcome(&peer.receive().await.unwrap()), "wamp.error.canceled", "{serializer}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_denied_call_is_answered_before_those_that_wait() {
    let log = Log::default();
    let app = app(&log);
    for serializer in Serializer::ALL {
        let mut peer = Peer::join(&app, serializer).await;
        peer.send_all(&[call_of(1, "call.a.3"), call_of(2, "call.b.1denied"), call_of(3, "call.c.1")]).await;
        let mut answers = Vec::new();
        for _ in 0..3 {
            answers.push(peer.receive().await.unwrap());
        }
        assert_eq!((outcome(&answers[0]), &answers[0][2]), (NOT_AUTHORIZED, &json!(2)), "{serializer}");
        assert_eq!(answers[1..], [json!([50, 1, {}]), json!([50, 3, {}])], "{serializer}");
        assert_eq!(log.take(), ["call.a.3", "call.c.1"], "{serializer}");
    }
}

#[tokio::test(start_paused = true)]
async fn calls_are_asked_about_side_by_side() {
    let together = Arc::new(Barrier::new(3));
    let app = App::discover_in(module_path!()).inject(Log::default());
    let app = app.authorizer(move |_: Session, _: Uri, _: Action| {
        let together = Arc::clone(&together);
        async move {
            together.wait().await;
            Decision::allow()
        }
    });
    for serializer in Serializer::ALL {
        let mut peer = Peer::join(&app, serializer).await;
        peer.send_all(&[1, 2, 3].map(|id| call_of(id, "call.a"))).await;
        for id in 1..=3 {
            assert_eq!(peer.receive().await, Some(json!([50, id, {}])), "{serializer}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn requests_about_topics_are_handled_in_their_order_and_calls_do_not_wait() {
    let log = Log::default();
    let app = app(&log);
    for serializer in Serializer::ALL {
        let (mut peer, mut other) = (Peer::join(&app, serializer).await, Peer::join(&app, serializer).await);
        for (id, topic) in [(1, "topic.3"), (2, "topic.1"), (3, "topic.0")] {
            assert_eq!(ask(&mut other, request("subscribe", id, topic, "exact")).await, json!([33, id, id]));
        }
        peer.send_all(&[
            request("publish", 1, "topic.3", "exact"),
            request("publish", 2, "topic.1denied", "exact"),
            json!([16, 3, {}, "topic.1"]),
            request("subscribe", 4, "topic.2", "exact"),
            json!([34, 5, 4]),
            request("publish", 6, "topic.0", "exact"),
            request("register", 7, "topic.1", "exact"),
            call_of(8, "call.0"),
        ])
        .await;
        let mut answers = Vec::new();
        for _ in 0..7 {
            let answer = peer.receive().await.unwrap();
            let id = if answer[0] == 8 { &answer[2] } else { &answer[1] };
            answers.push((answer[0].as_u64().unwrap(), id.as_u64().unwrap()));
        }
        assert_eq!(answers, [(50, 8), (17, 1), (8, 2), (33, 4), (35, 5), (17, 6), (8, 7)], "{serializer}");
        for subscription in 1..=3 {
            assert_eq!(other.receive().await.unwrap()[1], subscription, "{serializer}");
        }
        assert_eq!(log.take(), ["call.0"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_can_be_canceled_while_it_waits() {
    let log = Log::default();
    let app = app(&log);
    for serializer in Serializer::ALL {
        for procedure in ["call.never", "detached.never"] {
            for mode in ["kill", "killnowait"] {
                let mut peer = Peer::join(&app, serializer).await;
                peer.send_all(&[call_of(1, procedure), call_of(2, "call.0")]).await;
                assert!(peer.is_silent().await, "{serializer}");
                peer.send(json!([49, 1, {"mode": mode}])).await;
                let answers = [peer.receive().await.unwrap(), peer.receive().await.unwrap()];
                let what = format!("{serializer} {procedure} {mode}: {answers:?}");
                assert_eq!((outcome(&answers[0]), &answers[0][2]), ("wamp.error.canceled", &json!(1)), "{what}");
                assert_eq!(answers[1], json!([50, 2, {}]), "{what}");
                assert_eq!(log.take(), [&format!("{procedure} was given up"), "call.0"], "{what}");
            }
        }
        // With `skip` the call goes on, though nobody hears of it.
        let mut peer = Peer::join(&app, serializer).await;
        peer.send_all(&[call_of(1, "call.2"), json!([49, 1, {"mode": "skip"}]), call_of(2, "call.0")]).await;
        assert_eq!(outcome(&peer.receive().await.unwrap()), "wamp.error.canceled", "{serializer}");
        assert_eq!(peer.receive().await, Some(json!([50, 2, {}])), "{serializer}");
        assert_eq!(log.take(), ["call.2", "call.0"], "{serializer}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_callers_timeout_counts_the_authorizers_time() {
    let log = Log::default();
    let app = app(&log);
    for serializer in Serializer::ALL {
        let mut peer = Peer::join(&app, serializer).await;
        let answer = ask(&mut peer, json!([48, 1, {"timeout": 200}, "call.never"])).await;
        assert_eq!(outcome(&answer), "wamp.error.timeout", "{serializer}");
        assert_eq!(log.take(), ["call.never was given up"], "{serializer}");
        assert_eq!(outcome(&ask(&mut peer, call_of(2, "call.never")).await), FAILED, "{serializer}");
        assert_eq!(log.take(), ["call.never was given up"], "{serializer}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_dropped_with_its_session() {
    let goodbye = json!([6, {}, "wamp.close.close_realm"]);
    let abort = json!([3, {}, "wamp.close.normal"]);
    let violation = json!([2, 1, {}]);
    for farewell in [Some(goodbye), Some(abort), Some(violation), None] {
        for serializer in Serializer::ALL {
            let log = Log::default();
            let app = app(&log);
            let mut peer = Peer::join(&app, serializer).await;
            let behind =
                [call_of(2, "call.0"), call_of(3, "detached.never"), request("publish", 5, "topic.0", "exact")];
            peer.send_all(&[call_of(1, "call.never"), request("publish", 4, "topic.never", "exact")]).await;
            peer.send_all(&behind).await;
            assert!(peer.is_silent().await, "{serializer}");
            match &farewell {
                Some(farewell) => peer.send(farewell.clone()).await,
                None => drop(peer),
            }
            sleep(Duration::from_secs(30)).await;
            let mut seen = log.take();
            seen.sort_unstable();
            let given_up = ["call.never", "detached.never", "topic.never"].map(|uri| format!("{uri} was given up"));
            assert_eq!(seen, given_up, "{serializer} {farewell:?}");
            assert_eq!(app.handle().statistics().sessions, 0, "{serializer} {farewell:?}");
            assert_eq!(app.handle().statistics().failed_authorizations, 0, "{serializer} {farewell:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_detached_call_goes_on_once_it_was_started() {
    for serializer in Serializer::ALL {
        let log = Log::default();
        let app = app(&log);
        let mut peer = Peer::join(&app, serializer).await;
        peer.send(call_of(1, "detached.2")).await;
        assert!(peer.is_silent().await, "{serializer}");
        drop(peer);
        sleep(Duration::from_secs(2)).await;
        assert_eq!(log.take(), ["detached.2", "detached has ended"], "{serializer}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_counts_against_the_calls_in_flight() {
    let exceeded = "serverwamp.error.limit_exceeded";
    for serializer in Serializer::ALL {
        let app = app(&Log::default()).limits(Limits { calls_in_flight: 2, ..Limits::default() });
        let mut peer = Peer::join(&app, serializer).await;
        peer.send_all(&[call_of(1, "call.never"), call_of(2, "call.0"), call_of(3, "call.0")]).await;
        let refused = peer.receive().await.unwrap();
        assert_eq!((outcome(&refused), &refused[2]), (exceeded, &json!(3)), "{serializer}");
        // One is asked about, and two wait behind it.
        let publications = [4, 5, 6, 7].map(|id| request("publish", id, "topic.never", "exact"));
        peer.send_all(&publications).await;
        let refused = peer.receive().await.unwrap();
        assert_eq!((outcome(&refused), &refused[2]), (exceeded, &json!(7)), "{serializer}");
        // CANCEL gets through, and there is room again.
        peer.send(json!([49, 1, {}])).await;
        assert_eq!(outcome(&peer.receive().await.unwrap()), "wamp.error.canceled", "{serializer}");
        assert_eq!(peer.receive().await, Some(json!([50, 2, {}])), "{serializer}");
        assert_eq!(ask(&mut peer, call_of(8, "call.0")).await, json!([50, 8, {}]), "{serializer}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_realms_own_handlers_are_behind_the_authorizer() {
    let called = Arc::new(AtomicUsize::new(0));
    for serializer in Serializer::ALL {
        let (log, calls, subscriptions) = (Log::default(), Arc::clone(&called), Arc::clone(&called));
        let authorized = app(&log);
        let app = authorized
            .call_handler(move |_: Call| {
                calls.fetch_add(1, Ordering::SeqCst);
                async { Ok::<_, serverwamp::RpcError>(()) }
            })
            .subscription_handler(move |_, _| {
                subscriptions.fetch_add(1, Ordering::SeqCst);
                async { Ok::<_, serverwamp::RpcError>(()) }
            });
        let mut peer = Peer::join(&app, serializer).await;
        for (id, (kind, uri, expected)) in (1..).zip([
            ("call", "any.1denied", NOT_AUTHORIZED),
            ("subscribe", "any.1denied", NOT_AUTHORIZED),
            ("call", "any.1", "result"),
            ("subscribe", "any.1", "subscribed"),
        ]) {
            assert_eq!(outcome(&ask(&mut peer, request(kind, id, uri, "exact")).await), expected, "{serializer} {uri}");
        }
        assert_eq!(called.swap(0, Ordering::SeqCst), 2, "{serializer}");
    }
}
