//! Tests of cases, URIs and near misses.

use crate::{
    model::MatchPolicy,
    names::{RenameRule, nearest, reserved_uri_problem, snake_case, uri_problem},
};

#[test]
fn cases_are_those_of_serde() {
    let expected =
        ["full_name2", "FULL_NAME2", "FullName2", "fullName2", "full_name2", "FULL_NAME2", "full-name2", "FULL-NAME2"];
    for ((name, rule), expected) in RenameRule::ALL.iter().zip(expected) {
        assert_eq!(rule.apply("full_name2"), expected, "{name}");
    }
    assert_eq!(RenameRule::Camel.apply("_unused_name"), "unusedName");
    assert_eq!(RenameRule::Pascal.apply("a"), "A");
}

#[test]
fn variants_become_snake_case() {
    for (variant, expected) in [
        ("NotFound", "not_found"),
        ("Gone", "gone"),
        ("HTTPError", "http_error"),
        ("Http2Error", "http2_error"),
        ("NoSuchURI", "no_such_uri"),
        ("Already_Snake", "already_snake"),
        ("ÄnderungVerboten", "änderung_verboten"),
    ] {
        assert_eq!(snake_case(variant), expected);
    }
}

#[test]
fn uris_follow_the_loose_rule() {
    use MatchPolicy::{Exact, Prefix, Regex, Wildcard};
    let check = |uri: &str, policy, expected: Option<&str>| {
        let problem = uri_problem(uri, policy).or_else(|| reserved_uri_problem(uri, policy));
        match (problem, expected) {
            (None, None) => {}
            (Some(problem), Some(expected)) if problem.contains(expected) => {}
            (problem, expected) => panic!("{uri} {policy:?}: {problem:?}, expected {expected:?}"),
        }
    };
    check("math.add", Exact, None);
    check("math-add.Größe", Exact, None);
    check("wampum.add", Exact, None);
    check("", Exact, Some("not empty"));
    check("math.", Exact, Some("empty component"));
    check(".math", Exact, Some("empty component"));
    check("math..add", Exact, Some("empty component"));
    check("math add", Exact, Some("whitespace"));
    check("math\u{2003}add", Exact, Some("whitespace"));
    check("math#add", Exact, Some("`#`"));
    check("math.{name}", Exact, Some("parameters"));
    check("wamp.add", Exact, Some("reserved"));
    check("wamp", Wildcard, Some("reserved"));
    check("wamp.x", Prefix, Some("reserved"));
    check("", Prefix, None);
    check("math.", Prefix, None);
    check("math..add", Prefix, Some("last component"));
    check("math..add", Wildcard, None);
    check("..", Wildcard, None);
    check("math #", Wildcard, Some("whitespace"));
    check(r"^math\.[a-z ]{2}#$", Regex, None);
    check(&"a".repeat(255), Exact, None);
    check(&"a".repeat(256), Exact, Some("255"));
}

#[test]
fn near_misses_are_recognised() {
    let known = ["match", "realm", "rename_all", "lenient", "timeout", "concurrency"];
    for (name, expected) in [
        ("macth", Some("match")),
        ("renameAll", Some("rename_all")),
        ("rename-all", Some("rename_all")),
        ("lenientt", Some("lenient")),
        ("tiemout", Some("timeout")),
        ("concurency", Some("concurrency")),
        ("retries", None),
        ("x", None),
    ] {
        assert_eq!(nearest(name, known), expected, "{name}");
    }
}
