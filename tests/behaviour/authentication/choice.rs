//! Which method a client is challenged by, and HELLOs that are none.

use serde_json::{Value, json};
use serverwamp::{App, Authenticated, CraCredential, PublicKey, Realm, ScramCredential, Session};
use serverwamp_tests::login::{Cryptosign, authenticate, hello};
use serverwamp_tests::{Peer, Serializer};

use super::REQUIRED;

async fn nobody(_: Session) -> Option<Authenticated> {
    None
}

/// Realms, each named after the methods that it has.
fn app() -> App {
    let realm = |name: &str| {
        let realm = Realm::new(name).topics("news.");
        name.split('.').fold(realm, |realm, method| match method {
            "transport" => realm.transport_authenticator(nobody),
            "ticket" => realm.ticket_authenticator(async |_: Session, _: String| None),
            "cra" => realm.cra_authenticator(async |_: Session| None::<CraCredential>, nobody),
            "scram" => realm.scram_authenticator(async |_: Session| None::<ScramCredential>, nobody),
            "cryptosign" => realm.cryptosign_authenticator(async |_: Session, _: PublicKey| None),
            "guests" => realm.allow_anonymous("guest"),
            "nothing" => realm,
            other => panic!("{other}"),
        })
    };
    let names = [
        "nothing",
        "guests",
        "transport",
        "transport.guests",
        "ticket",
        "cra",
        "scram",
        "cryptosign",
        "ticket.cra",
        "ticket.guests",
        "transport.ticket.cra.scram.cryptosign.guests",
    ];
    names.iter().fold(App::new().default_realm(false), |app, name| app.realm(realm(name)))
}

/// How a login begins: with CHALLENGE, WELCOME or ABORT.
async fn beginning(app: &App, serializer: Serializer, realm: &str, authmethods: Option<Value>) -> String {
    let authextra = json!({"nonce": "AAECAwQFBgcICQoLDA0ODw==", "pubkey": Cryptosign::new(7).key()});
    let mut details = json!({"authid": "joe", "authextra": authextra});
    if let Some(authmethods) = authmethods {
        details["authmethods"] = authmethods;
    }
    let mut peer = Peer::connect(app, serializer);
    peer.send(hello(realm, &details)).await;
    let answer = peer.receive().await.unwrap();
    match answer[0].as_u64() {
        Some(4) => answer[1].as_str().unwrap().to_owned(),
        Some(2) => format!("{} {}", answer[2]["authmethod"].as_str().unwrap(), answer[2]["authrole"].as_str().unwrap()),
        _ => answer[2].as_str().unwrap().trim_start_matches("wamp.error.").to_owned(),
    }
}

#[tokio::test]
async fn the_client_s_order_counts() {
    const REQUIRED: &str = "authentication_required";
    const NONE: &str = "no_matching_auth_method";
    const GUEST: &str = "anonymous guest";
    const ALL: &str = "transport.ticket.cra.scram.cryptosign.guests";
    let app = app();
    for (realm, authmethods, expected) in [
        ("nothing", None, "anonymous anonymous"),
        ("nothing", Some(json!(["anonymous"])), "anonymous anonymous"),
        ("nothing", Some(json!(["ticket"])), "anonymous anonymous"),
        ("guests", None, GUEST),
        ("guests", Some(json!(["ticket"])), GUEST),
        ("transport", None, REQUIRED),
        ("transport", Some(json!(["anonymous"])), REQUIRED),
        ("transport", Some(json!(["ticket"])), NONE),
        ("transport.guests", None, GUEST),
        ("transport.guests", Some(json!(["anonymous"])), GUEST),
        ("transport.guests", Some(json!(["ticket"])), NONE),
        ("ticket", None, "ticket"),
        ("ticket", Some(json!([])), "ticket"),
        ("ticket", Some(json!(["anonymous"])), REQUIRED),
        ("ticket", Some(json!(["wampcra"])), NONE),
        ("ticket", Some(json!(["nonsense", "wampcra", "ticket"])), "ticket"),
        ("ticket", Some(json!(["TICKET"])), NONE),
        ("cra", None, "wampcra"),
        ("scram", None, REQUIRED),
        ("scram", Some(json!(["scram"])), "scram"),
        ("scram", Some(json!(["wamp-scram", "scram"])), "wamp-scram"),
        ("cryptosign", None, REQUIRED),
        ("cryptosign", Some(json!(["cryptosign"])), "cryptosign"),
        ("ticket.cra", None, REQUIRED),
        ("ticket.cra", Some(json!([])), REQUIRED),
        ("ticket.cra", Some(json!(["wampcra", "ticket"])), "wampcra"),
        ("ticket.cra", Some(json!(["ticket", "wampcra"])), "ticket"),
        ("ticket.cra", Some(json!(["scram", "cryptosign"])), NONE),
        ("ticket.guests", None, GUEST),
        ("ticket.guests", Some(json!(["anonymous", "ticket"])), GUEST),
        ("ticket.guests", Some(json!(["ticket", "anonymous"])), "ticket"),
        ("ticket.guests", Some(json!(["wampcra"])), NONE),
        (ALL, Some(json!(["cryptosign", "scram", "ticket"])), "cryptosign"),
        (ALL, Some(json!(["scram", "cryptosign", "ticket"])), "scram"),
        (ALL, Some(json!(["x", "anonymous", "ticket"])), GUEST),
        (ALL, Some(json!(["tls", "cookie"])), NONE),
    ] {
        for serializer in Serializer::ALL {
            let got = beginning(&app, serializer, realm, authmethods.clone()).await;
            assert_eq!(got, expected, "{serializer}: {realm} {authmethods:?}");
        }
    }
}

