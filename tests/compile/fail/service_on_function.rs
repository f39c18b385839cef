use serverwamp::wamp;

#[wamp::service]
async fn count() -> i64 {
    0
}

fn main() {}
