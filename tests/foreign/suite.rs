//! One suite for both routers, Crossbar and ours: functions hosted there, which a client in Python calls and is called by, and
//! all that clients do.

use std::future::IntoFuture;
use std::time::Duration;

use futures_util::{Stream, StreamExt, stream};
use serverwamp::client::{Serializer, State};
use serverwamp::{
    CallError, CancelMode, Client, Component, ConnectError, Credentials, EventDetails, Inject, InvokePolicy,
    MatchPolicy, Progress, Request, RpcError, RpcResult, Session, SigningKey, routes, wamp,
};
use tokio::sync::mpsc;

use super::routers::{Brand, PASSWORD, PRIVATE_KEY, Router, START_TIME, USER};
use super::*;

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
    let caller = request.caller().expect("the router tells callers");
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
    assert!(details.publisher().is_some(), "the router tells publishers");
    let _ = seen.0.try_send((details.topic().to_string(), text));
}

#[wamp::event("python..any", match = "wildcard", manual)]
async fn any(text: String, seen: Inject<Seen>, details: EventDetails) {
    let _ = seen.0.try_send((details.topic().to_string(), text));
}

/// Every codec, over both transports.
fn lines(router: &Router) -> Vec<(String, Serializer)> {
    let codecs = [Serializer::Json, Serializer::MessagePack, Serializer::Cbor];
    let urls = [router.web_socket(), router.raw_socket()];
    urls.into_iter().flat_map(|url| codecs.map(|codec| (url.clone(), codec))).collect()
}

/// The program's functions, on a router.
fn hosted(url: String, serializer: Serializer, seen: &mpsc::Sender<(String, String)>) -> Component {
    Component::new(url)
        .routes(routes![add, octets, count, items, fail, endless, who, relay, guarded, exact, any])
        .inject(Seen(seen.clone()))
        .serializers([serializer])
}

/// Runs the script that calls the functions.
async fn python(url: &str, codec: &str) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("foreign").join("hosted.py");
    let process = Command::new(installed("python").join("bin/python"))
        .arg(script)
        .args([url, codec])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("Python");
    let output = finish(process).await;
    let (said, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{url} {codec}: {said}{wrong}");
}

/// The next of what the functions have seen.
async fn next(seen: &mut mpsc::Receiver<(String, String)>) -> (String, String) {
    timeout(SCRIPT_TIME, seen.recv()).await.expect("something in time").expect("something")
}

