//! Tests of the options in attributes.

use super::{check, expands};

/// Checks the mistakes of one list of arguments of `#[wamp::rpc]`.
#[track_caller]
fn check_arguments(arguments: &str, expected: &[(&str, &str)]) {
    check(&format!("#[wamp::rpc({arguments})] fn f() {{}}"), expected);
}

#[test]
fn arguments() {
    for accepted in [
        "",
        "\"a.b\"",
        "\"a.b\",",
        "r\"a.b\", match = \"exact\"",
        "\"a.\", match = \"prefix\"",
        "\"a..b\", match = \"wildcard\"",
        "\"a.*#\", match = \"regex\"",
        "realm = \"customers\", lenient, blocking, detached, manual",
        "lenient = true, blocking = false",
        "rename_all = \"kebab-case\"",
        "concurrency = 1_000",
        "concurrency = 10u32",
        "invoke = \"roundrobin\", disclose_caller, force_reregister = true",
        "role = \"admin\"",
        "role = \"admin | staff\"",
        "crate = \"::path::to\"",
        "crate = \"crate\"",
    ] {
        check_arguments(accepted, &[]);
    }
    check_arguments("5", &[("5", "expected the URI as a string, found `5`")]);
    check_arguments(
        "lenient, \"a\"",
        &[("\"a\"", "a literal without a name is only understood as the first argument")],
    );
    check_arguments("\"a\" lenient", &[("lenient", "expected `,`")]);
    check_arguments(
        "lenient detached, manual x",
        &[("detached", "expected `=` or `,` after `lenient`"), ("x", "expected `=` or `,` after `manual`")],
    );
    check_arguments("+, lenient = 1", &[("+", "expected an option"), ("1", "expected `lenient`, found `1`")]);
    check_arguments("leniant", &[("leniant", "unknown option `leniant`, did you mean `lenient`?")]);
    check_arguments(
        "retries = 3, color = \"red\"",
        &[("retries", "unknown option `retries`"), ("color", "unknown option `color`")],
    );
    check_arguments("manual, lenient, manual", &[("manual", "`manual` is given twice")]);
    check_arguments("realm", &[("realm", "expected `realm = \"customers\"`, found no value")]);
    check_arguments(
        "realm =, lenient = \"yes\"",
        &[
            ("realm", "expected `realm = \"customers\"`, found no value"),
            ("\"yes\"", "expected `lenient`, found `\"yes\"`"),
        ],
    );
    check_arguments("realm = customers", &[("customers", "expected `realm = \"customers\"`, found `customers`")]);
    for empty in ["", " ", "a |", "| a"] {
        let message = format!("expected a role, or several as in \"admin | staff\", found {empty:?}");
        check_arguments(&format!("role = {empty:?}"), &[(&format!("{empty:?}"), &message)]);
    }
    check_arguments("role = \"a | b | a\"", &[("\"a | b | a\"", "the role `a` is given twice")]);
    check_arguments("role = \"*\"", &[("\"*\"", "a function without `role` is for every role; `*` is none")]);
    check_arguments("role = [\"a\"]", &[("[\"a\"]", "expected `role = \"admin | staff\"`, found `[\"a\"]`")]);
    check_arguments("roles = \"a\"", &[("roles", "unknown option `roles`, did you mean `role`?")]);
    check_arguments("realm = \"a b\"", &[("\"a b\"", "a URI has no whitespace, found \"a b\"")]);
    check_arguments(
        "match = \"prefixed\"",
        &[("\"prefixed\"", "unknown value \"prefixed\", did you mean \"prefix\"?")],
    );
    check_arguments("match = \"glob\"", &[("\"glob\"", "unknown value \"glob\"")]);
    check_arguments(
        "rename_all = \"camel_case\"",
        &[("\"camel_case\"", "unknown value \"camel_case\", did you mean \"camelCase\"?")],
    );
    check_arguments("concurrency = 0", &[("0", "`concurrency` is at least 1")]);
    check_arguments("concurrency = -1", &[("-1", "expected `concurrency = 10`, found `- 1`")]);
    check_arguments("concurrency = 5_000_000_000", &[("5_000_000_000", "expected a `u32`, found `5_000_000_000`")]);
    check_arguments("concurrency = 5i64", &[("5i64", "expected a `u32`, found `5i64`")]);
    check_arguments("crate = \"a b\"", &[("\"a b\"", "expected `crate = \"path::to::serverwamp\"`, found `\"a b\"`")]);
}

#[test]
fn timeouts() {
    for (timeout, milliseconds) in [
        ("250ms", 250),
        ("5s", 5_000),
        ("1.5s", 1_500),
        ("0.001s", 1),
        ("2m", 120_000),
        ("1h", 3_600_000),
        ("0.5h", 1_800_000),
    ] {
        expands(
            &format!("#[wamp::rpc(timeout = \"{timeout}\")] fn f() {{}}"),
            &[&format!(
                "timeout: ::core::option::Option::Some(::core::time::Duration::from_millis({milliseconds}u64))"
            )],
        );
    }
    for refused in ["", "5", "s", "5 s", "5d", "-5s", "1.s", ".5s", "1.5ms", "1..5s", "5sec", "99999999999999999999s"] {
        let message = format!(
            "expected a number of whole milliseconds with its unit, such as \"250ms\", \"5s\", \"1.5s\", \"2m\" or \
             \"1h\", found {refused:?}"
        );
        check_arguments(&format!("timeout = {refused:?}"), &[(&format!("{refused:?}"), &message)]);
    }
    check_arguments("timeout = 5", &[("5", "expected `timeout = \"5s\"`, found `5`")]);
    check_arguments("timeout = \"0s\"", &[("\"0s\"", "`timeout` is longer than zero")]);
}

#[test]
fn options_of_parameters() {
    let check_parameter = |attributes: &str, expected: &[(&str, &str)]| {
        check(&format!("#[wamp::rpc] fn f({attributes} a: i64) {{}}"), expected);
    };
    for accepted in
        ["", "#[wamp(default)]", "#[wamp(default = f::<A, B>(1))]", "#[wamp(keyword)] #[wamp(rename = \"b\")]"]
    {
        check_parameter(accepted, &[]);
    }
    check_parameter("#[wamp(defualt = 5)]", &[("defualt", "unknown option `defualt`, did you mean `default`?")]);
    check_parameter("#[wamp(keyword, keyword)]", &[("keyword", "`keyword` is given twice")]);
    check_parameter("#[wamp(keyword)] #[wamp(keyword)]", &[("keyword", "`keyword` is given twice")]);
    check_parameter("#[wamp(rename)]", &[("rename", "expected `rename = \"name\"`, found no value")]);
    check_parameter("#[wamp(\"b\")]", &[("\"b\"", "expected an option, found `\"b\"`")]);
    check_parameter("#[wamp]", &[("#[wamp]", "expected options in parentheses")]);
    check_parameter("#[wamp = 5]", &[("#[wamp = 5]", "expected options in parentheses")]);
    check_parameter("#[wamp(default = )]", &[("default", "expected `default = expression`, found no value")]);
}
