//! The meta API of registrations.

use serde_json::{Value, json};
use serverwamp::{Call, RpcError};
use serverwamp_tests::{Peer, Serializer};

use super::*;

/// The id of the first function of the program.
const FIRST: u64 = 1 << 52;

#[wamp::rpc("functions.add")]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

#[wamp::rpc("functions.files", match = "prefix")]
async fn file() {}

#[wamp::rpc("functions..size", match = "wildcard")]
async fn size() {}

#[wamp::rpc(r"functions\.[0-9]+\.[a-z]+", match = "regex")]
async fn numbered() {}

/// Only the functions of this module.
fn own_app() -> App {
    App::discover_in(module_path!()).router()
}

async fn meta(peer: &mut Peer, request: u64, procedure: &str, args: Value) -> Value {
    call(peer, request, &format!("wamp.registration.{procedure}"), args, json!({})).await
}

/// Registers, and returns the id.
async fn register(peer: &mut Peer, request: u64, procedure: &str, options: Value) -> u64 {
    let registered = ask(peer, json!([64, request, options, procedure])).await;
    assert_eq!((&registered[0], &registered[1]), (&json!(65), &json!(request)), "{registered}");
    registered[2].as_u64().unwrap()
}

#[tokio::test]
async fn registrations_are_listed_looked_up_and_described() {
    for serializer in Serializer::ALL {
        let app = own_app();
        let (mut one, first) = join_as(&app, serializer, "realm", json!({})).await;
        let (mut other, second) = join_as(&app, serializer, "realm", json!({})).await;
        for (request, (procedure, options)) in (1..).zip([
            ("a.b.c", json!({})),
            ("a.b", json!({"match": "prefix", "invoke": "roundrobin"})),
            ("a..c", json!({"match": "wildcard"})),
            ("functions.files.mine", json!({"match": "prefix"})),
        ]) {
            assert_eq!(register(&mut one, request, procedure, options).await, request);
        }
        assert_eq!(register(&mut other, 1, "a.b", json!({"match": "prefix", "invoke": "roundrobin"})).await, 2);
        // In the order of their URIs.
        let [numbered, sizes, sum, files] = [3, 0, 1, 2].map(|place| FIRST + place);
        for (request, (procedure, args, expected)) in (10..).zip([
            (
                "list",
                json!([]),
                json!({"exact": [1, sum], "prefix": [2, 4, files], "wildcard": [3, sizes], "regex": [numbered]}),
            ),
            ("lookup", json!(["a.b.c"]), json!(1)),
            ("lookup", json!(["a.b", {"match": "prefix"}]), json!(2)),
            ("lookup", json!(["a..c", {"match": "wildcard"}]), json!(3)),
            ("lookup", json!(["a.b"]), json!(null)),
            ("lookup", json!(["a.b", {"match": "exact"}]), json!(null)),
            ("lookup", json!(["functions.add"]), json!(sum)),
            ("lookup", json!(["functions.files", {"match": "prefix"}]), json!(files)),
            ("lookup", json!(["functions..size", {"match": "wildcard"}]), json!(sizes)),
            ("lookup", json!(["functions.files"]), json!(null)),
            ("match", json!(["a.b.c"]), json!(1)),
            ("match", json!(["a.b.x"]), json!(2)),
            ("match", json!(["a.x.c"]), json!(3)),
            ("match", json!(["a.x"]), json!(null)),
            ("match", json!(["functions.add"]), json!(sum)),
            ("match", json!(["functions.files.x"]), json!(files)),
            ("match", json!(["functions.files.mine.x"]), json!(4)),
            ("match", json!(["functions.x.size"]), json!(sizes)),
            ("match", json!(["functions.1.x"]), json!(numbered)),
            // The procedures of the protocol are nobody's registrations.
            ("match", json!(["wamp.session.count"]), json!(null)),
            ("lookup", json!(["wamp.session.count"]), json!(null)),
            ("list_callees", json!([2]), json!([first, second])),
            ("list_callees", json!([1]), json!([first])),
            ("count_callees", json!([2]), json!(2)),
            ("list_callees", json!([sum]), json!([])),
            ("count_callees", json!([sum]), json!(0)),
        ]) {
            assert_eq!(meta(&mut one, request, procedure, args.clone()).await, json!([expected]), "{procedure} {args}");
        }
        for (request, (id, uri, policy, invoke)) in (50..).zip([
            (1, "a.b.c", "exact", "single"),
            (2, "a.b", "prefix", "roundrobin"),
            (sum, "functions.add", "exact", "single"),
            (sizes, "functions..size", "wildcard", "single"),
            (numbered, r"functions\.[0-9]+\.[a-z]+", "regex", "single"),
        ]) {
            let described = meta(&mut one, request, "get", json!([id])).await;
            let created = described[0]["created"].as_str().unwrap();
            assert!(chrono::DateTime::parse_from_rfc3339(created).is_ok(), "{created}");
            let expected = json!([{"id": id, "created": created, "uri": uri, "match": policy, "invoke": invoke}]);
            assert_eq!(described, expected, "{serializer}");
        }
        for (request, (procedure, args, error)) in (60..).zip([
            ("get", json!([9]), "wamp.error.no_such_registration"),
            ("get", json!([FIRST + 4]), "wamp.error.no_such_registration"),
            ("get", json!([u64::MAX]), "wamp.error.no_such_registration"),
            ("list_callees", json!([0]), "wamp.error.no_such_registration"),
            ("count_callees", json!([9]), "wamp.error.no_such_registration"),
            ("get", json!([]), "wamp.error.invalid_argument"),
            ("lookup", json!([7]), "wamp.error.invalid_argument"),
            ("lookup", json!(["a..b"]), "wamp.error.invalid_uri"),
            ("lookup", json!(["a", {"match": "nonsense"}]), "wamp.error.invalid_argument"),
            ("match", json!(["a..b"]), "wamp.error.invalid_uri"),
        ]) {
            let procedure = format!("wamp.registration.{procedure}");
            let got = call_error(&mut one, request, &procedure, args.clone(), json!({})).await;
            assert_eq!(got, error, "{serializer} {procedure} {args}");
        }
        assert_eq!(ask(&mut one, json!([66, 90, 1])).await, json!([67, 90]));
        assert_eq!(meta(&mut one, 91, "lookup", json!(["a.b.c"])).await, json!([null]));
    }
}

