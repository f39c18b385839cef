use serverwamp::{Topic, wamp};

#[wamp::unsubscribe]
async fn unsubscribed(#[wamp(rename = "uri")] topic: Topic) {
    let _ = topic;
}

fn main() {}
