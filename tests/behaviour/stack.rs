//! Values as deep as limits allow, and without end, in threads with 2 MiB of stack: what a runtime's threads have.

use std::collections::BTreeMap;
use std::future::ready;
use std::io;
use std::sync::Arc;
use std::thread;

use serde::ser::{SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple};
use serde::{Deserialize, Serialize, Serializer as Format};
use serde_json::{Value, json};
use serverwamp::{
    App, CallError, Client, Limits, Progress, RealmHandle, RpcError, RpcResult, Single, routes, testing, wamp,
};
use serverwamp_tests::{Peer, Serializer};

const STACK: usize = 2 << 20;
/// How deep the libraries go by which results are judged.
const JUDGED: usize = 100;
/// The default, and what counts as 128.
const LIMITS: [usize; 2] = [64, usize::MAX];

/// Runs a test where there is no more stack than that. What takes more ends the process.
fn with_small_stack<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send + 'static) {
    let run = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test());
    let thread = thread::Builder::new().stack_size(STACK).spawn(run).unwrap();
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct List(Vec<List>);

#[derive(Debug, Serialize, Deserialize)]
struct Chain {
    next: Option<Box<Chain>>,
}

#[derive(Debug, Serialize, Deserialize)]
enum Expression {
    Number(i64),
    Not(Box<Expression>),
    Sum(Vec<Expression>, i64),
    If { then: Box<Expression> },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(i64),
    List(Vec<Untagged>),
    Dict(BTreeMap<String, Untagged>),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Internal {
    Leaf,
    Node { inner: Box<Internal> },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", content = "content")]
enum Adjacent {
    Leaf,
    Node(Box<Adjacent>),
}

#[derive(Debug, Serialize, Deserialize)]
struct Flattened {
    inner: Option<Box<Flattened>>,
    #[serde(flatten)]
    more: BTreeMap<String, i64>,
}

macro_rules! echoes {
    ($($name:ident: $value:ty;)+) => {$(
        #[wamp::rpc(manual)]
        async fn $name(value: $value) -> Single<$value> {
            Single(value)
        }
    )+};
}

echoes! {
    list: List;
    chain: Chain;
    expression: Expression;
    untagged: Untagged;
    internal: Internal;
    adjacent: Adjacent;
    flattened: Flattened;
    value: serverwamp::Value;
    json_value: Value;
}

/// A value that holds itself.
#[derive(Debug, Clone, Copy, Deserialize)]
enum Endless {
    Sequence,
    Tuple,
    Map,
    Struct,
    Variant,
    Newtype,
    Some,
    Key,
}

impl Serialize for Endless {
    fn serialize<S: Format>(&self, format: S) -> Result<S::Ok, S::Error> {
        match self {
            Endless::Sequence => {
                let mut items = format.serialize_seq(Some(1))?;
                items.serialize_element(self)?;
                items.end()
            }
            Endless::Tuple => {
                let mut items = format.serialize_tuple(1)?;
                items.serialize_element(self)?;
                items.end()
            }
            Endless::Map => {
                let mut entries = format.serialize_map(None)?;
                entries.serialize_entry("a", self)?;
                entries.end()
            }
            Endless::Struct => {
                let mut fields = format.serialize_struct("Endless", 1)?;
                fields.serialize_field("inner", self)?;
                fields.end()
            }
            Endless::Variant => format.serialize_newtype_variant("Endless", 0, "Variant", self),
            Endless::Newtype => format.serialize_newtype_struct("Endless", self),
            Endless::Some => format.serialize_some(self),
            Endless::Key => format.collect_map([(EndlessKey, 1)]),
        }
    }
}

/// A key that holds itself.
struct EndlessKey;

impl Serialize for EndlessKey {
    fn serialize<S: Format>(&self, format: S) -> Result<S::Ok, S::Error> {
        format.serialize_newtype_struct("EndlessKey", self)
    }
}

const WITHOUT_END: [&str; 8] = ["Sequence", "Tuple", "Map", "Struct", "Variant", "Newtype", "Some", "Key"];

#[wamp::rpc("endless.single", manual)]
async fn single(how: Endless) -> Single<Endless> {
    Single(how)
}

#[wamp::rpc("endless.shaped", manual)]
async fn shaped(how: Endless) -> Endless {
    how
}

#[wamp::rpc("endless.built", manual)]
async fn built(how: Endless) -> RpcResult {
    RpcResult::new().kwarg("a", how)
}

#[wamp::rpc("endless.failing", manual)]
async fn failing(how: Endless) -> Result<(), RpcError> {
    Err(RpcError::new("com.example.endless").arg(how))
}

#[wamp::rpc("endless.parts", manual)]
async fn parts(how: Endless, progress: Progress<Endless>) -> bool {
    progress.send(how).await.is_err()
}

#[wamp::rpc("endless.published", manual)]
async fn published(how: Endless, realm: RealmHandle) -> bool {
    realm.publish("com.example.endless", how).await.is_err()
}

/// A type that is read by way of itself.
#[derive(Deserialize)]
struct Loop(#[expect(dead_code, reason = "nothing can be read")] Option<Box<Loop>>);

#[wamp::rpc("loop", manual)]
async fn looping(_value: Loop) {}

/// A key that is read by way of itself.
#[derive(PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct LoopKey(Box<LoopKey>);

#[wamp::rpc("loop.keys", manual)]
async fn looping_keys(_value: BTreeMap<LoopKey, u8>) {}

/// A name, what nests a value once, how many levels that is, and what is innermost.
type Nesting = (&'static str, fn(Value) -> Value, usize, fn() -> Value);

/// A procedure, how its argument nests (each level, and how many it counts for), and what is innermost.
const NESTINGS: [Nesting; 15] = [
    ("list", |inner| json!([inner]), 1, || json!([])),
    ("list", |inner| json!([[], inner, []]), 1, || json!([])),
    ("chain", |inner| json!({"next": inner}), 1, || json!({"next": null})),
    ("expression", |inner| json!({"Not": inner}), 1, || json!({"Number": 1})),
    ("expression", |inner| json!({"Sum": [[inner], 1]}), 3, || json!({"Number": 1})),
    ("expression", |inner| json!({"If": {"then": inner}}), 2, || json!({"Number": 1})),
    ("untagged", |inner| json!([inner]), 1, || json!([])),
    ("untagged", |inner| json!({"a": inner}), 1, || json!([])),
    ("internal", |inner| json!({"kind": "Node", "inner": inner}), 1, || json!({"kind": "Leaf"})),
    ("adjacent", |inner| json!({"kind": "Node", "content": inner}), 1, || json!({"kind": "Leaf"})),
    ("flattened", |inner| json!({"inner": inner, "a": 1}), 1, || json!({"inner": null})),
    ("value", |inner| json!([inner]), 1, || json!([])),
    ("value", |inner| json!({"a": inner}), 1, || json!({})),
    ("json_value", |inner| json!([1, inner]), 1, || json!([])),
    ("json_value", |inner| json!({"a": inner, "b": 1}), 1, || json!({})),
];

fn app(depth: usize) -> App {
    let echoes = routes![list, chain, expression, untagged, internal, adjacent, flattened, value, json_value];
    App::new()
        .open_topics("com.example.")
        .routes(echoes)
        .routes(routes![single, shaped, built, failing, parts, published, looping, looping_keys])
        .limits(Limits { depth, ..Limits::default() })
}

#[test]
fn arguments_and_results_at_the_depth_limit_and_beyond_it() {
    with_small_stack(|| async {
        for limit in LIMITS {
            let app = app(limit);
            for serializer in Serializer::ALL {
                let mut peer = Peer::join(&app, serializer).await;
                let mut requests = 1..;
                for (procedure, nest, levels, innermost) in NESTINGS {
                    // The message, the list of its arguments and the innermost value are a level each.
                    let nested =
                        |depth: usize, more| (0..(depth - 3) / levels + more).fold(innermost(), |inner, _| nest(inner));
                    let (argument, request) = (nested(limit.min(JUDGED), 0), requests.next());
                    peer.send(json!([48, request, {}, procedure, [argument]])).await;
                    let result = peer.receive().await.unwrap();
                    assert_eq!(result, json!([50, request, {}, [argument]]), "{serializer}: {procedure}");
                    peer.send(json!([48, requests.next(), {}, procedure, [nested(limit.min(128), 0)]])).await;
                    let result = peer.receive_frame().await.unwrap();
                    let is_error = result.windows(11).any(|part| part == b"wamp.error.");
                    assert!(!is_error, "{serializer}: {procedure}: {}", String::from_utf8_lossy(&result));
                    peer.send(json!([48, requests.next(), {}, procedure, [nested(limit.min(128), 1)]])).await;
                    let refused = peer.receive().await.unwrap();
                    assert_eq!(refused[4], "wamp.error.invalid_argument", "{serializer}: {procedure}");
                }
            }
        }
    });
}

#[test]
fn results_without_end_are_refused() {
    with_small_stack(|| async {
        let app = app(128);
        for serializer in Serializer::ALL {
            let mut peer = Peer::join(&app, serializer).await;
            peer.send(json!([32, 100, {}, "com.example.endless"])).await;
            assert_eq!(peer.receive().await.unwrap()[0], 33);
            for (request, how) in (1_u64..).zip(WITHOUT_END) {
                for procedure in ["single", "shaped", "built", "failing"] {
                    peer.send(json!([48, request, {}, format!("endless.{procedure}"), [how]])).await;
                    let refused = peer.receive().await.unwrap();
                    let expected = json!([8, 48, request, {}, "wamp.error.runtime_error"]);
                    assert_eq!(refused, expected, "{serializer}: {procedure} {how}");
                }
                for procedure in ["parts", "published"] {
                    let options = json!({"receive_progress": true});
                    peer.send(json!([48, request, options, format!("endless.{procedure}"), [how]])).await;
                    let is_refused = peer.receive().await.unwrap();
                    assert_eq!(is_refused, json!([50, request, {}, [true]]), "{serializer}: {procedure} {how}");
                }
            }
        }
    });
}

#[test]
fn a_type_that_is_read_by_way_of_itself_is_no_way_to_end_the_process() {
    with_small_stack(|| async {
        let app = app(64);
        for serializer in Serializer::ALL {
            let mut peer = Peer::join(&app, serializer).await;
            for (request, procedure, argument) in [(1, "loop", json!(1)), (2, "loop.keys", json!({"a": 1}))] {
                peer.send(json!([48, request, {}, procedure, [argument]])).await;
                assert_eq!(peer.receive().await.unwrap()[4], "wamp.error.invalid_argument", "{serializer}");
            }
            for (request, procedure, argument) in [(3, "loop", json!(null)), (4, "loop.keys", json!({}))] {
                peer.send(json!([48, request, {}, procedure, [argument]])).await;
                assert_eq!(peer.receive().await, Some(json!([50, request, {}])), "{serializer}");
            }
        }
    });
}

#[test]
fn a_router_passes_on_what_is_as_deep_as_the_limit_in_every_codec() {
    const CODECS: [Serializer; 3] = [Serializer::Json, Serializer::MessagePack, Serializer::Cbor];
    with_small_stack(|| async {
        let app = App::new().router().limits(Limits { depth: usize::MAX, ..Limits::default() });
        for (from, to) in CODECS.into_iter().flat_map(|from| CODECS.map(|to| (from, to))) {
            let mut receiver = Peer::join(&app, to).await;
            receiver.send_all(&[json!([32, 1, {}, "t"]), json!([64, 2, {}, "p"])]).await;
            assert_eq!(receiver.receive().await.unwrap()[0], 33);
            assert_eq!(receiver.receive().await.unwrap()[0], 65);
            let mut sender = Peer::join(&app, from).await;
            for (request, nest) in
                [(1, (|inner| json!([inner])) as fn(Value) -> Value), (3, |inner| json!({"a": inner}))]
            {
                let deepest = (0..125).fold(json!([]), |inner, _| nest(inner));
                // As an argument and as a keyword argument, whose dict is a level as the list is.
                sender.send(json!([16, request, {"acknowledge": true}, "t", [deepest]])).await;
                assert_eq!(sender.receive().await.unwrap()[0], 17, "{from} to {to}");
                assert!(receiver.receive_frame().await.unwrap().len() > 128, "{from} to {to}");
                sender.send(json!([48, request + 1, {}, "p", [], {"a": deepest}])).await;
                assert!(receiver.receive_frame().await.unwrap().len() > 128, "{from} to {to}");
            }
        }
    });
}

#[test]
fn a_client_reads_and_writes_values_as_deep_as_the_limit() {
    with_small_stack(|| async {
        let app = Arc::new(app(usize::MAX));
        for serializer in Serializer::ALL {
            let dialed = Arc::clone(&app);
            let dial = move || ready(testing::socket(&dialed).map_err(|_| io::ErrorKind::ConnectionRefused.into()));
            let connect = Client::connect(serializer.url()).serializers([serializer.of_clients()]).through(dial);
            let client = connect.limits(Limits { depth: usize::MAX, ..Limits::default() }).await.unwrap();
            let chain = (0..125).fold(Chain { next: None }, |inner, _| Chain { next: Some(Box::new(inner)) });
            let text = format!("{chain:?}");
            let echo: Chain = client.call("chain", [chain]).await.unwrap();
            assert_eq!(format!("{echo:?}"), text, "{serializer}");
            let error = client.call::<()>("chain", [Endless::Newtype]).await.unwrap_err();
            assert!(!matches!(error, CallError::Remote(_)), "{serializer}: {error:?}");
            assert!(client.is_connected());
        }
    });
}
