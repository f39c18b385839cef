//! What the clients call.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::future::pending;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::{Stream, stream};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serverwamp::{Inject, Progress, Rest, RestKw, RpcError, RpcResult, Session, Single, Step, Value, WampError, wamp};
use tokio::sync::watch;
use tokio::time::sleep;

#[wamp::rpc("math.add")]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

#[derive(Serialize)]
struct Order {
    item: String,
    count: u32,
    note: Option<String>,
    express: bool,
}

#[wamp::rpc("call.order")]
async fn order(
    item: String,
    #[wamp(default = 1)] count: u32,
    note: Option<String>,
    #[wamp(keyword, default = false)] express: bool,
) -> Order {
    Order { item, count, note, express }
}

/// Gives back what it was given.
#[wamp::rpc("call.echo")]
async fn echo(args: Rest, kwargs: RestKw) -> RpcResult {
    let result = args.iter().fold(RpcResult::new(), RpcResult::arg);
    kwargs.iter().fold(result, |result, (name, value)| result.kwarg(name, value))
}

#[derive(Serialize)]
struct SessionReport {
    id: u64,
    realm: String,
    authid: String,
    authrole: String,
    serializer: &'static str,
}

/// What the server knows of the session that calls.
#[wamp::rpc("call.session")]
async fn report_session(session: Session) -> SessionReport {
    SessionReport {
        id: session.id().get(),
        realm: session.realm().to_owned(),
        authid: session.authid().to_owned(),
        authrole: session.authrole().to_owned(),
        serializer: session.transport().serializer,
    }
}

#[wamp::rpc("value.signed")]
fn signed(value: i64) -> i64 {
    value
}

#[wamp::rpc("value.unsigned")]
fn unsigned(value: u64) -> u64 {
    value
}

#[wamp::rpc("value.wide")]
fn wide(value: i128) -> i128 {
    value
}

/// The digits, so that a client that rounds what it receives still sees what it sent.
#[wamp::rpc("value.digits")]
fn digits(value: i128) -> String {
    value.to_string()
}

#[wamp::rpc("value.float")]
fn float(value: f64) -> f64 {
    value
}

#[wamp::rpc("value.decimal")]
fn decimal(value: Decimal) -> Decimal {
    value
}

#[wamp::rpc("value.text")]
fn text(value: String) -> String {
    value
}

#[wamp::rpc("value.bytes")]
fn bytes(value: Vec<u8>) -> Vec<u8> {
    value
}

/// The number of octets, so that a client sees what arrived and not only what came back.
#[wamp::rpc("value.length")]
fn length(value: &[u8]) -> usize {
    value.len()
}

#[wamp::rpc("value.moment")]
fn moment(value: DateTime<Utc>) -> String {
    value.to_rfc3339()
}

/// Gives back whatever it is, in the form in which it came.
#[wamp::rpc("value.any")]
fn any(value: Value) -> Single<Value> {
    Single(value)
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Parcel {
    label: String,
    content: Vec<u8>,
    weights: Vec<f64>,
    tags: BTreeMap<String, i64>,
    inner: Option<Box<Parcel>>,
}

#[wamp::rpc("value.parcel")]
fn parcel(value: Parcel) -> Single<Parcel> {
    Single(value)
}

#[wamp::rpc("result.nothing")]
fn nothing() {}

#[wamp::rpc("result.none")]
fn none() -> Option<i64> {
    None
}

#[wamp::rpc("result.some")]
fn some() -> Option<i64> {
    Some(7)
}

#[wamp::rpc("result.number")]
fn number() -> f64 {
    1.5
}

#[wamp::rpc("result.text")]
fn greeting() -> &'static str {
    "hello"
}

#[wamp::rpc("result.boolean")]
fn boolean() -> bool {
    true
}

#[wamp::rpc("result.bytes")]
fn octets() -> Vec<u8> {
    vec![0, 1, 127, 128, 255]
}

#[derive(Serialize)]
enum Shape {
    Point,
    Circle { radius: f64 },
}

