//! The WebSocket in servers of hyper and axum, on real sockets.

use std::io;
use std::path::PathBuf;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::json;
use serverwamp::{AppHandle, WampService, routes};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener, UnixStream};

use super::line::localhost;
use super::*;

/// Makes tests of functions that take a host: one for each host.
macro_rules! in_every_host {
    ($($test:ident),* $(,)?) => {
        in_every_host! { @ in_hyper Hyper $($test)* }
        in_every_host! { @ in_hyper_util HyperUtil $($test)* }
        in_every_host! { @ in_axum Axum $($test)* }
        in_every_host! { @ in_hyper_with_tls WithTls $($test)* }
    };
    (@ $module:ident $host:ident $($test:ident)*) => {
        mod $module {
            $(
                #[tokio::test]
                async fn $test() {
                    super::$test(super::Host::$host).await;
                }
            )*
        }
    };
}

in_every_host!(
    calls_are_answered,
    many_calls_in_one_go,
    the_request_is_known_to_the_session,
    a_hello_in_the_same_packet_as_the_request,
    a_stalled_reader_is_cut_and_harms_nobody,
    the_shutdown_ends_sessions,
    requests_may_precede_the_upgrade,
);

/// The functions of these tests; whoever serves them listens.
fn app() -> App {
    App::discover()
}

/// What serves HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Host {
    Hyper,
    /// As `Hyper`, behind a type that only hyper-util knows.
    HyperUtil,
    Axum,
    /// As `Hyper`, over TLS.
    WithTls,
}

impl Host {
    /// Serves an app for as long as the test does.
    async fn start(self, app: App) -> (Place, AppHandle) {
        let handle = app.handle();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = app.into_service().unwrap();
        tokio::spawn(self.serve(listener, service));
        (Place { address, line: if self == Host::WithTls { Line::Tls } else { Line::Plain } }, handle)
    }

    async fn serve(self, listener: TcpListener, service: WampService) -> io::Result<()> {
        if self == Host::Axum {
            let router = axum::Router::new().route("/rest", axum::routing::get(async || "rest"));
            return axum::serve(listener, router.route_service("/ws", service)).await;
        }
        loop {
            let (stream, _) = listener.accept().await?;
            let service = service.clone();
            match self {
                Host::WithTls => tokio::spawn(async move {
                    serve_with_hyper(localhost().accept(stream).await, service).await;
                }),
                Host::Hyper => tokio::spawn(serve_with_hyper(stream, service)),
                _ => tokio::spawn(async move {
                    let server = auto::Builder::new(TokioExecutor::new());
                    let _ = server.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
                }),
            };
        }
    }
}

async fn serve_with_hyper(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, service: WampService) {
    // However the connection ends.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades().await;
}

async fn calls_are_answered(host: Host) {
    let (place, handle) = host.start(app()).await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(Client::join(place).await);
    }
    for client in &mut clients {
        client.assert_alive().await;
    }
    assert_eq!(handle.statistics().sessions, 3);
}

async fn many_calls_in_one_go(host: Host) {
    const CALLS: u32 = 1000;
    let mut client = Client::join(host.start(app()).await.0).await;
    for request in 1..=CALLS {
        client.0.feed(Message::text(json!([48, request, {}, "add", [request, 1]]).to_string())).await.unwrap();
    }
    client.0.flush().await.unwrap();
    for request in 1..=CALLS {
        assert_eq!(client.receive().await, Some(json!([50, request, {}, [request + 1]])));
    }
    let large = "x".repeat(700_000);
    client.send(json!([48, 2000, {}, "echo", [large]])).await;
    assert_eq!(client.receive().await, Some(json!([50, 2000, {}, [large]])));
}

async fn the_request_is_known_to_the_session(host: Host) {
    let (place, _) = host.start(app()).await;
    let mut client = Client::open(place, "/ws?x=1", &[("cookie", "a=1; b=two")]).await;
    client.hello().await;
    client.send(json!([48, 1, {}, "where"])).await;
    // The address is that of the socket, unless it is beneath something that only the host knows.
    let is_loopback = host != Host::WithTls;
    assert_eq!(client.receive().await, Some(json!([50, 1, {}, ["/ws", "x=1", "two", is_loopback]])));
}

