//! Callees and callers that break the rules, or their promises, or are slow: whom that harms.

use std::time::Duration;

use serde_json::{Value, json};
use serverwamp::{App, Limits};
use serverwamp_tests::{Peer, Serializer};

use super::{Step, check, join, register, router};

fn called() -> Vec<Step<'static>> {
    vec![
        ("callee >", register(json!({}), "p")),
        ("callee <", json!([65, 1, 1])),
        ("caller >", json!([48, 1, {}, "p"])),
        ("callee <", json!([68, 1, 1, {}])),
    ]
}

#[tokio::test(start_paused = true)]
async fn violations_of_callees() {
    let cases = [
        // There was no such invocation.
        json!([70, 2, {}]),
        json!([70, 9_007_199_254_740_992_u64, {}]),
        json!([70, 0, {}]),
        json!([8, 68, 2, {}, "my.error"]),
        // An ERROR is for an invocation only.
        json!([8, 48, 1, {}, "my.error"]),
        json!([8, 64, 1, {}, "my.error"]),
        json!([8, 99, 1, {}, "my.error"]),
        // What is wrong with the message itself.
        json!([70, 1]),
        json!([70, 1, {}, {}]),
        json!([70, 1, {"progress": 1}]),
        json!([70, "1", {}]),
        json!([70, 1, {}, [], {}, 1]),
        json!([8, 68, 1, {}, "no uri"]),
        json!([8, 68, 1, {}]),
        // What a dealer says.
        json!([68, 1, 1, {}]),
        json!([50, 1, {}]),
        json!([65, 1, 1]),
        json!([67, 1]),
        json!([69, 1, {}]),
        // Known options of wrong types.
        json!([64, 2, {"match": 1}, "q"]),
        json!([64, 2, {"match": "regex"}, "q"]),
        json!([64, 2, {"invoke": "any"}, "q"]),
        json!([64, 2, {"concurrency": "1"}, "q"]),
        json!([64, 2, {"disclose_caller": 1}, "q"]),
        json!([64, 2, {"forward_timeout": 1}, "q"]),
        json!([64, 2, {"force_reregister": "yes"}, "q"]),
        json!([66, 2, 0]),
    ];
    for case in cases {
        let mut steps = called();
        steps.extend([
            ("callee >", case),
            ("callee <", json!([3, "…", "wamp.error.protocol_violation"])),
            ("callee <", json!(null)),
            ("caller <", json!([8, 48, 1, {}, "wamp.error.canceled", [], "…"])),
        ]);
        check(&router(), &steps).await;
    }
}

