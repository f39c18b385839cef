use serverwamp::{CallError, wamp};

struct Doc;

#[wamp::client]
trait Docs {
    async fn put(&self, doc: Doc) -> Result<(), CallError>;
}

fn main() {}
