use serverwamp::WampError;

#[derive(Debug, WampError)]
#[wamp(prefix = "..error")]
enum Problem {
    NotFound,
}

fn main() {}
