//! Sessions one after the other on one connection: nothing of one is left for the next.

use serde_json::json;
use serverwamp::{Action, App, Authenticated, Decision, MaybeIdentity, Realm, Session, Uri, wamp};
use serverwamp_tests::login::{authenticate, hello};
use serverwamp_tests::{Peer, Serializer};

struct Admin;

#[wamp::rpc]
async fn act(session: Session, admin: MaybeIdentity<Admin>) -> (String, bool) {
    (session.authrole().to_owned(), admin.get().is_some())
}

#[wamp::rpc(role = "admin")]
async fn rule() {}

async fn check(session: Session, ticket: String) -> Option<Authenticated> {
    let authid = session.claims().authid()?;
    if ticket != format!("{authid}'s") {
        return None;
    }
    Some(match authid {
        "ada" => Authenticated::new(Admin).role("admin"),
        _ => Authenticated::new(()).role("user"),
    })
}

fn app() -> App {
    let may = async |session: Session, uri: Uri, _: Action| match (session.authrole(), uri.as_str()) {
        ("admin", _) | (_, "rule") => Decision::allow().cached(),
        _ => Decision::deny(),
    };
    let authenticated = |name| Realm::new(name).ticket_authenticator(check).authorizer(may);
    App::discover_in(module_path!())
        .realm(authenticated("realm1"))
        .realm(authenticated("realm2"))
        .realm(Realm::new("public").allow_anonymous("guest"))
        .default_realm(false)
}

async fn ask(peer: &mut Peer, message: serde_json::Value) -> serde_json::Value {
    peer.send(message).await;
    peer.receive().await.unwrap()
}

#[tokio::test]
async fn the_next_session_begins_with_nothing() {
    let app = app();
    let of = |authid: &str| json!({"authmethods": ["ticket"], "authid": authid});
    for serializer in Serializer::ALL {
        let mut peer = Peer::connect(&app, serializer);
        assert_eq!(ask(&mut peer, hello("realm1", &of("ada"))).await[0], 4);
        assert_eq!(ask(&mut peer, authenticate("ada's")).await[2]["authrole"], "admin");
        for _ in 0..2 {
            assert_eq!(ask(&mut peer, json!([48, 1, {}, "act"])).await, json!([50, 1, {}, ["admin", true]]));
            assert_eq!(ask(&mut peer, json!([48, 1, {}, "rule"])).await, json!([50, 1, {}]));
        }
        for realm in ["realm1", "realm2"] {
            assert_eq!(ask(&mut peer, json!([6, {}, "wamp.close.close_realm"])).await[0], 6);
            assert_eq!(ask(&mut peer, hello(realm, &of("joe"))).await[0], 4, "{serializer}: challenged again");
            assert_eq!(ask(&mut peer, authenticate("joe's")).await[2]["authrole"], "user");
            for procedure in ["act", "rule"] {
                let error = ask(&mut peer, json!([48, 1, {}, procedure])).await;
                assert_eq!(error[4], "wamp.error.not_authorized", "{serializer} {procedure}");
            }
        }
        assert_eq!(ask(&mut peer, json!([6, {}, "wamp.close.close_realm"])).await[0], 6);
        assert_eq!(ask(&mut peer, hello("public", &of("ada"))).await[2]["authrole"], "guest");
        assert_eq!(ask(&mut peer, json!([48, 1, {}, "act"])).await, json!([50, 1, {}, ["guest", false]]));
        assert_eq!(ask(&mut peer, json!([6, {}, "wamp.close.close_realm"])).await[0], 6);
        assert_eq!(ask(&mut peer, hello("realm1", &of("ada"))).await[0], 4);
        assert_eq!(ask(&mut peer, authenticate("joe's")).await[2], "wamp.error.authentication_denied");
        assert_eq!(peer.receive().await, None);
    }
}

/// What was answered in one session is no answer in the next, nor is it on another connection.
#[tokio::test]
async fn nobody_leaves_in_the_middle_of_a_login() {
    let app = app();
    for serializer in Serializer::ALL {
        let mut peer = Peer::connect(&app, serializer);
        let details = json!({"authmethods": ["ticket"], "authid": "ada"});
        assert_eq!(ask(&mut peer, hello("realm1", &details)).await[0], 4);
        let mut other = Peer::connect(&app, serializer);
        other.send_all(&[authenticate("ada's")]).await;
        assert_eq!(other.receive().await.unwrap()[2], "wamp.error.protocol_violation");
        peer.send_all(&[json!([6, {}, "wamp.close.close_realm"]), hello("public", &json!({}))]).await;
        assert_eq!(peer.receive().await.unwrap()[2], "wamp.error.protocol_violation");
        assert_eq!(peer.receive().await, None);
    }
}
