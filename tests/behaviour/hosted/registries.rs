//! Sets of functions with prefixes and defaults, served and hosted.

use std::time::Duration;

use serde_json::{Value, json};
use serverwamp::testing::TestClient;
use serverwamp::{
    App, CallError, EventDetails, InvokePolicy, ProcedureDefaults, Realm, Routes, RpcError, SubscriptionDefaults,
    Topic, WampError, routes, wamp,
};
use serverwamp_tests::{Router, Serializer, check, check_call, check_error};

use super::Hosted;

#[derive(Debug, PartialEq, WampError)]
#[wamp(prefix = ".error")]
enum ShopError {
    SoldOut {
        product: u64,
    },
    #[wamp(uri = "elsewhere.error.closed")]
    Closed,
}

#[wamp::rpc("version", manual)]
async fn version() -> &'static str {
    "1.0"
}

#[wamp::rpc("product.{id}.price", manual)]
async fn price(id: u64) -> u64 {
    id * 10
}

#[wamp::rpc("files", match = "prefix", manual)]
async fn file() -> bool {
    true
}

#[wamp::rpc("n[0-9]+|m", match = "regex", manual)]
async fn number() -> bool {
    true
}

#[wamp::rpc("buy", manual)]
async fn buy(product: u64) -> Result<(), ShopError> {
    match product {
        0 => Err(ShopError::Closed),
        product => Err(ShopError::SoldOut { product }),
    }
}

#[wamp::rpc("admin", manual)]
async fn admin() {}

#[wamp::rpc("slow", manual)]
async fn slow() {
    std::future::pending().await
}

#[wamp::rpc("slower", timeout = "9s", concurrency = 2, invoke = "last", role = "nobody", manual)]
async fn slower() {}

#[wamp::event("news.", match = "prefix", manual)]
async fn news(_details: EventDetails) {}

#[wamp::event("sold", get_retained = false, manual)]
async fn sold() {}

#[wamp::subscribe(manual)]
async fn any_topic(_topic: Topic) -> Result<(), RpcError> {
    Err(RpcError::new(".error.no_topic"))
}

/// What both kinds of programs have, under `shop`.
fn shop() -> Routes {
    let of_child = ProcedureDefaults::new().timeout(Duration::from_secs(2)).disclose_caller(false);
    let of_shop = ProcedureDefaults::new()
        .timeout(Duration::from_secs(5))
        .concurrency(3)
        .invoke(InvokePolicy::RoundRobin)
        .disclose_caller(true)
        .force_reregister(true);
    let retained = SubscriptionDefaults::new().get_retained(true);
    let child = routes![slow, slower].prefix("child").procedure_defaults(of_child).prefix("between");
    routes![version, price, file, buy, news, sold]
        .prefix("shop")
        .procedure_defaults(of_shop)
        .subscription_defaults(retained)
        .nest(child)
}

#[tokio::test(start_paused = true)]
async fn served_functions_are_known_by_prefix_and_name() {
    let administration = routes![admin].prefix("shop").procedure_defaults(ProcedureDefaults::new().roles(["admin"]));
    let more = routes![number, any_topic].prefix("shop");
    let app = App::new().routes(shop().and(more)).routes(routes![version, buy].and(administration));
    for (procedure, arguments, result) in [
        ("shop.version", json!([]), json!([["1.0"]])),
        ("version", json!([]), json!([["1.0"]])),
        ("shop.product.7.price", json!([]), json!([[70]])),
        ("shop.files.a", json!([]), json!([[true]])),
        ("shop.n12", json!([]), json!([[true]])),
        ("shop.m", json!([]), json!([[true]])),
    ] {
        check_call(&app, procedure, arguments, result).await;
    }
    let message = json!([[], {"message": "…"}]);
    for (procedure, arguments, error, payload) in [
        ("shop.buy", json!([[3]]), "shop.error.sold_out", json!([[], {"product": 3}])),
        ("shop.buy", json!([[0]]), "elsewhere.error.closed", json!([])),
        ("buy", json!([[3]]), "error.sold_out", json!([[], {"product": 3}])),
        ("m", json!([]), "wamp.error.no_such_procedure", message.clone()),
        ("shopxm", json!([]), "wamp.error.no_such_procedure", message.clone()),
        ("shop.slow", json!([]), "wamp.error.no_such_procedure", message.clone()),
        ("shop.admin", json!([]), "wamp.error.not_authorized", message.clone()),
        ("shop.between.child.slow", json!([]), "wamp.error.timeout", json!([])),
    ] {
        check_error(&app, procedure, arguments, error, payload).await;
    }
    check(&app, json!([32, 1, {}, "anything"]), &[json!([8, 32, 1, {}, "shop.error.no_topic"])]).await;
}

