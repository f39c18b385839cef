use serverwamp::wamp;

#[wamp::rpc("math.zero")]
async fn zero(_: i64) -> i64 {
    0
}

fn main() {}
