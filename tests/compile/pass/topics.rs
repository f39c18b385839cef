//! Functions of topics and sessions return nothing, streams, or results of these, and stay ordinary functions.
#![deny(warnings, missing_docs, unreachable_pub, unused_results, unused_lifetimes)]

use std::pin::Pin;

use futures_util::{Stream, stream};
use serverwamp::{
    CancellationToken, EventDetails, Inject, Request, Rest, RpcError, Session, Subscription, Topic, WampError, wamp,
};

#[derive(Debug, WampError)]
#[wamp(uri = "app.error.refused")]
struct Refused;

type Outcome<T = ()> = Result<T, Refused>;

#[wamp::subscribe]
async fn any(_topic: Topic, _subscription: Subscription, _session: Session, _request: Request) {}

#[wamp::subscribe("rooms.", match = "prefix", realm = "customers", role = "admin | staff", manual)]
async fn refuses(topic: Topic) -> Outcome {
    if topic.ends_with(".secret") { Err(Refused) } else { Ok(()) }
}

#[wamp::subscribe("a..c", match = "wildcard")]
async fn streams() -> impl Stream<Item = u32> {
    stream::iter(1..3)
}

#[wamp::subscribe("[a-z]+", match = "regex")]
async fn streams_borrowing(topic: Topic) -> Outcome<impl Stream<Item = String>> {
    Ok(stream::iter([topic.to_string()]))
}

#[wamp::subscribe("boxed")]
async fn streams_boxed() -> Pin<Box<dyn Stream<Item = Result<(i64, String), Refused>> + Send>> {
    Box::pin(stream::iter([Err(Refused)]))
}

#[wamp::subscribe("files")]
async fn streams_of_standard_errors() -> std::io::Result<impl Stream<Item = std::io::Result<String>>> {
    Ok(stream::empty())
}

#[wamp::unsubscribe]
#[wamp::on_leave(before_authentication)]
#[wamp::on_join(realm = "customers")]
async fn noted(_session: Session, _log: Inject<String>) -> std::io::Result<()> {
    Ok(())
}

#[wamp::event("sensors.", match = "prefix", rename_all = "camelCase", timeout = "5s", concurrency = 2, lenient, detached)]
async fn measured<'a>(
    the_value: f64,
    #[wamp(default = "°C")] unit: &'a str,
    #[wamp(keyword)] at: Option<&'a str>,
    _rest: Rest,
    _details: EventDetails,
    _token: CancellationToken,
) -> Result<(), RpcError> {
    if the_value.is_nan() { Err(RpcError::default().message(format!("{unit}{at:?}"))) } else { Ok(()) }
}

#[wamp::rpc("both")]
#[wamp::event("both")]
async fn both(a: i64) {
    let _ = a;
}

#[wamp::on_join]
#[deprecated]
async fn endless(#[cfg(any())] a: i64, #[cfg(all())] _session: Session) -> ! {
    std::future::pending().await
}

#[derive(Debug)]
struct Rooms;

#[wamp::service(prefix = "rooms", timeout = "5s", lenient)]
impl Rooms {
    #[wamp::subscribe("all")]
    #[wamp::unsubscribe]
    async fn changed(&self, _topic: Topic) {}

    #[wamp::event("", match = "prefix")]
    async fn said(&self, text: &str) -> Result<(), Refused> {
        if text.is_empty() { Err(Refused) } else { Ok(()) }
    }

    #[wamp::on_leave]
    async fn left(&self, _session: Session) {}
}

fn main() {
    drop((streams(), streams_boxed(), streams_of_standard_errors(), both(1), Rooms.said("")));
}
