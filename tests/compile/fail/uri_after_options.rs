use serverwamp::wamp;

#[wamp::rpc(lenient, "math.one")]
async fn one() -> i64 {
    1
}

fn main() {}
