//! What only TLS has: handshakes, certificates, and what a connection says of them.

use std::fs;
use std::path::PathBuf;

use serde_json::json;
use serverwamp::rustls::ServerConfig;
use serverwamp::rustls::server::NoServerSessionStorage;
use serverwamp::{ClientCertificates, Error, Limits, RpcError, Subscription, TlsConfig, TlsInfo};
use serverwamp_tests::certificates::{Authority, Credentials, Validity};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::time::{Instant, sleep};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::version::{TLS12, TLS13};

use super::line::{TlsClient, file, localhost, tcp};
use super::*;

type TlsStream = tokio_rustls::client::TlsStream<TcpStream>;

/// Version, name, ALPN, and the client's certificate with how many there are.
type Seen = (&'static str, Option<String>, Option<String>, Option<serde_bytes::ByteBuf>, usize);

#[wamp::rpc("tls")]
pub(super) async fn seen(session: Session) -> Option<Seen> {
    let tls = session.transport().tls.as_ref()?;
    let alpn = tls.alpn.as_ref().map(|name| String::from_utf8(name.clone()).unwrap());
    let certificate = tls.client_certificate().map(|octets| octets.to_vec().into());
    Some((tls.version, tls.server_name.clone(), alpn, certificate, tls.client_certificates.len()))
}

/// Tells the subscriber which certificate it has shown; others may not subscribe.
#[wamp::subscribe("tls.certificate")]
async fn certificate(session: Session, subscription: Subscription) -> Result<(), RpcError> {
    let tls = session.transport().tls.as_ref();
    let Some(certificate) = tls.and_then(TlsInfo::client_certificate) else {
        return Err(RpcError::not_authorized("no certificate"));
    };
    let _ = subscription.send(serde_bytes::Bytes::new(certificate));
    Ok(())
}

async fn connect(address: SocketAddr, client: TlsClient) -> std::io::Result<TlsStream> {
    client.handshake(tcp(address).await).await
}

async fn join(address: SocketAddr, client: TlsClient) -> Client {
    over(connect(address, client).await.unwrap(), address).await
}

async fn over(stream: TlsStream, address: SocketAddr) -> Client {
    let mut client = Client::over(Box::new(stream), address, "/ws", &[]).await;
    client.hello().await;
    client
}

/// What the session's handlers can know.
async fn ask(client: &mut Client) -> Value {
    client.send(json!([48, 5, {}, "tls"])).await;
    client.receive().await.unwrap().get(3).cloned().unwrap_or_default()
}

/// Asserts that a server refuses a client, in the handshake or, as the client believes, right after it.
async fn assert_refused(address: SocketAddr, client: TlsClient, alert: &str) {
    let ended = match connect(address, client).await {
        Ok(mut stream) => tokio::time::timeout(PATIENCE, stream.read_u8()).await.unwrap().map(drop),
        Err(error) => Err(error),
    };
    let error = ended.unwrap_err().to_string();
    assert!(error.contains(alert), "{error}");
}

fn der(credentials: &Credentials) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(credentials.certificate.as_bytes()).unwrap()
}

/// A certificate as a JSON client gets it.
fn in_json(credentials: &Credentials) -> String {
    use base64::Engine;
    format!("\0{}", base64::engine::general_purpose::STANDARD.encode(der(credentials)))
}

// ------------------------------------------------------------ handshakes

#[tokio::test]
async fn versions() {
    let place = Line::Tls.start(app()).await;
    for (version, name) in [(&TLS12, "TLSv1.2"), (&TLS13, "TLSv1.3")] {
        let mut client = join(place.address, localhost().client().version(version)).await;
        assert_eq!(ask(&mut client).await, json!([name, "localhost", null, null, 0]));
        client.assert_alive().await;
    }
}

#[tokio::test]
async fn versions_before_1_2_are_refused() {
    let place = Line::Tls.start(app()).await;
    for minor in [0x00, 0x01, 0x02] {
        // A ClientHello of SSL 3.0, TLS 1.0 or 1.1 with one cipher suite and one signature algorithm.
        let mut hello = vec![0x16, 0x03, minor, 0x00, 0x37, 0x01, 0x00, 0x00, 0x33, 0x03, minor];
        hello.extend([7; 32]);
        hello.extend([0x00, 0x00, 0x02, 0x00, 0x2f, 0x01, 0x00]);
        hello.extend([0x00, 0x08, 0x00, 0x0d, 0x00, 0x04, 0x00, 0x02, 0x04, 0x03]);
        let mut stream = tcp(place.address).await;
        stream.write_all(&hello).await.unwrap();
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap();
        assert_eq!((answer[0], &answer[5..]), (0x15, &[0x02, 70][..]), "the alert protocol_version, and nothing else");
    }
    Client::join(place).await.assert_alive().await;
}

