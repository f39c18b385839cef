use serverwamp::wamp;

#[wamp::rpc("math.one", blocking)]
async fn one() -> i64 {
    1
}

fn main() {}