#[wamp::rpc("result.unit_variant")]
fn unit_variant() -> Shape {
    Shape::Point
}

#[wamp::rpc("result.variant_with_data")]
fn variant_with_data() -> Shape {
    Shape::Circle { radius: 1.5 }
}

#[derive(Serialize)]
struct Metres(f64);

#[wamp::rpc("result.newtype")]
fn newtype() -> Metres {
    Metres(2.5)
}

#[wamp::rpc("result.decimal")]
fn price() -> Decimal {
    Decimal::new(1990, 2)
}

#[wamp::rpc("result.tuple")]
fn tuple() -> (i64, &'static str, bool) {
    (1, "two", false)
}

#[wamp::rpc("result.array")]
fn array() -> [i64; 3] {
    [1, 2, 3]
}

#[wamp::rpc("result.list")]
fn list() -> Vec<String> {
    vec!["a".to_owned(), "b".to_owned()]
}

#[wamp::rpc("result.empty_list")]
fn empty_list() -> Vec<String> {
    Vec::new()
}

#[wamp::rpc("result.empty_map")]
fn empty_map() -> BTreeMap<String, i64> {
    BTreeMap::new()
}

#[derive(Serialize)]
struct Point {
    x: i64,
    y: i64,
}

#[wamp::rpc("result.record")]
fn record() -> Point {
    Point { x: 1, y: 2 }
}

#[wamp::rpc("result.some_record")]
fn some_record() -> Option<Point> {
    Some(Point { x: 1, y: 2 })
}

#[wamp::rpc("result.map")]
fn map() -> HashMap<String, Vec<i64>> {
    HashMap::from([("odd".to_owned(), vec![1, 3]), ("even".to_owned(), vec![2])])
}

#[wamp::rpc("result.integer_keys")]
fn integer_keys() -> BTreeMap<i64, &'static str> {
    BTreeMap::from([(-1, "minus one"), (1, "one")])
}

#[wamp::rpc("result.tuple_of_records")]
fn tuple_of_records() -> (Point, Vec<Point>) {
    (Point { x: 1, y: 2 }, vec![Point { x: 3, y: 4 }])
}

#[wamp::rpc("result.single_list")]
fn single_list() -> Single<Vec<i64>> {
    Single(vec![1, 2, 3])
}

#[wamp::rpc("result.single_record")]
fn single_record() -> Single<Point> {
    Single(Point { x: 1, y: 2 })
}

#[wamp::rpc("result.combination")]
fn combination() -> RpcResult {
    RpcResult::new().arg(1).arg("two").kwarg("three", 3).kwarg("four", [4])
}

#[wamp::rpc("result.ok")]
fn ok() -> Result<(i64, i64), RpcError> {
    Ok((1, 2))
}

#[wamp::rpc("result.not_a_number")]
fn not_a_number() -> f64 {
    f64::NAN
}

#[wamp::rpc("error.with_payload")]
async fn with_payload() -> Result<i64, RpcError> {
    Err(RpcError::new("shop.error.sold_out").arg("kettle").arg(0).kwarg("again_in_days", 3).kwarg("größe", "XL"))
}

#[wamp::rpc("error.without_payload")]
async fn without_payload() -> Result<i64, RpcError> {
    Err(RpcError::new("shop.error.closed"))
}

#[derive(Debug, WampError)]
#[wamp(prefix = "bank.error")]
enum BankError {
    TooPoor {
        missing: f64,
        currency: String,
    },
    LimitReached(i64, String),
    #[wamp(uri = "bank.account.frozen")]
    Frozen,
}

#[wamp::rpc("error.derived")]
async fn derived(which: String) -> Result<(), BankError> {
    match which.as_str() {
        "too_poor" => Err(BankError::TooPoor { missing: 7.5, currency: "EUR".to_owned() }),
        "limit_reached" => Err(BankError::LimitReached(100, "per day".to_owned())),
        "frozen" => Err(BankError::Frozen),
        _ => Ok(()),
    }
}

#[derive(Debug)]
struct DiskFull;

