use serverwamp::{Topic, wamp};

#[wamp::subscribe("news")]
fn subscribed(topic: Topic) {
    let _ = topic;
}

fn main() {}
