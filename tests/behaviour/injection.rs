//! DESIGN 2.1: values that a caller does not give.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;
use serverwamp::{App, Call, FromCall, Inject, Parameter, Realm, Request, Requirement, RpcError, Session, wamp};
use serverwamp_tests::{Peer, Serializer, check_call, check_error, hello};

struct Greeting(&'static str);

struct Serial(u64);

struct Upper(String);

struct Keyed(String);

/// A user's own extractor, which needs something to be injected.
struct Tenant(String);

impl<'c> FromCall<'c> for Tenant {
    fn from_call(call: &'c Call, parameter: &Parameter<'_, 'c>) -> Result<Tenant, RpcError> {
        match call.uri().as_str() {
            "refused" => Err(RpcError::not_authorized("no tenant")),
            uri => Ok(Tenant(format!("{} {} {uri}", call.session().realm(), parameter.name()))),
        }
    }

    fn requires() -> Vec<Requirement> {
        vec![Requirement::injected::<Greeting>()]
    }
}

#[wamp::rpc]
async fn greet(greeting: Inject<Greeting>, name: &str) -> String {
    format!("{}, {name}", greeting.0)
}

#[wamp::rpc]
async fn serial(serial: Inject<Serial>) -> u64 {
    serial.0
}

#[wamp::rpc]
async fn made(upper: Inject<Upper>, keyed: Inject<Keyed>) -> (String, String) {
    (upper.0.clone(), keyed.0.clone())
}

#[wamp::rpc]
async fn tenant(tenant: Tenant) -> String {
    tenant.0
}

#[wamp::rpc]
async fn refused(_tenant: Tenant) -> i32 {
    1
}

#[wamp::rpc]
async fn in_any_order(a: i64, session: Session, b: i64, request: Request, c: i64) -> (i64, bool, u64) {
    (a * 100 + b * 10 + c, session.authid() == request.caller().unwrap().authid, request.id().get())
}

#[wamp::rpc]
async fn described(request: Request, _rest: serverwamp::Rest, _more: serverwamp::RestKw) -> String {
    format!(
        "{} {:?} {} {:?} {:?} {}",
        request.uri(),
        request.args().iter().map(ToString::to_string).collect::<Vec<_>>(),
        request.kwargs().len(),
        request.options().get("_mine").map(ToString::to_string),
        request.timeout(),
        request.wants_progress(),
    )
}

#[wamp::rpc]
async fn session_facts(session: Session) -> (String, String, String, bool) {
    let again = session.clone();
    session.set(7_u8);
    let kept = again.get::<u8>().as_deref() == Some(&7) && again.get::<u16>().is_none() && again == session;
    (session.realm().to_owned(), session.authrole().to_owned(), session.transport().kind.to_owned(), kept)
}

fn app() -> App {
    let count = AtomicU64::new(0);
    App::discover_in(module_path!())
        .inject(Greeting("Hello"))
        .inject_with(move || Serial(count.fetch_add(1, Ordering::Relaxed)))
        .inject_with(|session: &Session| Upper(session.realm().to_uppercase()))
        .inject_with(|request: &Request| Keyed(request.uri().to_string()))
        .realm(Realm::new("german").inject(Greeting("Guten Tag")))
}

#[tokio::test]
async fn injected_values_take_no_argument_slot() {
    let app = app();
    check_call(&app, "greet", json!([["Ada"]]), json!([["Hello, Ada"]])).await;
    check_call(&app, "in_any_order", json!([[1, 2, 3]]), json!([[123, true, 1]])).await;
    check_call(&app, "made", json!([]), json!([["REALM1", "made"]])).await;
    check_call(&app, "session_facts", json!([]), json!([["realm1", "anonymous", "…", true]])).await;
    check_call(&app, "tenant", json!([]), json!([["realm1 tenant tenant"]])).await;
    check_error(&app, "refused", json!([]), "wamp.error.not_authorized", json!([[], {"message": "no tenant"}])).await;
}

#[tokio::test]
async fn a_caller_cannot_override_them() {
    let app = app();
    let invalid = "wamp.error.invalid_argument";
    for arguments in [json!([["Ada", "Servus"]]), json!([["Ada"], {"greeting": "Servus"}])] {
        check_error(&app, "greet", arguments, invalid, json!([[], {"message": "…"}])).await;
    }
}

#[tokio::test]
async fn a_factory_runs_for_each_call() {
    let app = app();
    let mut peer = Peer::join(&app, Serializer::Json).await;
    for expected in 0..3 {
        peer.send(json!([48, expected + 1, {}, "serial"])).await;
        assert_eq!(peer.receive().await, Some(json!([50, expected + 1, {}, [expected]])));
    }
}

#[tokio::test]
async fn a_realm_has_values_of_its_own() {
    let app = app();
    let mut peer = Peer::connect(&app, Serializer::Cbor);
    peer.send(hello("german")).await;
    assert_eq!(peer.receive().await.unwrap()[2]["realm"], "german");
    peer.send(json!([48, 1, {}, "greet", ["Ada"]])).await;
    assert_eq!(peer.receive().await, Some(json!([50, 1, {}, ["Guten Tag, Ada"]])));
}

#[tokio::test]
async fn the_request_is_what_the_caller_sent() {
    let app = app();
    for serializer in Serializer::ALL {
        let mut peer = Peer::join(&app, serializer).await;
        let options = json!({"_mine": "x", "timeout": 1500, "receive_progress": true});
        peer.send(json!([48, 1, options, "described", [1, "x"], {"k": 1}])).await;
        let expected = r#"described ["1", "\"x\""] 1 Some("\"x\"") Some(1.5s) true"#;
        assert_eq!(peer.receive().await, Some(json!([50, 1, {}, [expected]])), "{serializer}");
    }
}
