//! The server ends sessions: one, those of a realm, or all; from handlers and from background tasks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use serverwamp::{App, AppHandle, Inject, Progress, RealmHandle, RpcError, Session, wamp};
use serverwamp_tests::{Peer, Serializer, hello};
use tokio::sync::Notify;

/// What tests see of the handlers, and how they steer them.
#[derive(Clone, Default)]
struct Stage {
    sessions: Arc<std::sync::Mutex<Vec<Session>>>,
    running: Arc<AtomicUsize>,
    dropped: Arc<AtomicUsize>,
    decide: Arc<Notify>,
    deciding: Arc<Notify>,
}

struct Guard(Inject<Stage>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

#[wamp::rpc]
async fn alive() -> bool {
    true
}

/// Runs until it is dropped.
#[wamp::rpc]
async fn endless(progress: Progress<u32>, stage: Inject<Stage>) {
    let _guard = Guard(stage.clone());
    let _ = progress.send(1).await;
    stage.running.fetch_add(1, Ordering::SeqCst);
    std::future::pending::<()>().await;
}

/// Lets a test have the session.
#[wamp::rpc]
async fn remember(session: Session, stage: Inject<Stage>) {
    stage.sessions.lock().unwrap().push(session);
}

/// Ends the session, its realm's, or all, in several ways.
#[wamp::rpc]
async fn end(how: &str, session: Session, realm: RealmHandle, app: Inject<AppHandle>) -> &'static str {
    match how {
        "close" => session.close("my.reason", "bye"),
        "close without message" => session.close("my.reason", ""),
        "close with nonsense" => session.close("no uri", "bye"),
        "close twice" => {
            session.close("my.reason", "bye");
            session.close("my.other.reason", "bye bye");
            session.abort("my.error", "out");
            realm.close();
        }
        "abort" => session.abort("my.error", "out"),
        "abort without message" => session.abort("my.error", ""),
        "abort with nonsense" => session.abort("no uri", "out"),
        "abort twice" => {
            session.abort("my.error", "out");
            session.abort("my.other.error", "");
            session.close("my.reason", "bye");
        }
        "realm" => realm.close(),
        "realm with a reason" => realm.close_with("my.reason", "closed for today"),
        "app" => app.close_sessions(),
        _ => return "no such way",
    }
    let _ = session.send_event("news.a", "too late");
    "ended"
}

/// How each of these ends is told, from the outside.
fn ends() -> Vec<(&'static str, Value)> {
    vec![
        ("close", json!([6, {"message": "bye"}, "my.reason"])),
        ("close without message", json!([6, {}, "my.reason"])),
        ("close with nonsense", json!([6, {"message": "bye"}, "wamp.close.normal"])),
        ("close twice", json!([6, {"message": "bye"}, "my.reason"])),
        ("abort", json!([3, {"message": "out"}, "my.error"])),
        ("abort without message", json!([3, {}, "my.error"])),
        ("abort with nonsense", json!([3, {"message": "out"}, "wamp.error.runtime_error"])),
        ("abort twice", json!([3, {"message": "out"}, "my.error"])),
        ("realm", json!([6, {}, "wamp.close.close_realm"])),
        ("realm with a reason", json!([6, {"message": "closed for today"}, "my.reason"])),
        ("app", json!([6, {}, "wamp.close.system_shutdown"])),
    ]
}

/// Joining takes until the test lets it in.
mod slow_join {
    use super::*;

    #[wamp::on_join]
    async fn decide(session: Session, stage: Inject<Stage>) -> Result<(), RpcError> {
        stage.sessions.lock().unwrap().push(session);
        stage.deciding.notify_one();
        stage.decide.notified().await;
        Ok(())
    }

    #[wamp::rpc]
    async fn joined() -> bool {
        true
    }
}

fn app(stage: &Stage) -> App {
    let app = App::new().routes(serverwamp::routes![alive, endless, remember, end]).topics("news.");
    let handle = app.handle();
    app.inject(stage.clone()).inject(handle)
}

