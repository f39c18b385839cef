//! Progressive call results and progressive call invocations.

use serde_json::json;
use serverwamp::{App, wamp};

use super::{check, register, router};

#[wamp::rpc]
async fn function() {}

#[tokio::test(start_paused = true)]
async fn results_in_parts() {
    check(
        &router(),
        &[
            ("callee >", register(json!({}), "p")),
            ("callee <", json!([65, 1, 1])),
            ("caller >", json!([48, 1, {"receive_progress": true}, "p"])),
            ("callee <", json!([68, 1, 1, {"receive_progress": true}])),
            ("callee >", json!([70, 1, {"progress": true}, [1]])),
            ("callee >", json!([70, 1, {"progress": true}, [], {"k": 2}])),
            ("callee >", json!([70, 1, {"progress": false}, [3]])),
            ("callee >", json!([70, 1, {"progress": true}, ["too late"]])),
            ("callee >", json!([70, 1, {}, ["too late"]])),
            ("callee >", json!([8, 68, 1, {}, "too.late"])),
            ("caller <", json!([50, 1, {"progress": true}, [1]])),
            ("caller <", json!([50, 1, {"progress": true}, [], {"k": 2}])),
            ("caller <", json!([50, 1, {}, [3]])),
            // An error may end it too.
            ("caller >", json!([48, 2, {"receive_progress": true}, "p"])),
            ("callee <", json!([68, 2, 1, {"receive_progress": true}])),
            ("callee >", json!([70, 2, {"progress": true}])),
            ("callee >", json!([8, 68, 2, {}, "my.error"])),
            ("caller <", json!([50, 2, {"progress": true}])),
            ("caller <", json!([8, 48, 2, {}, "my.error"])),
            // Who has not asked for parts gets none.
            ("caller >", json!([48, 3, {}, "p"])),
            ("callee <", json!([68, 3, 1, {}])),
            ("callee >", json!([70, 3, {"progress": true}, ["unasked"]])),
            ("callee >", json!([70, 3, {}, ["end"]])),
            ("caller <", json!([50, 3, {}, ["end"]])),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_callee_that_lacks_the_feature_is_not_asked_for_parts() {
    for [sends, gets] in [["plain callee >", "plain callee <"], ["uncanceling callee >", "uncanceling callee <"]] {
        check(
            &router(),
            &[
                (sends, register(json!({}), "p")),
                (gets, json!([65, 1, 1])),
                ("caller >", json!([48, 1, {"receive_progress": true}, "p"])),
                (gets, json!([68, 1, 1, {}])),
                (sends, json!([70, 1, {}, ["whole"]])),
                ("caller <", json!([50, 1, {}, ["whole"]])),
            ],
        )
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn unless_the_realm_asks_those_who_cannot_be_told_to_stop() {
    check(
        &router().progress_without_canceling(),
        &[
            ("uncanceling callee >", register(json!({}), "p")),
            ("uncanceling callee <", json!([65, 1, 1])),
            ("caller >", json!([48, 1, {"receive_progress": true}, "p"])),
            ("uncanceling callee <", json!([68, 1, 1, {"receive_progress": true}])),
            ("uncanceling callee >", json!([70, 1, {"progress": true}, [1]])),
            ("caller <", json!([50, 1, {"progress": true}, [1]])),
            ("caller >", json!([49, 1, {}])),
            ("caller <", json!([8, 48, 1, {}, "wamp.error.canceled"])),
            ("uncanceling callee >", json!([70, 1, {"progress": true}, [2]])),
            ("uncanceling callee >", json!([70, 1, {}, [3]])),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn arguments_in_parts() {
    check(
        &router(),
        &[
            ("a callee >", register(json!({"invoke": "roundrobin"}), "p")),
            ("a callee <", json!([65, 1, 1])),
            ("b callee >", register(json!({"invoke": "roundrobin"}), "p")),
            ("b callee <", json!([65, 1, 1])),
            ("caller >", json!([48, 1, {"progress": true, "receive_progress": true}, "p", [1]])),
            ("a callee <", json!([68, 1, 1, {"progress": true, "receive_progress": true}, [1]])),
            // Another call in between goes to the other callee, further parts to the same.
            ("caller >", json!([48, 2, {}, "p", ["other"]])),
            ("b callee <", json!([68, 1, 1, {}, ["other"]])),
            ("caller >", json!([48, 1, {"progress": true}, "p", [2]])),
            ("a callee <", json!([68, 1, 1, {"progress": true, "receive_progress": true}, [2]])),
            ("a callee >", json!([70, 1, {"progress": true}, ["so far"]])),
            ("caller <", json!([50, 1, {"progress": true}, ["so far"]])),
            ("caller >", json!([48, 1, {}, "p", [3]])),
            ("a callee <", json!([68, 1, 1, {"receive_progress": true}, [3]])),
            ("a callee >", json!([70, 1, {}, [6]])),
            ("caller <", json!([50, 1, {}, [6]])),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn parts_that_come_when_the_call_is_over_are_dropped() {
    check(
        &router(),
        &[
            ("callee >", register(json!({}), "p")),
            ("callee <", json!([65, 1, 1])),
            ("caller >", json!([48, 1, {"progress": true}, "p", [1]])),
            ("callee <", json!([68, 1, 1, {"progress": true}, [1]])),
            ("callee >", json!([8, 68, 1, {}, "my.enough"])),
            ("caller <", json!([8, 48, 1, {}, "my.enough"])),
            ("caller >", json!([48, 1, {"progress": true}, "p", [2]])),
            ("caller >", json!([48, 1, {"progress": false}, "p", [3]])),
            ("wait", json!(10)),
            ("caller >", json!([48, 2, {}, "p"])),
            ("callee <", json!([68, 2, 1, {}])),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn parts_may_be_canceled() {
    check(
        &router(),
        &[
            ("callee >", register(json!({}), "p")),
            ("callee <", json!([65, 1, 1])),
            ("caller >", json!([48, 1, {"progress": true}, "p", [1]])),
            ("callee <", json!([68, 1, 1, {"progress": true}, [1]])),
            ("caller >", json!([49, 1, {"mode": "killnowait"}])),
            ("caller >", json!([48, 1, {}, "p", [2]])),
            ("callee <", json!([69, 1, {"mode": "killnowait"}])),
            ("caller <", json!([8, 48, 1, {}, "wamp.error.canceled"])),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_callee_goes_in_the_middle_of_the_parts() {
    check(
        &router(),
        &[
            ("a callee >", register(json!({"invoke": "first"}), "p")),
            ("a callee <", json!([65, 1, 1])),
            ("b callee >", register(json!({"invoke": "first"}), "p")),
            ("b callee <", json!([65, 1, 1])),
            ("caller >", json!([48, 1, {"progress": true, "receive_progress": true}, "p", [1]])),
            ("a callee <", json!([68, 1, 1, {"progress": true, "receive_progress": true}, [1]])),
            ("a callee >", json!([70, 1, {"progress": true}, ["so far"]])),
            ("caller <", json!([50, 1, {"progress": true}, ["so far"]])),
            ("a callee lost", json!(null)),
            ("caller <", json!([8, 48, 1, {}, "wamp.error.canceled", [], "…"])),
            // The other has not had the beginning: it gets nothing of the rest.
            ("caller >", json!([48, 1, {"progress": true}, "p", [2]])),
            ("caller >", json!([48, 1, {}, "p", [3]])),
            ("caller >", json!([48, 2, {}, "p", ["new"]])),
            ("b callee <", json!([68, 1, 1, {}, ["new"]])),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn parts_take_a_callee_that_knows_them() {
    let refused = json!([8, 48, 1, {}, "wamp.error.feature_not_supported", [], "…"]);
    for [sends, gets] in [["plain callee >", "plain callee <"], ["uncanceling callee >", "uncanceling callee <"]] {
        check(
            &router(),
            &[
                (sends, register(json!({}), "p")),
                (gets, json!([65, 1, 1])),
                ("caller >", json!([48, 1, {"progress": true}, "p"])),
                ("caller <", refused.clone()),
                // Its last part is no new call.
                ("caller >", json!([48, 1, {}, "p"])),
            ],
        )
        .await;
    }
    // Of several callees it goes to one who does.
    check(
        &router(),
        &[
            ("plain callee >", register(json!({"invoke": "first"}), "p")),
            ("plain callee <", json!([65, 1, 1])),
            ("callee >", register(json!({"invoke": "first"}), "p")),
            ("callee <", json!([65, 1, 1])),
            ("caller >", json!([48, 1, {"progress": true}, "p"])),
            ("callee <", json!([68, 1, 1, {"progress": true}])),
        ],
    )
    .await;
    let app = App::discover_in(module_path!()).router();
    check(&app, &[("caller >", json!([48, 1, {"progress": true}, "function"])), ("caller <", refused)]).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_not_announced_is_a_violation() {
    for (app, caller) in
        [(router(), ["plain caller >", "plain caller <"]), (App::new().topics(""), ["caller >", "caller <"])]
    {
        let [sends, gets] = caller;
        check(
            &app,
            &[
                (sends, json!([48, 1, {"progress": true}, "p"])),
                (gets, json!([3, "…", "wamp.error.protocol_violation"])),
                (gets, json!(null)),
            ],
        )
        .await;
    }
    // A call that has no more parts keeps its id to itself.
    check(
        &router(),
        &[
            ("callee >", register(json!({}), "p")),
            ("callee <", json!([65, 1, 1])),
            ("caller >", json!([48, 1, {}, "p"])),
            ("callee <", json!([68, 1, 1, {}])),
            ("caller >", json!([48, 1, {"progress": true}, "p"])),
            ("caller <", json!([3, "…", "wamp.error.protocol_violation"])),
            ("caller <", json!(null)),
            ("callee <", json!([69, 1, {"mode": "killnowait"}])),
        ],
    )
    .await;
}
