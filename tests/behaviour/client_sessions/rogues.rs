//! Routers that break the rules: a named error, and no harm.

use std::future::IntoFuture;

use serde_json::json;
use serverwamp::{CallError, Client, ConnectError, Limits};
use serverwamp_tests::{Router, Serializer};
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
async fn what_is_too_large_or_too_deep() {
    let limits = Limits { message_size: 4096, depth: 8, nodes: 100, ..Limits::default() };
    let deep = (0..9).fold(json!(1), |inner, _| json!([inner]));
    for serializer in Serializer::ALL {
        for (payload, expected) in [
            (json!(["x".repeat(8192)]), "message_size"),
            (deep.clone(), "deep"),
            (json!(vec![1; 200]), "too many values"),
        ] {
            let mut router = Router::new(serializer);
            let connect = router.connect().limits(limits.clone());
            let (client, mut peer) = joined(&mut router, connect).await;
            let call = tokio::spawn(client.call::<()>("p", ()).into_future());
            peer.expect(json!([48, 1, {}, "p"])).await;
            peer.send(json!([50, 1, {}, payload])).await;
            match call.await.unwrap() {
                Err(CallError::Ended { reason, message: Some(message) }) => {
                    assert_eq!(reason, "wamp.error.protocol_violation");
                    assert!(message.contains(expected), "{serializer}: {message}");
                }
                other => panic!("{serializer}: {other:?}"),
            }
        }
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
