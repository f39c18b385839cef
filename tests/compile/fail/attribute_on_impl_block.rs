use serverwamp::wamp;

struct Counter;

#[wamp::rpc("counter")]
impl Counter {}

fn main() {}
