//! Routers that break the rules: a named error, and no harm.

use std::future::{IntoFuture, ready};
use std::io;
use std::sync::Arc;

use serde_json::{Value, json};
use serverwamp::{App, CallError, Client, ConnectError, Limits, Rest, testing};
use serverwamp_tests::{Peer, Router, RouterPeer, Serializer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use super::{client, joined};

#[tokio::test(start_paused = true)]
async fn messages_that_nothing_has_asked_for() {
    for serializer in Serializer::ALL {
        for message in [
            json!([50, 99, {}]),
            json!([8, 48, 99, {}, "a.b"]),
            json!([17, 99, 1]),
            json!([33, 99, 1]),
            json!([35, 99]),
            json!([36, 99, 1, {}]),
            json!([65, 99, 1]),
            json!([67, 99]),
            json!([68, 1, 99, {}]),
            json!([2, 8, {"roles": {"broker": {}}}]),
            json!([4, "ticket", {}]),
            json!([1, "realm1", {}]),
            json!([48, 1, {}, "p"]),
            json!([50, 0, {}]),
            json!([50, 1]),
            json!([]),
            json!([999]),
            json!({}),
        ] {
            let (client, mut peer, _router) = client(serializer).await;
            let call = tokio::spawn(client.call::<()>("p", ()).into_future());
            peer.expect(json!([48, 1, {}, "p"])).await;
            peer.send(message.clone()).await;
            peer.expect(json!([3, {"message": "…"}, "wamp.error.protocol_violation"])).await;
            let error = call.await.unwrap().unwrap_err();
            assert_eq!(error.uri(), Some("wamp.error.protocol_violation"), "{serializer}: {message}");
            assert_eq!(client.ended().await, "wamp.error.protocol_violation", "errors of protocol are final");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn octets_that_are_no_message() {
    for serializer in Serializer::ALL {
        for octets in [&b"\xff\xff\xff"[..], b"{", b"", b"\x00\x00\x00\x7f", b"[50,1"] {
            let (client, mut peer, _router) = client(serializer).await;
            peer.send_frame(octets).await;
            assert_eq!(client.ended().await, "wamp.error.protocol_violation", "{serializer}: {octets:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_ends_the_session() {
    for serializer in Serializer::ALL {
        let mut router = Router::new(serializer);
        let connect = router.connect().limits(Limits { message_size: 4096, ..Limits::default() });
        let (client, mut peer) = joined(&mut router, connect).await;
        let call = tokio::spawn(client.call::<()>("p", ()).into_future());
        peer.expect(json!([48, 1, {}, "p"])).await;
        peer.send(json!([50, 1, {}, ["x".repeat(8192)]])).await;
        match call.await.unwrap() {
            Err(CallError::Ended { reason, message: Some(message) }) => {
                assert_eq!(reason, "wamp.error.protocol_violation");
                assert!(message.contains("message_size"), "{serializer}: {message}");
            }
            other => panic!("{serializer}: {other:?}"),
        }
    }
}

/// Payloads that are past the limits of `depth` and `nodes` that the tests set.
fn excesses() -> [(Value, &'static str); 2] {
    [((0..9).fold(json!(1), |inner, _| json!([inner])), "depth"), (json!(vec![1; 200]), "nodes")]
}

async fn limited(serializer: Serializer) -> (Client, RouterPeer, Router) {
    let mut router = Router::new(serializer);
    let connect = router.connect().limits(Limits { depth: 8, nodes: 100, ..Limits::default() });
    let (client, peer) = joined(&mut router, connect).await;
    (client, peer, router)
}

#[tokio::test(start_paused = true)]
async fn a_result_that_is_too_deep_or_has_too_many_values_is_the_failure_of_its_call_alone() {
    for serializer in Serializer::ALL {
        let (client, mut peer, _router) = limited(serializer).await;
        let mut request = 0;
        for (payload, limit) in excesses() {
            request += 1;
            let call = tokio::spawn(client.call::<()>("p", ()).into_future());
            peer.expect(json!([48, request, {}, "p"])).await;
            peer.send(json!([50, request, {}, payload])).await;
            match call.await.unwrap() {
                Err(CallError::Remote(error)) => {
                    assert_eq!(error.uri(), "serverwamp.error.limit_exceeded", "{serializer}");
                    assert!(format!("{error:?}").contains(limit), "{serializer}: {error:?}");
                }
                other => panic!("{serializer}: {other:?}"),
            }
            // There might be more of the result, which is of no use any more.
            peer.expect(json!([49, request, {"mode": "killnowait"}])).await;
            // What else comes for it is for nobody.
            peer.send(json!([50, request, {}, [1]])).await;
            peer.send(json!([50, request, {}, payload])).await;
        }
        let call = tokio::spawn(client.call::<u8>("p", ()).into_future());
        peer.expect(json!([48, request + 1, {}, "p"])).await;
        peer.send(json!([50, request + 1, {}, [7]])).await;
        assert_eq!(call.await.unwrap(), Ok(7), "{serializer}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_invocation_that_is_too_deep_or_has_too_many_values_is_refused() {
    for serializer in Serializer::ALL {
        let (client, mut peer, _router) = limited(serializer).await;
        let registering = client.register("p", |number: u8| async move { number });
        let (registration, ()) = tokio::join!(registering.into_future(), async {
            peer.expect(json!([64, 1, {}, "p"])).await;
            peer.send(json!([65, 1, 10])).await;
        });
        for (request, (payload, _)) in (1..).zip(excesses()) {
            peer.send(json!([68, request, 10, {}, payload])).await;
            peer.expect(json!([8, 68, request, {}, "wamp.error.invalid_argument", [], {"message": "…"}])).await;
        }
        peer.send(json!([68, 3, 10, {}, [7]])).await;
        peer.expect(json!([70, 3, {}, [7]])).await;
        registration.unwrap().keep();
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_too_deep_or_has_too_many_values_ends_the_session_and_not_the_client() {
    for serializer in Serializer::ALL {
        for (payload, _) in excesses() {
            let (client, mut peer, mut router) = limited(serializer).await;
            let subscribing = client.subscribe("t");
            let (subscription, ()) = tokio::join!(subscribing.into_future(), async {
                peer.expect(json!([32, 1, {}, "t"])).await;
                peer.send(json!([33, 1, 10])).await;
            });
            peer.send(json!([36, 10, 1, {}, payload])).await;
            peer.expect(json!([3, {"message": "…"}, "serverwamp.error.limit_exceeded"])).await;
            let mut peer = router.welcome().await;
            peer.expect(json!([32, 1, {}, "t"])).await;
            peer.send(json!([33, 1, 11])).await;
            peer.send(json!([36, 11, 1, {}, [7]])).await;
            let event = subscription.unwrap().next().await.expect("an event");
            assert_eq!(event.arg(0), Ok(7), "{serializer}");
        }
    }
}

/// What a router with the same limits lets through, and adds to, is no more than a client takes.
#[tokio::test]
async fn the_largest_messages_that_our_router_takes_do_not_exceed_a_clients_limits() {
    let limits = Limits { nodes: 1000, ..Limits::default() };
    let app = Arc::new(App::new().router().limits(limits.clone()));
    for serializer in Serializer::ALL {
        let dialed = Arc::clone(&app);
        let dial = move || ready(testing::socket(&dialed).map_err(|_| io::ErrorKind::ConnectionRefused.into()));
        let connect = Client::connect(serializer.url()).serializers([serializer.of_clients()]).limits(limits.clone());
        let client = connect.through(dial).await.unwrap();
        let registering = client.register("p", |Rest(numbers): Rest<u8>| async move { numbers.len() });
        let registration = registering.disclose_caller(true).await.unwrap();
        let mut subscription = client.subscribe("t.").prefix().await.unwrap();
        let mut peer = Peer::join(&app, serializer).await;
        // The message with its code, request, options and URI, and the list of arguments.
        peer.send(json!([48, 1, {}, "p", vec![1; 994]])).await;
        assert_eq!(peer.receive().await, Some(json!([50, 1, {}, [994]])), "{serializer}");
        peer.send(json!([48, 2, {}, "p", vec![1; 995]])).await;
        assert_eq!(peer.receive().await.unwrap()[4], "wamp.error.invalid_argument", "{serializer}: that is the most");
        let options = json!({"acknowledge": true, "disclose_me": true});
        peer.send(json!([16, 3, options, "t.a", vec![1; 990]])).await;
        assert_eq!(peer.receive().await.unwrap()[0], 17, "{serializer}");
        assert_eq!(subscription.next().await.expect("an event").args().len(), 990, "{serializer}");
        drop((registration, subscription));
        client.leave("wamp.close.normal", "").await;
    }
}

#[tokio::test(start_paused = true)]
async fn before_it_welcomes() {
    for message in [json!([50, 1, {}]), json!([6, {}, "a.b"]), json!([4, "ticket", {}]), json!(["x"])] {
        let mut router = Router::new(Serializer::Json);
        let connecting = tokio::spawn(router.connect().into_future());
        let mut peer = router.accept().await;
        peer.expect(json!([1, "realm1", "…"])).await;
        peer.send(message.clone()).await;
        match connecting.await.unwrap() {
            Err(ConnectError::Refused { reason, message: Some(_) }) => {
                assert!(reason.starts_with("wamp.error."), "{message}: {reason}");
            }
            other => panic!("{message}: {other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn ids_that_are_given_twice() {
    for serializer in Serializer::ALL {
        for (first, second, answer) in [("a", "b", 33), ("a", "b", 65)] {
            let (client, mut peer, _router) = client(serializer).await;
            let asking = client.clone();
            let requests = async move {
                match answer {
                    33 => {
                        let one = asking.subscribe(first).await.unwrap();
                        let error = asking.subscribe(second).await.unwrap_err();
                        drop(one);
                        error
                    }
                    _ => {
                        asking.register(first, || async {}).await.unwrap().keep();
                        asking.register(second, || async {}).await.unwrap_err()
                    }
                }
            };
            let (error, ()) = tokio::join!(requests, async {
                for request in 1..=2 {
                    peer.receive().await.unwrap();
                    peer.send(json!([answer, request, 20])).await;
                }
                peer.expect(json!([3, {"message": "…"}, "wamp.error.protocol_violation"])).await;
            });
            assert_eq!(error.uri(), Some("wamp.error.protocol_violation"), "{serializer} {answer}");
        }
    }
}

/// A router that sends more than anybody takes is not read from, and holds nothing up that it should not.
#[tokio::test(start_paused = true)]
async fn floods() {
    for serializer in [Serializer::Json, Serializer::RawSocketCbor] {
        let mut router = Router::new(serializer);
        let connect = router.connect().limits(Limits { calls_in_flight: 4, ..Limits::default() });
        let (client, mut peer) = joined(&mut router, connect).await;
        let (registration, ()) = tokio::join!(client.register("p", std::future::pending::<()>).into_future(), async {
            peer.receive().await.unwrap();
            peer.send(json!([65, 1, 10])).await;
        });
        registration.unwrap().keep();
        for request in 1..=100 {
            peer.send(json!([68, request, 10, {}])).await;
        }
        for request in 5..=100 {
            let refused =
                json!([8, 68, request, {}, "serverwamp.error.limit_exceeded", [], {"limit": "calls_in_flight"}]);
            peer.expect(refused).await;
        }
        // Progressive results that nobody has asked for are dropped.
        let call = tokio::spawn(client.call::<i64>("p", ()).into_future());
        peer.receive().await.unwrap();
        for _ in 0..10_000 {
            peer.send(json!([50, 2, {"progress": true}, ["x"]])).await;
        }
        peer.send(json!([50, 2, {}, [7]])).await;
        assert_eq!(call.await.unwrap(), Ok(7));
    }
}

#[tokio::test(start_paused = true)]
async fn openings_that_never_end() {
    for url in ["ws://router/ws", "rs://router:8080"] {
        for says_too_much in [false, true] {
            let connect = Client::connect(url).max_retries(0).through(move || {
                let (ours, mut theirs) = tokio::io::duplex(1024);
                tokio::spawn(async move {
                    if says_too_much {
                        let _ = theirs.write_all(b"HTTP/1.1 101 Switching Protocols\r\n").await;
                        while theirs.write_all(b"x: y\r\n").await.is_ok() {}
                    } else {
                        let _ = theirs.read_to_end(&mut Vec::new()).await;
                    }
                });
                std::future::ready(Ok(ours))
            });
            let start = Instant::now();
            let error = connect.await.unwrap_err();
            match (says_too_much, &error) {
                (false, ConnectError::TimedOut { .. }) => assert_eq!(start.elapsed().as_secs(), 10),
                (true, ConnectError::Unreachable { .. }) => assert_eq!(start.elapsed().as_secs(), 0),
                _ => panic!("{url}: {error}"),
            }
        }
    }
}
