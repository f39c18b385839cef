use serverwamp::WampError;

#[derive(Debug)]
struct Reason;

#[derive(Debug, WampError)]
#[wamp(uri = "app.error.invalid")]
struct Invalid(Reason);

fn main() {}
