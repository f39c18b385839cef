//! Tests of URIs with components that parameters take.

use super::{check, expands};
use crate::{model::MatchPolicy, template::Template};

/// The URI, its policy and the named components.
type Parts<'a> = (&'a str, MatchPolicy, &'a [(usize, &'a str)]);

#[test]
fn templates() {
    let check = |written: &str, policy, expected: Result<Parts<'_>, &str>| {
        let found = Template::parse(written, policy);
        match (&found, expected) {
            (Ok(template), Ok((uri, policy, names))) => {
                let found: Vec<_> = template.names.iter().map(|(index, name)| (*index, name.as_str())).collect();
                assert_eq!((&*template.uri, template.policy, &*found), (uri, policy, names), "{written}");
            }
            (Err(problem), Err(expected)) => assert_eq!(problem, expected, "{written}"),
            _ => panic!("{written}: {found:?}"),
        }
    };
    use MatchPolicy::{Exact, Prefix, Regex, Wildcard};
    check("math.add", None, Ok(("math.add", Exact, &[])));
    check("math.", Some(Prefix), Ok(("math.", Prefix, &[])));
    check("shop.{id}.get", None, Ok(("shop..get", Wildcard, &[(1, "id")])));
    check("{shop}.{r}.{type}", None, Ok(("..", Wildcard, &[(0, "shop"), (1, "r"), (2, "type")])));
    check("a..{größe}", Some(Wildcard), Ok(("a..", Wildcard, &[(2, "größe")])));
    check("a.[0-9]{2}", Some(Regex), Ok(("a.[0-9]{2}", Regex, &[])));
    let kind = "a URI with components for parameters is a wildcard pattern, found \"a.{b}\"";
    check("a.{b}", Some(Exact), Err(kind));
    check("a.{b}", Some(Prefix), Err(kind));
    for component in ["x{id}", "{id}x", "{id", "id}", "}{"] {
        let problem = format!("`{{name}}` stands for a whole component of a URI, found `{component}`");
        check(&format!("a.{component}"), None, Err(&problem));
    }
    for component in ["{}", "{0}", "{ id}", "{a-b}", "{{id}}", "{'a}"] {
        let problem = format!("expected the name of a parameter in braces, found `{component}`");
        check(&format!("a.{component}"), None, Err(&problem));
    }
    check("{id}.{id}", None, Err("`{id}` stands in the URI twice"));
}

#[test]
fn what_parameters_must_be() {
    for accepted in [
        "#[wamp::rpc(\"a.{id}\")] fn f(b: i64, id: u64) {}",
        "#[wamp::rpc(\"a.{type}\")] fn f(r#type: u64) {}",
        "#[wamp::rpc(\"a.{id}\")] #[wamp::rpc(\"b\")] fn f(id: u64) {}",
        "#[wamp::subscribe(\"a.{id}\")] async fn f(#[wamp(default = 5)] id: u64, session: Session) {}",
        "#[wamp::event(\"a.{id}\")] async fn f(id: u64, text: &str) {}",
        "#[wamp::service(prefix = \"shop.{shop}\")] impl S { #[rpc(\"{id}\")] fn f(&self, id: u64, shop: &str) {} }",
    ] {
        check(accepted, &[]);
    }
    check(
        "#[wamp::rpc(\"a.{id}.{part}\")] fn f(ids: u64) {}",
        &[
            ("\"a.{id}.{part}\"", "`{id}` in the URI is no parameter of `f`"),
            ("\"a.{id}.{part}\"", "`{part}` in the URI is no parameter of `f`"),
        ],
    );
    check(
        "#[wamp::rpc(\"a.{id}..b\")] fn f(id: u64) {}",
        &[("\"a.{id}..b\"", "a URI has no empty component, except with `match = \"wildcard\"`, found \"a.{id}..b\"")],
    );
    check(
        "#[wamp::rpc(\"a.{id}\", match = \"prefix\")] fn f(id: u64) {}",
        &[("\"a.{id}\"", "a URI with components for parameters is a wildcard pattern, found \"a.{id}\"")],
    );
    let by_name = "`id` is taken from the URI: callers do not pass it by name";
    check("#[wamp::rpc(\"a.{id}\")] fn f(#[wamp(keyword)] id: u64) {}", &[("id", by_name)]);
    check("#[wamp::rpc(\"a.{id}\")] fn f(#[wamp(rename = \"b\")] id: u64, b: i64) {}", &[("id", by_name)]);
    check(
        "#[wamp::service(prefix = \"shop.x{shop}\")] impl S { #[rpc] fn f(&self) {} }",
        &[("\"shop.x{shop}\"", "`{name}` stands for a whole component of a URI, found `x{shop}`")],
    );
}

#[test]
fn expansion() {
    expands(
        "#[wamp::rpc(\"shop.product.{id}.get\", rename_all = \"camelCase\")] async fn get(in_stock: bool, id: u64) {}",
        &[
            "uri: ::core::option::Option::Some(\"shop.product..get\"), match_policy: __wamp::Match::Wildcard,",
            "__wamp::parameter::<bool>(\"inStock\", __wamp::ParameterOptions { default: ::core::option::Option::None, \
         keyword: false, component: ::core::option::Option::None, written: \"bool\", },)",
            "__wamp::parameter::<u64>(\"id\", __wamp::ParameterOptions { default: ::core::option::Option::None, \
         keyword: false, component: ::core::option::Option::Some(2usize), written: \"u64\", },)",
            "__wamp::refuse_injected(<u64 as __wamp::FromCall<'_>>::TAKES_ARGUMENTS,",
        ],
    );
}
