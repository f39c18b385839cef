use serverwamp::wamp;

#[wamp::rpc("docs", role = "admin |")]
async fn docs() {}

fn main() {}
