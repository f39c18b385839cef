use serverwamp::WampError;

#[derive(Debug, WampError)]
enum Problem {
    NotFound,
    #[wamp(internal)]
    Broken,
}

fn main() {}
