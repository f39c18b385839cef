//! The test client against a router that does as its script says.

mod logins;

use std::collections::HashMap;
use std::sync::Mutex;

use futures_util::StreamExt;
use serde_json::{Value, json};

use super::*;
use crate::transport::{Memory, Received, Transport};
use crate::wire::Subprotocol;
use crate::{Credentials, PublicationId, RpcError, RpcResult, SubscriptionId};

/// The router's end of a client's transport, in JSON.
struct Router(Memory);

/// Joins, in JSON, whatever is at the other end of a transport.
async fn over(transport: Memory, credentials: &Credentials) -> Result<TestClient, CallError> {
    let transport = Mutex::new(Some(transport));
    let dial = move || transport.lock().unwrap().take().ok_or_else(|| "once".to_owned());
    let json = Subprotocol::from_name("wamp.2.json").unwrap();
    TestClient::with(join::settings("realm1".to_owned(), credentials.clone(), json, dial)).await
}

impl Router {
    /// A client that has joined.
    async fn welcome() -> (TestClient, Router) {
        let (ours, theirs) = Memory::pair(usize::MAX, usize::MAX);
        let mut router = Router(ours);
        let credentials = Credentials::default();
        let joining = over(theirs, &credentials);
        let welcoming = async {
            assert_eq!(router.receive().await[0], 1);
            router.send(json!([2, 7, {"roles": {"broker": {}}}])).await;
        };
        let (client, ()) = tokio::join!(joining, welcoming);
        (client.unwrap(), router)
    }

