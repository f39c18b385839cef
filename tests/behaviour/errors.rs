//! DESIGN 2.3: how a handler fails.

use std::fmt;

use serde_json::json;
use serverwamp::{App, RpcError, WampError, wamp};
use serverwamp_tests::{Peer, Serializer, check, check_error};

#[derive(Debug, PartialEq, WampError)]
#[wamp(prefix = "app.error")]
enum Problem {
    NotFound {
        id: u64,
        name: String,
    },
    Denied(String, i32),
    Gone,
    #[wamp(uri = "other.busy")]
    Busy,
    #[wamp(internal)]
    Database(#[allow(dead_code)] String),
}

#[derive(Debug, PartialEq, WampError)]
#[wamp(prefix = "app")]
struct TooPoor {
    #[wamp(rename = "missingAmount")]
    missing: f64,
}

#[derive(Debug)]
struct Foreign;

impl fmt::Display for Foreign {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("secret text")
    }
}

impl std::error::Error for Foreign {}

#[wamp::rpc]
async fn fail(how: &str) -> Result<(), Problem> {
    Err(match how {
        "not_found" => Problem::NotFound { id: 7, name: "x".to_owned() },
        "denied" => Problem::Denied("no".to_owned(), 3),
        "gone" => Problem::Gone,
        "busy" => Problem::Busy,
        _ => Problem::Database("secret".to_owned()),
    })
}

#[wamp::rpc]
async fn poor() -> Result<i32, TooPoor> {
    Err(TooPoor { missing: 1.5 })
}

#[wamp::rpc]
async fn foreign() -> Result<i32, Foreign> {
    Err(Foreign)
}

#[wamp::rpc]
async fn boxed() -> Result<i32, Box<dyn std::error::Error + Send + Sync>> {
    "x".parse::<i32>()?;
    Ok(1)
}

#[wamp::rpc]
async fn text() -> Result<i32, String> {
    Err("secret".to_owned())
}

#[wamp::rpc]
async fn ad_hoc() -> Result<i32, RpcError> {
    Err(RpcError::new("my.error").arg(1).arg("ü").kwarg("data", vec![1u8, 2]))
}

#[wamp::rpc]
async fn by_default() -> Result<i32, RpcError> {
    Err(RpcError::default())
}

#[wamp::rpc]
async fn no_uri() -> Result<i32, RpcError> {
    Err(RpcError::new("not a uri").arg("secret"))
}

#[wamp::rpc]
async fn panics(late: bool) -> i32 {
    if late {
        tokio::task::yield_now().await;
    }
    panic!("secret")
}

#[wamp::rpc(blocking)]
fn panics_blocking() {
    panic!("secret")
}

#[wamp::rpc(detached)]
async fn panics_detached() {
    panic!("secret")
}

#[wamp::rpc]
async fn alive() -> bool {
    true
}

fn app() -> App {
    App::discover_in(module_path!())
}

#[tokio::test]
async fn errors_reach_the_caller() {
    let runtime_error = "wamp.error.runtime_error";
    let cases = [
        ("fail", json!([["not_found"]]), "app.error.not_found", json!([[], {"id": 7, "name": "x"}])),
        ("fail", json!([["denied"]]), "app.error.denied", json!([["no", 3]])),
        ("fail", json!([["gone"]]), "app.error.gone", json!([])),
        ("fail", json!([["busy"]]), "other.busy", json!([])),
        ("fail", json!([["database"]]), runtime_error, json!([])),
        ("poor", json!([]), "app.too_poor", json!([[], {"missingAmount": 1.5}])),
        ("foreign", json!([]), runtime_error, json!([])),
        ("boxed", json!([]), runtime_error, json!([])),
        ("text", json!([]), runtime_error, json!([])),
        ("ad_hoc", json!([]), "my.error", json!([[1, "ü"], {"data": "\0AQI="}])),
        ("by_default", json!([]), runtime_error, json!([])),
        ("no_uri", json!([]), runtime_error, json!([])),
    ];
    let app = app();
    for (procedure, arguments, error, payload) in cases {
        check_error(&app, procedure, arguments, error, payload).await;
    }
}

#[tokio::test]
async fn a_panic_is_a_runtime_error_and_the_session_lives() {
    let app = app();
    for (procedure, arguments) in [
        ("panics", json!([false])),
        ("panics", json!([true])),
        ("panics_blocking", json!([])),
        ("panics_detached", json!([])),
    ] {
        for serializer in Serializer::ALL {
            let mut peer = Peer::join(&app, serializer).await;
            peer.send(json!([48, 1, {}, procedure, arguments])).await;
            assert_eq!(peer.receive().await, Some(json!([8, 48, 1, {}, "wamp.error.runtime_error"])));
            peer.send(json!([48, 2, {}, "alive"])).await;
            assert_eq!(peer.receive().await, Some(json!([50, 2, {}, [true]])));
        }
    }
}

#[tokio::test]
async fn an_unknown_procedure_is_named() {
    let message = json!({"message": "no procedure `no.such` is registered"});
    let error = json!([8, 48, 1, {}, "wamp.error.no_such_procedure", [], message]);
    check(&app(), json!([48, 1, {}, "no.such"]), &[error]).await;
}

#[test]
fn errors_are_read_back() {
    let problems = [
        Problem::NotFound { id: 7, name: "x".to_owned() },
        Problem::Denied("no".to_owned(), 3),
        Problem::Gone,
        Problem::Busy,
    ];
    for problem in problems {
        let shown = format!("{problem:?}");
        let error = problem.into_rpc_error();
        assert_eq!(format!("{:?}", Problem::from_rpc_error(&error).unwrap()), shown);
    }
    assert_eq!(Problem::from_rpc_error(&RpcError::new("app.error.unheard_of")), None);
    assert_eq!(Problem::from_rpc_error(&RpcError::new("app.error.not_found")), None, "its fields are missing");
    assert_eq!(TooPoor::from_rpc_error(&TooPoor { missing: 2.0 }.into_rpc_error()), Some(TooPoor { missing: 2.0 }));
}
