//! Whether a callee learns who calls.

use serde_json::{Value, json};
use serverwamp::{Action, ActionKind, App, Decision, MatchPolicy, Rules, Session, Uri};

use super::{check, register, router};

/// An authorizer that decides about callers this way.
fn with(decision: Option<bool>) -> App {
    router().authorizer(move |_: Session, _: Uri, action: Action| async move {
        match (action.kind(), decision) {
            (ActionKind::Call, Some(disclosed)) => Decision::allow().disclose(disclosed),
            _ => Decision::allow(),
        }
    })
}

#[tokio::test(start_paused = true)]
async fn who_is_disclosed() {
    // What the authorizer says, what the callee and the caller ask for, and what the callee gets.
    let cases = [
        (None, false, None, Some(false)),
        (None, false, Some(false), Some(false)),
        (None, false, Some(true), Some(true)),
        (None, true, None, Some(true)),
        (None, true, Some(false), Some(true)),
        (Some(true), false, None, Some(true)),
        (Some(true), false, Some(false), Some(true)),
        (Some(false), true, None, Some(false)),
        (Some(false), false, Some(false), Some(false)),
        (Some(false), false, Some(true), None),
    ];
    for (decision, disclose_caller, disclose_me, disclosed) in cases {
        let options = match disclose_me {
            Some(disclose_me) => json!({"disclose_me": disclose_me}),
            None => json!({}),
        };
        let mut steps = vec![
            ("callee >", register(json!({"disclose_caller": disclose_caller}), "p")),
            ("callee <", json!([65, 1, 1])),
            ("caller >", json!([48, 1, options, "p"])),
        ];
        match disclosed {
            Some(disclosed) => {
                let details = match disclosed {
                    true => json!({"caller": "…", "caller_authid": "…", "caller_authrole": "anonymous"}),
                    false => json!({}),
                };
                steps.extend([
                    ("callee <", json!([68, 1, 1, details])),
                    ("callee >", json!([70, 1, {}])),
                    ("caller <", json!([50, 1, {}])),
                ]);
            }
            None => {
                let refused = "wamp.error.option_disallowed.disclose_me";
                steps.push(("caller <", json!([8, 48, 1, {}, refused, [], "…"])));
            }
        }
        check(&with(decision), &steps).await;
    }
}

#[tokio::test(start_paused = true)]
async fn rules_disclose_by_role() {
    let refused = json!([8, 48, 1, {}, "wamp.error.option_disallowed.disclose_me", [], "…"]);
    let caller = json!({"caller": "…", "caller_authid": "…", "caller_authrole": "anonymous"});
    // What the rule for the callers' role says, what the caller asks for, and what comes of it.
    for (role, disclosed, disclose_me, expected) in [
        ("anonymous", true, false, Some(&caller)),
        ("anonymous", false, true, None),
        ("somebody", true, false, Some(&json!({}))),
        ("somebody", false, true, Some(&caller)),
    ] {
        let rules = Rules::new().allow(role, "p", MatchPolicy::Exact, [ActionKind::Call]).disclose(disclosed).allow(
            "*",
            "",
            MatchPolicy::Prefix,
            ActionKind::ALL,
        );
        let mut steps = vec![
            ("callee >", register(json!({}), "p")),
            ("callee <", json!([65, 1, 1])),
            ("caller >", json!([48, 1, {"disclose_me": disclose_me}, "p"])),
        ];
        match expected {
            Some(details) => steps.push(("callee <", json!([68, 1, 1, details]))),
            None => steps.push(("caller <", refused.clone())),
        }
        check(&router().rules(rules), &steps).await;
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_the_callers_session_that_is_disclosed() {
    use serverwamp_tests::{Peer, Serializer, hello};
    for serializer in Serializer::ALL {
        let app = router();
        let mut callee = Peer::join(&app, serializer).await;
        callee.send(register(json!({}), "p")).await;
        callee.receive().await.unwrap();
        let mut caller = Peer::connect(&app, serializer);
        caller.send(hello("realm1")).await;
        let welcome = caller.receive().await.unwrap();
        caller.send(json!([48, 1, {"disclose_me": true}, "p"])).await;
        let caller = json!({
            "caller": welcome[1],
            "caller_authid": welcome[2]["authid"],
            "caller_authrole": welcome[2]["authrole"],
        });
        let invocation: Value = callee.receive().await.unwrap();
        assert_eq!(invocation, json!([68, 1, 1, caller]), "{serializer}");
    }
}