#[tokio::test]
async fn refusals_say_what_there_is() {
    let app = app();
    for (realm, authmethods, reason, message) in [
        ("ticket", json!(["anonymous"]), REQUIRED.0, REQUIRED.1),
        (
            "ticket.cra",
            json!(["x"]),
            "wamp.error.no_matching_auth_method",
            "this realm has the methods wampcra, ticket",
        ),
    ] {
        for serializer in Serializer::ALL {
            let mut peer = Peer::connect(&app, serializer);
            peer.send(hello(realm, &json!({"authmethods": authmethods}))).await;
            assert_eq!(peer.receive().await, Some(json!([3, {"message": message}, reason])));
            assert_eq!(peer.receive().await, None);
        }
    }
}

#[tokio::test]
async fn details_of_wrong_types_are_violations() {
    let app = app();
    for (name, value) in [
        ("authmethods", json!("ticket")),
        ("authmethods", json!([1])),
        ("authmethods", json!({"ticket": 1})),
        ("authmethods", json!(1)),
        ("authid", json!(7)),
        ("authid", json!(["joe"])),
        ("authrole", json!(7)),
        ("authextra", json!("nonce")),
        ("authextra", json!([1])),
    ] {
        for serializer in Serializer::ALL {
            let mut peer = Peer::connect(&app, serializer);
            peer.send(hello("ticket", &json!({ name: value }))).await;
            let abort = peer.receive().await.unwrap();
            assert_eq!((&abort[0], &abort[2]), (&json!(3), &json!("wamp.error.protocol_violation")), "{name}: {value}");
            assert!(abort[1]["message"].as_str().unwrap().contains(name), "{abort}");
            assert_eq!(peer.receive().await, None);
        }
    }
}

/// Nothing of a login to one realm holds in another.
#[tokio::test]
async fn each_realm_has_its_own_authenticators_on_one_connection() {
    let realm = |name: &'static str| {
        Realm::new(name).ticket_authenticator(move |_: Session, ticket: String| async move {
            (ticket == name).then(|| Authenticated::new(()).role(format!("role of {name}")))
        })
    };
    for serializer in Serializer::ALL {
        let app = App::new().realm(realm("one")).realm(realm("other")).realm(Realm::new("open")).topics("news.");
        let mut peer = Peer::connect(&app, serializer);
        let details = json!({"authmethods": ["ticket"], "authid": "joe"});
        for name in ["one", "other", "open", "one"] {
            peer.send(hello(name, &details)).await;
            if name != "open" {
                assert_eq!(peer.receive().await.unwrap()[0], 4, "{serializer}: {name}");
                peer.send(authenticate(name)).await;
            }
            let welcome = peer.receive().await.unwrap();
            let role = if name == "open" { "anonymous".to_owned() } else { format!("role of {name}") };
            assert_eq!((&welcome[0], &welcome[2]["authrole"]), (&json!(2), &json!(role)), "{serializer}: {name}");
            peer.send(json!([6, {}, "wamp.close.close_realm"])).await;
            assert_eq!(peer.receive().await.unwrap()[0], 6);
        }
        peer.send(hello("other", &details)).await;
        assert_eq!(peer.receive().await.unwrap()[0], 4);
        peer.send(authenticate("one")).await;
        assert_eq!(peer.receive().await.unwrap()[2], "wamp.error.authentication_denied", "{serializer}");
    }
}
