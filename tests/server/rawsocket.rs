//! RawSocket on real sockets, and unix sockets for every protocol.

use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::{fs, process};

use serde_json::json;
use serverwamp::{AppHandle, Authenticated, Limits, Realm, routes};
use serverwamp_tests::login;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

use super::line::localhost;
use super::*;

over_every_line!(
    one_port_serves_all,
    octet_by_octet,
    a_stalled_reader_is_cut_and_harms_nobody,
    a_reader_that_leaves_too_much_is_cut_and_harms_nobody,
);

#[wamp::rpc(manual)]
async fn peer(session: Session) -> (String, Option<u32>, Option<i32>, bool) {
    let transport = session.transport();
    let credentials = transport.credentials;
    let (uid, pid) = (credentials.map(|it| it.uid), credentials.and_then(|it| it.pid));
    (transport.kind.to_owned(), uid, pid, transport.peer.is_some())
}

#[wamp::rpc(manual)]
async fn slow() -> &'static str {
    tokio::time::sleep(Duration::from_millis(200)).await;
    "slept"
}

/// A RawSocket client in JSON.
struct RawClient<S>(S);

impl<S: AsyncRead + AsyncWrite + Unpin> RawClient<S> {
    async fn open(mut stream: S) -> RawClient<S> {
        stream.write_all(&[0x7f, 0xf1, 0, 0]).await.unwrap();
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, [0x7f, 0xb1, 0, 0]);
        RawClient(stream)
    }

    async fn join(stream: S) -> RawClient<S> {
        let mut client = RawClient::open(stream).await;
        client.send(json!([1, "realm1", {"roles": {"caller": {}}}])).await;
        assert_eq!(client.receive().await.unwrap()[0], 2);
        client
    }

    async fn send(&mut self, message: Value) {
        let message = message.to_string();
        let mut frame = u32::try_from(message.len()).unwrap().to_be_bytes().to_vec();
        frame.extend(message.as_bytes());
        self.0.write_all(&frame).await.unwrap();
        self.0.flush().await.unwrap();
    }

    /// The next message; none at the end of the connection.
    async fn receive(&mut self) -> Option<Value> {
        let receiving = async {
            let length = self.0.read_u32().await.ok()?;
            let mut payload = vec![0; length as usize];
            self.0.read_exact(&mut payload).await.ok()?;
            Some(serde_json::from_slice(&payload).unwrap())
        };
        tokio::time::timeout(PATIENCE, receiving).await.expect("a message in time")
    }

    async fn ask(&mut self, message: Value) -> Value {
        self.send(message).await;
        self.receive().await.expect("an answer")
    }

    async fn assert_alive(&mut self) {
        assert_eq!(self.ask(json!([48, 77, {}, "add", [2, 3]])).await, json!([50, 77, {}, [5]]));
    }
}

/// A place for a socket, of its own for each test.
struct Place(PathBuf);

