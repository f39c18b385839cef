//! Tests of `#[derive(WampError)]`.

use super::{check, expands};

#[track_caller]
fn check_error(item: &str, expected: &[(&str, &str)]) {
    check(&format!("#[derive(WampError)] {item}"), expected);
}

#[test]
fn types_that_are_refused() {
    for accepted in [
        "enum E {}",
        "#[wamp(prefix = \"a\")] enum E { A, B(i64), C { a: i64 } }",
        "enum E { #[wamp(uri = \"a.b\")] A, #[wamp(internal)] B(i64) }",
        "#[wamp(uri = \"wamp.error.not_authorized\")] struct E;",
        "#[wamp(prefix = \"a\", crate = \"b\")] struct E(i64);",
        "#[wamp(internal)] struct E { #[wamp(rename = \"b\")] a: i64 }",
    ] {
        check_error(accepted, &[]);
    }
    let generic = "an error cannot be generic: its URI stands for one type on both sides";
    check_error("#[wamp(prefix = \"a\")] enum E<'a, T> { A(&'a T) }", &[("'a, T", generic)]);
    check_error("union E { a: i64 }", &[("union", "`WampError` is derived for an enum or a struct, found `union`")]);
}

#[test]
fn uris_that_are_refused() {
    let nameless = |name: &str| {
        format!(
            "`{name}` has no URI: give it `#[wamp(uri = \"…\")]` or `#[wamp(internal)]`, or give the type \
             `#[wamp(prefix = \"…\")]`"
        )
    };
    check_error("enum E { A, #[wamp(internal)] B, C }", &[("A", &nameless("A")), ("C", &nameless("C"))]);
    check_error("struct E;", &[("E", &nameless("E"))]);
    check_error(
        "#[wamp(prefix = \"a\")] enum E { NotFound, #[wamp(uri = \"a.not_found\")] Gone }",
        &[("\"a.not_found\"", "`a.not_found` is already the URI of `NotFound`")],
    );
    check_error("enum E { #[wamp(uri = \"a b\")] A }", &[("\"a b\"", "a URI has no whitespace, found \"a b\"")]);
    check_error("#[wamp(prefix = \"a b\")] enum E { A, B }", &[("\"a b\"", "a URI has no whitespace, found \"a b\"")]);
    check_error(
        "enum E { #[wamp(uri = \"wamp.close.normal\")] A }",
        &[(
            "\"wamp.close.normal\"",
            "URIs whose first component is `wamp` are reserved by the protocol, found \"wamp.close.normal\"",
        )],
    );
    check_error(
        "enum E { #[wamp(internal, uri = \"a\")] A }",
        &[("\"a\"", "an internal error has no URI: the caller gets `wamp.error.runtime_error`")],
    );
}

#[test]
fn options_that_are_refused() {
    check_error(
        "#[wamp(prefixes = \"a\")] enum E {}",
        &[("prefixes", "unknown option `prefixes`, did you mean `prefix`?")],
    );
    check_error("#[wamp(uri = \"a\")] enum E {}", &[("uri", "unknown option `uri`")]);
    check_error("enum E { #[wamp(internal, internal)] A }", &[("internal", "`internal` is given twice")]);
    check_error("enum E { #[wamp(internal, prefix = \"a\")] A }", &[("prefix", "unknown option `prefix`")]);
    check_error("#[wamp(uri = \"a\")] struct E { #[wamp(name = \"b\")] a: i64 }", &[("name", "unknown option `name`")]);
    check_error(
        "#[wamp(uri = \"a\")] struct E(#[wamp(rename = \"b\")] i64);",
        &[("rename", "`rename` goes on a field with a name: one without is a positional argument")],
    );
    check_error(
        "#[wamp(uri = \"a\")] struct E { #[wamp(rename = \"b\")] a: i64, b: i64 }",
        &[("b", "`b` is already the keyword of `a`")],
    );
}

#[test]
fn expansion() {
    expands(
        "#[derive(WampError)] #[wamp(prefix = \"app.error\")] enum Problem { \
         NotFound { id: i64, #[wamp(rename = \"type\")] kind: String }, Denied(String, i64), Gone, \
         #[wamp(internal)] Database(i64) }",
        &[
            "impl ::serverwamp::WampError for Problem",
            "Self::NotFound { id: __0, kind: __1 } => \
             ::serverwamp::RpcError::new(\"app.error.not_found\").kwarg(\"id\", __0).kwarg(\"type\", __1),",
            "Self::Denied { 0: __0, 1: __1 } => ::serverwamp::RpcError::new(\"app.error.denied\").arg(__0).arg(__1),",
            "Self::Gone {} => ::serverwamp::RpcError::new(\"app.error.gone\"),",
            "Self::Database { .. } => ::serverwamp::RpcError::internal(&self as &dyn ::core::fmt::Debug),",
            "\"app.error.not_found\" => ::core::option::Option::Some(Self::NotFound { \
             id: ::serverwamp::__private::error_kwarg::<i64>(error, \"id\")?, \
             kind: ::serverwamp::__private::error_kwarg::<String>(error, \"type\")? }),",
            "1: ::serverwamp::__private::error_arg::<i64>(error, 1usize)?",
        ],
    );
    expands(
        "#[derive(WampError)] #[wamp(prefix = \"a\", crate = \"b::c\")] struct NoSuchThing;",
        &["impl b::c::WampError for NoSuchThing", "Self {} => b::c::RpcError::new(\"a.no_such_thing\"),"],
    );
}

#[test]
fn errors_are_described() {
    expands(
        "#[derive(WampError)] #[wamp(prefix = \"a\")] enum E { /// Gone.\n Gone(i64), Late { by: u8 }, #[wamp(internal)] Broken }",
        &[
            "uri: \"a.gone\", documentation: \"Gone.\"",
            "keyword: ::core::option::Option::None, type_name: \"i64\"",
            "uri: \"a.late\", documentation: \"\"",
            "keyword: ::core::option::Option::Some(\"by\"), type_name: \"u8\"",
        ],
    );
    expands(
        "#[derive(WampError)] /** Wrong. */ #[wamp(uri = \"a.b\")] struct E;",
        &["uri: \"a.b\", documentation: \"Wrong. \""],
    );
}
