use serverwamp::wamp;

struct Counter;

#[wamp::service]
impl Counter {
    async fn count(&self) -> i64 {
        0
    }
}

fn main() {}
