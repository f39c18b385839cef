//! Tickets.

use serde_json::{Value, json};
use serverwamp::{App, Authenticated, RpcError, Session};
use serverwamp_tests::login::authenticate;

use super::{DENIED, check_refused, check_welcomed};

async fn check(session: Session, ticket: String) -> Result<Option<Authenticated>, RpcError> {
    match (session.claims().authid(), ticket.as_str()) {
        (Some("joe"), "pencil") => Ok(Some(Authenticated::new(()))),
        (None, "token") => Ok(Some(Authenticated::new(()).authid("jim").role("admin").provider("tokens"))),
        (None, "anybody") => Ok(Some(Authenticated::new(()))),
        (_, "error") => Err(RpcError::new("my.error").message("no")),
        (_, "panic") => panic!("secret"),
        _ => Ok(None),
    }
}

fn app() -> App {
    App::new().topics("news.").ticket_authenticator(check)
}

fn with(ticket: &'static str) -> impl Fn(&str, &Value) -> Value {
    move |method, extra| {
        assert_eq!((method, extra), ("ticket", &json!({})));
        authenticate(ticket)
    }
}

#[tokio::test]
async fn the_ticket_decides() {
    let joe = json!({"authmethods": ["ticket"], "authid": "joe", "authrole": "root"});
    let nobody = json!({"authmethods": ["ticket"]});
    check_welcomed(&app(), joe.clone(), with("pencil"), ["joe", "authenticated", "ticket", "dynamic"]).await;
    check_welcomed(&app(), nobody.clone(), with("token"), ["jim", "admin", "ticket", "tokens"]).await;
    check_welcomed(&app(), nobody.clone(), with("anybody"), ["…", "authenticated", "ticket", "dynamic"]).await;
    for wrong in ["", "Pencil", "pencil ", "token"] {
        check_refused(&app(), joe.clone(), with(wrong), DENIED.0, DENIED.1).await;
    }
    check_refused(&app(), json!({"authmethods": ["ticket"], "authid": "x"}), with("pencil"), DENIED.0, DENIED.1).await;
    check_refused(&app(), joe.clone(), with("error"), "my.error", "no").await;
    check_refused(&app(), joe, with("panic"), "wamp.error.authentication_failed", "").await;
}
