//! What a trusted proxy says of its clients, on the server's own ports.

use serde_json::json;
use serverwamp::{Authenticated, CraCredential, Limits, Realm, TrustedProxies, routes};
use serverwamp_tests::login;

use super::*;

over_every_line!(
    clients_are_known_behind_trusted_proxies,
    failed_attempts_count_by_the_clients_own_address,
    pages_of_this_machine_are_no_exception_behind_a_proxy,
);

#[wamp::rpc("peer", manual)]
async fn peer(session: Session) -> (Option<String>, bool) {
    let transport = session.transport();
    (transport.peer.map(|peer| peer.ip().to_string()), transport.proxy.is_some())
}

async fn clients_are_known_behind_trusted_proxies(line: Line) {
    let here = Some("127.0.0.1");
    let both = [("x-forwarded-for", "198.51.100.1"), ("forwarded", "for=198.51.100.2")];
    for (trusted, fields, expected) in [
        (TrustedProxies::from(["127.0.0.0/8"]), &both[..], (Some("198.51.100.1"), true)),
        (TrustedProxies::forwarded(["127.0.0.1"]), &both, (Some("198.51.100.2"), true)),
        (TrustedProxies::from(["127.0.0.1", "198.51.100.1"]), &both, (Some("198.51.100.1"), true)),
        (TrustedProxies::from(["127.0.0.1"]), &[], (here, false)),
        (TrustedProxies::from(["127.0.0.1"]), &[("x-forwarded-for", "198.51.100.1, nonsense")], (here, true)),
        (
            TrustedProxies::from(["127.0.0.1"]),
            &[("x-forwarded-for", "1.2.3.4, 198.51.100.1")],
            (Some("198.51.100.1"), true),
        ),
        (TrustedProxies::from(["10.0.0.0/8", "unix"]), &both, (here, false)),
        (TrustedProxies::default(), &both, (here, false)),
    ] {
        let place = line.start(app().routes(routes![peer]).trusted_proxies(trusted.clone())).await;
        let mut client = Client::open(place, "/ws", fields).await;
        client.hello().await;
        client.send(json!([48, 1, {}, "peer"])).await;
        assert_eq!(client.receive().await, Some(json!([50, 1, {}, expected])), "{trusted:?} {fields:?}");
    }
}

async fn secret_of(_: Session) -> Option<CraCredential> {
    Some(CraCredential::password("pencil"))
}

async fn identity_of(_: Session) -> Option<Authenticated> {
    Some(Authenticated::new(()))
}

/// Logs in from an address, as a proxy says. Returns whether that went well.
async fn logs_in(place: Place, from: &str, secret: &str) -> bool {
    let mut client = Client::open(place, "/ws", &[("x-forwarded-for", from)]).await;
    client.send(json!([1, "realm1", {"roles": {"caller": {}}, "authmethods": ["wampcra"], "authid": "joe"}])).await;
    let challenge = client.receive().await.unwrap();
    client.send(login::cra(secret, &challenge[2])).await;
    client.receive().await.unwrap()[0] == 2
}

async fn failed_attempts_count_by_the_clients_own_address(line: Line) {
    let realm = || Realm::new("realm1").cra_authenticator(secret_of, identity_of);
    let limited = || app().realm(realm()).limits(Limits { authentication_attempts: 3, ..Limits::default() });
    for (app, apart) in [(limited().trusted_proxies(["127.0.0.1"]), true), (limited(), false)] {
        let place = line.start(app).await;
        for _ in 0..3 {
            // What a client adds itself does not help.
            assert!(!logs_in(place, "192.0.2.200, 198.51.100.1", "wrong").await);
        }
        assert!(!logs_in(place, "192.0.2.201, 198.51.100.1", "pencil").await, "too many have failed");
        assert_eq!(logs_in(place, "198.51.100.1, 198.51.100.2", "pencil").await, apart, "from another address");
    }
}

async fn pages_of_this_machine_are_no_exception_behind_a_proxy(line: Line) {
    let place = line.start(app().trusted_proxies(["127.0.0.1"])).await;
    for (fields, expected) in [
        (&[("origin", "http://localhost:3000")][..], true),
        (&[("origin", "http://localhost:3000"), ("x-forwarded-for", "198.51.100.1")], false),
        (
            &[("origin", "https://a.example"), ("x-forwarded-for", "198.51.100.1"), ("x-forwarded-host", "a.example")],
            true,
        ),
        (&[("origin", "https://a.example"), ("x-forwarded-host", "a.example")], false),
    ] {
        // Not the host that a test would have by its address.
        let fields: Vec<_> = fields.iter().copied().chain([("host", "inner.example:8080")]).collect();
        let opened = Client::try_open(place, "/ws", &fields).await;
        assert_eq!(opened.is_some(), expected, "{fields:?}");
    }
}