#[tokio::test]
async fn protocols() {
    let place = Line::Tls.start(app()).await;
    let client = localhost().client().alpn("h2").alpn("http/1.1");
    assert_eq!(ask(&mut join(place.address, client).await).await[2], "http/1.1");
    assert_refused(place.address, localhost().client().alpn("h2"), "NoApplicationProtocol").await;
}

#[tokio::test]
async fn clients_refuse_servers_they_cannot_trust() {
    let other = Authority::new("somebody else");
    let expired = localhost().authority.sign("localhost", Validity::Expired);
    let expired = TlsConfig::from_pem(expired.certificate, expired.key);
    for (app, client, expected) in [
        (app().tls(localhost().config()), TlsClient::trusting(&other), "UnknownIssuer"),
        (app().tls(expired), localhost().client(), "expired"),
    ] {
        let address = start(app).await;
        let error = connect(address, client).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn client_certificates() {
    let authority = Authority::new("the clients' authority");
    let (good, expired) = (authority.sign("joe", Validity::Now), authority.sign("joe", Validity::Expired));
    let wrong = localhost().authority.sign("joe", Validity::Now);
    let client = || localhost().client();
    for (asked, required) in
        [(ClientCertificates::required(authority.pem()), true), (ClientCertificates::optional(authority.pem()), false)]
    {
        let address = start(app().tls(localhost().config().client_certificates(asked))).await;
        for version in [&TLS12, &TLS13] {
            let client = || client().version(version);
            assert_refused(address, client().with(wrong.clone()), "received fatal alert").await;
            assert_refused(address, client().with(expired.clone()), "CertificateExpired").await;
            let mut joe = join(address, client().with(good.clone())).await;
            let seen = ask(&mut joe).await;
            assert_eq!((&seen[3], &seen[4]), (&json!(in_json(&good)), &json!(1)));
            if required {
                assert_refused(address, client(), "received fatal alert").await;
            } else {
                assert_eq!(ask(&mut join(address, client()).await).await[3], json!(null));
            }
        }
    }
}

#[tokio::test]
async fn subscribe_functions_see_the_certificate() {
    let authority = Authority::new("the clients' authority");
    let good = authority.sign("joe", Validity::Now);
    let asked = ClientCertificates::optional(authority.pem());
    let address = start(app().tls(localhost().config().client_certificates(asked))).await;
    let subscribe = json!([32, 1, {}, "tls.certificate"]);
    let mut joe = join(address, localhost().client().with(good.clone())).await;
    joe.send(subscribe.clone()).await;
    assert_eq!(joe.receive().await.unwrap()[0], 33);
    assert_eq!(joe.receive().await.unwrap()[4], json!([in_json(&good)]));
    let mut nobody = join(address, localhost().client()).await;
    nobody.send(subscribe).await;
    assert_eq!(nobody.receive().await.unwrap()[4], "wamp.error.not_authorized");
}

#[tokio::test(start_paused = true)]
async fn the_handshake_and_the_upgrade_have_one_limit() {
    let app = app();
    let handle = app.handle();
    let place = Line::Tls.start(app).await;
    let began = Instant::now();
    let mut silent = tcp(place.address).await;
    let slow = tcp(place.address).await;
    sleep(Duration::from_secs(3)).await;
    let mut slow = localhost().client().handshake(slow).await.unwrap();
    let mut octets = Vec::new();
    silent.read_to_end(&mut octets).await.unwrap();
    assert!(octets.is_empty());
    let _ = slow.read_to_end(&mut octets).await;
    assert!(octets.is_empty());
    assert_eq!(began.elapsed().as_secs(), Limits::default().upgrade_timeout.as_secs());
    assert_eq!(handle.statistics().limits.get("upgrade_timeout"), Some(&2));
}

#[tokio::test]
async fn nobody_waits_for_the_handshakes_of_others() {
    let place = Line::Tls.start(app()).await;
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(tcp(place.address).await);
    }
    Client::join(place).await.assert_alive().await;
    drop(silent);
}

#[tokio::test]
async fn connections_limit_drops() {
    let app = app().limits(Limits { connections: 1, ..Limits::default() });
    let handle = app.handle();
    let place = Line::Tls.start(app).await;
    let mut first = Client::join(place).await;
    let mut second = tcp(place.address).await;
    let mut answer = Vec::new();
    tokio::time::timeout(PATIENCE, second.read_to_end(&mut answer)).await.unwrap().unwrap();
    assert!(answer.is_empty(), "{answer:?}");
    assert_eq!(handle.statistics().limits.get("connections"), Some(&1));
    first.assert_alive().await;
}

#[tokio::test]
async fn what_is_not_tls_is_dropped() {
    let place = Line::Tls.start(app()).await;
    for octets in [
        &b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\r\n"[..],
        &[0x7f, 0xf1, 0, 0],
        &[0; 5000],
        &[0x16, 0x03, 0x01, 0xff, 0xff, 0x01],
    ] {
        let mut stream = tcp(place.address).await;
        stream.write_all(octets).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("it is dropped");
        // At most an alert.
        assert!(answer.is_empty() || answer[0] == 0x15, "{answer:?}");
    }
    Client::join(place).await.assert_alive().await;
}

// ------------------------------------------------------------ connections

/// A masked text frame of less than 64 KiB.
fn frame(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81, 0x80 | 126];
    frame.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
    frame.extend([0; 4]);
    frame.extend(text.as_bytes());
    frame
}

