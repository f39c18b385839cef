use serverwamp::wamp;

#[wamp::rpc("math.one")]
const fn one() -> i64 {
    1
}

fn main() {}
