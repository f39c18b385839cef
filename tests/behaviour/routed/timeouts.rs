//! How long a caller waits: the dealer's own watch, and the callee's.

use serde_json::{Value, json};

use super::{check, register, router};

fn timed_out(request: u64) -> Value {
    json!([8, 48, request, {}, "wamp.error.timeout"])
}

#[tokio::test(start_paused = true)]
async fn the_dealer_watches() {
    for (sends, gets, interrupt) in
        [("callee >", "callee <", Some("callee <")), ("plain callee >", "plain callee <", None)]
    {
        let mut steps = vec![
            (sends, register(json!({}), "p")),
            (gets, json!([65, 1, 1])),
            ("caller >", json!([48, 1, {"timeout": 100}, "p"])),
            ("caller >", json!([48, 2, {"timeout": 0}, "p"])),
            ("caller >", json!([48, 3, {"timeout": 300}, "p"])),
            (gets, json!([68, 1, 1, {}])),
            (gets, json!([68, 2, 1, {}])),
            (gets, json!([68, 3, 1, {}])),
            ("caller <", timed_out(1)),
        ];
        steps.extend(interrupt.map(|gets| (gets, json!([69, 1, {"mode": "killnowait"}]))));
        steps.extend([
            (sends, json!([70, 1, {}, ["too late"]])),
            (sends, json!([70, 3, {}, ["in time"]])),
            ("caller <", json!([50, 3, {}, ["in time"]])),
            ("wait", json!(10_000)),
            (sends, json!([70, 2, {}])),
            ("caller <", json!([50, 2, {}])),
        ]);
        check(&router(), &steps).await;
    }
}

#[tokio::test(start_paused = true)]
async fn each_part_of_a_result_has_as_long() {
    check(
        &router(),
        &[
            ("callee >", register(json!({}), "p")),
            ("callee <", json!([65, 1, 1])),
            ("caller >", json!([48, 1, {"timeout": 100, "receive_progress": true}, "p"])),
            ("callee <", json!([68, 1, 1, {"receive_progress": true}])),
            ("wait", json!(80)),
            ("callee >", json!([70, 1, {"progress": true}, [1]])),
            ("caller <", json!([50, 1, {"progress": true}, [1]])),
            ("wait", json!(80)),
            ("callee >", json!([70, 1, {"progress": true}, [2]])),
            ("caller <", json!([50, 1, {"progress": true}, [2]])),
            ("caller <", timed_out(1)),
            ("callee <", json!([69, 1, {"mode": "killnowait"}])),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_callee_watches_if_it_has_said_so() {
    // Whether it has announced the feature, and what it said when it registered.
    for (sends, gets, forward_timeout, forwarded) in [
        ("callee >", "callee <", true, true),
        ("callee >", "callee <", false, false),
        ("plain callee >", "plain callee <", true, false),
    ] {
        let details = if forwarded { json!({"timeout": 100}) } else { json!({}) };
        let mut steps = vec![
            (sends, register(json!({"forward_timeout": forward_timeout}), "p")),
            (gets, json!([65, 1, 1])),
            ("caller >", json!([48, 1, {"timeout": 100}, "p"])),
            (gets, json!([68, 1, 1, details])),
        ];
        if forwarded {
            steps.extend([("wait", json!(1000)), (sends, json!([8, 68, 1, {}, "wamp.error.timeout"]))]);
        }
        steps.push(("caller <", timed_out(1)));
        if !forwarded && sends == "callee >" {
            steps.push((gets, json!([69, 1, {"mode": "killnowait"}])));
        }
        check(&router(), &steps).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_next_callee_has_as_long() {
    let options = |forward_timeout: bool| json!({"invoke": "first", "forward_timeout": forward_timeout});
    check(
        &router(),
        &[
            ("a callee >", register(options(true), "p")),
            ("a callee <", json!([65, 1, 1])),
            ("b callee >", register(options(false), "p")),
            ("b callee <", json!([65, 1, 1])),
            ("caller >", json!([48, 1, {"timeout": 100}, "p"])),
            ("a callee <", json!([68, 1, 1, {"timeout": 100}])),
            ("wait", json!(1000)),
            ("a callee >", json!([8, 68, 1, {}, "wamp.error.unavailable"])),
            ("b callee <", json!([68, 1, 1, {}])),
            ("caller <", timed_out(1)),
            ("b callee <", json!([69, 1, {"mode": "killnowait"}])),
        ],
    )
    .await;
}
