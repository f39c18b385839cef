//! EVENT runs event functions.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use serverwamp::{Audience, EventDetails, Inject, Limits, RealmHandle, Request, Session, routes, wamp};
use serverwamp_tests::{Router, Serializer};

use super::Hosted;

#[wamp::event("a.exact", manual)]
async fn exact(text: String, seen: Inject<Log>, details: EventDetails) {
    seen.0.lock().unwrap().push(format!("{text} {} {:?}", details.publication(), details.publisher_authid()));
}

#[wamp::event("b.prefix.", match = "prefix", manual)]
async fn prefix(details: EventDetails, request: Request, seen: Inject<Log>) {
    let caller = request.caller().map(|caller| caller.session.get());
    seen.0.lock().unwrap().push(format!("{} {caller:?} {}", details.topic(), details.retained()));
}

#[wamp::event("c.republish", manual)]
async fn republish(number: u32, realm: RealmHandle) {
    realm.publish("elsewhere", number + 1).await.unwrap();
}

#[wamp::event("c.republish.later", manual)]
async fn later(number: u32, session: Session) {
    let realm = session.realm_handle().clone();
    session.spawn(async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        realm.publish_to(Audience::everyone().exclude_authrole(["x"]), "elsewhere", number + 1).await.unwrap();
    });
}

#[wamp::event("d.admin", role = "admin", manual)]
async fn of_admins(seen: Inject<Log>) {
    seen.0.lock().unwrap().push("admin".to_owned());
}

#[wamp::event("e.slow", manual)]
async fn slow() {
    std::future::pending().await
}

/// What the functions of this test have seen.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

async fn hosted(serializer: Serializer, log: &Log, limits: Limits) -> Hosted {
    let router = Router::new(serializer);
    let component = router.manual().routes(routes![exact, prefix, republish, later, of_admins, slow]);
    let mut hosted = Hosted::start(router, component.inject(log.clone()).limits(limits)).await;
    let wanted = hosted.grant(6).await;
    let expected = json!([
        [32, {}, "a.exact"],
        [32, {"match": "prefix"}, "b.prefix."],
        [32, {}, "c.republish"],
        [32, {}, "c.republish.later"],
        [32, {}, "d.admin"],
        [32, {}, "e.slow"],
    ]);
    assert_eq!(json!(wanted), expected);
    hosted.client.joined().await.unwrap();
    hosted
}

#[tokio::test(start_paused = true)]
async fn events_in_every_serializer() {
    for serializer in Serializer::ALL {
        let log = Log::default();
        let mut hosted = hosted(serializer, &log, Limits::default()).await;
        let publisher = json!({"publisher": 9, "publisher_authid": "ann", "publisher_authrole": "admin"});
        for message in [
            json!([36, 101, 1, {}, ["one"]]),
            json!([36, 101, 2, publisher, ["two"]]),
            json!([36, 101, 3, {}, [3.5, "wrong"]]),
            json!([36, 102, 4, {"topic": "b.prefix.x", "publisher": 9, "retained": true}]),
            json!([36, 105, 5, {}]),
            json!([36, 105, 6, publisher]),
            json!([36, 103, 7, {}, [41]]),
            json!([36, 104, 8, {}, [42]]),
        ] {
            hosted.peer.send(message).await;
        }
        hosted.peer.expect(json!([16, "…", {}, "elsewhere", [42]])).await;
        hosted.peer.expect(json!([16, "…", {"exclude_authrole": ["x"]}, "elsewhere", [43]])).await;
        assert!(hosted.peer.is_silent_for(Duration::from_secs(1)).await);
        let expected = ["one 1 None", "two 2 Some(\"ann\")", "b.prefix.x Some(9) true", "admin"];
        assert_eq!(*log.0.lock().unwrap(), expected, "{serializer}");
    }
}

#[tokio::test(start_paused = true)]
async fn events_wait_where_too_many_functions_run() {
    let log = Log::default();
    let limits = Limits { calls_in_flight: 2, ..Limits::default() };
    let mut hosted = hosted(Serializer::Json, &log, limits).await;
    for publication in 1..=2 {
        hosted.peer.send(json!([36, 106, publication, {}])).await;
    }
    hosted.peer.send(json!([36, 101, 3, {}, ["late"]])).await;
    assert!(hosted.peer.is_silent_for(Duration::from_secs(60)).await, "and nobody is taken for dead meanwhile");
    assert!(log.0.lock().unwrap().is_empty());
    assert!(hosted.client.is_connected());
}

#[wamp::event("f.short", manual)]
async fn short(seen: Inject<Log>, number: u32) {
    tokio::time::sleep(Duration::from_secs(1)).await;
    seen.0.lock().unwrap().push(number.to_string());
}

#[tokio::test(start_paused = true)]
async fn events_go_on_when_functions_have_ended() {
    let log = Log::default();
    let router = Router::new(Serializer::Json);
    let limits = Limits { calls_in_flight: 2, ..Limits::default() };
    let component = router.manual().routes(routes![short]).inject(log.clone()).limits(limits);
    let mut hosted = Hosted::start(router, component).await;
    hosted.grant(1).await;
    for number in 1..=9 {
        hosted.peer.send(json!([36, 101, number, {}, [number]])).await;
    }
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(*log.0.lock().unwrap(), ["1", "2", "3", "4", "5", "6", "7", "8", "9"]);
}
