use serverwamp::wamp;

#[wamp::rpc("docs", invoke = "round_robin")]
async fn docs() {}

fn main() {}
