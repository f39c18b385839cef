//! Several clients from a configuration, on real sockets.

use serverwamp::client::{Clients, ClientsConfig};
use serverwamp::{ConnectError, Error, Inject, Realm, Session};

use super::{App, PATIENCE, start, wamp};

#[wamp::rpc("clients.realm", manual)]
async fn realm(session: Session) -> String {
    session.realm().to_owned()
}

/// Asks by way of another client of the program's.
#[wamp::rpc("clients.elsewhere", manual)]
async fn elsewhere(name: String, clients: Inject<Clients>) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    Ok(clients.get(&name).await?.call("clients.realm", ()).await?)
}

fn app() -> App {
    App::new().routes(serverwamp::routes![realm]).bind("127.0.0.1:0")
}

fn clients(port: u16, rest: &str) -> Clients {
    let text = format!("host = \"127.0.0.1\"\nport = {port}\n{rest}");
    Clients::from_config(ClientsConfig::from_toml(&text).unwrap())
}

#[tokio::test]
async fn each_connects_when_it_is_asked_for() {
    let app = app();
    let handle = app.handle();
    let port = start(app).await.port();
    let clients = clients(port, "[clients.one]\n[clients.two]\nserializer = \"json\"\nrealm = \"other\"");
    assert_eq!(clients.names().collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!(handle.statistics().connections, 0);
    let (one, same) = tokio::join!(clients.get("one"), clients.get("one"));
    let (one, same) = (one.unwrap(), same.unwrap());
    assert_eq!(one.session_id(), same.session_id(), "whoever asks meanwhile gets the same");
    assert_eq!(one.call("clients.realm", ()).await, Ok("one".to_owned()));
    assert_eq!(clients.get("two").await.unwrap().call("clients.realm", ()).await, Ok("other".to_owned()));
    assert!(matches!(clients.get("three").await, Err(Error::Connect(ConnectError::Unusable(_)))));

    // A client that was stopped stays stopped; whoever asks for it gets another one.
    one.stop().await;
    assert!(one.is_over());
    let again = clients.get("one").await.unwrap();
    assert_ne!(again.session_id(), None);
    assert_eq!(again.call("clients.realm", ()).await, Ok("one".to_owned()));
    clients.stop().await;
    assert!(again.is_over());
    assert!(matches!(clients.get("one").await, Err(Error::Connect(ConnectError::Stopped))));
}

#[tokio::test]
async fn one_that_has_failed_for_good_can_be_used_later() {
    // A port that nobody listens on, for now.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let clients = clients(port, "reconnect = false\n[clients.one]");
    let (first, second) = tokio::join!(clients.get("one"), clients.get("one"));
    for failure in [first, second] {
        assert!(matches!(failure, Err(Error::Connect(ConnectError::Unreachable { .. }))), "{failure:?}");
    }
    assert!(clients.connect_all().await.is_err());
    start(App::new().routes(serverwamp::routes![realm]).bind(format!("127.0.0.1:{port}"))).await;
    clients.connect_all().await.unwrap();
    assert_eq!(clients.get("one").await.unwrap().call("clients.realm", ()).await, Ok("one".to_owned()));
}

#[tokio::test]
async fn a_stop_ends_attempts() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let clients = clients(port, "");
    let connecting = tokio::spawn({
        let clients = clients.clone();
        async move { clients.get("default").await.map(drop) }
    });
    tokio::task::yield_now().await;
    tokio::time::timeout(PATIENCE, clients.stop()).await.unwrap();
    let outcome = tokio::time::timeout(PATIENCE, connecting).await.unwrap().unwrap();
    assert!(matches!(outcome, Err(Error::Connect(ConnectError::Stopped))), "{outcome:?}");
}

#[tokio::test]
async fn functions_are_hosted_by_a_named_client_and_ask_others() {
    let router = App::new().realm(Realm::new("one").router()).realm(Realm::new("two").router());
    let port = start(router.bind("127.0.0.1:0")).await.port();
    let config = ClientsConfig::from_toml(&format!("port = {port}\n[clients.one]\n[clients.two]")).unwrap();
    let clients = Clients::from_config(config.clone());
    for (name, routes) in [("one", serverwamp::routes![elsewhere]), ("two", serverwamp::routes![realm])] {
        let component = config.connect(name).unwrap().host_routes(routes).inject(clients.clone());
        let client = component.client();
        tokio::spawn(async move { component.await.expect("a component that runs") });
        client.joined().await.unwrap();
    }
    let one = clients.get("one").await.unwrap();
    assert_eq!(one.call("clients.elsewhere", ["two"]).await, Ok("two".to_owned()));
    clients.stop().await;
}
