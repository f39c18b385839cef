//! Servers that a TOML file configures, and what becomes of their sessions when it is read again.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use serverwamp::{App, Configuration, CraCredential, Error, Kdf, Reloaded, Salt, ScramCredential, routes, wamp};
use serverwamp_tests::login::{Cryptosign, Scram, authenticate, cra, login};
use serverwamp_tests::{Peer, Serializer};

/// A file that is there as long as its test.
struct File(PathBuf);

impl File {
    fn new(text: &str) -> File {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("serverwamp-{}-{}.toml", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let file = File(std::env::temp_dir().join(name));
        file.write(text);
        file
    }

    fn write(&self, text: &str) {
        fs::write(&self.0, text).unwrap();
    }

    fn read(&self) -> (Configuration, App) {
        let configuration = Configuration::from_file(&self.0).unwrap();
        let app = App::new().routes(routes![add, authorize]).configuration(&configuration);
        (configuration, app)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[wamp::rpc("add", manual)]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

static ASKED: AtomicUsize = AtomicUsize::new(0);

/// Allows everything for the rest of the session.
#[wamp::rpc("authorize", manual)]
async fn authorize(_session: serverwamp::Value, _uri: String, _action: String) -> Cached {
    ASKED.fetch_add(1, Ordering::Relaxed);
    Cached { allow: true, cache: true }
}

#[derive(serde::Serialize)]
struct Cached {
    allow: bool,
    cache: bool,
}

const CALL_ADD: &str = r#"{ uri = "add", actions = ["call"] }"#;
const NEWS: &str = r#"{ uri = "news.", match = "prefix", actions = ["subscribe", "publish"] }"#;

/// A realm with these permissions of the role `staff`, and these users, who have it.
fn staff(permissions: &[&str], users: &[&str]) -> String {
    let users: Vec<String> = users
        .iter()
        .map(|authid| format!("[[realms.users]]\nauthid = \"{authid}\"\nrole = \"staff\"\nticket = \"sesame\"\n"))
        .collect();
    format!(
        "[[realms]]\nname = \"realm1\"\nanonymous = \"guest\"\n[[realms.roles]]\nname = \"guest\"\n\
         [[realms.roles]]\nname = \"staff\"\npermissions = [{}]\n{}",
        permissions.join(", "),
        users.concat()
    )
}

async fn join(app: &App, serializer: Serializer, authid: &str) -> Result<Peer, Value> {
    let details = json!({"authmethods": ["ticket"], "authid": authid, "roles": {"caller": {}, "callee": {}, "subscriber": {}, "publisher": {}}});
    let (end, peer) = login(app, serializer, &details, |_, _| authenticate("sesame")).await;
    if end[0] == 2 { Ok(peer) } else { Err(end[2].clone()) }
}

async fn ask(peer: &mut Peer, request: Value) -> Value {
    peer.send(request).await;
    let answer = peer.receive().await.expect("an answer");
    if answer[0] == 8 { answer[4].clone() } else { answer[0].clone() }
}

const NOT_AUTHORIZED: &str = "wamp.error.not_authorized";

#[tokio::test]
async fn users_log_in_by_every_method() {
    let key = CraCredential::derive("pencil", "salt", 100).unwrap();
    let scram = ScramCredential::derive("pencil", Kdf::pbkdf2(4096).unwrap(), Salt::from([7; 16])).unwrap();
    let signer = Cryptosign::new(1);
    let secret = File::new("pencil\n");
    let file = File::new(&format!(
        r#"
        decoy_secret = "any"
        [[realms]]
        name = "realm1"
        anonymous = "guest"
        refusal = "not you"
        roles = [{{ name = "guest" }}, {{ name = "staff" }}]
        users = [
            {{ authid = "joe", role = "staff", ticket = {{ file = "{secret}" }}, wampcra = "pencil", scram = "{scram}" }},
            {{ authid = "jim", role = "guest", wampcra = {{ secret = "{key}", salt = "salt", iterations = 100 }} }},
            {{ authid = "key", role = "staff", cryptosign = ["{signer}"] }},
        ]
        "#,
        secret = secret.0.display(),
        scram = scram.to_stored().as_str().unwrap(),
        key = key.secret().as_str().unwrap(),
        signer = signer.key(),
    ));
    let (_, app) = file.read();
    for serializer in Serializer::ALL {
        let check = async |details: Value, expected: [&str; 3], answer: &dyn Fn(&Value) -> Value| {
            let (end, _) = login(&app, serializer, &details, |_, extra| answer(extra)).await;
            assert_eq!(end[0], 2, "{serializer}: {end}");
            let who = ["authid", "authrole", "authmethod"].map(|name| end[2][name].as_str().unwrap());
            assert_eq!(who, expected, "{serializer}");
            assert_eq!(end[2]["authprovider"], "static", "{serializer}");
        };
        let named = |method: &str, authid: &str| json!({"authmethods": [method], "authid": authid});
        check(named("ticket", "joe"), ["joe", "staff", "ticket"], &|_| authenticate("pencil")).await;
        check(named("wampcra", "joe"), ["joe", "staff", "wampcra"], &|extra| cra("pencil", extra)).await;
        check(named("wampcra", "jim"), ["jim", "guest", "wampcra"], &|extra| cra("pencil", extra)).await;
        for method in ["scram", "wamp-scram"] {
            let scram = Scram { method, authid: "joe", password: "pencil" };
            check(scram.details(), ["joe", "staff", method], &|extra| scram.answer(extra).0).await;
        }
        check(signer.details(), ["key", "staff", "cryptosign"], &|extra| authenticate(signer.signature(extra))).await;
        let (end, _) = login(&app, serializer, &json!({}), |_, _| Value::Null).await;
        assert_eq!(end[2]["authrole"], "guest", "{serializer}");
        // Neither wrong secrets nor methods that a user has not, nor somebody else's key.
        let mut theirs = signer.details();
        theirs["authid"] = json!("joe");
        for (details, ticket) in [
            (named("ticket", &format!("nobody{serializer}")), Some("pencil")),
            (named("ticket", "jim"), Some("pencil")),
            (theirs, None),
        ] {
            let (end, _) = login(&app, serializer, &details, |_, extra| match ticket {
                Some(ticket) => authenticate(ticket),
                None => authenticate(signer.signature(extra)),
            })
            .await;
            assert_eq!(end, json!([3, {"message": "not you"}, "wamp.error.authentication_denied"]), "{serializer}");
        }
    }
}

#[tokio::test]
async fn only_the_realms_of_the_file_can_be_joined_and_only_what_it_permits_is_done() {
    let file = File::new(&staff(&[CALL_ADD], &["joe"]));
    let (_, app) = file.read();
    for serializer in Serializer::ALL {
        let mut peer = Peer::connect(&app, serializer);
        peer.send(serverwamp_tests::hello("realm2")).await;
        assert_eq!(peer.receive().await.unwrap()[2], "wamp.error.no_such_realm", "{serializer}");
        let mut joe = join(&app, serializer, "joe").await.unwrap();
        assert_eq!(ask(&mut joe, json!([48, 1, {}, "add", [1, 2]])).await, 50, "{serializer}");
        assert_eq!(ask(&mut joe, json!([48, 2, {}, "wamp.session.count"])).await, NOT_AUTHORIZED, "{serializer}");
        let mut guest = Peer::join(&app, serializer).await;
        assert_eq!(ask(&mut guest, json!([48, 1, {}, "add", [1, 2]])).await, NOT_AUTHORIZED, "{serializer}");
    }
}

#[tokio::test]
async fn a_reload_changes_what_sessions_may_do_and_ends_none() {
    for serializer in Serializer::ALL {
        let file = File::new(&staff(&[CALL_ADD, NEWS], &["joe", "jim"]));
        let (configuration, app) = file.read();
        let mut joe = join(&app, serializer, "joe").await.unwrap();
        let mut jim = join(&app, serializer, "jim").await.unwrap();
        assert_eq!(ask(&mut joe, json!([32, 1, {}, "news.today"])).await, 33, "{serializer}");
        assert_eq!(ask(&mut joe, json!([48, 2, {}, "add", [1, 2]])).await, 50, "{serializer}");
        // Jim is gone, June is new, nobody calls any more.
        file.write(&staff(&[NEWS], &["joe", "june"]));
        let reloaded = configuration.reload().unwrap();
        assert_eq!((reloaded.needs_restart.len(), reloaded.outdated_sessions), (0, 1), "{serializer}");
        assert_eq!(ask(&mut joe, json!([48, 3, {}, "add", [1, 2]])).await, NOT_AUTHORIZED, "{serializer}");
        assert!(join(&app, serializer, "june").await.is_ok(), "{serializer}");
        assert_eq!(join(&app, serializer, "jim").await.err(), Some(json!("wamp.error.authentication_denied")));
        // Who is gone goes on with his role.
        assert_eq!(ask(&mut jim, json!([48, 1, {}, "add", [1, 2]])).await, NOT_AUTHORIZED, "{serializer}");
        assert_eq!(ask(&mut jim, json!([16, 2, {"acknowledge": true}, "news.today"])).await, 17, "{serializer}");
        assert_eq!(joe.receive().await.unwrap()[0], 36, "{serializer}");
        // A role that is gone may do nothing, and has what it has.
        file.write(&staff(&[NEWS], &["joe"]).replace("staff", "others"));
        assert_eq!(configuration.reload().unwrap().outdated_sessions, 2, "{serializer}");
        assert_eq!(ask(&mut joe, json!([32, 4, {}, "news.tomorrow"])).await, NOT_AUTHORIZED, "{serializer}");
        app.handle().realm("realm1").publish("news.today", 1);
        assert_eq!(joe.receive().await.unwrap()[0], 36, "{serializer}");
        // What is permitted again is permitted.
        file.write(&staff(&[CALL_ADD, NEWS], &["joe", "jim"]));
        assert_eq!(configuration.reload().unwrap(), Reloaded::default(), "{serializer}");
        assert_eq!(ask(&mut joe, json!([48, 5, {}, "add", [1, 2]])).await, 50, "{serializer}");
    }
}

#[tokio::test]
async fn cached_decisions_do_not_outlive_a_reload() {
    let text = staff(&[], &["joe"]).replace("permissions = []", "authorizer = \"authorize\"");
    for serializer in Serializer::ALL {
        let file = File::new(&text);
        let (configuration, app) = file.read();
        let mut joe = join(&app, serializer, "joe").await.unwrap();
        let before = ASKED.load(Ordering::Relaxed);
        for (id, asked) in [(1, 1), (2, 1)] {
            assert_eq!(ask(&mut joe, json!([48, id, {}, "add", [1, 2]])).await, 50, "{serializer}");
            assert_eq!(ASKED.load(Ordering::Relaxed) - before, asked, "{serializer}");
        }
        configuration.reload().unwrap();
        assert_eq!(ask(&mut joe, json!([48, 3, {}, "add", [1, 2]])).await, 50, "{serializer}");
        assert_eq!(ASKED.load(Ordering::Relaxed) - before, 2, "{serializer}");
        file.write(&staff(&[NEWS], &["joe"]));
        configuration.reload().unwrap();
        assert_eq!(ask(&mut joe, json!([48, 4, {}, "add", [1, 2]])).await, NOT_AUTHORIZED, "{serializer}");
    }
}

#[tokio::test]
async fn a_file_with_a_mistake_changes_nothing() {
    let file = File::new(&staff(&[CALL_ADD], &["joe"]));
    let (configuration, app) = file.read();
    let mut joe = join(&app, Serializer::Json, "joe").await.unwrap();
    for (text, line, message) in [
        (
            staff(&[], &["jim"]).replace("role = \"staff\"", "role = \"stuff\""),
            11,
            "`realms.users.role`: there is no role",
        ),
        ("realms = ".to_owned(), 1, ""),
        (String::new(), 1, "there is no realm"),
    ] {
        file.write(&text);
        match configuration.reload().unwrap_err() {
            Error::Startup(problems) => {
                assert_eq!(problems[0].location, Some(format!("{}:{line}", file.0.display())));
                assert!(problems[0].message.contains(message), "{}", problems[0]);
            }
            other => panic!("{other}"),
        }
        assert_eq!(ask(&mut joe, json!([48, 1, {}, "add", [1, 2]])).await, 50);
        assert!(join(&app, Serializer::Json, "joe").await.is_ok());
        joe = join(&app, Serializer::Json, "joe").await.unwrap();
    }
}

#[tokio::test]
async fn what_takes_a_restart_is_said() {
    let before = staff(&[CALL_ADD], &["joe"]);
    let file = File::new(&before);
    let (configuration, app) = file.read();
    let other = staff(&[], &["joe"]).replace("realm1", "realm2");
    for (text, expected) in [
        (format!("[limits]\ndepth = 7\n{before}"), "`limits`"),
        (format!("allowed_origins = [\"*\"]\n{before}"), "`allowed_origins`"),
        (format!("listen = [{{ address = \"127.0.0.1:1\" }}]\n{before}"), "`listen`"),
        (format!("{before}{other}"), "the realm `realm2`, which is new"),
        (other.clone(), "the realm `realm1`, which is not in the file any more"),
        (before.replace("anonymous", "router = false\nanonymous"), "what the realm `realm1` is, beside its access"),
    ] {
        file.write(&text);
        let reloaded = configuration.reload().unwrap();
        assert!(reloaded.needs_restart.iter().any(|what| what == expected), "{expected}: {reloaded:?}");
        assert!(join(&app, Serializer::Json, "joe").await.is_ok(), "{expected}");
    }
}

#[tokio::test]
async fn users_of_the_file_come_before_those_of_the_authenticator() {
    let text =
        staff(&[CALL_ADD], &["joe"]).replace("anonymous = \"guest\"", "anonymous = \"guest\"\nauthenticator = \"who\"");
    let file = File::new(&text);
    let configuration = Configuration::from_file(&file.0).unwrap();
    let app = App::new().routes(routes![who]).configuration(&configuration);
    for serializer in Serializer::ALL {
        for (authid, ticket, expected) in [
            ("joe", "sesame", json!([2, "staff"])),
            ("jim", "sesame", json!([2, "guest"])),
            ("root", "sesame", json!([3, "wamp.error.authentication_failed"])),
        ] {
            let details = json!({"authmethods": ["ticket"], "authid": authid});
            let (end, _) = login(&app, serializer, &details, |_, _| authenticate(ticket)).await;
            let what = if end[0] == 2 { &end[2]["authrole"] } else { &end[2] };
            assert_eq!(json!([end[0], what]), expected, "{serializer}: {authid}");
        }
        // Whom the file knows, the procedure is not asked about.
        let details = json!({"authmethods": ["ticket"], "authid": "joe"});
        let (end, _) = login(&app, serializer, &details, |_, _| authenticate("token")).await;
        assert_eq!(end[2], "wamp.error.authentication_denied", "{serializer}");
        let (end, _) = login(&app, serializer, &details, |_, _| authenticate("sesame")).await;
        assert_eq!(end[0], 2, "{serializer}");
    }
}

#[wamp::rpc("who", manual)]
async fn who(_realm: String, authid: Option<String>, _details: serverwamp::Value) -> String {
    // A role that the file does not have is none that can be given.
    if authid.as_deref() == Some("root") { "root".to_owned() } else { "guest".to_owned() }
}

#[tokio::test]
async fn a_role_and_its_permissions_say_who_is_disclosed() {
    let all = r#"{ uri = "a.", match = "prefix", actions = ["call", "register", "publish", "subscribe"]"#;
    for (role, permission, disclosed) in [
        ("", "", None),
        ("disclose = true\n", "", Some(true)),
        ("", ", disclose = true", Some(true)),
        ("disclose = true\n", ", disclose = false", Some(false)),
        ("disclose = false\n", "", Some(false)),
    ] {
        let text = staff(&[&format!("{all}{permission} }}")], &["joe", "jim"]);
        let file = File::new(&text.replace("name = \"staff\"\n", &format!("name = \"staff\"\n{role}")));
        let (_, app) = file.read();
        for serializer in Serializer::ALL {
            let context = format!("{serializer}: {role}{permission}");
            let mut joe = join(&app, serializer, "joe").await.unwrap();
            let mut jim = join(&app, serializer, "jim").await.unwrap();
            assert_eq!(ask(&mut joe, json!([64, 1, {}, "a.procedure"])).await, 65, "{context}");
            assert_eq!(ask(&mut joe, json!([32, 2, {}, "a.topic"])).await, 33, "{context}");
            jim.send(json!([48, 1, {}, "a.procedure"])).await;
            let invocation = joe.receive().await.unwrap();
            assert_eq!(invocation[3]["caller_authid"] == "jim", disclosed == Some(true), "{context}: {invocation}");
            jim.send(json!([16, 2, {}, "a.topic"])).await;
            let event = joe.receive().await.unwrap();
            assert_eq!(event[3]["publisher_authid"] == "jim", disclosed == Some(true), "{context}: {event}");
            let asking = json!([16, 3, {"acknowledge": true, "disclose_me": true}, "a.topic"]);
            let expected = match disclosed {
                Some(false) => json!("wamp.error.option_disallowed.disclose_me"),
                _ => json!(17),
            };
            assert_eq!(ask(&mut jim, asking).await, expected, "{context}");
            drop((joe, jim));
            tokio::task::yield_now().await;
        }
    }
}
