use serverwamp::WampError;

#[derive(WampError)]
enum Problem {
    #[wamp(internal)]
    Broken,
}

fn main() {}
