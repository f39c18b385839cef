//! The limits that can be met without a socket, each with a test named after it.

use std::time::Duration;

use serde_json::{Value, json};
use serverwamp::{App, Limits, wamp};
use serverwamp_tests::{Peer, Serializer};
use tokio::time::sleep;

#[wamp::rpc]
async fn slow() {
    sleep(Duration::from_secs(5)).await;
}

#[wamp::rpc]
async fn depth(_value: serverwamp::Value) -> bool {
    true
}

#[wamp::rpc]
async fn large(octets: usize) -> String {
    "x".repeat(octets)
}

fn app(limits: Limits) -> App {
    App::discover_in(module_path!()).limits(limits)
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, _| json!([inner]))
}

#[tokio::test]
async fn depth_limit() {
    let app = app(Limits::default());
    for serializer in Serializer::ALL {
        let mut peer = Peer::join(&app, serializer).await;
        // The message and its argument list are two levels.
        peer.send(json!([48, 1, {}, "depth", [nested(62)]])).await;
        assert_eq!(peer.receive().await, Some(json!([50, 1, {}, [true]])), "{serializer}");
        peer.send(json!([48, 2, {}, "depth", [nested(63)]])).await;
        let refused = peer.receive().await.unwrap();
        assert_eq!((&refused[2], &refused[4]), (&json!(2), &json!("wamp.error.invalid_argument")), "{serializer}");
        peer.send(json!([48, 3, {"_x": nested(100)}, "depth", [1]])).await;
        assert_eq!(peer.receive().await.unwrap()[4], "wamp.error.invalid_argument");
        peer.send(json!([6, {"_x": nested(100)}, "wamp.close.normal"])).await;
        assert_eq!(peer.receive().await.unwrap()[2], "wamp.error.protocol_violation", "no request id: ABORT");
    }
    let refused = Serializer::ALL.len() as u64 * 3;
    assert_eq!(app.handle().statistics().limits.get("depth"), Some(&refused));
}

#[tokio::test]
async fn nodes_limit() {
    let app = app(Limits { nodes: 1000, ..Limits::default() });
    for serializer in Serializer::ALL {
        let mut peer = Peer::join(&app, serializer).await;
        peer.send(json!([48, 1, {}, "depth", [vec![1; 980]]])).await;
        assert_eq!(peer.receive().await, Some(json!([50, 1, {}, [true]])), "{serializer}");
        peer.send(json!([48, 2, {}, "depth", [vec![1; 1000]]])).await;
        let refused = peer.receive().await.unwrap();
        assert_eq!((&refused[2], &refused[4]), (&json!(2), &json!("wamp.error.invalid_argument")), "{serializer}");
    }
    assert_eq!(app.handle().statistics().limits.get("nodes"), Some(&(Serializer::ALL.len() as u64)));
}

#[tokio::test]
async fn uri_length_limit() {
    let app = app(Limits::default());
    for serializer in Serializer::ALL {
        let mut peer = Peer::join(&app, serializer).await;
        peer.send(json!([48, 1, {}, "x".repeat(255)])).await;
        assert_eq!(peer.receive().await.unwrap()[4], "wamp.error.no_such_procedure");
        peer.send(json!([48, 2, {}, "x".repeat(256)])).await;
        assert_eq!(peer.receive().await.unwrap()[4], "wamp.error.invalid_uri");
    }
    let refused = Serializer::ALL.len() as u64;
    assert_eq!(app.handle().statistics().limits, [("uri_length", refused)].into());
}

#[tokio::test(start_paused = true)]
async fn calls_in_flight_limit() {
    let app = app(Limits { calls_in_flight: 2, ..Limits::default() });
    for serializer in Serializer::ALL {
        let mut peer = Peer::join(&app, serializer).await;
        let calls: Vec<Value> = (1..=3).map(|id| json!([48, id, {}, "slow"])).collect();
        peer.send_all(&calls).await;
        let limit = json!({"limit": "calls_in_flight", "maximum": 2});
        let refused = json!([8, 48, 3, {}, "serverwamp.error.limit_exceeded", [], limit]);
        assert_eq!(peer.receive().await, Some(refused), "{serializer}");
        // CANCEL gets through, and makes room once the handler is gone.
        peer.send(json!([49, 1, {"mode": "kill"}])).await;
        assert_eq!(peer.receive().await, Some(json!([8, 48, 1, {}, "wamp.error.canceled"])));
        peer.send(json!([48, 4, {}, "depth", [1]])).await;
        assert_eq!(peer.receive().await, Some(json!([50, 4, {}, [true]])));
        // A skipped call still runs, and counts.
        peer.send(json!([49, 2, {"mode": "skip"}])).await;
        assert_eq!(peer.receive().await, Some(json!([8, 48, 2, {}, "wamp.error.canceled"])));
        peer.send_all(&[json!([48, 5, {}, "slow"]), json!([48, 6, {}, "slow"])]).await;
        assert_eq!(peer.receive().await.unwrap()[4], "serverwamp.error.limit_exceeded");
        peer.send(json!([6, {}, "wamp.close.close_realm"])).await;
        assert_eq!(peer.receive().await, Some(json!([6, {}, "wamp.close.goodbye_and_out"])));
    }
}

