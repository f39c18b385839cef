use serverwamp::WampError;

#[derive(Debug, WampError)]
#[wamp(uri = "app.error.invalid")]
struct Invalid<T>(T);

fn main() {}
