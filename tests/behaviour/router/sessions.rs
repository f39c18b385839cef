//! The meta API of sessions.

use serde_json::{Value, json};
use serverwamp::{Authenticated, Realm, Rules, Session};
use serverwamp_tests::{Peer, Serializer};

use super::*;

/// Everybody is who they say, with the role before the colon: `admin:joe`.
async fn believe(session: Session, _: String) -> Option<Authenticated> {
    let authid = session.claims().authid()?.to_owned();
    let role = authid.split(':').next()?.to_owned();
    Some(Authenticated::new(()).authid(authid).role(role).provider("belief"))
}

fn believing() -> Realm {
    Realm::new("realm1").router().ticket_authenticator(believe)
}

fn app_with(realm: Realm) -> App {
    App::discover_in("behaviour::router").realm(realm)
}

/// Joins as somebody; returns the session id as well.
async fn log_in(app: &App, serializer: Serializer, authid: &str) -> (Peer, u64) {
    let mut peer = Peer::connect(app, serializer);
    let roles = json!({"caller": {}, "publisher": {}, "subscriber": {}});
    let hello = json!([1, "realm1", {"roles": roles, "authmethods": ["ticket"], "authid": authid}]);
    assert_eq!(ask(&mut peer, hello).await[0], 4);
    let welcome = ask(&mut peer, json!([5, "x", {}])).await;
    assert_eq!(welcome[0], 2, "{welcome}");
    (peer, welcome[1].as_u64().unwrap())
}

fn sorted(mut ids: Vec<u64>) -> Value {
    ids.sort_unstable();
    json!([ids])
}

#[tokio::test]
async fn sessions_are_counted_listed_and_described() {
    for serializer in Serializer::ALL {
        let app = app_with(believing());
        let (mut ann, a) = log_in(&app, serializer, "admin:ann").await;
        let (_joe, j) = log_in(&app, serializer, "user:joe").await;
        let (_eve, e) = log_in(&app, serializer, "user:eve").await;
        let ann = &mut ann;
        for (request, (args, expected)) in (1..).zip([
            (json!([]), vec![a, j, e]),
            (json!([null]), vec![a, j, e]),
            (json!([["user"]]), vec![j, e]),
            (json!([["admin", "user"]]), vec![a, j, e]),
            (json!([[]]), vec![]),
            (json!([["nobody"]]), vec![]),
        ]) {
            let mut expected = expected;
            expected.sort_unstable();
            let counted = call(ann, request * 10, "wamp.session.count", args.clone(), json!({})).await;
            assert_eq!(counted, json!([expected.len()]), "{serializer} {args}");
            let listed = call(ann, request * 10 + 1, "wamp.session.list", args.clone(), json!({})).await;
            assert_eq!(listed, json!([expected]), "{serializer} {args}");
        }
        let joe = json!([{
            "session": j, "authid": "user:joe", "authrole": "user", "authmethod": "ticket", "authprovider": "belief",
        }]);
        assert_eq!(call(ann, 91, "wamp.session.get", json!([j]), json!({})).await, joe, "{serializer}");
        for (request, (procedure, args, error)) in (100..).zip([
            ("wamp.session.get", json!([1]), "wamp.error.no_such_session"),
            ("wamp.session.get", json!([0]), "wamp.error.no_such_session"),
            ("wamp.session.get", json!([]), "wamp.error.invalid_argument"),
            ("wamp.session.get", json!(["x"]), "wamp.error.invalid_argument"),
            ("wamp.session.count", json!([7]), "wamp.error.invalid_argument"),
            ("wamp.session.nothing", json!([]), "wamp.error.no_such_procedure"),
        ]) {
            assert_eq!(call_error(ann, request, procedure, args, json!({})).await, error, "{serializer} {procedure}");
        }
    }
}

#[tokio::test]
async fn who_comes_and_goes_is_an_event() {
    for serializer in Serializer::ALL {
        let app = app_with(believing());
        let (mut ann, _) = log_in(&app, serializer, "admin:ann").await;
        let (mut deaf, _) = log_in(&app, serializer, "admin:deaf").await;
        subscribe(&mut ann, 1, "wamp.session.on_join", json!({})).await;
        subscribe(&mut ann, 2, "wamp.session.on_leave", json!({})).await;
        // Not what the pattern does not name.
        subscribe(&mut deaf, 1, "", json!({"match": "prefix"})).await;
        let (mut joe, j) = log_in(&app, serializer, "user:joe").await;
        let event = ann.receive().await.unwrap();
        let joined = json!([{
            "session": j, "authid": "user:joe", "authrole": "user", "authmethod": "ticket", "authprovider": "belief",
        }]);
        assert_eq!((&event[1], &event[4]), (&json!(1), &joined), "{serializer}");
        joe.send(json!([6, {}, "wamp.close.close_realm"])).await;
        let event = ann.receive().await.unwrap();
        assert_eq!((&event[1], &event[4]), (&json!(2), &json!([j, "user:joe", "user"])), "{serializer}");
        assert_nothing_else(&mut deaf, 2).await;
    }
}