#[tokio::test]
async fn message_size_limit() {
    let app = app(Limits { message_size: 2048, message_size_before_welcome: 1000, ..Limits::default() });
    for serializer in Serializer::ALL {
        let mut peer = Peer::join(&app, serializer).await;
        peer.send(json!([48, 1, {}, "depth", ["x".repeat(1900)]])).await;
        assert_eq!(peer.receive().await, Some(json!([50, 1, {}, [true]])), "{serializer}");
        peer.send(json!([48, 2, {}, "depth", ["x".repeat(2048)]])).await;
        assert_eq!(peer.receive().await, None);

        let mut peer = Peer::connect(&app, serializer);
        peer.send(json!([1, "realm1", {"roles": {"caller": {}}, "agent": "x".repeat(1000)}])).await;
        assert_eq!(peer.receive().await, None);
    }
}

#[tokio::test]
async fn a_reply_that_is_too_large_is_an_error() {
    let app = app(Limits { outbound_bytes: 10_000, ..Limits::default() });
    for serializer in Serializer::ALL {
        let mut peer = Peer::join(&app, serializer).await;
        peer.send(json!([48, 1, {}, "large", [2_000]])).await;
        assert_eq!(peer.receive().await.unwrap()[0], 50);
        peer.send(json!([48, 2, {}, "large", [5_000]])).await;
        assert_eq!(peer.receive().await.unwrap()[4], "wamp.error.payload_size_exceeded");
        peer.send(json!([48, 3, {}, "large", [1]])).await;
        assert_eq!(peer.receive().await, Some(json!([50, 3, {}, ["x"]])));
    }
}

#[tokio::test(start_paused = true)]
async fn hello_timeout_limit() {
    let app = app(Limits::default());
    for serializer in Serializer::ALL {
        let mut peer = Peer::connect(&app, serializer);
        // It may be the line that is slow: no reason for a client to give up.
        assert_eq!(peer.receive().await, Some(json!([3, {"message": "no HELLO in time"}, "wamp.error.timeout"])));
        assert_eq!(peer.receive().await, None);
        // After GOODBYE there is as much time for another.
        let mut peer = Peer::join(&app, serializer).await;
        peer.send(json!([6, {}, "wamp.close.close_realm"])).await;
        assert_eq!(peer.receive().await.unwrap()[0], 6);
        assert_eq!(peer.receive().await, None, "without a reproach");
    }
    assert_eq!(app.handle().statistics().limits, [("hello_timeout", Serializer::ALL.len() as u64)].into());
}

#[tokio::test(start_paused = true)]
async fn outbound_bytes_limit() {
    let app = app(Limits::default());
    let mut dead = Peer::join(&app, Serializer::Json).await;
    let mut good = Peer::join(&app, Serializer::Json).await;
    // Replies of 8 MiB for a peer that reads none of them.
    for id in 1..=80 {
        dead.send(json!([48, id, {}, "large", [100_000]])).await;
    }
    good.send(json!([48, 1, {}, "large", [1]])).await;
    assert_eq!(good.receive().await, Some(json!([50, 1, {}, ["x"]])));
    let mut received = 0;
    while dead.receive().await.is_some() {
        received += 1;
    }
    assert!(received < 80, "the connection was not cut");
}