impl Place {
    fn new(test: &str) -> Place {
        let folder = std::env::temp_dir().join(format!("serverwamp-{test}-{}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        Place(folder)
    }

    fn socket(&self) -> PathBuf {
        self.0.join("socket")
    }

    fn address(&self) -> String {
        format!("unix:{}", self.socket().display())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

struct Server {
    handle: AppHandle,
    task: JoinHandle<serverwamp::Result<()>>,
}

impl Server {
    /// Runs an app until it listens.
    async fn start(app: App) -> Server {
        let handle = app.handle();
        let task = tokio::spawn(app.serve());
        assert_eq!(handle.addresses().await, []);
        Server { handle, task }
    }

    async fn stop(self) {
        self.handle.shutdown();
        tokio::time::timeout(PATIENCE, self.task).await.unwrap().unwrap().unwrap();
    }
}

fn functions() -> App {
    App::discover().routes(routes![peer, slow])
}

async fn one_port_serves_all(line: Line) {
    let place = line.start(app()).await;
    let mut raw = RawClient::join(place.connect().await).await;
    let mut web = Client::join(place).await;
    let mut http = place.connect().await;
    http.write_all(b"GET /ws HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    http.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 426 "), "{answer}");
    raw.assert_alive().await;
    web.assert_alive().await;
}

async fn octet_by_octet(line: Line) {
    let place = line.start(app()).await;
    let mut stream = place.connect().await;
    let hello = br#"[1,"realm1",{"roles":{"caller":{}}}]"#;
    let mut sent = vec![0x7f, 0xf1, 0, 0, 0, 0, 0, u8::try_from(hello.len()).unwrap()];
    sent.extend(hello);
    for octet in sent {
        stream.write_all(&[octet]).await.unwrap();
        stream.flush().await.unwrap();
    }
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, [0x7f, 0xb1, 0, 0]);
    let mut client = RawClient(stream);
    assert_eq!(client.receive().await.unwrap()[0], 2);
    client.assert_alive().await;
}

#[tokio::test]
async fn large_messages_both_ways() {
    let app = app().limits(Limits { message_size: 1 << 24, outbound_bytes: 1 << 27, ..Limits::default() });
    let address = start(app).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&[0x7f, 0xf1, 0, 0]).await.unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, [0x7f, 0xf1, 0, 0]);
    let mut client = RawClient(stream);
    client.send(json!([1, "realm1", {"roles": {"caller": {}}}])).await;
    client.receive().await.unwrap();
    // As large as a frame can be.
    let around = json!([48, 1, {}, "echo", [""]]).to_string().len();
    let text = "x".repeat((1 << 24) - around);
    let message = json!([48, 1, {}, "echo", [text]]).to_string();
    client.0.write_all(&[8, 0, 0, 0]).await.unwrap();
    client.0.write_all(message.as_bytes()).await.unwrap();
    client.0.flush().await.unwrap();
    let result = client.receive().await.unwrap();
    assert_eq!(result[3][0].as_str().unwrap().len(), text.len());
    client.assert_alive().await;
}

#[tokio::test]
async fn over_tls_messages_come_as_parts_of_records_and_in_many() {
    let place = Line::Tls.start(app()).await;
    let mut client = RawClient::join(place.connect().await).await;
    assert_eq!(client.ask(json!([48, 1, {}, "tls"])).await[3][0], "TLSv1.3");
    // One record holds 16 KiB, of which the server reads 4 at a time.
    let text = "x".repeat(3000);
    let mut frames = Vec::new();
    for id in 2..=6 {
        let message = json!([48, id, {}, "echo", [text]]).to_string();
        frames.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
        frames.extend(message.as_bytes());
    }
    assert!(frames.len() < 16 * 1024);
    client.0.write_all(&frames).await.unwrap();
    client.0.flush().await.unwrap();
    for id in 2..=6 {
        assert_eq!(client.receive().await, Some(json!([50, id, {}, [text]])));
    }
    let large = "x".repeat(500_000);
    assert_eq!(client.ask(json!([48, 7, {}, "echo", [large]])).await, json!([50, 7, {}, [large]]));
}

#[tokio::test]
async fn connections_limit_answers_error_4() {
    let address = start(app().limits(Limits { connections: 1, ..Limits::default() })).await;
    let mut first = RawClient::join(TcpStream::connect(address).await.unwrap()).await;
    let mut second = TcpStream::connect(address).await.unwrap();
    second.write_all(&[0x7f, 0xf1, 0, 0]).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(PATIENCE, second.read_to_end(&mut answer)).await.unwrap().unwrap();
    assert_eq!(answer, [0x7f, 0x40, 0, 0]);
    first.assert_alive().await;
}

async fn a_stalled_reader_is_cut_and_harms_nobody(line: Line) {
    let app = app().limits(Limits { write_stall: Duration::from_millis(300), ..Limits::default() });
    let handle = app.handle();
    let place = line.start(app).await;
    let mut good = RawClient::join(place.connect().await).await;
    let mut stalled = RawClient::join(place.connect().await).await;
    stalled.send(json!([48, 1, {"receive_progress": true}, "count", [u32::MAX]])).await;
    for _ in 0..100 {
        good.assert_alive().await;
    }
    assert_eq!(limits::met(&handle, "write_stall").await, 1);
    good.assert_alive().await;
}

