use serverwamp::wamp;

#[wamp::subscribe("news")]
async fn subscribed() -> Vec<String> {
    Vec::new()
}

fn main() {}
