use serverwamp::wamp;

#[wamp::on_join("customers")]
async fn joined() {}

fn main() {}
