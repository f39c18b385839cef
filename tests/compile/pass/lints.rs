//! The generated code is silent where the program is strict.
#![deny(warnings, missing_docs, unreachable_pub, unused_results, unused_lifetimes)]
#![deny(elided_lifetimes_in_paths, single_use_lifetimes, trivial_casts, variant_size_differences)]
#![forbid(unsafe_code, non_ascii_idents, unused_must_use, unused_qualifications, unused_mut, unused_variables, dead_code)]

use serverwamp::{WampError, wamp};

#[wamp::rpc("math.add")]
async fn add(a: i64, #[wamp(default = 5)] b: i64) -> i64 {
    a + b
}

#[wamp::rpc]
fn nothing() {}

#[wamp::rpc(blocking)]
#[deprecated]
fn old(text: &str) -> Result<String, Problem> {
    if text.is_empty() { Err(Problem::Empty { text: text.to_owned() }) } else { Ok(text.to_owned()) }
}

#[wamp::rpc]
fn endless() -> ! {
    std::process::abort()
}

#[wamp::rpc]
#[must_use]
async fn important() -> i64 {
    1
}

#[derive(Debug, WampError)]
#[wamp(prefix = "app.error")]
enum Problem {
    Empty { text: String },
    #[deprecated]
    Old(i64),
    #[wamp(internal)]
    Broken,
}

struct Counter;

#[wamp::service]
impl Counter {
    #[wamp::rpc]
    async fn count(&self, #[wamp(default = 1)] by: i64) -> i64 {
        by
    }
}

fn main() {
    let _: Option<Problem> = Some(Problem::Broken);
    let _: Option<Counter> = Some(Counter);
}
