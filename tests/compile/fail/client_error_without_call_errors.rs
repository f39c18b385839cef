use serverwamp::{WampError, wamp};

#[derive(Debug, WampError)]
#[wamp(prefix = "docs.error")]
enum DocError {
    NotFound,
}

#[wamp::client]
trait Docs {
    async fn get(&self) -> Result<u8, DocError>;
}

fn main() {}
