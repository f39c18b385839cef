use serverwamp::WampError;

#[derive(Debug, WampError)]
#[wamp(prefix = "app.error")]
enum Problem {
    #[wamp(url = "app.error.missing")]
    NotFound,
}

fn main() {}
