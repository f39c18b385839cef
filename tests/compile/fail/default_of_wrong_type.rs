use serverwamp::wamp;

#[wamp::rpc("math.negate")]
async fn negate(#[wamp(default = "5")] a: i64) -> i64 {
    -a
}

fn main() {}
