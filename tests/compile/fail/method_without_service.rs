use serverwamp::wamp;

struct Counter;

impl Counter {
    #[wamp::rpc("counter.get")]
    async fn get(&self) -> i64 {
        0
    }
}

fn main() {}
