//! How long a handler runs: to its end, or until it is canceled, times out, or loses its caller.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use serverwamp::{App, CancellationToken, Inject, Progress, Session, wamp};
use serverwamp_tests::{Peer, Serializer};
use tokio::time::sleep;

/// What handlers did, for the tests to see.
#[derive(Clone, Default)]
struct Log {
    dropped: Arc<AtomicUsize>,
    finished: Arc<AtomicUsize>,
    canceled: Arc<AtomicUsize>,
}

struct Guard(Inject<Log>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

#[wamp::rpc]
async fn slow(seconds: u64, log: Inject<Log>) -> &'static str {
    let _guard = Guard(log.clone());
    sleep(Duration::from_secs(seconds)).await;
    log.finished.fetch_add(1, Ordering::SeqCst);
    "slept"
}

#[wamp::rpc(detached)]
async fn detached(seconds: u64, log: Inject<Log>, token: CancellationToken) -> &'static str {
    let _guard = Guard(log.clone());
    sleep(Duration::from_secs(seconds)).await;
    log.finished.fetch_add(1, Ordering::SeqCst);
    if token.is_cancelled() {
        log.canceled.fetch_add(1, Ordering::SeqCst);
        return "canceled";
    }
    "slept"
}

#[wamp::rpc(timeout = "2s")]
async fn limited(seconds: u64) -> &'static str {
    sleep(Duration::from_secs(seconds)).await;
    "slept"
}

#[wamp::rpc]
async fn ticking(every: u64, progress: Progress<u32>) -> &'static str {
    for tick in 0..4 {
        sleep(Duration::from_secs(every)).await;
        progress.send(tick).await.unwrap();
    }
    "done"
}

struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("in a guard")
    }
}

#[wamp::rpc]
async fn bad_guard() {
    let _guard = PanicsWhenDropped;
    sleep(Duration::from_secs(1000)).await;
}

#[wamp::rpc]
async fn task(session: Session, log: Inject<Log>) {
    session.spawn(async move {
        let _guard = Guard(log);
        sleep(Duration::from_secs(1000)).await;
    });
}

#[wamp::rpc]
async fn quick() -> bool {
    true
}

async fn joined() -> (Peer, Log) {
    let log = Log::default();
    let app = App::discover_in(module_path!()).inject(log.clone());
    (Peer::join(&app, Serializer::Cbor).await, log)
}

async fn settle() {
    sleep(Duration::from_millis(1)).await;
}

fn canceled(request: u64) -> Option<Value> {
    Some(json!([8, 48, request, {}, "wamp.error.canceled"]))
}

async fn assert_alive(peer: &mut Peer, request: u64) {
    peer.send(json!([48, request, {}, "quick"])).await;
    assert_eq!(peer.receive().await, Some(json!([50, request, {}, [true]])));
}

#[tokio::test(start_paused = true)]
async fn calls_overtake_each_other() {
    let (mut peer, _) = joined().await;
    peer.send_all(&[json!([48, 1, {}, "slow", [1]]), json!([48, 2, {}, "quick"])]).await;
    assert_eq!(peer.receive().await, Some(json!([50, 2, {}, [true]])));
    assert_eq!(peer.receive().await, Some(json!([50, 1, {}, ["slept"]])));
}

