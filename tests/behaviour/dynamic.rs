//! Who may join and do what, decided by procedures that clients have registered, or functions of the program.

mod authentication;
mod authorization;

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use serverwamp::App;
use serverwamp_tests::{Peer, Serializer};
use tokio::task::JoinHandle;

const FAILED: &str = "wamp.error.authentication_failed";

/// What a procedure answers.
enum Reply {
    /// The rest of YIELD.
    Yield(Value),
    Error(&'static str),
    Nothing,
}

/// One positional value.
fn one(value: Value) -> Reply {
    Reply::Yield(json!([[value]]))
}

/// Keywords.
fn keywords(kwargs: Value) -> Reply {
    Reply::Yield(json!([[], kwargs]))
}

/// A client that has registered a procedure and answers it.
struct Backend {
    task: JoinHandle<()>,
    /// The arguments of all calls.
    asked: Arc<Mutex<Vec<Value>>>,
    /// Invocations that were interrupted.
    interrupted: Arc<Mutex<usize>>,
}

impl Backend {
    async fn start(
        app: &App,
        serializer: Serializer,
        procedure: &str,
        answer: impl Fn(&Value) -> Reply + Send + 'static,
    ) -> Backend {
        let mut peer = Peer::connect(app, serializer);
        let features = json!({"callee": {"features": {"call_canceling": true}}});
        peer.send(json!([1, "realm1", {"roles": features}])).await;
        assert_eq!(peer.receive().await.expect("WELCOME")[0], 2);
        peer.send(json!([64, 1, {}, procedure])).await;
        assert_eq!(peer.receive().await.expect("REGISTERED")[0], 65);
        let (asked, interrupted): (Arc<Mutex<Vec<Value>>>, Arc<Mutex<usize>>) = Default::default();
        let (noted, counted) = (Arc::clone(&asked), Arc::clone(&interrupted));
        let task = tokio::spawn(async move {
            while let Some(message) = peer.receive().await {
                if message[0] == 69 {
                    *counted.lock().unwrap() += 1;
                    continue;
                }
                assert_eq!(message[0], 68, "{message}");
                assert_eq!(message[3], json!({}), "nobody is disclosed: {message}");
                let reply = answer(&message[4]);
                noted.lock().unwrap().push(message[4].clone());
                match reply {
                    Reply::Yield(rest) => {
                        let mut result = json!([70, message[1], {}]);
                        result.as_array_mut().unwrap().extend(rest.as_array().unwrap().clone());
                        peer.send(result).await;
                    }
                    Reply::Error(uri) => peer.send(json!([8, 68, message[1], {}, uri, ["a secret"]])).await,
                    Reply::Nothing => {}
                }
            }
        });
        Backend { task, asked, interrupted }
    }

    fn asked(&self) -> Vec<Value> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.task.abort();
    }
}
