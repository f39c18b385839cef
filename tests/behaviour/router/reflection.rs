//! What clients can ask about the program's functions.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use serverwamp::{
    Action, ActionKind, Decision, MatchPolicy, Rest, RestKw, Rules, Session, Uri, WampError, routes, wamp,
};
use serverwamp_tests::{Peer, Serializer};

use super::*;

/// What may go wrong in the shop.
#[derive(Debug, Serialize, Deserialize, WampError)]
#[wamp(prefix = "shop.error")]
enum ShopError {
    /// There are fewer.
    SoldOut {
        left: u32,
        #[wamp(rename = "whenBack")]
        when_back: Option<String>,
    },
    Strange(String),
    #[wamp(internal)]
    #[allow(dead_code, reason = "only described")]
    Broken(String),
}

type Outcome<T> = Result<T, ShopError>;

#[derive(Deserialize)]
#[allow(dead_code, reason = "only described")]
struct Address {
    street: String,
    #[serde(rename = "postCode")]
    post_code: String,
}

/// Orders some.
///
/// As many as there are.
#[wamp::rpc("shop.order", timeout = "5s", manual)]
async fn order(
    _session: Session,
    item: String,
    #[wamp(default = 1 + 1)] count: u32,
    address: Option<Address>,
    #[wamp(keyword)] gift: bool,
) -> Result<u32, ShopError> {
    let _ = (item, address, gift);
    Ok(count)
}

#[wamp::rpc("shop.count", manual)]
#[allow(clippy::needless_lifetimes, reason = "types are told as they are written")]
async fn count_all<'a>(_what: &'a str) -> Outcome<Vec<u8>> {
    Err(ShopError::Strange("no".to_owned()))
}

#[wamp::rpc("shop.note", match = "prefix", manual)]
fn note(_rest: Rest<Vec<i64>>, _named: RestKw<std::collections::BTreeMap<String, i64>>) {}

#[wamp::rpc("shop.shelf.{number}", manual)]
async fn shelf(number: u64) -> u64 {
    number
}

/// For those in charge.
#[wamp::rpc("shop.close", role = "boss", manual)]
async fn close() -> Result<(), ShopError> {
    Ok(())
}

#[derive(Debug, WampError)]
#[wamp(uri = "shop.error.alarm")]
struct Alarm;

#[wamp::rpc("shop.alarm", role = "boss", manual)]
async fn alarm() -> Result<impl serde::Serialize, Alarm> {
    Ok(1)
}

/// What people say.
#[wamp::event("shop.chat", manual)]
async fn chat(_text: String, _volume: Option<f64>) {}

/// Anybody may listen.
#[wamp::subscribe("shop.chat", manual)]
async fn listen() {}

#[wamp::subscribe("shop.prices", match = "prefix", manual)]
async fn prices() {}

#[wamp::event("shop.orders", role = "boss", manual)]
async fn orders() {}

fn functions() -> App {
    App::new().routes(routes![order, count_all, note, shelf, close, alarm, chat, listen, prices, orders])
}

async fn reflect(peer: &mut Peer, request: u64, procedure: &str, args: Value) -> Value {
    call(peer, request, &format!("wamp.reflection.{procedure}"), args, json!({})).await
}

