use serverwamp::wamp;

#[wamp::rpc("math.one")]
unsafe fn one() -> i64 {
    1
}

fn main() {}
