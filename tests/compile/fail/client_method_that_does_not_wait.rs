use serverwamp::{CallError, wamp};

#[wamp::client]
trait Docs {
    fn get(&self) -> Result<u8, CallError>;
}

fn main() {}
