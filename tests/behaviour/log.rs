//! What is logged, within which spans, and what is not.

mod capture;

use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, stream};
use serde_json::{Value, json};
use serverwamp::{
    App, Authenticated, CraCredential, Decision, Inject, Limits, Progress, Realm, RpcError, Session, Uri, routes, wamp,
};
use serverwamp_tests::login::{authenticate, cra, login};
use serverwamp_tests::{Carrier, Peer, Serializer, hello};
use tokio::sync::Notify;
use tokio::time::sleep;
use tracing::{Level, info};

use capture::{Capture, Record};

/// One of each kind of function, each of which says that it runs.
mod speaking {
    use super::*;

    #[wamp::rpc]
    async fn at_once() {
        info!("at_once");
    }

    #[wamp::rpc]
    fn plain() {
        info!("plain");
    }

    #[wamp::rpc]
    async fn later() {
        sleep(Duration::from_millis(10)).await;
        info!("later");
    }

    #[wamp::rpc(detached)]
    async fn detached() {
        sleep(Duration::from_millis(10)).await;
        info!("detached");
    }

    #[wamp::rpc(concurrency = 1)]
    async fn alone() {
        sleep(Duration::from_millis(10)).await;
        info!("alone");
    }

    #[wamp::rpc]
    async fn streamed() -> impl Stream<Item = u32> {
        stream::once(async {
            sleep(Duration::from_millis(10)).await;
            info!("streamed");
            1
        })
    }

    #[wamp::rpc]
    async fn spawned(session: Session) {
        let _ = session.spawn(async { info!("spawned") }).await;
    }

    /// Says so when it is dropped.
    struct Dropped;

    impl Drop for Dropped {
        fn drop(&mut self) {
            info!("dropped");
        }
    }

    #[wamp::rpc]
    async fn dropped() {
        let _guard = Dropped;
        std::future::pending::<()>().await;
    }

    #[wamp::subscribe("news.a")]
    async fn subscribed() {
        sleep(Duration::from_millis(10)).await;
        info!("subscribed");
    }

    #[wamp::unsubscribe("news.a")]
    async fn unsubscribed() {
        info!("unsubscribed");
    }

    #[wamp::event("news.a")]
    async fn event() {
        sleep(Duration::from_millis(10)).await;
        info!("event");
    }

    #[wamp::on_join]
    async fn joined() {
        sleep(Duration::from_millis(10)).await;
        info!("joined");
    }

    #[wamp::on_leave]
    async fn left() {
        info!("left");
    }

    pub(super) fn app() -> App {
        let identify = async |_: Session| {
            info!("identified");
            Some(Authenticated::new(()).authid("joe").role("staff"))
        };
        let authorize = async |_: Session, _: Uri, _| {
            info!("authorized");
            Decision::allow()
        };
        App::discover_in(module_path!()).transport_authenticator(identify).authorizer(authorize)
    }
}

async fn ask(peer: &mut Peer, message: Value) -> Value {
    peer.send(message).await;
    peer.receive().await.expect("an answer")
}

fn transport(serializer: Serializer) -> &'static str {
    match serializer.carrier() {
        Carrier::WebSocket => "websocket",
        Carrier::RawSocket => "rawsocket",
    }
}

/// The names of the spans that a record is within, outermost first.
fn spans(record: &Record) -> Vec<&str> {
    record.spans.iter().map(|span| span.name.as_str()).collect()
}

