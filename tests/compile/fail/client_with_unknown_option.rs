use serverwamp::{CallError, wamp};

#[wamp::client(prefix = "docs", lenient)]
trait Docs {
    async fn get(&self) -> Result<u8, CallError>;
}

fn main() {}
