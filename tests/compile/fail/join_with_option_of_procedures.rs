use serverwamp::wamp;

#[wamp::on_join(timeout = "5s")]
async fn joined() {}

fn main() {}
