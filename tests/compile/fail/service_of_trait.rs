use serverwamp::wamp;

struct Counter;

trait Count {
    fn count(&self) -> i64;
}

#[wamp::service]
impl Count for Counter {
    #[wamp::rpc]
    fn count(&self) -> i64 {
        0
    }
}

fn main() {}
