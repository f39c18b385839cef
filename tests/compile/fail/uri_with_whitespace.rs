use serverwamp::wamp;

#[wamp::rpc("math one")]
async fn one() -> i64 {
    1
}

fn main() {}
