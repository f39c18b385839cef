use serverwamp::wamp;

#[wamp::event("docs", role = ["admin", "staff"])]
async fn docs() {}

fn main() {}
