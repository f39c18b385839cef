//! Clients of four libraries as callers, callees, publishers and subscribers of one realm, in all codecs and over both
//! transports: on our router, with functions of its own, and on Crossbar.
//!
//! Where Crossbar differs is data: the table in `differences.md`, beside this file.

mod calls;
mod events;
mod meta;
mod player;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use serverwamp::{Realm, Request, RpcError, Subscription, routes, wamp};

use self::player::{Library, Player};
use super::routers::{Brand, Router, START_TIME};
use super::*;

/// Below this URI, callers and publishers are disclosed.
const DISCLOSED: &str = "disclosed.";

const AUTOBAHN: usize = 0;
const RAW: usize = 1;
const JS: usize = 2;
const WAMPY: usize = 3;
const ASPHALT: usize = 4;
const PLAYERS: [(&str, Library, &str); 5] = [
    ("autobahn-python", Library::AutobahnPython, "cbor"),
    ("autobahn-python over RawSocket", Library::AutobahnPython, "msgpack"),
    ("autobahn-js", Library::AutobahnJs, "json"),
    ("wampy", Library::Wampy, "msgpack"),
    ("asphalt-wamp", Library::Asphalt, "cbor"),
];
const ALL: [usize; 5] = [AUTOBAHN, RAW, JS, WAMPY, ASPHALT];
/// Those whose codec and library hold all that MessagePack does.
const EXACT: [usize; 4] = [AUTOBAHN, RAW, WAMPY, ASPHALT];

#[wamp::rpc("ours.sum", manual)]
async fn sum(a: i64, b: i64) -> i64 {
    a + b
}

#[wamp::event("ours.event", manual)]
async fn event(text: String, realm: serverwamp::RealmHandle) {
    let _ = realm.publish("ours.heard", [text]).await;
}

/// Decides about all subscriptions.
async fn subscription_handler(subscription: Subscription, _: Request) -> Result<(), RpcError> {
    match subscription.topic() {
        "ours.closed" => Err(RpcError::new("ours.error.closed").arg("no entry")),
        _ => Ok(()),
    }
}

/// What has happened on one router.
struct Scene {
    brand: Brand,
    /// For WebSocket, for RawSocket.
    urls: [String; 2],
    players: Vec<Player>,
    /// What came of each case: what should have come of it, and what has.
    outcomes: BTreeMap<String, (Value, Value)>,
}

impl Scene {
    async fn ask(&mut self, player: usize, request: Value) -> Value {
        self.players[player].ask(request).await
    }

    /// Asks for what has to go well.
    async fn please(&mut self, player: usize, request: Value) -> Value {
        let answer = self.ask(player, request.clone()).await;
        let name = self.players[player].name;
        assert!(answer.get("error").is_none() && answer.get("failure").is_none(), "{name}: {request}: {answer}");
        answer
    }

    async fn register(&mut self, player: usize, uri: &str, kind: &str) -> Value {
        self.please(player, json!({"do": "register", "uri": uri, "kind": kind})).await["id"].take()
    }

    async fn register_with(&mut self, player: usize, uri: &str, kind: &str, options: Value) -> Value {
        self.ask(player, json!({"do": "register", "uri": uri, "kind": kind, "options": options})).await
    }

    async fn call(&mut self, player: usize, uri: &str, args: Value) -> Value {
        self.ask(player, json!({"do": "call", "uri": uri, "args": args})).await
    }

    async fn subscribe(&mut self, player: usize, uri: &str, options: Value) -> Value {
        self.please(player, json!({"do": "subscribe", "uri": uri, "options": options})).await["id"].take()
    }

    async fn publish(&mut self, player: usize, uri: &str, args: Value, options: Value) {
        self.please(player, json!({"do": "publish", "uri": uri, "args": args, "options": options})).await;
    }

    /// Waits until a player has as many events of a subscription; all that have come.
    async fn events(&mut self, player: usize, uri: &str, count: usize) -> Vec<Value> {
        let mut answer = self.please(player, json!({"do": "events", "uri": uri, "count": count})).await;
        let Value::Array(events) = answer["events"].take() else { panic!("{answer}") };
        events
    }

    /// Another player of the same kind, for as long as a case takes.
    async fn double(&self, player: usize) -> Player {
        let (name, library, codec) = PLAYERS[player];
        Player::start(name, library, &self.urls[usize::from(player == RAW)], codec).await
    }

    fn name(&self, player: usize) -> &'static str {
        PLAYERS[player].0
    }

    fn session(&self, player: usize) -> u64 {
        self.players[player].session
    }

    /// What came of a case, and what has to by the specification.
    fn is(&mut self, case: impl Into<String>, outcome: Value, expected: Value) {
        let case = case.into();
        let before = self.outcomes.insert(case.clone(), (expected, outcome));
        assert!(before.is_none(), "two cases `{case}`");
    }
}