#[tokio::test]
async fn sessions_are_killed() {
    for serializer in Serializer::ALL {
        let app = app_with(believing());
        let (mut ann, a) = log_in(&app, serializer, "admin:ann").await;
        for (request, (procedure, args, kwargs, result, goodbye)) in (1..).zip([
            ("kill", json!(["joe"]), json!({}), json!([]), json!([6, {}, "wamp.close.killed"])),
            (
                "kill",
                json!(["joe"]),
                json!({"reason": "my.reason", "message": "out"}),
                json!([]),
                json!([6, {"message": "out"}, "my.reason"]),
            ),
            ("kill_by_authid", json!(["user:joe"]), json!({}), json!([["joe"]]), json!([6, {}, "wamp.close.killed"])),
            (
                "kill_by_authrole",
                json!(["user"]),
                json!({"reason": "my.reason"}),
                json!([1]),
                json!([6, {}, "my.reason"]),
            ),
            (
                "kill_all",
                json!([]),
                json!({"message": "all out"}),
                json!([1]),
                json!([6, {"message": "all out"}, "wamp.close.killed"]),
            ),
        ]) {
            let (mut joe, j) = log_in(&app, serializer, "user:joe").await;
            let with_id = |value: Value| {
                serde_json::from_str::<Value>(&value.to_string().replace("\"joe\"", &j.to_string())).unwrap()
            };
            let what = format!("{serializer} {procedure} {kwargs}");
            let answer = call(&mut ann, request, &format!("wamp.session.{procedure}"), with_id(args), kwargs).await;
            assert_eq!(answer, with_id(result), "{what}");
            assert_eq!(joe.receive().await, Some(goodbye), "{what}");
            joe.send(json!([6, {}, "wamp.close.goodbye_and_out"])).await;
        }
        let (_joe, j) = log_in(&app, serializer, "user:joe").await;
        for (request, (procedure, args, kwargs, error)) in (20..).zip([
            ("kill", json!([a]), json!({}), "wamp.error.no_such_session"),
            ("kill", json!([1]), json!({}), "wamp.error.no_such_session"),
            ("kill", json!([j]), json!({"reason": "not a uri"}), "wamp.error.invalid_uri"),
            ("kill", json!([j]), json!({"reason": 7}), "wamp.error.invalid_argument"),
            ("kill", json!([j]), json!({"message": 7}), "wamp.error.invalid_argument"),
            ("kill_by_authid", json!([]), json!({}), "wamp.error.invalid_argument"),
            ("kill_by_authrole", json!(["user"]), json!({"reason": ""}), "wamp.error.invalid_uri"),
            ("kill_all", json!([]), json!({"reason": "not a uri"}), "wamp.error.invalid_uri"),
        ]) {
            let got = call_error(&mut ann, request, &format!("wamp.session.{procedure}"), args.clone(), kwargs).await;
            assert_eq!(got, error, "{serializer} {procedure} {args}");
        }
        // The caller is never killed, whatever its name, and nobody was by what failed.
        assert_eq!(
            call(&mut ann, 40, "wamp.session.kill_by_authid", json!(["admin:ann"]), json!({})).await,
            json!([[]])
        );
        assert_eq!(call(&mut ann, 41, "wamp.session.kill_by_authrole", json!(["admin"]), json!({})).await, json!([0]));
        assert_eq!(call(&mut ann, 42, "wamp.session.list", json!([]), json!({})).await, sorted(vec![a, j]));
    }
}

#[tokio::test]
async fn the_meta_api_is_authorized_like_any_other_uri() {
    let rules = Rules::new()
        .allow("admin", "wamp.", serverwamp::MatchPolicy::Prefix, serverwamp::ActionKind::ALL)
        .allow("user", "wamp.session.count", serverwamp::MatchPolicy::Exact, [serverwamp::ActionKind::Call]);
    for serializer in Serializer::ALL {
        let app = app_with(believing().rules(rules.clone()));
        let (mut ann, a) = log_in(&app, serializer, "admin:ann").await;
        let (mut joe, _) = log_in(&app, serializer, "user:joe").await;
        assert_eq!(call(&mut joe, 1, "wamp.session.count", json!([]), json!({})).await, json!([2]));
        for (request, procedure) in (2..).zip([
            "wamp.session.list",
            "wamp.session.kill",
            "wamp.subscription.list",
            "wamp.registration.list",
            "wamp.registration.remove_callee",
            "wamp.reflection.procedure.list",
        ]) {
            let error = call_error(&mut joe, request, procedure, json!([a]), json!({})).await;
            assert_eq!(error, "wamp.error.not_authorized", "{serializer} {procedure}");
        }
        for (request, (topic, options)) in (10..).zip([
            ("wamp.session.on_join", json!({})),
            ("wamp.registration.on_create", json!({})),
            ("wamp.", json!({"match": "prefix"})),
            ("..on_join", json!({"match": "wildcard"})),
        ]) {
            let error = ask(&mut joe, json!([32, request, options, topic])).await;
            assert_eq!(error[4], "wamp.error.not_authorized", "{serializer} {topic}");
        }
        subscribe(&mut ann, 1, "wamp.session.on_leave", json!({})).await;
    }
}

/// A realm whose calls the program handles itself has no others, and neither has one that is no router.
#[tokio::test]
async fn realms_without_the_meta_api() {
    async fn answer(call: serverwamp::Call) -> String {
        call.uri().to_string()
    }
    for serializer in Serializer::ALL {
        let handled = Realm::new("handled")
            .router()
            .call_handler(|call| async { Ok::<_, serverwamp::RpcError>(answer(call).await) });
        let app = App::discover_in("behaviour::router").realm(handled).topics("wamp.");
        let mut peer = join(&app, serializer, "handled").await;
        let answer = call(&mut peer, 1, "wamp.session.count", json!([]), json!({})).await;
        assert_eq!(answer, json!(["wamp.session.count"]), "{serializer}");
        let mut peer = join(&app, serializer, "plain").await;
        assert_eq!(
            call_error(&mut peer, 1, "wamp.session.count", json!([]), json!({})).await,
            "wamp.error.no_such_procedure"
        );
        subscribe(&mut peer, 2, "wamp.", json!({"match": "prefix"})).await;
        let _second = join(&app, serializer, "plain").await;
        assert_nothing_else(&mut peer, 3).await;
    }
}
