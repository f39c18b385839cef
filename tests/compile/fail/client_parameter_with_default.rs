use serverwamp::{CallError, wamp};

#[wamp::client]
trait Docs {
    async fn get(&self, #[wamp(default = 1)] id: u64) -> Result<u8, CallError>;
}

fn main() {}
