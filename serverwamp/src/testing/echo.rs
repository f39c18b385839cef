//! WebSockets without WAMP.

use tokio::net::TcpListener;

use crate::limits::Limits;
use crate::transport::echo;

/// Serves WebSockets on which every message comes back, whatever the subprotocol, with the transport that sessions have:
/// for test suites of RFC 6455. Never returns.
///
/// Of the limits, those of the message and the HTTP head hold.
#[doc(hidden)]
pub async fn echo_web_sockets(listener: TcpListener, limits: Limits) {
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            continue;
        };
        let limits = limits.clone();
        tokio::spawn(async move {
            if let Err(error) = echo(stream, &limits).await {
                tracing::debug!(%peer, %error, "the WebSocket broke");
            }
        });
    }
}
