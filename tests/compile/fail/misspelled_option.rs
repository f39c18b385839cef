use serverwamp::wamp;

#[wamp::rpc("math.one", tiemout = "5s")]
async fn one() -> i64 {
    1
}

fn main() {}
