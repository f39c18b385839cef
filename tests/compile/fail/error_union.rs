use serverwamp::WampError;

#[derive(WampError)]
union Problem {
    code: u32,
}

fn main() {}
