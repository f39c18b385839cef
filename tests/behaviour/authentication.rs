//! Who may join: every way to log in, over the wire.

mod again;
mod attempts;
mod choice;
mod client;
mod contradictions;
mod cra;
mod cryptosign;
mod handler;
mod identity;
mod order;
mod scram;
mod ticket;
mod topics;
mod transport;

use serde_json::{Value, json};
use serverwamp::App;
use serverwamp_tests::login::login;
use serverwamp_tests::{Peer, Serializer};

/// Logs in, in every serializer, and compares how that ends: with ABORT, reason and message, after which the line is closed.
async fn check_refused(app: &App, details: Value, answer: impl Fn(&str, &Value) -> Value, reason: &str, message: &str) {
    for serializer in Serializer::ALL {
        let (end, mut peer) = login(app, serializer, &details, &answer).await;
        let details = if message.is_empty() { json!({}) } else { json!({ "message": message }) };
        assert_eq!(end, json!([3, details, reason]), "{serializer}");
        assert_eq!(peer.receive().await, None, "{serializer}");
    }
}

/// Logs in, in every serializer, and compares what WELCOME says of authentication. `null` stands for what is not there,
/// `"…"` for anything. Returns the peers.
async fn check_welcomed(
    app: &App,
    details: Value,
    answer: impl Fn(&str, &Value) -> Value,
    expected: [&str; 4],
) -> Vec<Peer> {
    let mut peers = Vec::new();
    for serializer in Serializer::ALL {
        let (end, peer) = login(app, serializer, &details, &answer).await;
        assert_eq!(end[0], 2, "{serializer}: {end}");
        for (name, expected) in ["authid", "authrole", "authmethod", "authprovider"].iter().zip(expected) {
            let got = end[2][name].as_str().unwrap_or_default();
            assert!(expected == "…" && !got.is_empty() || got == expected, "{serializer}: {name} of {end}");
        }
        peers.push(peer);
    }
    peers
}

/// For clients that should not be challenged.
fn unasked(method: &str, extra: &Value) -> Value {
    panic!("challenged by {method} with {extra}")
}

const DENIED: (&str, &str) = ("wamp.error.authentication_denied", "the credentials are wrong");
const REQUIRED: (&str, &str) = ("wamp.error.authentication_required", "this realm wants to know who its clients are");