#[tokio::test(start_paused = true)]
async fn write_stall_limit() {
    let app = app(Limits::default());
    let mut peer = Peer::join(&app, Serializer::Json).await;
    for id in 1..=20 {
        peer.send(json!([48, id, {}, "large", [100_000]])).await;
    }
    sleep(Duration::from_secs(9)).await;
    for id in 1..=3 {
        assert_eq!(peer.receive().await.unwrap()[1], id, "within the time");
    }
    sleep(Duration::from_secs(11)).await;
    let mut received = 0;
    while peer.receive().await.is_some() {
        received += 1;
    }
    assert!(received < 17, "the connection was not cut");
    assert_eq!(app.handle().statistics().limits, [("write_stall", 1)].into());
}

#[tokio::test(start_paused = true)]
async fn outbound_bytes_limit_holds_within_one_batch() {
    let app = app(Limits::default());
    let handle = app.handle();
    let mut peer = Peer::join(&app, Serializer::CborBatched).await;
    let calls: Vec<Value> = (1..=1000).map(|id| json!([48, id, {}, "large", [100_000]])).collect();
    peer.send_all(&calls).await;
    let mut received = 0;
    while peer.receive().await.is_some() {
        received += 1;
    }
    assert!(received < 100, "{received} results of 100 KB were kept for a peer that does not read");
    let statistics = handle.statistics();
    assert_eq!(statistics.limits.get("outbound_bytes"), Some(&1));
    assert!(statistics.calls < 200, "{statistics:?}");
}

mod lingering {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    use super::*;

    #[wamp::rpc(detached)]
    async fn detached() {
        sleep(Duration::from_secs(1000)).await;
    }

    /// How many blocking calls have begun: before that, nothing goes on without the caller.
    static STARTED: AtomicU64 = AtomicU64::new(0);
    /// Lets them end.
    static RELEASED: AtomicBool = AtomicBool::new(false);

    #[wamp::rpc(blocking)]
    fn blocking() {
        STARTED.fetch_add(1, Ordering::Relaxed);
        while !RELEASED.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[tokio::test]
    async fn calls_in_flight_limit_counts_what_goes_on_without_its_caller() {
        for procedure in ["detached", "blocking"] {
            let app = app(Limits { calls_in_flight: 2, ..Limits::default() });
            let mut peer = Peer::join(&app, Serializer::Json).await;
            for id in 1..=2 {
                peer.send(json!([48, id, {}, procedure])).await;
                while procedure == "blocking" && STARTED.load(Ordering::Relaxed) < id {
                    sleep(Duration::from_millis(1)).await;
                }
                peer.send(json!([49, id, {"mode": "killnowait"}])).await;
                assert_eq!(peer.receive().await.unwrap()[4], "wamp.error.canceled");
            }
            peer.send(json!([48, 3, {}, procedure])).await;
            assert_eq!(peer.receive().await.unwrap()[4], "serverwamp.error.limit_exceeded", "{procedure}");
        }
        RELEASED.store(true, Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn durations_may_be_extreme() {
    for duration in [Duration::ZERO, Duration::MAX] {
        let limits = Limits { ping_interval: duration, pong_timeout: duration, drain: duration, ..Limits::default() };
        let app = app(limits);
        let mut peer = Peer::join(&app, Serializer::Json).await;
        sleep(Duration::from_secs(100)).await;
        peer.send(json!([48, 1, {}, "large", [1]])).await;
        assert_eq!(peer.receive().await, Some(json!([50, 1, {}, ["x"]])));
    }
    let limits = Limits { hello_timeout: Duration::MAX, write_stall: Duration::MAX, ..Limits::default() };
    let app = app(limits);
    let mut peer = Peer::join(&app, Serializer::Json).await;
    peer.send(json!([48, 1, {}, "large", [1]])).await;
    assert_eq!(peer.receive().await, Some(json!([50, 1, {}, ["x"]])));
}

#[tokio::test]
async fn connections_limit() {
    let app = app(Limits { connections: 1, ..Limits::default() });
    let peer = Peer::join(&app, Serializer::Json).await;
    assert!(serverwamp::testing::RawPeer::connect(&app, "wamp.2.json").is_err());
    drop(peer);
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    assert!(serverwamp::testing::RawPeer::connect(&app, "wamp.2.json").is_ok(), "its place is free again");
}

#[tokio::test]
async fn limits_of_a_configuration_hold() {
    let app = app(Limits::from_toml("depth = 8\nhello_timeout = '1s'").unwrap());
    let mut peer = Peer::join(&app, Serializer::Json).await;
    peer.send(json!([48, 1, {}, "depth", [nested(7)]])).await;
    assert_eq!(peer.receive().await.unwrap()[4], "wamp.error.invalid_argument");
}
