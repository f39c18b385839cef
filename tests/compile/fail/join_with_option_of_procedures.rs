use serverwamp::wamp;

#[wamp::on_join(concurrency = 2)]
async fn joined() {}

fn main() {}
