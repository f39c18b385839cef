use serverwamp::wamp;

#[wamp::rpc("docs.{id}.title")]
async fn title(id: u64) -> String {
    id.to_string()
}

fn main() {}
