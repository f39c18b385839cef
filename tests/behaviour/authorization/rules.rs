//! Static rules, by code and by TOML.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use serverwamp::{Action, ActionKind, App, Decision, Error, MatchPolicy, Realm, Rules, Session, Uri, wamp};
use serverwamp_tests::{Peer, Serializer, hello};

use super::{KINDS, NOT_AUTHORIZED, allowed, ask, outcome, request};

use ActionKind::{Call, Publish, Register, Subscribe};
use MatchPolicy::{Exact, Prefix, Wildcard};

#[wamp::rpc("", match = "prefix")]
async fn anything() {}

fn app() -> App {
    App::discover_in(module_path!()).open_topics("").topics("wamp.session.")
}

const TOML: &str = r#"
# Who may do what.
[[rules]]
role = "anonymous"
uri = "exact.a"
actions = ["call", "subscribe", "publish", "register"]

[[rules]]
role = "admin | anonymous"
uri = "prefix.b."
match = "prefix"
actions = ["call", "subscribe", "register"]

[[rules]]
role = "*"
uri = "wild..c"
match = "wildcard"
actions = ["call", "subscribe", "publish"]
disclose = true

[[rules]]
role = "admin"
uri = "admin."
match = "prefix"
actions = ["call", "subscribe", "publish"]

[[rules]]
role = "anonymous"
uri = "wide"
match = "prefix"
actions = ["publish"]
"#;

fn by_code() -> Rules {
    Rules::new()
        .allow("anonymous", "exact.a", Exact, ActionKind::ALL)
        .allow("admin|anonymous", "prefix.b.", Prefix, [Call, Subscribe, Register])
        .allow(" * ", "wild..c", Wildcard, [Call, Subscribe, Publish])
        .disclose(true)
        .allow("admin", "admin.", Prefix, [Call, Subscribe, Publish])
        .allow("anonymous", "wide", Prefix, [Publish])
}

/// A list in JSON, as some file of settings may have it.
fn by_serde() -> Rules {
    serde_json::from_value(json!([
        {"role": "anonymous", "uri": "exact.a", "actions": ["call", "subscribe", "publish", "register"]},
        {"role": "admin | anonymous", "uri": "prefix.b.", "match": "prefix", "actions": ["call", "subscribe", "register"]},
        {"role": "*", "uri": "wild..c", "match": "wildcard", "actions": ["call", "subscribe", "publish"], "disclose": true},
        {"role": "admin", "uri": "admin.", "match": "prefix", "actions": ["call", "subscribe", "publish"]},
        {"role": "anonymous", "uri": "wide", "match": "prefix", "actions": ["publish"]},
    ]))
    .unwrap()
}