#[tokio::test(start_paused = true)]
async fn a_killed_call_is_dropped_and_answered_once() {
    for options in [json!({"mode": "kill"}), json!({"mode": "killnowait"}), json!({})] {
        let (mut peer, log) = joined().await;
        peer.send(json!([48, 1, {}, "slow", [100]])).await;
        peer.send(json!([49, 1, options])).await;
        assert_eq!(peer.receive().await, canceled(1));
        settle().await;
        assert_eq!(log.dropped.load(Ordering::SeqCst), 1, "{options}");
        assert!(peer.is_silent_for(Duration::from_secs(200)).await, "{options}");
        assert_eq!(log.finished.load(Ordering::SeqCst), 0);
        assert_alive(&mut peer, 2).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_skipped_call_runs_on_and_its_answer_is_dropped() {
    let (mut peer, log) = joined().await;
    peer.send(json!([48, 1, {}, "slow", [5]])).await;
    peer.send(json!([49, 1, {"mode": "skip"}])).await;
    assert_eq!(peer.receive().await, canceled(1));
    sleep(Duration::from_secs(10)).await;
    assert_eq!(log.finished.load(Ordering::SeqCst), 1);
    assert_alive(&mut peer, 2).await;
}

#[tokio::test(start_paused = true)]
async fn canceling_what_is_over_or_unknown_does_nothing() {
    let (mut peer, _) = joined().await;
    assert_alive(&mut peer, 1).await;
    peer.send_all(&[json!([49, 1, {"mode": "kill"}]), json!([49, 77, {}])]).await;
    assert_alive(&mut peer, 2).await;
}

#[tokio::test(start_paused = true)]
async fn a_detached_handler_goes_on() {
    let (mut peer, log) = joined().await;
    peer.send(json!([48, 1, {}, "detached", [5]])).await;
    peer.send(json!([49, 1, {"mode": "killnowait"}])).await;
    assert_eq!(peer.receive().await, canceled(1));
    sleep(Duration::from_secs(10)).await;
    assert_eq!(log.finished.load(Ordering::SeqCst), 1);
    assert_eq!(log.canceled.load(Ordering::SeqCst), 1, "its token tells");
    // With `kill` the caller gets whatever the handler answers.
    peer.send(json!([48, 2, {}, "detached", [5]])).await;
    peer.send(json!([49, 2, {"mode": "kill"}])).await;
    assert_eq!(peer.receive().await, Some(json!([50, 2, {}, ["canceled"]])));
    assert_alive(&mut peer, 3).await;
}

#[tokio::test(start_paused = true)]
async fn timeouts() {
    let timeout = |request| Some(json!([8, 48, request, {}, "wamp.error.timeout"]));
    let (mut peer, log) = joined().await;
    peer.send(json!([48, 1, {}, "limited", [3]])).await;
    assert_eq!(peer.receive().await, timeout(1));
    peer.send(json!([48, 2, {}, "limited", [1]])).await;
    assert_eq!(peer.receive().await, Some(json!([50, 2, {}, ["slept"]])));
    peer.send(json!([48, 3, {"timeout": 1500}, "slow", [2]])).await;
    assert_eq!(peer.receive().await, timeout(3));
    assert_eq!(log.dropped.load(Ordering::SeqCst), 1);
    peer.send(json!([48, 4, {"timeout": 1500}, "slow", [1]])).await;
    assert_eq!(peer.receive().await, Some(json!([50, 4, {}, ["slept"]])));
    peer.send(json!([48, 5, {"timeout": 0}, "slow", [60]])).await;
    assert_eq!(peer.receive().await, Some(json!([50, 5, {}, ["slept"]])));
}

#[tokio::test(start_paused = true)]
async fn the_callers_timeout_is_per_gap_between_results() {
    let (mut peer, _) = joined().await;
    let options = json!({"timeout": 1500, "receive_progress": true});
    peer.send(json!([48, 1, options, "ticking", [1]])).await;
    for tick in 0..4 {
        assert_eq!(peer.receive().await, Some(json!([50, 1, {"progress": true}, [tick]])));
    }
    assert_eq!(peer.receive().await, Some(json!([50, 1, {}, ["done"]])));
    peer.send(json!([48, 2, options, "ticking", [2]])).await;
    assert_eq!(peer.receive().await, Some(json!([8, 48, 2, {}, "wamp.error.timeout"])));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_takes_its_calls_with_it() {
    for goodbye in [true, false] {
        let (mut peer, log) = joined().await;
        peer.send_all(&[json!([48, 1, {}, "slow", [100]]), json!([48, 2, {}, "task"])]).await;
        assert_eq!(peer.receive().await, Some(json!([50, 2, {}])));
        peer.send(json!([48, 3, {}, "detached", [5]])).await;
        settle().await;
        if goodbye {
            peer.send(json!([6, {}, "wamp.close.close_realm"])).await;
            assert_eq!(peer.receive().await, Some(json!([6, {}, "wamp.close.goodbye_and_out"])));
        } else {
            drop(peer);
        }
        settle().await;
        assert_eq!(log.dropped.load(Ordering::SeqCst), 2, "the call and the session's task");
        sleep(Duration::from_secs(10)).await;
        assert_eq!(log.finished.load(Ordering::SeqCst), 1, "the detached one");
    }
}

#[tokio::test(start_paused = true)]
async fn a_guard_that_panics_harms_nobody() {
    let (mut peer, _) = joined().await;
    peer.send(json!([48, 1, {}, "bad_guard"])).await;
    peer.send(json!([49, 1, {}])).await;
    assert_eq!(peer.receive().await, canceled(1));
    assert_alive(&mut peer, 2).await;
}
