use serverwamp::wamp;

#[wamp::rpc("docs", concurrency = 0)]
async fn docs() {}

fn main() {}
