use serverwamp::wamp;

#[wamp::rpc("math.one")]
extern "C" fn one() -> i64 {
    1
}

fn main() {}
