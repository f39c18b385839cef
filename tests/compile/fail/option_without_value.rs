use serverwamp::wamp;

#[wamp::rpc("math.one", realm)]
async fn one() -> i64 {
    1
}

fn main() {}
