use serverwamp::wamp;

struct Counter(i64);

#[wamp::service]
impl Counter {
    #[wamp::rpc]
    async fn count(&mut self) -> i64 {
        self.0 += 1;
        self.0
    }
}

fn main() {}