async fn a_reader_that_leaves_too_much_is_cut_and_harms_nobody(line: Line) {
    let app = app();
    let handle = app.handle();
    let place = line.start(app).await;
    let mut good = RawClient::join(place.connect().await).await;
    let mut greedy = RawClient::join(place.connect().await).await;
    let flood = tokio::spawn(async move {
        let text = "x".repeat(500_000);
        for id in 1..=200 {
            let message = json!([48, id, {}, "echo", [text]]).to_string();
            let header = u32::try_from(message.len()).unwrap().to_be_bytes();
            // The server stops reading from a peer that it has cut.
            if greedy.0.write_all(&header).await.is_err() || greedy.0.write_all(message.as_bytes()).await.is_err() {
                break;
            }
        }
        greedy
    });
    assert_eq!(limits::met(&handle, "outbound_bytes").await, 1);
    good.assert_alive().await;
    flood.await.unwrap();
}

#[tokio::test]
async fn the_shutdown_lets_calls_end_and_says_goodbye() {
    let place = Place::new("shutdown");
    let server = Server::start(functions().bind(place.address())).await;
    let mut idle = RawClient::join(UnixStream::connect(place.socket()).await.unwrap()).await;
    let mut busy = RawClient::join(UnixStream::connect(place.socket()).await.unwrap()).await;
    busy.send(json!([48, 1, {}, "slow"])).await;
    busy.assert_alive().await;
    server.handle.shutdown();
    let goodbye = json!([6, {}, "wamp.close.system_shutdown"]);
    assert_eq!(idle.receive().await, Some(goodbye.clone()));
    assert!(!place.socket().exists(), "nobody else comes");
    idle.send(json!([6, {}, "wamp.close.goodbye_and_out"])).await;
    assert_eq!(idle.receive().await, None);
    assert_eq!(busy.receive().await, Some(json!([50, 1, {}, ["slept"]])), "a running call ends");
    assert_eq!(busy.receive().await, Some(goodbye));
    drop(busy);
    server.stop().await;
}

#[tokio::test]
async fn a_unix_socket_serves_all_and_knows_who_connects() {
    let place = Place::new("all");
    let server = Server::start(functions().bind(place.address())).await;
    let connect = || UnixStream::connect(place.socket());
    let (uid, pid) =
        (fs::metadata(place.socket()).map(|file| std::os::unix::fs::MetadataExt::uid(&file)).unwrap(), process::id());
    let mut raw = RawClient::join(connect().await.unwrap()).await;
    assert_eq!(raw.ask(json!([48, 1, {}, "peer"])).await, json!([50, 1, {}, ["rawsocket", uid, pid, false]]));
    let mut request = "ws://localhost/ws".into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "wamp.2.json".parse().unwrap());
    let (mut web, _) = tokio_tungstenite::client_async(request, connect().await.unwrap()).await.unwrap();
    for message in [json!([1, "realm1", {"roles": {"caller": {}}}]), json!([48, 1, {}, "peer"])] {
        web.send(Message::text(message.to_string())).await.unwrap();
    }
    web.next().await.unwrap().unwrap();
    let answer = web.next().await.unwrap().unwrap().into_text().unwrap();
    assert_eq!(serde_json::from_str::<Value>(&answer).unwrap(), json!([50, 1, {}, ["websocket", uid, pid, false]]));
    let mut http = connect().await.unwrap();
    http.write_all(b"GET /nothing HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    http.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    drop((raw, web));
    server.stop().await;
}

#[tokio::test]
async fn tickets_are_taken_over_a_unix_socket() {
    let realm = Realm::new("realm1")
        .ticket_authenticator(async |_: Session, ticket: String| (ticket == "sesame").then(|| Authenticated::new(())));
    let place = Place::new("ticket");
    let server = Server::start(functions().realm(realm).bind(place.address())).await;
    for (ticket, expected) in [("sesame", json!([2, "joe"])), ("pencil", json!([3, null]))] {
        let mut client = RawClient::open(UnixStream::connect(place.socket()).await.unwrap()).await;
        let hello = login::hello("realm1", &json!({"authmethods": ["ticket"], "authid": "joe"}));
        assert_eq!(client.ask(hello).await, json!([4, "ticket", {}]));
        let end = client.ask(login::authenticate(ticket)).await;
        assert_eq!(json!([end[0], end[2]["authid"]]), expected, "{end}");
    }
    server.stop().await;
}

