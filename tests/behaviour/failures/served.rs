//! Functions that this process serves.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::{Stream, stream};
use serde_json::json;
use serverwamp::testing::TestClient;
use serverwamp::{App, FailureKind, RpcError, WampError, routes, wamp};
use serverwamp_tests::{Peer, Serializer};

use super::hook;

#[derive(Debug, WampError)]
#[wamp(prefix = "app.error")]
enum Problem {
    Known,
    #[wamp(internal)]
    Hidden(#[allow(dead_code, reason = "it is shown by `Debug`")] u8),
    /// Its argument is of no codec.
    Unsendable(std::collections::BTreeMap<(u8, u8), u8>),
}

#[wamp::rpc(manual)]
async fn known() -> Result<(), Problem> {
    Err(Problem::Known)
}

#[wamp::rpc(manual)]
async fn ad_hoc() -> Result<(), RpcError> {
    Err(RpcError::default())
}

#[wamp::rpc(manual)]
async fn hidden() -> Result<(), Problem> {
    Err(Problem::Hidden(7))
}

#[wamp::rpc(manual)]
async fn unsendable() -> Result<(), Problem> {
    Err(Problem::Unsendable([((1, 2), 3)].into()))
}

#[wamp::rpc(manual)]
async fn no_uri() -> Result<(), RpcError> {
    Err(RpcError::new("no uri"))
}

#[wamp::rpc(manual)]
async fn standard() -> Result<(), io::Error> {
    Err(io::Error::other("the disk is full"))
}

#[wamp::rpc(detached, manual)]
async fn detached() -> Result<(), io::Error> {
    tokio::task::yield_now().await;
    Err(io::Error::other("the disk is still full"))
}

#[wamp::rpc(blocking, manual)]
fn blocking() {
    panic!("on the pool")
}

#[wamp::rpc(manual)]
async fn panics() {
    panic!("on purpose")
}

#[wamp::rpc(manual)]
async fn streams() -> impl Stream<Item = Result<u8, io::Error>> {
    stream::iter([Ok(1), Err(io::Error::other("the stream is dry"))])
}

#[wamp::rpc(manual)]
async fn unencodable() -> f64 {
    f64::NAN
}

#[wamp::rpc(manual)]
async fn asks(_number: u8) {}

#[wamp::rpc(manual)]
async fn endless() {
    struct Guard;
    impl Drop for Guard {
        fn drop(&mut self) {
            panic!("in a guard")
        }
    }
    let _guard = Guard;
    std::future::pending().await
}

#[wamp::event("news", manual)]
async fn news(fails: bool) -> Result<(), Problem> {
    if fails { Err(Problem::Known) } else { Ok(()) }
}

#[wamp::subscribe("closed", manual)]
async fn closed() -> Result<(), io::Error> {
    Err(io::Error::other("no key"))
}

#[wamp::on_leave(manual)]
async fn left() -> Result<(), RpcError> {
    Err(RpcError::new("app.error.late"))
}

#[tokio::test]
async fn failures_are_told_with_what_they_ran_for() {
    for serializer in Serializer::ALL {
        let (hook, mut told) = hook();
        let functions = routes![
            known,
            ad_hoc,
            hidden,
            unsendable,
            no_uri,
            standard,
            detached,
            blocking,
            panics,
            streams,
            unencodable,
            asks,
            endless,
            news,
            closed,
            left
        ];
        let app = App::new().routes(functions).on_error(hook);
        let mut peer = Peer::connect(&app, serializer);
        peer.send(serverwamp_tests::hello("realm1")).await;
        let session = peer.receive().await.unwrap()[1].as_u64().unwrap();
        let is_json = unencodable_in(serializer);
        let error = |text: &str| Some((FailureKind::Error, text.to_owned()));
        let panic = |text: &str| Some((FailureKind::Panic, text.to_owned()));
        let calls = [
            ("known", None),
            ("ad_hoc", None),
            ("asks", None),
            ("nobody", None),
            ("hidden", error("Hidden(7)")),
            ("unsendable", Some((FailureKind::Unencodable, "…".to_owned()))),
            ("no_uri", Some((FailureKind::Unencodable, "…".to_owned()))),
            ("standard", error("the disk is full")),
            ("detached", error("the disk is still full")),
            ("blocking", panic("on the pool")),
            ("panics", panic("on purpose")),
            ("streams", error("the stream is dry")),
            ("unencodable", is_json.then(|| (FailureKind::Unencodable, "…".to_owned()))),
        ];
        for (request, (procedure, expected)) in (1..).zip(calls) {
            peer.send(json!([48, request, {}, procedure])).await;
            peer.receive().await.expect("an answer");
            let Some((kind, message)) = expected else { continue };
            let report = told.next().await;
            assert_eq!((report.kind, report.function), (kind, format!("procedure `{procedure}`")), "{serializer}");
            assert_eq!((report.uri.as_deref(), report.annotated), (Some(procedure), true), "{serializer}");
            assert_eq!(report.caller, Some((session, "anonymous".to_owned())), "{serializer}");
            assert!(message == "…" || message == report.message, "{serializer}: {}", report.message);
        }
        // An event whose arguments do not fit is its publisher's fault.
        for arguments in [json!([]), json!([false]), json!([true])] {
            peer.send(json!([16, 30, {"acknowledge": true}, "news", arguments])).await;
            assert_eq!(peer.receive().await.unwrap()[0], 17, "{serializer}");
        }
        let report = told.next().await;
        assert_eq!((report.kind, report.message.as_str()), (FailureKind::Error, "app.error.known"), "{serializer}");
        assert_eq!((report.function.as_str(), report.uri.as_deref()), ("event `news`", Some("news")), "{serializer}");
        assert_eq!(report.caller, Some((session, "anonymous".to_owned())), "{serializer}");
        peer.send(json!([32, 31, {}, "closed"])).await;
        peer.receive().await.expect("a refusal");
        let report = told.next().await;
        assert_eq!(
            (report.function.as_str(), report.message.as_str()),
            ("subscribe `closed`", "no key"),
            "{serializer}"
        );
        peer.send(json!([48, 40, {}, "endless"])).await;
        peer.send(json!([49, 40, {}])).await;
        peer.receive().await.expect("an error");
        let report = told.next().await;
        assert_eq!((report.kind, report.message.as_str()), (FailureKind::Panic, "in a guard"), "{serializer}");
        drop(peer);
        let report = told.next().await;
        assert_eq!((report.function.as_str(), report.uri), ("on_leave `left`", None), "{serializer}");
        assert_eq!(report.message, "app.error.late", "{serializer}");
        drop(app);
        told.ends().await;
    }
}

/// JSON has no NaN.
fn unencodable_in(serializer: Serializer) -> bool {
    matches!(serializer, Serializer::Json | Serializer::JsonBatched | Serializer::RawSocketJson)
}

#[tokio::test]
async fn the_error_itself_can_be_had() {
    let (tell, told) = std::sync::mpsc::sync_channel(16);
    let app = App::new().routes(routes![standard, hidden]).on_error(move |failure| {
        let kind = failure.error().and_then(|error| error.downcast_ref::<io::Error>()).map(io::Error::kind);
        tell.send((kind, failure.to_string(), failure.location().map(str::to_owned))).unwrap();
    });
    let client = TestClient::connect(&app).await.unwrap();
    client.call::<()>("standard", ()).await.unwrap_err();
    client.call::<()>("hidden", ()).await.unwrap_err();
    let (kind, text, place) = told.recv().unwrap();
    assert_eq!(kind, Some(io::ErrorKind::Other));
    assert_eq!(text, "procedure `standard` failed: the disk is full");
    assert!(place.unwrap().starts_with(file!()));
    assert_eq!(told.recv().unwrap().0, None);
}

#[tokio::test]
async fn realms_own_handlers_report_too() {
    let (hook, mut told) = hook();
    let app = App::new().call_handler(|_| async { Err::<(), _>(RpcError::internal(&"broken")) }).on_error(hook);
    let client = TestClient::connect(&app).await.unwrap();
    client.call::<()>("any.thing", ()).await.unwrap_err();
    let report = told.next().await;
    assert_eq!((report.function.as_str(), report.message.as_str()), ("procedure `any.thing`", "\"broken\""));
    assert_eq!((report.uri.as_deref(), report.annotated), (Some("any.thing"), false));
}

/// An error that panics when it is dropped, by whoever is the last to have it.
#[derive(Debug)]
struct Explosive;

impl std::fmt::Display for Explosive {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("explosive")
    }
}

