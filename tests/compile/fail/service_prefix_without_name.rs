use serverwamp::wamp;

struct Counter;

#[wamp::service("counter")]
impl Counter {
    #[wamp::rpc]
    async fn count(&self) -> i64 {
        0
    }
}

fn main() {}
