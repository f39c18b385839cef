//! What a client asks, and how that ends.

use std::future::IntoFuture;
use std::time::Duration;

use serde_json::json;
use serverwamp::client::State;
use serverwamp::{CallError, CancelMode, RpcError, WampError};
use serverwamp_tests::{Router, Serializer};
use tokio::time::Instant;

use super::{client, joined};

#[tokio::test(start_paused = true)]
async fn options_of_calls() {
    for serializer in Serializer::ALL {
        let (client, mut peer, _router) = client(serializer).await;
        let call = client.call::<i64>("p", [1]).timeout(Duration::from_micros(1500)).disclose_me(true);
        let (result, ()) = tokio::join!(call.into_future(), async {
            peer.expect(json!([48, 1, {"timeout": 2, "disclose_me": true}, "p", [1]])).await;
            peer.send(json!([50, 1, {}, [7]])).await;
        });
        assert_eq!(result, Ok(7));
        let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let progress = std::sync::Arc::clone(&seen);
        let call = client.call::<()>("p", ()).on_progress(move |number: u32| progress.lock().unwrap().push(number));
        let (result, ()) = tokio::join!(call.into_future(), async {
            peer.expect(json!([48, 2, {"receive_progress": true}, "p"])).await;
            for number in 0..100 {
                peer.send(json!([50, 2, {"progress": true}, [number]])).await;
            }
            peer.send(json!([50, 2, {}])).await;
        });
        assert_eq!(result, Ok(()));
        assert_eq!(*seen.lock().unwrap(), (0..100).collect::<Vec<_>>());
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_is_canceled() {
    for (mode, name) in [(None, "killnowait"), (Some(CancelMode::Kill), "kill"), (Some(CancelMode::Skip), "skip")] {
        let (client, mut peer, _router) = client(Serializer::Json).await;
        let call = client.call::<()>("p", ());
        let call = match mode {
            Some(mode) => call.cancel_mode(mode),
            None => call,
        };
        let running = tokio::time::timeout(Duration::from_secs(1), call.into_future());
        assert!(running.await.is_err());
        peer.expect(json!([48, 1, {}, "p"])).await;
        peer.expect(json!([49, 1, {"mode": name}])).await;
        // Whether the router answers or not, and whatever it answers.
        peer.send(json!([8, 48, 1, {}, "wamp.error.canceled"])).await;
        let running = client.call::<()>("p", ()).start::<()>().await.unwrap();
        peer.expect(json!([48, 2, {}, "p"])).await;
        drop(running);
        peer.expect(json!([49, 2, {"mode": "killnowait"}])).await;
        peer.send(json!([50, 2, {}])).await;
        let (result, ()) = tokio::join!(client.call::<i64>("p", ()).into_future(), async {
            peer.expect(json!([48, 3, {}, "p"])).await;
            peer.send(json!([50, 3, {}, [1]])).await;
        });
        assert_eq!(result, Ok(1), "the session lives");
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_holds_whatever_the_router_does() {
    for (announces, options, seconds) in [(true, json!({"timeout": 5000}), 6), (false, json!({}), 5)] {
        let mut router = Router::new(Serializer::Json);
        let (connect, welcome) = (
            router.connect(),
            match announces {
                true => serverwamp_tests::welcome(),
                false => json!([2, 7, {"roles": {"dealer": {}, "broker": {}}}]),
            },
        );
        let (client, mut peer) = tokio::join!(connect.into_future(), async {
            let mut peer = router.accept().await;
            peer.receive().await.unwrap();
            peer.send(welcome).await;
            peer
        });
        let client = client.unwrap();
        let start = Instant::now();
        let call = client.call::<()>("p", ()).timeout(Duration::from_secs(5)).await;
        assert_eq!(call, Err(CallError::TimedOut));
        assert_eq!(start.elapsed().as_secs(), seconds);
        peer.expect(json!([48, 1, options, "p"])).await;
        if announces {
            peer.expect(json!([49, 1, {"mode": "killnowait"}])).await;
        }
        assert!(peer.is_silent_for(Duration::from_secs(5)).await, "a router that cannot cancel is not asked to");
    }
}

#[derive(Debug, PartialEq, WampError)]
#[wamp(prefix = "bank.error")]
enum BankError {
    TooPoor { missing: u32 },
}

#[tokio::test(start_paused = true)]
async fn errors_become_types_where_they_are_known() {
    let (client, mut peer, _router) = client(Serializer::Json).await;
    for (error, known) in [
        (json!([8, 48, 1, {}, "bank.error.too_poor", [], {"missing": 3}]), Some(BankError::TooPoor { missing: 3 })),
        (json!([8, 48, 2, {}, "bank.error.unknown", [1]]), None),
    ] {
        let (result, ()) = tokio::join!(client.call::<()>("p", ()).into_future(), async {
            peer.receive().await.unwrap();
            peer.send(error.clone()).await;
        });
        let failed = result.unwrap_err();
        assert_eq!(failed.to::<BankError>(), known);
        if known.is_none() {
            assert_eq!(failed, CallError::Remote(RpcError::new("bank.error.unknown").arg(1)));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn leaving_disconnecting_and_dropping() {
    for serializer in [Serializer::Json, Serializer::RawSocketMessagePack] {
        let (one, mut peer, _router) = client(serializer).await;
        let pending = tokio::spawn(one.call::<()>("p", ()).into_future());
        peer.expect(json!([48, 1, {}, "p"])).await;
        let (reason, ()) = tokio::join!(one.leave("my.reason", "so long"), async {
            peer.expect(json!([6, {"message": "so long"}, "my.reason"])).await;
            peer.send(json!([6, {}, "wamp.close.goodbye_and_out"])).await;
            assert_eq!(peer.receive().await, None);
        });
        assert_eq!(reason, "wamp.close.goodbye_and_out");
        assert_eq!(pending.await.unwrap().unwrap_err().uri(), Some("wamp.close.goodbye_and_out"));
        assert_eq!(one.state(), State::Closed);

        let (other, mut peer, mut router) = client(serializer).await;
        other.disconnect().await;
        assert_eq!(peer.receive().await, None, "without a word");
        assert!(router.is_left_alone_for(Duration::from_secs(60)).await);

        let (last, mut peer, _router) = client(serializer).await;
        drop(last);
        peer.expect(json!([6, {}, "wamp.close.normal"])).await;
    }
}

#[tokio::test(start_paused = true)]
async fn header_fields_go_with_the_request() {
    let mut router = Router::new(Serializer::Json);
    let connect = router.connect().header("Cookie", "sid=1").header("X: y\r\nEvil", "1").header("Evil", "a\r\nb: c");
    let (client, _peer) = joined(&mut router, connect).await;
    assert!(client.is_connected());
    let details = client.details().unwrap();
    assert_eq!((details.authid(), details.authrole(), details.authmethod()), ("joe", "user", "ticket"));
    assert!(details.announces("dealer", "call_canceling") && !details.announces("broker", "event_retention"));
}

#[tokio::test(start_paused = true)]
async fn what_waits_goes_on_when_there_is_room() {
    for serializer in [Serializer::Json, Serializer::RawSocketCbor] {
        let (client, mut peer, _router) = client(serializer).await;
        let text = "x".repeat(50_000);
        let publishing = tokio::spawn(async move {
            for number in 0..100 {
                client.publish("topic", (number, &text)).await.unwrap();
            }
            client
        });
        for number in 0..100 {
            assert_eq!(peer.receive().await.unwrap()[4][0], number);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let client = publishing.await.unwrap();

        // A subscriber that is slow: nothing is read meanwhile, and nothing is lost.
        let (subscription, ()) = tokio::join!(client.subscribe("topic").into_future(), async {
            peer.receive().await.unwrap();
            peer.send(json!([33, 101, 20])).await;
        });
        let mut subscription = subscription.unwrap();
        let sending = tokio::spawn(async move {
            for number in 0..2000 {
                peer.send(json!([36, 20, number + 1, {}, [number]])).await;
            }
            peer
        });
        for number in 0..2000 {
            assert_eq!(subscription.next().await.unwrap().arg(0), Ok(number));
            if number % 100 == 0 {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        drop(sending.await.unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn many_requests_wait_for_a_router_that_does_not_read() {
    let (client, peer, _router) = client(Serializer::RawSocketJson).await;
    let text = "x".repeat(64 * 1024);
    let start = Instant::now();
    let mut sent = 0;
    while client.publish("topic", &text).await.is_ok() {
        sent += 1;
        assert!(sent < 16, "nobody takes them");
    }
    assert!(sent >= 1);
    assert_eq!(start.elapsed().as_secs(), 10, "a router that takes nothing is given up");
    drop(peer);
}

#[derive(Debug, PartialEq, serde::Deserialize)]
struct Point {
    x: i64,
    y: i64,
}

#[derive(Debug, PartialEq, serde::Deserialize)]
enum Shape {
    Nothing,
    Circle { radius: i64 },
}

/// Reads one payload as a type, and says what came of that.
async fn read<T: serverwamp::client::FromPayload + std::fmt::Debug + 'static>(
    client: &serverwamp::Client,
    peer: &mut serverwamp_tests::RouterPeer,
    payload: &serde_json::Value,
) -> String {
    let id = peer.next_id();
    let (result, ()) = tokio::join!(client.call::<T>("p", ()).into_future(), async {
        peer.expect(json!([48, id, {}, "p"])).await;
        let mut message = vec![json!(50), json!(id), json!({})];
        message.extend(payload.as_array().unwrap().iter().cloned());
        peer.send(json!(message)).await;
    });
    match result {
        Ok(value) => format!("{value:?}"),
        Err(CallError::Unexpected(_)) => "unexpected".to_owned(),
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test(start_paused = true)]
async fn what_results_are_read_as() {
    for serializer in Serializer::ALL {
        let (client, mut peer, _router) = client(serializer).await;
        macro_rules! check {
            ($($type:ty: $payload:tt => $expected:expr;)*) => {$(
                let got = read::<$type>(&client, &mut peer, &json!($payload)).await;
                assert_eq!(got, $expected, "{serializer}: {} from {}", stringify!($type), json!($payload));
            )*};
        }
        check! {
            // Structs and maps: from keywords if there are any, else from a single positional map.
            Point: [[], {"x": 1, "y": 2}] => "Point { x: 1, y: 2 }";
            Point: [[{"x": 1, "y": 2}]] => "Point { x: 1, y: 2 }";
            Point: [[{"x": 9, "y": 9}], {"x": 1, "y": 2}] => "Point { x: 1, y: 2 }";
            Point: [[7], {"x": 1, "y": 2}] => "Point { x: 1, y: 2 }";
            Point: [[1, 2]] => "unexpected";
            Point: [[{"x": 1, "y": 2}, {"x": 1, "y": 2}]] => "unexpected";
            std::collections::BTreeMap<String, i64>: [[{"a": 1}]] => "{\"a\": 1}";
            std::collections::BTreeMap<String, i64>: [] => "{}";
            std::collections::BTreeMap<String, i64>: [[]] => "{}";
            Point: [] => "unexpected";
            // Sequences: the whole list, else the only argument.
            Vec<i64>: [[1, 2]] => "[1, 2]";
            Vec<i64>: [[7]] => "[7]";
            Vec<i64>: [[[1, 2]]] => "[1, 2]";
            Vec<i64>: [] => "[]";
            Vec<Vec<i64>>: [[[1, 2]]] => "[[1, 2]]";
            Vec<Vec<i64>>: [[[[1, 2]]]] => "[[1, 2]]";
            Vec<i64>: [[[1, 2], 3]] => "unexpected";
            (i64, String): [[1, "a"]] => "(1, \"a\")";
            (i64, String): [[[1, "a"]]] => "(1, \"a\")";
            Vec<Point>: [[{"x": 1, "y": 2}]] => "[Point { x: 1, y: 2 }]";
            // Options are what is in them.
            Option<i64>: [] => "None";
            Option<i64>: [[null]] => "None";
            Option<i64>: [[7]] => "Some(7)";
            Option<Vec<i64>>: [[7]] => "Some([7])";
            Option<Vec<i64>>: [[1, 2]] => "Some([1, 2])";
            Option<Vec<i64>>: [[[1, 2]]] => "Some([1, 2])";
            Option<Point>: [[], {"x": 1, "y": 2}] => "Some(Point { x: 1, y: 2 })";
            Option<Point>: [[{"x": 1, "y": 2}]] => "Some(Point { x: 1, y: 2 })";
            // Scalars: the only argument.
            i64: [[7]] => "7";
            i64: [[7, 8]] => "unexpected";
            i64: [] => "unexpected";
            (): [] => "()";
            (): [[null]] => "()";
            String: [["a"]] => "\"a\"";
            Shape: [["Nothing"]] => "Nothing";
            Shape: [[], {"Circle": {"radius": 1}}] => "Circle { radius: 1 }";
            // As one value, and as everything.
            serverwamp::Single<Vec<i64>>: [[[1, 2]]] => "Single([1, 2])";
            serverwamp::Single<Vec<i64>>: [[1, 2]] => "unexpected";
            serverwamp::Single<Point>: [[{"x": 1, "y": 2}]] => "Single(Point { x: 1, y: 2 })";
            serverwamp::Single<i64>: [] => "unexpected";
        }
        let all = read::<serverwamp::RpcResult>(&client, &mut peer, &json!([[1, "a"], {"n": 2}])).await;
        assert_eq!(all, format!("{:?}", serverwamp::RpcResult::new().arg(1).arg("a").kwarg("n", 2)));
    }
}