impl fmt::Display for DiskFull {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the disk of the database is full")
    }
}

impl std::error::Error for DiskFull {}

#[wamp::rpc("error.standard")]
async fn standard() -> Result<i64, DiskFull> {
    Err(DiskFull)
}

#[wamp::rpc("error.panic")]
async fn panics() -> i64 {
    panic!("a handler that panics, on purpose")
}

#[wamp::rpc("progress.count")]
async fn count(upto: u32, progress: Progress<u32>) -> Result<String, RpcError> {
    for number in 1..=upto {
        progress.send(number).await.map_err(|error| RpcError::internal(&error))?;
    }
    Ok(format!("counted to {upto}"))
}

/// Progress of another shape than the result's.
#[wamp::rpc("progress.records")]
async fn records(progress: Progress<Point>) -> Result<(i64, i64), RpcError> {
    for x in 1..=2 {
        progress.send(Point { x, y: -x }).await.map_err(|error| RpcError::internal(&error))?;
    }
    Ok((1, 2))
}

#[wamp::rpc("progress.stream")]
async fn streamed(items: Vec<String>) -> impl Stream<Item = String> {
    stream::iter(items)
}

#[wamp::rpc("progress.steps")]
async fn steps(upto: u32) -> impl Stream<Item = Step<u32, (u32, &'static str)>> {
    let numbers = (1..=upto).map(Step::Progress);
    stream::iter(numbers.chain([Step::Done((upto, "done"))]))
}

#[wamp::rpc("progress.broken_off")]
async fn broken_off() -> impl Stream<Item = Result<u32, RpcError>> {
    stream::iter([Ok(1), Ok(2), Err(RpcError::new("shop.error.closed").arg("too late"))])
}

#[wamp::rpc("progress.steps_without_end")]
async fn steps_without_end() -> impl Stream<Item = Step<u32, u32>> {
    stream::iter([Step::Progress(1)])
}

#[wamp::rpc("progress.fallible")]
async fn fallible(fails: bool) -> Result<impl Stream<Item = Result<Step<u32, u32>, RpcError>>, RpcError> {
    if fails {
        return Err(RpcError::new("shop.error.closed"));
    }
    Ok(stream::iter([Ok(Step::Progress(1)), Ok(Step::Done(2))]))
}

/// Counts with a pause before each number.
#[wamp::rpc("progress.slowly")]
async fn slowly(upto: u32, pause_ms: u64, progress: Progress<u32>) -> Result<u32, RpcError> {
    for number in 1..=upto {
        sleep(Duration::from_millis(pause_ms)).await;
        progress.send(number).await.map_err(|error| RpcError::internal(&error))?;
    }
    Ok(upto)
}

/// How calls of `call.linger` ended, by the names their callers gave them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Endings(watch::Sender<HashMap<String, &'static str>>);

struct Ending {
    endings: Endings,
    name: String,
    how: &'static str,
}

impl Drop for Ending {
    fn drop(&mut self) {
        let name = std::mem::take(&mut self.name);
        self.endings.0.send_modify(|endings| {
            endings.insert(name, self.how);
        });
    }
}

/// Takes its time, and notes whether it came to its end.
#[wamp::rpc("call.linger")]
async fn linger(name: String, milliseconds: u64, endings: Inject<Endings>) -> &'static str {
    let mut ending = Ending { endings: Endings::clone(&endings), name, how: "dropped" };
    sleep(Duration::from_millis(milliseconds)).await;
    ending.how = "finished";
    "finished"
}

/// Waits until a call of `call.linger` has ended, and tells how.
#[wamp::rpc("call.ending")]
async fn ending(name: String, endings: Inject<Endings>) -> Option<&'static str> {
    let mut endings = endings.0.subscribe();
    let ended = endings.wait_for(|endings| endings.contains_key(&name)).await.ok()?;
    ended.get(&name).copied()
}

/// Has a timeout of its own, which no caller needs to ask for.
#[wamp::rpc("call.impatient", timeout = "100ms")]
async fn impatient() {
    pending::<()>().await;
}
