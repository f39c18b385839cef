use serverwamp::{CallError, wamp};

#[wamp::client]
trait Docs {
    #[wamp::event("docs.changed")]
    async fn changed(&self) -> Result<(), CallError>;
}

fn main() {}
