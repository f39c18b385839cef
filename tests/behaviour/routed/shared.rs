//! Several callees of one procedure.

use serde_json::json;

use super::{Step, check, register, router};

const NAMES: [[&str; 2]; 3] =
    [["a callee >", "a callee <"], ["b callee >", "b callee <"], ["c callee >", "c callee <"]];

/// Three callees with these options.
fn callees(options: serde_json::Value) -> Vec<Step<'static>> {
    let register =
        |[sends, gets]: [&'static str; 2]| [(sends, register(options.clone(), "p")), (gets, json!([65, 1, 1]))];
    NAMES.into_iter().flat_map(register).collect()
}

#[tokio::test(start_paused = true)]
async fn who_is_called() {
    for (policy, order) in [("first", [0, 0, 0, 0]), ("last", [2, 2, 2, 2]), ("roundrobin", [0, 1, 2, 0])] {
        let mut steps = callees(json!({"invoke": policy}));
        let mut invoked = [0, 0, 0];
        for (call, callee) in order.into_iter().enumerate() {
            invoked[callee] += 1;
            let [sends, gets] = NAMES[callee];
            steps.push(("caller >", json!([48, call + 1, {}, "p"])));
            steps.push((gets, json!([68, invoked[callee], 1, {}])));
            steps.push((sends, json!([70, invoked[callee], {}, [policy]])));
            steps.push(("caller <", json!([50, call + 1, {}, [policy]])));
        }
        check(&router(), &steps).await;
    }
}

#[tokio::test(start_paused = true)]
async fn any_of_them_is_called_at_random() {
    use serverwamp_tests::Serializer;
    let app = router();
    let mut peers = Vec::new();
    for number in 0..3 {
        let mut callee = super::join(&app, Serializer::ALL[number], "realm", "callee").await;
        callee.send(register(json!({"invoke": "random"}), "p")).await;
        assert_eq!(callee.receive().await, Some(json!([65, 1, 1])));
        peers.push(callee);
    }
    let mut caller = super::join(&app, Serializer::ALL[0], "realm", "caller").await;
    for id in 1..=300 {
        caller.send(json!([48, id, {}, "p"])).await;
    }
    let mut counts = [0; 3];
    for (count, peer) in counts.iter_mut().zip(&mut peers) {
        while let Ok(invocation) = tokio::time::timeout(std::time::Duration::from_secs(1), peer.receive()).await {
            *count += 1;
            assert_eq!(invocation.unwrap()[1], *count);
        }
    }
    assert_eq!(counts.iter().sum::<i32>(), 300);
    // Less than a hundredth of a billionth chance for any to have as few.
    assert!(counts.iter().all(|count| *count > 40), "{counts:?}");
}