#[tokio::test]
async fn messages_that_come_in_one_record_are_all_answered() {
    let place = Line::Tls.start(app()).await;
    let Client(client) = Client::join(place).await;
    let mut stream = client.into_inner();
    // One record holds 16 KiB, of which the server reads 4 at a time.
    let calls = (1..=5).flat_map(|id| frame(&json!([48, id, {}, "echo", ["x".repeat(3000)]]).to_string()));
    let calls: Vec<u8> = calls.collect();
    assert!(calls.len() < 16 * 1024);
    stream.write_all(&calls).await.unwrap();
    stream.flush().await.unwrap();
    let expected: usize = (1..=5).map(|id| 4 + json!([50, id, {}, ["x".repeat(3000)]]).to_string().len()).sum();
    let mut answers = vec![0; expected];
    tokio::time::timeout(PATIENCE, stream.read_exact(&mut answers)).await.unwrap().unwrap();
    assert!(answers.windows(8).any(|window| window == b"[50,5,{}"));
}

#[tokio::test]
async fn large_messages_both_ways() {
    let place = Line::Tls.start(app()).await;
    let mut client = Client::join(place).await;
    for size in [1, 4096, 16 * 1024, 16 * 1024 + 1, 1_000_000] {
        let text = "é".repeat(size / 2);
        client.send(json!([48, size, {}, "echo", [text]])).await;
        assert_eq!(client.receive().await, Some(json!([50, size, {}, [text]])));
    }
}

#[tokio::test]
async fn a_reader_that_dawdles_gets_all() {
    const CALLS: usize = 4;
    const SIZE: usize = 900_000;
    let address = Line::Tls.start(app()).await.address;
    // With a small window, so that little of it is in the system's buffers.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    let stream = socket.connect(address).await.unwrap();
    let mut client = over(localhost().client().handshake(stream).await.unwrap(), address).await;
    for id in 1..=CALLS {
        client.send(json!([48, id, {}, "echo", ["x".repeat(SIZE)]])).await;
    }
    let Client(client) = client;
    let mut stream = client.into_inner();
    let (mut read, mut octets) = (0, vec![0; 10_000]);
    while read < CALLS * SIZE {
        // Long enough for the server to fill the buffers between, and to sleep.
        sleep(Duration::from_millis(1)).await;
        let some = tokio::time::timeout(PATIENCE, stream.read(&mut octets)).await.unwrap().unwrap();
        assert!(some > 0, "cut after {read} octets");
        read += some;
    }
}

#[tokio::test]
async fn keys_are_updated() {
    let place = Line::Tls.start(app()).await;
    let mut stream = connect(place.address, localhost().client().version(&TLS13)).await.unwrap();
    stream.get_mut().1.refresh_traffic_keys().unwrap();
    let mut client = over(stream, place.address).await;
    client.assert_alive().await;
}

