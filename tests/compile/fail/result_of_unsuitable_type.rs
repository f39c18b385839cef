use serverwamp::wamp;

struct Document;

#[wamp::rpc("docs.get")]
async fn get() -> Document {
    Document
}

fn main() {}
