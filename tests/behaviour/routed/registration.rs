//! REGISTER and UNREGISTER, patterns, and what else is served.

use serde_json::{Value, json};
use serverwamp::{Action, ActionKind, App, Call, Decision, MatchPolicy, RpcError, Session, Uri, wamp};
use serverwamp_tests::Serializer;

use super::{check, join, register, router};

const EXISTS: &str = "wamp.error.procedure_already_exists";

#[wamp::rpc("served.exact")]
async fn exact() -> &'static str {
    "function"
}

#[wamp::rpc("served", match = "prefix")]
async fn prefix() -> &'static str {
    "function of a prefix"
}

#[wamp::rpc("shop..get", match = "wildcard")]
async fn wildcard() -> &'static str {
    "function of a wildcard"
}

#[wamp::rpc("expression\\..*", match = "regex")]
async fn expression() -> &'static str {
    "function of an expression"
}

fn with_functions() -> App {
    App::discover_in(module_path!()).router()
}

fn error(kind: u64, request: u64, error: &str) -> Value {
    json!([8, kind, request, {}, error, [], "…"])
}

#[tokio::test(start_paused = true)]
async fn what_a_client_may_register() {
    let cases = [
        (json!({}), "other", json!([65, 1, 1])),
        (json!({}), "served.exact", error(64, 1, EXISTS)),
        (json!({"match": "prefix"}), "served", error(64, 1, EXISTS)),
        (json!({"match": "wildcard"}), "shop..get", error(64, 1, EXISTS)),
        (json!({"invoke": "roundrobin"}), "served.exact", error(64, 1, EXISTS)),
        (json!({"force_reregister": true}), "served.exact", error(64, 1, EXISTS)),
        // Another policy is another registration.
        (json!({"match": "prefix"}), "served.exact", json!([65, 1, 1])),
        (json!({"match": "prefix"}), "", json!([65, 1, 1])),
        (json!({"match": "wildcard"}), "..", json!([65, 1, 1])),
        (json!({}), "wamp.session.count", error(64, 1, "wamp.error.invalid_uri")),
        (json!({"match": "prefix"}), "wamp", error(64, 1, "wamp.error.invalid_uri")),
        (json!({"match": "wildcard"}), "wamp..get", error(64, 1, "wamp.error.invalid_uri")),
        (json!({}), "a..b", error(64, 1, "wamp.error.invalid_uri")),
        (json!({}), "a b", error(64, 1, "wamp.error.invalid_uri")),
        (json!({"concurrency": 0}), "other", error(64, 1, "wamp.error.invalid_argument")),
    ];
    for (options, procedure, answer) in cases {
        check(&with_functions(), &[("callee >", register(options, procedure)), ("callee <", answer)]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn unregistering() {
    let unknown = |request: u64| json!([8, 66, request, {}, "wamp.error.no_such_registration", [], "…"]);
    check(
        &router(),
        &[
            ("callee >", register(json!({}), "a")),
            ("callee <", json!([65, 1, 1])),
            ("other >", json!([66, 1, 1])),
            ("other <", unknown(1)),
            ("callee >", json!([66, 2, 2])),
            ("callee <", unknown(2)),
            ("other >", json!([48, 2, {}, "a"])),
            ("callee <", json!([68, 1, 1, {}])),
            ("callee >", json!([66, 3, 1])),
            ("callee <", json!([67, 3])),
            ("callee >", json!([66, 4, 1])),
            ("callee <", unknown(4)),
            ("other >", json!([48, 3, {}, "a"])),
            ("other <", json!([8, 48, 3, {}, "wamp.error.no_such_procedure", [], "…"])),
            // What was invoked before may still be answered.
            ("callee >", json!([70, 1, {}, ["late"]])),
            ("other <", json!([50, 2, {}, ["late"]])),
            // The procedure is free again.
            ("other >", json!([64, 4, {}, "a"])),
            ("other <", json!([65, 4, 2])),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_procedure_has_one_callee() {
    check(
        &router(),
        &[
            ("callee >", register(json!({}), "a")),
            ("callee <", json!([65, 1, 1])),
            ("callee >", json!([64, 2, {}, "a"])),
            ("callee <", json!([8, 64, 2, {}, EXISTS, [], "…"])),
            ("other callee >", json!([64, 1, {}, "a"])),
            ("other callee <", json!([8, 64, 1, {}, EXISTS, [], "…"])),
            ("callee lost", json!(null)),
            ("wait", json!(1)),
            ("other callee >", json!([64, 2, {}, "a"])),
            ("other callee <", json!([65, 2, 2])),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_best_match_of_the_specification() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/routing/routing.json");
    let vectors: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let case = &vectors["registration_best_match"];
    let mut steps = Vec::new();
    let mut ids = std::collections::HashMap::new();
    let (mut registered, mut called, mut invoked) = (0_u64, 0_u64, 0_u64);
    for registration in case["registrations"].as_array().unwrap() {
        registered += 1;
        ids.insert(registration["id"].as_u64().unwrap(), (registered, registration["match"] != "exact"));
        let options = json!({"match": registration["match"]});
        steps.push(("callee >", json!([64, registered, options, registration["uri"]])));
        steps.push(("callee <", json!([65, registered, registered])));
    }
    for call in case["calls"].as_array().unwrap() {
        called += 1;
        steps.push(("caller >", json!([48, called, {}, call["uri"]])));
        let Some(expected) = call["expect"].as_u64() else {
            steps.push(("caller <", json!([8, 48, called, {}, "wamp.error.no_such_procedure", [], "…"])));
            continue;
        };
        invoked += 1;
        let (registration, is_pattern) = ids[&expected];
        let details = if is_pattern { json!({"procedure": call["uri"]}) } else { json!({}) };
        steps.push(("callee <", json!([68, invoked, registration, details])));
        steps.push(("callee >", json!([70, invoked, {}])));
        steps.push(("caller <", json!([50, called, {}])));
    }
    assert!(called > 5);
    check(&router(), &steps).await;
}

#[tokio::test(start_paused = true)]
async fn functions_and_clients_side_by_side() {
    // What the client registers, what is called, and who answers.
    let cases: [(&str, &str, &str, Option<&str>); 10] = [
        ("prefix", "served.exact", "served.exact", Some("function")),
        ("prefix", "served.exact", "served.exact.more", None),
        ("exact", "served.more", "served.more", None),
        ("exact", "served.more", "served.less", Some("function of a prefix")),
        ("prefix", "", "served.more", Some("function of a prefix")),
        ("prefix", "", "anything", None),
        ("wildcard", "shop.book.", "shop.book.get", None),
        ("wildcard", "..get", "shop.book.get", Some("function of a wildcard")),
        ("wildcard", "expression.", "expression.a", None),
        ("wildcard", "..", "expression.a", Some("function of an expression")),
    ];
    for (policy, registered, called, answer) in cases {
        let mut steps = vec![
            ("callee >", register(json!({"match": policy}), registered)),
            ("callee <", json!([65, 1, 1])),
            ("caller >", json!([48, 1, {}, called])),
        ];
        match answer {
            Some(answer) => steps.push(("caller <", json!([50, 1, {}, [answer]]))),
            None => {
                let details = if policy == "exact" { json!({}) } else { json!({"procedure": called}) };
                steps.push(("callee <", json!([68, 1, 1, details])));
                steps.push(("callee >", json!([70, 1, {}])));
                steps.push(("caller <", json!([50, 1, {}])));
            }
        }
        check(&with_functions(), &steps).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_handler_gets_what_no_client_has_registered() {
    let app = App::new().router().call_handler(async |call: Call| Ok::<_, RpcError>(call.uri().to_string()));
    check(
        &app,
        &[
            ("callee >", register(json!({"match": "prefix"}), "a")),
            ("callee <", json!([65, 1, 1])),
            ("caller >", json!([48, 1, {}, "b.c"])),
            ("caller <", json!([50, 1, {}, ["b.c"]])),
            ("caller >", json!([48, 2, {}, "a.c"])),
            ("callee <", json!([68, 1, 1, {"procedure": "a.c"}])),
            ("caller >", json!([48, 3, {}, "wamp.session.count"])),
            ("caller <", json!([50, 3, {}, ["wamp.session.count"]])),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn clients_never_get_calls_of_the_protocols_procedures() {
    check(
        &router(),
        &[
            ("callee >", register(json!({"match": "prefix"}), "")),
            ("callee <", json!([65, 1, 1])),
            ("callee >", json!([64, 2, {"match": "wildcard"}, "..count"])),
            ("callee <", json!([65, 2, 2])),
            ("caller >", json!([48, 1, {}, "wamp.session.count"])),
            ("caller <", json!([50, 1, {}, [2]])),
            ("caller >", json!([48, 2, {}, "wamp.no.count"])),
            ("caller <", json!([8, 48, 2, {}, "wamp.error.no_such_procedure", [], "…"])),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn realms_are_isolated() {
    let app = router();
    for serializer in Serializer::ALL {
        let mut callee = join(&app, serializer, "one", "callee").await;
        callee.send(register(json!({}), "a")).await;
        assert_eq!(callee.receive().await, Some(json!([65, 1, 1])));
        let mut caller = join(&app, serializer, "two", "caller").await;
        caller.send(json!([48, 1, {}, "a"])).await;
        assert_eq!(caller.receive().await.unwrap()[4], "wamp.error.no_such_procedure");
        assert!(callee.is_silent().await);
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_be_registered_is_authorized() {
    let app = router().authorizer(async |_: Session, uri: Uri, action: Action| match action.kind() {
        ActionKind::Register if action.match_policy() != MatchPolicy::Exact => Decision::deny(),
        // It takes its time.
        ActionKind::Register => {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            if uri.starts_with("open.") { Decision::allow() } else { Decision::deny() }
        }
        _ => Decision::allow(),
    });
    let denied = |request: u64| json!([8, 64, request, {}, "wamp.error.not_authorized", [], "…"]);
    check(
        &app,
        &[
            ("callee >", register(json!({}), "open.a")),
            ("callee >", json!([64, 2, {}, "closed.a"])),
            ("callee >", json!([64, 3, {"match": "prefix"}, "open."])),
            ("callee <", json!([65, 1, 1])),
            ("callee <", denied(2)),
            ("callee <", denied(3)),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_registration_can_be_taken_over() {
    let revoked = json!([67, 0, {"registration": 1, "reason": "wamp.error.unregistered"}]);
    check(
        &router(),
        &[
            ("callee >", register(json!({}), "a")),
            ("callee <", json!([65, 1, 1])),
            ("caller >", json!([48, 1, {}, "a"])),
            ("callee <", json!([68, 1, 1, {}])),
            ("next callee >", register(json!({"force_reregister": true, "invoke": "first"}), "a")),
            ("next callee <", json!([65, 1, 2])),
            ("callee <", revoked),
            ("callee >", json!([70, 1, {}, ["still"]])),
            ("caller <", json!([50, 1, {}, ["still"]])),
            ("caller >", json!([48, 2, {}, "a"])),
            ("next callee <", json!([68, 1, 2, {}])),
            // With nobody to take it from, it is as any.
            ("callee >", json!([64, 2, {"force_reregister": true}, "b"])),
            ("callee <", json!([65, 2, 3])),
        ],
    )
    .await;
    // Who does not understand it is not told.
    check(
        &router(),
        &[
            ("plain callee >", register(json!({}), "a")),
            ("plain callee <", json!([65, 1, 1])),
            ("callee >", register(json!({"force_reregister": true}), "a")),
            ("callee <", json!([65, 1, 2])),
        ],
    )
    .await;
}
