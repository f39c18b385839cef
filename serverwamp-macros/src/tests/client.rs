//! Tests of `#[wamp::client]` on traits.

use super::{check, expands};

#[track_caller]
fn check_methods(methods: &str, expected: &[(&str, &str)]) {
    check(&format!("#[wamp::client(prefix = \"docs\")] trait Docs {{ {methods} }}"), expected);
}

const METHOD: &str = "async fn get(&self) -> Result<u8, E>;";

#[test]
fn traits_that_are_refused() {
    check_methods(METHOD, &[]);
    check(&format!("#[wamp::client] pub(crate) trait Docs: Send + Sync where Self: Sized {{ {METHOD} }}"), &[]);
    let generic = "the trait of a client cannot be generic: what goes over the wire has one type";
    check(&format!("#[wamp::client] trait Docs<T> {{ {METHOD} }}"), &[("T", generic)]);
    check("#[wamp::client] struct Docs;", &[("struct", "expected a trait for #[wamp::client], found `struct`")]);
    let nothing = "expected methods without a body in the trait of a client, found none";
    check("#[wamp::client] trait Docs { async fn get(&self) {} }", &[("Docs", nothing)]);
    let others = "the trait of a client has methods only: types and constants do not go over the wire";
    check_methods(&format!("type A; {METHOD} const B: u8;"), &[("type A;", others), ("const B: u8;", others)]);
}

#[test]
fn options_that_are_refused() {
    let check_options = |options: &str, expected: &[(&str, &str)]| {
        check(&format!("#[wamp::client({options})] trait Docs {{ {METHOD} }}"), expected);
    };
    check_options("prefix = \"a\", rename_all = \"camelCase\", timeout = \"5s\", disclose_me, crate = \"a::b\"", &[]);
    check_options("\"docs\"", &[("\"docs\"", "expected `prefix = \"docs\"`, found a string without a name")]);
    check_options("prefix = \"a b\"", &[("\"a b\"", "a URI has no whitespace, found \"a b\"")]);
    check_options("manual", &[("manual", "unknown option `manual`")]);
    check_methods("#[wamp::rpc(lenient)] async fn f(&self) -> R;", &[("lenient", "unknown option `lenient`")]);
    check_methods(
        "#[wamp::rpc(\"a..b\")] async fn f(&self) -> R;",
        &[("\"a..b\"", "a URI has no empty component, except with `match = \"wildcard\"`, found \"docs.a..b\"")],
    );
    check_methods("async fn f(&self, #[wamp(default = 1)] a: u8) -> R;", &[("default", "unknown option `default`")]);
}

#[test]
fn methods_that_are_refused() {
    for (method, at, message) in [
        ("fn f(&self) -> R;", "fn", "`f` waits for an answer: expected an `async fn`, found a plain `fn`"),
        ("async fn f() -> R;", "f", "expected `&self` as first parameter of `f`"),
        ("async fn f(self) -> R;", "self", "expected `&self`, since a client calls as often as it likes; found `self`"),
        (
            "async fn f<T>(&self, a: T) -> R;",
            "T",
            "a method of a client cannot be generic: what goes over the wire has one type",
        ),
        (
            "async fn f(&self, a: impl Fn(u8)) -> R;",
            "impl Fn(u8)",
            "`impl Trait` is for progressive results, with `#[wamp(progress)]`: what is sent has one type",
        ),
        (
            "async fn f(&self, #[wamp(progress)] a: A, #[wamp(progress)] b: B) -> R;",
            "progress",
            "one parameter takes the progressive results",
        ),
        (
            "async fn f(&self, #[wamp(progress, keyword)] a: A) -> R;",
            "a",
            "`a` is for progressive results, which the callee knows by no name",
        ),
        (
            "#[wamp::rpc(\"x.{a}\")] async fn f(&self, #[wamp(keyword)] a: A) -> R;",
            "a",
            "`a` is a component of the URI, and nothing else",
        ),
        ("#[wamp::rpc(\"x.{b}\")] async fn f(&self) -> R;", "\"x.{b}\"", "`{b}` in the URI is no parameter of `f`"),
        ("async fn f(&self, a: A, #[wamp(rename = \"a\")] b: B) -> R;", "\"a\"", "`a` is already the keyword of `a`"),
        (
            "#[wamp::event(\"a\")] async fn f(&self) -> R;",
            "f",
            "methods of a client call procedures and carry #[wamp::rpc] only, found #[wamp::event]",
        ),
        (
            "#[wamp::rpc] #[wamp::rpc(\"b\")] async fn f(&self) -> R;",
            "f",
            "`f` calls one procedure, and carries #[wamp::rpc] once",
        ),
        (
            "#[wamp::rpc] async fn f(&self) -> R { g() }",
            "f",
            "`f` has a body, and calls what that calls; #[wamp::rpc] is for methods without",
        ),
    ] {
        check_methods(method, &[(at, message)]);
    }
}

#[test]
fn expansion() {
    expands(
        "#[wamp::client(prefix = \"docs\", rename_all = \"camelCase\", timeout = \"5s\")] pub trait DocsApi {
            /// Text.
            async fn get_one<'a>(&'a self, doc_id: u64, page: Option<u8>, #[wamp(keyword)] in_full: bool) -> R<'a>;
            #[wamp::rpc(\"{shelf}.export\", timeout = \"1s\", disclose_me)]
            async fn export(&self, shelf: &str, #[wamp(progress)] each: impl FnMut(u32) + Send + 'static) -> R;
            async fn own(&self) -> u8 { 7 }
        }",
        &[
            "fn get_one<'a>(&'a self, doc_id: u64, page: Option<u8>, in_full: bool)
                -> impl ::core::future::Future<Output = R<'a>> + ::core::marker::Send;",
            "async fn own(&self) -> u8 { 7 }",
            "pub struct DocsApiClient(::serverwamp::client::Callee);",
            "__wamp::StubCall::new(&self.0, \"docs.getOne\")",
            "call.positional(&__0); call.optional(&__1); call.keyword(\"inFull\", &__2);
                call.timeout(::core::time::Duration::from_millis(5000u64));",
            "__wamp::StubCall::new(&self.0, \"docs..export\")",
            "call.component(1usize, \"shelf\", &__0); call.on_progress(__1);
                call.timeout(::core::time::Duration::from_millis(1000u64)); call.disclose_me(true);",
        ],
    );
}
