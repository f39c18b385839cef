//! Tests of `#[wamp::rpc]` on functions.

use super::{check, expand, expands};

#[test]
fn functions_that_are_refused() {
    let check_function = |function: &str, expected: &[(&str, &str)]| {
        check(&format!("#[wamp::rpc(\"a.b\")] {function}"), expected);
    };
    for accepted in [
        "async fn f() {}",
        "pub(crate) async fn f<'a>(mut a: &'a str, _b: Foo<'_>) -> &'a str { a }",
        "fn f() -> ! { loop {} }",
        "fn f(#[cfg(any())] a: i64, #[cfg(all())] a: u64) {}",
        "fn f() where i64: Copy {}",
    ] {
        check_function(accepted, &[]);
    }
    check_function(
        "const fn f() {}",
        &[("const", "#[wamp::rpc] goes on an `async fn` or a plain `fn`, not on a `const fn`")],
    );
    check_function(
        "unsafe fn f() {}",
        &[("unsafe", "#[wamp::rpc] goes on a safe function: a remote caller cannot keep its promises")],
    );
    check_function(
        "extern \"C\" fn f() {}",
        &[("extern \"C\"", "#[wamp::rpc] goes on a Rust function, not on an `extern fn`")],
    );
    check_function(
        "fn f(a: i64, ...) {}",
        &[("...", "a handler has a fixed list of parameters; `Rest<T>` takes all further arguments")],
    );
    let generic = "a handler cannot be generic: callers send values, which have one type each";
    check_function(
        "fn f<'a, T: Into<i64>, const N: usize>(a: T) {}",
        &[("T: Into<i64>", generic), ("const N: usize", generic)],
    );
    let opaque = "`impl Trait` makes the handler generic: name the type that callers send";
    check_function("fn f(a: impl Into<i64>, b: Vec<(impl Copy, i64)>) {}", &[("impl", opaque), ("impl", opaque)]);
    check_function(
        "fn f(a: &mut Vec<i64>) {}",
        &[(
            "&mut Vec<i64>",
            "a call's argument cannot be borrowed mutably; take `Vec < i64 >` and make the parameter `mut`",
        )],
    );
    check_function("fn f(&self) {}", &[("&self", "methods need #[wamp::service] on their impl block")]);
    for (pattern, printed) in
        [("_", "_"), ("(a, b)", "(a , b)"), ("Inject(a)", "Inject (a)"), ("ref a", "ref a"), ("a @ _", "a @ _")]
    {
        check_function(
            &format!("fn f({pattern}: T) {{}}"),
            &[(
                pattern,
                &format!(
                    "expected a plain name, found the pattern `{printed}`: the name is the keyword that callers pass; take \
                 the parameter apart in the body"
                ),
            )],
        );
    }
    check_function("fn f(#[wamp(rename = \"b\")] a: i64, b: i64) {}", &[("b", "`b` is already the keyword of `a`")]);
    check_function(
        "fn f(a: i64, #[wamp(rename = \"a\")] b: i64) {}",
        &[("\"a\"", "`a` is already the keyword of `a`")],
    );
    for (item, keyword) in [
        ("struct S;", "struct"),
        ("pub enum E {}", "enum"),
        ("const A: i64 = 5;", "const"),
        ("impl S { fn f(&self) {} }", "impl"),
        ("mod m {}", "mod"),
    ] {
        let message =
            format!("expected a function for #[wamp::rpc] (#[wamp::service] takes impl blocks), found `{keyword}`");
        check_function(item, &[(keyword, &message)]);
    }
}

#[test]
fn options_that_do_not_fit_the_function() {
    check(
        "#[wamp::rpc(blocking)] async fn f() {}",
        &[("blocking", "`blocking` moves a plain `fn` to the blocking pool; an `async fn` never runs there")],
    );
    check(
        "#[wamp::rpc(\"wamp.session.get\")] fn f() {}",
        &[(
            "\"wamp.session.get\"",
            "URIs whose first component is `wamp` are reserved by the protocol, found \"wamp.session.get\"",
        )],
    );
    check(
        "#[wamp::rpc] fn wamp() {}",
        &[("wamp", "URIs whose first component is `wamp` are reserved by the protocol, found \"wamp\"")],
    );
}

#[test]
fn all_mistakes_are_reported_at_once() {
    check(
        "#[wamp::rpc(\"a b\", blocking, speed = 3)] async fn f<T>(&self, (a, b): T, #[wamp(x)] c: &mut i64) {}",
        &[
            ("speed", "unknown option `speed`"),
            (
                "(a, b)",
                "expected a plain name, found the pattern `(a , b)`: the name is the keyword that callers pass; take the \
             parameter apart in the body",
            ),
            ("x", "unknown option `x`"),
            ("T", "a handler cannot be generic: callers send values, which have one type each"),
            ("&self", "methods need #[wamp::service] on their impl block"),
            ("&mut i64", "a call's argument cannot be borrowed mutably; take `i64` and make the parameter `mut`"),
            ("blocking", "`blocking` moves a plain `fn` to the blocking pool; an `async fn` never runs there"),
            ("\"a b\"", "a URI has no whitespace, found \"a b\""),
        ],
    );
}

