//! The functions of sessions.

use super::*;

struct Name(String);

#[wamp::on_join(before_authentication)]
async fn arrived(session: Session, seen: Inject<Seen>) -> Result<(), RpcError> {
    seen.note("arrived");
    match session.realm() {
        "forbidden" => Err(RpcError::not_authorized("not here")),
        _ => Ok(()),
    }
}

#[wamp::on_join]
async fn joined(session: Session, seen: Inject<Seen>, gate: Inject<Gate>) -> Result<(), RpcError> {
    session.set(Name(format!("guest of {}", session.realm())));
    match session.realm() {
        "refused" => return Err(RpcError::new("my.error.full").message("no seat left")),
        "broken" => panic!("on purpose"),
        "aborted" => session.abort("my.error.rude", "out"),
        "closed" => session.close("my.close.early", "bye"),
        "slow" => gate.0.acquire().await.unwrap().forget(),
        _ => {}
    }
    seen.note("joined");
    Ok(())
}

#[wamp::on_leave]
async fn left(session: Session, seen: Inject<Seen>) {
    let name = session.get::<Name>().map(|name| name.0.clone());
    seen.note(format!("left {name:?} {}", session.has_ended()));
}

#[wamp::on_leave(before_authentication)]
async fn gone(seen: Inject<Seen>) {
    seen.note("gone");
}

#[wamp::rpc]
async fn close(session: Session) {
    session.close("my.close.reason", "bye");
}

#[wamp::rpc]
async fn abort(session: Session) {
    session.abort("my.error.reason", "bye");
}

fn world(limits: Limits) -> (App, Seen, Gate) {
    let (seen, gate) = (Seen::default(), Gate(Arc::new(Semaphore::new(0))));
    let app = App::discover_in(module_path!()).inject(seen.clone()).inject(gate.clone()).limits(limits);
    (app, seen, gate)
}

const WHOLE: [&str; 4] = ["arrived", "joined", "gone", r#"left Some("guest of realm1") true"#];

/// Both leave functions run; which of them first is settled by where they stand.
fn sorted(mut seen: Vec<String>) -> Vec<String> {
    if let Some(rest) = seen.get_mut(2..) {
        rest.sort();
    }
    seen
}

#[tokio::test(start_paused = true)]
async fn functions_run_once_for_every_way_that_a_session_ends() {
    for (name, last) in [
        ("GOODBYE", Some(json!([6, {}, "wamp.close.close_realm"]))),
        ("ABORT", Some(json!([3, {}, "my.error.enough"]))),
        ("violation", Some(json!([50, 1, {}]))),
        ("closed by the server", Some(json!([48, 1, {}, "close"]))),
        ("aborted by the server", Some(json!([48, 1, {}, "abort"]))),
        ("disconnect", None),
    ] {
        let (app, seen, _) = world(Limits::default());
        let mut peer = Peer::join(&app, Serializer::Json).await;
        if let Some(last) = last {
            peer.send(last).await;
        }
        peer.send(json!([6, {}, "wamp.close.goodbye_and_out"])).await;
        drop(peer);
        assert_eq!(sorted(seen.take().await), WHOLE, "{name}");
        assert_eq!(app.handle().statistics().sessions, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_on_a_connection_that_is_used_again_is_another() {
    let (app, seen, _) = world(Limits::default());
    let mut peer = Peer::join(&app, Serializer::Cbor).await;
    for _ in 0..2 {
        assert_eq!(ask(&mut peer, json!([6, {}, "wamp.close.close_realm"])).await[0], 6);
        assert_eq!(sorted(seen.take().await), WHOLE);
        assert_eq!(ask(&mut peer, hello("realm1")).await[0], 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_function_may_refuse() {
    for serializer in Serializer::ALL {
        for (realm, abort, expected) in [
            ("forbidden", json!([3, {"message": "not here"}, "wamp.error.not_authorized"]), vec!["arrived", "gone"]),
            ("refused", json!([3, {"message": "no seat left"}, "my.error.full"]), vec!["arrived", "gone"]),
            ("broken", json!([3, {}, "wamp.error.runtime_error"]), vec!["arrived", "gone"]),
        ] {
            let (app, seen, _) = world(Limits::default());
            let mut peer = Peer::connect(&app, serializer);
            assert_eq!(ask(&mut peer, hello(realm)).await, abort, "{serializer}");
            assert_eq!(peer.receive().await, None);
            assert_eq!(seen.take().await, expected, "{realm}");
            assert_eq!(app.handle().statistics().sessions, 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_function_may_end_the_session() {
    for (realm, ends) in [
        ("aborted", vec![json!([3, {"message": "out"}, "my.error.rude"])]),
        ("closed", vec![json!([6, {"message": "bye"}, "my.close.early"])]),
    ] {
        let (app, seen, _) = world(Limits::default());
        let mut peer = Peer::connect(&app, Serializer::Json);
        assert_eq!(ask(&mut peer, hello(realm)).await[0], 2, "{realm}");
        for end in ends {
            assert_eq!(peer.receive().await, Some(end));
        }
        drop(peer);
        assert_eq!(seen.take().await.len(), 4, "{realm}");
    }
}

#[tokio::test(start_paused = true)]
async fn welcome_timeout_limit() {
    let (app, seen, gate) = world(Limits::default());
    let mut peer = Peer::connect(&app, Serializer::Json);
    peer.send(hello("slow")).await;
    sleep(Duration::from_secs(14)).await;
    gate.0.add_permits(1);
    assert_eq!(peer.receive().await.unwrap()[0], 2);
    let mut peer = Peer::connect(&app, Serializer::Json);
    let abort = ask(&mut peer, hello("slow")).await;
    assert_eq!((&abort[0], &abort[2]), (&json!(3), &json!("wamp.error.timeout")));
    assert_eq!(seen.take().await.last().unwrap(), "gone");
    assert_eq!(app.handle().statistics().limits["welcome_timeout"], 1);
    let mut peer = Peer::connect(&app, Serializer::Json);
    peer.send(hello("slow")).await;
    drop(peer);
    assert_eq!(seen.take().await, ["arrived", "gone"], "gone before the decision");
}
