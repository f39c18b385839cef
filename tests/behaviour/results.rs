//! DESIGN 2.3: the top-level shape of what is returned decides.

use std::collections::{BTreeMap, HashMap};

use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::json;
use serverwamp::{App, RpcResult, Single, wamp};
use serverwamp_tests::{check_call, check_error};

macro_rules! returns {
    ($($name:ident: $type:ty = $value:expr;)*) => {$(
        #[wamp::rpc]
        async fn $name() -> $type {
            $value
        }
    )*};
}

#[derive(Serialize)]
struct Point {
    x: i32,
    y: i32,
}

#[derive(Serialize)]
struct Pair(i32, i32);

#[derive(Serialize)]
struct Metres(f64);

#[derive(Serialize)]
struct Nothing;

#[derive(Serialize)]
enum Shape {
    Empty,
    Circle(f64),
    Square { side: u8 },
}

#[derive(Serialize)]
struct Flat {
    a: u8,
    #[serde(flatten)]
    more: BTreeMap<String, u8>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Untagged {
    List(Vec<u16>),
}

#[derive(Serialize)]
struct Mixed {
    data: Vec<u8>,
    none: Option<u8>,
    unit: (),
    inner: Vec<Option<Vec<u8>>>,
}

type Outcome<T> = Result<T, std::io::Error>;

returns! {
    unit: () = ();
    none: Option<u8> = None;
    unit_struct: Nothing = Nothing;
    number: i64 = 7;
    float: f64 = 1.5;
    text: &'static str = "héllo";
    boolean: bool = true;
    character: char = 'ß';
    bytes: Vec<u8> = vec![1, 2, 255];
    no_bytes: Vec<u8> = Vec::new();
    some: Option<i32> = Some(3);
    some_list: Option<Vec<i32>> = Some(vec![1, 2]);
    unit_variant: Shape = Shape::Empty;
    newtype: Metres = Metres(2.5);
    decimal: Decimal = Decimal::new(1250, 2);
    tuple: (i32, &'static str) = (1, "x");
    array: [i32; 3] = [1, 2, 3];
    list: Vec<&'static str> = vec!["a", "b"];
    no_list: Vec<i32> = Vec::new();
    tuple_struct: Pair = Pair(1, 2);
    point: Point = Point { x: 1, y: 2 };
    map: HashMap<String, i32> = HashMap::from([("a".to_owned(), 1)]);
    no_map: HashMap<String, i32> = HashMap::new();
    numbered: BTreeMap<u8, bool> = BTreeMap::from([(1, true), (2, false)]);
    by_char: BTreeMap<char, i32> = BTreeMap::from([('x', 1)]);
    by_bool: BTreeMap<bool, i32> = BTreeMap::from([(true, 1)]);
    circle: Shape = Shape::Circle(1.5);
    square: Shape = Shape::Square { side: 2 };
    flat: Flat = Flat { a: 1, more: BTreeMap::from([("b".to_owned(), 2)]) };
    untagged: Untagged = Untagged::List(vec![1, 2]);
    mixed: Mixed = Mixed { data: vec![1], none: None, unit: (), inner: vec![None, Some(vec![]), Some(vec![255])] };
    single_list: Single<Vec<i32>> = Single(vec![1, 2]);
    single_map: Single<Point> = Single(Point { x: 1, y: 2 });
    single_none: Single<Option<i32>> = Single(None);
    single_unit: Single<()> = Single(());
    built: RpcResult = RpcResult::new().arg(1).arg("x").kwarg("n", 2);
    built_empty: RpcResult = RpcResult::new();
    built_keywords: RpcResult = RpcResult::new().kwarg("n", vec![1u8]);
    fine: Outcome<i32> = Ok(5);
    maybe: Outcome<Option<Point>> = Ok(Some(Point { x: 3, y: 4 }));
    biggest: u64 = u64::MAX;
    smallest: i64 = i64::MIN;
    not_a_key: BTreeMap<(i32, i32), i32> = BTreeMap::from([((1, 2), 3)]);
    not_a_key_inside: Single<Vec<BTreeMap<Option<u8>, i32>>> = Single(vec![BTreeMap::from([(None, 3)])]);
}

#[wamp::rpc]
fn plain(a: i64) -> i64 {
    a + 1
}

#[wamp::rpc(blocking)]
fn pooled(text: &str) -> String {
    text.to_uppercase()
}

#[wamp::rpc]
async fn no_type() {}

fn app() -> App {
    App::discover_in(module_path!())
}

#[tokio::test]
async fn shapes() {
    let cases = [
        ("unit", json!([])),
        ("no_type", json!([])),
        ("none", json!([])),
        ("unit_struct", json!([])),
        ("number", json!([[7]])),
        ("float", json!([[1.5]])),
        ("text", json!([["héllo"]])),
        ("boolean", json!([[true]])),
        ("character", json!([["ß"]])),
        ("bytes", json!([["\0AQL/"]])),
        ("no_bytes", json!([["\0"]])),
        ("some", json!([[3]])),
        ("some_list", json!([[1, 2]])),
        ("unit_variant", json!([["Empty"]])),
        ("newtype", json!([[2.5]])),
        ("decimal", json!([["12.50"]])),
        ("tuple", json!([[1, "x"]])),
        ("array", json!([[1, 2, 3]])),
        ("list", json!([["a", "b"]])),
        ("no_list", json!([])),
        ("tuple_struct", json!([[1, 2]])),
        ("point", json!([[], {"x": 1, "y": 2}])),
        ("map", json!([[], {"a": 1}])),
        ("no_map", json!([])),
        ("numbered", json!([[], {"1": true, "2": false}])),
        ("by_char", json!([[], {"x": 1}])),
        ("by_bool", json!([[], {"true": 1}])),
        ("circle", json!([[], {"Circle": 1.5}])),
        ("square", json!([[], {"Square": {"side": 2}}])),
        ("flat", json!([[], {"a": 1, "b": 2}])),
        ("untagged", json!([[1, 2]])),
        ("mixed", json!([[], {"data": "\0AQ==", "none": null, "unit": null, "inner": [null, "\0", "\0/w=="]}])),
        ("single_list", json!([[[1, 2]]])),
        ("single_map", json!([[{"x": 1, "y": 2}]])),
        ("single_none", json!([[null]])),
        ("single_unit", json!([[null]])),
        ("built", json!([[1, "x"], {"n": 2}])),
        ("built_empty", json!([])),
        ("built_keywords", json!([[], {"n": "\0AQ=="}])),
        ("fine", json!([[5]])),
        ("maybe", json!([[], {"x": 3, "y": 4}])),
        ("biggest", json!([[u64::MAX]])),
        ("smallest", json!([[i64::MIN]])),
    ];
    let app = app();
    for (procedure, result) in cases {
        check_call(&app, procedure, json!([]), result).await;
    }
}

#[tokio::test]
async fn plain_and_blocking_functions() {
    let app = app();
    check_call(&app, "plain", json!([[1]]), json!([[2]])).await;
    check_call(&app, "pooled", json!([["straße"]]), json!([["STRASSE"]])).await;
}

#[tokio::test]
async fn what_cannot_be_sent_is_a_runtime_error_and_the_session_lives() {
    let app = app();
    for procedure in ["not_a_key", "not_a_key_inside"] {
        check_error(&app, procedure, json!([]), "wamp.error.runtime_error", json!([])).await;
    }
}

#[wamp::rpc]
async fn not_a_number() -> f64 {
    f64::NAN
}

#[wamp::rpc]
async fn huge() -> u128 {
    u128::MAX
}

#[tokio::test]
async fn what_one_codec_cannot_hold() {
    use serverwamp_tests::{Peer, Serializer};
    let app = app();
    for (serializer, procedure, sent) in [
        (Serializer::Json, "not_a_number", false),
        (Serializer::MessagePack, "not_a_number", true),
        (Serializer::Cbor, "not_a_number", true),
        (Serializer::MessagePack, "huge", false),
    ] {
        let mut peer = Peer::join(&app, serializer).await;
        peer.send(json!([48, 1, {}, procedure])).await;
        peer.send(json!([48, 2, {}, "number"])).await;
        let (first, second) = (peer.receive().await.unwrap(), peer.receive().await.unwrap());
        assert_eq!(first[0] == 50, sent, "{serializer} {procedure}: {first}");
        assert_eq!(second, json!([50, 2, {}, [7]]));
    }
}
