//! Tests of the attributes of topics and sessions.

use super::{check, expands};

const ALL: [&str; 5] = ["subscribe", "unsubscribe", "event", "on_join", "on_leave"];

/// An attribute with a topic where there has to be one.
fn attribute(name: &str) -> String {
    match name {
        "event" => "#[wamp::event(\"a\")]".to_owned(),
        other => format!("#[wamp::{other}]"),
    }
}

#[test]
fn arguments_that_are_accepted() {
    for name in ["subscribe", "unsubscribe"] {
        for arguments in [
            "",
            "\"a.b\"",
            "\"\", match = \"prefix\"",
            "\"a..b\", match = \"wildcard\"",
            "\"(\", match = \"regex\"",
            "realm = \"customers\", manual, crate = \"a\"",
        ] {
            check(&format!("#[wamp::{name}({arguments})] async fn f(topic: Topic) {{}}"), &[]);
        }
    }
    check("#[wamp::subscribe(role = \"a\")] async fn f() {}", &[]);
    check(
        "#[wamp::event(\"a.\", match = \"prefix\", realm = \"b\", role = \"c\", rename_all = \"camelCase\", lenient, detached, \
         timeout = \"5s\", concurrency = 2, manual, crate = \"a\")] async fn f(#[wamp(default)] a: i64) {}",
        &[],
    );
    for name in ["on_join", "on_leave"] {
        check(
            &format!("#[wamp::{name}(before_authentication, realm = \"a\", manual, crate = \"a\")] async fn f() {{}}"),
            &[],
        );
    }
}

#[test]
fn options_that_others_have() {
    for (name, options) in [
        ("rpc", &["before_authentication"][..]),
        ("event", &["blocking", "before_authentication"]),
        ("subscribe", &["rename_all", "lenient", "blocking", "detached", "concurrency"]),
        ("unsubscribe", &["role", "rename_all", "lenient", "blocking", "detached", "concurrency"]),
        ("on_join", &["match", "role", "rename_all", "lenient", "blocking", "detached", "concurrency"]),
        ("on_leave", &["match", "role", "rename_all", "lenient", "blocking", "detached", "concurrency"]),
    ] {
        let uri = if name == "event" { "\"a\", " } else { "" };
        for option in options {
            let message = format!("unknown option `{option}`");
            check(&format!("#[wamp::{name}({uri}{option})] async fn f() {{}}"), &[(option, &message)]);
        }
    }
}

#[test]
fn uris() {
    check(
        "#[wamp::event] async fn f() {}",
        &[("f", "expected a topic, `#[wamp::event(\"news.sports\")]`, found none")],
    );
    check("#[wamp::event(\"a b\")] async fn f() {}", &[("\"a b\"", "a URI has no whitespace, found \"a b\"")]);
    for name in ["subscribe", "unsubscribe"] {
        let message = format!("`match` is given without a topic: #[wamp::{name}] without one is for any topic");
        check(&format!("#[wamp::{name}(match = \"prefix\")] async fn f() {{}}"), &[("f", &message)]);
        check(
            &format!("#[wamp::{name}(\"a.\")] async fn f() {{}}"),
            &[("\"a.\"", "a URI has no empty component, except with `match = \"wildcard\"`, found \"a.\"")],
        );
        check(
            &format!("#[wamp::{name}(\"wamp.a\")] async fn f() {{}}"),
            &[("\"wamp.a\"", "URIs whose first component is `wamp` are reserved by the protocol, found \"wamp.a\"")],
        );
    }
    for name in ["on_join", "on_leave"] {
        let message = format!("#[wamp::{name}] is for all sessions and takes no URI");
        check(&format!("#[wamp::{name}(\"a\")] async fn f() {{}}"), &[("\"a\"", &message)]);
    }
}

#[test]
fn functions_that_are_refused() {
    for name in ALL {
        let attribute = attribute(name);
        let message =
            format!("#[wamp::{name}] goes on an `async fn`, even on one that never waits; found a plain `fn`");
        check(&format!("{attribute} fn f() {{}}"), &[("fn", &message)]);
        let message = format!("#[wamp::{name}] goes on an `async fn`, not on a `const fn`");
        check(&format!("{attribute} const fn f() {{}}"), &[("const", &message)]);
        check(
            &format!("{attribute} async fn f(&self) {{}}"),
            &[("&self", "methods need #[wamp::service] on their impl block")],
        );
    }
    check(
        "#[wamp::rpc] #[wamp::event(\"a\")] fn f() {}",
        &[("fn", "#[wamp::event] goes on an `async fn`, even on one that never waits; found a plain `fn`")],
    );
}

