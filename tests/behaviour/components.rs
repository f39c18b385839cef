//! Parameters that take components of the URI.

use serde_json::json;
use serverwamp::{App, RpcError, Session, Topic, wamp};
use serverwamp_tests::{check, check_call, check_error};

#[derive(serde::Deserialize, Debug)]
#[serde(rename_all = "lowercase")]
enum Colour {
    Red,
    Green,
}

#[wamp::rpc("product.{id}.get")]
async fn get(id: u64) -> u64 {
    id
}

#[wamp::rpc("product.{id}.rename", rename_all = "camelCase")]
async fn rename(new_name: &str, id: u64, #[wamp(default = 3)] times: i64) -> String {
    format!("{id} {new_name} {times}")
}

/// More specific than the pattern above.
#[wamp::rpc("product.top.get")]
async fn top() -> &'static str {
    "top"
}

#[wamp::rpc("paint.{colour}.{layers}.{type}")]
async fn paint(r#type: &str, colour: Colour, layers: f64) -> String {
    format!("{colour:?} {layers} {}", r#type)
}

#[wamp::rpc("twice.{id}")]
#[wamp::rpc("twice")]
async fn twice(id: i64) -> i64 {
    2 * id
}

#[derive(Default)]
struct Shop;

#[wamp::service(prefix = "shop.{shop}")]
impl Shop {
    #[wamp::rpc("stock")]
    async fn stock(&self, product: &str, shop: u8) -> String {
        format!("{product} in {shop}")
    }
}

#[wamp::subscribe("price.{id}")]
async fn price(topic: Topic, id: u64, session: Session) -> Result<(), RpcError> {
    if id == 0 {
        return Err(RpcError::new("no.such.product").arg(id));
    }
    let _ = session.send_event(&topic, id).await;
    Ok(())
}

#[wamp::subscribe("all.{id}.prices")]
async fn all_prices(id: Option<u64>, session: Session) {
    let _ = session.send_event(format!("all.{}.prices", id.unwrap_or(9)), format!("{id:?}")).await;
}

fn app() -> App {
    App::discover_in(module_path!()).service(Shop)
}

#[tokio::test]
async fn components_reach_their_parameters() {
    let cases = [
        ("product.7.get", json!([]), json!([[7]])),
        ("product.18446744073709551615.get", json!([]), json!([[u64::MAX]])),
        ("product.top.get", json!([]), json!([["top"]])),
        ("product.7.rename", json!([["fish"]]), json!([["7 fish 3"]])),
        ("product.7.rename", json!([["fish", 4]]), json!([["7 fish 4"]])),
        ("product.7.rename", json!([[], {"newName": "fish", "times": 1}]), json!([["7 fish 1"]])),
        ("paint.green.2.matt", json!([]), json!([["Green 2 matt"]])),
        ("paint.red.1e2.\"q\\", json!([]), json!([["Red 100 \"q\\"]])),
        ("paint.red.0.ü", json!([]), json!([["Red 0 ü"]])),
        ("twice.4", json!([]), json!([[8]])),
        ("twice", json!([[5]]), json!([[10]])),
        ("shop.3.stock", json!([["fish"]]), json!([["fish in 3"]])),
    ];
    let app = app();
    for (procedure, arguments, result) in cases {
        check_call(&app, procedure, arguments, result).await;
    }
}

#[tokio::test]
async fn components_that_do_not_fit() {
    let app = app();
    let cases = [
        ("product.x.get", json!([]), "argument `id`: invalid type: string \"x\", expected u64"),
        ("product.-1.get", json!([]), "argument `id`: invalid value: integer `-1`, expected u64"),
        ("product.7.get", json!([[7]]), "expected no positional arguments, got 1"),
        ("product.7.get", json!([[], {"id": 8}]), "unknown keyword argument `id`, expected none"),
        (
            "product.7.rename",
            json!([[], {"id": 8}]),
            "unknown keyword argument `id`, expected one of `newName`, `times`",
        ),
        ("product.7.rename", json!([]), "missing argument: `newName`"),
        ("shop.256.stock", json!([["fish"]]), "argument `shop`: invalid value: integer `256`, expected u8"),
        ("paint.blue.1.x", json!([]), "argument `colour`: unknown variant \"blue\", expected one of `red`, `green`"),
    ];
    for (procedure, arguments, message) in cases {
        let payload = json!([[], {"message": message}]);
        check_error(&app, procedure, arguments, "wamp.error.invalid_argument", payload).await;
    }
    for procedure in ["product.7", "shop.3", "twice.4.5"] {
        check_error(&app, procedure, json!([]), "wamp.error.no_such_procedure", json!([[], {"message": "…"}])).await;
    }
}

#[tokio::test(start_paused = true)]
async fn topics_have_components_too() {
    let app = app();
    let subscribed = json!([33, 1, "…"]);
    let event = |payload| json!([36, "…", "…", {}, payload]);
    check(&app, json!([32, 1, {}, "price.7"]), &[subscribed.clone(), event(json!([7]))]).await;
    check(&app, json!([32, 1, {}, "price.0"]), &[json!([8, 32, 1, {}, "no.such.product", [0]])]).await;
    let refused = json!([8, 32, 1, {}, "wamp.error.invalid_argument", [], {"message": "…"}]);
    check(&app, json!([32, 1, {}, "price.x"]), std::slice::from_ref(&refused)).await;
    // A pattern has no component there.
    check(&app, json!([32, 1, {"match": "wildcard"}, "price."]), &[refused]).await;
    check(&app, json!([32, 1, {}, "all.4.prices"]), &[subscribed.clone(), event(json!(["Some(4)"]))]).await;
    let all = json!([32, 1, {"match": "wildcard"}, "all..prices"]);
    check(&app, all, &[subscribed, json!([36, "…", "…", "…", ["None"]])]).await;
}
