use serverwamp::WampError;

#[derive(Debug, WampError)]
#[wamp(prefix = "app error")]
enum Problem {
    NotFound,
}

fn main() {}
