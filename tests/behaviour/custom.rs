//! A realm's own handlers of calls and subscriptions, in place of annotated functions.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use serverwamp::{App, Call, Limits, Request, RpcError, RpcResult, Subscription, WampError};
use serverwamp_tests::{Peer, Serializer, check, check_call, check_error};
use tokio::sync::mpsc;
use tokio::time::sleep;

mod calls {
    use super::*;

    /// What handlers did, for the tests to see.
    #[derive(Clone, Default)]
    struct Log {
        dropped: Arc<AtomicUsize>,
        canceled: Arc<AtomicUsize>,
    }

    struct Guard(Log);

    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.dropped.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Answers every CALL; what it does depends on the URI.
    async fn answer(call: Call, log: Log) -> Result<RpcResult, RpcError> {
        let request = call.request();
        let result = match request.uri().as_str() {
            "nothing" => RpcResult::new(),
            "error" => return Err(RpcError::new("my.error").arg(1).kwarg("n", 2)),
            "bad_error" => return Err(RpcError::new("not a uri")),
            "unencodable" => RpcResult::new().arg(std::collections::BTreeMap::from([((1, 2), 3)])),
            "panic" => panic!("secret"),
            "large" => RpcResult::new().arg("x".repeat(5_000_000)),
            "request" => {
                let caller = request.caller().unwrap();
                assert_eq!((caller.session, call.session().realm()), (call.session().id(), "realm1"));
                let timeout = request.timeout().map(|timeout| timeout.as_millis() as u64);
                let result = RpcResult::new().arg(request.id().get()).arg(timeout);
                result.arg(request.options().get("x_own")).arg(request.wants_progress())
            }
            "progress" => {
                let progress = call.progress::<RpcResult>();
                assert_eq!(progress.is_wanted(), request.wants_progress());
                progress.send(RpcResult::new().arg(1).kwarg("k", 2)).await.unwrap();
                progress.send(RpcResult::new()).await.unwrap();
                RpcResult::new().arg("done")
            }
            "slow" => {
                let _guard = Guard(log.clone());
                let token = call.cancellation();
                tokio::spawn(async move {
                    token.cancelled().await;
                    log.canceled.fetch_add(1, Ordering::SeqCst);
                });
                sleep(Duration::from_secs(5)).await;
                RpcResult::new().arg("slept")
            }
            _ => {
                let result = request.args().iter().fold(RpcResult::new(), RpcResult::arg);
                request.kwargs().iter().fold(result, |result, (name, value)| result.kwarg(name, value))
            }
        };
        Ok(result)
    }

    fn app() -> (App, Log) {
        let log = Log::default();
        let handled = log.clone();
        (App::new().call_handler(move |call| answer(call, handled.clone())), log)
    }

    fn canceled(request: u64) -> Option<Value> {
        Some(json!([8, 48, request, {}, "wamp.error.canceled"]))
    }

    async fn assert_alive(peer: &mut Peer, request: u64) {
        peer.send(json!([48, request, {}, "echo", [request]])).await;
        assert_eq!(peer.receive().await, Some(json!([50, request, {}, [request]])));
    }

    #[tokio::test]
    async fn every_call_is_answered_by_the_handler() {
        let (app, _) = app();
        let values = json!([[1, -1, 1.5, "é\n\"", "\0AQI=", null, [{"a": []}], 18_446_744_073_709_551_615_u64], {"k": {"n": 1}}]);
        for uri in ["echo", "a.b", "wamp.session.count", "Ünî"] {
            check_call(&app, uri, values.clone(), values.clone()).await;
            check_call(&app, uri, json!([]), json!([])).await;
        }
        check_call(&app, "nothing", json!([[1]]), json!([])).await;
        let runtime_error = "wamp.error.runtime_error";
        check_error(&app, "error", json!([]), "my.error", json!([[1], {"n": 2}])).await;
        for failing in ["bad_error", "unencodable", "panic"] {
            check_error(&app, failing, json!([]), runtime_error, json!([])).await;
        }
        check(&app, json!([48, 1, {}, "large"]), &[json!([8, 48, 1, {}, "wamp.error.payload_size_exceeded", [], "…"])])
            .await;
        check(&app, json!([48, 1, {}, "not a uri"]), &[json!([8, 48, 1, {}, "wamp.error.invalid_uri", [], "…"])]).await;
        let options = json!({"timeout": 1500, "x_own": [1, "a"]});
        let seen = json!([50, 7, {}, [7, 1500, [1, "a"], false]]);
        check(&app, json!([48, 7, options, "request"]), &[seen]).await;
    }

