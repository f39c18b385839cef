use serverwamp::wamp;

#[wamp::rpc("math.one", lenient, lenient)]
async fn one() -> i64 {
    1
}

fn main() {}