#[test]
fn the_item_passes_through() {
    // What follows the signature is nobody's business here, even when it is no Rust.
    let (expanded, errors) = expand("#[wamp::rpc] #[inline] pub fn f(#[wamp(default)] a: i64) { let = ; a.. . }");
    assert_eq!(errors.reported(), []);
    assert!(expanded.to_string().starts_with("# [inline] pub fn f (a : i64) { let = ; a .. . }"), "{expanded}");

    let (expanded, errors) = expand("#[wamp::rpc(typo)] #[inline] fn f(#[wamp(typo)] #[cfg(all())] a: i64) {}");
    assert_eq!(errors.reported().len(), 2);
    assert_eq!(expanded.to_string(), "# [inline] fn f (# [cfg (all ())] a : i64) { }");
}

#[test]
fn expansion() {
    expands(
        "#[wamp::rpc(\"math.add\")] async fn add(a: i64, #[wamp(default = 5)] b: i64) -> i64 { a + b }",
        &[
            "const _: () = { use ::serverwamp::__private as __wamp;",
            "__wamp::parameter::<i64>(\"a\", __wamp::ParameterOptions { \
         default: ::core::option::Option::None, keyword: false, component: ::core::option::Option::None, written: \"i64\", },)",
            "__wamp::parameter::<i64>(\"b\", __wamp::ParameterOptions { \
         default: ::core::option::Option::Some(\"5\"), keyword: false, component: ::core::option::Option::None, written: \"i64\", },)",
            "let mut arguments = __wamp::bind(call)?;",
            "let __0 = arguments.take::<i64>(0usize)?;",
            "let __1 = arguments.take_or::<i64>(1usize, || 5)?;",
            "let value = add(__0, __1,).await;",
            "__wamp::reply!(call, value).await",
            "kind: __wamp::RouteKind::Procedure, uri: ::core::option::Option::Some(\"math.add\"), match_policy: __wamp::Match::Exact,",
            "identity: || __wamp::function_id(&add), service: ::core::option::Option::None,",
        ],
    );
    expands(
        "#[wamp::rpc(crate = \"a::b\", blocking)] fn add(a: i64) {}",
        &[
            "use a::b::__private as __wamp;",
            "__wamp::blocking(call, |call| { let mut arguments = __wamp::bind(call)?;",
            "let value = add(__0,); __wamp::wait(__wamp::reply!(call, value)) })",
        ],
    );
    expands(
        "#[wamp::rpc(rename_all = \"camelCase\")] fn full_name(first_name: &str, r#type: i64) {}",
        &[
            "uri: ::core::option::Option::Some(\"fullName\")",
            "function: \"full_name\"",
            "__wamp::parameter::<&str>(\"firstName\",",
            "__wamp::parameter::<i64>(\"type\",",
        ],
    );
    expands(
        "#[wamp::rpc] fn f<'a, 'b: 'a>(a: &'a str, b: &'static str, c: Vec<Cow<'b, str>>) {}",
        &["take::<&'_ str>(0usize)", "take::<&'static str>(1usize)", "take::<Vec<Cow<'_, str>>>(2usize)"],
    );
    expands(
        "#[wamp::rpc] fn f(a: i64, #[cfg(x)] b: i64, c: i64, #[cfg(y)] d: i64) {}",
        &[
            "take::<i64>(0usize)",
            "#[cfg(x)] let __1 = arguments.take::<i64>(1usize)?;",
            "take::<i64>(1usize + ::core::cfg!(all(x)) as usize)",
            "#[cfg(y)] let __3 = arguments.take::<i64>(2usize + ::core::cfg!(all(x)) as usize)?;",
            "f(__0, #[cfg(x)] __1, __2, #[cfg(y)] __3,)",
        ],
    );
    expands(
        "#[wamp::rpc(\"a\")] #[rpc(\"b\", lenient)] #[cfg(x)] fn f(#[wamp(default)] a: i64) {}",
        &[
            "# [cfg (x)] fn f(a: i64) {}",
            "uri: ::core::option::Option::Some(\"a\")",
            "uri: ::core::option::Option::Some(\"b\")",
            "lenient: true",
            "#[cfg(x)] const _: () =",
            "take_or::<i64>(0usize, || ::core::default::Default::default())",
        ],
    );
}

#[test]
fn documentation_is_kept() {
    expands(
        "#[wamp::rpc]\n/// One.\n///\n///   Two.\n#[doc(hidden)] fn f() {}",
        &["documentation: \"One.\\n\\n  Two.\""],
    );
    expands(
        "#[wamp::rpc]\n/// One.\n#[doc = include_str!(\"x\")] #[doc = \" Three.\"] fn f() {}",
        &["documentation: ::core::concat!(\"One.\\n\", include_str!(\"x\"), \"\\nThree.\")"],
    );
}
