//! The WebSocket as a service of another HTTP server, here hyper's, over a stream in memory.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use futures_util::{FutureExt, SinkExt, StreamExt};
use hyper::ext::Protocol;
use hyper::server::conn::{http1, http2};
use hyper::upgrade::Upgraded;
use hyper::{Request, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use serverwamp::{
    App, AppHandle, Authenticated, Error, Limits, Session, TlsConfig, TrustedProxies, WampService, routes, testing,
    wamp,
};
use serverwamp_tests::{Carrier, Peer, Serializer};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::{Instant, sleep};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::Role;
use tower_service::Service as _;

#[wamp::rpc]
async fn echo(value: serverwamp::Value) -> serverwamp::Single<serverwamp::Value> {
    serverwamp::Single(value)
}

#[wamp::rpc]
async fn slow(seconds: u64) -> &'static str {
    sleep(Duration::from_secs(seconds)).await;
    "slept"
}

#[wamp::rpc("where")]
async fn transport(session: Session) -> (String, String, String, Option<SocketAddr>, Option<SocketAddr>) {
    let transport = session.transport();
    let path = format!("{}?{}", transport.path, transport.query.as_deref().unwrap_or_default());
    let proxy = transport.proxy.as_ref().and_then(|proxy| proxy.address);
    (transport.kind.to_owned(), transport.serializer.to_owned(), path, transport.peer, proxy)
}

fn app() -> App {
    App::new().routes(routes![echo, slow, transport])
}

/// A service, and the handle to its app.
fn hosted(app: App) -> (WampService, AppHandle) {
    let handle = app.handle();
    (app.into_service().unwrap(), handle)
}

/// Connects to a host of the service, with so much room in the line.
fn connect_with_room(service: &WampService, octets: usize) -> DuplexStream {
    let (ours, theirs) = tokio::io::duplex(octets);
    tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(ours), service.clone()).with_upgrades());
    theirs
}

fn connect(service: &WampService) -> DuplexStream {
    connect_with_room(service, 64 * 1024)
}

const KEY: &str = "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const GOOD: &str = "Upgrade: websocket\r\nSec-WebSocket-Protocol: wamp.2.json\r\n";

fn request(target: &str, more: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: example.com\r\n{KEY}{more}\r\n")
}

/// The first line of what a request is answered with, and the fields that follow, in lower case.
async fn answer(mut stream: DuplexStream, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
        assert!(stream.read_buf(&mut answer).await.unwrap() > 0, "{}", String::from_utf8_lossy(&answer));
    }
    String::from_utf8(answer).unwrap().to_ascii_lowercase()
}

async fn status(stream: DuplexStream, request: &str) -> u16 {
    answer(stream, request).await.split(' ').nth(1).unwrap().parse().unwrap()
}

/// A session in JSON whose request has these header fields.
struct Client(WebSocketStream<DuplexStream>);

