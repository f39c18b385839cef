//! Who may join, by procedures.

use std::time::Duration;

use serde_json::{Value, json};
use serverwamp::{App, DynamicAuthenticator, Kdf, Limits, Realm, Salt, ScramCredential, ScramDialect, routes, wamp};
use serverwamp_tests::login::{Cryptosign, Scram, authenticate, cra, login};
use serverwamp_tests::{Peer, Serializer};

use super::{Backend, FAILED, Reply, keywords, one};

const PROCEDURE: &str = "com.example.authenticate";
const DENIED: &str = "wamp.error.authentication_denied";

/// Backends join as anybody may; everybody else logs in.
fn realm() -> Realm {
    Realm::new("realm1").router().allow_anonymous("backend")
}

fn app(authenticator: impl Into<DynamicAuthenticator>) -> App {
    App::new().realm(realm().dynamic_authenticator(authenticator))
}

fn joe(method: &str) -> Value {
    json!({"authmethods": [method], "authid": "joe"})
}

fn with(answer: &str) -> impl Fn(&str, &Value) -> Value {
    let answer = answer.to_owned();
    move |_, _| authenticate(answer.as_str())
}

/// What WELCOME says of who it is, or the reason of ABORT with its details.
fn outcome(end: &Value) -> Value {
    let details = &end[2];
    match end[0].as_u64() {
        Some(2) => json!([details["authid"], details["authrole"], details["authmethod"], details["authprovider"]]),
        _ => json!([end[2], end[1]]),
    }
}

fn refused(reason: &str) -> Value {
    let details = if reason == DENIED { json!({"message": "the credentials are wrong"}) } else { json!({}) };
    json!([reason, details])
}

