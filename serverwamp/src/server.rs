//! Accepting connections.

use std::future::{Future, ready};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::http::StatusCode;
use tokio_util::task::TaskTracker;

use crate::connection::{Connection, Place, Shared};
use crate::handler::TransportInfo;
use crate::limits::Limits;
use crate::transport::{ByteStream, Origins, TlsConfig, Upgrade, UpgradeError, WebSocket, accept, refusal};

/// How long the accept loop pauses at most when the system has nothing left to give.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What accepts the connections of one listener.
pub(crate) struct Acceptor {
    pub(crate) shared: Arc<Shared>,
    pub(crate) origins: Arc<Origins>,
    pub(crate) connections: TaskTracker,
    pub(crate) tls: Option<TlsConfig>,
}

impl Acceptor {
    /// Serves what connects, until it is dropped.
    pub(crate) async fn run(self, listener: TcpListener) {
        let address = listener.local_addr().ok();
        let mut pause = Duration::from_millis(5);
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    pause = Duration::from_millis(5);
                    self.serve(stream, peer, address);
                }
                Err(error) => {
                    tracing::warn!(%error, ?pause, "cannot accept connections");
                    self.shared.counters.limit("accept");
                    sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    fn serve(&self, stream: TcpStream, peer: SocketAddr, listener: Option<SocketAddr>) {
        let (shared, origins) = (Arc::clone(&self.shared), Arc::clone(&self.origins));
        let Some(place) = shared.admit() else {
            tracing::warn!(%peer, "too many connections");
            // A client that expects TLS could not read an answer.
            if self.tls.is_none() {
                refuse(stream);
            }
            return;
        };
        // Replies are collected before they are written, so that there is nothing to wait for.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%peer, %error, "cannot set TCP_NODELAY");
        }
        let (tasks, peer) = (&self.connections, Some(peer));
        match &self.tls {
            None => tasks.spawn(serve_stream(ready(Ok(stream)), peer, listener, place, shared, origins)),
            Some(tls) => tasks.spawn(serve_stream(tls.accept(stream), peer, listener, place, shared, origins)),
        };
    }
}

/// Answers a connection that there is no room for, as far as that goes without waiting.
fn refuse(stream: TcpStream) {
    use std::io::Write;
    let answer = refusal(StatusCode::SERVICE_UNAVAILABLE, "too many connections");
    // A peer that cannot be told notices when the connection closes.
    let _ = stream.into_std().and_then(|mut stream| stream.write(answer.as_bytes()));
}

/// Upgrades a stream, once there is one, and serves it to its end.
async fn serve_stream<S: ByteStream>(
    stream: impl Future<Output = io::Result<S>>,
    peer: Option<SocketAddr>,
    listener: Option<SocketAddr>,
    place: Place,
    shared: Arc<Shared>,
    origins: Arc<Origins>,
) {
    let upgrade = upgrade(stream, listener, &origins, &shared.limits);
    let (stream, upgrade) = match timeout(shared.limits.upgrade_timeout, upgrade).await {
        Ok(Ok(upgraded)) => upgraded,
        Ok(Err(error)) => {
            if let UpgradeError::TooLarge { limit, .. } = error {
                shared.counters.limit(limit);
            }
            tracing::debug!(?peer, %error, "no WebSocket");
            return;
        }
        Err(_) => {
            shared.counters.limit("upgrade_timeout");
            tracing::debug!(?peer, "no WebSocket in time");
            return;
        }
    };
    let subprotocol = upgrade.subprotocol;
    let info = TransportInfo {
        kind: "websocket",
        serializer: subprotocol.serializer(),
        peer,
        path: upgrade.path,
        query: upgrade.query,
        headers: upgrade.headers,
        tls: stream.tls_info(),
    };
    let size = shared.limits.message_size_before_welcome;
    let transport = WebSocket::server(stream, &upgrade.rest, subprotocol.is_text(), size);
    let control = Arc::clone(place.control());
    Connection::new(transport, subprotocol, info, shared, control).await;
    drop(place);
}

/// Waits for the stream and for its request.
async fn upgrade<S: ByteStream>(
    stream: impl Future<Output = io::Result<S>>,
    listener: Option<SocketAddr>,
    origins: &Origins,
    limits: &Limits,
) -> Result<(S, Upgrade), UpgradeError> {
    let mut stream = stream.await.map_err(UpgradeError::Tls)?;
    let upgrade = accept(&mut stream, listener, origins, limits).await?;
    Ok((stream, upgrade))
}