impl Client {
    async fn open(stream: DuplexStream, fields: &[(&'static str, &str)]) -> Client {
        let mut request = "ws://example.com/chat?x=1".into_client_request().unwrap();
        for (name, value) in [("sec-websocket-protocol", "wamp.2.json")].iter().chain(fields) {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        Client(tokio_tungstenite::client_async(request, stream).await.unwrap().0)
    }

    async fn ask(&mut self, message: Value) -> Value {
        self.0.send(Message::text(message.to_string())).await.unwrap();
        serde_json::from_str(self.0.next().await.unwrap().unwrap().to_text().unwrap()).unwrap()
    }

    async fn join(stream: DuplexStream, fields: &[(&'static str, &str)]) -> Client {
        let mut client = Client::open(stream, fields).await;
        assert_eq!(client.ask(serverwamp_tests::hello("realm1")).await[0], 2);
        client
    }
}

#[tokio::test(start_paused = true)]
async fn every_serializer_is_served() {
    let (service, _) = hosted(app());
    let large = "x".repeat(300_000);
    for serializer in Serializer::ALL.into_iter().filter(|serializer| serializer.carrier() == Carrier::WebSocket) {
        let mut peer = Peer::over(connect(&service), serializer).joined().await;
        let name = serializer.subprotocol().trim_start_matches("wamp.2.");
        peer.send(json!([48, 1, {}, "where"])).await;
        assert_eq!(peer.receive().await, Some(json!([50, 1, {}, ["websocket", name, "/ws?", null, null]])));
        peer.send(json!([48, 2, {}, "echo", [large]])).await;
        assert_eq!(peer.receive().await, Some(json!([50, 2, {}, [large]])), "{serializer}");
        peer.send(json!([6, {}, "wamp.close.close_realm"])).await;
        assert_eq!(peer.receive().await, Some(json!([6, {}, "wamp.close.goodbye_and_out"])), "{serializer}");
    }
}

#[tokio::test(start_paused = true)]
async fn requests_are_judged_as_on_a_port() {
    let fields = |count: usize| (0..count).map(|n| format!("X-{n}: 1\r\n")).collect::<String>() + GOOD;
    let origin = |origin: &str| format!("{GOOD}Origin: {origin}\r\n");
    let configured = || app().allow_origin("https://app.example.org");
    let (service, _) = hosted(configured());
    let app = configured();
    for (request, expected) in [
        (request("/ws", GOOD), 101),
        (request("/ws?token=x", GOOD), 101),
        ("GET /ws HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 426),
        ("POST /ws HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".to_owned(), 426),
        (request("/ws", GOOD).replace("13", "8"), 426),
        (request("/ws", GOOD).replace("Sec-WebSocket-Version: 13\r\n", ""), 400),
        (request("/ws", GOOD).replace("GET", "POST"), 400),
        (request("/ws", "Upgrade: websocket\r\n"), 400),
        (request("/ws", "Upgrade: websocket\r\nSec-WebSocket-Protocol: chat, wamp.2.ubjson\r\n"), 400),
        (request("/ws", "Upgrade: h2c\r\nSec-WebSocket-Protocol: wamp.2.json\r\n"), 400),
        (request("/ws", &fields(50)), 101),
        (request("/ws", &fields(64)), 431),
        (request("/ws", &format!("{GOOD}X: {}\r\n", "x".repeat(15_000))), 101),
        (request("/ws", &format!("{GOOD}X: {}\r\n", "x".repeat(17_000))), 431),
        (request("/ws", &origin("https://example.com:9999")), 101),
        (request("/ws", &origin("https://app.example.org")), 101),
        (request("/ws", &origin("https://evil.example.net")), 403),
        (request("/ws", &origin("null")), 403),
    ] {
        let shown = &request[..request.len().min(300)];
        assert_eq!(status(connect(&service), &request).await, expected, "{shown}");
        assert_eq!(status(testing::socket(&app).unwrap(), &request).await, expected, "on a port: {shown}");
    }
    // Which path it is on is the host's business.
    assert_eq!(status(connect(&service), &request("/any/where", GOOD)).await, 101);
    let answer = answer(connect(&service), &request("/", "")).await;
    for field in ["upgrade: websocket", "sec-websocket-version: 13", "connection: upgrade"] {
        assert!(answer.contains(&format!("\r\n{field}\r\n")), "{field} in {answer}");
    }
}

#[tokio::test]
async fn what_cannot_be_upgraded_is_refused() {
    let (mut service, _) = hosted(app());
    let mut respond = |version, name: &'static str| {
        let request =
            Request::builder().uri("/ws").version(version).header("host", "h").header("connection", "upgrade");
        let request = request.header("sec-websocket-version", "13").header(name, "wamp.2.json");
        let request = request.header("upgrade", "websocket").header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        let response = service.call(request.body(()).unwrap()).now_or_never().unwrap().unwrap();
        response.status().as_u16()
    };
    assert_eq!(respond(Version::HTTP_3, "sec-websocket-protocol"), 505);
    assert_eq!(respond(Version::HTTP_2, "sec-websocket-protocol"), 405, "HTTP/2 has CONNECT for that");
    assert_eq!(respond(Version::HTTP_11, "sec-websocket-protocol"), 500, "nobody upgrades it");
    assert_eq!(respond(Version::HTTP_11, "x"), 400);
}

#[tokio::test(start_paused = true)]
async fn header_limits_are_counted() {
    let (service, handle) = hosted(app().limits(Limits { header_size: 2000, header_count: 16, ..Limits::default() }));
    for (limit, fields) in
        [("header_size", format!("X: {}\r\n", "x".repeat(3000))), ("header_count", "X: y\r\n".repeat(20))]
    {
        assert_eq!(status(connect(&service), &request("/ws", &(fields + GOOD))).await, 431, "{limit}");
        assert_eq!(handle.statistics().limits.get(limit), Some(&1));
    }
}

#[tokio::test(start_paused = true)]
async fn connections_limit_answers_503() {
    let (service, handle) = hosted(app().limits(Limits { connections: 1, ..Limits::default() }));
    let first = Peer::over(connect(&service), Serializer::Json).joined().await;
    assert_eq!(status(connect(&service), &request("/ws", GOOD)).await, 503);
    assert_eq!(handle.statistics().limits.get("connections"), Some(&1));
    assert_eq!(
        status(connect(&service), "GET /ws HTTP/1.1\r\nHost: x\r\n\r\n").await,
        426,
        "whatever there is room for"
    );
    assert!(handle.is_ready());
    drop(first);
    sleep(Duration::from_secs(1)).await;
    Peer::over(connect(&service), Serializer::Json).joined().await;
}

#[tokio::test(start_paused = true)]
async fn upgrade_timeout_limit() {
    let (service, handle) = hosted(app().limits(Limits { connections: 1, ..Limits::default() }));
    // The client does not read the answer, so that the host cannot upgrade.
    let mut stream = connect_with_room(&service, 16);
    stream.write_all(request("/ws", GOOD).as_bytes()).await.unwrap();
    sleep(Duration::from_millis(4900)).await;
    assert_eq!(status(connect(&service), &request("/ws", GOOD)).await, 503);
    sleep(Duration::from_millis(200)).await;
    assert_eq!(handle.statistics().limits.get("upgrade_timeout"), Some(&1));
    assert_eq!(status(connect(&service), &request("/ws", GOOD)).await, 101);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_does_not_upgrade_takes_no_place() {
    let (service, _) = hosted(app().limits(Limits { connections: 1, ..Limits::default() }));
    for _ in 0..3 {
        let (ours, theirs) = tokio::io::duplex(1000);
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(ours), service.clone()));
        assert_eq!(status(theirs, &request("/ws", GOOD)).await, 101);
        sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn hello_timeout_limit() {
    let (service, _) = hosted(app());
    let mut peer = Peer::over(connect(&service), Serializer::Json);
    let begin = Instant::now();
    assert_eq!(peer.receive().await.unwrap()[0], 3, "ABORT");
    assert_eq!((begin.elapsed().as_secs(), peer.receive().await), (5, None));
}

#[tokio::test(start_paused = true)]
async fn what_comes_behind_the_request_is_not_lost() {
    let (service, _) = hosted(app());
    let mut stream = connect(&service);
    let mut octets = request("/ws", GOOD).into_bytes();
    for message in [r#"[1,"realm1",{"roles":{"caller":{}}}]"#, r#"[48,1,{},"echo",["here"]]"#] {
        octets.extend([0x81, 0x80 | u8::try_from(message.len()).unwrap(), 0, 0, 0, 0]);
        octets.extend(message.as_bytes());
    }
    stream.write_all(&octets).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(br#"[50,1,{},["here"]]"#) {
        assert!(stream.read_buf(&mut answer).await.unwrap() > 0, "{}", String::from_utf8_lossy(&answer));
    }
}

#[tokio::test(start_paused = true)]
async fn the_shutdown_lets_calls_end_and_says_goodbye() {
    let goodbye = json!([6, {}, "wamp.close.system_shutdown"]);
    for serializer in [Serializer::Json, Serializer::CborBatched] {
        let (service, handle) = hosted(app());
        let (mut stopping, mut stopped) = (pin!(handle.stopping()), pin!(handle.stopped()));
        let mut idle = Peer::over(connect(&service), serializer).joined().await;
        let mut busy = Peer::over(connect(&service), serializer).joined().await;
        busy.send(json!([48, 1, {}, "slow", [7]])).await;
        sleep(Duration::from_secs(1)).await;
        assert!(handle.is_ready() && is_pending(&mut stopping) && is_pending(&mut stopped));
        handle.shutdown();
        assert_eq!(idle.receive().await, Some(goodbye.clone()));
        assert!(!handle.is_ready() && !is_pending(&mut stopping));
        assert_eq!(status(connect(&service), &request("/ws", GOOD)).await, 503, "nobody else comes");
        idle.send(json!([6, {}, "wamp.close.goodbye_and_out"])).await;
        assert_eq!(idle.receive().await, None);
        assert_eq!(busy.receive().await, Some(json!([50, 1, {}, ["slept"]])), "a running call ends");
        assert_eq!(busy.receive().await, Some(goodbye.clone()));
        assert!(is_pending(&mut stopped));
        drop(busy);
        stopped.await;
        assert!(!handle.is_ready());
    }
}

fn is_pending<F: Future>(future: &mut std::pin::Pin<&mut F>) -> bool {
    future.as_mut().now_or_never().is_none()
}

#[tokio::test(start_paused = true)]
async fn drain_limit() {
    let (service, handle) = hosted(app());
    let mut peer = Peer::over(connect(&service), Serializer::Json).joined().await;
    peer.send(json!([48, 1, {}, "slow", [600]])).await;
    sleep(Duration::from_secs(1)).await;
    let begin = Instant::now();
    handle.shutdown();
    assert_eq!(peer.receive().await, Some(json!([8, 48, 1, {}, "wamp.error.canceled"])));
    assert_eq!(begin.elapsed().as_secs(), 10);
    assert_eq!(handle.statistics().limits.get("drain"), Some(&1));
    handle.stopped().await;
    assert!(begin.elapsed().as_secs() < 15, "even if a client does not answer");
}

#[tokio::test(start_paused = true)]
async fn a_future_shuts_it_down() {
    let (service, handle) = hosted(app().shutdown_on(sleep(Duration::from_secs(3))));
    let mut peer = Peer::over(connect(&service), Serializer::Json).joined().await;
    let begin = Instant::now();
    assert_eq!(peer.receive().await, Some(json!([6, {}, "wamp.close.system_shutdown"])));
    assert_eq!(begin.elapsed().as_secs(), 3);
    drop(peer);
    handle.stopped().await;
}

#[tokio::test]
async fn an_app_that_never_serves_has_stopped() {
    let app = app();
    let handle = app.handle();
    assert!(!handle.is_ready());
    drop(app);
    handle.stopped().await;
    assert!(!handle.is_ready());
}

#[tokio::test]
async fn what_is_wrong_is_found_at_the_start() {
    let problems = |app: App| match app.into_service() {
        Err(Error::Startup(problems)) => problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
        other => panic!("{other:?}"),
    };
    let tls = TlsConfig::from_pem("certificate", "key");
    for listening in [app().bind("127.0.0.1:0"), app().tls(tls)] {
        assert!(problems(listening).contains("remove .bind(…)"));
    }
    assert!(problems(App::new()).contains("no procedure"));
    let both = problems(App::new().bind("127.0.0.1:0"));
    assert!(both.contains("no procedure") && both.contains("remove .bind(…)"), "{both}");
    let wrong = problems(app().trusted_proxies(["10.0.0.0/8", "10.0.0.0/99", "proxy.example"]));
    assert!(wrong.contains("`10.0.0.0/99`") && wrong.contains("`proxy.example`") && !wrong.contains("0/8`"), "{wrong}");
    let addresses = hosted(app()).1.addresses().await;
    assert!(addresses.is_empty());
}

#[tokio::test(start_paused = true)]
async fn trusted_proxies_are_believed() {
    const PROXY: &str = "10.0.0.1:4711";
    let list = ("x-forwarded-for", "6.6.6.6, 198.51.100.1, 10.0.0.2");
    let field = ("forwarded", "for=6.6.6.6, for=\"198.51.100.1:99\", for=10.0.0.2");
    for (trusted, peer, fields, expected) in [
        (TrustedProxies::from(["10.0.0.0/8"]), Some(PROXY), list, [Some("198.51.100.1:0"), Some(PROXY)]),
        (TrustedProxies::forwarded(["10.0.0.0/8"]), Some(PROXY), field, [Some("198.51.100.1:99"), Some(PROXY)]),
        (TrustedProxies::from(["10.0.0.0/8"]), Some(PROXY), field, [Some(PROXY), None]),
        (TrustedProxies::from(["10.0.0.2"]), Some(PROXY), list, [Some(PROXY), None]),
        (TrustedProxies::default(), Some(PROXY), list, [Some(PROXY), None]),
        (TrustedProxies::from(["0.0.0.0/0", "::/0", "unix"]), None, list, [None, None]),
    ] {
        let (service, _) = hosted(app().trusted_proxies(trusted.clone()));
        let service = service.peer_address(move |_| peer.map(|peer| peer.parse().unwrap()));
        let mut client = Client::join(connect(&service), &[fields]).await;
        let [client_address, proxy] = expected;
        let expected = json!([50, 1, {}, ["websocket", "json", "/chat?x=1", client_address, proxy]]);
        assert_eq!(client.ask(json!([48, 1, {}, "where"])).await, expected, "{trusted:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_host_that_a_trusted_proxy_was_asked_for_may_be_the_origins() {
    let more = |fields: &str| request("/ws", &format!("{GOOD}Origin: https://shop.example.org\r\n{fields}"));
    let list = "X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-Host: shop.example.org\r\n";
    let (service, _) = hosted(app().trusted_proxies(["10.0.0.1"]));
    for (peer, fields, expected) in [
        ("10.0.0.1:1", list, 101),
        ("10.0.0.2:1", list, 403),
        ("10.0.0.1:1", "X-Forwarded-Host: shop.example.org\r\n", 403),
        ("10.0.0.1:1", "X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-Host: other.example.org\r\n", 403),
    ] {
        let service = service.clone().peer_address(move |_| peer.parse().ok());
        assert_eq!(status(connect(&service), &more(fields)).await, expected, "{peer} {fields}");
    }
}

async fn any_ticket(_: Session, _: String) -> Option<Authenticated> {
    Some(Authenticated::new(()))
}

#[tokio::test(start_paused = true)]
async fn tickets_are_taken_where_the_line_is_confidential() {
    let hello = json!([1, "realm1", {"roles": {"caller": {}}, "authmethods": ["ticket"], "authid": "joe"}]);
    let (service, _) = hosted(app().ticket_authenticator(any_ticket).trusted_proxies(["10.0.0.1"]));
    for (over_tls, peer, fields, challenged) in [
        (false, "10.0.0.9:1", &[][..], false),
        (true, "10.0.0.9:1", &[], true),
        (false, "127.0.0.1:1", &[], true),
        (false, "10.0.0.1:1", &[("x-forwarded-for", "1.2.3.4"), ("x-forwarded-proto", "https")], true),
        (false, "10.0.0.1:1", &[("x-forwarded-for", "1.2.3.4"), ("x-forwarded-proto", "http")], false),
        (true, "10.0.0.1:1", &[("x-forwarded-for", "1.2.3.4"), ("x-forwarded-proto", "http")], false),
        (true, "10.0.0.1:1", &[("x-forwarded-for", "1.2.3.4")], true),
        (false, "10.0.0.1:1", &[("x-forwarded-for", "127.0.0.1")], false),
        (false, "10.0.0.9:1", &[("x-forwarded-for", "127.0.0.1"), ("x-forwarded-proto", "https")], false),
    ] {
        let service = service.clone().peer_address(move |_| peer.parse().ok());
        let service = if over_tls { service.over_tls() } else { service };
        let answer = Client::open(connect(&service), fields).await.ask(hello.clone()).await;
        assert_eq!(answer[0], if challenged { 4 } else { 3 }, "{over_tls} {peer} {fields:?}: {answer}");
    }
}

/// Opens a WebSocket over HTTP/2, with these header fields. Returns the status, and the WebSocket if there is one.
async fn connect_over_http_2(
    service: &WampService,
    fields: &[(&'static str, &'static str)],
) -> (u16, Option<WebSocketStream<TokioIo<Upgraded>>>) {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let mut server = http2::Builder::new(TokioExecutor::new());
    server.enable_connect_protocol();
    tokio::spawn(server.serve_connection(TokioIo::new(ours), service.clone()));
    let client = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(theirs));
    let (mut client, connection) = client.await.unwrap();
    tokio::spawn(connection);
    // The server says first that it takes such requests.
    sleep(Duration::from_millis(1)).await;
    let request = Request::connect("https://example.com/chat?x=1").extension(Protocol::from_static("websocket"));
    let request = fields.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let response = client.send_request(request.body(String::new()).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    if status != 200 {
        return (status, None);
    }
    assert_eq!(response.headers()["sec-websocket-protocol"], "wamp.2.json");
    let upgraded = TokioIo::new(hyper::upgrade::on(response).await.unwrap());
    (status, Some(WebSocketStream::from_raw_socket(upgraded, Role::Client, None).await))
}

#[tokio::test(start_paused = true)]
async fn http_2_is_served() {
    let (service, handle) = hosted(app());
    let version = ("sec-websocket-version", "13");
    let protocol = ("sec-websocket-protocol", "wamp.2.json");
    for (fields, expected) in [
        (&[version, protocol][..], 200),
        (&[version, protocol, ("origin", "https://example.com")], 200),
        (&[version, protocol, ("origin", "https://evil.example.net")], 403),
        (&[version], 400),
        (&[protocol], 400),
        (&[("sec-websocket-version", "8"), protocol], 400),
    ] {
        assert_eq!(connect_over_http_2(&service, fields).await.0, expected, "{fields:?}");
    }
    let (_, client) = connect_over_http_2(&service, &[version, protocol]).await;
    let mut client = client.unwrap();
    let large = "x".repeat(300_000);
    for message in [
        serverwamp_tests::hello("realm1"),
        json!([48, 1, {}, "where"]),
        json!([48, 2, {}, "echo", [large]]),
        json!([48, 3, {}, "slow", [1]]),
    ] {
        client.send(Message::text(message.to_string())).await.unwrap();
    }
    let mut next = async || match client.next().await.unwrap().unwrap() {
        Message::Close(frame) => json!(u16::from(frame.unwrap().code)),
        message => serde_json::from_str(message.to_text().unwrap()).unwrap(),
    };
    assert_eq!(next().await[0], 2);
    assert_eq!(next().await, json!([50, 1, {}, ["websocket", "json", "/chat?x=1", null, null]]));
    assert_eq!(next().await, json!([50, 2, {}, [large]]));
    handle.shutdown();
    assert_eq!(next().await, json!([50, 3, {}, ["slept"]]));
    assert_eq!(next().await, json!([6, {}, "wamp.close.system_shutdown"]));
    assert_eq!(next().await, 1001, "the client does not answer");
    drop(client);
    handle.stopped().await;
}
