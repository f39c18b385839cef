//! Accepting connections.

mod listener;
#[cfg(unix)]
mod unix;

use std::future::{Future, ready};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;

use crate::connection::{Connection, Control, Place, Shared};
use crate::handler::TransportInfo;
use crate::transport::{
    ByteStream, Handshake, OpenError, Opened, Origins, RawSocket, TlsConfig, Upgrade, UpgradeError, WebSocket, no_room,
    open,
};

pub(crate) use listener::{AnyListener, Listener, Peer};

/// How long the accept loop pauses at most when the system has nothing left to give.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How long a peer may take to show which protocol it wants to be refused in.
const REFUSAL: Duration = Duration::from_secs(1);

/// What accepts the connections of a server; clones are for its listeners.
#[derive(Clone)]
pub(crate) struct Acceptor {
    shared: Arc<Shared>,
    origins: Arc<Origins>,
    connections: TaskTracker,
}

impl Acceptor {
    pub(crate) fn new(shared: Arc<Shared>, origins: Origins) -> Acceptor {
        Acceptor { shared, origins: Arc::new(origins), connections: TaskTracker::new() }
    }

    /// All connections that have been accepted and not ended.
    pub(crate) fn connections(&self) -> &TaskTracker {
        &self.connections
    }

    /// Serves what connects to a listener, until it is dropped.
    pub(crate) async fn run(self, listener: AnyListener) {
        match listener {
            AnyListener::Tcp(listener, None) => self.accept_from(listener, Acceptor::serve).await,
            AnyListener::Tcp(listener, Some(tls)) => {
                let serve = |acceptor: &Acceptor, stream, peer, address| {
                    acceptor.serve_with_tls(&tls, stream, peer, address);
                };
                self.accept_from(listener, serve).await;
            }
            #[cfg(unix)]
            AnyListener::Unix(listener) => self.accept_from(listener, Acceptor::serve).await,
        }
    }

    async fn accept_from<L: Listener>(
        &self,
        mut listener: L,
        serve: impl Fn(&Acceptor, L::Stream, Peer, Option<SocketAddr>),
    ) {
        let address = listener.address();
        let mut pause = Duration::from_millis(5);
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    pause = Duration::from_millis(5);
                    serve(self, stream, peer, address);
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

    /// Serves one connection, if there is room for it.
    pub(crate) fn serve<S: ByteStream>(&self, stream: S, peer: Peer, listener: Option<SocketAddr>) {
        match self.admit(&peer) {
            Some(place) => self.spawn(ready(Ok(stream)), peer, listener, place),
            None => self.refuse(stream),
        }
    }

    /// Serves one connection behind the handshake of TLS, if there is room for it: a client that expects TLS could not
    /// read an answer.
    fn serve_with_tls(&self, tls: &TlsConfig, stream: TcpStream, peer: Peer, listener: Option<SocketAddr>) {
        if let Some(place) = self.admit(&peer) {
            self.spawn(tls.accept(stream), peer, listener, place);
        }
    }

    fn admit(&self, peer: &Peer) -> Option<Place> {
        let place = self.shared.admit();
        if place.is_none() {
            tracing::warn!(?peer, "too many connections");
        }
        place
    }

    fn spawn<S: ByteStream>(
        &self,
        stream: impl Future<Output = io::Result<S>> + Send + 'static,
        peer: Peer,
        listener: Option<SocketAddr>,
        place: Place,
    ) {
        let (shared, origins) = (Arc::clone(&self.shared), Arc::clone(&self.origins));
        self.connections.spawn(serve_stream(stream, peer, listener, place, shared, origins));
    }

    /// Answers a connection that there is no room for, in its protocol; if very many are refused, it is only dropped.
    fn refuse(&self, mut stream: impl ByteStream) {
        let Ok(permit) = Arc::clone(&self.shared.refusals).try_acquire_owned() else { return };
        self.connections.spawn(async move {
            let mut received = Vec::with_capacity(1024);
            let _ = timeout(REFUSAL, stream.read_buf(&mut received)).await;
            let answer = async {
                stream.write_all(&no_room(&received)).await?;
                stream.shutdown().await
            };
            // A peer that cannot be told notices when the connection closes.
            let _ = timeout(REFUSAL, answer).await;
            drop(permit);
        });
    }
}

/// Finds out what a peer wants to speak, once there is a stream, and serves it to its end.
async fn serve_stream<S: ByteStream>(
    stream: impl Future<Output = io::Result<S>>,
    peer: Peer,
    listener: Option<SocketAddr>,
    place: Place,
    shared: Arc<Shared>,
    origins: Arc<Origins>,
) {
    let opening = async {
        let mut stream = stream.await.map_err(OpenError::Tls)?;
        let largest = shared.realms.message_size();
        let opened = open(&mut stream, listener, &origins, &shared.limits, largest).await?;
        Ok((stream, opened))
    };
    let (stream, opened) = match timeout(shared.limits.upgrade_timeout, opening).await {
        Ok(Ok(opened)) => opened,
        Ok(Err(error)) => {
            if let OpenError::Upgrade(UpgradeError::TooLarge { limit, .. }) = error {
                shared.counters.limit(limit);
            }
            tracing::debug!(?peer, %error, "the connection was not opened");
            return;
        }
        Err(_) => {
            shared.counters.limit("upgrade_timeout");
            tracing::debug!(?peer, "the connection was not opened in time");
            return;
        }
    };
    let control = Arc::clone(place.control());
    match opened {
        Opened::WebSocket(upgrade) => over_web_socket(stream, upgrade, peer, shared, control).await,
        Opened::RawSocket(handshake) => over_raw_socket(stream, handshake, peer, shared, control).await,
    }
    drop(place);
}

fn over_web_socket<S: ByteStream>(
    stream: S,
    upgrade: Upgrade,
    peer: Peer,
    shared: Arc<Shared>,
    control: Arc<Control>,
) -> Connection<WebSocket<S>> {
    let subprotocol = upgrade.subprotocol;
    let info = TransportInfo {
        kind: "websocket",
        serializer: subprotocol.serializer(),
        path: upgrade.path,
        query: upgrade.query,
        headers: upgrade.headers,
        ..peer.info(&stream)
    };
    let size = shared.limits.message_size_before_welcome;
    let transport = WebSocket::server(stream, &upgrade.rest, subprotocol.is_text(), size);
    Connection::new(transport, subprotocol, info, shared, control)
}

fn over_raw_socket<S: ByteStream>(
    stream: S,
    handshake: Handshake,
    peer: Peer,
    shared: Arc<Shared>,
    control: Arc<Control>,
) -> Connection<RawSocket<S>> {
    let subprotocol = handshake.subprotocol;
    let info = TransportInfo {
        kind: "rawsocket",
        serializer: subprotocol.serializer(),
        peer_message_size: Some(handshake.peer_accepts),
        ..peer.info(&stream)
    };
    let transport = RawSocket::new(stream, handshake, shared.limits.message_size_before_welcome);
    Connection::new(transport, subprotocol, info, shared, control)
}
