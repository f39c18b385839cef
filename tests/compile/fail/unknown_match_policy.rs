use serverwamp::wamp;

#[wamp::rpc("docs", match = "glob")]
async fn docs() {}

fn main() {}