async fn ask(peer: &mut Peer, request: Value) -> Value {
    peer.send(request).await;
    peer.receive().await.expect("an answer")
}

/// A farewell was said: after GOODBYE the connection can be used for another session, after ABORT it is closed.
async fn assert_over(peer: &mut Peer, farewell: &Value, what: &str) {
    if farewell[0] == 3 {
        assert_eq!(peer.receive().await, None, "{what}");
        return;
    }
    // Until GOODBYE is answered nothing else counts.
    peer.send_all(&[json!([48, 2, {}, "alive"]), json!([6, {}, "wamp.close.goodbye_and_out"])]).await;
    let welcome = ask(peer, hello("another")).await;
    assert_eq!((&welcome[0], &welcome[2]["realm"]), (&json!(2), &json!("another")), "{what}: {welcome}");
    assert_eq!(ask(peer, json!([48, 1, {}, "alive"])).await, json!([50, 1, {}, [true]]), "{what}");
}

#[tokio::test]
async fn a_handler_ends_sessions_after_its_result() {
    for (how, farewell) in ends() {
        for serializer in Serializer::ALL {
            let what = format!("{serializer}: {how}");
            let mut peer = Peer::join(&app(&Stage::default()), serializer).await;
            assert_eq!(ask(&mut peer, json!([32, 1, {}, "news.a"])).await, json!([33, 1, 1]), "{what}");
            let result = ask(&mut peer, json!([48, 2, {}, "end", [how]])).await;
            assert_eq!(result, json!([50, 2, {}, ["ended"]]), "{what}");
            assert_eq!(peer.receive().await.as_ref(), Some(&farewell), "{what}: once, and no event after it");
            assert_over(&mut peer, &farewell, &what).await;
        }
    }
}

/// A task that is not the connection's ends sessions; what was sent before arrives, running calls are dropped without a
/// reply.
#[tokio::test]
async fn a_background_task_ends_sessions_with_their_running_calls() {
    type End = fn(&App, &Session);
    let ends: [(Value, End); 6] = [
        (json!([6, {"message": "bye"}, "my.reason"]), |_, session| session.close("my.reason", "bye")),
        (json!([6, {}, "my.reason"]), |_, session| {
            session.close("my.reason", "");
            session.close("my.other.reason", "");
            session.abort("my.error", "");
        }),
        (json!([3, {"message": "out"}, "my.error"]), |_, session| session.abort("my.error", "out")),
        (json!([6, {}, "wamp.close.close_realm"]), |app, _| app.handle().realm("realm1").close()),
        (json!([6, {"message": "bye"}, "my.reason"]), |app, _| {
            app.handle().realm("realm1").close_with("my.reason", "bye");
        }),
        (json!([6, {}, "wamp.close.system_shutdown"]), |app, _| app.handle().close_sessions()),
    ];
    for (farewell, end) in ends {
        for serializer in Serializer::ALL {
            let what = format!("{serializer}: {farewell}");
            let stage = Stage::default();
            let app = app(&stage);
            let mut peer = Peer::join(&app, serializer).await;
            assert_eq!(ask(&mut peer, json!([48, 1, {}, "remember"])).await, json!([50, 1, {}]), "{what}");
            assert_eq!(ask(&mut peer, json!([32, 2, {}, "news.a"])).await, json!([33, 2, 1]), "{what}");
            let progress = ask(&mut peer, json!([48, 3, {"receive_progress": true}, "endless"])).await;
            assert_eq!(progress, json!([50, 3, {"progress": true}, [1]]), "{what}");
            peer.send(json!([48, 4, {}, "endless"])).await;
            while stage.running.load(Ordering::SeqCst) < 2 {
                tokio::task::yield_now().await;
            }
            let session = stage.sessions.lock().unwrap()[0].clone();
            assert!(session.send_event("news.a", "before").is_ok());
            end(&app, &session);
            assert!(session.send_event("news.a", "after").result().is_err(), "{what}");
            assert_eq!(peer.receive().await.unwrap()[4], json!(["before"]), "{what}");
            assert_eq!(peer.receive().await.as_ref(), Some(&farewell), "{what}");
            session.ended().await;
            assert_eq!(stage.dropped.load(Ordering::SeqCst), 2, "{what}: no handler outlives its session");
            // It is over: nothing more happens to it, or to the session that comes after it.
            session.close("my.last.reason", "");
            session.abort("my.last.error", "");
            assert_over(&mut peer, &farewell, &what).await;
        }
    }
}

