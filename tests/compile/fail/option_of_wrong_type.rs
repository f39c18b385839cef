use serverwamp::wamp;

#[wamp::rpc("math.one", timeout = 5)]
async fn one() -> i64 {
    1
}

fn main() {}