/// The next meta event: its topic and arguments, the time of a creation checked and left out.
async fn meta_event(peer: &mut Peer) -> (String, Value) {
    let event = peer.receive().await.expect("an event");
    assert_eq!(event[0], 36, "{event}");
    let mut args = event[4].clone();
    if let Some(created) = args[1].get("created").cloned() {
        assert!(chrono::DateTime::parse_from_rfc3339(created.as_str().unwrap()).is_ok(), "{created}");
        args[1].as_object_mut().unwrap().remove("created");
    }
    let topic = event[3]["topic"].as_str().expect("the topic, for a pattern");
    (topic.strip_prefix("wamp.registration.on_").unwrap_or(topic).to_owned(), args)
}

#[tokio::test]
async fn changes_of_registrations_are_events_in_their_order() {
    for serializer in Serializer::ALL {
        let app = app();
        let mut watcher = join(&app, serializer, "realm1").await;
        assert_eq!(subscribe(&mut watcher, 1, "wamp.registration.", json!({"match": "prefix"})).await, 1);
        let (mut one, first) = join_as(&app, serializer, "realm1", json!({})).await;
        let (mut other, second) = join_as(&app, serializer, "realm1", json!({})).await;
        let shared = json!({"match": "prefix", "invoke": "first"});
        let id = register(&mut one, 1, "a.b", shared.clone()).await;
        register(&mut other, 1, "a.b", shared).await;
        // What is refused is no change.
        assert_eq!(ask(&mut other, json!([64, 2, {}, "alive"])).await[4], "wamp.error.procedure_already_exists");
        let exact = register(&mut other, 3, "x", json!({})).await;
        assert_eq!(ask(&mut one, json!([66, 2, id])).await, json!([67, 2]));
        let taken = register(&mut one, 3, "x", json!({"force_reregister": true})).await;
        assert_eq!(ask(&mut other, json!([6, {}, "wamp.close.close_realm"])).await[0], 6);
        drop(one);
        for (name, args) in [
            ("create", json!([first, {"id": id, "uri": "a.b", "match": "prefix", "invoke": "first"}])),
            ("register", json!([first, id])),
            ("register", json!([second, id])),
            ("create", json!([second, {"id": exact, "uri": "x", "match": "exact", "invoke": "single"}])),
            ("register", json!([second, exact])),
            ("unregister", json!([first, id])),
            ("unregister", json!([second, exact])),
            ("delete", json!([second, exact])),
            ("create", json!([first, {"id": taken, "uri": "x", "match": "exact", "invoke": "single"}])),
            ("register", json!([first, taken])),
            ("unregister", json!([second, id])),
            ("delete", json!([second, id])),
            ("unregister", json!([first, taken])),
            ("delete", json!([first, taken])),
        ] {
            assert_eq!(meta_event(&mut watcher).await, (name.to_owned(), args), "{serializer}");
        }
        assert_nothing_else(&mut watcher, 9).await;
    }
}

