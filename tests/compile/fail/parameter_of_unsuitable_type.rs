use serverwamp::wamp;

struct Connection;

#[wamp::rpc("docs.get")]
async fn get(id: u64, connection: Connection) -> u64 {
    let _ = connection;
    id
}

fn main() {}