/// Answers by the ticket.
fn by_ticket(arguments: &Value) -> Reply {
    match arguments[2]["ticket"].as_str().expect("a ticket") {
        "role" => one(json!("customer")),
        "dict" => one(json!({"role": "customer", "authid": "jim", "extra": {"since": 7}})),
        "keywords" => keywords(json!({"role": "customer", "realm": "realm1"})),
        "null" => one(Value::Null),
        "false" => one(json!(false)),
        "nothing" => Reply::Yield(json!([])),
        "error" => Reply::Error("com.example.no_such_user"),
        "runtime" => Reply::Error("wamp.error.runtime_error"),
        "number" => one(json!(7)),
        "list" => one(json!(["customer"])),
        "several" => Reply::Yield(json!([["customer", "admin"]])),
        "no role" => keywords(json!({"authid": "joe"})),
        "empty role" => one(json!({"role": ""})),
        "odd role" => one(json!({"role": 7})),
        "other realm" => one(json!({"role": "customer", "realm": "realm2"})),
        "other role" => one(json!("admin")),
        "odd extra" => one(json!({"role": "customer", "extra": 7})),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_procedure_says_whose_ticket_it_is() {
    let app = app(DynamicAuthenticator::new(PROCEDURE).roles(["customer"]));
    for serializer in Serializer::ALL {
        let backend = Backend::start(&app, serializer, PROCEDURE, by_ticket).await;
        for (ticket, expected) in [
            ("role", json!(["joe", "customer", "ticket", "dynamic"])),
            ("dict", json!(["jim", "customer", "ticket", "dynamic"])),
            ("keywords", json!(["joe", "customer", "ticket", "dynamic"])),
            ("null", refused(DENIED)),
            ("false", refused(DENIED)),
            ("nothing", refused(DENIED)),
            ("error", refused(DENIED)),
            ("runtime", refused(DENIED)),
            ("number", refused(FAILED)),
            ("list", refused(FAILED)),
            ("several", refused(FAILED)),
            ("no role", refused(FAILED)),
            ("empty role", refused(FAILED)),
            ("odd role", refused(FAILED)),
            ("other realm", refused(FAILED)),
            ("other role", refused(FAILED)),
            ("odd extra", refused(FAILED)),
        ] {
            // Another one each time: an authid may fail five times only.
            let details = match expected[0].as_str() {
                Some("joe") | Some("jim") => joe("ticket"),
                _ => json!({"authmethods": ["ticket"], "authid": format!("{ticket} {serializer}")}),
            };
            let (end, _) = login(&app, serializer, &details, with(ticket)).await;
            assert_eq!(outcome(&end), expected, "{serializer}: {ticket}");
            if ticket == "dict" {
                assert_eq!(end[2]["authextra"], json!({"since": 7}), "{serializer}");
            }
        }
        let asked = backend.asked();
        assert_eq!((&asked[0][0], &asked[0][1]), (&json!("realm1"), &json!("joe")), "{serializer}");
        let details = &asked[0][2];
        assert_eq!((&details["authmethod"], &details["ticket"]), (&json!("ticket"), &json!("role")), "{serializer}");
        assert!(details["session"].is_u64() && details["transport"]["type"].is_string(), "{serializer}: {details}");
        drop(backend);
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn without_an_answer_nobody_joins() {
    let limits = Limits { welcome_timeout: Duration::from_secs(3), ..Limits::default() };
    let app = app(PROCEDURE).limits(limits);
    for serializer in Serializer::ALL {
        let details = json!({"authmethods": ["ticket"], "authid": format!("joe {serializer}")});
        // Nobody has registered it.
        let (end, _) = login(&app, serializer, &details, with("x")).await;
        assert_eq!(outcome(&end), refused(FAILED), "{serializer}");
        // Whoever has takes too long, and is told to stop.
        let backend = Backend::start(&app, serializer, PROCEDURE, |_| Reply::Nothing).await;
        let before = tokio::time::Instant::now();
        let (end, _) = login(&app, serializer, &details, with("x")).await;
        assert_eq!(end[0], 3, "{serializer}: {end}");
        assert_eq!(before.elapsed().as_secs(), 3, "{serializer}");
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!((backend.asked().len(), *backend.interrupted.lock().unwrap()), (1, 1), "{serializer}");
        // Whoever has is gone meanwhile.
        let mut peer = Peer::connect(&app, serializer);
        peer.send(serverwamp_tests::login::hello("realm1", &details)).await;
        assert_eq!(peer.receive().await.unwrap()[0], 4);
        peer.send(authenticate("x")).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        drop(backend);
        assert_eq!(outcome(&peer.receive().await.unwrap()), refused(FAILED), "{serializer}");
    }
}

#[tokio::test]
async fn a_procedure_says_what_secret_a_user_has() {
    let salted = serverwamp::CraCredential::derive("pencil", "salt", 100).unwrap();
    let key = salted.secret().as_str().unwrap().to_owned();
    let answer = move |arguments: &Value| match arguments[1].as_str().unwrap() {
        "joe" | "jack" => keywords(json!({"role": "customer", "secret": "pencil"})),
        "jim" => one(json!({
            "role": "admin", "authid": "jimmy", "secret": key, "salt": "salt", "iterations": 100, "keylen": 32
        })),
        "without" => one(json!("customer")),
        "empty" => one(json!({"role": "customer", "secret": ""})),
        "odd" => one(json!({"role": "customer", "secret": "x", "salt": "salt", "keylen": 7})),
        _ => Reply::Error("com.example.no_such_user"),
    };
    let app = app(PROCEDURE);
    let _backend = Backend::start(&app, Serializer::Json, PROCEDURE, answer).await;
    for serializer in Serializer::ALL {
        for (authid, password, expected) in [
            ("joe", "pencil", json!(["joe", "customer", "wampcra", "dynamic"])),
            ("jim", "pencil", json!(["jimmy", "admin", "wampcra", "dynamic"])),
            ("jack", "pen", refused(DENIED)),
            ("without", "pencil", refused(FAILED)),
            ("empty", "", refused(FAILED)),
            ("odd", "x", refused(FAILED)),
            ("nobody", "pencil", refused(DENIED)),
        ] {
            let details = json!({"authmethods": ["wampcra"], "authid": authid});
            let answer = |method: &str, extra: &Value| {
                assert_eq!(method, "wampcra");
                cra(password, extra)
            };
            let (end, _) = login(&app, serializer, &details, answer).await;
            assert_eq!(outcome(&end), expected, "{serializer}: {authid}");
        }
    }
}

#[tokio::test]
async fn a_procedure_says_what_is_known_of_a_password() {
    let credential = ScramCredential::derive("pencil", Kdf::pbkdf2(4096).unwrap(), Salt::from([7; 16])).unwrap();
    let stored = credential.to_stored().as_str().unwrap().to_owned();
    let keys = credential.keys_of(ScramDialect::Autobahn).unwrap().clone();
    let hex = |octets: &[u8]| octets.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
    let crossbar = json!({
        "role": "customer", "kdf": "pbkdf2", "iterations": 4096, "memory": 512, "salt": hex(&[7; 16]),
        "stored-key": hex(keys.stored()), "server-key": hex(keys.server()),
    });
    let answer = move |arguments: &Value| match arguments[1].as_str() {
        Some("joe") => keywords(json!({"role": "customer", "credential": stored})),
        Some("jim") => one(crossbar.clone()),
        Some("odd") => one(json!({"role": "customer", "credential": "?"})),
        Some("bare") => one(json!("customer")),
        _ => one(Value::Null),
    };
    let app = app(PROCEDURE);
    let _backend = Backend::start(&app, Serializer::Cbor, PROCEDURE, answer).await;
    for serializer in Serializer::ALL {
        for (method, authid, welcomed) in [
            ("scram", "joe", true),
            ("wamp-scram", "joe", true),
            ("scram", "jim", true),
            ("scram", "odd", false),
            ("wamp-scram", "bare", false),
        ] {
            let scram = Scram { method, authid, password: "pencil" };
            let (end, _) = login(&app, serializer, &scram.details(), |_, extra| scram.answer(extra).0).await;
            let expected = match welcomed {
                true => json!([authid, "customer", method, "dynamic"]),
                false => refused(FAILED),
            };
            assert_eq!(outcome(&end), expected, "{serializer}: {method} {authid}");
        }
    }
    let nobody = Scram { method: "scram", authid: "nobody", password: "pencil" };
    let (end, _) = login(&app, Serializer::Json, &nobody.details(), |_, extra| nobody.answer(extra).0).await;
    assert_eq!(outcome(&end), refused(DENIED));
}

#[tokio::test]
async fn a_procedure_says_whose_key_it_is() {
    let (own, other) = (Cryptosign::new(1), Cryptosign::new(2));
    let (key, second) = (own.key(), other.key());
    let answer = move |arguments: &Value| match arguments[1].as_str() {
        Some("joe") => keywords(json!({"role": "customer", "pubkey": key})),
        Some("jim") => one(json!({"role": "customer", "authorized_keys": [second, key]})),
        Some("without") => one(json!("customer")),
        Some("odd") => one(json!({"role": "customer", "pubkey": "12"})),
        // Whose key it is, it looks up.
        None => one(json!({"role": "customer", "authid": "found", "pubkey": arguments[2]["authextra"]["pubkey"]})),
        _ => one(Value::Null),
    };
    let app = app(PROCEDURE);
    let _backend = Backend::start(&app, Serializer::MessagePack, PROCEDURE, answer).await;
    for serializer in Serializer::ALL {
        for (authid, expected) in [
            (Some("joe"), json!(["joe", "customer", "cryptosign", "dynamic"])),
            (Some("jim"), json!(["jim", "customer", "cryptosign", "dynamic"])),
            (None, json!(["found", "customer", "cryptosign", "dynamic"])),
        ] {
            let mut details = own.details();
            if let Some(authid) = authid {
                details["authid"] = json!(authid);
            }
            let (end, _) = login(&app, serializer, &details, |_, extra| authenticate(own.signature(extra))).await;
            assert_eq!(outcome(&end), expected, "{serializer}: {authid:?}");
        }
    }
    for (authid, key, reason) in
        [("joe", &other, DENIED), ("without", &own, FAILED), ("odd", &own, FAILED), ("nobody", &own, DENIED)]
    {
        let mut details = key.details();
        details["authid"] = json!(authid);
        let (end, _) = login(&app, Serializer::Json, &details, |_, extra| authenticate(key.signature(extra))).await;
        assert_eq!(outcome(&end), refused(reason), "{authid}");
    }
}

#[wamp::rpc("auth.check", manual)]
async fn check(realm: String, authid: Option<String>, details: serverwamp::Value) -> Option<Known> {
    let details = details.as_map()?;
    let is_own = details.get("ticket").is_none_or(|ticket| ticket.as_str() == Some("pencil"));
    let role = if details.get("authmethod")?.as_str() == Some("anonymous") { "guest" } else { "customer" };
    is_own.then(|| Known { role, authid: format!("{} of {realm}", authid.as_deref().unwrap_or("nobody")) })
}

#[derive(serde::Serialize)]
struct Known {
    role: &'static str,
    authid: String,
}

#[tokio::test]
async fn a_function_of_the_program_answers_too_and_for_other_realms() {
    let methods = ["ticket", "anonymous"];
    let own = DynamicAuthenticator::new("auth.check").methods(methods);
    let served = |realm: Realm| realm.routes(routes![check]);
    let here = App::new().realm(served(Realm::new("realm1").dynamic_authenticator(own.clone())));
    let elsewhere = own.in_realm("auth");
    let there = App::new()
        .realm(Realm::new("realm1").topics("a.").dynamic_authenticator(elsewhere.clone()))
        .realm(served(Realm::new("auth").router()));
    for app in [&here, &there] {
        for serializer in Serializer::ALL {
            let (end, _) = login(app, serializer, &joe("ticket"), with("pencil")).await;
            assert_eq!(outcome(&end), json!(["joe of realm1", "customer", "ticket", "dynamic"]), "{serializer}");
            let (end, _) = login(app, serializer, &json!({}), with("")).await;
            assert_eq!(outcome(&end), json!(["nobody of realm1", "guest", "anonymous", "dynamic"]), "{serializer}");
        }
        let (end, _) = login(app, Serializer::Json, &joe("ticket"), with("pen")).await;
        assert_eq!(outcome(&end), refused(DENIED));
    }
    // A realm that there is not.
    let nowhere = App::new().realm(Realm::new("realm1").topics("a.").dynamic_authenticator(elsewhere));
    let (end, _) = login(&nowhere, Serializer::Json, &joe("ticket"), with("pencil")).await;
    assert_eq!(outcome(&end), refused(FAILED));
}

#[tokio::test]
async fn the_text_for_refused_logins_is_the_realms() {
    const TEXT: &str = "Ask support@example.com for an account.";
    let app = App::new().realm(realm().refusal(TEXT).dynamic_authenticator(PROCEDURE));
    let answer = |arguments: &Value| match arguments[1].as_str() {
        Some("joe") => keywords(json!({"role": "customer", "secret": "pencil"})),
        _ => one(Value::Null),
    };
    let _backend = Backend::start(&app, Serializer::Json, PROCEDURE, answer).await;
    for (details, wrong) in [
        (json!({"authmethods": ["ticket"], "authid": "jim"}), None),
        (json!({"authmethods": ["wampcra"], "authid": "joe"}), Some("pen")),
        (json!({"authmethods": ["wampcra"], "authid": "jim"}), Some("pencil")),
    ] {
        let (end, _) = login(&app, Serializer::Json, &details, |_, extra| match wrong {
            Some(password) => cra(password, extra),
            None => authenticate("x"),
        })
        .await;
        assert_eq!(end, json!([3, {"message": TEXT}, DENIED]), "{details}");
    }
    let (end, _) = login(&app, Serializer::Json, &json!({"authmethods": ["wampcra"], "authid": "joe"}), |_, extra| {
        cra("pencil", extra)
    })
    .await;
    assert_eq!(end[0], 2, "{end}");
}

#[tokio::test]
async fn what_cannot_work_is_found_before_the_server_listens() {
    for (authenticator, expected) in [
        (DynamicAuthenticator::new("not a uri"), "a dynamic authenticator: `not a uri`: "),
        (DynamicAuthenticator::new("wamp.session.get"), "procedures of the protocol decide nothing"),
        (DynamicAuthenticator::new("a.b").methods(["tickets"]), "`tickets` is none of the methods ticket, wampcra"),
    ] {
        let error = app(authenticator).bind("127.0.0.1:0").serve().await.unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("authentication.rs:"), "{error}");
    }
}
