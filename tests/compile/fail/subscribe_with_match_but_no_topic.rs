use serverwamp::wamp;

#[wamp::subscribe(match = "prefix")]
async fn subscribed() {}

fn main() {}
