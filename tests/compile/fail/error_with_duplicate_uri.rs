use serverwamp::WampError;

#[derive(Debug, WampError)]
#[wamp(prefix = "app.error")]
enum Problem {
    NotFound,
    #[wamp(uri = "app.error.not_found")]
    Gone,
}

fn main() {}
