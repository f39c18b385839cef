//! What the options of attributes ask a router for.

use serde_json::json;
use serverwamp::testing::TestClient;
use serverwamp::{App, routes, wamp};
use serverwamp_tests::{Router, Serializer};

use super::Hosted;

#[wamp::rpc("a.plain", concurrency = 4, manual)]
async fn plain() {}

#[wamp::rpc("b.shared", invoke = "roundrobin", concurrency = 4, manual)]
async fn shared() {}

#[wamp::rpc("c.single", invoke = "single", concurrency = 4, manual)]
async fn single() {}

#[wamp::rpc("d.disclosed", disclose_caller, manual)]
async fn disclosed() {}

#[wamp::rpc("e.forced", match = "prefix", force_reregister, disclose_caller = false, role = "admin", manual)]
async fn forced() {}

#[wamp::event("f.retained", get_retained, concurrency = 4, manual)]
async fn retained() {}

struct Service;

#[wamp::service(prefix = "g", invoke = "first", disclose_caller, get_retained, manual)]
impl Service {
    #[wamp::rpc]
    async fn first(&self) {}

    #[wamp::rpc(invoke = "last", disclose_caller = false)]
    async fn last(&self) {}

    #[wamp::event("news")]
    async fn news(&self) {}
}

#[tokio::test(start_paused = true)]
async fn routers_are_asked_for_what_attributes_say() {
    let routes =
        routes![plain, shared, single, disclosed, forced, retained, Service::first, Service::last, Service::news];
    for serializer in Serializer::ALL {
        let router = Router::new(serializer);
        let component = router.manual().routes(routes.clone()).service(Service);
        let mut hosted = Hosted::start(router, component).await;
        let expected = json!([
            [64, {}, "a.plain"],
            [64, {"invoke": "roundrobin", "concurrency": 4}, "b.shared"],
            [64, {"invoke": "single"}, "c.single"],
            [64, {"disclose_caller": true}, "d.disclosed"],
            [64, {"match": "prefix", "force_reregister": true, "disclose_caller": true}, "e.forced"],
            [64, {"invoke": "first", "disclose_caller": true}, "g.first"],
            [64, {"invoke": "last", "disclose_caller": false}, "g.last"],
            [32, {"get_retained": true}, "f.retained"],
            [32, {"get_retained": true}, "g.news"],
        ]);
        assert_eq!(json!(hosted.grant(9).await), expected, "{serializer:?}");
    }
}

/// Where this process serves the functions there is nobody to ask.
#[tokio::test(start_paused = true)]
async fn served_functions_are_as_without_the_options() {
    let app = App::new().routes(routes![shared, disclosed, Service::last]).service(Service);
    let client = TestClient::connect(&app).await.unwrap();
    for procedure in ["b.shared", "d.disclosed", "g.last"] {
        client.call::<()>(procedure, ()).await.unwrap();
    }
}
