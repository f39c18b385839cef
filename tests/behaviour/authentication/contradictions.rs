//! Functions of the program that contradict themselves or each other: nobody is let in by that.

use std::time::Duration;

use serde_json::{Value, json};
use serverwamp::{App, Authenticated, CraCredential, Dict, RpcError, Session, wamp};
use serverwamp_tests::login::{authenticate, cra, hello, login};
use serverwamp_tests::{Peer, Serializer};

use super::{DENIED, check_refused, unasked};

const FAILED: &str = "wamp.error.authentication_failed";

#[wamp::on_join]
async fn turn_away(session: Session) {
    session.abort("my.error.banned", "out");
}

#[wamp::rpc]
async fn act() {
    panic!("this runs for nobody");
}

fn user() -> Authenticated {
    Authenticated::new(()).authid("joe")
}

#[tokio::test]
async fn who_aborts_a_session_has_not_found_who_the_client_is() {
    let transport = App::new().topics("news.").transport_authenticator(async |session: Session| {
        session.abort("my.error.banned", "out");
        Some(user())
    });
    check_refused(&transport, json!({}), unasked, "my.error.banned", "out").await;
    let ticket = App::new().topics("news.").ticket_authenticator(async |session: Session, _: String| {
        session.abort("my.error.banned", "out");
        Some(user())
    });
    let details = json!({"authmethods": ["ticket"], "authid": "joe"});
    check_refused(&ticket, details, |_, _| authenticate("pencil"), "my.error.banned", "out").await;
}

/// What the client has sent already is not done any more.
#[tokio::test]
async fn a_client_that_is_to_go_does_nothing_before() {
    let app = App::discover_in(module_path!());
    for serializer in Serializer::ALL {
        let mut peer = Peer::connect(&app, serializer);
        peer.send_all(&[hello("realm1", &json!({})), json!([48, 1, {}, "act"])]).await;
        assert_eq!(peer.receive().await.unwrap()[0], 2, "{serializer}");
        assert_eq!(peer.receive().await, Some(json!([3, {"message": "out"}, "my.error.banned"])), "{serializer}");
        assert_eq!(peer.receive().await, None, "{serializer}");
    }
    assert_eq!(app.handle().statistics().failed_calls, 0);
}

#[tokio::test]
async fn a_client_is_nobody_else_than_was_found_out_last() {
    let marks = async |session: Session| {
        session.mark_authenticated(Authenticated::new(()).authid("admin").role("admin"));
        None::<Authenticated>
    };
    let message = "somebody else has settled who the client is";
    let app = App::new().topics("news.").transport_authenticator(marks);
    let ticket = app.ticket_authenticator(async |_: Session, ticket: String| (ticket == "pencil").then(user));
    let details = json!({"authmethods": ["ticket"], "authid": "joe"});
    check_refused(&ticket, details.clone(), |_, _| authenticate("pencil"), FAILED, message).await;
    check_refused(&ticket, details, |_, _| authenticate("pen"), DENIED.0, DENIED.1).await;
    let anonymous = App::new().topics("news.").transport_authenticator(marks).allow_anonymous("guest");
    check_refused(&anonymous, json!({}), unasked, FAILED, message).await;
}

/// Else the answer would come when the client has joined.
#[tokio::test(start_paused = true)]
async fn a_client_is_not_welcomed_while_it_is_to_answer() {
    let app = App::new().topics("news.").authentication_handler(async |session: Session| {
        let answer = tokio::time::timeout(Duration::from_secs(1), session.challenge("quiz", Dict::new())).await;
        assert!(answer.is_err());
        session.mark_authenticated(user());
        Ok::<_, RpcError>(())
    });
    for serializer in Serializer::ALL {
        let mut peer = Peer::connect(&app, serializer);
        peer.send(hello("realm1", &json!({}))).await;
        assert_eq!(peer.receive().await, Some(json!([4, "quiz", {}])));
        let message = json!({"message": "a challenge has not been answered"});
        assert_eq!(peer.receive().await, Some(json!([3, message, FAILED])), "{serializer}");
        assert_eq!(peer.receive().await, None);
    }
    assert_eq!(app.handle().statistics().sessions, 0);
}

/// A user whose password is missing in the table.
#[tokio::test]
async fn nobody_has_an_empty_password() {
    let app = App::new().topics("news.").cra_authenticator(
        async |session: Session| match session.claims().authid() {
            Some("salted") => CraCredential::salted("", "c2FsdA==", 1000, 32).ok(),
            _ => Some(CraCredential::password("")),
        },
        async |_: Session| Some(user()),
    );
    for authid in ["salted", "joe"] {
        let details = json!({"authmethods": ["wampcra"], "authid": authid});
        let unsalted = |_: &str, challenge: &Value| cra("", &json!({"challenge": challenge["challenge"]}));
        check_refused(&app, details, unsalted, DENIED.0, DENIED.1).await;
    }
}

/// What the program keeps of a client may panic when it is dropped.
#[tokio::test]
async fn an_identity_that_panics_ends_with_an_abort() {
    struct Touchy;
    impl Drop for Touchy {
        fn drop(&mut self) {
            panic!("identities may panic");
        }
    }
    let app = App::new().topics("news.").transport_authenticator(async |_: Session| {
        // JSON cannot hold it, so that the client cannot be told of it.
        Some(Authenticated::new(Touchy).extra(Dict::from([("nan", f64::NAN)])))
    });
    let (end, mut peer) = login(&app, Serializer::ALL[0], &json!({}), unasked).await;
    assert_eq!(end, json!([3, {}, FAILED]));
    assert_eq!(peer.receive().await, None);
}