impl std::error::Error for Explosive {}

impl Drop for Explosive {
    fn drop(&mut self) {
        panic!("dropped")
    }
}

#[wamp::rpc(manual)]
async fn explosive() -> Result<(), Explosive> {
    Err(Explosive)
}

#[tokio::test]
async fn errors_that_panic_harm_nobody() {
    let (hook, mut told) = hook();
    let functions = routes![explosive, known];
    for app in [App::new().routes(functions.clone()), App::new().routes(functions).on_error(hook)] {
        let client = TestClient::connect(&app).await.unwrap();
        for _ in 0..3 {
            let error = client.call::<()>("explosive", ()).await.unwrap_err();
            assert_eq!(error.uri(), Some("wamp.error.runtime_error"));
        }
        assert_eq!(client.call::<()>("known", ()).await.unwrap_err().uri(), Some("app.error.known"));
    }
    for _ in 0..3 {
        assert_eq!(told.next().await.message, "explosive");
    }
}

/// One hook panics each time, another never returns: callers notice neither, and what waits is bounded.
#[tokio::test]
async fn hooks_harm_nobody() {
    const CALLS: usize = 1_000;
    let (release, held) = std::sync::mpsc::sync_channel::<()>(0);
    let (seen, held) = (Arc::new(AtomicUsize::new(0)), Mutex::new(held));
    let count = Arc::clone(&seen);
    let panicking = App::new().routes(routes![standard]).on_error(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        panic!("in the hook")
    });
    let stuck = App::new().routes(routes![standard]).on_error(move |_| {
        let _ = held.lock().unwrap().recv();
    });
    for app in [panicking, stuck] {
        let client = TestClient::connect(&app).await.unwrap();
        for _ in 0..CALLS {
            let error = client.call::<()>("standard", ()).await.unwrap_err();
            assert_eq!(error.uri(), Some("wamp.error.runtime_error"));
        }
    }
    assert!(seen.load(Ordering::SeqCst) > 1, "a hook that has panicked is told again");
    drop(release);
}
