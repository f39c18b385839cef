use serverwamp::{CallError, wamp};

#[wamp::client]
trait Docs {
    #[wamp::rpc("docs.get", concurrency = 10)]
    async fn get(&self) -> Result<u8, CallError>;
}

fn main() {}
