use futures_util::{Stream, stream};
use serverwamp::wamp;

struct Document;

#[wamp::subscribe("news")]
async fn subscribed() -> impl Stream<Item = Document> {
    stream::iter([Document])
}

fn main() {}