#[tokio::test]
async fn functions_are_described() {
    for serializer in Serializer::ALL {
        let mut peer = join(&functions().router(), serializer, "realm").await;
        for (request, (procedure, args, expected)) in (1..).zip([
            ("procedure.list", json!([]), json!(["shop.count", "shop.note", "shop.order", "shop.shelf."])),
            (
                "procedure.describe",
                json!(["shop.order"]),
                json!({
                    "uri": "shop.order", "match": "exact", "documentation": "Orders some.\n\nAs many as there are.",
                    "arguments": [
                        {"name": "item", "type": "String", "schema": {"type": "string"}, "required": true},
                        {
                            "name": "count", "type": "u32", "schema": {"type": "integer"}, "required": false,
                            "default": "1 + 1",
                        },
                        {
                            "name": "address", "type": "Option<Address>", "required": false,
                            "schema": {
                                "type": ["object", "null"], "properties": {"street": {}, "postCode": {}},
                            },
                        },
                        {
                            "name": "gift", "type": "bool", "schema": {"type": "boolean"}, "required": true,
                            "keyword": true,
                        },
                    ],
                    "result": "Result<u32, ShopError>", "timeout": 5000,
                    "errors": ["shop.error.sold_out", "shop.error.strange"],
                }),
            ),
            (
                "procedure.describe",
                json!(["shop.count", {"match": "exact"}]),
                json!({
                    "uri": "shop.count", "match": "exact", "documentation": "",
                    "arguments": [
                        {"name": "_what", "type": "&'a str", "schema": {"type": "string"}, "required": true},
                    ],
                    "result": "Outcome<Vec<u8>>", "errors": ["shop.error.sold_out", "shop.error.strange"],
                }),
            ),
            (
                "procedure.describe",
                json!(["shop.note"]),
                json!({
                    "uri": "shop.note", "match": "prefix", "documentation": "",
                    "arguments": [
                        {"name": "_rest", "type": "Rest<Vec<i64>>", "rest": "positional"},
                        {
                            "name": "_named", "type": "RestKw<std::collections::BTreeMap<String, i64>>",
                            "rest": "keyword",
                        },
                    ],
                    "result": "()", "errors": [],
                }),
            ),
            (
                "procedure.describe",
                json!(["shop.shelf."]),
                json!({
                    "uri": "shop.shelf.", "match": "wildcard", "documentation": "",
                    "arguments": [
                        {
                            "name": "number", "type": "u64", "schema": {"type": "integer"}, "required": true,
                            "component": 2,
                        },
                    ],
                    "result": "u64", "errors": [],
                }),
            ),
            ("procedure.describe", json!(["shop.order", {"match": "prefix"}]), json!(null)),
            ("procedure.describe", json!(["shop.nothing"]), json!(null)),
            ("procedure.describe", json!(["shop.chat"]), json!(null)),
            ("procedure.describe", json!(["not a uri"]), json!(null)),
            ("topic.list", json!([]), json!(["shop.chat", "shop.orders", "shop.prices"])),
            (
                "topic.describe",
                json!(["shop.chat"]),
                json!({
                    "uri": "shop.chat", "match": "exact",
                    "documentation": "Anybody may listen.\n\nWhat people say.", "subscribe": true, "publish": true,
                    "arguments": [
                        {"name": "_text", "type": "String", "schema": {"type": "string"}, "required": true},
                        {
                            "name": "_volume", "type": "Option<f64>", "schema": {"type": ["number", "null"]},
                            "required": false,
                        },
                    ],
                }),
            ),
            (
                "topic.describe",
                json!(["shop.prices"]),
                json!({
                    "uri": "shop.prices", "match": "prefix", "documentation": "", "subscribe": true, "publish": false,
                }),
            ),
            ("topic.describe", json!(["shop.order"]), json!(null)),
            ("error.list", json!([]), json!(["shop.error.sold_out", "shop.error.strange"])),
            (
                "error.describe",
                json!(["shop.error.sold_out"]),
                json!({
                    "uri": "shop.error.sold_out", "documentation": "There are fewer.",
                    "arguments": [
                        {"name": "left", "type": "u32"}, {"name": "whenBack", "type": "Option<String>"},
                    ],
                    "procedures": ["shop.count", "shop.order"],
                }),
            ),
            (
                "error.describe",
                json!(["shop.error.strange"]),
                json!({
                    "uri": "shop.error.strange", "documentation": "", "arguments": [{"type": "String"}],
                    "procedures": ["shop.count", "shop.order"],
                }),
            ),
            ("error.describe", json!(["shop.error.broken"]), json!(null)),
            ("error.describe", json!(["shop.error.alarm"]), json!(null)),
        ]) {
            let got = reflect(&mut peer, request, procedure, args.clone()).await;
            assert_eq!(got, json!([expected]), "{serializer} {procedure} {args}");
        }
        for (request, (procedure, args)) in (50..).zip([
            ("procedure.describe", json!([])),
            ("procedure.describe", json!([7])),
            ("procedure.describe", json!(["shop.order", {"match": 7}])),
            ("topic.describe", json!([])),
            ("error.describe", json!([])),
        ]) {
            let uri = format!("wamp.reflection.{procedure}");
            let error = call_error(&mut peer, request, &uri, args.clone(), json!({})).await;
            assert_eq!(error, "wamp.error.invalid_argument", "{serializer} {procedure} {args}");
        }
    }
}

async fn be_boss(session: Session, _: String) -> Option<serverwamp::Authenticated> {
    let authid = session.claims().authid()?.to_owned();
    Some(serverwamp::Authenticated::new(()).role(authid))
}

