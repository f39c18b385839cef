use serverwamp::wamp;

#[wamp::rpc("docs.{id}.title")]
async fn title(number: u64) -> String {
    number.to_string()
}

fn main() {}
