//! The example `gatekeeper` decides for Crossbar who may join and what they may do.

#[path = "../../examples/gatekeeper/functions.rs"]
mod functions;

use std::future::IntoFuture;

use serde_json::{Value, json};
use serverwamp::{CallError, Client, Component, ConnectError, Credentials, routes};

use self::functions::{Users, authenticate, authorize};
use super::crossbar::{Crossbar, START_TIME, tcp};
use super::*;

/// Clients log in with tickets; whoever gets to the other port is the gatekeeper.
fn guarded(web_socket: u16, raw_socket: u16) -> Value {
    let gate = json!([{"uri": "gate.", "match": "prefix", "allow": {"register": true}}]);
    let role = |name: &str| json!({"name": name, "authorizer": "gate.authorize"});
    let tickets = json!({"ticket": {"type": "dynamic", "authenticator": "gate.authenticate"}});
    let gatekeepers = json!({"anonymous": {"type": "static", "role": "gatekeeper"}});
    json!({
        "type": "router",
        "realms": [{"name": "realm1", "roles": [
            {"name": "gatekeeper", "permissions": gate}, role("user"), role("clerk")]}],
        "transports": [
            {"type": "websocket", "endpoint": tcp(web_socket), "auth": tickets},
            {"type": "rawsocket", "endpoint": tcp(raw_socket), "serializers": ["cbor"], "auth": gatekeepers},
        ],
    })
}

fn denied<T: std::fmt::Debug>(result: Result<T, CallError>) {
    let error = result.expect_err("a refusal");
    assert_eq!(error.uri(), Some("wamp.error.not_authorized"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crossbar_asks_who_may_do_what() {
    let crossbar = Crossbar::start_with("gatekeeper", guarded);
    let users = Users::new(&[("ada", "engine", "user"), ("charles", "difference", "clerk")]);
    let component = Component::new(crossbar.raw_socket()).routes(routes![authenticate, authorize]).inject(users);
    let gatekeeper = component.client();
    let running = tokio::spawn(component.into_future());
    timeout(START_TIME, gatekeeper.joined()).await.expect("a session in time").expect("a session");

    let url = crossbar.web_socket();
    let join = |user: &str, ticket: &str| {
        Client::connect(url.clone()).credentials(Credentials::ticket(user, ticket)).max_retries(0).into_future()
    };
    for (user, ticket) in [("ada", "difference"), ("nobody", "engine")] {
        match join(user, ticket).await {
            Err(ConnectError::Refused { reason, .. }) => assert_eq!(reason, "wamp.error.authentication_failed"),
            other => panic!("{other:?}"),
        }
    }
    let ada = join("ada", "engine").await.expect("a session");
    let charles = join("charles", "difference").await.expect("a session");
    let role = |client: &Client| client.details().expect("a session").authrole().to_owned();
    assert_eq!((role(&ada), role(&charles)), ("user".to_owned(), "clerk".to_owned()));

    timeout(SCRIPT_TIME, permissions(&ada, &charles)).await.expect("answers in time");
    gatekeeper.stop().await;
    running.await.expect("no panic").expect("a clean end");
    crossbar.stop().await;
}

/// What a user and a clerk may do.
async fn permissions(ada: &Client, charles: &Client) {
    let price = charles.register("shop.price", |id: u64| async move { id * 10 }).await.expect("a registration");
    let mut news = ada.subscribe("shop.news").await.expect("a subscription");
    assert_eq!(ada.call("shop.price", 7).await, Ok(70));
    charles.publish("shop.news", "open").acknowledge().await.expect("a publication");
    assert_eq!(news.next().await.expect("an event").arg(0), Ok("open".to_owned()));
    denied(ada.register("shop.other", || async {}).await);
    denied(ada.publish("shop.news", "closed").acknowledge().await);
    denied(ada.subscribe("elsewhere").await);
    denied(charles.call::<()>("gate.authenticate", ("realm1", "ada", json!({"ticket": "engine"}))).await);
    drop((price, news));
}
