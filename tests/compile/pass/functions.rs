//! Functions keep what they are, and can be called as they are written.

use std::borrow::Cow;

use serverwamp::wamp;

/// Adds two numbers.
#[wamp::rpc("math.add", match = "exact", realm = "calculators", timeout = "1.5s", concurrency = 3, lenient, detached)]
async fn add(a: i64, #[wamp(default = 5)] mut b: i64) -> i64 {
    b += a;
    b
}

#[wamp::rpc("shop.{shop}.product.{type}")]
#[wamp::rpc("shop.product")]
fn product(shop: &str, r#type: Option<u8>, session: serverwamp::Session) -> String {
    format!("{shop} {:?} {}", r#type, session.realm())
}

#[wamp::rpc]
fn nothing() {}

#[wamp::rpc]
fn endless() -> ! {
    std::process::abort()
}

#[wamp::rpc("files.", match = "prefix", blocking, manual)]
pub(crate) fn file(name: String) -> std::io::Result<String> {
    std::fs::read_to_string(name)
}

#[wamp::rpc(rename_all = "camelCase")]
fn keywords(#[wamp(keyword)] r#type: i64, #[wamp(rename = "second name", default)] second: Option<i64>) -> i64 {
    r#type + second.unwrap_or_default()
}

#[wamp::rpc]
async fn borrows<'a, 'b: 'a>(text: &'a str, list: Vec<&'b str>, either: Cow<'_, str>, bytes: &[u8]) -> String {
    format!("{text}{list:?}{either}{bytes:?}")
}

/// Parameters may have the names that the generated code uses.
#[wamp::rpc]
async fn same_names(call: i64, arguments: i64, value: i64, #[wamp(default = 4)] service: i64) -> i64 {
    call + arguments + value + service
}

#[wamp::rpc("first")]
#[wamp::rpc("second", lenient)]
async fn twice(#[wamp(default = 2)] a: i64) -> i64 {
    2 * a
}

mod call {
    use serverwamp::wamp::rpc;

    #[rpc]
    pub(super) async fn call() {}
}

fn main() {
    #[wamp::rpc]
    fn inner() -> i64 {
        1
    }

    assert_eq!(inner(), 1);
    assert_eq!(keywords(1, None), 1);
    nothing();
    drop((add(1, 2), borrows("", vec![], Cow::Borrowed(""), &[]), same_names(1, 2, 3, 4), twice(1), call::call()));
    let _ = (endless as fn() -> !, file);
}
