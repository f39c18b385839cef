//! The client on real sockets: every transport, with TLS and without.

use std::future::IntoFuture;
use std::time::Duration;

use serverwamp::client::{Connect, Serializer};
use serverwamp::{Authenticated, Credentials as Login, Realm, Session};
use serverwamp::{CallError, Client, ClientCertificates, ClientTls, ConnectError, RealmHandle, SigningKey, TlsConfig};
use serverwamp_tests::certificates::{Authority, Validity};
use tokio::net::TcpListener;

use super::{App, start, wamp};

const SERIALIZERS: [Serializer; 6] = [
    Serializer::Json,
    Serializer::MessagePack,
    Serializer::Cbor,
    Serializer::JsonBatched,
    Serializer::MessagePackBatched,
    Serializer::CborBatched,
];

#[wamp::rpc("client.tell", manual)]
async fn tell(text: String, realm: RealmHandle) -> usize {
    realm.publish("client.told", &text);
    text.len()
}

fn app() -> App {
    App::new()
        .routes(serverwamp::routes![tell, super::add, super::count, super::tls::seen])
        .topics("client.")
        .bind("127.0.0.1:0")
}

/// Calls, with and without progress, and an event, small and large.
async fn check(connect: Connect) {
    let client = connect.max_retries(0).await.unwrap();
    let mut told = client.subscribe("client.told").await.unwrap();
    for length in [1, 1000, 200_000] {
        let text = "ä".repeat(length);
        assert_eq!(client.call("client.tell", [&text]).await, Ok(2 * length));
        assert_eq!(told.next().await.unwrap().arg(0), Ok(text));
    }
    assert_eq!(client.call("add", (2, 3)).await, Ok(5));
    let (parts, result) = client.call("count", [100]).progress::<u32>().await.unwrap().collect().await.unwrap();
    assert_eq!((parts.len(), result), (100, "done".to_owned()));
    let calls = (0..500_i64).map(|number| client.call::<i64>("add", (number, 1)).into_future());
    let sums: Vec<_> = futures_util::future::join_all(calls).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(sums, (1..=500).collect::<Vec<_>>());
    assert_eq!(client.leave("wamp.close.normal", "").await, "wamp.close.goodbye_and_out");
}

#[tokio::test]
async fn every_transport_and_serializer() {
    let path = std::env::temp_dir().join(format!("serverwamp-client-{}", std::process::id()));
    let app = app().bind(format!("unix:{}", path.display()));
    let address = start(app).await;
    for serializer in SERIALIZERS {
        check(Client::connect(format!("ws://{address}/ws")).serializers([serializer])).await;
    }
    for serializer in &SERIALIZERS[..3] {
        check(Client::connect(format!("rs://{address}")).serializers([*serializer])).await;
        check(Client::connect(format!("unix:{}", path.display())).serializers([*serializer])).await;
    }
    check(Client::connect(format!("ws://localhost:{}", address.port()))).await;
}

#[tokio::test]
async fn over_tls() {
    let (authority, stranger) = (Authority::new("ours"), Authority::new("somebody's"));
    let server = authority.sign("localhost", Validity::Now);
    let tls = TlsConfig::from_pem(server.certificate, server.key)
        .client_certificates(ClientCertificates::optional(authority.pem()));
    let address = start(app().tls(tls)).await;
    let trusting = ClientTls::new().authority(authority.pem());
    for url in
        [format!("wss://localhost:{}/ws", address.port()), format!("wss://{address}/ws"), format!("rss://{address}")]
    {
        check(Client::connect(&url).tls(trusting.clone())).await;
    }
    let url = format!("wss://{address}/ws");
    let mine = authority.sign("me", Validity::Now);
    let shown = trusting.clone().certificate(mine.certificate, mine.key);
    let client = Client::connect(&url).tls(shown).await.unwrap();
    type Seen = (String, Option<String>, Option<String>, Option<serde_bytes::ByteBuf>, usize);
    let seen: Seen = client.call("tls", ()).await.unwrap();
    assert_eq!((seen.0.as_str(), seen.2.as_deref(), seen.4), ("TLSv1.3", Some("http/1.1"), 1));

    let theirs = stranger.sign("me", Validity::Now);
    for (tls, expected) in [
        (ClientTls::new(), "invalid peer certificate"),
        (ClientTls::new().authority(stranger.pem()), "invalid peer certificate"),
        (ClientTls::new().authority("no PEM"), "no certificate found"),
        (ClientTls::new().authority_file("/no/such/file"), "/no/such/file"),
        (trusting.clone().certificate(theirs.certificate, theirs.key), ""),
    ] {
        let error = Client::connect(&url).tls(tls).max_retries(0).await.unwrap_err();
        let text = error.to_string();
        // In a sandbox the operating system may trust nobody, which is an error of its own.
        assert!(text.contains(expected) || text.contains("names no authority"), "{text}");
        assert!(matches!(error, ConnectError::Unreachable { .. } | ConnectError::Refused { .. }), "{text}");
    }
}