/// The first of the events that have come, if any has.
fn first(events: &[Value]) -> Value {
    events.first().cloned().unwrap_or_default()
}

/// Lets everything happen on a router.
async fn play(brand: Brand) -> BTreeMap<String, (Value, Value)> {
    let realm = Realm::new("realm1").routes(routes![sum, event]).subscription_handler(subscription_handler);
    // What the libraries in JavaScript announce is against the specification: progressive results that cannot be canceled.
    let realm = realm.progress_without_canceling();
    let router = Router::with(brand, realm, DISCLOSED).await;
    // Crossbar is not there at once.
    let first = serverwamp::Client::connect(router.web_socket()).into_future();
    let first = timeout(START_TIME, first).await.expect("a session in time").expect("a session");
    first.leave("wamp.close.normal", "").await;
    let urls = [router.web_socket(), router.raw_socket()];
    let mut scene = Scene { brand, urls, players: Vec::new(), outcomes: BTreeMap::new() };
    for player in ALL {
        scene.players.push(scene.double(player).await);
    }
    calls::play(&mut scene).await;
    events::play(&mut scene).await;
    meta::play(&mut scene).await;
    if scene.brand == Brand::Ours {
        beside_functions(&mut scene).await;
    }
    let Scene { players, outcomes, .. } = scene;
    drop(players);
    router.stop().await;
    outcomes
}

/// The program's own functions and its handler of subscriptions, in the realm where all the rest happens.
async fn beside_functions(scene: &mut Scene) {
    for player in ALL {
        let name = scene.name(player);
        let result = scene.call(player, "ours.sum", json!([2, 3])).await;
        scene.is(format!("{name} calls a function"), result, json!({"args": [5], "kwargs": {}}));
        scene.subscribe(player, "ours.heard", json!({})).await;
        let refused = scene.ask(player, json!({"do": "subscribe", "uri": "ours.closed"})).await;
        scene.is(format!("{name} is refused"), refused["error"].clone(), json!("ours.error.closed"));
        let taken = scene.register_with(player, "ours.sum", "name", json!({})).await;
        let expected = json!("wamp.error.procedure_already_exists");
        scene.is(format!("{name} registers a function's procedure"), taken["error"].clone(), expected);
    }
    for player in ALL {
        let name = scene.name(player);
        scene.publish(player, "ours.event", json!([name]), json!({})).await;
    }
    for player in ALL {
        let mut heard: Vec<_> = scene
            .events(player, "ours.heard", ALL.len())
            .await
            .into_iter()
            .map(|event| event["args"][0].clone())
            .collect();
        heard.sort_by_key(Value::to_string);
        let mut names: Vec<_> = ALL.iter().map(|player| json!(scene.name(*player))).collect();
        names.sort_by_key(Value::to_string);
        let case = format!("{} hears of all events of a function", scene.name(player));
        scene.is(case, json!(heard), json!(names));
    }
}

/// The rows of the table: a case, what comes of it by the specification and on Crossbar.
fn differences() -> BTreeMap<String, (Value, Value)> {
    let table = include_str!("differences.md").lines().filter_map(|line| line.strip_prefix("| "));
    let rows = table.filter(|line| line.contains(" | `"));
    rows.map(|line| {
        let columns: Vec<_> = line.split(" | ").collect();
        let value = |column: usize| {
            let text = columns[column].trim().trim_matches('`');
            serde_json::from_str(text).unwrap_or_else(|error| panic!("{line}: {error}"))
        };
        (columns[0].trim().to_owned(), (value(1), value(2)))
    })
    .collect()
}

/// What comes out now as the specification has it, now otherwise on Crossbar.
const UNSTEADY: [&str; 1] = ["a caller that is lost"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_of_all_libraries_on_our_router_and_on_crossbar() {
    let ours = play(Brand::Ours).await;
    let mut crossbar = play(Brand::Crossbar).await;
    assert!(crossbar.keys().all(|case| ours.contains_key(case)), "the same cases on both");

    let wrong: Vec<_> = ours.iter().filter(|(_, (expected, outcome))| expected != outcome).collect();
    for (case, (expected, outcome)) in &wrong {
        println!("{case}\n  expected {expected}\n  got      {outcome}");
    }
    crossbar.retain(|case, (expected, outcome)| !UNSTEADY.contains(&case.as_str()) && expected != outcome);
    let listed = differences();
    for (case, row) in crossbar.iter().filter(|(case, row)| listed.get(*case) != Some(row)) {
        println!("| {case} | `{}` | `{}` | not listed |", row.0, row.1);
    }
    assert!(wrong.is_empty(), "on our router {} of {} cases came out otherwise", wrong.len(), ours.len());
    assert_eq!(crossbar, listed, "what differs on Crossbar is what differences.md lists");
}
