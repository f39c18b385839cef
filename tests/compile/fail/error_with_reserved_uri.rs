use serverwamp::WampError;

#[derive(Debug, WampError)]
#[wamp(uri = "wamp.close.normal")]
struct Closed;

fn main() {}
