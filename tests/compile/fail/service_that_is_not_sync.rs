use serverwamp::wamp;

use std::cell::Cell;

struct Counter(Cell<i64>);

#[wamp::service]
impl Counter {
    #[wamp::rpc]
    async fn count(&self) -> i64 {
        self.0.replace(self.0.get() + 1)
    }
}

fn main() {}
