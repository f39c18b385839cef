use std::path::PathBuf;

use super::*;

const START: &str =
    "[[realms]]\nname = \"realm1\"\nanonymous = \"guest\"\nroles = [{ name = \"guest\", permissions = [] }]\n";

/// What is wrong with a text, a line each.
fn problems(text: &str) -> Vec<String> {
    match Whole::of("router.toml", Format::Toml, text, Path::new("/nowhere")) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn mistakes_have_file_line_and_key() {
    const ROLES: &str = "[[realms]]\nname = \"a\"\nanonymous = \"guest\"\n[[realms.roles]]\nname = \"guest\"\n";
    const KEY: &str = "3ccd241cffc9b3618044b97d036d8614593d8b017c340f1dee8773385517654b";
    let user = |rest: &str| format!("{ROLES}[[realms.users]]\nauthid = \"joe\"\nrole = \"guest\"\n{rest}");
    for (text, expected) in [
        // The document.
        (String::new(), "router.toml:1: there is no realm: expected `[[realms]]`"),
        ("realms =".to_owned(), "router.toml:1: "),
        (format!("{START}name = 1\nname = 2\n"), "router.toml:5: duplicate key"),
        (format!("reals = 7\n{START}"), "router.toml:1: `reals`: there is no such key; expected one of listen, "),
        (format!("listen = 7\n{START}"), "router.toml:1: `listen`: expected a list, got 7"),
        (format!("listen = [\n8080]\n{START}"), "router.toml:2: `listen`: expected a table, got 8080"),
        // Where it listens.
        (format!("[[listen]]\n{START}"), "router.toml:1: `listen.address`: is missing"),
        (
            format!("[[listen]]\naddress = \"8080\"\n{START}"),
            "router.toml:2: `listen.address`: expected `host:port`, `unix:/path` or `systemd:name`, got `8080`",
        ),
        (
            format!("[[listen]]\naddress = \"a:1\"\n[[listen]]\naddress = \"a:1\"\n{START}"),
            "router.toml:3: `listen`: there is another `a:1`",
        ),
        (
            format!("[[listen]]\naddress = \"a:1\"\ntls = {{ certificate = \"c\" }}\n{START}"),
            "router.toml:3: `listen.tls.key`: is missing",
        ),
        (
            format!("[[listen]]\naddress = \"unix:/a\"\ntls = {{ certificate = \"c\" }}\n{START}"),
            "router.toml:3: `listen.tls`: unix sockets go without TLS",
        ),
        (
            format!("trusted_proxies = [\"nobody\"]\n{START}"),
            "router.toml:1: `trusted_proxies`: expected an address, a network such as 10.0.0.0/8, or `unix`, got `nobody`",
        ),
        (
            format!("forwarded_field = \"Via\"\n{START}"),
            "router.toml:1: `forwarded_field`: expected `X-Forwarded-For` or `Forwarded`, got `Via`",
        ),
        // Limits.
        (
            format!("[limits]\ndrain = \"soon\"\n{START}"),
            "router.toml:2: `limits.drain`: invalid value: string \"soon\", expected `drain` to be a number",
        ),
        (
            format!("[limits]\n\ndepht = 7\n{START}"),
            "router.toml:3: `limits.depht`: unknown field `depht`, expected one of `message_size`",
        ),
        (format!("[limits]\ndepth = [7]\n{START}"), "router.toml:2: `limits.depth`: invalid type: sequence"),
        (
            format!("{START}limits = {{ depth = -1 }}"),
            "router.toml:5: `realms.limits.depth`: invalid value: integer `-1`",
        ),
        // Realms.
        (
            "[[realms]]\nanonymous = \"a\"\nroles = [{ name = \"a\" }]".to_owned(),
            "router.toml:1: `realms.name`: is missing",
        ),
        (START.replace("realm1", "a realm"), "router.toml:2: `realms.name`: "),
        (START.replace("realm1", "a#"), "router.toml:2: `realms.name`: "),
        (format!("{START}{START}"), "router.toml:5: `realms`: there is another realm `realm1`"),
        (
            format!("{START}rooter = true"),
            "router.toml:5: `realms.rooter`: there is no such key; expected one of name, router",
        ),
        (format!("{START}router = \"yes\""), "router.toml:5: `realms.router`: expected true or false, got a string"),
        (format!("{START}topics = [7]"), "router.toml:5: `realms.topics`: expected a string, got 7"),
        (
            "[[realms]]\nname = \"a\"\n".to_owned(),
            "router.toml:1: `realms`: nobody can join: expected `users`, `anonymous` or `authenticator`",
        ),
        (
            "[[realms]]\nname = \"a\"\nusers = []\nroles = [{ name = \"anonymous\" }]".to_owned(),
            "router.toml:1: `realms`: nobody can join: expected `users`, `anonymous` or `authenticator`",
        ),
        (
            "[[realms]]\nname = \"a\"\nauthenticator = { procedure = \"a\", methods = [] }".to_owned(),
            "router.toml:3: `realms.authenticator`: expected some `methods` of ticket, wampcra, ",
        ),
        (
            START.replace("\"guest\"\nroles", "\"gest\"\nroles"),
            "router.toml:3: `realms.anonymous`: there is no role `gest` in this realm; expected one of guest",
        ),
        // History.
        (
            format!("{START}router = false\nhistory = [{{ topic = \"a\" }}]"),
            "router.toml:1: `realms`: only routers keep a `history`: expected no `router = false`",
        ),
        (format!("{START}history = [{{ topic = \"a..b\" }}]"), "router.toml:5: `realms.history.topic`: "),
        (
            format!("{START}history = [{{ topic = \"a\", age = 7 }}]"),
            "router.toml:5: `realms.history.age`: expected a number with its unit, such as \"250ms\"",
        ),
        (
            format!("{START}history = [{{ topic = \"a\", bytes = \"1 MB\" }}]"),
            "router.toml:5: `realms.history.bytes`: expected a number of octets, such as 65536",
        ),
        (
            format!("{START}history = [{{ topic = \"a\", match = \"regex\" }}]"),
            "router.toml:5: `realms.history.match`: unknown variant `regex`, expected one of `exact`, `prefix`, `wildcard`",
        ),
        // Roles.
        (format!("{ROLES}[[realms.roles]]\n"), "router.toml:6: `realms.roles.name`: is missing"),
        (
            format!("{ROLES}[[realms.roles]]\nname = \"guest\"\n"),
            "router.toml:7: `realms.roles.name`: there is another role `guest`",
        ),
        (
            format!("{ROLES}[[realms.roles]]\nname = \"a | b\"\n"),
            "router.toml:7: `realms.roles.name`: expected a name without `|`, `*` and white space around it",
        ),
        (
            format!("{ROLES}permissions = [{{ uri = \"a\", actions = [] }}]"),
            "router.toml:6: `realms.roles.permissions.actions`: allows nothing: expected some of call, register, ",
        ),
        (
            format!("{ROLES}permissions = [{{ uri = \"a\", actions = [\"read\"] }}]"),
            "router.toml:6: `realms.roles.permissions.actions`: unknown variant `read`, expected one of `call`",
        ),
        (
            format!("{ROLES}permissions = [\n{{ uri = \"a b\", actions = [\"call\"] }}]"),
            "router.toml:7: `realms.roles.permissions.uri`: ",
        ),
        (
            format!("{ROLES}permissions = [{{ url = \"a\", actions = [\"call\"] }}]"),
            "router.toml:6: `realms.roles.permissions.uri`: is missing",
        ),
        (
            format!("{ROLES}authorizer = \"wamp.a\""),
            "router.toml:6: `realms.roles.authorizer`: procedures of the protocol",
        ),
        (
            format!("{ROLES}authorizer = {{ uri = \"a\" }}"),
            "router.toml:6: `realms.roles.authorizer.procedure`: is missing",
        ),
        (
            format!("{ROLES}authorizer = {{ procedure = \"a\", realm = \"b\" }}"),
            "router.toml:6: `realms.roles.authorizer.realm`: there is no realm `b`; expected one of a",
        ),
        // Users.
        (
            user(""),
            "router.toml:6: `realms.users`: `joe` cannot log in: expected `ticket`, `wampcra`, `scram`, `cryptosign` or ",
        ),
        (
            user("ticket = \"a\"").replace("role = \"guest\"", "role = \"admin\""),
            "router.toml:8: `realms.users.role`: there is no role `admin` in this realm; expected one of guest",
        ),
        (
            user("ticket = \"a\"\n[[realms.users]]\nauthid = \"joe\"\nrole = \"guest\"\nticket = \"b\""),
            "router.toml:10: `realms.users`: there is another user `joe`",
        ),
        (
            user("ticket = 7"),
            "router.toml:9: `realms.users.ticket`: expected a string, { file = \"…\" } or { env = \"…\" }, got a number",
        ),
        (user("ticket = \"\""), "router.toml:9: `realms.users.ticket`: is empty"),
        (
            user("ticket = { file = \"none\" }"),
            "router.toml:9: `realms.users.ticket.file`: cannot read /nowhere/none: No such file",
        ),
        (
            user("ticket = { env = \"SERVERWAMP_NO_SUCH\" }"),
            "router.toml:9: `realms.users.ticket.env`: there is no environment variable `SERVERWAMP_NO_SUCH` with",
        ),
        (
            user("ticket = { file = \"a\", env = \"b\" }"),
            "router.toml:9: `realms.users.ticket`: expected one of `file` and `env`",
        ),
        (user("wampcra = { secret = \"a\", slat = \"b\" }"), "router.toml:9: `realms.users.wampcra.salt`: is missing"),
        (
            user("wampcra = { secret = \"a\", salt = \"b\", keylen = 7 }"),
            "router.toml:9: `realms.users.wampcra`: `keylen`: 7 is not within 16 to 64",
        ),
        (
            user("scram = \"pencil\""),
            "router.toml:9: `realms.users.scram`: `credential`: expected a text as it was stored",
        ),
        (
            user("cryptosign = [\"12\"]"),
            "router.toml:9: `realms.users.cryptosign`: `pubkey`: expected an Ed25519 key of 64",
        ),
        (
            user(&format!(
                "cryptosign = \"{KEY}\"\n[[realms.users]]\nauthid = \"jim\"\nrole = \"guest\"\ncryptosign = [\"{KEY}\"]"
            )),
            "router.toml:10: `realms.users`: `jim` has a key of `joe`",
        ),
        (
            user("certificate = \"12\""),
            "router.toml:9: `realms.users.certificate`: expected the SHA-256 of a certificate: 64 hexadecimal digits",
        ),
        (
            "listen = [{ address = \"127.0.0.1:8080\" }]\n[[realms]]\nname = \"a\"\nanonymous = \"b\"".to_owned(),
            "router.toml:4: `realms.anonymous`: there is no role `b` in this realm; it has none",
        ),
        // The authenticator.
        (
            format!("{START}authenticator = {{ procedure = \"a\", methods = [\"tls\"] }}"),
            "router.toml:5: `realms.authenticator.methods`: expected one of ticket, wampcra, scram, cryptosign, anonymous, got",
        ),
        (
            format!("{START}authenticator = {{ procedure = \"a\", roles = [\"b\"] }}"),
            "router.toml:5: `realms.authenticator.roles`: there is no role `b` in this realm",
        ),
    ] {
        let found = problems(&text);
        assert!(found.iter().any(|problem| problem.starts_with(expected)), "{text}\n{found:#?}\n{expected}");
    }
}

#[cfg(feature = "yaml")]
#[test]
fn yaml_says_the_same() {
    const ROUTER: &str = "
listen: [{ address: \"127.0.0.1:8080\" }]
limits: { depth: 7, drain: 1.5s }
realms:
  - name: realm1
    anonymous: guest
    history:
      - { topic: news., match: prefix, events: 10, bytes: 64 KiB, age: 1h }
    roles:
      - name: guest
        permissions:
          - { uri: news., match: prefix, actions: [subscribe] }
";
    let read = |format, text: &str| Whole::of("router.yaml", format, text, Path::new("/nowhere"));
    let toml = "limits = { depth = 7, drain = \"1.5s\" }\nlisten = [{ address = \"127.0.0.1:8080\" }]\n".to_owned()
        + START
        + "history = [{ topic = \"news.\", match = \"prefix\", events = 10, bytes = \"64 KiB\", age = \"1h\" }]\n";
    let (from_yaml, from_toml) = (read(Format::Yaml, ROUTER).unwrap(), read(Format::Toml, &toml).unwrap());
    assert_eq!(from_yaml.server.differences(&from_toml.server), [] as [&str; 0]);
    assert_eq!(from_yaml.server.limits.depth, 7);
    assert_eq!(from_yaml.realms[0].fixed, from_toml.realms[0].fixed);
    for (from, to, expected) in [
        ("7,", "seven,", "router.yaml:3: `limits.depth`: invalid value: string \"seven\""),
        ("anonymous: guest", "anonymous: gest", "router.yaml:6: `realms.anonymous`: there is no role `gest`"),
        ("match: prefix, events", "mach: prefix, events", "router.yaml:8: `realms.history.mach`: there is no such key"),
        ("realms:", "realms: []\nothers:", "router.yaml:1: there is no realm"),
        ("guest\n    history:", "guest\n    history: }", "router.yaml:"),
    ] {
        let problems = read(Format::Yaml, &ROUTER.replace(from, to)).err().unwrap();
        assert!(problems.iter().any(|problem| problem.to_string().starts_with(expected)), "{to}: {problems:#?}");
    }
}

#[test]
fn all_mistakes_are_found_at_once() {
    let text =
        "lisen = 1\n[limits]\ndepth = true\n[[realms]]\nname = \"a b\"\nanonymous = \"x\"\ntopics = 3\nroles = 7\n";
    let lines: Vec<String> =
        problems(text).iter().map(|problem| problem.split(": ").next().unwrap().to_owned()).collect();
    let expected = [1, 3, 5, 6, 7, 8].map(|line| format!("router.toml:{line}"));
    assert_eq!(lines, expected, "{:#?}", problems(text));
}

#[test]
fn secrets_are_not_in_messages() {
    let text = format!(
        "{START}[[realms.users]]\nauthid = \"joe\"\nrole = \"nobody\"\nticket = \"sesame\"\nscram = \"sesame\"\n\
         wampcra = {{ secret = \"sesame\", salt = \"\" }}\n"
    );
    let found = problems(&text);
    assert!(found.len() >= 3 && found.iter().all(|problem| !problem.contains("sesame")), "{found:?}");
}

#[test]
fn the_example_is_in_order_and_has_every_key() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/router");
    let text = fs::read_to_string(directory.join("router.toml")).unwrap();
    assert_eq!(problems(&text), [] as [&str; 0]);
    // What a key might be taken for is in the list of those that are expected.
    for table in ["odd = 1\n", "[[listen]]\nodd = 1\n", "[[realms]]\nodd = 1\n"] {
        let found = problems(table);
        let expected = found.iter().find_map(|problem| problem.split_once("expected one of ")).unwrap().1;
        for key in expected.split(", ") {
            assert!(text.contains(&format!("{key} = ")) || text.contains(&format!("{key}]")), "{key}");
        }
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = Configuration::from_file(PathBuf::from("/nowhere/router.toml")).unwrap_err().to_string();
    assert!(error.contains("cannot read /nowhere/router.toml: No such file"), "{error}");
}