    async fn receive(&mut self) -> Value {
        match self.0.receive().await {
            Received::Frame(frame) => serde_json::from_slice(&frame).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    async fn send(&mut self, message: Value) {
        self.0.send(message.to_string().as_bytes());
        self.0.flush().await.unwrap();
    }

    /// Receives this and sends that.
    async fn answers(&mut self, received: Value, sent: Value) {
        assert_eq!(self.receive().await, received);
        self.send(sent).await;
    }

    /// Subscription 10 to the topic `a`.
    async fn subscribed(&mut self, client: &TestClient, request: u64) -> TestSubscription {
        let subscribing = client.subscribe("a").into_future();
        let answering = self.answers(json!([32, request, {}, "a"]), json!([33, request, 10]));
        tokio::join!(subscribing, answering).0.unwrap()
    }

    async fn is_silent(&mut self) -> bool {
        let patience = std::time::Duration::from_secs(1);
        tokio::time::timeout(patience, self.0.receive()).await.is_err()
    }
}

fn refusal(error: &str) -> CallError {
    CallError::Remote(RpcError::new(error).kwarg("message", "no"))
}

#[tokio::test(start_paused = true)]
async fn subscriptions_of_every_match_policy() {
    let (client, mut router) = Router::welcome().await;
    let mut subscriptions = Vec::new();
    for (request, subscribe, options, topic) in [
        (1, client.subscribe("a.b"), json!({}), "a.b"),
        (2, client.subscribe("a.").prefix(), json!({"match": "prefix"}), "a."),
        (3, client.subscribe("").prefix(), json!({"match": "prefix"}), ""),
        (4, client.subscribe("a..c").wildcard(), json!({"match": "wildcard"}), "a..c"),
    ] {
        let answering = router.answers(json!([32, request, options, topic]), json!([33, request, request + 10]));
        let (subscription, ()) = tokio::join!(subscribe.into_future(), answering);
        let subscription = subscription.unwrap();
        assert_eq!((subscription.id().get(), subscription.topic()), (request + 10, topic));
        subscriptions.push(subscription);
    }
    for unsendable in [client.subscribe("a."), client.subscribe(""), client.subscribe("a b").prefix()] {
        assert!(matches!(unsendable.await, Err(CallError::Unsendable(_))));
    }
    let refusing = router.answers(json!([32, 5, {}, "x"]), json!([8, 32, 5, {}, "my.no", [], {"message": "no"}]));
    let (refused, ()) = tokio::join!(client.subscribe("x").into_future(), refusing);
    assert_eq!(refused.unwrap_err(), refusal("my.no"));
}

#[tokio::test(start_paused = true)]
async fn what_an_event_tells() {
    let (client, mut router) = Router::welcome().await;
    let mut subscription = router.subscribed(&client, 1).await;
    let details =
        json!({"topic": "a.b", "publisher": 9, "publisher_authid": "joe", "publisher_authrole": "admin", "x_y": 1});
    router.send(json!([36, 10, 100, details, [1, "two"], {"three": 3.0}])).await;
    router.send(json!([36, 10, 101, {}, [], {"x": 1, "y": 2}])).await;
    router.send(json!([36, 10, 102, {}])).await;

    let event = subscription.next().await.unwrap();
    assert_eq!((event.topic(), event.publication().get()), ("a.b", 100));
    assert_eq!(event.publisher().map(SessionId::get), Some(9));
    assert_eq!((event.publisher_authid(), event.publisher_authrole()), (Some("joe"), Some("admin")));
    assert_eq!(event.details().get("x_y"), Some(&1.into()));
    assert_eq!(event.args(), [crate::Value::from(1), crate::Value::from("two")]);
    assert_eq!(event.kwargs().get("three"), Some(&3.0.into()));
    assert_eq!(event.arg(0), Ok(1_u8));
    assert_eq!(event.arg(1), Ok("two".to_owned()));
    assert_eq!(event.arg(2), Ok(None::<i32>));
    assert_eq!(event.kwarg("three"), Ok(3));
    assert_eq!(event.kwarg("four"), Ok(None::<i32>));
    assert_eq!(event.payload(), Ok(RpcResult::new().arg(1).arg("two").kwarg("three", 3.0)));
    assert_eq!(event.payload(), Ok((1, "two".to_owned())));
    for unexpected in [event.arg::<i32>(1), event.arg::<i32>(2), event.kwarg::<i32>("four"), event.payload::<i32>()] {
        assert!(matches!(unexpected, Err(CallError::Unexpected(_))), "{unexpected:?}");
    }

    // As a stream.
    let event = StreamExt::next(&mut subscription).await.unwrap();
    assert_eq!((event.topic(), event.publisher(), event.publisher_authid()), ("a", None, None));
    assert_eq!(event.payload(), Ok(HashMap::from([("x".to_owned(), 1), ("y".to_owned(), 2)])));
    assert_eq!(subscription.next().await.unwrap().payload(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn publications_and_their_options() {
    let (client, mut router) = Router::welcome().await;
    let id = client.session();
    for (publish, options, payload) in [
        (client.publish("a", ()), json!({}), json!([])),
        (client.publish("a", (1, "two")), json!({}), json!([[1, "two"]])),
        (client.publish("a", HashMap::from([("x", 1)])), json!({}), json!([[], {"x": 1}])),
        (client.publish("a", RpcResult::new().arg(1).kwarg("n", 2)), json!({}), json!([[1], {"n": 2}])),
        (
            client.publish("a", ()).exclude_me(false).disclose_me(true),
            json!({"exclude_me": false, "disclose_me": true}),
            json!([]),
        ),
        (client.publish("a", ()).eligible([]), json!({"eligible": []}), json!([])),
        (client.publish("a", ()).eligible([id]).exclude([id]), json!({"eligible": [7], "exclude": [7]}), json!([])),
        (
            client.publish("a", ()).exclude_authid(["joe"]).exclude_authrole(["admin"]),
            json!({"exclude_authid": ["joe"], "exclude_authrole": ["admin"]}),
            json!([]),
        ),
        (
            client.publish("a", ()).eligible_authid(["joe", "ada"]).eligible_authrole(["admin".to_owned()]),
            json!({"eligible_authid": ["joe", "ada"], "eligible_authrole": ["admin"]}),
            json!([]),
        ),
    ] {
        publish.await.unwrap();
        let message = router.receive().await;
        assert_eq!((&message[2], &message[3]), (&options, &json!("a")));
        assert_eq!(message.as_array().unwrap()[4..], *payload.as_array().unwrap());
    }
    let acknowledging = router.answers(json!([16, 10, {"acknowledge": true}, "a", [1]]), json!([17, 10, 99]));
    let publish = client.publish("a", (1,)).acknowledge();
    let (publication, ()) = tokio::join!(publish.into_future(), acknowledging);
    assert_eq!(publication.map(PublicationId::get), Ok(99));

    let no = json!([8, 16, 11, {}, "my.no", [], {"message": "no"}]);
    let refusing = router.answers(json!([16, 11, {"acknowledge": true, "exclude_me": false}, "a"]), no);
    let publish = client.publish("a", ()).acknowledge().exclude_me(false);
    let (publication, ()) = tokio::join!(publish.into_future(), refusing);
    assert_eq!(publication, Err(refusal("my.no")));

    for unsendable in [client.publish("a..b", ()), client.publish("a", f64::NAN)] {
        assert!(matches!(unsendable.await, Err(CallError::Unsendable(_))));
    }
    assert!(router.is_silent().await);
}

#[tokio::test(start_paused = true)]
async fn subscriptions_to_one_topic_share_it() {
    let (client, mut router) = Router::welcome().await;
    let (mut one, mut other) = (router.subscribed(&client, 1).await, router.subscribed(&client, 2).await);
    router.send(json!([36, 10, 100, {}])).await;
    for subscription in [&mut one, &mut other] {
        assert_eq!(subscription.id(), SubscriptionId::new(10).unwrap());
        assert_eq!(subscription.next().await.unwrap().publication().get(), 100);
    }
    one.unsubscribe().await.unwrap();
    assert!(router.is_silent().await, "one is left");
    router.send(json!([36, 10, 101, {}])).await;
    assert_eq!(other.next().await.unwrap().publication().get(), 101);
    let ending = router.answers(json!([34, 3, 10]), json!([35, 3]));
    assert_eq!(tokio::join!(other.unsubscribe(), ending).0, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_subscription_unsubscribes() {
    let (client, mut router) = Router::welcome().await;
    drop(router.subscribed(&client, 1).await);
    router.answers(json!([34, 2, 10]), json!([35, 2])).await;

    // One whose future is dropped before the answer comes.
    let subscribing = tokio::spawn(client.subscribe("a").into_future());
    assert_eq!(router.receive().await, json!([32, 3, {}, "a"]));
    subscribing.abort();
    assert!(subscribing.await.unwrap_err().is_cancelled());
    router.send(json!([33, 3, 10])).await;
    assert_eq!(router.receive().await, json!([34, 4, 10]));
}

#[tokio::test(start_paused = true)]
async fn a_revoked_subscription_ends_after_its_events() {
    let (client, mut router) = Router::welcome().await;
    let mut subscription = router.subscribed(&client, 1).await;
    router.send(json!([36, 10, 100, {}])).await;
    router.send(json!([35, 0, {"subscription": 10}])).await;
    assert!(subscription.next().await.is_some());
    assert!(subscription.next().await.is_none());
    assert_eq!(subscription.unsubscribe().await, Ok(()), "nothing is left to be done");
    assert!(router.is_silent().await);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_slow_to_take_events_stops_reading() {
    let (client, mut router) = Router::welcome().await;
    let (mut subscription, unread) = (router.subscribed(&client, 1).await, router.subscribed(&client, 2).await);
    // Far more than the pipe holds: the router's side has to wait.
    let (text, count) = ("x".repeat(1000), 1000);
    let sending = tokio::spawn(async move {
        for publication in 1..=count {
            router.send(json!([36, 10, publication, {}, [text]])).await;
        }
        router
    });
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert!(!sending.is_finished());
    // What the client sends still goes out.
    client.publish("a", ()).await.unwrap();
    drop(unread);
    for publication in 1..=count {
        assert_eq!(subscription.next().await.unwrap().publication().get(), publication, "in order, without a gap");
    }
    assert_eq!(sending.await.unwrap().receive().await, json!([16, 3, {}, "a"]));
}

#[tokio::test(start_paused = true)]
async fn a_client_can_leave_with_events_unread() {
    let (client, mut router) = Router::welcome().await;
    let mut subscription = router.subscribed(&client, 1).await;
    for publication in 1..=300 {
        router.send(json!([36, 10, publication, {}])).await;
    }
    // Until there is no room for more, and the client stops reading.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let farewell = router.answers(json!([6, {}, "wamp.close.normal"]), json!([6, {}, "wamp.close.goodbye_and_out"]));
    assert_eq!(tokio::join!(client.leave(), farewell).0, "wamp.close.goodbye_and_out");
    let mut events = 0;
    while subscription.next().await.is_some() {
        events += 1;
    }
    assert_eq!(events, 256);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_client_leaves_whatever_subscriptions_there_are() {
    let (client, mut router) = Router::welcome().await;
    let mut subscription = router.subscribed(&client, 1).await;
    drop(client);
    router.answers(json!([6, {}, "wamp.close.normal"]), json!([6, {}, "wamp.close.goodbye_and_out"])).await;
    assert!(subscription.next().await.is_none());
    assert_eq!(subscription.unsubscribe().await, Ok(()), "it has ended");
}

#[tokio::test(start_paused = true)]
async fn everything_ends_with_the_session() {
    let (client, mut router) = Router::welcome().await;
    let mut subscription = router.subscribed(&client, 1).await;
    let publish = client.publish("a", ()).acknowledge();
    let ending = async {
        router.receive().await;
        router.receive().await;
        router.send(json!([36, 11, 100, {}])).await;
    };
    let ended = CallError::Ended {
        reason: "wamp.error.protocol_violation".to_owned(),
        message: Some("unexpected EVENT".to_owned()),
    };
    let (published, subscribed, ()) = tokio::join!(publish.into_future(), client.subscribe("b").into_future(), ending);
    assert_eq!(published, Err(ended.clone()));
    assert_eq!(subscribed.unwrap_err(), ended);
    assert!(subscription.next().await.is_none());
    assert_eq!(client.publish("a", ()).await, Err(ended));
}
