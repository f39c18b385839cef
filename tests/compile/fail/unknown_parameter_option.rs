use serverwamp::wamp;

#[wamp::rpc("math.negate")]
async fn negate(#[wamp(defualt = 5)] a: i64) -> i64 {
    -a
}

fn main() {}
