//! What is found out before a component works, or when its router refuses.

use serde_json::json;
use serverwamp::{Component, ConnectError, Credentials, Error, Realm, RpcError, routes, wamp};
use serverwamp_tests::{Router, Serializer, welcome};
use std::future::IntoFuture;

use super::{Hosted, grant};

mod wrong {
    use super::*;

    #[wamp::subscribe("topic")]
    async fn subscribed() {}

    #[wamp::unsubscribe("topic")]
    async fn unsubscribed() {}

    #[wamp::rpc("a.*", match = "regex")]
    async fn regex() {}

    #[wamp::rpc("twice")]
    async fn one() {}

    #[wamp::rpc("twice")]
    async fn two() {}

    #[wamp::rpc("missing")]
    async fn missing(_value: serverwamp::Inject<u128>) {}
}

mod refused {
    use super::*;

    #[wamp::rpc("taken")]
    async fn taken() {}

    #[wamp::event("closed")]
    async fn closed() {}

    #[wamp::on_join]
    async fn joined() -> Result<(), RpcError> {
        Err(RpcError::not_authorized("not today"))
    }
}

#[wamp::rpc("elsewhere", manual, realm = "other")]
async fn elsewhere() {}

#[wamp::rpc("here", manual)]
async fn here() {}

fn problems(error: &Error) -> Vec<String> {
    match error {
        Error::Startup(problems) => problems.iter().map(ToString::to_string).collect(),
        other => panic!("{other}"),
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_hosted_is_told_at_once() {
    let module = concat!(module_path!(), "::wrong");
    let error = Router::new(Serializer::Json).host(module).await.unwrap_err();
    let problems = problems(&error);
    for (expected, count) in [
        (
            "subscribe `topic` cannot be hosted: the router decides who may subscribe; for the events of a topic there is #[wamp::event]",
            2,
        ),
        ("procedure `a.*` cannot be hosted: routers know the policies exact, prefix and wildcard", 1),
        ("procedure `twice` is already hosted by `one` at ", 1),
        ("no value of type `u128` is injected", 1),
    ] {
        let found = problems.iter().filter(|problem| problem.contains(expected) && problem.contains("startup.rs:"));
        assert_eq!(found.count(), count, "{expected}: {problems:#?}");
    }
    assert_eq!(problems.len(), 5, "{problems:#?}");

    let nothing = Router::new(Serializer::Json).host("no::such::module").await.unwrap_err();
    assert!(nothing.to_string().contains("no procedure found"), "{nothing}");
}

#[tokio::test(start_paused = true)]
async fn functions_of_other_realms_are_left_out() {
    let router = Router::new(Serializer::Json);
    let component = router.manual().routes(routes![elsewhere, here]);
    let mut hosted = Hosted::start(router, component).await;
    assert_eq!(hosted.grant(1).await, [json!([64, {}, "here"])]);
    hosted.client.joined().await.unwrap();
    let _ = Realm::new("other");
}

#[tokio::test(start_paused = true)]
async fn what_the_router_refuses_is_named_with_its_place() {
    for (answers, expected) in [
        (
            vec![json!([8, 64, 1, {}, "wamp.error.procedure_already_exists", ["taken already"]])],
            "procedure `taken` is refused: wamp.error.procedure_already_exists \"taken already\"",
        ),
        (
            vec![json!([65, 1, 1]), json!([8, 32, 2, {}, "wamp.error.not_authorized"])],
            "event `closed` is refused: wamp.error.not_authorized",
        ),
        (
            vec![json!([65, 1, 1]), json!([33, 2, 1])],
            "on_join `joined` is refused: wamp.error.not_authorized message=\"not today\"",
        ),
    ] {
        let mut router = Router::new(Serializer::Json);
        let running = tokio::spawn(router.host(concat!(module_path!(), "::refused")).into_future());
        let mut peer = router.welcome().await;
        peer.expect(json!([64, 1, {}, "taken"])).await;
        // What is registered has to be there before what is subscribed is asked for.
        let mut answers = answers.into_iter();
        peer.send(answers.next().unwrap()).await;
        if let Some(answer) = answers.next() {
            peer.expect(json!([32, 2, {}, "closed"])).await;
            peer.send(answer).await;
        }
        peer.expect(json!([6, {"message": "…"}, "wamp.close.normal"])).await;
        peer.send(json!([6, {}, "wamp.close.goodbye_and_out"])).await;
        let error = running.await.unwrap().unwrap_err();
        let problems = problems(&error);
        assert!(problems[0].contains(expected) && problems[0].contains("startup.rs:"), "{problems:#?}");
        assert_eq!(problems.len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn wrong_credentials_are_final() {
    let mut router = Router::new(Serializer::Json);
    let component = router.manual().routes(routes![here]).credentials(Credentials::ticket("joe", "wrong"));
    let running = tokio::spawn(component.into_future());
    let mut peer = router.accept().await;
    peer.expect(json!([1, "realm1", {"agent": "…", "roles": "…", "authid": "joe", "authmethods": ["ticket"]}])).await;
    peer.send(json!([4, "ticket", {}])).await;
    peer.expect(json!([5, "wrong", {}])).await;
    peer.send(json!([3, {"message": "who are you?"}, "wamp.error.not_authorized"])).await;
    match running.await.unwrap() {
        Err(Error::Connect(ConnectError::Refused { reason, message })) => {
            assert_eq!((reason.as_str(), message.as_deref()), ("wamp.error.not_authorized", Some("who are you?")));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_address_that_is_none_and_a_realm_that_is_none() {
    let address = Component::new("http://router").routes(routes![here]).await.unwrap_err();
    assert!(matches!(address, Error::Connect(ConnectError::Address { .. })), "{address}");
    let realm = Component::new("ws://router").realm("not a realm").routes(routes![here]).await.unwrap_err();
    assert!(problems(&realm)[0].contains("realm `not a realm`"), "{realm}");
}

#[tokio::test(start_paused = true)]
async fn what_a_stale_session_still_has_is_registered_when_it_has_it_no_more() {
    let mut router = Router::new(Serializer::Json);
    let component = router.manual().routes(routes![here]);
    let client = component.client();
    tokio::spawn(component.into_future());
    let mut peer = router.welcome().await;
    grant(&mut peer, 1).await;
    client.joined().await.unwrap();
    drop(peer);

    let mut peer = router.accept().await;
    peer.receive().await.unwrap();
    peer.send(welcome()).await;
    for request in 1..=3 {
        peer.expect(json!([64, request, {}, "here"])).await;
        assert!(!client.is_connected());
        let answer = match request {
            3 => json!([65, 3, 9]),
            _ => json!([8, 64, request, {}, "wamp.error.procedure_already_exists"]),
        };
        peer.send(answer).await;
    }
    client.joined().await.unwrap();
}