/// Sends an upgrade and HELLO, and reads WELCOME.
async fn welcomed(address: SocketAddr) -> TlsStream {
    let mut stream = connect(address, localhost().client()).await.unwrap();
    let head = "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
    let key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let mut octets = format!("{head}{key}Sec-WebSocket-Protocol: wamp.2.json\r\n\r\n").into_bytes();
    octets.extend(frame(&json!([1, "realm1", {"roles": {"caller": {}}, "agent": "x".repeat(100)}]).to_string()));
    stream.write_all(&octets).await.unwrap();
    let mut answer = Vec::new();
    while !answer.windows(3).any(|window| window == b"[2,") {
        assert!(stream.read_buf(&mut answer).await.unwrap() > 0);
    }
    stream
}

/// Waits until the server has no session left.
async fn all_left(handle: &serverwamp::AppHandle) {
    let left = async {
        while handle.statistics().sessions > 0 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, left).await.expect("the session ends");
}

#[tokio::test]
async fn connections_that_break_off_end_their_sessions() {
    let app = app();
    let handle = app.handle();
    let place = Line::Tls.start(app).await;

    // Half-closed: the answer is a close_notify as well, without which this would be an error.
    let mut stream = welcomed(place.address).await;
    stream.shutdown().await.unwrap();
    let mut rest = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await.unwrap().unwrap();
    all_left(&handle).await;

    // Without a word.
    drop(welcomed(place.address).await.into_inner());
    all_left(&handle).await;

    // What is not a record, and a record that is not from this connection.
    for garbage in [&[0xff; 100][..], &[0x17, 0x03, 0x03, 0x00, 0x20, 7, 7, 7, 7, 7, 7, 7, 7][..]] {
        let (mut stream, _) = welcomed(place.address).await.into_inner();
        stream.write_all(garbage).await.unwrap();
        stream.write_all(&[7; 100]).await.unwrap();
        let mut rest = Vec::new();
        let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("the connection is closed");
        all_left(&handle).await;
    }
    Client::join(place).await.assert_alive().await;
}

#[tokio::test]
async fn the_end_of_a_connection_is_said() {
    let place = Line::Tls.start(app()).await;
    let mut stream = welcomed(place.address).await;
    // A WebSocket's close frame, with the mask of zeros.
    stream.write_all(&[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]).await.unwrap();
    let mut rest = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await.unwrap().expect("close_notify");
    assert!(rest.ends_with(&[0x88, 0x02, 0x03, 0xe8]), "{rest:?}");
}

// ------------------------------------------------------------ configuration

async fn certificate_of(address: SocketAddr) -> CertificateDer<'static> {
    let stream = connect(address, localhost().client()).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].clone()
}

#[tokio::test]
async fn reloading_drops_nobody() {
    let (old, new) = (&localhost().server, localhost().authority.sign("localhost", Validity::Now));
    let clients = Authority::new("the clients' authority");
    let (certificate, key) = (file("reload.pem", &old.certificate), file("reload.key", &old.key));
    let authorities = file("reload-authorities.pem", &localhost().authority.pem());
    let asked = ClientCertificates::optional_by_file(&authorities);
    let tls = TlsConfig::from_pem_files(&certificate, &key).client_certificates(asked);
    let address = start(app().tls(tls.clone())).await;
    let joe = clients.sign("joe", Validity::Now);
    assert_refused(address, localhost().client().with(joe.clone()), "received fatal alert").await;
    let mut early = join(address, localhost().client()).await;

    fs::write(&certificate, &new.certificate).unwrap();
    let error = tls.reload().unwrap_err().to_string();
    assert!(error.contains("reload.key: another key than that of the certificate in"), "{error}");
    fs::remove_file(&key).unwrap();
    let error = tls.reload().unwrap_err().to_string();
    assert!(error.contains("reload.key: ") && error.contains("expected a private key in PEM"), "{error}");
    assert_eq!(certificate_of(address).await, der(old), "what was there stays");

    fs::write(&key, &new.key).unwrap();
    fs::write(&authorities, clients.pem()).unwrap();
    tls.reload().unwrap();
    assert_eq!(certificate_of(address).await, der(&new));
    early.assert_alive().await;
    let mut late = join(address, localhost().client().with(joe.clone())).await;
    assert_eq!(ask(&mut late).await[3], json!(in_json(&joe)));
}

