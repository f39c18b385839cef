//! Router realms: clients register procedures, and call what others have registered.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Value, json};
use serverwamp::App;
use serverwamp_tests::{Peer, Serializer, same};

mod bad_input;
mod canceling;
mod disclosure;
mod payload;
mod progress;
mod registration;
mod shared;
mod timeouts;

/// What happens, in order: `"callee >"` sends and `"callee <"` gets a message, where null is the end of its connection;
/// `"callee lost"` has its connection lost; `"wait"` lets so many milliseconds pass.
///
/// Peers join when they are first named, and announce what [`features`] says.
type Step<'s> = (&'s str, Value);

/// Plays a scene in every serializer of the callees with every one of the others, each in a realm of its own, and makes
/// sure that nobody gets anything else.
async fn check(app: &App, steps: &[Step<'_>]) {
    for (number, (callees, others)) in pairs().into_iter().enumerate() {
        let realm = format!("realm{number}");
        let mut peers: HashMap<&str, Peer> = HashMap::new();
        for (place, (what, message)) in steps.iter().enumerate() {
            let (name, what) = what.rsplit_once(' ').unwrap_or(("", what));
            if !name.is_empty() && !peers.contains_key(name) {
                let serializer = if name.contains("callee") { callees } else { others };
                peers.insert(name, join(app, serializer, &realm, name).await);
            }
            match what {
                ">" => peers.get_mut(name).unwrap().send(message.clone()).await,
                "<" => {
                    let got = peers.get_mut(name).unwrap().receive().await.unwrap_or_default();
                    let context = format!("{callees} with {others}, step {place}: {name}");
                    assert!(same(&got, message), "{context}\n     got {got}\nexpected {message}");
                    if got.is_null() {
                        peers.remove(name);
                    }
                }
                "lost" => drop(peers.remove(name)),
                "wait" => tokio::time::sleep(Duration::from_millis(message.as_u64().unwrap())).await,
                other => panic!("{other}"),
            }
        }
        for (name, peer) in &mut peers {
            assert!(peer.is_silent().await, "{callees} with {others}: {name} gets more");
        }
    }
}

/// Each serializer with itself, and with another.
fn pairs() -> Vec<(Serializer, Serializer)> {
    let all = Serializer::ALL;
    let next = |index: usize, step: usize| all[(index + step) % all.len()];
    (0..all.len()).flat_map(|index| [0, 1, 2].map(|step| (all[index], next(index, step)))).collect()
}

/// Joins with the features that the name tells.
async fn join(app: &App, serializer: Serializer, realm: &str, name: &str) -> Peer {
    let mut peer = Peer::connect(app, serializer);
    peer.send(json!([1, realm, {"roles": features(name)}])).await;
    assert_eq!(peer.receive().await.expect("WELCOME")[0], 2);
    peer
}

/// None where the name begins with `plain`, otherwise all; with `uncanceling` all but that.
fn features(name: &str) -> Value {
    let mut features = json!({
        "progressive_call_results": true, "progressive_call_invocations": true, "call_canceling": true,
        "call_timeout": true, "caller_identification": true, "registration_revocation": true,
        "payload_passthru_mode": true,
    });
    if name.starts_with("uncanceling") {
        features["call_canceling"] = json!(false);
    }
    if name.starts_with("plain") {
        features = json!({});
    }
    json!({"caller": {"features": features}, "callee": {"features": features}})
}

fn router() -> App {
    App::new().router()
}

/// REGISTER as the first request, and its answer.
fn register(options: Value, procedure: &str) -> Value {
    json!([64, 1, options, procedure])
}

#[tokio::test(start_paused = true)]
async fn a_call_is_answered_by_another_client() {
    check(
        &router(),
        &[
            ("callee >", register(json!({}), "my.add")),
            ("callee <", json!([65, 1, 1])),
            ("caller >", json!([48, 7, {}, "my.add", [1, 2], {"k": "v"}])),
            ("callee <", json!([68, 1, 1, {}, [1, 2], {"k": "v"}])),
            ("callee >", json!([70, 1, {}, [3], {"r": true}])),
            ("caller <", json!([50, 7, {}, [3], {"r": true}])),
            // Ids of invocations are counted, those of calls need not be.
            ("caller >", json!([48, 3, {}, "my.add"])),
            ("callee <", json!([68, 2, 1, {}])),
            ("callee >", json!([8, 68, 2, {}, "my.error", ["no"], {"code": 5}])),
            ("caller <", json!([8, 48, 3, {}, "my.error", ["no"], {"code": 5}])),
            // A client may call itself.
            ("callee >", json!([48, 2, {}, "my.add", [4]])),
            ("callee <", json!([68, 3, 1, {}, [4]])),
            ("callee >", json!([70, 3, {}])),
            ("callee <", json!([50, 2, {}])),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn answers_come_in_any_order() {
    let mut steps = vec![("callee >", register(json!({}), "a")), ("callee <", json!([65, 1, 1]))];
    steps.extend((1..=20).map(|id| ("caller >", json!([48, id, {}, "a", [id]]))));
    steps.extend((1..=20).map(|id| ("callee <", json!([68, id, 1, {}, [id]]))));
    for id in (1..=20).rev() {
        steps.push(("callee >", json!([70, id, {}, [id * 10]])));
        steps.push(("caller <", json!([50, id, {}, [id * 10]])));
    }
    check(&router(), &steps).await;
}

#[tokio::test]
async fn welcome_announces_a_router() {
    let announced = [
        "progressive_call_results",
        "progressive_call_invocations",
        "call_canceling",
        "call_timeout",
        "caller_identification",
        "pattern_based_registration",
        "shared_registration",
        "registration_revocation",
        "call_reroute",
        "payload_passthru_mode",
        "payload_transparency",
    ];
    for (app, has) in [(router(), true), (App::new().topics(""), false)] {
        for serializer in Serializer::ALL {
            let mut peer = Peer::connect(&app, serializer);
            peer.send(serverwamp_tests::hello("realm1")).await;
            let welcome = peer.receive().await.unwrap();
            let features = &welcome[2]["roles"]["dealer"]["features"];
            for (place, feature) in announced.iter().enumerate() {
                let expected = has || [0, 2, 3, 4].contains(&place);
                assert_eq!(features[feature] == true, expected, "{feature}: {welcome}");
            }
        }
    }
}
