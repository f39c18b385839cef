//! What a recorder of metrics is told, as Prometheus would read it.

use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use serde_json::{Value, json};
use serverwamp::testing::RawPeer;
use serverwamp::{App, Authenticated, Decision, Limits, Progress, RpcError, Session, Uri, wamp};
use serverwamp_tests::login::{authenticate, login};
use serverwamp_tests::{Peer, Serializer, hello};
use tokio::time::sleep;

#[wamp::rpc("shop.fine")]
async fn fine() -> u32 {
    7
}

#[wamp::rpc("shop.fails")]
async fn fails() -> Result<(), RpcError> {
    Err(RpcError::new("shop.error.closed"))
}

#[wamp::rpc("shop.slow")]
async fn slow(milliseconds: u64) {
    sleep(Duration::from_millis(milliseconds)).await;
}

#[wamp::rpc("shop.staff", role = "staff")]
async fn staff() {}

#[wamp::rpc("shop.items", match = "prefix")]
async fn items() {}

#[wamp::rpc("shop.{shelf}.count")]
async fn count(shelf: u32) -> u32 {
    shelf
}

#[wamp::rpc("shop.large")]
async fn large(progress: Progress<String>) {
    for _ in 0..20 {
        let _ = progress.send("x".repeat(100_000)).await;
    }
}

/// A recorder for this test's thread.
macro_rules! record {
    ($handle:ident) => {
        let builder = PrometheusBuilder::new();
        let duration = Matcher::Full("wamp_call_duration_seconds".to_owned());
        let recorder = builder.set_buckets_for_metric(duration, &[0.001, 0.15, 1.5]).unwrap().build_recorder();
        let $handle = Rendered(recorder.handle());
        let _recording = metrics::set_default_local_recorder(&recorder);
    };
}

struct Rendered(PrometheusHandle);

impl Rendered {
    /// The value of a series, given as Prometheus writes it; none if there is no such series.
    fn value(&self, series: &str) -> Option<f64> {
        let text = self.0.render();
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.map(|value| value.parse().unwrap())
    }

    /// Checks that series have these values.
    fn check(&self, expected: &[(&str, u64)]) {
        for (series, value) in expected {
            assert_eq!(self.value(series), Some(*value as f64), "{series}\n{}", self.0.render());
        }
    }
}

fn app() -> App {
    App::discover_in(module_path!()).open_topics("news.")
}

async fn ask(peer: &mut Peer, message: Value) -> Value {
    peer.send(message).await;
    peer.receive().await.expect("an answer")
}

#[tokio::test(start_paused = true)]
async fn calls_by_procedure_and_outcome() {
    record!(rendered);
    let app = app();
    for serializer in Serializer::ALL {
        let mut peer = Peer::join(&app, serializer).await;
        peer.send_all(&[json!([48, 1, {}, "shop.fine"]), json!([48, 2, {}, "shop.fine"])]).await;
        assert_eq!(peer.receive().await, Some(json!([50, 1, {}, [7]])));
        assert_eq!(peer.receive().await, Some(json!([50, 2, {}, [7]])));
        for (id, procedure, arguments) in [
            (3, "shop.fails", json!([])),
            (4, "shop.fine", json!([1])),
            (5, "shop.staff", json!([])),
            (6, "shop.items.7", json!([])),
            (7, "shop.items.8", json!([])),
            (15, "shop.17.count", json!([])),
            (8, "nowhere.1", json!([])),
            (9, "nowhere.2", json!([])),
            (10, "shop.slow", json!([100])),
            (11, "shop.slow", json!([1000])),
        ] {
            ask(&mut peer, json!([48, id, {}, procedure, arguments])).await;
        }
        assert_eq!(ask(&mut peer, json!([48, 12, {"timeout": 50}, "shop.slow", [90]])).await[4], "wamp.error.timeout");
        peer.send(json!([48, 13, {}, "shop.slow", [100_000]])).await;
        assert!(peer.is_silent().await);
        assert_eq!(rendered.value("wamp_calls_in_flight"), Some(1.0));
        assert_eq!(ask(&mut peer, json!([49, 13, {"mode": "kill"}])).await[4], "wamp.error.canceled");
        peer.send(json!([48, 14, {}, "shop.slow", [100_000]])).await;
        assert!(peer.is_silent().await);
        drop(peer);
        sleep(Duration::from_secs(1)).await;
    }
    let each = Serializer::ALL.len() as u64;
    rendered.check(&[
        ("wamp_calls_total{procedure=\"shop.fine\",outcome=\"result\"}", 2 * each),
        ("wamp_calls_total{procedure=\"shop.fine\",outcome=\"error\"}", each),
        ("wamp_calls_total{procedure=\"shop.fails\",outcome=\"result\"}", 0),
        ("wamp_calls_total{procedure=\"shop.fails\",outcome=\"error\"}", each),
        ("wamp_calls_total{procedure=\"shop.staff\",outcome=\"refused\"}", each),
        ("wamp_calls_total{procedure=\"shop.items\",outcome=\"result\"}", 2 * each),
        ("wamp_calls_total{procedure=\"shop.{shelf}.count\",outcome=\"result\"}", each),
        ("wamp_calls_total{outcome=\"error\"}", 2 * each),
        ("wamp_calls_total{procedure=\"shop.slow\",outcome=\"result\"}", 2 * each),
        ("wamp_calls_total{procedure=\"shop.slow\",outcome=\"timeout\"}", each),
        ("wamp_calls_total{procedure=\"shop.slow\",outcome=\"canceled\"}", 2 * each),
        ("wamp_call_duration_seconds_bucket{procedure=\"shop.fine\",le=\"0.001\"}", 3 * each),
        ("wamp_call_duration_seconds_count{procedure=\"shop.staff\"}", 0),
        // The timed out one, and that of 100 ms.
        ("wamp_call_duration_seconds_bucket{procedure=\"shop.slow\",le=\"0.001\"}", 0),
        ("wamp_call_duration_seconds_bucket{procedure=\"shop.slow\",le=\"0.15\"}", 2 * each),
        ("wamp_call_duration_seconds_count{procedure=\"shop.slow\"}", 5 * each),
        ("wamp_calls_in_flight", 0),
        ("wamp_sessions", 0),
    ]);
    let text = rendered.0.render();
    assert!(
        !text.contains("nowhere") && !text.contains("shop.items.7") && !text.contains("shop.17"),
        "no label is a peer's: {text}"
    );
    let statistics = app.handle().statistics();
    assert_eq!((statistics.calls, statistics.failed_calls), (7 * each, 8 * each));
}

