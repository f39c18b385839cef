//! A session that is lost is followed by another one.

use std::future::IntoFuture;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use serde_json::json;
use serverwamp::client::{Connect, State};
use serverwamp::{CallError, Client, ConnectError};
use serverwamp_tests::{Router, Serializer, welcome};
use tokio::time::Instant;

use super::{client, joined};

fn lost() -> CallError {
    CallError::Ended { reason: "wamp.close.transport_lost".to_owned(), message: None }
}

#[tokio::test(start_paused = true)]
async fn everything_is_there_again_and_nothing_is_asked_twice() {
    for serializer in Serializer::ALL {
        let (client, mut peer, mut router) = client(serializer).await;
        let states = client.states();
        let registering = client.register("add", |a: i64, b: i64| async move { a + b }).into_future();
        let (registration, ()) = tokio::join!(registering, async {
            peer.expect(json!([64, 1, {}, "add"])).await;
            peer.send(json!([65, 1, 10])).await;
        });
        let registration = registration.unwrap();
        let (subscription, ()) = tokio::join!(client.subscribe("news.").prefix().into_future(), async {
            peer.expect(json!([32, 2, {"match": "prefix"}, "news."])).await;
            peer.send(json!([33, 2, 20])).await;
        });
        let mut subscription = subscription.unwrap();
        let call = tokio::spawn(client.call::<()>("slow", ()).into_future());
        let progressive = client.call::<()>("slow", ()).progress::<()>().await.unwrap();
        let publication = tokio::spawn(client.publish("topic", ()).acknowledge().into_future());
        for expected in ["slow", "slow", "topic"] {
            assert!(peer.receive().await.unwrap()[3] == expected);
        }
        drop(peer);
        assert_eq!(call.await.unwrap(), Err(lost()), "{serializer}");
        assert_eq!(progressive.result().await, Err(lost()));
        assert_eq!(publication.await.unwrap(), Err(lost()));
        assert_eq!(client.session_id(), None);
        assert_eq!(client.call::<()>("slow", ()).await, Err(CallError::NotConnected));
        assert!(registration.is_active());

        let mut peer = router.welcome().await;
        peer.expect(json!([64, 1, {}, "add"])).await;
        peer.send(json!([65, 1, 11])).await;
        peer.expect(json!([32, 2, {"match": "prefix"}, "news."])).await;
        assert!(!client.is_connected(), "not before everything is there");
        peer.send(json!([33, 2, 21])).await;
        client.joined().await.unwrap();
        peer.send(json!([36, 21, 1, {"topic": "news.a"}, ["again"]])).await;
        assert_eq!(subscription.next().await.unwrap().arg(0), Ok("again".to_owned()));
        peer.send(json!([68, 1, 11, {}, [1, 2]])).await;
        peer.expect(json!([70, 1, {}, [3]])).await;
        assert_eq!((registration.id().get(), subscription.id().get()), (11, 21));
        let seen: Vec<_> = states.take(3).collect().await;
        assert_eq!(seen, [State::Lost, State::Connecting, State::Joined]);
        assert!(peer.is_silent_for(Duration::from_secs(5)).await, "no call is made again");
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_that_ends_before_everything_is_back_is_followed_by_another() {
    for serializer in Serializer::ALL {
        let (client, mut peer, mut router) = client(serializer).await;
        let registering = client.register("add", |a: i64, b: i64| async move { a + b }).into_future();
        let (registration, ()) = tokio::join!(registering, async {
            peer.expect(json!([64, 1, {}, "add"])).await;
            peer.send(json!([65, 1, 10])).await;
        });
        registration.unwrap().keep();
        drop(peer);
        let mut peer = router.welcome().await;
        peer.expect(json!([64, 1, {}, "add"])).await;
        peer.send(json!([6, {}, "wamp.close.system_shutdown"])).await;
        peer.expect(json!([6, {}, "wamp.close.goodbye_and_out"])).await;
        // The connection is there for a while yet.
        tokio::time::sleep(Duration::from_millis(100)).await;
        drop(peer);
        let mut peer = router.welcome().await;
        peer.expect(json!([64, 1, {}, "add"])).await;
        peer.send(json!([65, 1, 11])).await;
        client.joined().await.expect("the client goes on");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_dropped_meanwhile_is_not_restored() {
    let (client, mut peer, mut router) = client(Serializer::Json).await;
    let (subscription, ()) = tokio::join!(client.subscribe("topic").into_future(), async {
        peer.expect(json!([32, 1, {}, "topic"])).await;
        peer.send(json!([33, 1, 20])).await;
    });
    drop(peer);
    let mut peer = router.accept().await;
    drop(subscription);
    peer.expect(json!([1, "realm1", "…"])).await;
    peer.send(welcome()).await;
    client.joined().await.unwrap();
    assert!(peer.is_silent_for(Duration::from_secs(5)).await);
}

#[tokio::test(start_paused = true)]
async fn reasons_that_are_final_and_others() {
    for (message, is_final) in [
        (json!([3, {"message": "no"}, "wamp.error.no_such_realm"]), true),
        (json!([3, {"message": "no"}, "wamp.error.authentication_denied"]), true),
        (json!([3, {"message": "no"}, "wamp.error.protocol_violation"]), true),
        (json!([3, {"message": "no"}, "wamp.close.system_shutdown"]), false),
        (json!([3, {"message": "no"}, "wamp.error.timeout"]), false),
        (json!([6, {"message": "no"}, "wamp.close.system_shutdown"]), false),
        (json!([6, {}, "wamp.close.killed"]), false),
        (json!([3, {}, "serverwamp.error.limit_exceeded"]), false),
    ] {
        let (client, mut peer, mut router) = client(Serializer::Json).await;
        peer.send(message.clone()).await;
        if message[0] == 6 {
            peer.expect(json!([6, {}, "wamp.close.goodbye_and_out"])).await;
        }
        if is_final {
            assert_eq!(client.ended().await, message[2].as_str().unwrap());
            assert_eq!(client.state(), State::Closed);
            assert!(router.is_left_alone_for(Duration::from_secs(3600)).await, "{message}");
        } else {
            let _peer = router.welcome().await;
            client.joined().await.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_session_is_tried_for_again_too() {
    let attempts = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&attempts);
    let refuse = move || {
        count.fetch_add(1, Ordering::Relaxed);
        std::future::ready(Err::<tokio::io::DuplexStream, _>(std::io::ErrorKind::ConnectionRefused.into()))
    };
    let start = Instant::now();
    let error = Client::connect("ws://nowhere/ws").through(refuse).max_retries(6).await.unwrap_err();
    assert!(matches!(&error, ConnectError::Unreachable { url, .. } if url == "ws://nowhere/ws"), "{error}");
    assert_eq!(attempts.load(Ordering::Relaxed), 7);
    assert!(start.elapsed() <= Duration::from_millis(500 + 1000 + 2000 + 4000 + 8000 + 16000));
}

#[tokio::test(start_paused = true)]
async fn a_router_that_does_not_welcome_in_time() {
    for serializer in [Serializer::Json, Serializer::RawSocketCbor] {
        let mut router = Router::new(serializer);
        let connecting = tokio::spawn(router.connect().max_retries(0).into_future());
        let mut peer = router.accept().await;
        peer.expect(json!([1, "realm1", "…"])).await;
        let start = Instant::now();
        let error = connecting.await.unwrap().unwrap_err();
        assert!(matches!(error, ConnectError::TimedOut { after, .. } if after.as_secs() == 10), "{error}");
        assert_eq!(start.elapsed().as_secs(), 10);
        assert_eq!(peer.receive().await, None, "the connection is closed");
    }
}

/// What callbacks are told, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, text: impl Into<String>) {
        self.0.lock().unwrap().push(text.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    fn noting(&self, text: &'static str) -> impl Fn(Client) -> std::future::Ready<()> + Send + Sync + use<> {
        let log = self.clone();
        move |client| {
            log.add(format!("{text} {}", client.session_id().is_some()));
            std::future::ready(())
        }
    }

    /// A client that notes everything twice.
    fn on(&self, connect: Connect) -> Connect {
        let connect = ["", " too"].into_iter().fold(connect, |connect, suffix| {
            let note = |text: &str| self.noting(format!("{text}{suffix}").leak());
            let (welcomed, left) = (self.clone(), self.clone());
            connect
                .on_disconnect(note("disconnect"))
                .on_leave(move |_, why| {
                    left.add(format!("leave{suffix} {} {:?}", why.reason, why.message));
                    std::future::ready(())
                })
                .on_ready(note("ready"))
                .on_join(note("join"))
                .on_welcome(move |_| {
                    welcomed.add(format!("welcome{suffix}"));
                    std::future::ready(Ok::<(), String>(()))
                })
                .on_connect(note("connect"))
        });
        let slow = self.clone();
        connect.on_join(move |_| {
            let slow = slow.clone();
            async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                slow.add("slow join");
            }
        })
    }
}

const BEGIN: [&str; 9] = [
    "connect false",
    "connect too false",
    "welcome",
    "welcome too",
    "join true",
    "join too true",
    "slow join",
    "ready true",
    "ready too true",
];

#[tokio::test(start_paused = true)]
async fn callbacks_run_in_order() {
    let log = Log::default();
    let mut router = Router::new(Serializer::Json);
    let connect = log.on(router.connect());
    let (client, mut peer) = joined(&mut router, connect).await;
    let mut states = client.states();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(log.take(), BEGIN);
    peer.send(json!([6, {"message": "bye"}, "wamp.close.system_shutdown"])).await;
    peer.expect(json!([6, {}, "wamp.close.goodbye_and_out"])).await;
    drop(peer);
    let mut peer = router.welcome().await;
    client.joined().await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let left = |why: &str| {
        [format!("leave {why}"), format!("leave too {why}"), "disconnect false".into(), "disconnect too false".into()]
    };
    let mut expected = left("wamp.close.system_shutdown Some(\"bye\")").to_vec();
    expected.extend(BEGIN.map(str::to_owned));
    assert_eq!(log.take(), expected);
    let (_, ()) = tokio::join!(client.leave("my.reason", ""), async {
        peer.expect(json!([6, {}, "my.reason"])).await;
        peer.send(json!([6, {}, "wamp.close.goodbye_and_out"])).await;
    });
    assert_eq!(log.take(), left("wamp.close.goodbye_and_out None"));
    let mut seen = Vec::new();
    while seen.last() != Some(&State::Closed) {
        seen.push(states.next().await.unwrap());
    }
    assert_eq!(seen, [State::Lost, State::Connecting, State::Joined, State::Closed]);
}

#[tokio::test(start_paused = true)]
async fn whoever_is_told_of_a_connection_is_told_of_its_end() {
    let log = Log::default();
    let mut router = Router::new(Serializer::Json);
    let connecting = log.on(router.connect()).max_retries(0).into_future();
    let (refused, ()) = tokio::join!(connecting, async {
        let mut peer = router.accept().await;
        peer.receive().await.unwrap();
        peer.send(json!([3, {}, "wamp.error.no_such_realm"])).await;
    });
    assert!(refused.is_err());
    let connected = ["connect false", "connect too false"];
    let disconnected = ["disconnect false", "disconnect too false"];
    assert_eq!(log.take(), [connected, disconnected].concat());
    // Nothing was begun where there is no connection.
    let nowhere = log.on(Client::connect("no address"));
    assert!(nowhere.await.is_err());
    assert!(log.take().is_empty());
    // A router that says nothing.
    let connecting = log.on(router.connect()).max_retries(0).into_future();
    let (silent, _peer) = tokio::join!(connecting, router.accept());
    assert!(matches!(silent, Err(ConnectError::TimedOut { .. })), "{silent:?}");
    assert_eq!(log.take(), [connected, disconnected].concat());
}

#[tokio::test(start_paused = true)]
async fn the_program_may_refuse_its_router() {
    let log = Log::default();
    let mut router = Router::new(Serializer::Json);
    let connect = log.on(router.connect()).on_welcome(|_| std::future::ready(Err("the wrong one")));
    let (client, ()) = tokio::join!(connect.into_future(), async {
        let mut peer = router.welcome().await;
        peer.expect(json!([3, {"message": "the wrong one"}, "wamp.error.cannot_authenticate"])).await;
    });
    let error = client.unwrap_err();
    assert!(matches!(&error, ConnectError::Refused { reason, .. } if reason == "wamp.error.cannot_authenticate"));
    let left = "wamp.error.cannot_authenticate Some(\"the wrong one\")";
    let end = [format!("leave {left}"), format!("leave too {left}"), BEGIN[0].replace("connect", "disconnect")];
    let seen = log.take();
    assert_eq!(seen[..4], BEGIN[..4]);
    assert_eq!(seen[4..7], end);
    assert_eq!(seen.len(), 8, "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_router_that_does_not_answer_what_is_restored() {
    let (client, mut peer, mut router) = client(Serializer::Json).await;
    let (subscription, ()) = tokio::join!(client.subscribe("topic").into_future(), async {
        peer.receive().await.unwrap();
        peer.send(json!([33, 1, 20])).await;
    });
    let subscription = subscription.unwrap();
    drop(peer);
    let mut peer = router.welcome().await;
    let start = Instant::now();
    peer.expect(json!([32, 1, {}, "topic"])).await;
    let goodbye = json!([6, {"message": "the router does not answer to subscription `topic`"}, "wamp.close.normal"]);
    peer.expect(goodbye).await;
    assert_eq!(start.elapsed().as_secs(), 10);
    drop(peer);
    let mut peer = router.welcome().await;
    peer.expect(json!([32, 1, {}, "topic"])).await;
    peer.send(json!([33, 1, 21])).await;
    client.joined().await.unwrap();
    drop(subscription);
}

#[tokio::test(start_paused = true)]
async fn every_request_ends_with_its_session() {
    for serializer in Serializer::ALL {
        for is_lost in [true, false] {
            let (client, mut peer, _router) = client(serializer).await;
            let (registration, ()) = tokio::join!(client.register("a", || async {}).into_future(), async {
                peer.receive().await.unwrap();
                peer.send(json!([65, 1, 10])).await;
            });
            let (subscription, ()) = tokio::join!(client.subscribe("a").into_future(), async {
                peer.receive().await.unwrap();
                peer.send(json!([33, 2, 20])).await;
            });
            let (registration, subscription) = (registration.unwrap(), subscription.unwrap());
            let requests = async {
                tokio::join!(
                    client.call::<()>("p", ()).into_future(),
                    client.publish("t", ()).acknowledge().into_future(),
                    client.subscribe("t").into_future(),
                    client.register("p", || async {}).into_future(),
                    registration.unregister(),
                    subscription.unsubscribe(),
                )
            };
            let leaving = client.clone();
            let (ended, ()) = tokio::join!(requests, async {
                for _ in 0..6 {
                    peer.receive().await.unwrap();
                }
                if !is_lost {
                    let leave = tokio::spawn(async move { leaving.leave("my.reason", "").await });
                    peer.expect(json!([6, {}, "my.reason"])).await;
                    peer.send(json!([6, {}, "wamp.close.goodbye_and_out"])).await;
                    leave.await.unwrap();
                }
                drop(peer);
            });
            let (call, publication, subscription, registration, unregistered, unsubscribed) = ended;
            let reason = if is_lost { "wamp.close.transport_lost" } else { "wamp.close.goodbye_and_out" };
            let errors = [call.err(), publication.err(), subscription.err(), registration.err()];
            for error in errors {
                assert_eq!(error.as_ref().and_then(CallError::uri), Some(reason), "{serializer}: {error:?}");
            }
            assert_eq!((unregistered, unsubscribed), (Ok(()), Ok(())), "with the session has ended what was to end");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_half_open_line_is_noticed() {
    for serializer in [Serializer::Json, Serializer::RawSocketJson] {
        let (client, mut peer, _router) = client(serializer).await;
        let start = Instant::now();
        let call = tokio::spawn(client.call::<()>("slow", ()).into_future());
        peer.expect(json!([48, 1, {}, "slow"])).await;
        assert!(peer.is_silent_for(Duration::from_secs(34)).await);
        let lost = CallError::Ended {
            reason: "wamp.close.transport_lost".to_owned(),
            message: Some("the router does not answer pings".to_owned()),
        };
        assert_eq!(call.await.unwrap(), Err(lost));
        assert_eq!(start.elapsed().as_secs(), 35);
    }
}

#[tokio::test(start_paused = true)]
async fn crossbar_is_not_pinged_over_rawsocket() {
    for (serializer, pings) in [(Serializer::Json, true), (Serializer::RawSocketJson, false)] {
        let mut router = Router::new(serializer);
        let connect = router.connect();
        let (client, mut peer) = tokio::join!(connect.into_future(), async {
            let mut peer = router.accept().await;
            peer.receive().await.unwrap();
            peer.send(json!([2, 7, {"roles": {"broker": {}, "dealer": {}}, "x_cb_node": "node"}])).await;
            peer
        });
        let _client = client.unwrap();
        assert!(tokio::time::timeout(Duration::from_secs(100), peer.receive()).await.is_err());
        assert_eq!(peer.pings > 0, pings);
    }
}

#[tokio::test(start_paused = true)]
async fn pings_go_both_ways() {
    for serializer in [Serializer::Json, Serializer::RawSocketJson] {
        let (client, mut peer, _router) = client(serializer).await;
        peer.ping().await;
        let ended = tokio::time::timeout(Duration::from_secs(100), peer.receive()).await;
        assert!(ended.is_err(), "{ended:?}");
        assert!(client.is_connected());
        assert!(peer.pings >= 3, "{}", peer.pings);
    }
}

#[tokio::test(start_paused = true)]
async fn a_router_that_dies_a_hundred_times_at_random() {
    let (client, mut peer, mut router) = client(Serializer::RawSocketJson).await;
    let registering = client.register("add", |a: i64, b: i64| async move { a + b }).into_future();
    let (registration, ()) = tokio::join!(registering, async {
        peer.expect(json!([64, 1, {}, "add"])).await;
        peer.send(json!([65, 1, 10])).await;
    });
    registration.unwrap().keep();
    let callers: Vec<_> = (0..8_u64)
        .map(|caller| {
            let client = client.clone();
            tokio::spawn(async move {
                let mut ends = (0, 0);
                for number in 0.. {
                    let call = client.call::<u64>("echo", [caller * 1_000_000 + number]);
                    let ended = tokio::time::timeout(Duration::from_secs(600), call.into_future()).await;
                    match ended.expect("no call is left hanging") {
                        Ok(answer) => {
                            assert_eq!(answer, caller * 1_000_000 + number);
                            ends.0 += 1;
                        }
                        Err(CallError::NotConnected) => client.joined().await.unwrap_or_default(),
                        Err(CallError::Ended { reason, .. }) if reason == "wamp.close.transport_lost" => ends.1 += 1,
                        Err(error) => return (ends, error),
                    }
                }
                unreachable!()
            })
        })
        .collect();
    let mut random = 7_u64;
    for round in 0..100 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mut left = (random >> 33) % 60;
        let mut is_registered = round == 0;
        while left > 0 {
            left -= 1;
            let message = peer.receive().await.expect("a client that goes on");
            match message[0].as_u64() {
                Some(64) => {
                    is_registered = true;
                    peer.send(json!([65, message[1], 10 + round])).await;
                    peer.send(json!([68, 1, 10 + round, {}, [1, round]])).await;
                }
                Some(48) => peer.send(json!([50, message[1], {}, message[4]])).await,
                Some(70) => assert_eq!(message, json!([70, 1, {}, [1 + round]])),
                _ => panic!("{message}"),
            }
        }
        // A client whose registration is not there yet is not joined.
        assert!(is_registered || !client.is_connected());
        drop(peer);
        peer = router.welcome().await;
    }
    drop(peer);
    client.disconnect().await;
    for caller in callers {
        let ((answered, lost), error) = caller.await.unwrap();
        assert!(answered > 50 && lost > 20, "{answered} {lost}");
        assert_eq!(error.uri(), Some("wamp.close.normal"));
    }
}
