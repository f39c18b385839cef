//! `TestClient`, the seed of the client.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::{Stream, stream};
use serde::{Deserialize, Serialize};
use serverwamp::testing::{CallError, TestClient};
use serverwamp::{App, CancelMode, RpcError, RpcResult, Session, Single, wamp};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Point {
    x: i32,
    y: i32,
}

#[wamp::rpc]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

#[wamp::rpc]
async fn point() -> Point {
    Point { x: 1, y: 2 }
}

#[wamp::rpc]
async fn single_point() -> Single<Point> {
    Single(Point { x: 1, y: 2 })
}

#[wamp::rpc]
async fn list() -> Vec<i32> {
    vec![1, 2, 3]
}

#[wamp::rpc]
async fn single_list() -> Single<Vec<i32>> {
    Single(vec![1, 2, 3])
}

#[wamp::rpc]
async fn both() -> RpcResult {
    RpcResult::new().arg(1).kwarg("n", 2)
}

#[wamp::rpc]
async fn nothing() {}

#[wamp::rpc]
async fn octets() -> Vec<u8> {
    vec![1, 255]
}

#[wamp::rpc]
async fn fails() -> Result<(), RpcError> {
    Err(RpcError::new("my.error").arg(1).kwarg("why", "x"))
}

#[wamp::rpc]
async fn items() -> impl Stream<Item = i32> {
    stream::iter([1, 2])
}

#[wamp::rpc]
async fn endless() {
    std::future::pending().await
}

#[wamp::rpc]
async fn close(session: Session) {
    session.close("my.reason", "bye");
    std::future::pending().await
}

const SERIALIZERS: [&str; 3] = ["wamp.2.json", "wamp.2.msgpack", "wamp.2.cbor"];

async fn clients() -> Vec<TestClient> {
    let app = App::discover_in(module_path!());
    let mut clients = Vec::new();
    for serializer in SERIALIZERS {
        clients.push(TestClient::join(&app, "realm1", serializer).await.unwrap());
    }
    clients
}

#[tokio::test]
async fn typed_calls() {
    for client in clients().await {
        assert_eq!(client.call("add", (2, 3)).await, Ok(5_i64));
        assert_eq!(client.call("add", HashMap::from([("a", 2), ("b", 3)])).await, Ok(5_i64));
        assert_eq!(client.call("add", RpcResult::new().arg(2).kwarg("b", 3)).await, Ok(5_u8));
        assert_eq!(client.call("point", ()).await, Ok(Point { x: 1, y: 2 }));
        assert_eq!(client.call("point", ()).await, Ok(HashMap::from([("x".to_owned(), 1), ("y".to_owned(), 2)])));
        assert_eq!(client.call("single_point", ()).await, Ok(Point { x: 1, y: 2 }));
        assert_eq!(client.call("single_point", ()).await, Ok(Single(Point { x: 1, y: 2 })));
        assert_eq!(client.call("list", ()).await, Ok(vec![1, 2, 3]));
        assert_eq!(client.call("list", ()).await, Ok((1, 2, 3)));
        assert_eq!(client.call("single_list", ()).await, Ok(vec![1, 2, 3]));
        assert_eq!(client.call("single_list", ()).await, Ok(Single(vec![1, 2, 3])));
        assert_eq!(client.call("both", ()).await, Ok(RpcResult::new().arg(1).kwarg("n", 2)));
        assert_eq!(client.call("nothing", ()).await, Ok(()));
        assert_eq!(client.call("nothing", ()).await, Ok(None::<i32>));
        assert_eq!(client.call("add", (2, 3)).await, Ok(Some(5)));
        assert_eq!(client.call("octets", ()).await, Ok(vec![1_u8, 255]));
        let unexpected: Result<bool, _> = client.call("add", (2, 3)).await;
        assert!(matches!(unexpected, Err(CallError::Unexpected(_))), "{unexpected:?}");
    }
}

#[tokio::test]
async fn errors() {
    for client in clients().await {
        let failed: Result<(), CallError> = client.call("fails", ()).await;
        assert_eq!(failed, Err(CallError::Remote(RpcError::new("my.error").arg(1).kwarg("why", "x"))));
        let unsendable: Result<(), CallError> = client.call("not a uri", ()).await;
        assert!(matches!(unsendable, Err(CallError::Unsendable(_))));
    }
}

#[tokio::test(start_paused = true)]
async fn progress_cancel_and_timeout() {
    for client in clients().await {
        let call = client.call::<()>("items", ()).progress::<i32>().await.unwrap();
        assert_eq!(call.collect().await, Ok((vec![1, 2], ())));

        let mut call = client.call::<()>("endless", ()).start::<()>().await.unwrap();
        call.cancel(CancelMode::Kill);
        assert_eq!(call.next().await.unwrap_err().uri(), Some("wamp.error.canceled"));
        assert_eq!(call.next().await, Err(CallError::Over), "one final reply");

        let late: Result<(), CallError> = client.call("endless", ()).timeout(Duration::from_secs(1)).await;
        assert_eq!(late.unwrap_err().uri(), Some("wamp.error.timeout"));
    }
}

#[tokio::test]
async fn every_call_ends_with_its_session() {
    for client in clients().await {
        let call: Result<(), CallError> = client.call("close", ()).await;
        let ended = CallError::Ended { reason: "my.reason".to_owned(), message: Some("bye".to_owned()) };
        assert_eq!(call, Err(ended.clone()));
        let after: Result<i64, CallError> = client.call("add", (1, 2)).await;
        assert_eq!(after, Err(ended));
        assert_eq!(client.ended().await, "my.reason");
    }
    for client in clients().await {
        assert_eq!(client.leave().await, "wamp.close.goodbye_and_out");
    }
}
