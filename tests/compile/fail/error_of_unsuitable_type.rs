use serverwamp::wamp;

struct Problem;

#[wamp::rpc("docs.get")]
async fn get() -> Result<u64, Problem> {
    Err(Problem)
}

fn main() {}