#[tokio::test(start_paused = true)]
async fn calls_that_an_authorizer_refuses() {
    record!(rendered);
    let app = app().authorizer(async |_: Session, uri: Uri, _| {
        sleep(Duration::from_millis(10)).await;
        if uri.ends_with("fine") { Decision::deny() } else { Decision::allow() }
    });
    let mut peer = Peer::join(&app, Serializer::Json).await;
    for (id, procedure) in [(1, "shop.fine"), (2, "shop.fails")] {
        ask(&mut peer, json!([48, id, {}, procedure])).await;
    }
    rendered.check(&[
        ("wamp_calls_total{procedure=\"shop.fine\",outcome=\"refused\"}", 1),
        ("wamp_calls_total{procedure=\"shop.fine\",outcome=\"error\"}", 0),
        ("wamp_calls_total{procedure=\"shop.fails\",outcome=\"error\"}", 1),
        ("wamp_call_duration_seconds_count{procedure=\"shop.fine\"}", 0),
        ("wamp_requests_denied_total", 1),
    ]);
}

#[tokio::test(start_paused = true)]
async fn connections_and_sessions() {
    record!(rendered);
    let app = app();
    let series = |name: &str, transport: &str, serializer: &str| {
        format!("{name}{{transport=\"{transport}\",serializer=\"{serializer}\"}}")
    };
    let mut peers = Vec::new();
    for serializer in Serializer::ALL {
        peers.push(Peer::join(&app, serializer).await);
    }
    rendered.check(&[("wamp_sessions", peers.len() as u64)]);
    for (transport, serializer) in [("websocket", "json"), ("websocket", "cbor.batched"), ("rawsocket", "msgpack")] {
        rendered.check(&[
            (&series("wamp_connections", transport, serializer), 1),
            (&series("wamp_connections_total", transport, serializer), 1),
        ]);
    }
    let _silent = RawPeer::connect(&app, "wamp.2.json").unwrap();
    sleep(Duration::from_millis(1)).await;
    rendered.check(&[(&series("wamp_connections", "memory", "json"), 1)]);
    drop(peers);
    sleep(Duration::from_millis(1)).await;
    rendered.check(&[
        ("wamp_sessions", 0),
        (&series("wamp_connections", "websocket", "json"), 0),
        (&series("wamp_connections_total", "websocket", "json"), 1),
    ]);
}

