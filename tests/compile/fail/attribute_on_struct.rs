use serverwamp::wamp;

#[wamp::rpc("math.one")]
struct One;

fn main() {}
