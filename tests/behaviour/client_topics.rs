//! `TestClient` as a subscriber and a publisher.

use std::collections::HashMap;

use futures_util::StreamExt;
use serverwamp::testing::{CallError, TestClient, TestSubscription};
use serverwamp::{App, RpcResult, SessionId, routes, wamp};

const SERIALIZERS: [&str; 3] = ["wamp.2.json", "wamp.2.msgpack", "wamp.2.cbor"];

#[wamp::rpc(manual)]
async fn procedure() {}

fn app() -> App {
    App::new().routes(routes![procedure]).open_topics("open.").topics("readable.")
}

/// Two clients of an app, with every pair of serializers.
async fn pairs() -> Vec<(TestClient, TestClient)> {
    let app = app();
    let mut pairs = Vec::new();
    for (one, other) in SERIALIZERS.iter().flat_map(|one| SERIALIZERS.map(|other| (*one, other))) {
        let realm = format!("pair.{one}.{other}");
        let (one, other) = (TestClient::join(&app, &realm, one).await, TestClient::join(&app, &realm, other).await);
        pairs.push((one.unwrap(), other.unwrap()));
    }
    pairs
}

async fn texts(subscription: &mut TestSubscription, count: usize) -> Vec<String> {
    let events: Vec<_> = subscription.take(count).collect().await;
    events.iter().map(|event| event.arg(0).unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn events_reach_subscribers_in_every_serializer() {
    for (publisher, subscriber) in pairs().await {
        let mut subscription = subscriber.subscribe("open.a").await.unwrap();
        publisher.publish("open.a", RpcResult::new().arg("ä").arg(-1.5).kwarg("n", [1, 2])).await.unwrap();
        let publication = publisher.publish("open.a", vec![1_u8, 255]).acknowledge().await.unwrap();
        publisher.publish("open.a", HashMap::from([("x", 1)])).await.unwrap();

        let event = subscription.next().await.unwrap();
        assert_eq!(event.payload(), Ok(RpcResult::new().arg("ä").arg(-1.5).kwarg("n", [1, 2])));
        assert_eq!((event.topic(), event.publisher()), ("open.a", None));
        let event = subscription.next().await.unwrap();
        assert_eq!((event.publication(), event.arg(0)), (publication, Ok(vec![1_u8, 255])));
        assert_eq!(subscription.next().await.unwrap().kwarg("x"), Ok(1));
    }
}

#[tokio::test(start_paused = true)]
async fn patterns_tell_the_topic() {
    for (publisher, subscriber) in pairs().await {
        let mut prefix = subscriber.subscribe("open.a").prefix().await.unwrap();
        let mut wildcard = subscriber.subscribe("open..c").wildcard().await.unwrap();
        assert_ne!(prefix.id(), wildcard.id());
        let mut published = Vec::new();
        for topic in ["open.ab", "open.b.c", "open.a.c"] {
            published.push(publisher.publish(topic, ()).acknowledge().await.unwrap());
        }
        for (subscription, expected) in
            [(&mut prefix, ["open.ab", "open.a.c"]), (&mut wildcard, ["open.b.c", "open.a.c"])]
        {
            let events: Vec<_> = subscription.take(2).collect().await;
            assert_eq!(events.iter().map(|event| event.topic()).collect::<Vec<_>>(), expected);
            assert_eq!(events[1].publication(), published[2], "the same for every subscription");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn options_of_publications() {
    for (publisher, subscriber) in pairs().await {
        let (us, them) = (publisher.session(), subscriber.session());
        let mut ours = publisher.subscribe("open.a").await.unwrap();
        let mut theirs = subscriber.subscribe("open.a").await.unwrap();
        let nobody: [SessionId; 0] = [];
        publisher.publish("open.a", "excluded").await.unwrap();
        publisher.publish("open.a", "included").exclude_me(false).await.unwrap();
        publisher.publish("open.a", "to them").exclude_me(false).exclude([us]).await.unwrap();
        publisher.publish("open.a", "to us").exclude_me(false).eligible([us]).await.unwrap();
        publisher.publish("open.a", "to them by name").eligible([us, them]).await.unwrap();
        publisher.publish("open.a", "to nobody").exclude_me(false).eligible(nobody).await.unwrap();
        publisher.publish("open.a", "no such role").eligible_authrole(["none"]).await.unwrap();
        publisher.publish("open.a", "end").exclude_me(false).disclose_me(true).await.unwrap();
        assert_eq!(texts(&mut ours, 2).await, ["included", "to us"]);
        assert_eq!(texts(&mut theirs, 4).await, ["excluded", "included", "to them", "to them by name"]);
        for subscription in [&mut ours, &mut theirs] {
            let last = subscription.next().await.unwrap();
            assert_eq!((last.arg(0), last.publisher()), (Ok("end".to_owned()), Some(us)));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn refusals() {
    for (client, _) in pairs().await {
        for (request, error) in [
            (client.publish("readable.a", ()).acknowledge().await.err(), "wamp.error.not_authorized"),
            (client.publish("closed.a", ()).acknowledge().await.err(), "wamp.error.not_authorized"),
            (client.subscribe("closed.a").await.err(), "wamp.error.invalid_uri"),
            (client.subscribe("").prefix().await.err(), "wamp.error.invalid_uri"),
        ] {
            assert_eq!(request.as_ref().and_then(CallError::uri), Some(error), "{request:?}");
        }
        assert_eq!(client.publish("closed.a", ()).await, Ok(()), "nobody is told");
        assert!(client.subscribe("readable.a").await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn subscriptions_of_one_topic_and_their_end() {
    for (publisher, subscriber) in pairs().await {
        let mut one = subscriber.subscribe("open.a").await.unwrap();
        let mut other = subscriber.subscribe("open.a").await.unwrap();
        let mut end = subscriber.subscribe("open.end").await.unwrap();
        assert_eq!(one.id(), other.id());
        publisher.publish("open.a", "both").await.unwrap();
        assert_eq!((texts(&mut one, 1).await, texts(&mut other, 1).await), (vec!["both".into()], vec!["both".into()]));
        one.unsubscribe().await.unwrap();
        publisher.publish("open.a", "other").await.unwrap();
        assert_eq!(texts(&mut other, 1).await, ["other"]);
        other.unsubscribe().await.unwrap();
        publisher.publish("open.a", "nobody").acknowledge().await.unwrap();
        let mut again = subscriber.subscribe("open.a").await.unwrap();
        publisher.publish("open.a", "again").await.unwrap();
        publisher.publish("open.end", "end").await.unwrap();
        assert_eq!(texts(&mut end, 1).await, ["end"]);
        assert_eq!(texts(&mut again, 1).await, ["again"]);
        subscriber.leave().await;
        assert!(again.next().await.is_none());
    }
}