#[tokio::test(start_paused = true)]
async fn events_that_were_published_and_delivered() {
    record!(rendered);
    let app = app();
    let realm = app.handle().realm("realm1");
    let _ = realm.publish("news.a", "in a realm that nobody is in");
    let mut publisher = Peer::join(&app, Serializer::Cbor).await;
    let _ = realm.publish("news.a", "to nobody");
    let mut subscribers = Vec::new();
    for serializer in Serializer::ALL {
        let mut peer = Peer::join(&app, serializer).await;
        assert_eq!(ask(&mut peer, json!([32, 1, {}, "news.a"])).await[0], 33);
        subscribers.push(peer);
    }
    let _ = realm.publish("news.a", "to all");
    assert_eq!(ask(&mut publisher, json!([16, 1, {"acknowledge": true}, "news.a", ["too"]])).await[0], 17);
    assert_eq!(ask(&mut publisher, json!([16, 2, {"acknowledge": true}, "other.a", ["no"]])).await[0], 8);
    for peer in &mut subscribers {
        assert_eq!(peer.receive().await.unwrap()[4], json!(["to all"]));
        assert_eq!(peer.receive().await.unwrap()[4], json!(["too"]));
    }
    rendered.check(&[
        ("wamp_events_published_total", 3),
        ("wamp_events_delivered_total", 2 * subscribers.len() as u64),
        ("wamp_publications_refused_total", 1),
    ]);
}

#[tokio::test(start_paused = true)]
async fn octets_that_wait_and_limits_that_are_met() {
    record!(rendered);
    let app = app();
    let mut peer = Peer::join(&app, Serializer::Json).await;
    peer.send(json!([48, 1, {"receive_progress": true}, "shop.large"])).await;
    sleep(Duration::from_secs(1)).await;
    let waiting = rendered.value("wamp_queue_bytes").unwrap();
    assert!((10_000.0..300_000.0).contains(&waiting), "{waiting}");
    sleep(Duration::from_secs(15)).await;
    rendered.check(&[
        ("wamp_queue_bytes", 0),
        ("wamp_limit_reached_total{limit=\"write_stall\"}", 1),
        ("wamp_calls_total{procedure=\"shop.large\",outcome=\"canceled\"}", 1),
        ("wamp_calls_in_flight", 0),
    ]);
    let mut peer = Peer::join(&app, Serializer::Json).await;
    assert_eq!(ask(&mut peer, json!([5, "?", {}])).await[0], 3);
    rendered.check(&[("wamp_protocol_violations_total", 1)]);
}

#[tokio::test(start_paused = true)]
async fn logins_by_method_and_outcome() {
    record!(rendered);
    let check = async |_: Session, ticket: String| (ticket == "right").then(|| Authenticated::new(()));
    let app = app().ticket_authenticator(check).limits(Limits { authentication_attempts: 3, ..Limits::default() });
    for (ticket, end) in [("right", 2), ("wrong", 3), ("right", 2)] {
        let details = json!({"authmethods": ["ticket"], "authid": "joe"});
        let (message, _) = login(&app, Serializer::Json, &details, |_, _| authenticate(ticket)).await;
        assert_eq!(message[0], end);
    }
    let (message, _) = login(&app, Serializer::Json, &json!({"authmethods": ["anonymous"]}), |_, _| json!(null)).await;
    assert_eq!(message[0], 3);
    let open = self::app();
    Peer::join(&open, Serializer::Json).await;
    let handler = async |session: Session| -> Result<(), RpcError> {
        session.mark_authenticated(Authenticated::new(()));
        Ok(())
    };
    Peer::join(&self::app().authentication_handler(handler), Serializer::Json).await;
    let cookie = async |_: Session| Some(Authenticated::new(()));
    Peer::join(&self::app().transport_authenticator(cookie), Serializer::Json).await;
    rendered.check(&[
        ("wamp_authentications_total{method=\"ticket\",outcome=\"accepted\"}", 2),
        ("wamp_authentications_total{method=\"ticket\",outcome=\"refused\"}", 1),
        ("wamp_authentications_total{method=\"none\",outcome=\"refused\"}", 1),
        ("wamp_authentications_total{method=\"anonymous\",outcome=\"accepted\"}", 1),
        ("wamp_authentications_total{method=\"handler\",outcome=\"accepted\"}", 1),
        ("wamp_authentications_total{method=\"transport\",outcome=\"accepted\"}", 1),
    ]);
}

#[tokio::test]
async fn every_metric_says_what_it_is() {
    record!(rendered);
    let app = app();
    let mut peer = Peer::join(&app, Serializer::Json).await;
    ask(&mut peer, json!([48, 1, {}, "shop.fine"])).await;
    ask(&mut peer, json!([48, 2, {}, "x".repeat(300)])).await;
    let mut second = Peer::connect(&app, Serializer::Json);
    ask(&mut second, hello("realm1")).await;
    let text = rendered.0.render();
    let named: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    assert!(named.len() >= 15, "{named:?}");
    for name in named {
        assert!(text.contains(&format!("# HELP {name} ")), "{name} is not described");
    }
}