#[tokio::test]
async fn whatever_runs_for_a_session_is_within_its_span() {
    let functions = ["at_once", "plain", "later", "detached", "alone", "streamed", "spawned"];
    for (level, inner) in [(Level::INFO, false), (Level::DEBUG, true)] {
        for serializer in Serializer::ALL {
            let capture = Capture::start(level);
            let app = speaking::app();
            let mut peer = Peer::join(&app, serializer).await;
            for (id, function) in (1..).zip(functions) {
                assert_eq!(ask(&mut peer, json!([48, id, {}, function])).await[0], 50, "{function}");
            }
            peer.send(json!([48, 20, {}, "dropped"])).await;
            assert_eq!(ask(&mut peer, json!([49, 20, {"mode": "kill"}])).await[0], 8);
            assert_eq!(ask(&mut peer, json!([32, 21, {}, "news.a"])).await[0], 33);
            assert_eq!(
                ask(&mut peer, json!([16, 22, {"acknowledge": true, "exclude_me": true}, "news.a"])).await[0],
                17
            );
            assert_eq!(ask(&mut peer, json!([34, 23, 1])).await[0], 35);
            drop(peer);
            sleep(Duration::from_millis(100)).await;
            let said = capture.take();
            let own = module_path!();
            let said: Vec<&Record> = said.iter().filter(|record| record.target.starts_with(own)).collect();
            let more = ["dropped", "identified", "authorized", "subscribed", "unsubscribed", "event", "joined", "left"];
            for what in functions.into_iter().chain(more) {
                let record = said.iter().find(|record| record.message() == what);
                let record = record.unwrap_or_else(|| panic!("{serializer}: {what} was not said: {said:?}"));
                let session = &record.spans[0];
                assert_eq!(session.name, "session", "{what}");
                assert_eq!((session.field("realm"), session.field("transport")), ("realm1", transport(serializer)));
                assert!(session.field("id").parse::<u64>().is_ok());
                if !["identified", "joined"].contains(&what) {
                    assert_eq!((session.field("authid"), session.field("authrole")), ("joe", "staff"), "{what}");
                }
                let expected = match what {
                    "identified" | "authorized" | "spawned" => None,
                    "subscribed" | "unsubscribed" | "event" | "joined" | "left" => Some("run"),
                    _ => Some("call"),
                };
                let expected: Vec<&str> = ["session"].into_iter().chain(expected.filter(|_| inner)).collect();
                assert_eq!(spans(record), expected, "{serializer}: {what}");
                if expected.last() == Some(&"call") {
                    assert_eq!(record.spans[1].field("procedure"), what);
                    assert!(record.spans[1].field("request").parse::<u64>().is_ok());
                }
            }
            assert!(said.iter().all(|record| record.spans.first().is_some_and(|span| span.name == "session")));
        }
    }
}

#[wamp::rpc(blocking, manual)]
fn blocking() {
    info!("blocking");
}

#[tokio::test]
async fn what_runs_on_the_blocking_pool_is_within_the_span_too() {
    // Its threads have no subscriber of their own.
    let capture = Capture::everywhere(Level::DEBUG);
    let mut peer = Peer::join(&App::new().routes(routes![blocking]), Serializer::Json).await;
    assert_eq!(ask(&mut peer, json!([48, 1, {}, "blocking"])).await[0], 50);
    let records = capture.take();
    let record = records.iter().find(|record| record.message() == "blocking").expect("it is logged");
    assert_eq!(spans(record), ["session", "call"]);
}

#[wamp::rpc("whoami", manual)]
async fn whoami(session: Session) {
    info!(id = %session.id(), "whoami");
}

