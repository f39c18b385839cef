//! Clients made of traits: what they send, what they make of the answers, and how they are compared with services.

mod comparison;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use serverwamp::client::{Next, RunningCall};
use serverwamp::testing::{TestClient, check_stub, check_stub_under};
use serverwamp::{App, CallError, Progress, RpcResult, Single, WampError, routes, wamp};
use serverwamp_tests::{Router, Serializer};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Doc {
    id: u64,
    title: String,
}

#[derive(Debug, PartialEq, WampError)]
#[wamp(prefix = "docs.error")]
enum DocError {
    NotFound {
        id: u64,
    },
    #[wamp(uri = ".error.closed")]
    Closed,
    #[wamp(internal)]
    Call(CallError),
}

impl From<CallError> for DocError {
    fn from(error: CallError) -> DocError {
        DocError::Call(error)
    }
}

struct Docs;

#[wamp::service(prefix = "docs", rename_all = "camelCase", manual)]
impl Docs {
    #[wamp::rpc]
    async fn get_document(&self, doc_id: u64) -> Result<Doc, DocError> {
        match doc_id {
            0 => Err(DocError::NotFound { id: 0 }),
            1 => Err(DocError::Closed),
            2 => Err(DocError::Call(CallError::Over)),
            id => Ok(Doc { id, title: "title".to_owned() }),
        }
    }

    #[wamp::rpc("find")]
    async fn find_all(
        &self,
        text: &str,
        #[wamp(default = 3)] up_to: u32,
        #[wamp(keyword, default = true)] in_order: bool,
        #[wamp(keyword, rename = "where")] place: Option<String>,
    ) -> Vec<String> {
        vec![text.to_owned(), up_to.to_string(), in_order.to_string(), format!("{place:?}")]
    }

    #[wamp::rpc]
    async fn export(&self, count: u32, progress: Progress<u32>) -> Single<Vec<u32>> {
        for number in 0..count {
            let _ = progress.send(number).await;
        }
        Single(vec![count])
    }

    #[wamp::rpc("{shelf}.{place}.title")]
    async fn title_at(&self, shelf: String, place: u64) -> String {
        format!("{shelf} {place}")
    }

    #[wamp::rpc]
    async fn sleep(&self) {
        std::future::pending().await
    }
}

#[wamp::client(prefix = "docs", rename_all = "camelCase")]
trait DocsApi {
    /// One document.
    async fn get_document(&self, doc_id: u64) -> Result<Doc, DocError>;

    #[wamp::rpc("find")]
    async fn find_all(
        &self,
        text: &str,
        up_to: Option<u32>,
        #[wamp(keyword)] in_order: Option<bool>,
        #[wamp(keyword, rename = "where")] place: Option<&str>,
    ) -> Result<Vec<String>, CallError>;

    async fn export(
        &self,
        count: u32,
        #[wamp(progress)] report: impl FnMut(u32) + Send + 'static,
    ) -> Result<Single<Vec<u32>>, CallError>;

    #[wamp::rpc("export", disclose_me)]
    async fn exporting(&self, count: u32) -> Result<RunningCall<u32, Vec<u32>>, DocError>;

    #[wamp::rpc("{shelf}.{place}.title")]
    async fn title_at(&self, shelf: &str, place: u64) -> Result<String, CallError>;

    #[wamp::rpc(timeout = "5s")]
    async fn sleep(&self) -> Result<(), CallError>;