#[tokio::test]
async fn unix_sockets_go_without_tls() {
    let place = Place::new("tls");
    let server = Server::start(app_on(&place.address()).tls(localhost().config())).await;
    let mut client = RawClient::join(UnixStream::connect(place.socket()).await.unwrap()).await;
    assert_eq!(client.ask(json!([48, 1, {}, "tls"])).await, json!([50, 1, {}]));
    drop(client);
    server.stop().await;
    let error = App::discover().bind_tls(place.address(), localhost().config()).serve().await.unwrap_err();
    assert!(error.to_string().contains("TLS: expected a port, got unix:"), "{error}");
    assert!(!place.socket().exists());
}

#[tokio::test]
async fn the_file_of_a_unix_socket() {
    let place = Place::new("file");
    let permissions = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for (query, mode) in [("?mode=660", 0o660), ("?mode=0600", 0o600), ("?mode=777", 0o777)] {
        let server = Server::start(app_on(&format!("{}{query}", place.address()))).await;
        assert!(fs::symlink_metadata(place.socket()).unwrap().file_type().is_socket());
        assert_eq!(permissions(&place.socket()), mode, "{query}");
        server.stop().await;
        assert!(!place.socket().exists(), "it is removed when the server stops");
    }
    for wrong in ["?mode=888", "?mode=", "?mode=1777", "?mode=+7", "?other=660", "?"] {
        let error = app_on(&format!("{}{wrong}", place.address())).serve().await.unwrap_err();
        assert!(error.to_string().contains("?mode=660"), "{error}");
        assert!(!place.socket().exists(), "{wrong}");
    }
}

fn app_on(address: &str) -> App {
    App::discover().bind(address)
}

#[tokio::test]
async fn an_abandoned_socket_makes_way_and_nothing_else_does() {
    let place = Place::new("abandoned");
    // A server that was killed leaves its socket behind.
    drop(UnixListener::bind(place.socket()).unwrap());
    assert!(place.socket().exists());
    let server = Server::start(app_on(&place.address())).await;
    let mut client = RawClient::join(UnixStream::connect(place.socket()).await.unwrap()).await;
    client.assert_alive().await;

    // One that is in use stays, and works on.
    let error = app_on(&place.address()).serve().await.unwrap_err();
    assert!(
        matches!(&error, serverwamp::Error::Bind { source, .. } if source.kind() == ErrorKind::AddrInUse),
        "{error}"
    );
    RawClient::join(UnixStream::connect(place.socket()).await.unwrap()).await.assert_alive().await;
    drop(client);
    server.stop().await;

    // What is no socket is never removed: files, folders, and links, even to a socket that is abandoned.
    let abandoned = place.0.join("abandoned");
    drop(UnixListener::bind(&abandoned).unwrap());
    let make: [&dyn Fn(&Path); 3] =
        [&|path| fs::write(path, "precious").unwrap(), &|path| fs::create_dir(path).unwrap(), &|path| {
            std::os::unix::fs::symlink(&abandoned, path).unwrap()
        }];
    for (number, make) in make.into_iter().enumerate() {
        let path = place.0.join(number.to_string());
        make(&path);
        let error = app_on(&format!("unix:{}", path.display())).serve().await.unwrap_err();
        assert!(error.to_string().starts_with("cannot listen on unix:"), "{error}");
        assert!(fs::symlink_metadata(&path).is_ok(), "{error}");
    }
    assert!(abandoned.exists());
}

#[tokio::test]
async fn another_servers_file_stays() {
    let place = Place::new("another");
    let server = Server::start(app_on(&place.address())).await;
    fs::remove_file(place.socket()).unwrap();
    let other = UnixListener::bind(place.socket()).unwrap();
    server.stop().await;
    assert!(place.socket().exists());
    drop(other);
}