#[tokio::test(start_paused = true)]
async fn sessions_that_follow_each_other_have_spans_of_their_own() {
    for serializer in Serializer::ALL {
        let capture = Capture::start(Level::INFO);
        let app = App::new().routes(routes![whoami]).realm(Realm::new("other").routes(routes![whoami]));
        let mut peer = Peer::connect(&app, serializer);
        // All in one batch, where there are any.
        let bye = || json!([6, {}, "wamp.close.close_realm"]);
        let call = || json!([48, 1, {}, "whoami"]);
        peer.send_all(&[hello("realm1"), call(), bye(), hello("other"), call(), bye(), bye()]).await;
        while peer.receive().await.is_some() {}
        let said = capture.take();
        let said: Vec<&Record> = said.iter().filter(|record| record.message() == "whoami").collect();
        assert_eq!(said.len(), 2, "{serializer}");
        for (record, realm) in said.into_iter().zip(["realm1", "other"]) {
            assert_eq!(record.spans[0].field("realm"), realm, "{serializer}");
            assert_eq!(record.spans[0].field("id"), record.field("id"), "{serializer}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_came_and_why_they_left() {
    let app = App::new().topics("news.").default_realm(true);
    for (message, why) in [
        (Some(json!([6, {}, "my.reason"])), "the peer said GOODBYE"),
        (Some(json!([3, {}, "my.reason"])), "the peer said ABORT"),
        (Some(json!([7])), "the peer broke the protocol"),
        (None, "the connection is lost"),
    ] {
        for serializer in Serializer::ALL {
            let capture = Capture::start(Level::DEBUG);
            let mut peer = Peer::join(&app, serializer).await;
            if let Some(message) = &message {
                peer.send(message.clone()).await;
                peer.receive().await;
            }
            drop(peer);
            sleep(Duration::from_millis(10)).await;
            let records = capture.take();
            let said = |text: &str| records.iter().find(|record| record.message() == text).expect("said");
            assert_eq!((said("joined").field("realm"), said("joined").field("authrole")), ("realm1", "anonymous"));
            assert_eq!(said("left").field("ending"), why, "{serializer}");
            assert_eq!(said("left").field("session"), said("joined").field("session"));
        }
    }
    let capture = Capture::start(Level::DEBUG);
    let peer = Peer::join(&app, Serializer::Json).await;
    app.handle().close_sessions();
    sleep(Duration::from_millis(10)).await;
    drop(peer);
    assert!(capture.take().iter().any(|record| record.field("ending") == "closed with GOODBYE"));
}

#[tokio::test(start_paused = true)]
async fn refused_logins_and_cut_connections_are_logged_by_default() {
    let capture = Capture::start(Level::INFO);
    let check = async |_: Session, _: String| None::<Authenticated>;
    let realm = Realm::new("closed").ticket_authenticator(check).topics("news.");
    let app = App::discover_in(concat!(module_path!(), "::hostile")).realm(realm).default_realm(false);
    for (realm, message) in [("closed", "refused"), ("nowhere", "refused: there is no such realm")] {
        let mut peer = Peer::connect(&app, Serializer::Json);
        let end = ask(&mut peer, json!([1, realm, {"roles": {"caller": {}}, "authmethods": ["anonymous"]}])).await;
        assert_eq!(end[0], 3);
        let records = capture.take();
        let record = records.iter().find(|record| record.message() == message).expect("it is logged");
        assert_eq!((record.field("realm"), record.level), (realm, Level::INFO));
    }
    let app = App::discover_in(concat!(module_path!(), "::hostile"))
        .limits(Limits { outbound_bytes: 300_000, ..Limits::default() });
    let mut peer = Peer::join(&app, Serializer::Json).await;
    for id in 1..=20 {
        peer.send(json!([48, id, {}, "large"])).await;
    }
    sleep(Duration::from_secs(1)).await;
    let records = capture.take();
    let record = records.iter().find(|record| record.message() == "the connection was cut").expect("it is logged");
    assert_eq!((record.field("limit"), record.level), ("outbound_bytes", Level::WARN));
}

/// Everything that a peer can have a say in.
mod hostile {
    use super::*;

    #[wamp::rpc]
    async fn large() -> String {
        "x".repeat(50_000)
    }

    #[wamp::rpc("any", match = "prefix")]
    async fn any() -> f64 {
        // Not in JSON.
        f64::NAN
    }

    #[wamp::rpc("echo", match = "prefix")]
    async fn echo(text: String) -> Result<(), RpcError> {
        Err(RpcError::new("not a URI").message(text.clone()).arg(text))
    }

    #[wamp::rpc("endless", match = "prefix")]
    async fn endless(progress: Progress<f64>) -> impl Stream<Item = serverwamp::Step<u32, u32>> {
        let _ = progress;
        stream::iter([serverwamp::Step::Progress(1)])
    }

    #[wamp::event("topic", match = "prefix")]
    async fn event(text: String) -> Result<(), RpcError> {
        Err(RpcError::new("my.error").message(text.clone()).arg(text))
    }

    #[wamp::subscribe("topic", match = "prefix")]
    async fn stream_of_nonsense() -> impl Stream<Item = f64> {
        stream::iter([f64::NAN])
    }

    #[wamp::rpc("panics", match = "prefix")]
    async fn panics() {
        panic!("on purpose");
    }
}

#[tokio::test(start_paused = true)]
async fn what_peers_send_is_escaped_and_cut() {
    // No white space, so that it may be in a URI; and 10 kB where a URI may not be.
    let evil = format!("\u{1b}[31m\"\u{202e}\u{7}{}", "x".repeat(150));
    let long = format!("\n{evil}{}", "y".repeat(10_000));
    for serializer in Serializer::ALL {
        let capture = Capture::start(Level::TRACE);
        let app = App::discover_in(concat!(module_path!(), "::hostile"));
        let realm = format!("realm{evil}");
        let mut peer = Peer::connect(&app, serializer);
        let details = json!({"roles": {"caller": {}}, "agent": long, "authid": long});
        assert_eq!(ask(&mut peer, json!([1, realm, details])).await[0], 2);
        for (id, procedure) in (1..).zip(["any", "echo", "endless", "panics", "nowhere"]) {
            ask(&mut peer, json!([48, id, {}, format!("{procedure}.{evil}"), [long]])).await;
        }
        ask(&mut peer, json!([48, 10, {"receive_progress": true}, format!("endless.{evil}")])).await;
        ask(&mut peer, json!([48, 11, {}, long])).await;
        peer.send(json!([16, 12, {}, format!("topic.{evil}"), [long]])).await;
        peer.send(json!([16, 13, {}, format!("topic.{evil}"), [{"not": long}]])).await;
        ask(&mut peer, json!([32, 14, {}, format!("topic.{evil}")])).await;
        ask(&mut peer, json!([6, {"message": long}, format!("bye.{evil}")])).await;

        let deny =
            async |_: Session, uri: Uri, _| if uri.contains('!') { panic!("on purpose") } else { Decision::deny() };
        let guarded = App::discover_in(concat!(module_path!(), "::hostile")).authorizer(deny).transport_authenticator(
            // Who it is, the client says.
            async |session: Session| {
                let claimed = session.claims().authid().unwrap_or_default().to_owned();
                Some(Authenticated::new(()).authid(claimed.clone()).role(claimed))
            },
        );
        let mut peer = Peer::connect(&guarded, serializer);
        assert_eq!(ask(&mut peer, json!([1, realm, {"roles": {"caller": {}}, "authid": long}])).await[0], 2);
        for (id, procedure) in (1..).zip(["any", "any!"]) {
            ask(&mut peer, json!([48, id, {}, format!("{procedure}.{evil}")])).await;
            ask(&mut peer, json!([16, id + 10, {"acknowledge": true}, format!("{procedure}.{evil}")])).await;
        }

        let closed =
            App::discover_in(concat!(module_path!(), "::hostile")).default_realm(false).realm(Realm::new("own"));
        let mut peer = Peer::connect(&closed, serializer);
        assert_eq!(ask(&mut peer, json!([1, realm, {"roles": {"caller": {}}}])).await[0], 3);

        let refusing = App::discover_in(concat!(module_path!(), "::hostile")).transport_authenticator(
            async |session: Session| -> Result<Option<Authenticated>, RpcError> {
                Err(RpcError::new(session.realm()).message(session.claims().authid().unwrap_or_default()))
            },
        );
        let mut peer = Peer::connect(&refusing, serializer);
        assert_eq!(ask(&mut peer, json!([1, realm, {"roles": {"caller": {}}, "authid": long}])).await[0], 3);
        drop(peer);
        sleep(Duration::from_millis(10)).await;

        let records = capture.take();
        let mut escaped = 0;
        for record in records {
            for (name, value) in record.everything() {
                let hostile = value.chars().find(|character| character.is_control() || *character == '\u{202e}');
                assert_eq!(hostile, None, "{serializer}: {name} of {record:?}");
                assert!(value.chars().count() <= 300, "{serializer}: {name} of {record:?}");
                escaped += usize::from(value.contains(r"\u{1b}[31m\"));
            }
        }
        assert!(escaped > 20, "{serializer}: it was tested for {escaped} places");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_does_not_open_cannot_write_to_the_log() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let capture = Capture::start(Level::TRACE);
    let app = App::discover_in(concat!(module_path!(), "::hostile"));
    let evil = "\u{1b}[31m\u{202e}";
    for opening in [
        format!("GET /{evil} HTTP/1.1\r\n\r\n"),
        format!("GET /ws HTTP/1.1\r\nHost: {evil}\r\nUpgrade: {evil}\r\n\r\n"),
        format!("GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nOrigin: {evil}\r\n\r\n"),
        format!("{evil}\r\n\r\n"),
    ] {
        let mut stream = serverwamp::testing::socket(&app).unwrap();
        stream.write_all(opening.as_bytes()).await.unwrap();
        let _ = stream.read_to_end(&mut Vec::new()).await;
    }
    let records = capture.take();
    let refused = records.iter().filter(|record| record.message() == "the connection was not opened");
    assert_eq!(refused.count(), 4);
    for record in &records {
        for (name, value) in record.everything() {
            assert!(!value.contains(['\u{1b}', '\u{202e}']), "{name} of {record:?}");
        }
    }
}

const SECRET: &str = "tr0ub4dor";
const PAYLOAD: &str = "confidential";

mod silent {
    use super::*;

    #[wamp::rpc]
    async fn take(_text: String, done: Inject<Arc<Notify>>) -> &'static str {
        done.notify_one();
        PAYLOAD
    }

    #[wamp::rpc]
    async fn number(_number: u32) {}

    #[wamp::event("news.a")]
    async fn event(_number: u32) {}

    #[wamp::event("news.b")]
    async fn failing(text: String) -> Result<(), RpcError> {
        Err(RpcError::new("my.error").arg(text.clone()).kwarg("text", text))
    }

    #[wamp::rpc]
    async fn unsendable(text: String) -> Result<(), RpcError> {
        Err(RpcError::new("no URI").arg(text))
    }
}

#[tokio::test(start_paused = true)]
async fn neither_payloads_nor_secrets_are_logged() {
    for serializer in Serializer::ALL {
        let capture = Capture::start(Level::TRACE);
        let realm = Realm::new("realm1")
            .ticket_authenticator(async |_: Session, ticket: String| (ticket == SECRET).then(|| Authenticated::new(())))
            .cra_authenticator(
                async |_: Session| Some(CraCredential::password(SECRET)),
                async |_: Session| Some(Authenticated::new(())),
            )
            .open_topics("news.");
        let app = App::discover_in(concat!(module_path!(), "::silent")).inject(Arc::new(Notify::new())).realm(realm);
        let details = |method: &str| json!({"authmethods": [method], "authid": "joe", "authextra": {"token": SECRET}});
        for ticket in [SECRET, concat!("wrong", "tr0ub4dor")] {
            login(&app, serializer, &details("ticket"), |_, _| authenticate(ticket)).await;
        }
        let (welcome, mut peer) =
            login(&app, serializer, &details("wampcra"), |_, challenge| cra(SECRET, challenge)).await;
        assert_eq!(welcome[0], 2);
        let marked = json!([PAYLOAD]);
        let keywords = json!({PAYLOAD: PAYLOAD});
        for (id, procedure) in (1..).zip(["take", "number", "unsendable", "nowhere"]) {
            ask(&mut peer, json!([48, id, {"_x": PAYLOAD}, procedure, marked])).await;
            ask(&mut peer, json!([48, id + 10, {}, procedure, [], keywords])).await;
        }
        for (id, topic) in (30..).zip(["news.a", "news.b", "news.c", "other"]) {
            ask(&mut peer, json!([16, id, {"acknowledge": true}, topic, marked, keywords])).await;
        }
        ask(&mut peer, json!([32, 40, {}, "news.c"])).await;
        ask(&mut peer, json!([16, 41, {"acknowledge": true, "exclude_me": false}, "news.c", marked])).await;
        // What is no message at all.
        peer.send_frame(&serializer.encode(&json!([48, 99, {}, "take", PAYLOAD]))).await;
        while peer.receive().await.is_some() {}
        let records = capture.take();
        assert!(records.len() > 10, "{records:?}");
        for record in &records {
            for (name, value) in record.everything() {
                assert!(!value.contains(SECRET) && !value.contains(PAYLOAD), "{serializer}: {name} of {record:?}");
            }
        }
    }
}
