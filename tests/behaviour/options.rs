//! DESIGN 2: the options of the attributes, and services.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use serverwamp::{App, Inject, Realm, Request, Session, wamp};
use serverwamp_tests::{Peer, Serializer, check_call, check_error, hello};
use tokio::time::sleep;

#[wamp::rpc("files.", match = "prefix")]
async fn files(request: Request) -> String {
    format!("prefix {}", request.uri())
}

#[wamp::rpc("files.special")]
async fn special() -> &'static str {
    "exact"
}

#[wamp::rpc("device..state", match = "wildcard")]
async fn state(request: Request) -> String {
    format!("wildcard {}", request.uri())
}

#[wamp::rpc("item\\.[0-9]+", match = "regex")]
async fn item(request: Request) -> String {
    format!("regex {}", request.uri())
}

#[wamp::rpc(rename_all = "camelCase")]
async fn named_by_its_function(first_argument: i32) -> i32 {
    first_argument
}

#[wamp::rpc("only.here", realm = "special")]
async fn only_here(session: Session) -> String {
    session.realm().to_owned()
}

#[derive(Clone, Default)]
struct Load {
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

#[wamp::rpc(concurrency = 2)]
async fn narrow(load: Inject<Load>) {
    let now = load.now.fetch_add(1, Ordering::SeqCst) + 1;
    load.most.fetch_max(now, Ordering::SeqCst);
    sleep(Duration::from_secs(1)).await;
    load.now.fetch_sub(1, Ordering::SeqCst);
}

struct Docs {
    name: &'static str,
}

#[wamp::service(prefix = "docs")]
impl Docs {
    /// Gets a document.
    #[wamp::rpc("get")]
    async fn get(&self, id: u64, session: Session) -> String {
        format!("{} {id} {}", self.name, session.realm())
    }

    #[wamp::rpc]
    fn count(&self) -> usize {
        self.helper()
    }

    #[wamp::rpc(blocking)]
    fn slow_count(&self, text: &str) -> usize {
        self.helper() + text.len()
    }

    fn helper(&self) -> usize {
        self.name.len()
    }
}

fn app() -> App {
    App::discover_in(module_path!())
        .service(Docs { name: "shelf" })
        .inject(Load::default())
        .realm(Realm::new("special"))
}

#[tokio::test]
async fn patterns() {
    let app = app();
    for (procedure, result) in [
        ("files.special", "exact"),
        ("files.other", "prefix files.other"),
        ("device.7.state", "wildcard device.7.state"),
        ("item.42", "regex item.42"),
    ] {
        check_call(&app, procedure, json!([]), json!([[result]])).await;
    }
    for procedure in ["file", "device.7.8.state", "item.x", "xitem.4"] {
        check_error(&app, procedure, json!([]), "wamp.error.no_such_procedure", json!([[], {"message": "…"}])).await;
    }
}

#[tokio::test]
async fn names() {
    check_call(&app(), "namedByItsFunction", json!([[], {"firstArgument": 7}]), json!([[7]])).await;
}

#[tokio::test]
async fn services() {
    let app = app();
    check_call(&app, "docs.get", json!([[7]]), json!([["shelf 7 realm1"]])).await;
    check_call(&app, "docs.count", json!([]), json!([[5]])).await;
    check_call(&app, "docs.slow_count", json!([["abc"]]), json!([[8]])).await;
    assert_eq!(Docs { name: "x" }.count(), 1, "methods stay methods");
}

#[tokio::test]
async fn a_function_may_be_of_one_realm() {
    let app = app();
    check_error(&app, "only.here", json!([]), "wamp.error.no_such_procedure", json!([[], {"message": "…"}])).await;
    let mut peer = Peer::connect(&app, Serializer::Json);
    peer.send(hello("special")).await;
    peer.receive().await.unwrap();
    peer.send(json!([48, 1, {}, "only.here"])).await;
    assert_eq!(peer.receive().await, Some(json!([50, 1, {}, ["special"]])));
}

#[tokio::test(start_paused = true)]
async fn concurrency() {
    let load = Load::default();
    let app = app().inject(load.clone());
    let mut peer = Peer::join(&app, Serializer::Json).await;
    let calls: Vec<_> = (1..=6).map(|id| json!([48, id, {}, "narrow"])).collect();
    peer.send_all(&calls).await;
    for id in 1..=6 {
        assert_eq!(peer.receive().await, Some(json!([50, id, {}])), "calls wait in order");
    }
    assert_eq!(load.most.load(Ordering::SeqCst), 2);
}