    /// What a trait does by itself.
    async fn has(&self, doc_id: u64) -> Result<bool, DocError> {
        match self.get_document(doc_id).await {
            Ok(_) => Ok(true),
            Err(DocError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn app() -> App {
    let functions = routes![Docs::get_document, Docs::find_all, Docs::export, Docs::title_at, Docs::sleep];
    App::new().routes(functions.clone().and(functions.prefix("library"))).service(Docs)
}

#[tokio::test(start_paused = true)]
async fn methods_call_what_services_serve() {
    let app = app();
    for subprotocol in ["wamp.2.json", "wamp.2.msgpack", "wamp.2.cbor"] {
        let client = TestClient::join(&app, "realm1", subprotocol).await.unwrap();
        let plain = DocsApiClient::new(client.client().clone());
        let under = DocsApiClient::under("library", client.client().clone());
        for docs in [plain.clone(), under.clone()] {
            assert_eq!(docs.get_document(7).await, Ok(Doc { id: 7, title: "title".to_owned() }));
            assert_eq!(docs.get_document(0).await, Err(DocError::NotFound { id: 0 }));
            assert_eq!(docs.get_document(1).await, Err(DocError::Closed));
            assert!(matches!(docs.get_document(2).await, Err(DocError::Call(CallError::Remote(_)))));
            assert_eq!((docs.has(7).await, docs.has(0).await), (Ok(true), Ok(false)));
            assert_eq!(docs.find_all("a", None, None, None).await.unwrap(), ["a", "3", "true", "None"]);
            let all = docs.find_all("a", Some(1), Some(false), Some("b")).await.unwrap();
            assert_eq!(all, ["a", "1", "false", "Some(\"b\")"]);
            assert_eq!(docs.title_at("ab", 7).await.unwrap(), "ab 7");
            let seen = Arc::new(Mutex::new(Vec::new()));
            let log = Arc::clone(&seen);
            assert_eq!(docs.export(2, move |number| log.lock().unwrap().push(number)).await.unwrap(), Single(vec![2]));
            assert_eq!(*seen.lock().unwrap(), [0, 1]);
            let mut running = docs.exporting(1).await.unwrap();
            assert_eq!(running.next().await.unwrap(), Next::Progress(0));
            assert_eq!(running.next().await.unwrap(), Next::Result(vec![1]));
            let error = docs.sleep().await.unwrap_err();
            assert_eq!(error.uri(), Some("wamp.error.timeout"));
        }
        client.leave().await;
        let gone = plain.get_document(7).await.unwrap_err();
        assert!(matches!(gone, DocError::Call(CallError::Ended { .. })), "{gone:?}");
    }
    check_stub::<DocsApiClient>(&app);
    check_stub_under::<DocsApiClient>("library", &app);
}

/// What a component may be: nothing that changes which procedure is called.
#[tokio::test(start_paused = true)]
async fn components_of_uris_stay_components() {
    let client = TestClient::connect(&app()).await.unwrap();
    let docs = DocsApiClient::new(client.client().clone());
    for shelf in ["", "a.b", "a..", "{b}", "a b", "a#"] {
        let error = docs.title_at(shelf, 7).await.unwrap_err();
        assert!(matches!(error, CallError::Unsendable(_)), "{shelf:?}: {error}");
    }
}

#[wamp::client(prefix = "a", timeout = "250ms")]
trait Sends {
    async fn none(&self) -> Result<(), CallError>;
    async fn some(&self, a: u8, b: Option<u8>, c: Option<Doc>, d: Option<u8>) -> Result<(), CallError>;
    async fn between(&self, a: Option<u8>, b: u8) -> Result<(), CallError>;
    async fn keywords(
        &self,
        #[wamp(keyword)] a: Option<u8>,
        b: u8,
        #[wamp(keyword, rename = "C")] c: &[u8],
    ) -> Result<RpcResult, CallError>;
    #[wamp::rpc("x.{b}.y", timeout = "2s", disclose_me, rename_all = "UPPERCASE")]
    async fn uri(&self, a: bool, b: u8, #[wamp(keyword)] c_d: u8) -> Result<(), CallError>;
}

#[tokio::test(start_paused = true)]
async fn calls_are_sent_as_declared() {
    for serializer in Serializer::ALL {
        let mut router = Router::new(serializer);
        let connecting = tokio::spawn(std::future::IntoFuture::into_future(router.connect()));
        let mut peer = router.welcome().await;
        let client = connecting.await.unwrap().unwrap();
        let api = SendsClient::new(client.clone());
        let under = SendsClient::under("p.q", client.clone());
        let doc = Some(Doc { id: 1, title: "t".to_owned() });
        type Calling = tokio::task::JoinHandle<Result<(), CallError>>;
        let start = |future: std::pin::Pin<Box<dyn Future<Output = Result<(), CallError>> + Send>>| -> Calling {
            tokio::spawn(future)
        };
        macro_rules! call {
            ($api:ident, $method:ident($($value:expr),*)) => {{
                let api = $api.clone();
                start(Box::pin(async move { api.$method($($value),*).await.map(drop) }))
            }};
        }
        let timeout = json!({"timeout": 250});
        let with_options = json!({"timeout": 2000, "disclose_me": true});
        let cases: Vec<(Calling, Value)> = vec![
            (call!(api, none()), json!([48, 1, timeout, "a.none"])),
            (call!(api, some(1, None, None, None)), json!([48, 2, timeout, "a.some", [1]])),
            (
                call!(api, some(1, None, doc, None)),
                json!([48, 3, timeout, "a.some", [1, null, {"id": 1, "title": "t"}]]),
            ),
            (call!(api, between(None, 2)), json!([48, 4, timeout, "a.between", [null, 2]])),
            (call!(api, keywords(None, 2, &[1, 2])), json!([48, 5, timeout, "a.keywords", [2], {"C": "\u{0}AQI="}])),
            (call!(api, keywords(Some(1), 2, &[])), json!([48, 6, timeout, "a.keywords", [2], {"a": 1, "C": "\u{0}"}])),
            (call!(api, uri(true, 7, 8)), json!([48, 7, with_options, "a.x.7.y", [true], {"C_D": 8}])),
            (call!(under, uri(true, 7, 8)), json!([48, 8, with_options, "p.q.a.x.7.y", [true], {"C_D": 8}])),
        ];
        for (calling, expected) in cases {
            assert_eq!(peer.receive().await.unwrap(), expected, "{serializer}");
            peer.send(json!([50, expected[1], {}])).await;
            calling.await.unwrap().unwrap();
        }
    }
}

/// A trait is one that programs implement as they like.
struct Mock;

impl DocsApi for Mock {
    async fn get_document(&self, doc_id: u64) -> Result<Doc, DocError> {
        if doc_id == 0 { Err(DocError::NotFound { id: 0 }) } else { Ok(Doc { id: doc_id, title: "mock".to_owned() }) }
    }

    async fn find_all(
        &self,
        text: &str,
        _: Option<u32>,
        _: Option<bool>,
        _: Option<&str>,
    ) -> Result<Vec<String>, CallError> {
        Ok(vec![text.to_owned()])
    }

    async fn export(
        &self,
        count: u32,
        mut report: impl FnMut(u32) + Send + 'static,
    ) -> Result<Single<Vec<u32>>, CallError> {
        report(count);
        Ok(Single(vec![]))
    }

    async fn exporting(&self, _: u32) -> Result<RunningCall<u32, Vec<u32>>, DocError> {
        Err(DocError::Closed)
    }

    async fn title_at(&self, _: &str, _: u64) -> Result<String, CallError> {
        Err(CallError::NotConnected)
    }

    async fn sleep(&self) -> Result<(), CallError> {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(())
    }
}

/// The code under test: generic in whatever implements the trait, in a task of its own.
async fn titles(docs: impl DocsApi + Sync + Send + 'static) -> Vec<String> {
    tokio::spawn(async move {
        let mut titles = Vec::new();
        for id in 0..3 {
            if docs.sleep().await.is_ok()
                && let Ok(doc) = docs.get_document(id).await
            {
                titles.push(doc.title);
            }
        }
        titles
    })
    .await
    .unwrap()
}

#[tokio::test(start_paused = true)]
async fn traits_can_be_implemented_by_others() {
    assert_eq!(titles(Mock).await, ["mock", "mock"]);
    assert_eq!((Mock.has(0).await, Mock.has(1).await), (Ok(false), Ok(true)));
}
