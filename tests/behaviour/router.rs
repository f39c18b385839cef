//! A realm that is a full router: what its broker has besides.

mod history;
mod open;
mod reflection;
mod registrations;
mod retention;
mod revocation;
mod sessions;
mod subscriptions;
mod testaments;

use serde_json::{Value, json};
use serverwamp::{App, Realm, RealmHandle, wamp};
use serverwamp_tests::{Peer, Serializer};

#[wamp::rpc]
async fn alive() -> bool {
    true
}

#[wamp::rpc]
async fn retain(topic: String, text: String, realm: RealmHandle) -> bool {
    realm.publish_retained(topic, text).is_ok()
}

#[wamp::rpc]
async fn clear(topic: String, realm: RealmHandle) -> bool {
    realm.clear_retained(topic)
}

/// `realm1` is a router; so are those that are not configured.
fn app() -> App {
    App::discover_in(module_path!()).realm(Realm::new("realm1").router()).router()
}

async fn join(app: &App, serializer: Serializer, realm: &str) -> Peer {
    join_as(app, serializer, realm, json!({})).await.0
}

/// Joins with features of a subscriber; returns the session id as well.
async fn join_as(app: &App, serializer: Serializer, realm: &str, features: Value) -> (Peer, u64) {
    let mut peer = Peer::connect(app, serializer);
    let roles = json!({"caller": {}, "callee": {}, "publisher": {}, "subscriber": {"features": features}});
    let welcome = ask(&mut peer, json!([1, realm, {"roles": roles}])).await;
    assert_eq!(welcome[0], 2, "{welcome}");
    (peer, welcome[1].as_u64().unwrap())
}

/// Sends a request and returns its answer.
async fn ask(peer: &mut Peer, request: Value) -> Value {
    peer.send(request).await;
    peer.receive().await.expect("an answer")
}

async fn subscribe(peer: &mut Peer, request: u64, topic: &str, options: Value) -> u64 {
    let subscribed = ask(peer, json!([32, request, options, topic])).await;
    assert_eq!((&subscribed[0], &subscribed[1]), (&json!(33), &json!(request)), "{subscribed}");
    subscribed[2].as_u64().unwrap()
}

/// Publishes and returns the publication id.
async fn publish(peer: &mut Peer, request: u64, options: Value, topic: &str, args: Value) -> u64 {
    let mut options = options;
    options["acknowledge"] = json!(true);
    let published = ask(peer, json!([16, request, options, topic, args])).await;
    assert_eq!((&published[0], &published[1]), (&json!(17), &json!(request)), "{published}");
    published[2].as_u64().unwrap()
}

/// Calls, and returns the result's arguments.
async fn call(peer: &mut Peer, request: u64, procedure: &str, args: Value, kwargs: Value) -> Value {
    let result = ask(peer, json!([48, request, {}, procedure, args, kwargs])).await;
    assert_eq!((&result[0], &result[1]), (&json!(50), &json!(request)), "{procedure}: {result}");
    result.get(3).cloned().unwrap_or_else(|| json!([]))
}

/// Calls, and returns the error's URI.
async fn call_error(peer: &mut Peer, request: u64, procedure: &str, args: Value, kwargs: Value) -> String {
    let error = ask(peer, json!([48, request, {}, procedure, args, kwargs])).await;
    assert_eq!((&error[0], &error[2]), (&json!(8), &json!(request)), "{procedure}: {error}");
    error[4].as_str().unwrap().to_owned()
}

/// A peer's answer to a call shows that nothing else waits for it.
async fn assert_nothing_else(peer: &mut Peer, request: u64) {
    assert_eq!(ask(peer, json!([48, request, {}, "alive"])).await, json!([50, request, {}, [true]]));
}
