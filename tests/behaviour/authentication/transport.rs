//! Transport authenticators.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use serverwamp::{App, Authenticated, Dict, RpcError, Session};

use super::{REQUIRED, check_refused, check_welcomed, unasked};

/// Finds those who claim the authid that ends in its name.
async fn by_name(session: Session, name: &str) -> Option<Authenticated> {
    let claimed = session.claims().authid()?;
    claimed.ends_with(name).then(|| Authenticated::new(()).role(name))
}

#[tokio::test]
async fn the_first_that_finds_an_identity_wins() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let app = App::new()
        .topics("news.")
        .transport_authenticator(|session| by_name(session, "a"))
        .transport_authenticator(async |session: Session| Ok::<_, RpcError>(by_name(session, "aa").await))
        .transport_authenticator(move |session| {
            counted.fetch_add(1, Ordering::SeqCst);
            by_name(session, "b")
        });
    check_welcomed(&app, json!({"authid": "aa"}), unasked, ["…", "a", "transport", "dynamic"]).await;
    assert_eq!(asked.load(Ordering::SeqCst), 0, "those behind it are not asked");
    check_welcomed(
        &app,
        json!({"authid": "b", "authmethods": ["ticket"]}),
        unasked,
        ["…", "b", "transport", "dynamic"],
    )
    .await;
    check_refused(&app, json!({"authid": "c"}), unasked, REQUIRED.0, REQUIRED.1).await;
}

#[tokio::test]
async fn an_identity_says_what_welcome_says() {
    let app = App::new().topics("news.").transport_authenticator(async |session: Session| {
        assert_eq!(session.claims().authextra().get("token").and_then(|token| token.as_str()), Some("t"));
        assert_eq!(session.claims().authmethods().collect::<Vec<_>>(), ["cookie", "ticket"]);
        assert_eq!((session.authid(), session.authrole(), session.authmethod()), ("", "", ""));
        let found = Authenticated::new(()).authid("joe").role("admin").method("cookie").provider("userdb");
        Some(found.extra(Dict::from([("color", "red")])))
    });
    let details = json!({
        "authid": "jim", "authrole": "root", "authmethods": ["cookie", "ticket"], "authextra": {"token": "t"}
    });
    for mut peer in check_welcomed(&app, details, unasked, ["joe", "admin", "cookie", "userdb"]).await {
        peer.send(json!([32, 1, {}, "news.a"])).await;
        assert_eq!(peer.receive().await.unwrap()[0], 33);
    }
}

#[tokio::test]
async fn a_failure_is_abort() {
    let app = |mode: &'static str| {
        App::new().topics("news.").transport_authenticator(move |_| async move {
            match mode {
                "panic" => panic!("secret"),
                "internal" => Err(RpcError::internal(&"secret")),
                "no uri" => Err(RpcError::new("no uri")),
                "own" => Err(RpcError::new("my.error.banned").arg(1).message("come back tomorrow")),
                "unencodable" => Ok(Some(Authenticated::new(()).extra(Dict::from([("nan", f64::NAN)])))),
                _ => Ok(None),
            }
        })
    };
    const FAILED: &str = "wamp.error.authentication_failed";
    for mode in ["panic", "internal", "no uri"] {
        check_refused(&app(mode), json!({}), unasked, FAILED, "").await;
    }
    check_refused(&app("own"), json!({}), unasked, "my.error.banned", "come back tomorrow").await;
    let (end, _) =
        serverwamp_tests::login::login(&app("unencodable"), serverwamp_tests::Serializer::ALL[0], &json!({}), unasked)
            .await;
    assert_eq!(end, json!([3, {}, FAILED]));
}