#[tokio::test]
async fn plain_and_tls_side_by_side() {
    let app = app().bind_tls("127.0.0.1:0", localhost().config());
    let handle = app.handle();
    start(app).await;
    let addresses = handle.addresses().await;
    for (address, line) in addresses.into_iter().zip([Line::Plain, Line::Tls]) {
        let mut client = Client::join(Place { address, line }).await;
        assert_eq!(ask(&mut client).await.is_null(), line == Line::Plain);
    }
}

#[tokio::test]
async fn a_configuration_of_rustls() {
    let Credentials { certificate, key } = &localhost().server;
    let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(ring::default_provider().into());
    let config = config.with_protocol_versions(&[&TLS13]).unwrap().with_no_client_auth();
    let mut config = config.with_single_cert(chain, key).unwrap();
    config.session_storage = std::sync::Arc::new(NoServerSessionStorage {});
    let tls = TlsConfig::from_config(config);
    tls.reload().unwrap();
    let address = start(app().tls(tls)).await;
    join(address, localhost().client()).await.assert_alive().await;
    assert_refused(address, localhost().client().version(&TLS12), "ProtocolVersion").await;
}

#[tokio::test]
async fn every_problem_is_listed_before_the_server_listens() {
    let Credentials { certificate, key } = &localhost().server;
    let missing = PathBuf::from("no/such/file.pem");
    let (cert, private) = (file("good.pem", certificate), file("good.key", key));
    let cut = file("cut.pem", &certificate[..certificate.len() / 2]);
    let nothing = file("nothing.pem", "-----BEGIN CERTIFICATE-----\nbm8gY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n");
    let plain = ServerConfig::builder_with_provider(ring::default_provider().into());
    let plain = plain.with_protocol_versions(&[&TLS13]).unwrap().with_no_client_auth();
    let plain = plain.with_cert_resolver(std::sync::Arc::new(NoCertificate));
    let clients = |file: &PathBuf| ClientCertificates::required_by_file(file);
    let files = TlsConfig::from_pem_files;
    for (tls, expected) in [
        (files(&missing, &missing), &["no/such/file.pem: No such file", "no/such/file.pem: No such file"][..]),
        (files(&private, &cert), &["good.key: no certificate found", "good.pem: no private key found"]),
        (files(&cut, &private), &["cut.pem: a section has no end"]),
        (files(&nothing, &private), &["nothing.pem with "]),
        (files(&cert, &private).client_certificates(clients(&missing)), &["no/such/file.pem: No such file"]),
        (files(&cert, &missing).client_certificates(clients(&cut)), &["no/such/file.pem: No", "cut.pem: a section"]),
        (files(&cert, &private).client_certificates(clients(&nothing)), &["nothing.pem: "]),
        (TlsConfig::from_pem("", ""), &["the PEM in memory: no certificate", "the PEM in memory: no private key"]),
        (TlsConfig::from_config(plain).client_certificates(clients(&cert)), &["client certificates beside"]),
    ] {
        let app = app().tls(tls).default_realm(false);
        let Err(Error::Startup(problems)) = app.serve().await else { panic!("the server starts") };
        let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let (realm, tls) = shown.split_first().unwrap();
        assert!(realm.contains("no realm can be joined"), "{shown:?}");
        assert_eq!(tls.len(), expected.len(), "{shown:?}");
        for (problem, expected) in tls.iter().zip(expected) {
            assert!(problem.starts_with("TLS: ") && problem.contains(expected), "{problem}\n{expected}");
        }
        assert!(!shown.iter().any(|problem| problem.contains("BEGIN")), "{shown:?}");
    }
}

#[derive(Debug)]
struct NoCertificate;

impl serverwamp::rustls::server::ResolvesServerCert for NoCertificate {
    fn resolve(
        &self,
        _: serverwamp::rustls::server::ClientHello<'_>,
    ) -> Option<std::sync::Arc<serverwamp::rustls::sign::CertifiedKey>> {
        None
    }
}

#[test]
fn secrets_are_not_shown() {
    let Credentials { certificate, key } = &localhost().server;
    let tls = TlsConfig::from_pem(certificate.as_str(), key.as_str());
    let tls = tls.client_certificates(ClientCertificates::required(localhost().authority.pem()));
    let shown = format!("{tls:?} {:?}", TlsConfig::from_pem_files("a.pem", "b.pem"));
    assert!(shown.contains("a.pem") && !shown.contains("BEGIN") && shown.len() < 500, "{shown}");
}
