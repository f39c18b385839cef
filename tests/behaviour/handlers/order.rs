//! What comes before what, where functions take their time.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use serverwamp::{Action, ActionKind, Decision};

use super::*;

/// Tells that the function for the end of a subscription has run.
#[derive(Clone)]
struct Ended(SyncSender<()>);

/// What waits for that.
#[derive(Clone)]
struct UntilEnded(Arc<Mutex<Receiver<()>>>);

struct Guard(Seen);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.note("stream dropped");
    }
}

#[wamp::subscribe("streams.", match = "prefix")]
async fn streams(seen: Inject<Seen>) -> impl Stream<Item = u32> {
    let guard = Guard(Seen::clone(&seen));
    stream::pending().inspect(move |_| _ = &guard)
}

#[wamp::unsubscribe("streams.", match = "prefix")]
async fn ended(topic: Topic, seen: Inject<Seen>, ended: Inject<Ended>) {
    seen.note(format!("{topic} ended"));
    ended.0.send(()).unwrap();
}

/// Keeps the connection's task busy until the function for the end has run in another.
#[wamp::rpc]
fn until_ended(ended: Inject<UntilEnded>) -> bool {
    tokio::task::block_in_place(|| ended.0.lock().unwrap().recv_timeout(Duration::from_secs(60)).is_ok())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_dropped_before_the_function_for_the_end_runs() {
    let (seen, (ended, until_ended)) = (Seen::default(), sync_channel(1));
    let app = App::discover_in(module_path!())
        .inject(seen.clone())
        .inject(Ended(ended))
        .inject(UntilEnded(Arc::new(Mutex::new(until_ended))));
    let mut peer = Peer::join(&app, Serializer::JsonBatched).await;
    assert_eq!(ask(&mut peer, json!([32, 1, {}, "streams.a"])).await, json!([33, 1, 1]));
    assert_eq!(ask(&mut peer, json!([32, 2, {}, "streams.b"])).await, json!([33, 2, 2]));
    // In one frame, so that nothing else of the connection has its turn in between.
    peer.send_all(&[json!([34, 3, 1]), json!([48, 4, {}, "until_ended"])]).await;
    assert_eq!(peer.receive().await, Some(json!([35, 3])));
    assert_eq!(peer.receive().await, Some(json!([50, 4, {}, [true]])));
    assert_eq!(seen.take().await, ["stream dropped", "streams.a ended"], "and the other stream goes on");
}

mod leaving {
    use super::*;

    #[wamp::subscribe("held")]
    async fn held(seen: Inject<Seen>) {
        struct Guard(Seen);
        impl Drop for Guard {
            fn drop(&mut self) {
                self.0.note("dropped");
            }
        }
        let _guard = Guard(Seen::clone(&seen));
        std::future::pending().await
    }

    #[wamp::on_leave]
    async fn left(seen: Inject<Seen>) {
        seen.note("left");
    }

    /// Publications wait for the gate.
    fn world() -> (App, Seen, Gate) {
        let (seen, gate) = (Seen::default(), Gate(Arc::new(Semaphore::new(0))));
        let waits = gate.clone();
        let app = App::discover_in(module_path!()).inject(seen.clone()).open_topics("open.").authorizer(
            move |_: Session, _: serverwamp::Uri, action: Action| {
                let gate = waits.clone();
                async move {
                    if action.kind() == ActionKind::Publish {
                        gate.0.acquire().await.unwrap().forget();
                    }
                    Decision::allow()
                }
            },
        );
        (app, seen, gate)
    }

    fn publish(request: u64, acknowledge: bool) -> Value {
        json!([16, request, {"acknowledge": acknowledge}, "open.a", [request]])
    }

    const GOODBYE: &str = "wamp.close.close_realm";

    async fn subscriber(app: &App, serializer: Serializer) -> Peer {
        let mut peer = Peer::join(app, serializer).await;
        assert_eq!(ask(&mut peer, json!([32, 1, {}, "open.a"])).await[0], 33);
        peer
    }

    #[tokio::test(start_paused = true)]
    async fn publications_before_goodbye_are_published() {
        for serializer in Serializer::ALL {
            let (app, seen, gate) = world();
            let mut subscriber = subscriber(&app, serializer).await;
            let mut peer = Peer::join(&app, serializer).await;
            let goodbye = json!([6, {}, GOODBYE]);
            peer.send_all(&[publish(1, false), publish(2, true), json!([32, 3, {}, "open.b"]), goodbye]).await;
            // The next session may be asked for at once.
            peer.send(hello("realm1")).await;
            assert!(peer.is_silent().await, "{serializer}");
            gate.0.add_permits(2);
            for number in 1..=2 {
                assert_eq!(subscriber.receive().await.unwrap()[4], json!([number]), "{serializer}");
            }
            let answers = [peer.receive().await, peer.receive().await, peer.receive().await];
            assert_eq!(answers.map(|answer| answer.unwrap()[0].clone()), [17, 6, 2], "{serializer}");
            assert_eq!(seen.take().await, ["left"]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn goodbye_does_not_wait_for_subscriptions() {
        for serializer in Serializer::ALL {
            let (app, seen, gate) = world();
            gate.0.add_permits(1);
            let mut subscriber = subscriber(&app, serializer).await;
            let mut peer = Peer::join(&app, serializer).await;
            peer.send_all(&[json!([32, 1, {}, "held"]), publish(2, true), json!([34, 3, 1]), json!([6, {}, GOODBYE])])
                .await;
            assert_eq!(peer.receive().await.unwrap()[0], 17, "{serializer}");
            assert_eq!(peer.receive().await, Some(json!([6, {}, "wamp.close.goodbye_and_out"])));
            assert_eq!(subscriber.receive().await.unwrap()[4], json!([2]));
            assert_eq!(seen.take().await, ["dropped", "left"]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn goodbye_waits_two_seconds_at_most() {
        let (app, seen, gate) = world();
        let mut subscriber = subscriber(&app, Serializer::Json).await;
        let mut peer = Peer::join(&app, Serializer::Json).await;
        peer.send_all(&[publish(1, true), json!([6, {}, GOODBYE])]).await;
        sleep(Duration::from_millis(1_900)).await;
        assert!(seen.take().await.is_empty());
        assert_eq!(peer.receive().await, Some(json!([6, {}, "wamp.close.goodbye_and_out"])));
        gate.0.add_permits(1);
        assert!(subscriber.is_silent().await, "nothing is published for a session that is over");
        assert_eq!(seen.take().await, ["left"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_that_leaves_can_be_closed() {
        for (how, last) in [("closed", json!([6, {}, "wamp.close.goodbye_and_out"])), ("lost", json!(null))] {
            let (app, seen, _gate) = world();
            let mut peer = Peer::join(&app, Serializer::Json).await;
            peer.send_all(&[publish(1, false), json!([6, {}, GOODBYE])]).await;
            assert!(peer.is_silent().await);
            match how {
                "closed" => {
                    app.handle().realm("realm1").close();
                    assert_eq!(peer.receive().await, Some(last), "{how}");
                }
                _ => drop(peer),
            }
            sleep(Duration::from_secs(2)).await;
            assert_eq!(seen.take().await, ["left"], "{how}");
            assert_eq!(app.handle().statistics().sessions, 0);
        }
    }
}
