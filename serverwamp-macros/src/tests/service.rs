//! Tests of `#[wamp::service]` on impl blocks.

use super::{check, expand, expands};

#[test]
fn impl_blocks_that_are_refused() {
    let method = "#[wamp::rpc] fn f(&self) {}";
    check(&format!("#[wamp::service] impl Docs {{ {method} }}"), &[]);
    check(&format!("#[wamp::service] impl docs::Docs<i64, &'static str> {{ {method} }}"), &[]);
    let generic = "a service cannot be generic: one instance of one type answers its calls";
    check(
        &format!("#[wamp::service] impl<T: A, const N: usize> Docs<T, N> {{ {method} }}"),
        &[("T: A, const N: usize", generic)],
    );
    check(&format!("#[wamp::service] impl<'a> Docs<'a> {{ {method} }}"), &[("'a", generic)]);
    check(&format!("#[wamp::service] impl Docs<'_> {{ {method} }}"), &[("_", generic)]);
    check(
        &format!("#[wamp::service] impl Trait<i64> for Docs {{ {method} }}"),
        &[("Trait<i64>", "#[wamp::service] goes on an inherent impl block, `impl Docs`, not on that of a trait")],
    );
    check(
        "#[wamp::service] struct Docs;",
        &[("struct", "expected an impl block for #[wamp::service] (#[wamp::rpc] takes functions), found `struct`")],
    );
    check(
        "#[wamp::service] async fn f() {}",
        &[("async", "expected an impl block for #[wamp::service] (#[wamp::rpc] takes functions), found `async`")],
    );
    check(
        "#[wamp::service] impl Docs { fn f(&self) {} #[tarpc::rpc] fn g(&self) {} }",
        &[(
            "Docs",
            "expected methods that carry #[wamp::rpc] or another attribute in the impl block of a service, found none",
        )],
    );
}

#[test]
fn options_of_services() {
    let check_arguments = |arguments: &str, expected: &[(&str, &str)]| {
        check(&format!("#[wamp::service({arguments})] impl Docs {{ #[wamp::rpc] fn f(&self) {{}} }}"), expected);
    };
    check_arguments("prefix = \"docs\", realm = \"a\", rename_all = \"camelCase\", lenient, detached, manual", &[]);
    check_arguments("timeout = \"5s\", concurrency = 3, crate = \"a\"", &[]);
    check_arguments("\"docs\"", &[("\"docs\"", "expected `prefix = \"docs\"`, found a string without a name")]);
    check_arguments("blocking", &[("blocking", "unknown option `blocking`")]);
    check_arguments(
        "prefix = \"docs.\"",
        &[("\"docs.\"", "a URI has no empty component, except with `match = \"wildcard\"`, found \"docs.\"")],
    );
    check_arguments(
        "prefix = \"wamp\"",
        &[("f", "URIs whose first component is `wamp` are reserved by the protocol, found \"wamp.f\"")],
    );
}

#[test]
fn methods_that_are_refused() {
    let check_method = |method: &str, expected: &[(&str, &str)]| {
        check(&format!("#[wamp::service] impl Docs {{ #[wamp::rpc] {method} }}"), expected);
    };
    check_method("pub async fn f<'a>(&'a self, a: &'a Self) -> &'a str {}", &[]);
    for (receiver, printed) in [
        ("self", "self"),
        ("mut self", "mut self"),
        ("&mut self", "& mut self"),
        ("self: Pin<&Self>", "self : Pin < & Self >"),
        ("self: Arc<Self>", "self : Arc < Self >"),
    ] {
        let message = format!("expected `&self`, since all calls share one instance of the service; found `{printed}`");
        check_method(&format!("fn f({receiver}) {{}}"), &[(receiver, &message)]);
    }
    check_method(
        "fn f(a: i64) {}",
        &[("f", "expected `&self` as first parameter of `f`; a function without it goes outside of the service")],
    );
    check_method(
        "fn f(#[wamp(default)] &self) {}",
        &[("#[wamp(default)]", "`self` is no parameter of the procedure and takes no `#[wamp(…)]`")],
    );
}

#[test]
fn all_mistakes_are_reported_at_once() {
    check(
        "#[wamp::service(speed = 3)] impl A for Docs { #[wamp::rpc(blocking)] async fn f(self) {} #[rpc(x)] fn g(&self) {} }",
        &[
            ("speed", "unknown option `speed`"),
            ("A", "#[wamp::service] goes on an inherent impl block, `impl Docs`, not on that of a trait"),
            ("self", "expected `&self`, since all calls share one instance of the service; found `self`"),
            ("x", "unknown option `x`"),
            ("blocking", "`blocking` moves a plain `fn` to the blocking pool; an `async fn` never runs there"),
        ],
    );
}

#[test]
fn the_rest_of_the_impl_block_passes_through() {
    let rest = "const A : B = B { a : 1 } ; type T = [u8 ; { 1 }] ; fn half (a : ,) { } fn g () -> [u8 ; 2] { let = } \
                macro_call ! (a) ; macro_call ! { b }";
    let (expanded, errors) = expand(&format!(
        "#[wamp::service] #[inline] impl Docs where i64: Copy {{ {rest} #[inline] #[serverwamp::wamp::rpc(\"x\")] \
         pub fn f(&self, #[wamp(default)] a: i64) {{ let = }} const fn h() {{}} }}"
    ));
    assert_eq!(errors.reported(), []);
    let expected = format!(
        "# [inline] impl Docs where i64 : Copy {{ {rest} # [inline] pub fn f (& self , a : i64) {{ let = }} const fn h () {{ }} }}"
    );
    assert!(expanded.to_string().starts_with(&expected), "{expanded}");
}

#[test]
fn expansion() {
    expands(
        "#[wamp::service(prefix = \"docs\", realm = \"a\", rename_all = \"camelCase\", timeout = \"5s\", lenient)] \
         #[cfg(x)] impl Docs { \
         #[wamp::rpc] async fn get_one(&self, by_id: &Self, #[wamp(default = Self::ONE)] b: i64) {} \
         #[wamp::rpc(\"all\", realm = \"b\", lenient = false)] #[cfg(y)] fn list(&self) {} }",
        &[
            "uri: ::core::option::Option::Some(\"docs.getOne\")",
            "uri: ::core::option::Option::Some(\"docs.all\")",
            "realm: ::core::option::Option::Some(\"a\")",
            "realm: ::core::option::Option::Some(\"b\")",
            "lenient: true",
            "lenient: false",
            "function: \"Docs::get_one\"",
            "type __Service = Docs;",
            "let service = call.service::<__Service>()?;",
            "let __0 = arguments.take::<&__Service>(0usize)?;",
            "let __1 = arguments.take_or::<i64>(1usize, || __Service::ONE)?;",
            "let value = <__Service>::get_one(service, __0, __1,).await;",
            "identity: || __wamp::function_id(&<__Service>::get_one)",
            "service: ::core::option::Option::Some(__wamp::service_type::<__Service>())",
            "\"byId\"",
            "#[cfg(y)] #[cfg(x)] const",
        ],
    );
}