#[tokio::test]
async fn what_no_rule_allows_is_denied() {
    for rules in [by_code(), Rules::from_toml(TOML).unwrap(), by_serde()] {
        let app = app().rules(rules);
        for serializer in Serializer::ALL {
            let mut peer = Peer::join(&app, serializer).await;
            for (id, (uri, policy, granted)) in (1_u64..).zip([
                ("exact.a", "exact", &["call", "subscribe", "publish", "register"][..]),
                ("exact.a", "wildcard", &["subscribe", "register"]),
                ("exact.a", "prefix", &[]),
                ("exact.a.b", "exact", &[]),
                ("exact", "exact", &[]),
                ("prefix.b.c", "exact", &["call", "subscribe", "register"]),
                ("prefix.b.", "prefix", &["subscribe", "register"]),
                ("prefix.b.c", "prefix", &["subscribe", "register"]),
                ("prefix.b..d", "wildcard", &["subscribe", "register"]),
                ("prefix.b", "prefix", &[]),
                ("prefix.", "prefix", &[]),
                ("", "prefix", &[]),
                ("prefix..c", "wildcard", &[]),
                ("prefix.b", "exact", &[]),
                ("wild.x.c", "exact", &["call", "subscribe", "publish"]),
                ("wild..c", "wildcard", &["subscribe"]),
                ("wild.x.c", "wildcard", &["subscribe"]),
                ("wild..", "wildcard", &[]),
                ("wild.", "prefix", &[]),
                ("wild.x.c", "prefix", &[]),
                ("wild.x.y.c", "exact", &[]),
                ("admin.x", "exact", &[]),
                ("wide", "exact", &["publish"]),
                ("wider", "exact", &["publish"]),
            ]) {
                for (index, kind) in (0..).zip(KINDS) {
                    if policy != "exact" && ["call", "publish"].contains(&kind) {
                        continue;
                    }
                    let answer = ask(&mut peer, request(kind, 10 * id + index, uri, policy)).await;
                    let expected = if granted.contains(&kind) { allowed(kind) } else { NOT_AUTHORIZED };
                    let what = format!("{serializer} {kind} {uri} {policy}: {answer}");
                    assert_eq!(outcome(&answer), expected, "{what}");
                    // Realms take no registrations, which is another refusal.
                    if kind == "register" {
                        let denied = answer.to_string().contains("you may not register");
                        assert_eq!(denied, !granted.contains(&kind), "{what}");
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn a_realm_with_no_rule_at_all_denies_everything() {
    let app = app().rules(Rules::new()).realm(Realm::new("toml").open_topics("").rules(Rules::from_toml("").unwrap()));
    for serializer in Serializer::ALL {
        for realm in ["any", "toml"] {
            let mut peer = Peer::connect(&app, serializer);
            ask(&mut peer, hello(realm)).await;
            for (id, kind) in (1..).zip(KINDS) {
                let answer = ask(&mut peer, request(kind, id, "a", "exact")).await;
                assert_eq!(outcome(&answer), NOT_AUTHORIZED, "{serializer} {realm} {kind}");
                assert!(answer.to_string().contains("you may not"), "{answer}");
            }
        }
    }
}

#[tokio::test]
async fn uris_of_the_protocol_are_allowed_by_rules_that_name_them() {
    let everything = || Rules::new().allow("*", "", Prefix, ActionKind::ALL);
    let named = || everything().allow("*", "wamp.session.", Prefix, [Call, Subscribe]);
    for (rules, expected) in [(everything(), [NOT_AUTHORIZED; 2]), (named(), ["result", "subscribed"])] {
        let app = app().call_handler(async |_| Ok::<_, serverwamp::RpcError>(())).rules(rules);
        for serializer in Serializer::ALL {
            let mut peer = Peer::join(&app, serializer).await;
            for (id, (kind, expected)) in (1..).zip(["call", "subscribe"].into_iter().zip(expected)) {
                let answer = ask(&mut peer, request(kind, id, "wamp.session.count", "exact")).await;
                assert_eq!(outcome(&answer), expected, "{serializer} {kind}");
            }
            let publication = ask(&mut peer, request("publish", 3, "wamp.session.count", "exact")).await;
            assert_eq!(outcome(&publication), "wamp.error.invalid_uri", "{serializer}");
        }
    }
}

#[tokio::test]
async fn a_rule_says_whether_a_publisher_is_disclosed() {
    let rules = || {
        let rules = Rules::new().allow("*", "first.", Prefix, [Subscribe, Publish]).disclose(false);
        let rules = rules.allow("*", "second.", Prefix, [Subscribe, Publish]).disclose(true);
        let rules = rules.allow("*", "", Prefix, [Subscribe]).disclose(false);
        rules.allow("*", "", Prefix, [Subscribe, Publish]).allow("*", "", Prefix, [Publish]).disclose(false)
    };
    let authorizer = async |_: Session, uri: Uri, _: Action| match uri.ends_with("authorizer") {
        true => Decision::allow().disclose(true).cached(),
        false => Decision::allow(),
    };
    let disallowed = "wamp.error.option_disallowed.disclose_me";
    for app in [app().rules(rules()), app().rules(rules()).authorizer(authorizer)] {
        let asked = app.handle().statistics();
        assert_eq!(asked.denied_requests, 0);
        for serializer in Serializer::ALL {
            let mut subscriber = Peer::join(&app, serializer).await;
            let mut publisher = Peer::join(&app, serializer).await;
            for (id, (topic, disclose_me, expected)) in (1_u64..).zip([
                ("first.a", false, Ok(false)),
                ("first.a", true, Err(disallowed)),
                ("second.a", false, Ok(true)),
                ("second.a", true, Ok(true)),
                ("third", false, Ok(false)),
                ("third", true, Err(disallowed)),
            ]) {
                assert_eq!(ask(&mut subscriber, request("subscribe", id, topic, "exact")).await[0], 33);
                let options = json!({"acknowledge": true, "disclose_me": disclose_me});
                let answer = ask(&mut publisher, json!([16, id, options, topic])).await;
                let what = format!("{serializer} {topic} {disclose_me}: {answer}");
                match expected {
                    Ok(disclosed) => {
                        let event = subscriber.receive().await.unwrap();
                        assert_eq!(event[3].get("publisher").is_some(), disclosed, "{what}");
                    }
                    Err(error) => assert_eq!(outcome(&answer), error, "{what}"),
                }
            }
        }
    }
    // The authorizer has the last word, with a decision that is kept as with one that is new.
    let app = app().rules(rules()).authorizer(authorizer);
    let mut publisher = Peer::join(&app, Serializer::ALL[0]).await;
    for id in 1..=2 {
        let message = json!([16, id, {"acknowledge": true, "disclose_me": true}, "first.authorizer"]);
        assert_eq!(outcome(&ask(&mut publisher, message).await), "published");
    }
}

#[tokio::test]
async fn rules_and_an_authorizer_both_have_to_allow() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let app = app().rules(Rules::new().allow("anonymous", "a.", Prefix, ActionKind::ALL)).authorizer(
        move |_: Session, uri: Uri, _: Action| {
            count.fetch_add(1, Ordering::SeqCst);
            async move { if uri.ends_with("no") { Decision::deny() } else { Decision::allow() } }
        },
    );
    for serializer in Serializer::ALL {
        let mut peer = Peer::join(&app, serializer).await;
        for kind in ["call", "subscribe", "publish"] {
            for (uri, allowed_here, asks) in [("a.yes", true, 1), ("a.no", false, 1), ("b.yes", false, 0)] {
                let answer = ask(&mut peer, request(kind, 1, uri, "exact")).await;
                let expected = if allowed_here { allowed(kind) } else { NOT_AUTHORIZED };
                assert_eq!(outcome(&answer), expected, "{serializer} {kind} {uri}");
                assert_eq!(asked.swap(0, Ordering::SeqCst), asks, "{serializer} {kind} {uri}");
            }
        }
    }
}

#[tokio::test]
async fn rules_of_several_calls_add_up() {
    let app = app()
        .rules(Rules::new().allow("*", "a", Exact, [Call]))
        .rules(Rules::from_toml("[[rules]]\nrole = '*'\nuri = 'b'\nactions = ['call']").unwrap());
    let mut peer = Peer::join(&app, Serializer::ALL[0]).await;
    for (id, (uri, expected)) in (1..).zip([("a", "result"), ("b", "result"), ("c", NOT_AUTHORIZED)]) {
        assert_eq!(outcome(&ask(&mut peer, request("call", id, uri, "exact")).await), expected, "{uri}");
    }
}

#[test]
fn mistakes_in_toml_have_their_lines() {
    let rule = |lines: &str| format!("\n[[rules]]\n{lines}\n");
    let fine = "role = 'a'\nuri = 'a'\nactions = ['call']";
    for (text, expected) in [
        ("rules = 5".to_owned(), &["rules, line 1: invalid type: integer `5`, expected a sequence"][..]),
        ("[[rule]]".to_owned(), &["rules, line 1: unknown field `rule`, expected `rules`"]),
        (rule("role = 'a'\nuri = 'a'"), &["rules, line 2: missing field `actions`"]),
        (rule("role = 'a'\nuri = 'a'\nactions = []"), &["rules, line 2: a rule for `a` allows no actions"]),
        (
            rule(&format!("{fine}\nmach = 'prefix'")),
            &["rules, line 6: unknown field `mach`, expected one of `role`, `uri`, `match`, `actions`, `disclose`"],
        ),
        (
            rule(&format!("{fine}\nmatch = 'regex'")),
            &["rules, line 6: unknown variant `regex`, expected one of `exact`, `prefix`, `wildcard`"],
        ),
        (
            rule("role = 'a'\nuri = 'a'\nactions = ['call', 'cal']"),
            &["rules, line 5: unknown variant `cal`, expected one of `call`, `subscribe`, `publish`, `register`"],
        ),
        (
            rule(&format!("{fine}\ndisclose = 'yes'")),
            &["rules, line 6: invalid type: string \"yes\", expected a boolean"],
        ),
        (
            rule(fine)
                + &rule("role = ''\nuri = 'a'\nactions = ['call']")
                + &rule("role = 'a | *'\nuri = 'a'\nactions = ['call']"),
            &[
                "rules, line 7: a rule's role: expected a role, several as in `a | b`, or `*`, found ``",
                "rules, line 12: a rule's role: expected a role, several as in `a | b`, or `*`, found `*`",
            ],
        ),
        (
            rule("role = 'a'\nuri = 'a..b'\nactions = ['call']"),
            &["rules, line 2: a rule's URI: a URI has no empty component here, found `a..b` (exact)"],
        ),
        (rule("role = 'a"), &["rules, line 3: invalid literal string, expected `'`"]),
    ] {
        let Err(Error::Startup(problems)) = Rules::from_toml(&text) else { panic!("{text}") };
        assert_eq!(problems.iter().map(ToString::to_string).collect::<Vec<_>>(), expected, "{text}");
    }
}

#[tokio::test]
async fn mistakes_in_code_are_found_at_start() {
    let app = app().bind("127.0.0.1:0");
    let app = app.rules(Rules::new().allow("", "a", Exact, [Call]).allow("a", "a.", Exact, [Call]).disclose(true));
    let app = app.realm(Realm::new("b").rules(Rules::new().allow("a", "a", Exact, [])));
    let Err(Error::Startup(problems)) = app.serve().await else { panic!("the app starts") };
    let mut messages: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
    messages.sort_unstable();
    assert_eq!(
        messages,
        [
            "a rule for `a` allows no actions",
            "a rule's URI: a URI has no empty component here, found `a.` (exact)",
            "a rule's role: expected a role, several as in `a | b`, or `*`, found ``",
        ]
    );
    let here = concat!(file!(), ":");
    assert!(problems.iter().all(|problem| problem.location.as_ref().unwrap().starts_with(here)), "{problems:?}");
}

#[test]
fn rules_read_by_serde_are_checked() {
    let error = serde_json::from_value::<Rules>(json!([{"role": "a", "uri": "a b", "actions": ["call"]}])).unwrap_err();
    assert_eq!(error.to_string(), "a rule's URI: a URI has neither whitespace nor '#', found `a b` (exact)");
}
