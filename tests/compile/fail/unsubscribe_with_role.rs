use serverwamp::wamp;

#[wamp::unsubscribe("docs", role = "admin")]
async fn docs() {}

fn main() {}
