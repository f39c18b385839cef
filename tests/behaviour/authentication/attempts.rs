//! `Limits::authentication_attempts`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use serverwamp::{App, Authenticated, CraCredential, Limits, Realm, Session};
use serverwamp_tests::login::{authenticate, cra, hello, login};
use serverwamp_tests::{Peer, Serializer};

fn app(attempts: usize) -> (App, Arc<AtomicUsize>) {
    let checked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&checked);
    let app = App::new()
        .topics("news.")
        .ticket_authenticator(move |_, ticket| {
            counted.fetch_add(1, Ordering::SeqCst);
            async move { (ticket == "pencil").then(|| Authenticated::new(())) }
        })
        .cra_authenticator(
            async |_: Session| Some(CraCredential::password("pencil")),
            async |_: Session| Some(Authenticated::new(())),
        )
        .limits(Limits { authentication_attempts: attempts, ..Limits::default() });
    (app, checked)
}

/// Logs in, and says whether that went well.
async fn may(app: &App, method: &str, authid: &str, password: &str) -> bool {
    let details = json!({"authmethods": [method], "authid": authid});
    let answer = |method: &str, challenge: &Value| match method {
        "ticket" => authenticate(password),
        _ => cra(password, challenge),
    };
    let (end, _) = login(app, Serializer::ALL[0], &details, answer).await;
    assert!(
        end[0] == 2 || end == json!([3, {"message": "the credentials are wrong"}, "wamp.error.authentication_denied"])
    );
    end[0] == 2
}

#[tokio::test(start_paused = true)]
async fn authentication_attempts_limit() {
    let (app, checked) = app(3);
    for method in ["ticket", "wampcra"] {
        assert!(may(&app, method, "joe", "pencil").await);
    }
    for method in ["ticket", "wampcra", "ticket"] {
        assert!(!may(&app, method, "joe", "wrong").await);
    }
    assert_eq!(checked.load(Ordering::SeqCst), 3);
    for method in ["ticket", "wampcra"] {
        assert!(!may(&app, method, "joe", "pencil").await, "{method}: right, but too late");
    }
    assert_eq!(checked.load(Ordering::SeqCst), 3, "the ticket is not looked at any more");
    assert_eq!(app.handle().statistics().limits.get("authentication_attempts"), Some(&2));
    assert!(may(&app, "ticket", "jim", "pencil").await, "others may");
    tokio::time::sleep(Duration::from_secs(121)).await;
    assert!(may(&app, "ticket", "joe", "pencil").await, "it is forgotten");
}

/// A user's many clients may come at one time.
#[tokio::test(start_paused = true)]
async fn attempts_that_succeed_at_one_time_do_not_count() {
    let slow = App::new().topics("news.").ticket_authenticator(async |_: Session, ticket: String| {
        tokio::time::sleep(Duration::from_secs(1)).await;
        (ticket == "pencil").then(|| Authenticated::new(()))
    });
    let app = slow.limits(Limits { authentication_attempts: 3, ..Limits::default() });
    let all = async |ticket| futures_util::future::join_all((0..10).map(|_| may(&app, "ticket", "joe", ticket))).await;
    assert_eq!(all("pencil").await, [true; 10]);
    assert_eq!(all("wrong").await, [false; 10]);
    assert_eq!(app.handle().statistics().limits.get("authentication_attempts"), Some(&7));
}

/// Realms that are not configured have their users in common.
#[tokio::test(start_paused = true)]
async fn a_realm_of_another_name_is_no_way_around() {
    let (app, checked) = app(3);
    let realm = Realm::new("own").ticket_authenticator(async |_, _| None::<Authenticated>);
    let app = app.realm(realm);
    for at in 0..20 {
        let mut peer = Peer::connect(&app, Serializer::ALL[0]);
        peer.send(hello(&format!("realm{at}"), &json!({"authmethods": ["ticket"], "authid": "joe"}))).await;
        assert_eq!(peer.receive().await.unwrap()[0], 4);
        peer.send(authenticate("wrong")).await;
        assert_eq!(peer.receive().await.unwrap()[0], 3);
    }
    assert_eq!(checked.load(Ordering::SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn success_does_not_count() {
    let (app, _) = app(3);
    for _ in 0..20 {
        assert!(may(&app, "ticket", "joe", "pencil").await);
        assert!(may(&app, "wampcra", "joe", "pencil").await);
    }
    for _ in 0..2 {
        assert!(!may(&app, "ticket", "joe", "wrong").await);
        assert!(may(&app, "ticket", "joe", "pencil").await);
    }
    assert!(!may(&app, "ticket", "joe", "wrong").await);
    assert!(!may(&app, "ticket", "joe", "pencil").await, "nor does it make good for failures");
}

/// Clients come from where they come from, whatever realm they want.
#[tokio::test(start_paused = true)]
async fn the_limit_is_the_app_s() {
    let none = Limits { authentication_attempts: 0, ..Limits::default() };
    let realm = Realm::new("realm1").topics("news.").limits(none.clone());
    let realm = realm.ticket_authenticator(async |_: Session, _: String| Some(Authenticated::new(())));
    assert!(may(&App::new().realm(realm.clone()), "ticket", "joe", "pencil").await);
    assert!(!may(&App::new().realm(realm).limits(none), "ticket", "joe", "pencil").await);
}
