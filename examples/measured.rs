//! The server that `serverwamp/benches/README.md` measures: one procedure, a topic that clients may publish to, and room
//! for the procedures of clients.

use serverwamp::wamp;

/// Adds two numbers.
#[wamp::rpc("math.add")]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

#[tokio::main]
async fn main() -> serverwamp::Result<()> {
    tracing_subscriber::fmt().with_target(false).init();
    serverwamp::serve().open_topics("bench.").router().await
}
