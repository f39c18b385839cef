use serverwamp::wamp;

#[wamp::rpc("math.one", retries = 3)]
async fn one() -> i64 {
    1
}

fn main() {}
