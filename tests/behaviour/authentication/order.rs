//! What runs when: functions of sessions, deadlines, disconnects, and no handler before WELCOME.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use serverwamp::{App, Authenticated, Inject, Limits, RpcError, Session, wamp};
use serverwamp_tests::login::{authenticate, hello, login};
use serverwamp_tests::{Peer, Serializer};
use std::sync::Arc;

type Log = Arc<Mutex<Vec<String>>>;

fn note(log: &Log, what: impl Into<String>) {
    log.lock().unwrap().push(what.into());
}

#[wamp::on_join(before_authentication)]
async fn before(session: Session, log: Inject<Log>) {
    note(&log, format!("before {:?}", session.authid()));
}

#[wamp::on_join]
async fn after(session: Session, log: Inject<Log>) -> Result<(), RpcError> {
    note(&log, format!("after {:?}", session.authid()));
    match session.authid() {
        "banned" => Err(RpcError::new("my.error.banned")),
        _ => Ok(()),
    }
}

#[wamp::on_leave]
async fn left(session: Session, log: Inject<Log>) {
    note(&log, format!("left {:?}", session.authid()));
}

#[wamp::rpc]
async fn act(log: Inject<Log>) {
    note(&log, "act");
}

fn app() -> (App, Log) {
    let log = Log::default();
    let noted = Arc::clone(&log);
    let app = App::discover_in(module_path!()).inject(Arc::clone(&log)).ticket_authenticator(move |session, ticket| {
        note(&noted, format!("ticket {:?}", session.authid()));
        async move { (ticket == "pencil").then(|| Authenticated::new(())) }
    });
    (app, log)
}

fn details(authid: &str) -> Value {
    json!({"authmethods": ["ticket"], "authid": authid})
}

#[tokio::test]
async fn functions_of_sessions_run_around_it() {
    for serializer in Serializer::ALL {
        let (app, log) = app();
        let taken = || std::mem::take(&mut *log.lock().unwrap());
        let (welcome, mut peer) = login(&app, serializer, &details("joe"), |_, _| authenticate("pencil")).await;
        assert_eq!(welcome[0], 2);
        assert_eq!(taken(), ["before \"\"", "ticket \"\"", "after \"joe\""]);
        peer.send(json!([6, {}, "wamp.close.normal"])).await;
        assert_eq!(peer.receive().await.unwrap()[0], 6);
        let (end, mut peer) = login(&app, serializer, &details("banned"), |_, _| authenticate("pencil")).await;
        assert_eq!(end, json!([3, {}, "my.error.banned"]));
        assert_eq!(peer.receive().await, None);
        assert_eq!(taken(), ["left \"joe\"", "before \"\"", "ticket \"\"", "after \"banned\""]);
        let (end, mut peer) = login(&app, serializer, &details("joe"), |_, _| authenticate("pen")).await;
        assert_eq!(end[2], "wamp.error.authentication_denied");
        assert_eq!(peer.receive().await, None);
        assert_eq!(taken(), ["before \"\"", "ticket \"\""], "what is for those who are known does not run");
    }
}

#[tokio::test]
async fn nothing_is_done_for_a_challenged_client() {
    for message in [
        json!([48, 1, {}, "act"]),
        json!([16, 1, {"acknowledge": true}, "a"]),
        json!([32, 1, {}, "a"]),
        json!([6, {}, "wamp.close.normal"]),
        json!([1, "realm1", {"roles": {"caller": {}}}]),
    ] {
        for serializer in Serializer::ALL {
            let (app, log) = app();
            let mut peer = Peer::connect(&app, serializer);
            // The answer that would have been right comes too late.
            peer.send(hello("realm1", &details("joe"))).await;
            assert_eq!(peer.receive().await, Some(json!([4, "ticket", {}])));
            peer.send_all(&[message.clone(), authenticate("pencil")]).await;
            let abort = peer.receive().await.unwrap();
            assert_eq!((&abort[0], &abort[2]), (&json!(3), &json!("wamp.error.protocol_violation")), "{message}");
            assert_eq!(peer.receive().await, None);
            assert_eq!(*log.lock().unwrap(), ["before \"\""], "{message}");
            assert_eq!(app.handle().statistics().violations, 1);
        }
    }
}

/// A CALL that follows AUTHENTICATE without waiting for WELCOME is a violation while the ticket is looked up.
#[tokio::test(start_paused = true)]
async fn a_client_waits_for_welcome() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let app = App::new()
        .call_handler(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            async { Ok::<_, RpcError>(()) }
        })
        .ticket_authenticator(async |_: Session, _: String| {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some(Authenticated::new(()))
        });
    for serializer in Serializer::ALL {
        let mut peer = Peer::connect(&app, serializer);
        peer.send(hello("realm1", &details("joe"))).await;
        peer.receive().await;
        peer.send_all(&[authenticate("pencil"), json!([48, 1, {}, "a"])]).await;
        assert_eq!(peer.receive().await.unwrap()[2], "wamp.error.protocol_violation");
        assert_eq!(peer.receive().await, None);
    }
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_answer_is_aborted() {
    let (app, _) = app();
    let app = app.limits(Limits { welcome_timeout: Duration::from_secs(3), ..Limits::default() });
    for serializer in Serializer::ALL {
        let mut peer = Peer::connect(&app, serializer);
        let start = tokio::time::Instant::now();
        peer.send(hello("realm1", &details("joe"))).await;
        assert_eq!(peer.receive().await, Some(json!([4, "ticket", {}])));
        let message = json!({"message": "joining took too long"});
        assert_eq!(peer.receive().await, Some(json!([3, message, "wamp.error.timeout"])));
        assert_eq!(peer.receive().await, None);
        assert_eq!(start.elapsed().as_secs(), 3);
    }
    assert_eq!(app.handle().statistics().limits.get("welcome_timeout"), Some(&(Serializer::ALL.len() as u64)));
}

/// A lookup ends with its client.
#[tokio::test(start_paused = true)]
async fn a_lost_connection_drops_the_lookup() {
    struct Guard(Arc<AtomicUsize>);
    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
            panic!("guards may panic");
        }
    }
    let dropped = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&dropped);
    let app = App::new().topics("news.").ticket_authenticator(move |_, _| {
        let guard = Guard(Arc::clone(&counted));
        async move {
            let _guard = guard;
            std::future::pending::<Option<Authenticated>>().await
        }
    });
    let mut peer = Peer::connect(&app, Serializer::ALL[0]);
    peer.send(hello("realm1", &details("joe"))).await;
    peer.receive().await;
    peer.send(authenticate("pencil")).await;
    assert!(peer.is_silent().await);
    assert_eq!(dropped.load(Ordering::SeqCst), 0);
    drop(peer);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
}
