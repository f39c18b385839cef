//! Functions on Crossbar, a router in Python, called by and calling a client in Python.

use std::future::IntoFuture;
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::{Stream, stream};
use serde_json::{Value, json};
use serverwamp::client::Serializer;
use serverwamp::{
    Client, Component, EventDetails, Inject, MatchPolicy, Progress, Request, RpcError, RpcResult, Session, routes, wamp,
};
use tokio::sync::mpsc;

use super::*;

/// How long Crossbar may take to start on a busy machine.
pub(crate) const START_TIME: Duration = Duration::from_secs(300);

/// What the event functions have seen.
struct Seen(mpsc::Sender<(String, String)>);

#[wamp::rpc("hosted.add", manual)]
async fn add(a: i64, #[wamp(default = 10)] b: i64) -> i64 {
    a + b
}

#[wamp::rpc("hosted.octets", manual)]
async fn octets(octets: Vec<u8>) -> Vec<u8> {
    octets.into_iter().rev().collect()
}

#[wamp::rpc("hosted.count", manual)]
async fn count(to: u32, progress: Progress<u32>) -> &'static str {
    for number in 0..to {
        progress.send(number).await.ok();
    }
    "done"
}

#[wamp::rpc("hosted.stream", manual)]
async fn items() -> impl Stream<Item = u32> {
    stream::iter(0..3)
}

#[wamp::rpc("hosted.fail", manual)]
async fn fail() -> Result<(), RpcError> {
    Err(RpcError::new("hosted.error.on_purpose").arg(1).kwarg("why", "x"))
}

#[wamp::rpc("hosted.endless", manual)]
async fn endless(seen: Inject<Seen>) {
    struct Guard(mpsc::Sender<(String, String)>);
    impl Drop for Guard {
        fn drop(&mut self) {
            let _ = self.0.try_send(("canceled".to_owned(), String::new()));
        }
    }
    let _guard = Guard(seen.0.clone());
    std::future::pending().await
}

#[wamp::rpc("hosted.who.", match = "prefix", manual)]
async fn who(request: Request, session: Session) -> RpcResult {
    let caller = request.caller().expect("Crossbar tells callers");
    let result = RpcResult::new().arg(request.uri()).arg(caller.session).arg(&caller.authrole);
    result.kwarg("own", session.id()).kwarg("realm", session.realm())
}

#[wamp::rpc("hosted.relay", manual)]
async fn relay(procedure: String, a: i64, b: i64, client: Client) -> Result<i64, RpcError> {
    Ok(client.call(procedure, (a, b)).await?)
}

#[wamp::rpc("hosted.guarded", role = "guest", manual)]
async fn guarded() -> bool {
    true
}

#[wamp::event("python.event", manual)]
async fn exact(text: String, seen: Inject<Seen>, details: EventDetails) {
    assert!(details.publisher().is_some(), "Crossbar tells publishers");
    let _ = seen.0.try_send((details.topic().to_string(), text));
}

#[wamp::event("python..any", match = "wildcard", manual)]
async fn any(text: String, seen: Inject<Seen>, details: EventDetails) {
    let _ = seen.0.try_send((details.topic().to_string(), text));
}

/// Crossbar at work.
pub(crate) struct Crossbar {
    web_socket: u16,
    raw_socket: u16,
    folder: PathBuf,
    process: Child,
}

/// An endpoint of Crossbar's.
pub(crate) fn tcp(port: u16) -> Value {
    json!({"type": "tcp", "interface": "127.0.0.1", "port": port})
}

/// One realm that is open to all, over both ports.
fn open(web_socket: u16, raw_socket: u16) -> Value {
    let allow = json!({"call": true, "register": true, "publish": true, "subscribe": true});
    let permissions = json!([{"uri": "", "match": "prefix", "allow": allow,
        "disclose": {"caller": true, "publisher": true}, "cache": true}]);
    let guests = json!({"anonymous": {"type": "static", "role": "guest"}});
    let serializers = json!(["cbor", "msgpack", "json"]);
    json!({
        "type": "router",
        "realms": [{"name": "realm1", "roles": [{"name": "guest", "permissions": permissions}]}],
        "transports": [
            {"type": "websocket", "endpoint": tcp(web_socket), "serializers": serializers, "auth": guests},
            {"type": "rawsocket", "endpoint": tcp(raw_socket), "serializers": serializers, "auth": guests},
        ],
    })
}

