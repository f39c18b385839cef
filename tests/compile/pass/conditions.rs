//! What is compiled under a condition is registered under the same.

use serverwamp::wamp;

#[wamp::rpc]
#[cfg(any())]
async fn absent(a: Missing) {}

#[wamp::rpc]
async fn partly(#[cfg(any())] a: Missing, #[cfg(all())] b: i64, c: i64) -> i64 {
    b + c
}

#[wamp::rpc]
async fn either(#[cfg(any())] a: i64, #[cfg(not(any()))] a: String) -> String {
    a
}

struct Counter;

#[wamp::service]
impl Counter {
    #[cfg(any())]
    #[wamp::rpc]
    async fn absent(&self, a: Missing) {}

    #[wamp::rpc]
    async fn present(&self) {}
}

#[wamp::service]
#[cfg(any())]
impl Missing {
    #[wamp::rpc]
    async fn absent(&self) {}
}

fn main() {
    drop((partly(1, 2), either(String::new()), Counter.present()));
}
