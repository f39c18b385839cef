use serverwamp::wamp;

#[wamp::rpc("math.negate")]
async fn negate(a: impl Into<i64>) -> i64 {
    -a.into()
}

fn main() {}