/// Declares the suite for a router.
macro_rules! suite {
    ($module:ident, $brand:expr) => {
        mod $module {
            use super::Brand;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn functions_are_hosted_in_every_serializer() {
                super::functions_are_hosted_in_every_serializer($brand).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn a_client_does_all_that_clients_do() {
                super::a_client_does_all_that_clients_do($brand).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn everything_is_back_when_the_router_is() {
                super::everything_is_back_when_the_router_is($brand).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn clients_log_in() {
                super::clients_log_in($brand).await;
            }
        }
    };
}

suite!(crossbar, Brand::Crossbar);
suite!(ours, Brand::Ours);

async fn functions_are_hosted_in_every_serializer(brand: Brand) {
    let router = Router::start(brand, "").await;
    let (sender, mut seen) = mpsc::channel(16);
    // The function's codec is never the caller's over the same transport, but both have each once.
    for ((url, serializer), codec) in lines(&router).into_iter().zip(["msgpack", "cbor", "json"].into_iter().cycle()) {
        let component = hosted(url.clone(), serializer, &sender);
        let client = component.client();
        let running = tokio::spawn(component.into_future());
        // Crossbar takes a while to start; the client tries again meanwhile.
        timeout(START_TIME, client.joined()).await.expect("a session in time").expect("a session");
        python(&url, codec).await;
        let mut events = vec![next(&mut seen).await, next(&mut seen).await, next(&mut seen).await];
        events.sort();
        let expected = [("canceled", ""), ("python.event", "ä"), ("python.x.any", "b")];
        assert_eq!(events, expected.map(|(topic, text)| (topic.to_owned(), text.to_owned())), "{url} {serializer:?}");
        client.stop().await;
        running.await.expect("no panic").expect("a clean end");
    }
    router.stop().await;
}

async fn a_client_does_all_that_clients_do(brand: Brand) {
    let router = Router::start(brand, "").await;
    for (url, serializer) in lines(&router) {
        let connect = || Client::connect(url.clone()).serializers([serializer]).into_future();
        let callee = timeout(START_TIME, connect()).await.expect("a session in time").expect("a session");
        let caller = connect().await.expect("a session");
        let details = caller.details().expect("a session");
        assert_eq!((details.realm(), details.authrole()), ("realm1", "guest"));
        calls(&callee, &caller).await;
        events(&callee, &caller).await;
        callee.stop().await;
        let echoed = match brand {
            Brand::Crossbar => "wamp.close.normal",
            Brand::Ours => "wamp.close.goodbye_and_out",
        };
        assert_eq!(caller.leave("wamp.close.normal", "").await, echoed);
    }
    router.stop().await;
}

async fn calls(callee: &Client, caller: &Client) {
    let add = callee.register("c.add", |a: i64, b: i64| async move { a + b }).await.expect("a registration");
    assert_eq!(caller.call("c.add", (2, 3)).await, Ok(5));
    let refused = caller.register("c.add", || async {}).await.expect_err("it is taken");
    assert_eq!(refused.uri(), Some("wamp.error.procedure_already_exists"));
    let unknown = caller.call::<()>("c.unknown", ()).await.expect_err("there is none");
    assert_eq!(unknown.uri(), Some("wamp.error.no_such_procedure"));
    add.unregister().await.expect("the end of a registration");
    assert!(caller.call::<i64>("c.add", (2, 3)).await.is_err());

    let large = 9_007_199_254_740_993_i64;
    let echo = callee.register("c.echo", |octets: Vec<u8>, number: i64, text: String, float: f64| async move {
        (serde_bytes::ByteBuf::from(octets), number, text, float)
    });
    let echo = echo.await.expect("a registration");
    let sent = (serde_bytes::ByteBuf::from([0, 1, 255]), large, "ä€😀".to_owned(), 0.1);
    assert_eq!(caller.call("c.echo", &sent).await, Ok(sent));
    drop(echo);

    let fail = || async { Err::<(), _>(RpcError::new("c.error").arg(7).kwarg("why", "x")) };
    let fail = callee.register("c.fail", fail).await.expect("a registration");
    let error = caller.call::<()>("c.fail", ()).await.expect_err("it fails");
    assert_eq!(error, CallError::Remote(RpcError::new("c.error").arg(7).kwarg("why", "x")));
    drop(fail);

    let parts = callee.register("c.parts", |to: u32, progress: Progress<u32>| async move {
        for number in 0..to {
            let _ = progress.send(number).await;
        }
        "done"
    });
    let parts = parts.await.expect("a registration");
    let progressive = caller.call::<String>("c.parts", [100]).progress::<u32>().await.expect("a call");
    let (numbers, last) = progressive.collect().await.expect("a result");
    assert_eq!((numbers, last.as_str()), ((0..100).collect(), "done"));
    drop(parts);

    let (dropped, mut ends) = mpsc::channel(1);
    let endless = callee.register("c.endless", move || {
        let guard = Guard(dropped.clone());
        async move {
            let _guard = guard;
            std::future::pending::<()>().await;
        }
    });
    let endless = endless.await.expect("a registration");
    let late = caller.call::<()>("c.endless", ()).timeout(Duration::from_millis(300)).await.expect_err("it is late");
    assert_eq!(late.uri(), Some("wamp.error.timeout"));
    timeout(SCRIPT_TIME, ends.recv()).await.expect("the handler ends in time");
    let canceled = caller.call::<()>("c.endless", ()).cancel_mode(CancelMode::KillNoWait).into_future();
    assert!(timeout(Duration::from_millis(300), canceled).await.is_err(), "it is dropped, which cancels the call");
    timeout(SCRIPT_TIME, ends.recv()).await.expect("the handler ends in time");
    drop(endless);

    let prefix = callee.register("c.any.", |request: Request| async move { request.uri().to_string() });
    let prefix = prefix.prefix().await.expect("a registration");
    let wildcard = callee.register("c..any", |request: Request| async move { request.uri().to_string() });
    let wildcard = wildcard.wildcard().await.expect("a registration");
    for procedure in ["c.any.thing", "c.of.any"] {
        assert_eq!(caller.call(procedure, ()).await, Ok(procedure.to_owned()));
    }
    drop((prefix, wildcard));

    let shared = async |client: &Client, name: &'static str| {
        let sharing = client.register("c.shared", move || async move { name }).invoke(InvokePolicy::RoundRobin);
        sharing.await.expect("a registration")
    };
    let sharing = (shared(callee, "callee").await, shared(caller, "caller").await);
    let mut names = Vec::new();
    for _ in 0..4 {
        names.push(caller.call::<String>("c.shared", ()).await.expect("a name"));
    }
    names.sort();
    assert_eq!(names, ["callee", "callee", "caller", "caller"]);
    sharing.0.unregister().await.expect("the end of a registration");
    sharing.1.unregister().await.expect("the end of a registration");
}

/// Tells that a handler was dropped.
struct Guard(mpsc::Sender<()>);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.try_send(());
    }
}

