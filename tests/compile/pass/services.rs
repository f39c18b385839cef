//! Methods of a service keep what they are.

use std::sync::Arc;

use serverwamp::wamp;

const START: i64 = 1;

/// A counter.
#[derive(Debug, Default)]
pub struct Counter(i64);

#[wamp::service(prefix = "counter", realm = "calculators", rename_all = "camelCase", timeout = "5s", manual)]
impl Counter {
    /// What it counts from.
    pub const START: i64 = START;

    /// Makes one.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Counts.
    #[wamp::rpc]
    pub async fn count_up(&self, #[wamp(default = Self::START)] by: i64) -> i64 {
        self.0 + by
    }

    #[wamp::rpc("text", blocking, manual = false)]
    fn text<'a>(&'a self, text: &'a str) -> &'a str {
        text
    }
}

mod generic {
    pub(crate) struct Store<T>(pub(crate) T);
}

#[wamp::service]
impl generic::Store<Vec<i64>> {
    #[serverwamp::wamp::rpc]
    async fn length(&self) -> usize {
        self.0.len()
    }
}

fn main() {
    let counter = Counter::new();
    assert_eq!(counter.text("a"), "a");
    drop(counter.count_up(Counter::START));
    drop(generic::Store(vec![]).length());
}