/// Nobody learns of what is for others, whatever forbids it.
#[tokio::test]
async fn what_is_not_for_the_caller_is_not_there() {
    let shop = [ActionKind::Call, ActionKind::Subscribe, ActionKind::Publish];
    let realms = [
        // The roles of functions.
        ("roles", Realm::new("realm1").router(), "shop.alarm shop.close shop.count shop.note shop.order shop.shelf."),
        // Rules: those of patterns have to cover them.
        (
            "rules",
            Realm::new("realm1").router().rules(
                Rules::new()
                    .allow("*", "wamp.reflection.", MatchPolicy::Prefix, [ActionKind::Call])
                    .allow("boss", "shop.", MatchPolicy::Prefix, shop)
                    .allow("guest", "shop.order", MatchPolicy::Exact, [ActionKind::Call]),
            ),
            "shop.alarm shop.close shop.count shop.note shop.order shop.shelf.",
        ),
        // The authorizer, which takes its time.
        (
            "authorizer",
            Realm::new("realm1").router().authorizer(async |session: Session, uri: Uri, action: Action| {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                let may = session.authrole() == "boss"
                    || uri.starts_with("wamp.")
                    || *uri == *"shop.order" && action.kind() == ActionKind::Call;
                if may { Decision::allow() } else { Decision::deny() }
            }),
            "shop.alarm shop.close shop.count shop.note shop.order shop.shelf.",
        ),
    ];
    for (what, realm, all) in realms {
        for serializer in Serializer::ALL {
            let app = functions().realm(realm.clone().ticket_authenticator(be_boss));
            for role in ["boss", "guest"] {
                let mut peer = Peer::connect(&app, serializer);
                let hello = json!([1, "realm1", {"roles": {"caller": {}}, "authmethods": ["ticket"], "authid": role}]);
                assert_eq!(ask(&mut peer, hello).await[0], 4);
                assert_eq!(ask(&mut peer, json!([5, "x", {}])).await[0], 2);
                let is_boss = role == "boss";
                let context = format!("{serializer} {what} {role}");
                let seen: Vec<&str> = match (what, is_boss) {
                    (_, true) => all.split(' ').collect(),
                    ("roles", false) => vec!["shop.count", "shop.note", "shop.order", "shop.shelf."],
                    (_, false) => vec!["shop.order"],
                };
                assert_eq!(reflect(&mut peer, 1, "procedure.list", json!([])).await, json!([seen]), "{context}");
                for (request, procedure) in (2..).zip(all.split(' ')) {
                    let described = reflect(&mut peer, request, "procedure.describe", json!([procedure])).await;
                    assert_eq!(!described[0].is_null(), seen.contains(&procedure), "{context} {procedure}");
                }
                let topics = match (what, is_boss) {
                    (_, true) | ("roles", _) => json!(["shop.chat", "shop.orders", "shop.prices"]),
                    _ => json!([]),
                };
                assert_eq!(reflect(&mut peer, 20, "topic.list", json!([])).await, json!([topics]), "{context}");
                let orders = reflect(&mut peer, 21, "topic.describe", json!(["shop.orders"])).await;
                match (what, is_boss) {
                    (_, true) => assert_eq!(orders[0]["publish"], true, "{context}"),
                    // A router's topics are open, but who publishes here has a function run that is for others.
                    ("roles", _) => assert_eq!(orders[0]["publish"], false, "{context}"),
                    _ => assert_eq!(orders, json!([null]), "{context}"),
                }
                let errors = reflect(&mut peer, 22, "error.list", json!([])).await;
                let has_alarm = errors[0].as_array().unwrap().contains(&json!("shop.error.alarm"));
                assert_eq!(has_alarm, is_boss, "{context}");
                let closing = reflect(&mut peer, 23, "error.describe", json!(["shop.error.strange"])).await;
                let procedures = closing[0]["procedures"].as_array().unwrap();
                assert_eq!(procedures.contains(&json!("shop.close")), is_boss, "{context}");
            }
        }
    }
}

#[tokio::test]
async fn realms_that_are_no_routers_are_asked_to_reflect() {
    for serializer in Serializer::ALL {
        let app = functions().realm(Realm::new("open").reflection()).realm(Realm::new("router").router());
        for (realm, reflects, is_router) in [("open", true, false), ("router", true, true), ("other", false, false)] {
            let mut peer = Peer::connect(&app, serializer);
            let welcome = ask(&mut peer, serverwamp_tests::hello(realm)).await;
            for (role, feature) in [
                ("dealer", "reflection"),
                ("dealer", "procedure_reflection"),
                ("broker", "reflection"),
                ("broker", "topic_reflection"),
            ] {
                let announced = welcome[2]["roles"][role]["features"].get(feature) == Some(&json!(true));
                assert_eq!(announced, reflects, "{serializer} {realm} {feature}");
            }
            let list = ask(&mut peer, json!([48, 1, {}, "wamp.reflection.error.list"])).await;
            assert_eq!(list[0] == 50, reflects, "{serializer} {realm} {list}");
            let count = ask(&mut peer, json!([48, 2, {}, "wamp.session.count"])).await;
            assert_eq!(count[0] == 50, is_router, "{serializer} {realm} {count}");
        }
    }
}
