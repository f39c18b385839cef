//! DESIGN 2.2: arguments fill parameters by Python's calling rules.

use serde_json::{Value, json};
use serverwamp::{App, Rest, RestKw, wamp};
use serverwamp_tests::{check_call, check_error};

#[wamp::rpc("sub")]
async fn sub(a: i64, b: i64) -> i64 {
    a - b
}

#[wamp::rpc("default")]
async fn default(a: i64, #[wamp(default = 40)] b: i64) -> i64 {
    a + b
}

#[wamp::rpc("default.first")]
async fn default_first(#[wamp(default = 1)] a: i64, b: i64) -> i64 {
    a * 100 + b
}

#[wamp::rpc("default.value")]
async fn default_value(#[wamp(default)] names: Vec<String>) -> usize {
    names.len()
}

#[wamp::rpc("optional")]
async fn optional(a: Option<i64>, b: Option<&str>) -> String {
    format!("{a:?} {b:?}")
}

#[wamp::rpc("keyword")]
async fn keyword(a: i64, #[wamp(keyword)] b: i64) -> i64 {
    a - b
}

#[wamp::rpc("renamed", rename_all = "camelCase")]
async fn renamed(first_name: &str, #[wamp(rename = "class")] class_: &str) -> String {
    format!("{first_name} {class_}")
}

#[wamp::rpc("lenient", lenient)]
async fn lenient(a: i64) -> i64 {
    a
}

#[wamp::rpc("rest")]
async fn rest(a: i64, rest: Rest<i64>, b: Option<i64>) -> Vec<i64> {
    let mut all = vec![a, b.unwrap_or(-1)];
    all.extend(rest);
    all
}

#[wamp::rpc("rest.keywords")]
async fn rest_keywords(a: i64, rest: RestKw<i64>) -> String {
    format!("{a} {:?}", rest.0)
}

#[wamp::rpc("none")]
async fn none() {}

type Alias = Option<i64>;

#[wamp::rpc("alias")]
async fn alias(a: Alias) -> bool {
    a.is_none()
}

fn app() -> App {
    App::discover_in(module_path!())
}

#[tokio::test]
async fn arguments_reach_their_parameters() {
    let cases = [
        ("sub", json!([[5, 3]]), json!([[2]])),
        ("sub", json!([[], {"a": 5, "b": 3}]), json!([[2]])),
        ("sub", json!([[], {"b": 3, "a": 5}]), json!([[2]])),
        ("sub", json!([[5], {"b": 3}]), json!([[2]])),
        ("default", json!([[2]]), json!([[42]])),
        ("default", json!([[2, 3]]), json!([[5]])),
        ("default", json!([[2], {"b": 5}]), json!([[7]])),
        ("default.first", json!([[], {"b": 7}]), json!([[107]])),
        ("default.first", json!([[3, 7]]), json!([[307]])),
        ("default.value", json!([]), json!([[0]])),
        ("default.value", json!([[["x", "y"]]]), json!([[2]])),
        ("optional", json!([]), json!([["None None"]])),
        ("optional", json!([[null, "x"]]), json!([["None Some(\"x\")"]])),
        ("optional", json!([[7]]), json!([["Some(7) None"]])),
        ("keyword", json!([[5], {"b": 3}]), json!([[2]])),
        ("renamed", json!([["Ada", "x"]]), json!([["Ada x"]])),
        ("renamed", json!([[], {"firstName": "Ada", "class": "x"}]), json!([["Ada x"]])),
        ("lenient", json!([[1, 2, 3], {"z": 1}]), json!([[1]])),
        ("rest", json!([[1]]), json!([[1, -1]])),
        ("rest", json!([[1, 2, 3], {"b": 9}]), json!([[1, 9, 2, 3]])),
        ("rest.keywords", json!([[1], {"y": 2, "x": 3}]), json!([["1 {\"x\": 3, \"y\": 2}"]])),
        ("none", json!([]), json!([])),
        ("none", json!([[], {}]), json!([])),
        ("alias", json!([]), json!([[true]])),
    ];
    let app = app();
    for (procedure, arguments, result) in cases {
        check_call(&app, procedure, arguments, result).await;
    }
}

#[tokio::test]
async fn mistakes_are_named() {
    let cases = [
        ("sub", json!([]), "missing arguments: `a`, `b`"),
        ("sub", json!([[1]]), "missing argument: `b`"),
        ("sub", json!([[], {"b": 1}]), "missing argument: `a`"),
        ("sub", json!([[1, 2, 3]]), "expected at most 2 positional arguments, got 3"),
        ("sub", json!([[1, 2], {"b": 1}]), "argument `b` was given twice"),
        ("sub", json!([[1, 2], {"zzz": 4}]), "unknown keyword argument `zzz`, expected one of `a`, `b`"),
        ("none", json!([[1]]), "expected no positional arguments, got 1"),
        ("none", json!([[], {"x": 1}]), "unknown keyword argument `x`, expected none"),
        ("keyword", json!([[5, 3]]), "expected at most 1 positional argument, got 2"),
        ("keyword", json!([[5]]), "missing argument: `b`"),
        ("renamed", json!([["Ada"]]), "missing argument: `class`"),
        ("lenient", json!([]), "missing argument: `a`"),
        ("rest", json!([[1, 2, "x"]]), "argument `rest[1]`: invalid type: string \"x\", expected i64"),
        ("rest.keywords", json!([[1], {"y": "x"}]), "argument `y`: invalid type: string \"x\", expected i64"),
    ];
    let app = app();
    for (procedure, arguments, message) in cases {
        let payload = json!([[], {"message": message}]);
        check_error(&app, procedure, arguments, "wamp.error.invalid_argument", payload).await;
    }
}

#[tokio::test]
async fn an_annotated_function_stays_a_function() {
    assert_eq!(sub(5, 3).await, 2);
    assert_eq!(renamed("a", "b").await, "a b");
    assert_eq!(Value::from(rest(1, Rest(vec![2]), None).await), json!([1, -1, 2]));
}
