use serverwamp::{Topic, wamp};

#[wamp::subscribe("news")]
async fn subscribed(topic: Topic, count: u64) {
    let _ = (topic, count);
}

fn main() {}
