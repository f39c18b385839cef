use serverwamp::wamp;

#[wamp::client]
struct Docs;

fn main() {}
