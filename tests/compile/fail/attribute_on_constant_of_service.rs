use serverwamp::wamp;

struct Counter;

#[wamp::service]
impl Counter {
    #[wamp::rpc]
    const START: i64 = 0;

    #[wamp::rpc]
    async fn count(&self) -> i64 {
        Self::START
    }
}

fn main() {}
