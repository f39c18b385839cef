//! The example `gatekeeper` decides for Crossbar, and for our own router, who may join and what they may do.

#[path = "../../examples/gatekeeper/functions.rs"]
mod functions;

use std::future::IntoFuture;

use serde_json::{Value, json};
use serverwamp::{
    ActionKind, Authenticated, CallError, Client, Component, ConnectError, Credentials, DynamicAuthenticator,
    DynamicAuthorizer, MatchPolicy, Realm, Rules, Session, routes,
};

use self::functions::{Users, authenticate, authorize};
use super::crossbar::{Crossbar, START_TIME, free_ports, tcp};
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

/// The same in our own router.
fn realm() -> Realm {
    let all = ActionKind::ALL;
    let rules = Rules::new()
        .allow("gatekeeper", "gate.", MatchPolicy::Prefix, [ActionKind::Register])
        .allow("user", "", MatchPolicy::Prefix, all)
        .allow("clerk", "", MatchPolicy::Prefix, all);
    Realm::new("realm1")
        .router()
        .rules(rules)
        .allow_plain_tickets()
        .transport_authenticator(async |session: Session| {
            (session.transport().kind == "rawsocket").then(|| Authenticated::new(()).authid("gate").role("gatekeeper"))
        })
        .dynamic_authenticator(
            DynamicAuthenticator::new("gate.authenticate").methods(["ticket"]).roles(["user", "clerk"]),
        )
        .dynamic_authorizer(DynamicAuthorizer::new("gate.authorize").for_roles("user | clerk"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crossbar_asks_who_may_do_what() {
    let [web_socket, raw_socket] = free_ports();
    let crossbar = Crossbar::start("gatekeeper", &guarded(web_socket, raw_socket));
    let (url, raw_socket) = (format!("ws://127.0.0.1:{web_socket}/"), format!("rs://127.0.0.1:{raw_socket}"));
    judge(&url, &raw_socket, "wamp.error.authentication_failed").await;
    crossbar.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_router_asks_who_may_do_what() {
    let server = Server::start(App::new().default_realm(false).realm(realm())).await;
    judge(&server.web_socket(), &server.raw_socket(), "wamp.error.authentication_denied").await;
    server.stop().await;
}

/// Has the gatekeeper join at one address and clients at the other. Whom it does not let in is refused for this reason.
async fn judge(url: &str, raw_socket: &str, refusal: &str) {
    let users = Users::new(&[("ada", "engine", "user"), ("charles", "difference", "clerk")]);
    let component = Component::new(raw_socket).routes(routes![authenticate, authorize]).inject(users);
    let gatekeeper = component.client();
    let running = tokio::spawn(component.into_future());
    timeout(START_TIME, gatekeeper.joined()).await.expect("a session in time").expect("a session");

    let join = |user: &str, ticket: &str| {
        Client::connect(url).credentials(Credentials::ticket(user, ticket)).max_retries(0).into_future()
    };
    for (user, ticket) in [("ada", "difference"), ("nobody", "engine")] {
        match join(user, ticket).await {
            Err(ConnectError::Refused { reason, .. }) => assert_eq!(reason, refusal),
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
