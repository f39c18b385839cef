//! CANCEL in all its modes, callers and callees that go, and the server's shutdown.

use std::future::IntoFuture;
use std::time::Duration;

use serde_json::{Value, json};
use serverwamp::{Action, Decision, Limits, Session, Uri};
use serverwamp_tests::Serializer;

use super::{Step, check, join, register, router};

fn canceled(request: u64) -> Value {
    json!([8, 48, request, {}, "wamp.error.canceled"])
}

/// A call that its callee has been given.
fn called(sends: &'static str, gets: &'static str) -> Vec<Step<'static>> {
    vec![
        (sends, register(json!({}), "p")),
        (gets, json!([65, 1, 1])),
        ("caller >", json!([48, 1, {}, "p"])),
        (gets, json!([68, 1, 1, {}])),
    ]
}

#[tokio::test(start_paused = true)]
async fn modes() {
    let late = |sends| {
        [
            (sends, json!([70, 1, {}, ["too late"]])),
            (sends, json!([8, 68, 1, {}, "too.late"])),
            // The call is over: to cancel it is no more than late.
            ("caller >", json!([49, 1, {}])),
        ]
    };
    // What the callee gets, if it gets anything.
    for (options, interrupt) in [
        (json!({"mode": "skip"}), None),
        (json!({"mode": "killnowait"}), Some("killnowait")),
        (json!({}), Some("killnowait")),
    ] {
        let mut steps = called("callee >", "callee <");
        steps.push(("caller >", json!([49, 1, options])));
        steps.push(("caller <", canceled(1)));
        steps.extend(interrupt.map(|mode| ("callee <", json!([69, 1, {"mode": mode}]))));
        steps.extend(late("callee >"));
        check(&router(), &steps).await;
    }
    // The caller waits for what the callee says, whatever that is.
    for (answer, result) in [
        (json!([8, 68, 1, {}, "my.stopped", [1]]), json!([8, 48, 1, {}, "my.stopped", [1]])),
        (json!([70, 1, {}, ["done"]]), json!([50, 1, {}, ["done"]])),
    ] {
        let mut steps = called("callee >", "callee <");
        steps.extend([
            ("caller >", json!([49, 1, {"mode": "kill"}])),
            ("callee <", json!([69, 1, {"mode": "kill"}])),
            // To ask once more changes nothing.
            ("caller >", json!([49, 1, {"mode": "kill"}])),
            ("wait", json!(10)),
            ("callee >", answer),
            ("caller <", result),
        ]);
        check(&router(), &steps).await;
    }
    // Impatience is possible.
    let mut steps = called("callee >", "callee <");
    steps.extend([
        ("caller >", json!([49, 1, {"mode": "kill"}])),
        ("callee <", json!([69, 1, {"mode": "kill"}])),
        ("caller >", json!([49, 1, {"mode": "killnowait"}])),
        ("callee <", json!([69, 1, {"mode": "killnowait"}])),
        ("caller <", canceled(1)),
    ]);
    check(&router(), &steps).await;
    // A callee without the feature is left alone.
    for mode in ["skip", "kill", "killnowait"] {
        let mut steps = called("plain callee >", "plain callee <");
        steps.push(("caller >", json!([49, 1, {"mode": mode}])));
        steps.push(("caller <", canceled(1)));
        steps.extend(late("plain callee >"));
        check(&router(), &steps).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_goes() {
    let goodbye = [
        ("caller >", json!([6, {}, "wamp.close.close_realm"])),
        ("caller <", json!([6, {}, "wamp.close.goodbye_and_out"])),
        ("callee <", json!([69, 1, {"mode": "killnowait"}])),
        ("callee >", json!([70, 1, {}, ["too late"]])),
    ];
    let abort = [
        ("caller >", json!([3, {}, "my.reason"])),
        ("caller <", json!(null)),
        ("callee <", json!([69, 1, {"mode": "killnowait"}])),
    ];
    let lost = [("caller lost", json!(null)), ("callee <", json!([69, 1, {"mode": "killnowait"}]))];
    for end in [&goodbye[..], &abort, &lost] {
        let mut steps = called("callee >", "callee <");
        steps.extend_from_slice(end);
        check(&router(), &steps).await;
    }
    let mut steps = called("plain callee >", "plain callee <");
    steps.extend([("caller lost", json!(null)), ("wait", json!(10)), ("plain callee >", json!([70, 1, {}]))]);
    check(&router(), &steps).await;
}

#[tokio::test(start_paused = true)]
async fn a_callee_goes() {
    let gone = ("caller <", json!([8, 48, 1, {}, "wamp.error.canceled", [], "…"]));
    let goodbye = [
        ("callee >", json!([6, {}, "wamp.close.close_realm"])),
        ("callee <", json!([6, {}, "wamp.close.goodbye_and_out"])),
        gone.clone(),
    ];
    let violation = [
        ("callee >", json!([70, 2, {}])),
        ("callee <", json!([3, "…", "wamp.error.protocol_violation"])),
        ("callee <", json!(null)),
        gone.clone(),
    ];
    let lost = [("callee lost", json!(null)), gone];
    for end in [&goodbye[..], &violation, &lost] {
        let mut steps = called("callee >", "callee <");
        steps.extend_from_slice(end);
        steps.extend([
            ("caller >", json!([48, 2, {}, "p"])),
            ("caller <", json!([8, 48, 2, {}, "wamp.error.no_such_procedure", [], "…"])),
        ]);
        check(&router(), &steps).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_callee_may_join_again() {
    let mut steps = called("callee >", "callee <");
    steps.extend([
        ("callee >", json!([6, {}, "wamp.close.close_realm"])),
        ("callee <", json!([6, {}, "wamp.close.goodbye_and_out"])),
        ("caller <", json!([8, 48, 1, {}, "wamp.error.canceled", [], "…"])),
        ("callee >", serverwamp_tests::hello("elsewhere")),
        ("callee <", json!([2, "…", "…"])),
        // What was before is over.
        ("callee >", json!([70, 1, {}])),
        ("callee <", json!([3, "…", "wamp.error.protocol_violation"])),
        ("callee <", json!(null)),
    ]);
    check(&router(), &steps).await;
}

/// While the authorizer decides, the call is the caller's as any other.
#[tokio::test(start_paused = true)]
async fn what_waits_for_the_authorizer() {
    let app = router().authorizer(async |_: Session, uri: Uri, action: Action| {
        if action.kind() == serverwamp::ActionKind::Call && uri.as_str() == "p" {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Decision::allow()
    });
    let start = |steps: &[Step<'static>]| {
        let mut all = vec![
            ("callee >", register(json!({}), "p")),
            ("callee <", json!([65, 1, 1])),
            ("callee >", json!([64, 2, {}, "q"])),
            ("callee <", json!([65, 2, 2])),
        ];
        all.extend_from_slice(steps);
        all
    };
    // Calls keep their order, parts of calls too.
    let order = start(&[
        ("caller >", json!([48, 1, {"progress": true}, "p", [1]])),
        ("caller >", json!([48, 2, {}, "q"])),
        ("caller >", json!([48, 1, {"progress": true}, "p", [2]])),
        ("caller >", json!([48, 1, {}, "p", [3]])),
        ("callee <", json!([68, 1, 1, {"progress": true}, [1]])),
        ("callee <", json!([68, 1, 1, {"progress": true}, [2]])),
        ("callee <", json!([68, 1, 1, {}, [3]])),
        ("callee <", json!([68, 2, 2, {}])),
    ]);
    check(&app, &order).await;
    for mode in ["skip", "kill", "killnowait"] {
        let given_up = start(&[
            ("caller >", json!([48, 1, {}, "p"])),
            ("caller >", json!([49, 1, {"mode": mode}])),
            ("caller <", canceled(1)),
            ("caller >", json!([48, 2, {}, "q"])),
            ("callee <", json!([68, 1, 2, {}])),
        ]);
        check(&app, &given_up).await;
    }
    let lost = start(&[("caller >", json!([48, 1, {}, "p"])), ("caller lost", json!(null))]);
    check(&app, &lost).await;
    let timed_out = start(&[
        ("caller >", json!([48, 1, {"timeout": 50}, "p"])),
        ("caller <", json!([8, 48, 1, {}, "wamp.error.timeout"])),
    ]);
    check(&app, &timed_out).await;
    let unregistered = start(&[
        ("caller >", json!([48, 1, {}, "p"])),
        ("callee >", json!([66, 3, 1])),
        ("callee <", json!([67, 3])),
        ("caller <", json!([8, 48, 1, {}, "wamp.error.no_such_procedure", [], "…"])),
    ]);
    check(&app, &unregistered).await;
}

#[tokio::test(start_paused = true)]
async fn the_shutdown_waits_for_callees() {
    for (answers, serializer) in Serializer::ALL.into_iter().flat_map(|it| [(true, it), (false, it)]) {
        let app = router().limits(Limits { drain: Duration::from_secs(2), ..Limits::default() });
        let mut callee = join(&app, serializer, "realm", "callee").await;
        callee.send(register(json!({}), "p")).await;
        assert_eq!(callee.receive().await, Some(json!([65, 1, 1])));
        let mut caller = join(&app, serializer, "realm", "caller").await;
        caller.send(json!([48, 1, {}, "p"])).await;
        assert_eq!(callee.receive().await, Some(json!([68, 1, 1, {}])));
        app.handle().shutdown();
        let served = tokio::spawn(app.bind("127.0.0.1:0").into_future());
        assert!(caller.is_silent().await && callee.is_silent().await, "{serializer}");
        if answers {
            callee.send(json!([70, 1, {}, ["done"]])).await;
            assert_eq!(caller.receive().await, Some(json!([50, 1, {}, ["done"]])));
        } else {
            assert_eq!(caller.receive().await.unwrap()[4], "wamp.error.canceled");
        }
        assert_eq!(caller.receive().await.unwrap()[2], "wamp.close.system_shutdown");
        while let Some(message) = callee.receive().await {
            if message[0] == 6 {
                break;
            }
            assert_eq!(message, json!([69, 1, {"mode": "killnowait"}]));
        }
        drop((caller, callee));
        served.await.unwrap().unwrap();
    }
}
