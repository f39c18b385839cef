use serverwamp::wamp;

#[wamp::client]
trait Docs {
    async fn get(&self) -> u8;
}

fn main() {}
