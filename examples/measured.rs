//! The server that `serverwamp/benches/README.md` measures: one procedure, and a topic that clients may publish to. With
//! `--router` it serves nothing itself, and clients register procedures.

use serverwamp::{App, wamp};

/// Adds two numbers.
#[wamp::rpc("math.add")]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

#[tokio::main]
async fn main() -> serverwamp::Result<()> {
    tracing_subscriber::fmt().with_target(false).init();
    let is_router = std::env::args().any(|argument| argument == "--router");
    let app = if is_router { App::new().router() } else { serverwamp::serve() };
    app.open_topics("bench.").await
}
