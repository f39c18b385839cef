//! Who may call, subscribe, publish and register: authorizers, rules, and the roles of functions.

mod decisions;
mod order;
mod roles;
mod rules;

use serde_json::{Value, json};
use serverwamp_tests::Peer;

const NOT_AUTHORIZED: &str = "wamp.error.not_authorized";
const FAILED: &str = "wamp.error.authorization_failed";

/// The four requests that have to be allowed, with a request id.
const KINDS: [&str; 4] = ["call", "subscribe", "publish", "register"];

/// A request of one of the kinds; publications are acknowledged.
fn request(kind: &str, id: u64, uri: &str, policy: &str) -> Value {
    match kind {
        "call" => json!([48, id, {}, uri]),
        "subscribe" => json!([32, id, {"match": policy}, uri]),
        "publish" => json!([16, id, {"acknowledge": true}, uri]),
        _ => json!([64, id, {"match": policy}, uri]),
    }
}

/// Sends a request and returns its answer.
async fn ask(peer: &mut Peer, request: Value) -> Value {
    peer.send(request).await;
    peer.receive().await.expect("an answer")
}

/// The error URI of an answer, or what the answer is otherwise.
fn outcome(answer: &Value) -> &str {
    match answer[0].as_u64() {
        Some(8) => answer[4].as_str().unwrap(),
        Some(17) => "published",
        Some(33) => "subscribed",
        Some(50) => "result",
        _ => panic!("{answer}"),
    }
}

/// What becomes of a request that is allowed: realms take no registrations.
fn allowed(kind: &str) -> &str {
    match kind {
        "call" => "result",
        "subscribe" => "subscribed",
        "publish" => "published",
        _ => NOT_AUTHORIZED,
    }
}