#[tokio::test]
async fn a_login_is_bound_to_the_connection() {
    let authority = Authority::new("ours");
    let server = authority.sign("localhost", Validity::Now);
    let key = SigningKey::from_hex("4ffddd896a530ce5ee8c86b83b0d31835490a97a9cd718cb2f09c9fd31c4a7d7").unwrap();
    let known = key.public_key();
    let by_key = move |_: Session, key: serverwamp::PublicKey| {
        let known = key == known;
        async move { known.then(|| Authenticated::new(()).authid("joe").role("user")) }
    };
    let realm = Realm::new("customers").routes(serverwamp::routes![super::add]).cryptosign_authenticator(by_key);
    let app = App::new().realm(realm).default_realm(false).bind("127.0.0.1:0");
    let address = start(app.tls(TlsConfig::from_pem(server.certificate, server.key))).await;
    for url in [format!("wss://{address}/ws"), format!("rss://{address}")] {
        let login = Login::cryptosign(key.clone()).channel_binding();
        let tls = ClientTls::new().authority(authority.pem());
        let client = Client::connect(url).realm("customers").credentials(login).tls(tls).max_retries(0).await.unwrap();
        assert_eq!(client.details().unwrap().authid(), "joe");
        assert_eq!(client.call("add", (1, 2)).await, Ok(3));
    }
}

#[tokio::test]
async fn what_answers_is_no_router() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 418 I'm a teapot\r\n\r\nshort and stout\n")
                .await
                .unwrap();
        }
    });
    for (url, expected) in [
        (format!("ws://{address}"), "418 I'm a teapot: short and stout"),
        (format!("rs://{address}"), "does not speak RawSocket"),
    ] {
        let error = Client::connect(&url).max_retries(0).await.unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains(&url), "{error}");
    }
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = Client::connect(format!("ws://{closed}")).max_retries(0).await.unwrap_err();
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
    let error = Client::connect("unix:/no/such/socket").max_retries(0).await.unwrap_err();
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn a_server_that_goes_and_comes_back() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let client = {
        let app = app().bind(address);
        let handle = app.handle();
        let running = tokio::spawn(app.into_future());
        handle.addresses().await;
        let client = Client::connect(format!("ws://{address}")).await.unwrap();
        handle.shutdown();
        running.await.unwrap().unwrap();
        client
    };
    assert_eq!(client.call::<i64>("add", (1, 2)).await, Err(CallError::NotConnected));
    start(app().bind(address)).await;
    tokio::time::timeout(Duration::from_secs(60), client.joined()).await.unwrap().unwrap();
    assert_eq!(client.call("add", (1, 2)).await, Ok(3));
}

#[tokio::test]
async fn addresses_are_tried_in_turn() {
    let address = start(app()).await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let connect = Client::connect(format!("ws://{closed}")).url("unix:/no/such/socket").url(format!("rs://{address}"));
    let client = connect.reconnect(serverwamp::client::Reconnect::never()).await.unwrap();
    assert_eq!(client.call("add", (1, 2)).await, Ok(3));
    client.stop().await;
}

const OPENSSH: &str = "-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW
QyNTUxOQAAACBEvMtXUphNXX1iOXldbIztkDrIA+FbHEtfM9jseMD8DAAAAIhZtj5VWbY+
VQAAAAtzc2gtZWQyNTUxOQAAACBEvMtXUphNXX1iOXldbIztkDrIA+FbHEtfM9jseMD8DA
AAAECzJnFMQsV5FEYTISxi0YwqtkRhfC/8PmTvLUeU+uJclUS8y1dSmE1dfWI5eV1sjO2Q
OsgD4VscS18z2Ox4wPwMAAAABHRlc3QB
-----END OPENSSH PRIVATE KEY-----
";

#[test]
fn keys_as_openssh_writes_them() {
    let key = SigningKey::from_openssh(OPENSSH).unwrap();
    assert_eq!(key.public_key().to_hex(), "44bccb5752984d5d7d6239795d6c8ced903ac803e15b1c4b5f33d8ec78c0fc0c");
    for wrong in ["", "-----BEGIN OPENSSH PRIVATE KEY-----", &OPENSSH.replace("b3BlbnNzaC1rZXk", "b3BlbnNzaC1rZXl")] {
        let error = SigningKey::from_openssh(wrong).unwrap_err();
        assert!(error.to_string().contains("Ed25519 key that is not encrypted"), "{error}");
    }
}
