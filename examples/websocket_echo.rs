//! Sends back every WebSocket message: what the Autobahn test suite judges the WebSocket of this framework by. It takes
//! `host:port` and runs until it is ended; `tests/autobahn/run` points the suite at it.

use serverwamp::{Limits, testing};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9001".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("{}", listener.local_addr()?);
    // The largest messages of the suite have 16 MiB.
    testing::echo_web_sockets(listener, Limits { message_size: 16 * 1024 * 1024, ..Limits::default() }).await;
    Ok(())
}
