use serverwamp::wamp;

#[wamp::rpc("docs..title", match = "prefix")]
async fn title() -> String {
    String::new()
}

fn main() {}