async fn a_hello_in_the_same_packet_as_the_request(host: Host) {
    let (place, _) = host.start(app()).await;
    let mut stream = place.connect().await;
    let head = "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
    let key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let mut octets = format!("{head}{key}Sec-WebSocket-Protocol: wamp.2.json\r\n\r\n").into_bytes();
    for message in [r#"[1,"realm1",{"roles":{"caller":{}}}]"#, r#"[48,1,{},"add",[2,3]]"#] {
        octets.extend([0x81, 0x80 | u8::try_from(message.len()).unwrap(), 0, 0, 0, 0]);
        octets.extend(message.as_bytes());
    }
    stream.write_all(&octets).await.unwrap();
    stream.flush().await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"[50,1,{},[5]]") {
        let read = tokio::time::timeout(PATIENCE, stream.read_buf(&mut answer)).await.expect("an answer in time");
        assert!(read.unwrap() > 0, "{}", String::from_utf8_lossy(&answer));
    }
}

async fn a_stalled_reader_is_cut_and_harms_nobody(host: Host) {
    let limits = serverwamp::Limits { write_stall: Duration::from_millis(300), ..serverwamp::Limits::default() };
    let (place, handle) = host.start(app().limits(limits)).await;
    let mut good = Client::join(place).await;
    let mut stalled = Client::join(place).await;
    stalled.send(json!([48, 1, {"receive_progress": true}, "count", [u32::MAX]])).await;
    for _ in 0..100 {
        good.assert_alive().await;
    }
    assert_eq!(limits::met(&handle, "write_stall").await, 1);
    good.assert_alive().await;
}

async fn the_shutdown_ends_sessions(host: Host) {
    let (place, handle) = host.start(app()).await;
    let mut client = Client::join(place).await;
    handle.shutdown();
    assert_eq!(client.receive().await, Some(json!([6, {}, "wamp.close.system_shutdown"])));
    client.send(json!([6, {}, "wamp.close.goodbye_and_out"])).await;
    assert_eq!(client.close_code().await, 1001);
    drop(client);
    tokio::time::timeout(PATIENCE, handle.stopped()).await.unwrap();
}

async fn requests_may_precede_the_upgrade(host: Host) {
    let (place, _) = host.start(app()).await;
    let mut stream = place.connect().await;
    stream.write_all(b"GET /ws HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    stream.flush().await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"subprotocol\n") {
        let read = tokio::time::timeout(PATIENCE, stream.read_buf(&mut answer)).await.expect("an answer in time");
        assert!(read.unwrap() > 0, "{}", String::from_utf8_lossy(&answer));
    }
    assert!(answer.starts_with(b"HTTP/1.1 426 "));
    let mut client = Client::over(stream, place.address, "/ws", &[]).await;
    client.hello().await;
    client.assert_alive().await;
}

#[wamp::rpc("credentials", manual)]
async fn credentials(session: Session) -> (Option<u32>, bool) {
    let transport = session.transport();
    (transport.credentials.map(|credentials| credentials.uid), transport.proxy.is_some())
}

/// A path that is removed with this.
struct Socket(PathBuf);

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[tokio::test]
async fn a_unix_socket_tells_who_connects_unless_that_is_a_proxy() {
    let socket = Socket(std::env::temp_dir().join(format!("serverwamp-hosted-{}.sock", std::process::id())));
    let listener = UnixListener::bind(&socket.0).unwrap();
    let uid = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(&socket.0).unwrap());
    let service = app().routes(routes![credentials]).trusted_proxies(["unix"]).into_service().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(serve_with_hyper(stream, service.clone()));
        }
    });
    for (fields, expected) in [(&[][..], json!([uid, false])), (&[("x-forwarded-for", "1.2.3.4")], json!([null, true]))]
    {
        let stream: Stream = Box::new(UnixStream::connect(&socket.0).await.unwrap());
        let mut client = Client::over(stream, ([127, 0, 0, 1], 80).into(), "/ws", fields).await;
        client.hello().await;
        client.send(json!([48, 1, {}, "credentials"])).await;
        assert_eq!(client.receive().await, Some(json!([50, 1, {}, expected])), "{fields:?}");
    }
}

#[tokio::test]
async fn a_host_may_have_routes_of_its_own() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = app().into_service().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, peer) = listener.accept().await.unwrap();
            let service = service.clone().peer_address(|known| known.get::<SocketAddr>().copied());
            let answer = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
                request.extensions_mut().insert(peer);
                hyper::service::Service::call(&service, request)
            });
            let server = http1::Builder::new();
            tokio::spawn(server.serve_connection(TokioIo::new(stream), answer).with_upgrades());
        }
    });
    Client::join(address).await.assert_alive().await;
}