impl Crossbar {
    fn start(name: &str) -> Crossbar {
        Crossbar::start_with(name, open)
    }

    /// Starts Crossbar with one worker, which is configured for two ports.
    pub(crate) fn start_with(name: &str, worker: impl FnOnce(u16, u16) -> Value) -> Crossbar {
        // Two ports that nobody else has right now.
        let listeners = [0, 1].map(|_| TcpListener::bind("127.0.0.1:0").expect("a port"));
        let [web_socket, raw_socket] = listeners.map(|listener| listener.local_addr().expect("an address").port());
        let folder = std::env::temp_dir().join(format!("serverwamp-crossbar-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder for Crossbar");
        let config = json!({"version": 2, "workers": [worker(web_socket, raw_socket)]});
        std::fs::write(folder.join("config.json"), config.to_string()).expect("Crossbar's configuration");
        let process = Command::new(installed("crossbar").join("bin/crossbar"))
            .args(["start", "--cbdir"])
            .arg(&folder)
            .stdin(Stdio::null())
            .stdout(std::fs::File::create(folder.join("log")).expect("a log"))
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("Crossbar");
        Crossbar { web_socket, raw_socket, folder, process }
    }

    pub(crate) fn web_socket(&self) -> String {
        format!("ws://127.0.0.1:{}/", self.web_socket)
    }

    pub(crate) fn raw_socket(&self) -> String {
        format!("rs://127.0.0.1:{}", self.raw_socket)
    }

    /// Ends Crossbar, with the workers that it has started.
    pub(crate) async fn stop(mut self) {
        let node = self.process.id().expect("a process that runs").to_string();
        let told = Command::new("kill").args(["-INT", &node]).status().await.expect("kill");
        assert!(told.success());
        timeout(START_TIME, self.process.wait()).await.expect("Crossbar ends in time").expect("its end");
        std::fs::remove_dir_all(&self.folder).expect("Crossbar's folder");
    }
}

/// The program's functions, on a router.
fn hosted(url: String, serializer: Serializer, seen: &mpsc::Sender<(String, String)>) -> Component {
    Component::new(url)
        .routes(routes![add, octets, count, items, fail, endless, who, relay, guarded, exact, any])
        .inject(Seen(seen.clone()))
        .serializers([serializer])
}

/// Runs the script that calls the functions.
async fn python(crossbar: &Crossbar, codec: &str) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("foreign").join("through_crossbar.py");
    let process = Command::new(installed("python").join("bin/python"))
        .arg(script)
        .args([crossbar.web_socket(), codec.to_owned()])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("Python");
    let output = finish(process).await;
    let (said, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{codec}: {said}{wrong}");
}

/// The next of what the functions have seen.
async fn next(seen: &mut mpsc::Receiver<(String, String)>) -> (String, String) {
    timeout(SCRIPT_TIME, seen.recv()).await.expect("something in time").expect("something")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn functions_are_hosted_in_every_serializer() {
    let crossbar = Crossbar::start("hosted");
    let (sender, mut seen) = mpsc::channel(16);
    for (url, serializer, codec) in [
        (crossbar.web_socket(), Serializer::Json, "msgpack"),
        (crossbar.web_socket(), Serializer::MessagePack, "cbor"),
        (crossbar.web_socket(), Serializer::Cbor, "json"),
        (crossbar.raw_socket(), Serializer::Json, "json"),
        (crossbar.raw_socket(), Serializer::MessagePack, "msgpack"),
        (crossbar.raw_socket(), Serializer::Cbor, "cbor"),
    ] {
        let component = hosted(url.clone(), serializer, &sender);
        let client = component.client();
        let running = tokio::spawn(component.into_future());
        // Crossbar takes a while to start; the client tries again meanwhile.
        timeout(START_TIME, client.joined()).await.expect("a session in time").expect("a session");
        python(&crossbar, codec).await;
        let mut events = vec![next(&mut seen).await, next(&mut seen).await, next(&mut seen).await];
        events.sort();
        let expected = [("canceled", ""), ("python.event", "ä"), ("python.x.any", "b")];
        assert_eq!(events, expected.map(|(topic, text)| (topic.to_owned(), text.to_owned())), "{url} {serializer:?}");
        client.stop().await;
        running.await.expect("no panic").expect("a clean end");
    }
    crossbar.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_does_all_that_clients_do() {
    let crossbar = Crossbar::start("client");
    for (url, serializer) in [
        (crossbar.web_socket(), Serializer::Json),
        (crossbar.web_socket(), Serializer::MessagePack),
        (crossbar.web_socket(), Serializer::Cbor),
        (crossbar.raw_socket(), Serializer::Cbor),
    ] {
        let connect = || Client::connect(url.clone()).serializers([serializer]).into_future();
        let callee = timeout(START_TIME, connect()).await.expect("a session in time").expect("a session");
        let caller = connect().await.expect("a session");
        let details = caller.details().expect("a session");
        assert_eq!((details.realm(), details.authrole()), ("realm1", "guest"));

        let add = callee.register("c.add", |a: i64, b: i64| async move { a + b }).await.expect("a registration");
        let endless = callee.register("c.endless", std::future::pending::<()>).await.expect("a registration");
        assert_eq!(caller.call("c.add", (2, 3)).await, Ok(5));
        let refused = caller.register("c.add", || async {}).await.expect_err("it is taken");
        assert_eq!(refused.uri(), Some("wamp.error.procedure_already_exists"));
        let unknown = caller.call::<()>("c.unknown", ()).await.expect_err("there is none");
        assert_eq!(unknown.uri(), Some("wamp.error.no_such_procedure"));
        let late = caller.call::<()>("c.endless", ()).timeout(Duration::from_millis(300)).await;
        assert_eq!(late, Err(serverwamp::CallError::TimedOut), "Crossbar knows no timeouts in milliseconds");

        let mut subscription =
            callee.subscribe("c.topic.").matching(MatchPolicy::Prefix).await.expect("a subscription");
        caller.publish("c.topic.a", (1, "ä")).acknowledge().await.expect("a publication");
        let event = subscription.next().await.expect("an event");
        assert_eq!((event.topic(), event.arg(0), event.arg(1)), ("c.topic.a", Ok(1), Ok("ä".to_owned())));
        assert_eq!(event.publisher(), caller.session_id());
        subscription.unsubscribe().await.expect("the end of a subscription");
        add.unregister().await.expect("the end of a registration");
        drop(endless);
        callee.stop().await;
        assert_eq!(caller.leave("wamp.close.normal", "").await, "wamp.close.normal", "Crossbar echoes the reason");
    }
    crossbar.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_back_when_the_router_is() {
    let first = Crossbar::start("restarted");
    let (sender, _seen) = mpsc::channel(16);
    let component = hosted(first.web_socket(), Serializer::Cbor, &sender);
    let client = component.client();
    let running = tokio::spawn(component.into_future());
    timeout(START_TIME, client.joined()).await.expect("a session in time").expect("a session");
    let before = client.session_id();
    // The router ends all sessions; the ports stay the same.
    let (web_socket, raw_socket) = (first.web_socket, first.raw_socket);
    let folder = first.folder.clone();
    let config = std::fs::read(folder.join("config.json")).expect("a configuration");
    first.stop().await;
    assert!(!client.is_connected());
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("config.json"), config).expect("a configuration");
    let process = Command::new(installed("crossbar").join("bin/crossbar"))
        .args(["start", "--cbdir"])
        .arg(&folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("Crossbar");
    let second = Crossbar { web_socket, raw_socket, folder, process };
    timeout(START_TIME, client.joined()).await.expect("a session in time").expect("a session");
    assert_ne!(client.session_id(), before);
    python(&second, "json").await;
    client.stop().await;
    running.await.expect("no panic").expect("a clean end");
    second.stop().await;
}