#[tokio::test(start_paused = true)]
async fn policies_do_not_mix() {
    for (first, second) in [("single", "first"), ("first", "single"), ("roundrobin", "random"), ("last", "first")] {
        check(
            &router(),
            &[
                ("a callee >", register(json!({"invoke": first}), "p")),
                ("a callee <", json!([65, 1, 1])),
                ("b callee >", register(json!({"invoke": second}), "p")),
                ("b callee <", json!([8, 64, 1, {}, "wamp.error.procedure_already_exists", [], "…"])),
                // Another match policy is another registration.
                ("b callee >", json!([64, 2, {"invoke": second, "match": "prefix"}, "p"])),
                ("b callee <", json!([65, 2, 2])),
            ],
        )
        .await;
    }
    check(
        &router(),
        &[
            ("a callee >", register(json!({"invoke": "first"}), "p")),
            ("a callee <", json!([65, 1, 1])),
            ("a callee >", json!([64, 2, {"invoke": "first"}, "p"])),
            ("a callee <", json!([8, 64, 2, {}, "wamp.error.procedure_already_exists", [], "…"])),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn who_is_gone_is_called_no_more() {
    let mut steps = callees(json!({"invoke": "first"}));
    steps.extend([
        ("a callee lost", json!(null)),
        ("wait", json!(1)),
        ("caller >", json!([48, 1, {}, "p"])),
        ("b callee <", json!([68, 1, 1, {}])),
        ("b callee >", json!([66, 2, 1])),
        ("b callee <", json!([67, 2])),
        ("caller >", json!([48, 2, {}, "p"])),
        ("c callee <", json!([68, 1, 1, {}])),
        ("c callee >", json!([66, 2, 1])),
        ("c callee <", json!([67, 2])),
        ("caller >", json!([48, 3, {}, "p"])),
        ("caller <", json!([8, 48, 3, {}, "wamp.error.no_such_procedure", [], "…"])),
        // With the last callee the policy is forgotten.
        ("b callee >", json!([64, 3, {"invoke": "last"}, "p"])),
        ("b callee <", json!([65, 3, 2])),
    ]);
    check(&router(), &steps).await;
}

#[tokio::test(start_paused = true)]
async fn the_others_go_on_by_their_policy() {
    // Who goes, and who is called before and after that.
    for (policy, gone, before, after) in [
        ("first", 1, [0, 0], [0, 0, 0]),
        ("last", 2, [2, 2], [1, 1, 1]),
        ("last", 0, [2, 2], [2, 2, 2]),
        ("roundrobin", 1, [0, 1], [0, 2, 0]),
    ] {
        let mut steps = callees(json!({"invoke": policy}));
        let mut invoked = [0, 0, 0];
        let mut request = 0;
        let mut call = |steps: &mut Vec<Step<'static>>, callee: usize| {
            invoked[callee] += 1;
            request += 1;
            let [sends, gets] = NAMES[callee];
            steps.push(("caller >", json!([48, request, {}, "p"])));
            steps.push((gets, json!([68, invoked[callee], 1, {}])));
            steps.push((sends, json!([70, invoked[callee], {}])));
            steps.push(("caller <", json!([50, request, {}])));
        };
        before.into_iter().for_each(|callee| call(&mut steps, callee));
        steps.push((NAMES[gone][0], json!([66, 2, 1])));
        steps.push((NAMES[gone][1], json!([67, 2])));
        after.into_iter().for_each(|callee| call(&mut steps, callee));
        check(&router(), &steps).await;
    }
}

#[tokio::test(start_paused = true)]
async fn concurrency() {
    let busy = |request: u64| json!([8, 48, request, {}, "wamp.error.no_available_callee", [], "…"]);
    for invoke in ["first", "roundrobin"] {
        check(
            &router(),
            &[
                ("a callee >", register(json!({"invoke": invoke, "concurrency": 1}), "p")),
                ("a callee <", json!([65, 1, 1])),
                ("b callee >", register(json!({"invoke": invoke, "concurrency": 2}), "p")),
                ("b callee <", json!([65, 1, 1])),
                ("caller >", json!([48, 1, {}, "p"])),
                ("a callee <", json!([68, 1, 1, {}])),
                ("caller >", json!([48, 2, {}, "p"])),
                ("b callee <", json!([68, 1, 1, {}])),
                ("caller >", json!([48, 3, {}, "p"])),
                ("b callee <", json!([68, 2, 1, {}])),
                ("caller >", json!([48, 4, {}, "p"])),
                ("caller <", busy(4)),
                ("a callee >", json!([70, 1, {}])),
                ("caller <", json!([50, 1, {}])),
                ("caller >", json!([48, 5, {}, "p"])),
                ("a callee <", json!([68, 2, 1, {}])),
                ("b callee >", json!([8, 68, 2, {}, "my.error"])),
                ("caller <", json!([8, 48, 3, {}, "my.error"])),
                ("caller >", json!([48, 6, {}, "p"])),
                ("b callee <", json!([68, 3, 1, {}])),
            ],
        )
        .await;
    }
    check(
        &router(),
        &[
            ("callee >", register(json!({"concurrency": 1}), "p")),
            ("callee <", json!([65, 1, 1])),
            ("callee >", json!([64, 2, {}, "q"])),
            ("callee <", json!([65, 2, 2])),
            ("caller >", json!([48, 1, {}, "p"])),
            ("callee <", json!([68, 1, 1, {}])),
            ("caller >", json!([48, 2, {}, "p"])),
            ("caller <", busy(2)),
            // Each registration has its own.
            ("caller >", json!([48, 3, {}, "q"])),
            ("callee <", json!([68, 2, 2, {}])),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn who_is_not_available_is_passed_over() {
    let unavailable = |invocation: u64| json!([8, 68, invocation, {}, "wamp.error.unavailable"]);
    let mut steps = callees(json!({"invoke": "roundrobin"}));
    steps.extend([
        ("caller >", json!([48, 1, {}, "p", [7], {"k": 8}])),
        ("a callee <", json!([68, 1, 1, {}, [7], {"k": 8}])),
        ("a callee >", unavailable(1)),
        ("b callee <", json!([68, 1, 1, {}, [7], {"k": 8}])),
        ("b callee >", unavailable(1)),
        ("c callee <", json!([68, 1, 1, {}, [7], {"k": 8}])),
        ("c callee >", json!([70, 1, {}, ["c"]])),
        ("caller <", json!([50, 1, {}, ["c"]])),
    ]);
    check(&router(), &steps).await;

    // Nobody is asked twice.
    let mut steps = callees(json!({"invoke": "last"}));
    steps.extend([
        ("caller >", json!([48, 1, {}, "p"])),
        ("c callee <", json!([68, 1, 1, {}])),
        ("c callee >", unavailable(1)),
        ("b callee <", json!([68, 1, 1, {}])),
        ("b callee >", unavailable(1)),
        ("a callee <", json!([68, 1, 1, {}])),
        ("a callee >", unavailable(1)),
        ("caller <", json!([8, 48, 1, {}, "wamp.error.no_available_callee", [], "…"])),
    ]);
    check(&router(), &steps).await;

    // The call can be canceled wherever it is.
    let mut steps = callees(json!({"invoke": "first"}));
    steps.extend([
        ("caller >", json!([48, 1, {}, "p"])),
        ("a callee <", json!([68, 1, 1, {}])),
        ("a callee >", unavailable(1)),
        ("b callee <", json!([68, 1, 1, {}])),
        ("caller >", json!([49, 1, {"mode": "kill"}])),
        ("b callee <", json!([69, 1, {"mode": "kill"}])),
        ("b callee >", json!([8, 68, 1, {}, "my.stopped"])),
        ("caller <", json!([8, 48, 1, {}, "my.stopped"])),
    ]);
    check(&router(), &steps).await;

    check(
        &router(),
        &[
            ("callee >", register(json!({}), "p")),
            ("callee <", json!([65, 1, 1])),
            ("caller >", json!([48, 1, {}, "p"])),
            ("callee <", json!([68, 1, 1, {}])),
            ("callee >", unavailable(1)),
            ("caller <", json!([8, 48, 1, {}, "wamp.error.no_available_callee", [], "…"])),
            // Once a part of the result is there, no other callee can give the rest.
            ("caller >", json!([48, 2, {"receive_progress": true}, "p"])),
            ("callee <", json!([68, 2, 1, {"receive_progress": true}])),
            ("callee >", json!([70, 2, {"progress": true}, [1]])),
            ("caller <", json!([50, 2, {"progress": true}, [1]])),
            ("callee >", unavailable(2)),
            ("caller <", json!([8, 48, 2, {}, "wamp.error.unavailable"])),
        ],
    )
    .await;
}
