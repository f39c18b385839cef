use serverwamp::WampError;

#[derive(Debug, WampError)]
enum Problem {
    #[wamp(internal, uri = "app.error.broken")]
    Broken,
}

fn main() {}
