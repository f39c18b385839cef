use serverwamp::wamp;

#[wamp::subscribe("docs", role = "*")]
async fn docs() {}

fn main() {}
