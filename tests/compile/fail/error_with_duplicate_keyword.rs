use serverwamp::WampError;

#[derive(Debug, WampError)]
#[wamp(uri = "app.error.invalid")]
struct Invalid {
    reason: String,
    #[wamp(rename = "reason")]
    cause: String,
}

fn main() {}
