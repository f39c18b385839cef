use serverwamp::wamp;

#[wamp::rpc("docs", timeout = "5 seconds")]
async fn docs() {}

fn main() {}
