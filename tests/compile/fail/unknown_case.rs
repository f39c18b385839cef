use serverwamp::wamp;

#[wamp::rpc("docs", rename_all = "camel_case")]
async fn docs() {}

fn main() {}
