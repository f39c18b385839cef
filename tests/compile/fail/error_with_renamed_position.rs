use serverwamp::WampError;

#[derive(Debug, WampError)]
#[wamp(uri = "app.error.invalid")]
struct Invalid(#[wamp(rename = "reason")] String);

fn main() {}
