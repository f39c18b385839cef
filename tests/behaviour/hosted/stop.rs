//! How a component stops.

use std::future::IntoFuture;
use std::time::Duration;

use serde_json::json;
use serverwamp::{Client, RpcError, Session, routes, wamp};
use serverwamp_tests::{Router, Serializer};
use tokio::time::{Instant, sleep};

use super::Hosted;

#[wamp::rpc("a.slow", manual)]
async fn slow(seconds: u64) -> &'static str {
    sleep(Duration::from_secs(seconds)).await;
    "done"
}

#[wamp::rpc("b.stop", manual)]
async fn stop(client: Client) -> &'static str {
    client.stop().await;
    "stopping"
}

#[wamp::rpc("c.close", manual)]
async fn close(session: Session) -> Result<(), RpcError> {
    session.close("my.reason", "bye");
    Ok(())
}

#[wamp::event("topic", manual)]
async fn happened() {
    sleep(Duration::from_secs(3)).await;
}

async fn hosted(serializer: Serializer) -> Hosted {
    let router = Router::new(serializer);
    let component = router.manual().routes(routes![slow, stop, close, happened]);
    let mut hosted = Hosted::start(router, component).await;
    hosted.grant(4).await;
    hosted.client.joined().await.unwrap();
    hosted
}

/// Takes what withdraws everything, and answers it.
async fn withdrawn(hosted: &mut Hosted) {
    let mut withdrawn = Vec::new();
    for _ in 0..4 {
        let request = hosted.peer.receive().await.unwrap();
        withdrawn.push((request[0].as_u64().unwrap(), request[2].as_u64().unwrap()));
        hosted.peer.send(json!([request[0].as_u64().unwrap() + 1, request[1]])).await;
    }
    withdrawn.sort_unstable();
    assert_eq!(withdrawn, [(34, 104), (66, 101), (66, 102), (66, 103)]);
}

/// Says goodbye; then nobody connects again.
async fn gone(mut hosted: Hosted) {
    hosted.peer.expect(json!([6, {}, "wamp.close.normal"])).await;
    hosted.peer.send(json!([6, {}, "wamp.close.goodbye_and_out"])).await;
    assert_eq!(hosted.peer.receive().await, None, "the connection is closed");
    hosted.running.await.unwrap().unwrap();
    assert!(hosted.router.is_left_alone_for(Duration::from_secs(3600)).await, "what is stopped stays stopped");
    assert!(!hosted.client.is_connected());
    let call = hosted.client.call::<()>("a", ()).await.unwrap_err();
    assert_eq!(call.uri(), Some("wamp.close.goodbye_and_out"));
}

#[tokio::test(start_paused = true)]
async fn handlers_end_and_everything_is_withdrawn() {
    for serializer in Serializer::ALL {
        let mut hosted = hosted(serializer).await;
        hosted.peer.send(json!([68, 1, 101, {}, [5]])).await;
        hosted.peer.send(json!([36, 104, 1, {}])).await;
        let start = Instant::now();
        let client = hosted.client.clone();
        let stopping = tokio::spawn(async move { client.stop().await });
        withdrawn(&mut hosted).await;
        hosted.peer.expect(json!([70, 1, {}, ["done"]])).await;
        assert_eq!(start.elapsed().as_secs(), 5, "{serializer}");
        gone(hosted).await;
        stopping.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn handlers_that_take_too_long_are_canceled() {
    let mut hosted = hosted(Serializer::Json).await;
    hosted.peer.send(json!([68, 1, 101, {}, [1000]])).await;
    let start = Instant::now();
    let client = hosted.client.clone();
    tokio::spawn(async move { client.stop().await });
    withdrawn(&mut hosted).await;
    hosted.peer.expect(json!([8, 68, 1, {}, "wamp.error.canceled"])).await;
    assert_eq!(start.elapsed().as_secs(), 15);
    gone(hosted).await;
}

#[tokio::test(start_paused = true)]
async fn a_handler_stops_its_own_client() {
    let mut hosted = hosted(Serializer::Json).await;
    let start = Instant::now();
    hosted.peer.send(json!([68, 1, 102, {}])).await;
    hosted.peer.expect(json!([70, 1, {}, ["stopping"]])).await;
    withdrawn(&mut hosted).await;
    assert_eq!(start.elapsed().as_secs(), 0);
    gone(hosted).await;
}

#[tokio::test(start_paused = true)]
async fn a_handler_ends_the_session_for_good() {
    let mut hosted = hosted(Serializer::Json).await;
    hosted.peer.send(json!([68, 1, 103, {}])).await;
    hosted.peer.expect(json!([70, 1, {}])).await;
    hosted.peer.expect(json!([6, {"message": "bye"}, "my.reason"])).await;
    hosted.peer.send(json!([6, {}, "wamp.close.goodbye_and_out"])).await;
    hosted.running.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_router_that_says_nothing_does_not_hold_it_up() {
    let mut hosted = hosted(Serializer::Json).await;
    let start = Instant::now();
    let client = hosted.client.clone();
    tokio::spawn(async move { client.stop().await });
    for _ in 0..4 {
        hosted.peer.receive().await.unwrap();
    }
    hosted.peer.expect(json!([6, {}, "wamp.close.normal"])).await;
    hosted.running.await.unwrap().unwrap();
    assert_eq!(start.elapsed().as_secs(), 17, "15 s to withdraw everything, 2 s to part");
}

#[tokio::test(start_paused = true)]
async fn a_component_that_connects_can_be_stopped() {
    let mut router = Router::new(Serializer::Json);
    let (told, tell) = tokio::sync::oneshot::channel();
    let component = router.manual().routes(routes![slow]).shutdown_on(async move { tell.await.unwrap() });
    let running = tokio::spawn(component.into_future());
    let peer = router.accept().await;
    told.send(()).unwrap();
    running.await.unwrap().unwrap();
    drop(peer);
}
