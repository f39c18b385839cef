//! What runs at the end of sessions when the server shuts down.

use std::sync::{Arc, Mutex};

use futures_util::Stream;
use serde_json::json;
use serverwamp::{Action, App, Decision, Inject, Session, Subscription, Uri, routes, wamp};
use tokio::sync::Notify;

use super::*;

over_every_line!(the_shutdown_waits_for_what_runs_at_the_end,);

/// What has run, in order.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<&'static str>>>);

impl Seen {
    fn note(&self, what: &'static str) {
        self.0.lock().unwrap().push(what);
    }
}

#[wamp::subscribe("endless", manual)]
async fn endless() -> impl Stream<Item = u32> {
    futures_util::stream::pending()
}

#[wamp::subscribe("watched", manual)]
async fn watched(subscription: Subscription, seen: Inject<Seen>) {
    tokio::spawn(async move {
        subscription.closed().await;
        seen.note("closed");
    });
}

#[wamp::unsubscribe(manual)]
async fn unsubscribed(seen: Inject<Seen>) {
    tokio::time::sleep(Duration::from_millis(50)).await;
    seen.note("unsubscribed");
}

#[wamp::on_leave(manual)]
async fn left(seen: Inject<Seen>) {
    tokio::time::sleep(Duration::from_millis(50)).await;
    seen.note("left");
}

async fn the_shutdown_waits_for_what_runs_at_the_end(line: Line) {
    let seen = Seen::default();
    let functions = routes![endless, watched, unsubscribed, left];
    let app = App::new().routes(functions).inject(seen.clone()).bind("127.0.0.1:0");
    let handle = app.handle();
    let server = tokio::spawn(line.over(app).serve());
    let place = Place { address: handle.addresses().await[0], line };
    let mut client = Client::join(place).await;
    for (request, topic) in [(1, "endless"), (2, "watched")] {
        client.send(json!([32, request, {}, topic])).await;
        assert_eq!(client.receive().await, Some(json!([33, request, request])));
    }
    handle.shutdown();
    assert_eq!(client.receive().await, Some(json!([6, {}, "wamp.close.system_shutdown"])));
    client.send(json!([6, {}, "wamp.close.goodbye_and_out"])).await;
    assert_eq!(client.close_code().await, 1001);
    tokio::time::timeout(PATIENCE, server).await.unwrap().unwrap().unwrap();
    let mut seen = seen.0.lock().unwrap().clone();
    assert_eq!(seen.pop(), Some("left"), "last of all");
    seen.sort_unstable();
    assert_eq!(seen, ["closed", "unsubscribed", "unsubscribed"]);
}

#[tokio::test]
async fn a_call_that_waits_for_the_authorizer_may_end_before_the_shutdown() {
    let (asked, decided) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (asks, decision) = (Arc::clone(&asked), Arc::clone(&decided));
    let app = app().authorizer(move |_: Session, _: Uri, _: Action| {
        let (asks, decision) = (Arc::clone(&asks), Arc::clone(&decision));
        async move {
            asks.notify_one();
            decision.notified().await;
            Decision::allow()
        }
    });
    let handle = app.handle();
    let server = tokio::spawn(app.serve());
    let mut client = Client::join(handle.addresses().await[0]).await;
    client.send(json!([48, 1, {}, "add", [2, 3]])).await;
    asked.notified().await;
    handle.shutdown();
    decided.notify_one();
    assert_eq!(client.receive().await, Some(json!([50, 1, {}, [5]])));
    assert_eq!(client.receive().await, Some(json!([6, {}, "wamp.close.system_shutdown"])));
    client.send(json!([6, {}, "wamp.close.goodbye_and_out"])).await;
    tokio::time::timeout(PATIENCE, server).await.unwrap().unwrap().unwrap();
}