#[test]
fn options_of_call_arguments_where_there_are_none() {
    for name in ALL {
        let attribute = attribute(name);
        for option in ["default", "default = 5", "rename = \"b\"", "keyword"] {
            let message = format!(
                "`a` has options of a call argument, and #[wamp::{name}] functions are given none: every parameter is \
                 injected"
            );
            let expected = [("a", message.as_str())];
            let refused = if name == "event" { &[] } else { &expected[..] };
            check(&format!("{attribute} async fn f(#[wamp({option})] a: i64) {{}}"), refused);
        }
    }
}

#[test]
fn expansion() {
    expands(
        "#[wamp::subscribe] async fn f(topic: Topic, text: &str, #[cfg(x)] c: C) {}",
        &[
            "kind: __wamp::RouteKind::Subscribe, uri: ::core::option::Option::None,",
            "parameters: { \
             __wamp::refuse_argument(<Topic as __wamp::FromCall<'_>>::TAKES_ARGUMENTS, \"`topic` is a call argument, and \
             #[wamp::subscribe] functions are given none: every parameter is injected\"); \
             __wamp::refuse_argument(<&str as __wamp::FromCall<'_>>::TAKES_ARGUMENTS,",
            "#[cfg(x)] __wamp::refuse_argument(<C as",
            "__wamp::subscribed!(call, value).await",
        ],
    );
    expands(
        "#[wamp::event(\"a.\", match = \"prefix\", timeout = \"1s\")] async fn f(a: i64) {}",
        &[
            "kind: __wamp::RouteKind::Event, uri: ::core::option::Option::Some(\"a.\"), \
             match_policy: __wamp::Match::Prefix,",
            "from_millis(1000u64)",
            "parameters: || ::std::vec![",
            "__wamp::ended!(call, value).await",
        ],
    );
    for (name, kind) in [("unsubscribe", "Unsubscribe"), ("on_join", "Join"), ("on_leave", "Leave")] {
        expands(
            &format!("#[wamp::{name}] async fn f() {{}}"),
            &[
                &format!("kind: __wamp::RouteKind::{kind}, uri: ::core::option::Option::None,"),
                "before_authentication: false",
                "__wamp::ended!(call, value).await",
            ],
        );
    }
    expands(
        "#[wamp::subscribe(role = \"a | b\")] #[wamp::unsubscribe] async fn f() {}",
        &["kind: __wamp::RouteKind::Subscribe,", "roles: &[\"a\", \"b\"],", "roles: &[],"],
    );
    expands("#[wamp::on_join(before_authentication)] async fn f() {}", &["before_authentication: true"]);
}

#[test]
fn several_attributes_on_one_function() {
    expands(
        "#[wamp::unsubscribe(\"a\")] #[wamp::on_leave] #[event(\"b\")] #[serverwamp::wamp::rpc] async fn f() {}",
        &["RouteKind::Unsubscribe", "RouteKind::Leave", "RouteKind::Event", "RouteKind::Procedure"],
    );
}

#[test]
fn methods_of_services() {
    expands(
        "#[wamp::service(prefix = \"docs\", realm = \"a\", role = \"b\", timeout = \"5s\", lenient, detached, concurrency = 2)] \
         impl Docs { #[wamp::subscribe(\"changes\")] #[wamp::unsubscribe] async fn f(&self, a: &Self) {} }",
        &[
            "uri: ::core::option::Option::Some(\"docs.changes\")",
            "roles: &[\"b\"]",
            "roles: &[]",
            "kind: __wamp::RouteKind::Unsubscribe, uri: ::core::option::Option::None",
            "realm: ::core::option::Option::Some(\"a\")",
            "lenient: false",
            "detached: false",
            "from_millis(5000u64)",
            "concurrency: ::core::option::Option::None",
            "<&__Service as __wamp::FromCall<'_>>::TAKES_ARGUMENTS",
        ],
    );
    expands(
        "#[wamp::service(prefix = \"docs\", timeout = \"5s\")] impl Docs { \
         #[wamp::event(\"\", match = \"prefix\")] async fn f(&self) {} }",
        &["uri: ::core::option::Option::Some(\"docs.\")", "from_millis(5000u64)"],
    );
    check(
        "#[wamp::service] impl Docs { #[wamp::subscribe] fn f(&self) {} #[wamp::event] async fn g(&self) {} }",
        &[
            ("fn", "#[wamp::subscribe] goes on an `async fn`, even on one that never waits; found a plain `fn`"),
            ("g", "expected a topic, `#[wamp::event(\"news.sports\")]`, found none"),
        ],
    );
}
