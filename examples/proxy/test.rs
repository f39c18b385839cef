//! What clients of the proxy see is what they would see upstream.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use serverwamp::testing::{CallError, Next, RawPeer, RunningCall, TestClient};
use serverwamp::{AppHandle, CancelMode, RpcError, RpcResult, Value};
use tokio::time::{sleep, timeout};

use super::{proxy, upstream};

const SERIALIZERS: [&str; 3] = ["wamp.2.json", "wamp.2.msgpack", "wamp.2.cbor"];

/// A client of the proxy, and a handle to the upstream server.
async fn connected(serializer: &str) -> (TestClient, AppHandle) {
    let server = upstream::app();
    let handle = server.handle();
    (TestClient::join(&proxy(server), "realm1", serializer).await.unwrap(), handle)
}

/// Waits until the upstream server is as it should be.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(Duration::from_secs(60), waiting).await.unwrap_or_else(|_| panic!("not upstream: {what}"));
}

#[tokio::test(start_paused = true)]
async fn payloads_pass_unchanged() {
    for serializer in SERIALIZERS {
        let (client, _) = connected(serializer).await;
        let mut values = vec![
            Value::Null,
            Value::from(u64::MAX),
            Value::from(i64::MIN),
            Value::from(1.0),
            Value::from("é\n\"\u{1}"),
            Value::Bytes(vec![0, 1, 255]),
            Value::Array(vec![Value::Array(Vec::new()), Value::from(true)]),
        ];
        match serializer {
            "wamp.2.msgpack" => values.push(Value::Extension(7, vec![1, 2])),
            "wamp.2.cbor" => values.push(Value::Tag(1000, Box::new(Value::from(u128::MAX)))),
            _ => values.push(Value::from(u128::MAX)),
        }
        let arguments = values.iter().fold(RpcResult::new(), RpcResult::arg);
        let arguments = arguments.kwarg("bytes", Value::Bytes(vec![1])).kwarg("nested", Nested::default());
        let result: RpcResult = client.call("echo", arguments.clone()).await.unwrap();
        assert_eq!(result, arguments, "{serializer}");
        assert_eq!(client.call("echo", ()).await, Ok(RpcResult::new()));
    }
}

#[tokio::test(start_paused = true)]
async fn every_octet_of_a_batching_client_comes_back() {
    let mut peer = RawPeer::connect(&proxy(upstream::app()), "wamp.2.json.batched").unwrap();
    peer.send(b"[1,\"realm1\",{\"roles\":{\"caller\":{}}}]\x1e").await.unwrap();
    assert!(peer.receive().await.unwrap().starts_with(b"[2,"));
    let payload =
        r#"["\u0000AQL/",1.0,-0.5,123456789012345678901234567890,[],{}],{"a":[true,"é"],"z":{"d":null,"c":2}}"#;
    peer.send(format!("[48,1,{{}},\"echo\",{payload}]\x1e").as_bytes()).await.unwrap();
    let result = peer.receive().await.unwrap();
    assert_eq!(str::from_utf8(&result).unwrap(), format!("[50,1,{{}},{payload}]\x1e"));
}

#[derive(Default, serde::Serialize)]
struct Nested {
    list: Vec<u8>,
    number: f64,
}

#[tokio::test(start_paused = true)]
async fn errors_pass_with_their_payload() {
    for serializer in SERIALIZERS {
        let (client, _) = connected(serializer).await;
        assert_eq!(client.call("bank.withdraw", [30]).await, Ok(70));
        for (procedure, argument, error) in [
            ("bank.withdraw", 130, RpcError::new("bank.error.too_poor").kwarg("missing", 30)),
            (
                "missing",
                1,
                RpcError::new("wamp.error.no_such_procedure").message("no procedure `missing` is registered"),
            ),
        ] {
            let called: Result<u64, CallError> = client.call(procedure, [argument]).await;
            assert_eq!(called, Err(CallError::Remote(error)), "{serializer}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn progressive_results_pass_and_canceling_reaches_the_upstream_server() {
    for serializer in SERIALIZERS {
        let (client, upstream) = connected(serializer).await;
        let countdown = client.call::<String>("countdown", [3]).progress::<u32>().await.unwrap();
        assert_eq!(countdown.collect().await, Ok((vec![3, 2, 1], "liftoff".to_owned())), "{serializer}");
        assert_eq!(client.call("countdown", [2]).await, Ok("liftoff".to_owned()));

        let mut endless: RunningCall<u32, String> = client.call("countdown", [u32::MAX]).progress().await.unwrap();
        assert_eq!(endless.next().await, Ok(Next::Progress(u32::MAX)));
        endless.cancel(CancelMode::Kill);
        assert_eq!(endless.result().await.unwrap_err().uri(), Some("wamp.error.canceled"));
        until("canceled", || upstream.statistics().failed_calls == 1).await;

        let outlived = client.call::<String>("countdown", [9]).timeout(Duration::from_secs(5)).await;
        assert_eq!(outlived.unwrap_err().uri(), Some("wamp.error.timeout"));
        until("timed out", || upstream.statistics().failed_calls == 2).await;
    }
}

#[tokio::test(start_paused = true)]
async fn events_pass_until_they_are_no_longer_wanted() {
    for serializer in SERIALIZERS {
        let (client, upstream) = connected(serializer).await;
        let realm = upstream.realm("realm1");
        let mut seconds = client.subscribe("clock.seconds").await.unwrap();
        let mut all = client.subscribe("clock.").prefix().await.unwrap();
        let first: u64 = seconds.next().await.unwrap().arg(0).unwrap();
        let next = seconds.next().await.unwrap();
        assert_eq!((next.topic(), next.arg(0)), ("clock.seconds", Ok(first + 1)), "{serializer}");
        let event = all.next().await.unwrap();
        assert_eq!((event.topic(), event.arg(0)), ("clock.seconds", Ok(first)));
        let payload = RpcResult::new().arg(Value::Bytes(vec![0, 255])).kwarg("n", u64::MAX);
        realm.publish("clock.other", payload.clone());
        all.next().await.unwrap();
        let event = all.next().await.unwrap();
        assert_eq!((event.topic(), event.payload()), ("clock.other", Ok(payload)), "{serializer}");

        let refused = client.subscribe("closed").await;
        assert_eq!(refused.unwrap_err().uri(), Some("wamp.error.invalid_uri"));

        assert_eq!(client.call("clock.listeners", ()).await, Ok(2));
        seconds.unsubscribe().await.unwrap();
        drop(all);
        sleep(Duration::from_millis(1)).await;
        assert_eq!(client.call("clock.listeners", ()).await, Ok(0), "{serializer}");
    }
}

#[tokio::test(start_paused = true)]
async fn sessions_end_together() {
    for serializer in SERIALIZERS {
        let (client, upstream) = connected(serializer).await;
        assert_eq!(upstream.statistics().sessions, 1);
        client.leave().await;
        until("the client has left", || upstream.statistics().sessions == 0).await;

        let (client, upstream) = connected(serializer).await;
        upstream.close_sessions();
        assert_eq!(client.ended().await, "wamp.close.system_shutdown", "{serializer}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_may_not_join_upstream_may_not_join() {
    let nobody = upstream::app().default_realm(false).realm(serverwamp::Realm::new("other"));
    let joined = TestClient::connect(&proxy(nobody)).await;
    assert_eq!(joined.unwrap_err().uri(), Some("wamp.error.no_such_realm"));
}