#[tokio::test(start_paused = true)]
async fn who_has_never_been_called_has_nothing_to_answer() {
    for (app, message) in [
        (router(), json!([70, 1, {}])),
        (router(), json!([8, 68, 1, {}, "my.error"])),
        (App::new().topics(""), json!([70, 1, {}])),
        (App::new().topics(""), json!([8, 68, 1, {}, "my.error"])),
    ] {
        check(
            &app,
            &[
                ("callee >", message),
                ("callee <", json!([3, "…", "wamp.error.protocol_violation"])),
                ("callee <", json!(null)),
            ],
        )
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn answers_of_another_callee_are_its_own() {
    // Both have an invocation 1.
    let mut steps = called();
    steps.extend([
        ("other callee >", json!([64, 1, {}, "q"])),
        ("other callee <", json!([65, 1, 2])),
        ("caller >", json!([48, 2, {}, "q"])),
        ("other callee <", json!([68, 1, 2, {}])),
        ("other callee >", json!([70, 1, {}, ["other"]])),
        ("caller <", json!([50, 2, {}, ["other"]])),
        ("other callee >", json!([70, 1, {}, ["again"]])),
        ("callee >", json!([70, 1, {}, ["first"]])),
        ("caller <", json!([50, 1, {}, ["first"]])),
    ]);
    check(&router(), &steps).await;
}

/// What a limit let through, and how often it was met.
fn met(app: &App, limit: &str) -> u64 {
    app.handle().statistics().limits.get(limit).copied().unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn registrations_limit() {
    let app = router().limits(Limits { registrations: 2, ..Limits::default() });
    let exceeded =
        json!([8, 64, 3, {}, "serverwamp.error.limit_exceeded", [], {"limit": "registrations", "maximum": 2}]);
    check(
        &app,
        &[
            ("callee >", register(json!({}), "a")),
            ("callee <", json!([65, 1, 1])),
            ("callee >", json!([64, 2, {"match": "prefix"}, "a"])),
            ("callee <", json!([65, 2, 2])),
            ("callee >", json!([64, 3, {}, "c"])),
            ("callee <", exceeded),
            ("callee >", json!([66, 4, 1])),
            ("callee <", json!([67, 4])),
            ("callee >", json!([64, 5, {}, "c"])),
            ("callee <", json!([65, 5, 3])),
            ("other callee >", register(json!({}), "d")),
            ("other callee <", json!([65, 1, 4])),
        ],
    )
    .await;
    assert_eq!(met(&app, "registrations"), super::pairs().len() as u64);
}

#[tokio::test(start_paused = true)]
async fn invocations_in_flight_limit() {
    let app = router().limits(Limits { invocations_in_flight: 2, ..Limits::default() });
    let busy = |request: u64| json!([8, 48, request, {}, "wamp.error.no_available_callee", [], "…"]);
    check(
        &app,
        &[
            ("callee >", register(json!({}), "p")),
            ("callee <", json!([65, 1, 1])),
            ("callee >", json!([64, 2, {}, "q"])),
            ("callee <", json!([65, 2, 2])),
            ("caller >", json!([48, 1, {}, "p"])),
            ("callee <", json!([68, 1, 1, {}])),
            ("other >", json!([48, 1, {}, "q"])),
            ("callee <", json!([68, 2, 2, {}])),
            ("caller >", json!([48, 2, {}, "q"])),
            ("caller <", busy(2)),
            ("callee >", json!([70, 1, {}])),
            ("caller <", json!([50, 1, {}])),
            ("caller >", json!([48, 3, {}, "q"])),
            ("callee <", json!([68, 3, 2, {}])),
            // Another callee is not concerned.
            ("next callee >", register(json!({}), "r")),
            ("next callee <", json!([65, 1, 3])),
            ("caller >", json!([48, 4, {}, "r"])),
            ("next callee <", json!([68, 1, 3, {}])),
        ],
    )
    .await;
    assert_eq!(met(&app, "invocations_in_flight"), super::pairs().len() as u64);
}

#[tokio::test(start_paused = true)]
async fn a_callee_that_never_answers_costs_its_callers_one_call_each() {
    let app = router().limits(Limits { calls_in_flight: 2, ..Limits::default() });
    let exceeded =
        json!([8, 48, 3, {}, "serverwamp.error.limit_exceeded", [], {"limit": "calls_in_flight", "maximum": 2}]);
    let busy = |request: u64| json!([8, 48, request, {}, "wamp.error.no_available_callee", [], "…"]);
    let canceled = |request: u64| json!([8, 48, request, {}, "wamp.error.canceled"]);
    check(
        &app,
        &[
            ("plain callee >", register(json!({}), "p")),
            ("plain callee <", json!([65, 1, 1])),
            ("callee >", json!([64, 1, {}, "q"])),
            ("callee <", json!([65, 1, 2])),
            ("caller >", json!([48, 1, {}, "p"])),
            ("caller >", json!([48, 2, {}, "p"])),
            ("plain callee <", json!([68, 1, 1, {}])),
            ("plain callee <", json!([68, 2, 1, {}])),
            ("caller >", json!([48, 3, {}, "q"])),
            ("caller <", exceeded),
            // What is given up counts no more, but for this callee, who cannot be told.
            ("caller >", json!([49, 1, {}])),
            ("caller <", canceled(1)),
            ("caller >", json!([49, 2, {}])),
            ("caller <", canceled(2)),
            ("caller >", json!([48, 4, {}, "p"])),
            ("caller <", busy(4)),
            ("caller >", json!([48, 5, {}, "q"])),
            ("callee <", json!([68, 1, 2, {}])),
            ("other >", json!([48, 1, {}, "p"])),
            ("plain callee <", json!([68, 3, 1, {}])),
            ("plain callee >", json!([70, 1, {}])),
            ("wait", json!(1)),
            ("caller >", json!([48, 6, {}, "p"])),
            ("plain callee <", json!([68, 4, 1, {}])),
        ],
    )
    .await;
}

/// Parts of a result that nobody has asked for go nowhere, and those that a caller reads reach it in their order, while
/// others are answered.
#[tokio::test(start_paused = true)]
async fn a_callee_that_floods_progress() {
    const PARTS: usize = 2_000;
    for serializer in Serializer::ALL {
        let app = router();
        let mut flooding = join(&app, serializer, "realm", "callee").await;
        flooding.send(register(json!({}), "flood")).await;
        flooding.receive().await.unwrap();
        let mut callee = join(&app, serializer, "realm", "callee").await;
        callee.send(register(json!({}), "p")).await;
        callee.receive().await.unwrap();
        let mut asking = join(&app, serializer, "realm", "caller").await;
        asking.send(json!([48, 1, {"receive_progress": true}, "flood"])).await;
        flooding.receive().await.unwrap();
        let mut other = join(&app, serializer, "realm", "caller").await;
        other.send(json!([48, 1, {}, "flood"])).await;
        flooding.receive().await.unwrap();
        let text = "x".repeat(500);
        let flood = async {
            for part in 0..PARTS {
                flooding.send(json!([70, 2, {"progress": true}, ["unasked"]])).await;
                flooding.send(json!([70, 1, {"progress": true}, [part, text]])).await;
            }
            flooding.send(json!([70, 1, {}, ["end"]])).await;
        };
        let read = async {
            for part in 0..PARTS {
                assert_eq!(asking.receive().await, Some(json!([50, 1, {"progress": true}, [part, text]])));
            }
            assert_eq!(asking.receive().await, Some(json!([50, 1, {}, ["end"]])), "{serializer}");
        };
        let others = async {
            for request in 2..20 {
                other.send(json!([48, request, {}, "p"])).await;
                callee.receive().await.unwrap();
                callee.send(json!([70, request - 1, {}])).await;
                assert_eq!(other.receive().await, Some(json!([50, request, {}])), "{serializer}");
            }
        };
        tokio::join!(flood, read, others);
        assert!(other.is_silent().await, "{serializer}");
        assert_eq!(met(&app, "outbound_bytes"), 0, "{serializer}");
    }
}

fn small() -> Limits {
    Limits { outbound_bytes: 256 * 1024, ..Limits::default() }
}

/// Sends calls that the callee does not read, until one is refused. Returns how many were not.
async fn fill(caller: &mut Peer, octets: usize) -> u64 {
    for id in 1..1000 {
        caller.send(json!([48, id, {}, "p", ["x".repeat(octets)]])).await;
        if let Ok(answer) = tokio::time::timeout(Duration::from_millis(1), caller.receive()).await {
            assert_eq!(answer.unwrap()[4], "wamp.error.no_available_callee");
            return id - 1;
        }
    }
    panic!("nothing is refused");
}

#[tokio::test(start_paused = true)]
async fn a_callee_that_does_not_read_slows_nobody() {
    for serializer in Serializer::ALL {
        let app = router().limits(small());
        let mut stuck = join(&app, serializer, "realm", "callee").await;
        stuck.send(register(json!({"invoke": "first"}), "p")).await;
        stuck.receive().await.unwrap();
        let mut caller = join(&app, serializer, "realm", "caller").await;
        let taken = fill(&mut caller, 10_000).await;
        // The stream in memory holds some as well.
        assert!((12..40).contains(&taken), "{serializer}: {taken}");
        // Other procedures, and other callees of this one, are not concerned.
        let mut callee = join(&app, serializer, "realm", "callee").await;
        callee.send(register(json!({"invoke": "first"}), "p")).await;
        assert_eq!(callee.receive().await, Some(json!([65, 1, 1])));
        caller.send(json!([48, 1001, {}, "p", ["x".repeat(10_000)]])).await;
        assert_eq!(callee.receive().await.unwrap()[1], 1);
        callee.send(json!([70, 1, {}, ["here"]])).await;
        assert_eq!(caller.receive().await, Some(json!([50, 1001, {}, ["here"]])));
        // It is cut once it has taken nothing for too long, and its callers are told.
        tokio::time::sleep(Duration::from_secs(60)).await;
        for _ in 0..taken {
            assert_eq!(caller.receive().await.unwrap()[4], "wamp.error.canceled", "{serializer}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_does_not_read_slows_nobody() {
    for (progress, serializer) in Serializer::ALL.into_iter().flat_map(|it| [(true, it), (false, it)]) {
        let app = router().limits(small());
        let mut callee = join(&app, serializer, "realm", "callee").await;
        callee.send(register(json!({}), "p")).await;
        callee.receive().await.unwrap();
        let mut slow = join(&app, serializer, "realm", "caller").await;
        for id in 1..=100 {
            slow.send(json!([48, id, {"receive_progress": true}, "p"])).await;
            assert_eq!(callee.receive().await.unwrap()[1], id);
        }
        for id in 1..=60 {
            let (id, options) = if progress { (1, json!({"progress": true})) } else { (id, json!({})) };
            callee.send(json!([70, id, options, ["x".repeat(10_000)]])).await;
        }
        // The caller was cut; what it has open is interrupted.
        let open = if progress { 100 } else { 40 };
        let mut interrupted = Vec::new();
        for _ in 0..open {
            let interrupt: Value = callee.receive().await.unwrap();
            assert_eq!((&interrupt[0], &interrupt[2]), (&json!(69), &json!({"mode": "killnowait"})), "{serializer}");
            interrupted.push(interrupt[1].as_u64().unwrap());
        }
        assert!(interrupted.contains(&100));
        let mut caller = join(&app, serializer, "realm", "caller").await;
        caller.send(json!([48, 1, {}, "p"])).await;
        loop {
            let message = callee.receive().await.unwrap();
            if message[0] == 68 {
                callee.send(json!([70, message[1], {}, ["fine"]])).await;
                break;
            }
        }
        assert_eq!(caller.receive().await, Some(json!([50, 1, {}, ["fine"]])), "{serializer}");
        assert_eq!(met(&app, "outbound_bytes"), 1);
    }
}

/// A caller cannot make a callee's queue grow by asking for the same thing again and again.
#[tokio::test(start_paused = true)]
async fn interrupts_of_a_callee_that_does_not_read() {
    let app = router().limits(small());
    for serializer in Serializer::ALL {
        let mut stuck = join(&app, serializer, "realm", "callee").await;
        stuck.send(register(json!({}), "p")).await;
        stuck.receive().await.unwrap();
        let mut caller = join(&app, serializer, "realm", "caller").await;
        for id in 1..=20 {
            caller.send(json!([48, id, {}, "p", ["x".repeat(10_000)]])).await;
        }
        for _ in 0..1000 {
            caller.send(json!([49, 1, {"mode": "kill"}])).await;
        }
        for id in 100..1100 {
            caller.send(json!([48, id, {}, "p"])).await;
            caller.send(json!([49, id, {"mode": "killnowait"}])).await;
        }
        for _ in 0..1000 {
            let answer = caller.receive().await.unwrap();
            let expected = ["wamp.error.canceled", "wamp.error.no_available_callee"];
            assert!(expected.contains(&answer[4].as_str().unwrap()), "{answer}");
        }
        assert_eq!(stuck.receive().await.unwrap()[1], 1, "{serializer}: it is not cut for that");
    }
    assert_eq!(met(&app, "write_stall"), 0);
}

/// What a callee cannot help, since it does not know the router's limits, costs it one call.
#[tokio::test(start_paused = true)]
async fn a_result_past_the_limits_is_the_failure_of_its_call_alone() {
    let app = router().limits(Limits { depth: 8, nodes: 100, ..Limits::default() });
    let deep = (0..9).fold(json!(1), |inner, _| json!([inner]));
    for (excess, options) in
        [(deep.clone(), json!({})), (json!(vec![1; 200]), json!({})), (deep, json!({"progress": true}))]
    {
        let mut steps = called();
        let refused = json!([8, 48, 1, {}, "wamp.error.payload_size_exceeded", [], {"message": "…"}]);
        steps.extend([
            ("callee >", json!([70, 1, options, excess])),
            ("caller <", refused),
            // It is too late for more, and no violation.
            ("callee >", json!([70, 1, {}, [1]])),
            ("callee >", json!([70, 1, {}, excess])),
            ("caller >", json!([48, 2, {}, "p"])),
            ("callee <", json!([68, 2, 1, {}])),
            ("callee >", json!([70, 2, {}, [7]])),
            ("caller <", json!([50, 2, {}, [7]])),
            // There was no such invocation.
            ("callee >", json!([70, 9, {}, excess])),
            ("callee <", json!([3, "…", "wamp.error.protocol_violation"])),
            ("callee <", json!(null)),
        ]);
        check(&app, &steps).await;
    }
}
