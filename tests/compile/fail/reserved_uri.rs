use serverwamp::wamp;

#[wamp::rpc("wamp.math.one")]
async fn one() -> i64 {
    1
}

fn main() {}