async fn events(subscriber: &Client, publisher: &Client) {
    let mut exact = subscriber.subscribe("c.topic.a").await.expect("a subscription");
    let mut prefix = subscriber.subscribe("c.topic.").matching(MatchPolicy::Prefix).await.expect("a subscription");
    let mut wildcard = subscriber.subscribe("c..a").wildcard().await.expect("a subscription");
    publisher.publish("c.topic.a", (1, "ä")).acknowledge().await.expect("a publication");
    for subscription in [&mut exact, &mut prefix, &mut wildcard] {
        let event = timeout(SCRIPT_TIME, subscription.next()).await.expect("an event in time").expect("an event");
        assert_eq!((event.topic(), event.arg(0), event.arg(1)), ("c.topic.a", Ok(1), Ok("ä".to_owned())));
        assert_eq!(event.publisher(), publisher.session_id());
    }
    // Those who are not meant, and the publisher itself, get nothing.
    let own = subscriber.session_id().expect("a session");
    publisher.publish("c.topic.b", [2]).exclude([own]).acknowledge().await.expect("a publication");
    subscriber.publish("c.topic.b", [3]).acknowledge().await.expect("a publication");
    subscriber.publish("c.topic.b", [4]).exclude_me(false).acknowledge().await.expect("a publication");
    for number in 5..100 {
        publisher.publish("c.topic.b", [number]).await.expect("a publication");
    }
    for number in 4..100 {
        let event = timeout(SCRIPT_TIME, prefix.next()).await.expect("an event in time").expect("an event");
        assert_eq!(event.arg(0), Ok(number));
    }
    for subscription in [exact, prefix, wildcard] {
        subscription.unsubscribe().await.expect("the end of a subscription");
    }
    let retaining = publisher.publish("c.retained", ["kept"]).retain(true).acknowledge();
    retaining.await.expect("a publication");
    let mut late = subscriber.subscribe("c.retained").get_retained(true).await.expect("a subscription");
    let event = timeout(SCRIPT_TIME, late.next()).await.expect("an event in time").expect("an event");
    assert_eq!(event.arg(0), Ok("kept".to_owned()));
}

async fn everything_is_back_when_the_router_is(brand: Brand) {
    let router = Router::start(brand, "").await;
    let (sender, _seen) = mpsc::channel(16);
    for (url, serializer) in lines(&router) {
        let component = hosted(url.clone(), serializer, &sender);
        let client = component.client();
        let running = tokio::spawn(component.into_future());
        timeout(START_TIME, client.joined()).await.expect("a session in time").expect("a session");
        client.stop().await;
        running.await.expect("no panic").expect("a clean end");
    }
    let component = hosted(router.web_socket(), Serializer::Cbor, &sender);
    let client = component.client();
    let running = tokio::spawn(component.into_future());
    timeout(START_TIME, client.joined()).await.expect("a session in time").expect("a session");
    let before = client.session_id();
    let mut states = client.states();
    // The router ends all sessions; the ports stay the same.
    let router = router.restart().await;
    for expected in [State::Lost, State::Connecting, State::Joined] {
        let mut reached = std::pin::pin!(states.by_ref().filter(|state| std::future::ready(*state == expected)));
        timeout(START_TIME, reached.next()).await.expect("a state in time").expect("a client that goes on");
    }
    assert_ne!(client.session_id(), before);
    python(&router.web_socket(), "json").await;
    client.stop().await;
    running.await.expect("no panic").expect("a clean end");
    router.stop().await;
}

async fn clients_log_in(brand: Brand) {
    let router = Router::start(brand, "").await;
    // Crossbar is not there at once.
    let first = Client::connect(router.web_socket()).into_future();
    timeout(START_TIME, first).await.expect("a session in time").expect("a session");
    let key = || SigningKey::from_hex(PRIVATE_KEY).expect("a key");
    for serializer in [Serializer::Json, Serializer::MessagePack, Serializer::Cbor] {
        let log_in = |credentials: Credentials| {
            let connecting = Client::connect(router.members()).realm("members").serializers([serializer]);
            connecting.credentials(credentials).max_retries(0).into_future()
        };
        let mut right = vec![
            (Credentials::ticket(USER, PASSWORD), "ticket"),
            (Credentials::cra(USER, PASSWORD), "wampcra"),
            (Credentials::cryptosign(key()).authid(USER), "cryptosign"),
        ];
        if brand == Brand::Ours {
            right.push((Credentials::scram(USER, PASSWORD), "wamp-scram"));
        }
        for (credentials, method) in right {
            let client = log_in(credentials).await.unwrap_or_else(|error| panic!("{method}: {error}"));
            let details = client.details().expect("a session");
            assert_eq!((details.authid(), details.authrole(), details.authmethod()), (USER, "user", method));
            let own = client.register("own", || async { 1 }).await.expect("a registration");
            assert_eq!(client.call("own", ()).await, Ok(1));
            drop(own);
        }
        for credentials in [
            Credentials::ticket(USER, "wrong"),
            Credentials::ticket("nobody", PASSWORD),
            Credentials::cra(USER, "wrong"),
            Credentials::anonymous(),
        ] {
            let refused = log_in(credentials).await.expect_err("the credentials are wrong");
            assert!(matches!(refused, ConnectError::Refused { .. }), "{refused:?}");
        }
    }
    router.stop().await;
}
