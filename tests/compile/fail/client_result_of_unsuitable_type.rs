use serverwamp::{CallError, wamp};

struct Doc;

#[wamp::client]
trait Docs {
    async fn get(&self) -> Result<Doc, CallError>;
}

fn main() {}
