//! What configurations come to, and what is wrong with them.

use std::time::Duration;

use super::super::settings::{Serializer, Settings};
use super::*;

fn settings(config: &ClientsConfig, name: &str) -> Settings {
    config.clients[name].clone()
}

/// What is wrong with a configuration.
fn problems(outcome: Result<ClientsConfig>) -> Vec<String> {
    match outcome {
        Err(Error::Startup(problems)) => problems.iter().map(ToString::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

const EVERYTHING: &str = r#"
host = "::1"
port = 9000
timeout = "5s"
serializer = "msgpack.batched"
auth = { method = "scram", authid = "joe", secret = "pencil" }
reconnect = { first = "1s", max_retries = 3 }

[clients.orders]

[clients.audit]
realm = "internal"
urls = ["wss://one/ws", "unix:/run/other"]
serializers = ["cbor", "json"]
auth = [
    { method = "ticket", authid = "joe", secret = { env = "CARGO_PKG_NAME" } },
    { method = "cryptosign", authid = "joe", secret = "0000000000000000000000000000000000000000000000000000000000000001", channel_binding = true },
]
headers = { Cookie = "a=b" }
limits = { depth = 7, ping_interval = "1m" }
reconnect = false
stop_timeout = "1.5s"

[clients.third]
path = "/other"
tls = true
"#;

const EVERYTHING_IN_YAML: &str = r#"
host: "::1"
port: 9000
timeout: 5s
serializer: msgpack.batched
auth: { method: scram, authid: joe, secret: pencil }
reconnect:
  first: 1s
  max_retries: 3
clients:
  orders:
  audit:
    realm: internal
    urls: ["wss://one/ws", "unix:/run/other"]
    serializers: [cbor, json]
    auth:
      - { method: ticket, authid: joe, secret: { env: CARGO_PKG_NAME } }
      - method: cryptosign
        authid: joe
        secret: "0000000000000000000000000000000000000000000000000000000000000001"
        channel_binding: true
    headers: { Cookie: "a=b" }
    limits: { depth: 7, ping_interval: 1m }
    reconnect: false
    stop_timeout: 1.5s
  third:
    path: /other
    tls: true
"#;

#[test]
fn every_option_and_the_defaults_for_all() {
    for config in [
        ClientsConfig::from_toml(EVERYTHING),
        #[cfg(feature = "yaml")]
        ClientsConfig::from_yaml(EVERYTHING_IN_YAML),
    ] {
        let config = config.unwrap();
        assert_eq!(config.names().collect::<Vec<_>>(), ["audit", "orders", "third"]);
        let orders = settings(&config, "orders");
        assert_eq!((orders.urls, orders.realm.as_str()), (vec!["ws://[::1]:9000/ws".to_owned()], "orders"));
        assert_eq!((orders.timeout, orders.stop_timeout), (Duration::from_secs(5), Duration::from_secs(15)));
        assert_eq!(orders.serializers, [Serializer::MessagePackBatched]);
        assert_eq!(orders.reconnect.max_retries, Some(3));
        assert_eq!(
            (orders.reconnect.first, orders.reconnect.longest),
            (Duration::from_secs(1), Duration::from_secs(30))
        );
        assert_eq!(format!("{:?}", orders.credentials), "Credentials { authid: Some(\"joe\"), methods: [scram], .. }");
        assert_eq!(orders.limits.message_size, 16 << 20);

        let audit = settings(&config, "audit");
        assert_eq!(
            (audit.urls, audit.realm.as_str()),
            (vec!["wss://one/ws".to_owned(), "unix:/run/other".to_owned()], "internal")
        );
        assert_eq!((audit.timeout, audit.stop_timeout), (Duration::from_secs(5), Duration::from_millis(1500)));
        assert_eq!(audit.serializers, [Serializer::Cbor, Serializer::Json]);
        assert_eq!(audit.reconnect.max_retries, Some(0));
        assert_eq!(audit.headers, [("Cookie".to_owned(), "a=b".to_owned())]);
        let limits = audit.limits;
        assert_eq!((limits.depth, limits.ping_interval, limits.message_size), (7, Duration::from_secs(60), 16 << 20));
        assert!(audit.credentials.channel_binding);
        assert!(format!("{:?}", audit.credentials).contains("[ticket, cryptosign]"));

        assert_eq!(settings(&config, "third").urls, ["wss://[::1]:9000/other"]);
    }
}

#[test]
fn without_anything() {
    let config = ClientsConfig::from_toml("").unwrap();
    let default = settings(&config, "default");
    assert_eq!((default.urls, default.realm.as_str()), (vec!["ws://localhost:8080/ws".to_owned()], "default"));
    match config.connect("other") {
        Err(Error::Connect(ConnectError::Unusable(problem))) => {
            assert_eq!(problem, "there is no client `other` in the configuration, but `default`");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn all_mistakes_with_their_lines() {
    for (text, expected) in [
        (
            "hots = 1\n\n[clients.a]\nnever = 1",
            vec![
                "clients, line 1: `hots`: there is no such key; expected one of realm, url, urls, host, path, port,",
                "clients, line 4: `clients.a.never`: there is no such key; expected one of",
            ],
        ),
        (
            "port = \"x\"\nrealm = 7\n",
            vec![
                "clients, line 1: `port`: expected a whole number from 1 to 65535, got a string",
                "clients, line 2: `realm`: expected a string, got 7",
            ],
        ),
        ("port = 65536", vec!["clients, line 1: `port`: expected a whole number from 1 to 65535, got 65536"]),
        ("timeout = 5", vec!["clients, line 1: `timeout`: expected a number with its unit, such as"]),
        ("url = \"http://x\"", vec!["clients, line 1: `url`: `http://x` is no address of a router: expected ws://"]),
        ("url = \"ws://x\"\nport = 1", vec!["clients, line 2: `port`: the URL says that already"]),
        ("host = \"a b\"", vec!["clients, line 1: `host`: expected a name or an IP address, got `a b`"]),
        ("[clients.a]\npath = \"/a b\"", vec!["clients, line 1: `clients.a`: `ws://localhost:8080/a b` is no address"]),
        ("path = \"ws\"", vec!["clients, line 1: `path`: expected a path that begins with `/`, got `ws`"]),
        (
            "serializer = \"xml\"",
            vec!["clients, line 1: `serializer`: expected one of json, msgpack, cbor, json.batched"],
        ),
        ("clients = 3", vec!["clients, line 1: `clients`: expected a table, got 3"]),
        ("[clients]", vec!["clients, line 1: `clients`: expected at least one client, got none"]),
        ("[clients.\"a b\"]", vec!["clients, line 1: `clients.a b`: realm `a b`: "]),
        (
            "limits = { depth = \"x\", nodse = 1 }",
            vec![
                "clients, line 1: `limits.depth`: invalid value: string \"x\", expected `depth` to be a number",
                "clients, line 1: `limits.nodse`: unknown field `nodse`",
            ],
        ),
        (
            "reconnect = { first = 1, often = 2 }",
            vec![
                "clients, line 1: `reconnect.first`: expected a number with",
                "clients, line 1: `reconnect.often`: there is no such key; expected one of first, longest, reset_after, max_retries",
            ],
        ),
        ("headers = { \"a b\" = \"c\" }", vec!["clients, line 1: `headers.a b`: HTTP does not allow it"]),
        ("auth = { authid = \"joe\" }", vec!["clients, line 1: `auth.method`: is missing"]),
        (
            "auth = { method = \"ticket\" }",
            vec![
                "clients, line 1: `auth`: the method \"ticket\" needs `authid`",
                "clients, line 1: `auth`: the method \"ticket\" needs `secret`",
            ],
        ),
        ("[auth]\nmethod = \"password\"", vec!["clients, line 2: `auth.method`: expected \"anonymous\","]),
        (
            "[auth]\nmethod = \"anonymous\"\nsecret = \"x\"",
            vec!["clients, line 3: `auth.secret`: the method \"anonymous\" has none"],
        ),
        (
            "auth = { method = \"ticket\", authid = \"joe\", secret = 1234 }",
            vec!["clients, line 1: `auth.secret`: expected a string, { file = \"…\" } or { env = \"…\" }"],
        ),
        ("[auth]\nmethod = \"cryptosign\"\nsecret = \"x\"", vec!["clients, line 3: `auth.secret`: "]),
        (
            "[auth]\nmethod = \"ticket\"\nauthid = \"joe\"\nsecret = { env = \"NO_SUCH_VARIABLE\" }",
            vec!["clients, line 4: `auth.secret.env`: there is no environment variable `NO_SUCH_VARIABLE` with a text"],
        ),
        (
            "[auth]\nmethod = \"ticket\"\nauthid = \"joe\"\nsecret = { file = \"/no/such/file\" }",
            vec!["clients, line 4: `auth.secret.file`: cannot read /no/such/file: "],
        ),
        (
            "[auth]\nmethod = \"ticket\"\nauthid = \"joe\"\nsecret = 1234",
            vec!["clients, line 4: `auth.secret`: expected a string, { file = \"…\" } or { env = \"…\" }"],
        ),
        ("a =\nb = ]", vec!["clients, line 1: ", "clients, line 2: "]),
        ("a = 1\na = 2", vec!["clients, line 2: duplicate key"]),
    ] {
        let found = problems(ClientsConfig::from_toml(text));
        assert_eq!(found.len(), expected.len(), "{text}: {found:#?}");
        for expected in expected {
            assert!(found.iter().any(|problem| problem.starts_with(expected)), "{text}: {expected}: {found:#?}");
        }
    }
}

#[cfg(feature = "yaml")]
#[test]
fn mistakes_in_yaml_too() {
    for (text, expected) in [
        ("hots: 1", "clients, line 1: `hots`: there is no such key"),
        (
            "clients:\n  a:\n    port: x",
            "clients, line 3: `clients.a.port`: expected a whole number from 1 to 65535, got a string",
        ),
        (
            "clients:\n  a:\n    timeout: ",
            "clients, line 3: `clients.a.timeout`: expected a number with its unit, such as",
        ),
        ("clients:\n  a: 7", "clients, line 2: `clients.a`: expected a table, got 7"),
        ("clients:\n  1: {}", "clients, line 2: expected keys that are strings"),
        ("host: a\nhost: b", "clients, line 2: "),
        ("host: [", "clients, line "),
        ("- a", "clients, line 1: expected a table, got a list"),
        ("host: a\n---\nhost: b", "clients, line 3: expected one document, got another one"),
        ("host: !secret a", "clients, line 1: `host`: expected a string, got a value with a tag"),
    ] {
        let found = problems(ClientsConfig::from_yaml(text));
        assert!(found.len() == 1 && found[0].starts_with(expected), "{text}: {found:#?}");
    }
    assert!(ClientsConfig::from_yaml("").is_ok());
}

#[test]
fn files_are_named_and_hold_secrets_beside_them() {
    let directory = std::env::temp_dir().join(format!("serverwamp-clients-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("ticket"), "secret\r\n").unwrap();
    let auth = "auth = { method = \"ticket\", authid = \"joe\", secret = { file = \"ticket\" } }";
    let path = directory.join("clients.toml");
    fs::write(&path, auth).unwrap();
    assert!(ClientsConfig::from_file(&path).is_ok());
    fs::write(&path, "\nport = 0").unwrap();
    let expected = format!("{}:2: `port`: expected a whole number from 1 to 65535, got 0", path.display());
    assert_eq!(problems(ClientsConfig::from_file(&path)), [expected]);
    let missing = directory.join("missing.toml");
    assert!(problems(ClientsConfig::from_file(&missing))[0].starts_with(&format!("{}: ", missing.display())));
    #[cfg(feature = "yaml")]
    {
        let path = directory.join("clients.yml");
        fs::write(&path, "host: 7").unwrap();
        assert!(problems(ClientsConfig::from_file(&path))[0].ends_with(":1: `host`: expected a string, got 7"));
    }
    fs::remove_dir_all(&directory).unwrap();
}