#[tokio::test(start_paused = true)]
async fn hosted_functions_are_known_by_prefix_and_name() {
    for serializer in Serializer::ALL {
        let router = Router::new(serializer);
        let component = router.manual().routes(shop());
        let mut hosted = Hosted::start(router, component).await;
        let outer =
            json!({"invoke": "roundrobin", "concurrency": 3, "disclose_caller": true, "force_reregister": true});
        let with = |more: Value| {
            let mut options = outer.clone();
            options.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            options
        };
        let slower = json!({"invoke": "last", "concurrency": 2});
        let expected = json!([
            [64, with(json!({"disclose_caller": false})), "shop.between.child.slow"],
            [64, with(slower), "shop.between.child.slower"],
            [64, outer, "shop.buy"],
            [64, with(json!({"match": "prefix"})), "shop.files"],
            [64, with(json!({"match": "wildcard"})), "shop.product..price"],
            [64, outer, "shop.version"],
            [32, {"match": "prefix", "get_retained": true}, "shop.news."],
            [32, {"get_retained": false}, "shop.sold"],
        ]);
        assert_eq!(json!(hosted.grant(8).await), expected, "{serializer}");
        hosted.peer.send(json!([68, 1, 103, {}, [4]])).await;
        let error = json!([8, 68, 1, {}, "shop.error.sold_out", [], {"product": 4}]);
        assert_eq!(hosted.peer.receive().await.unwrap(), error, "{serializer}");
    }
}

#[tokio::test(start_paused = true)]
async fn error_types_are_read_under_the_prefix_that_they_have() {
    let app = App::new().routes(shop()).realm(Realm::new("plain").routes(routes![buy]));
    let client = TestClient::connect(&app).await.unwrap();
    let error = client.call::<()>("shop.buy", 3).await.unwrap_err();
    assert_eq!(error.uri(), Some("shop.error.sold_out"));
    assert_eq!(error.to_under("shop"), Some(ShopError::SoldOut { product: 3 }));
    assert_eq!(error.to_under::<ShopError>("shop.error"), None);
    assert_eq!(error.to_under::<ShopError>("sho"), None);
    assert_eq!(error.to::<ShopError>(), None);
    let error = client.call::<()>("shop.buy", 0).await.unwrap_err();
    assert_eq!(error.to_under("shop"), Some(ShopError::Closed));
    assert_eq!(error.to(), Some(ShopError::Closed));
    let client = TestClient::join(&app, "plain", "wamp.2.json").await.unwrap();
    let error = client.call::<()>("buy", 3).await.unwrap_err();
    assert_eq!(error.to(), Some(ShopError::SoldOut { product: 3 }));
    let unknown = RpcError::new("their.error").arg(1).kwarg("why", "x");
    let error = CallError::Remote(unknown.clone());
    assert_eq!((error.to_under::<ShopError>("their"), error), (None, CallError::Remote(unknown)));
}

/// The problems of an app that does not start, without their places.
async fn problems(routes: Routes) -> Vec<String> {
    match TestClient::connect(&App::new().routes(routes)).await {
        Err(CallError::Startup(text)) => text.lines().skip(1).map(|line| line.trim().to_owned()).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn problems_of_sets_name_file_and_line() {
    for (prefix, problem) in [
        ("", "the prefix `` of a set of functions is no URI: "),
        ("a..b", "the prefix `a..b` of a set of functions is no URI: "),
        ("shop.", "the prefix `shop.` of a set of functions is no URI: "),
        ("a b", "the prefix `a b` of a set of functions is no URI: "),
        ("a.{b}", "the prefix `a.{b}` of a set of functions cannot stand for parameters of theirs"),
        ("wamp.mine", "the prefix `wamp.mine` of a set of functions is reserved by the protocol"),
    ] {
        let line = line!() + 1;
        let found = problems(routes![version].nest(routes![buy].prefix(prefix))).await;
        let place = format!("{}:{line}", file!());
        assert!(found.iter().any(|found| found.contains(problem) && found.contains(&place)), "{found:?}");
    }
    let long = problems(routes![version].prefix("a".repeat(250))).await;
    assert!(long[0].contains("procedure `version` cannot be under the prefix"), "{long:?}");
    assert!(long[0].contains(file!()), "{long:?}");
    // One function with other defaults is the same procedure.
    let limited = routes![version].prefix("shop").procedure_defaults(ProcedureDefaults::new().concurrency(1));
    let twice = problems(shop().and(limited)).await;
    assert!(twice[0].contains("procedure `shop.version` is already served by `version` at "), "{twice:?}");
    assert!(twice[0].contains(file!()), "{twice:?}");
    // The same set in two places is not.
    assert!(TestClient::connect(&App::new().routes(shop().and(shop()))).await.is_ok());
    let missing = problems(routes![shop].prefix("shop")).await;
    assert_eq!(missing, ["routes![shop]: expected an annotated function; `shop` has no #[wamp::…] attribute"]);
}