    #[tokio::test]
    async fn results_and_errors_of_other_types() {
        #[derive(Debug, WampError)]
        #[wamp(prefix = "shop.error")]
        enum ShopError {
            NoSuchCustomer { id: u64 },
        }
        let app = App::new().call_handler(async |call: Call| match call.request().args().first() {
            Some(id) => Err(ShopError::NoSuchCustomer { id: id.as_u64().unwrap_or_default() }),
            None => Ok((1, "a")),
        });
        check_call(&app, "a", json!([]), json!([[1, "a"]])).await;
        check_error(&app, "a", json!([[7]]), "shop.error.no_such_customer", json!([[], {"id": 7}])).await;
    }

    #[tokio::test]
    async fn a_handler_that_panics_before_its_future_harms_nobody() {
        let app = App::new().call_handler(|call| {
            assert_ne!(call.uri().as_str(), "panic", "before the future");
            async { Ok::<_, RpcError>(1) }
        });
        for serializer in Serializer::ALL {
            let mut peer = Peer::join(&app, serializer).await;
            peer.send(json!([48, 1, {}, "panic"])).await;
            assert_eq!(peer.receive().await, Some(json!([8, 48, 1, {}, "wamp.error.runtime_error"])));
            peer.send(json!([48, 2, {}, "fine"])).await;
            assert_eq!(peer.receive().await, Some(json!([50, 2, {}, [1]])));
        }
    }

    #[tokio::test]
    async fn progress() {
        let (app, _) = app();
        let progressive = json!({"progress": true});
        let end = json!([50, 1, {}, ["done"]]);
        let first = json!([50, 1, progressive, [1], {"k": 2}]);
        let sent = [first, json!([50, 1, progressive]), end.clone()];
        check(&app, json!([48, 1, {"receive_progress": true}, "progress"]), &sent).await;
        check(&app, json!([48, 1, {}, "progress"]), &[end]).await;
    }

