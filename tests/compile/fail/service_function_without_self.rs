use serverwamp::wamp;

struct Counter;

#[wamp::service]
impl Counter {
    #[wamp::rpc]
    async fn count() -> i64 {
        0
    }
}

fn main() {}
