//! Functions of clients.

use std::future::IntoFuture;
use std::io;

use serde_json::json;
use serverwamp::{FailureKind, RpcError, routes, wamp};
use serverwamp_tests::{Router, Serializer};

use super::hook;

#[wamp::rpc(manual)]
async fn standard() -> Result<(), io::Error> {
    Err(io::Error::other("the disk is full"))
}

#[wamp::event("news", manual)]
async fn news() -> Result<(), RpcError> {
    Err(RpcError::new("app.error.bad_news"))
}

#[tokio::test]
async fn hosted_functions() {
    for serializer in Serializer::ALL {
        let (hook, mut told) = hook();
        let mut router = Router::new(serializer);
        let component = router.manual().routes(routes![standard, news]).on_error(hook);
        let client = component.client();
        let running = tokio::spawn(component.serve());
        let mut peer = router.welcome().await;
        for answer in [65, 33] {
            let request = peer.receive().await.unwrap();
            peer.send(json!([answer, request[1], 100 + answer])).await;
        }
        client.joined().await.unwrap();
        let disclosed = json!({"caller": 9, "caller_authid": "ann", "caller_authrole": "admin"});
        for (request, details, caller) in [(1, json!({}), None), (2, disclosed, Some((9, "admin".to_owned())))] {
            peer.send(json!([68, request, 165, details])).await;
            assert_eq!(peer.receive().await.unwrap(), json!([8, 68, request, {}, "wamp.error.runtime_error"]));
            let report = told.next().await;
            assert_eq!((report.function.as_str(), report.uri.as_deref()), ("procedure `standard`", Some("standard")));
            assert_eq!((report.message.as_str(), report.caller), ("the disk is full", caller), "{serializer}");
            assert!(report.annotated);
        }
        peer.send(json!([36, 133, 5, {"publisher": 8, "publisher_authrole": "user"}])).await;
        let report = told.next().await;
        assert_eq!((report.function.as_str(), report.message.as_str()), ("event `news`", "app.error.bad_news"));
        assert_eq!(report.caller, Some((8, "user".to_owned())), "{serializer}");
        running.abort();
    }
}

async fn registered(_: u8) {
    panic!("by closure")
}

#[tokio::test]
async fn registered_functions_listeners_and_callbacks() {
    for serializer in Serializer::ALL {
        let (hook, mut told) = hook();
        let mut router = Router::new(serializer);
        let connecting = router.connect().on_error(hook).on_ready(|_| async { panic!("not ready") });
        let connecting = tokio::spawn(connecting.into_future());
        let mut peer = router.welcome().await;
        let client = connecting.await.unwrap().unwrap();
        let report = told.next().await;
        assert_eq!((report.kind, report.function.as_str()), (FailureKind::Panic, "callback `on_ready`"));
        assert_eq!((report.message.as_str(), report.uri), ("not ready", None), "{serializer}");

        let registering = tokio::spawn(client.register("a.b", registered).into_future());
        assert_eq!(peer.receive().await.unwrap()[3], "a.b");
        peer.send(json!([65, 1, 101])).await;
        let registration = registering.await.unwrap().unwrap();
        peer.send(json!([68, 1, 101, {}, [1]])).await;
        assert_eq!(peer.receive().await.unwrap()[4], "wamp.error.runtime_error", "{serializer}");
        let report = told.next().await;
        assert_eq!((report.function.as_str(), report.uri.as_deref()), ("procedure `a.b`", Some("a.b")));
        assert_eq!((report.message.as_str(), report.caller), ("by closure", None), "{serializer}");

        let listening = client.subscribe("c.d").each(|_| async { panic!("by listener") });
        let listening = tokio::spawn(listening);
        assert_eq!(peer.receive().await.unwrap()[3], "c.d");
        peer.send(json!([33, 2, 102])).await;
        let listener = listening.await.unwrap().unwrap();
        peer.send(json!([36, 102, 7, {}])).await;
        let report = told.next().await;
        assert_eq!((report.kind, report.uri.as_deref()), (FailureKind::Panic, Some("c.d")), "{serializer}");
        drop((registration, listener));
    }
}
