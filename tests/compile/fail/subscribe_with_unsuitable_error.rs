use serverwamp::wamp;

struct Refusal;

#[wamp::subscribe("news")]
async fn subscribed() -> Result<(), Refusal> {
    Err(Refusal)
}

fn main() {}