#[tokio::test]
async fn callees_are_removed() {
    for serializer in Serializer::ALL {
        let app = app();
        let mut admin = join(&app, serializer, "realm1").await;
        let mut told = Peer::connect(&app, serializer);
        let roles = json!({"callee": {"features": {"registration_revocation": true}}, "caller": {}});
        let session = ask(&mut told, json!([1, "realm1", {"roles": roles}])).await[1].as_u64().unwrap();
        let id = register(&mut told, 1, "a", json!({"invoke": "first"})).await;
        let (mut untold, other) = join_as(&app, serializer, "realm1", json!({})).await;
        register(&mut untold, 1, "a", json!({"invoke": "first"})).await;
        let remove = "wamp.registration.remove_callee";
        for (request, (args, kwargs, error)) in (1..).zip([
            (json!([id, 1]), json!({}), "wamp.error.no_such_session"),
            (json!([99, session]), json!({}), "wamp.error.no_such_registration"),
            (json!([FIRST, session]), json!({}), "wamp.error.no_such_session"),
            (json!([id, session]), json!({"reason": "not a uri"}), "wamp.error.invalid_uri"),
            (json!([id]), json!({}), "wamp.error.invalid_argument"),
        ]) {
            let got = call_error(&mut admin, request, remove, args.clone(), kwargs).await;
            assert_eq!(got, error, "{serializer} {args}");
        }
        assert_eq!(call(&mut admin, 9, remove, json!([id, session]), json!({"reason": "my.reason"})).await, json!([]));
        let revoked = json!([67, 0, {"registration": id, "reason": "my.reason"}]);
        assert_eq!(told.receive().await, Some(revoked), "{serializer}");
        // The other goes on.
        admin.send(json!([48, 10, {}, "a"])).await;
        assert_eq!(untold.receive().await, Some(json!([68, 1, id, {}])), "{serializer}");
        untold.send(json!([70, 1, {}, [1]])).await;
        assert_eq!(admin.receive().await, Some(json!([50, 10, {}, [1]])), "{serializer}");
        assert_eq!(ask(&mut told, json!([66, 2, id])).await[4], "wamp.error.no_such_registration", "{serializer}");
        assert_eq!(call(&mut admin, 11, remove, json!([id, other]), json!({})).await, json!([]));
        assert_eq!(call_error(&mut admin, 12, "a", json!([]), json!({})).await, "wamp.error.no_such_procedure");
        assert_eq!(meta(&mut admin, 13, "lookup", json!(["a"])).await, json!([null]));
        assert_nothing_else(&mut untold, 2).await;
        assert_nothing_else(&mut told, 3).await;
    }
}

/// Where the program answers all calls itself, it answers those of the protocol's procedures, and nothing is announced.
#[tokio::test]
async fn a_handler_of_all_calls_has_the_meta_procedures_too() {
    let handler = async |call: Call| Ok::<_, RpcError>(call.uri().to_string());
    for serializer in Serializer::ALL {
        let app = App::new().realm(Realm::new("realm1").router().call_handler(handler));
        let mut peer = Peer::connect(&app, serializer);
        let welcome = ask(&mut peer, serverwamp_tests::hello("realm1")).await;
        let roles = &welcome[2]["roles"];
        for (role, feature) in [
            ("dealer", "registration_meta_api"),
            ("dealer", "session_meta_api"),
            ("dealer", "testament_meta_api"),
            ("broker", "session_meta_api"),
            ("broker", "subscription_meta_api"),
        ] {
            assert_eq!(roles[role]["features"].get(feature), None, "{serializer} {feature}");
        }
        assert_eq!(roles["dealer"]["features"]["shared_registration"], true, "{serializer}");
        assert_eq!(meta(&mut peer, 1, "list", json!([])).await, json!(["wamp.registration.list"]), "{serializer}");
    }
}