    #[tokio::test(start_paused = true)]
    async fn canceling_and_timeouts() {
        let timeout = Some(json!([8, 48, 1, {}, "wamp.error.timeout"]));
        for serializer in Serializer::ALL {
            for (options, cancel, answer) in [
                (json!({}), Some(json!({"mode": "kill"})), canceled(1)),
                (json!({}), Some(json!({"mode": "killnowait"})), canceled(1)),
                (json!({}), Some(json!({})), canceled(1)),
                (json!({"timeout": 1500}), None, timeout.clone()),
            ] {
                let (app, log) = app();
                let mut peer = Peer::join(&app, serializer).await;
                peer.send(json!([48, 1, options, "slow"])).await;
                if let Some(cancel) = cancel {
                    peer.send(json!([49, 1, cancel])).await;
                }
                assert_eq!(peer.receive().await, answer, "{serializer}");
                sleep(Duration::from_secs(1)).await;
                assert_eq!(log.dropped.load(Ordering::SeqCst), 1, "{serializer}");
                assert_eq!(log.canceled.load(Ordering::SeqCst), 1, "its token tells");
                sleep(Duration::from_secs(10)).await;
                assert_alive(&mut peer, 2).await;
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_skipped_call_runs_on_and_its_answer_is_dropped() {
        for serializer in Serializer::ALL {
            let (app, log) = app();
            let mut peer = Peer::join(&app, serializer).await;
            peer.send_all(&[json!([48, 1, {}, "slow"]), json!([49, 1, {"mode": "skip"}])]).await;
            assert_eq!(peer.receive().await, canceled(1));
            sleep(Duration::from_secs(1)).await;
            assert_eq!(log.dropped.load(Ordering::SeqCst), 0, "{serializer}: it still runs");
            sleep(Duration::from_secs(10)).await;
            assert_eq!(log.dropped.load(Ordering::SeqCst), 1);
            assert_eq!(log.canceled.load(Ordering::SeqCst), 0, "it ran to its end");
            assert_alive(&mut peer, 2).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_goes_takes_its_calls_with_it() {
        for serializer in Serializer::ALL {
            for goodbye in [true, false] {
                let (app, log) = app();
                let mut peer = Peer::join(&app, serializer).await;
                peer.send(json!([48, 1, {}, "slow"])).await;
                assert_alive(&mut peer, 2).await;
                if goodbye {
                    peer.send(json!([6, {}, "wamp.close.close_realm"])).await;
                    assert_eq!(peer.receive().await, Some(json!([6, {}, "wamp.close.goodbye_and_out"])));
                } else {
                    peer = Peer::join(&app, serializer).await;
                }
                sleep(Duration::from_secs(1)).await;
                assert_eq!(log.dropped.load(Ordering::SeqCst), 1, "{serializer} {goodbye}");
                assert_eq!(log.canceled.load(Ordering::SeqCst), 1);
                drop(peer);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn calls_in_flight_limit() {
        let app = app().0.limits(Limits { calls_in_flight: 2, ..Limits::default() });
        for serializer in Serializer::ALL {
            let mut peer = Peer::join(&app, serializer).await;
            let calls: Vec<Value> = (1..=3).map(|id| json!([48, id, {}, "slow"])).collect();
            peer.send_all(&calls).await;
            let limit = json!({"limit": "calls_in_flight", "maximum": 2});
            let refused = json!([8, 48, 3, {}, "serverwamp.error.limit_exceeded", [], limit]);
            assert_eq!(peer.receive().await, Some(refused), "{serializer}");
            for id in 1..=2 {
                assert_eq!(peer.receive().await, Some(json!([50, id, {}, ["slept"]])));
            }
            assert_alive(&mut peer, 4).await;
        }
    }
}

mod subscriptions {
    use super::*;

    /// What became of subscriptions, for the tests to see.
    type Told = mpsc::Sender<(&'static str, String)>;

    /// Decides by the topic, and tells when the subscription is over.
    async fn decide(subscription: Subscription, request: Request, told: Told) -> Result<(), RpcError> {
        let topic = subscription.topic().to_owned();
        told.try_send(("asked", topic.clone())).unwrap();
        assert_eq!(request.uri().as_str(), topic);
        let kept = subscription.clone();
        tokio::spawn(async move {
            kept.closed().await;
            told.try_send(("closed", topic)).unwrap();
        });
        match subscription.topic() {
            "refused" => {
                subscription.send("never seen");
                return Err(RpcError::new("my.error").arg(1).kwarg("n", 2));
            }
            "panic" => panic!("secret"),
            "options" => drop(subscription.send(request.options().get("x_own"))),
            "first" => {
                subscription.send((1, "a"));
                sleep(Duration::from_secs(1)).await;
                subscription.send(2);
            }
            "pumped" => {
                subscription.session().clone().spawn(async move {
                    for number in 1.. {
                        if subscription.send(number).await.is_err() {
                            break;
                        }
                        sleep(Duration::from_secs(1)).await;
                    }
                });
            }
            "rooms." | "rooms..door" => {
                subscription.send_event("rooms.kitchen.door", "open");
                assert!(subscription.send_event("no uri", "open").await.is_err());
            }
            _ => {}
        }
        Ok(())
    }

    fn app() -> (App, mpsc::Receiver<(&'static str, String)>) {
        let (told, events) = mpsc::channel(1024);
        let app = App::new()
            .open_topics("chat.")
            .subscription_handler(move |subscription, request| decide(subscription, request, told.clone()));
        (app, events)
    }

    async fn assert_told(events: &mut mpsc::Receiver<(&'static str, String)>, what: &'static str, topic: &str) {
        assert_eq!(events.recv().await, Some((what, topic.to_owned())));
    }

    fn event(details: Value, arguments: Value) -> Value {
        json!([36, 1, "…", details, arguments])
    }

    #[tokio::test(start_paused = true)]
    async fn it_decides_about_every_subscription() {
        let (app, _events) = app();
        let subscribed = json!([33, 1, 1]);
        for (topic, policy) in [("a", "exact"), ("", "prefix"), ("..x", "wildcard"), ("wamp.session.on_join", "exact")]
        {
            check(&app, json!([32, 1, {"match": policy}, topic]), std::slice::from_ref(&subscribed)).await;
        }
        check(&app, json!([32, 1, {}, "refused"]), &[json!([8, 32, 1, {}, "my.error", [1], {"n": 2}])]).await;
        check(&app, json!([32, 1, {}, "panic"]), &[json!([8, 32, 1, {}, "wamp.error.runtime_error"])]).await;
        check(&app, json!([32, 1, {}, "no uri"]), &[json!([8, 32, 1, {}, "wamp.error.invalid_uri", [], "…"])]).await;
        let options = json!({"x_own": [1, "a"]});
        check(&app, json!([32, 1, options, "options"]), &[subscribed.clone(), event(json!({}), json!([1, "a"]))]).await;
        let first = [subscribed.clone(), event(json!({}), json!([1, "a"])), event(json!({}), json!([2]))];
        check(&app, json!([32, 1, {}, "first"]), &first).await;
        for (topic, policy) in [("rooms.", "prefix"), ("rooms..door", "wildcard")] {
            let opened = event(json!({"topic": "rooms.kitchen.door"}), json!(["open"]));
            check(&app, json!([32, 1, {"match": policy}, topic]), &[subscribed.clone(), opened]).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn events_until_the_subscription_is_over() {
        for serializer in Serializer::ALL {
            for end in ["unsubscribe", "goodbye", "disconnect"] {
                let (app, mut events) = app();
                let mut peer = Peer::join(&app, serializer).await;
                peer.send(json!([32, 1, {}, "pumped"])).await;
                assert_eq!(peer.receive().await, Some(json!([33, 1, 1])));
                for number in 1..=3 {
                    assert_eq!(peer.receive().await.unwrap()[4], json!([number]), "{serializer}");
                }
                assert_told(&mut events, "asked", "pumped").await;
                assert!(events.try_recv().is_err(), "it is not over");
                match end {
                    "unsubscribe" => {
                        peer.send(json!([34, 2, 1])).await;
                        assert_eq!(peer.receive().await, Some(json!([35, 2])));
                        assert!(peer.is_silent().await);
                    }
                    "goodbye" => {
                        peer.send(json!([6, {}, "wamp.close.close_realm"])).await;
                        assert_eq!(peer.receive().await, Some(json!([6, {}, "wamp.close.goodbye_and_out"])));
                    }
                    _ => peer = Peer::connect(&app, serializer),
                }
                assert_told(&mut events, "closed", "pumped").await;
                drop(peer);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_subscription_is_over() {
        let (app, mut events) = app();
        let mut peer = Peer::join(&app, Serializer::Json).await;
        for topic in ["refused", "panic"] {
            peer.send(json!([32, 1, {}, topic])).await;
            assert_eq!(peer.receive().await.unwrap()[0], 8);
            assert_told(&mut events, "asked", topic).await;
            assert_told(&mut events, "closed", topic).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_subscribed_to_already_is_not_asked_again() {
        for serializer in Serializer::ALL {
            let (app, mut events) = app();
            let (mut one, mut other) = (Peer::join(&app, serializer).await, Peer::join(&app, serializer).await);
            for peer in [&mut one, &mut other] {
                peer.send_all(&[json!([32, 1, {}, "a"]), json!([32, 2, {}, "a"])]).await;
                assert_eq!(peer.receive().await, Some(json!([33, 1, 1])));
                assert_eq!(peer.receive().await, Some(json!([33, 2, 1])));
                assert_told(&mut events, "asked", "a").await;
                assert!(events.try_recv().is_err(), "{serializer}: asked once for each session");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn publishing_has_its_own_rules() {
        let (app, _events) = app();
        for serializer in Serializer::ALL {
            let (mut publisher, mut subscriber) =
                (Peer::join(&app, serializer).await, Peer::join(&app, serializer).await);
            subscriber.send(json!([32, 1, {"match": "prefix"}, ""])).await;
            assert_eq!(subscriber.receive().await, Some(json!([33, 1, 1])));
            publisher.send(json!([16, 1, {"acknowledge": true}, "closed.a", [1]])).await;
            assert_eq!(publisher.receive().await.unwrap()[4], "wamp.error.not_authorized");
            publisher.send(json!([16, 2, {"acknowledge": true}, "chat.a", [1]])).await;
            assert_eq!(publisher.receive().await.unwrap()[0], 17);
            let event = subscriber.receive().await.unwrap();
            assert_eq!((&event[3], &event[4]), (&json!({"topic": "chat.a"}), &json!([1])), "{serializer}");
        }
    }
}

mod start_up {
    use serverwamp::testing::{CallError, TestClient};
    use serverwamp::{Error, Realm, routes};

    use super::*;

    mod functions {
        use serverwamp::wamp;

        #[wamp::rpc]
        pub(super) async fn anywhere() -> &'static str {
            "annotated"
        }

        #[wamp::rpc(realm = "custom")]
        async fn named() {}

        #[wamp::subscribe("topic", realm = "custom")]
        async fn subscribe() {}

        #[wamp::unsubscribe(realm = "custom")]
        async fn unsubscribe() {}

        #[wamp::event("topic", realm = "custom")]
        async fn event() {}

        #[wamp::on_join(realm = "custom")]
        async fn join() {}

        #[wamp::rpc(manual)]
        pub(super) async fn listed() {}

        #[wamp::subscribe("anything", manual)]
        pub(super) async fn refusing() -> Result<(), serverwamp::RpcError> {
            Err(serverwamp::RpcError::new("my.error"))
        }
    }

    async fn handle_call(_: Call) -> Result<&'static str, RpcError> {
        Ok("handled")
    }

    async fn handle_subscription(_: Subscription, _: Request) -> Result<(), RpcError> {
        Ok(())
    }

    async fn problems(app: App) -> Vec<String> {
        match app.bind("127.0.0.1:0").await {
            Err(Error::Startup(problems)) => problems.iter().map(ToString::to_string).collect(),
            other => panic!("expected start-up problems, got {other:?}"),
        }
    }

    #[tokio::test]
    async fn functions_that_name_the_realm_are_problems() {
        let realm = || Realm::new("custom").routes(routes![functions::listed]);
        let app = || App::discover_in(concat!(module_path!(), "::functions"));
        let calls: &[&str] = &["procedure `listed`", "procedure `named`"];
        let subscriptions: &[&str] = &["subscribe `topic`", "unsubscribe `unsubscribe`"];
        for (realm, handler, expected) in [
            (realm().call_handler(handle_call), "call_handler", calls),
            (realm().subscription_handler(handle_subscription), "subscription_handler", subscriptions),
        ] {
            let mut problems = problems(app().realm(realm)).await;
            problems.sort_by_key(|problem| problem.split('`').nth(1).map(str::to_owned));
            assert_eq!(problems.len(), expected.len(), "{problems:#?}");
            for (problem, function) in problems.iter().zip(expected) {
                let told = format!("{function} is not served (realm `custom`): the {handler} at ");
                assert!(problem.contains(&told), "{problem}");
                assert_eq!(problem.matches("tests/behaviour/custom.rs:").count(), 2, "{problem}");
            }
        }
    }

    #[tokio::test]
    async fn functions_of_the_app_are_for_its_other_realms() {
        let app = App::new()
            .routes(routes![functions::anywhere, functions::refusing])
            .realm(Realm::new("calls").call_handler(handle_call))
            .realm(Realm::new("subscriptions").subscription_handler(handle_subscription));
        for (realm, answer, subscribed) in
            [("calls", "handled", false), ("subscriptions", "annotated", true), ("other", "annotated", false)]
        {
            let client = TestClient::join(&app, realm, "wamp.2.json").await.unwrap();
            assert_eq!(client.call("anywhere", ()).await, Ok(answer.to_owned()), "{realm}");
            assert_eq!(client.subscribe("anything").await.is_ok(), subscribed, "{realm}");
        }
    }

    #[tokio::test]
    async fn a_handler_is_enough_for_an_app() {
        let client = TestClient::connect(&App::new().call_handler(handle_call)).await.unwrap();
        assert_eq!(client.call("anything", ()).await, Ok("handled".to_owned()));
        let subscribed = client.subscribe("anything").await;
        assert_eq!(subscribed.unwrap_err().uri(), Some("wamp.error.invalid_uri"));

        let client = TestClient::connect(&App::new().subscription_handler(handle_subscription)).await.unwrap();
        client.subscribe("anything").await.unwrap();
        let called: Result<String, CallError> = client.call("anything", ()).await;
        assert_eq!(called.unwrap_err().uri(), Some("wamp.error.no_such_procedure"));

        let unused = App::new().call_handler(handle_call).default_realm(false).realm(Realm::new("empty"));
        assert!(problems(unused).await[0].contains("no procedure found"));
    }

    #[tokio::test]
    async fn the_later_handler_counts() {
        let app = App::new().call_handler(async |_: Call| Ok::<_, RpcError>("first")).call_handler(handle_call);
        let client = TestClient::connect(&app).await.unwrap();
        assert_eq!(client.call("anything", ()).await, Ok("handled".to_owned()));
    }
}
