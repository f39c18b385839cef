//! `Limits::authentication_attempts`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use serverwamp::{App, Authenticated, CraCredential, Limits, Session};
use serverwamp_tests::Serializer;
use serverwamp_tests::login::{authenticate, cra, login};

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
async fn authentication_attempts() {
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