#[tokio::test]
async fn closing_a_realm_ends_its_sessions_alone() {
    for serializer in Serializer::ALL {
        let app = app(&Stage::default());
        let mut inside = [Peer::join(&app, serializer).await, Peer::join(&app, serializer).await];
        let mut outside = Peer::connect(&app, serializer);
        assert_eq!(ask(&mut outside, hello("other")).await[0], 2);
        assert_eq!(app.handle().realm("realm1").sessions(), 2, "{serializer}");
        app.handle().realm("no.such.realm").close();
        app.handle().realm("realm1").close();
        // A second time there is nothing left to say.
        app.handle().realm("realm1").close_with("my.reason", "again");
        for peer in &mut inside {
            let farewell = peer.receive().await.unwrap();
            assert_eq!(farewell, json!([6, {}, "wamp.close.close_realm"]), "{serializer}");
            assert_over(peer, &farewell, serializer.subprotocol()).await;
        }
        assert_eq!(ask(&mut outside, json!([48, 1, {}, "alive"])).await, json!([50, 1, {}, [true]]), "{serializer}");
        app.handle().close_sessions();
        for peer in inside.iter_mut().chain([&mut outside]) {
            assert_eq!(peer.receive().await, Some(json!([6, {}, "wamp.close.system_shutdown"])), "{serializer}");
        }
        Peer::join(&app, serializer).await;
    }
}

/// Closing is for those who are in: whoever is only about to be let in joins the realm afterwards.
#[tokio::test]
async fn a_realm_that_is_closed_while_somebody_joins() {
    for serializer in Serializer::ALL {
        let stage = Stage::default();
        let app = App::discover_in(concat!(module_path!(), "::slow_join")).inject(stage.clone());
        let mut peer = Peer::connect(&app, serializer);
        peer.send(hello("realm1")).await;
        stage.deciding.notified().await;
        assert_eq!(app.handle().realm("realm1").sessions(), 0, "{serializer}");
        app.handle().realm("realm1").close();
        app.handle().close_sessions();
        stage.decide.notify_one();
        assert_eq!(peer.receive().await.unwrap()[0], 2, "{serializer}");
        assert_eq!(ask(&mut peer, json!([48, 1, {}, "joined"])).await, json!([50, 1, {}, [true]]), "{serializer}");
        app.handle().realm("realm1").close();
        assert_eq!(peer.receive().await, Some(json!([6, {}, "wamp.close.close_realm"])), "{serializer}");
    }
}

/// There is no session yet that GOODBYE could end.
#[tokio::test]
async fn a_session_that_is_closed_while_it_joins_is_aborted() {
    type End = fn(&Session);
    let ends: [(Value, End); 2] = [
        (json!([3, {"message": "bye"}, "my.reason"]), |session| session.close("my.reason", "bye")),
        (json!([3, {"message": "out"}, "my.error"]), |session| session.abort("my.error", "out")),
    ];
    for (farewell, end) in ends {
        for serializer in Serializer::ALL {
            let stage = Stage::default();
            let app = App::discover_in(concat!(module_path!(), "::slow_join")).inject(stage.clone());
            let mut peer = Peer::connect(&app, serializer);
            peer.send(hello("realm1")).await;
            stage.deciding.notified().await;
            let session = stage.sessions.lock().unwrap()[0].clone();
            end(&session);
            assert_eq!(peer.receive().await.as_ref(), Some(&farewell), "{serializer}");
            assert_eq!(peer.receive().await, None, "{serializer}");
            assert!(session.has_ended(), "{serializer}");
        }
    }
}
