use serverwamp::wamp;

#[wamp::rpc(1)]
async fn one() -> i64 {
    1
}

fn main() {}
