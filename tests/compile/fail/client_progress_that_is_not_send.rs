use serverwamp::{CallError, wamp};

#[wamp::client]
trait Docs {
    async fn export(&self, #[wamp(progress)] each: impl FnMut(u32)) -> Result<(), CallError>;
}

fn main() {}
