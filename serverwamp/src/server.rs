//! Accepting connections.

#[cfg(feature = "tower")]
mod hosted;
mod listener;
mod own;
#[cfg(unix)]
mod unix;

use std::future::{Future, ready};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;

use crate::connection::{Connection, Control, NoPlace, Place, Shared};
use crate::handler::TransportInfo;
use crate::log::Shown;
use crate::transport::{
    ByteStream, Handshake, HttpSettings, OpenError, Opened, Peer, RawSocket, Upgrade, WebSocket, decline, open,
};

#[cfg(feature = "tower")]
pub use hosted::WampService;
use listener::Accept;
pub(crate) use listener::AnyListener;
pub use own::Listener;
pub(crate) use own::OwnListener;

/// How long the accept loop pauses at most when the system has nothing left to give.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How long a peer may take to show which protocol it wants to be refused in.
const REFUSAL: Duration = Duration::from_secs(1);

/// What accepts the connections of a server; clones are for its listeners.
#[derive(Clone)]
pub(crate) struct Acceptor {
    shared: Arc<Shared>,
    http: Arc<HttpSettings>,
    connections: TaskTracker,
}

impl Acceptor {
    pub(crate) fn new(shared: Arc<Shared>, http: HttpSettings) -> Acceptor {
        Acceptor { shared, http: Arc::new(http), connections: TaskTracker::new() }
    }

    /// All connections that have been admitted and not ended.
    pub(crate) fn connections(&self) -> &TaskTracker {
        &self.connections
    }

    /// Serves what connects to a listener, until it is dropped. While the server shuts down that is probes only.
    pub(crate) async fn run(self, listener: AnyListener) {
        match listener {
            AnyListener::Tcp { listener, tls: None, .. } => self.accept_from(listener, Acceptor::serve).await,
            AnyListener::Tcp { listener, tls: Some(tls), .. } => {
                let serve = |acceptor: &Acceptor, stream, peer, address| {
                    acceptor.serve_soon(tls.accept(stream), peer, address);
                };
                self.accept_from(listener, serve).await;
            }
            #[cfg(unix)]
            AnyListener::Unix(listener) => self.accept_from(listener, Acceptor::serve).await,
            AnyListener::Own(listener) => listener.serve(self).await,
        }
    }

    async fn accept_from<L: Accept>(
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
        self.serve_soon(ready(Ok(stream)), peer, listener);
    }

    /// Serves one connection, once it is there as a stream, if there is room for it.
    fn serve_soon<S: ByteStream>(
        &self,
        stream: impl Future<Output = io::Result<S>> + Send + 'static,
        peer: Peer,
        listener: Option<SocketAddr>,
    ) {
        match self.shared.admit() {
            Ok(place) => {
                let (shared, http) = (Arc::clone(&self.shared), Arc::clone(&self.http));
                self.connections.spawn(serve_stream(stream, peer, listener, place, shared, http));
            }
            Err(reason) => {
                if reason == NoPlace::Full {
                    tracing::warn!(?peer, "too many connections");
                }
                self.decline(stream, reason);
            }
        }
    }

    /// Tells a peer in its protocol that there is no place for it, and answers a probe; if very many are told, it is only
    /// dropped. No shutdown waits for that.
    fn decline<S: ByteStream>(&self, stream: impl Future<Output = io::Result<S>> + Send + 'static, reason: NoPlace) {
        let Ok(permit) = Arc::clone(&self.shared.refusals).try_acquire_owned() else { return };
        let shared = Arc::clone(&self.shared);
        tokio::spawn(async move {
            if let Ok(Ok(mut stream)) = timeout(REFUSAL, stream).await {
                decline(&mut stream, REFUSAL, &shared.limits, shared.is_ready(), &reason.to_string()).await;
            }
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
    http: Arc<HttpSettings>,
) {
    let opening = async {
        let mut stream = stream.await.map_err(OpenError::Tls)?;
        let largest = shared.realms.message_size();
        let opened = open(&mut stream, &peer, listener, &http, &shared.limits, largest).await?;
        if let Opened::Probe(probe) = &opened {
            stream.write_all(&probe.answer(shared.is_ready())).await?;
            stream.shutdown().await?;
        }
        Ok::<_, OpenError>((stream, opened))
    };
    // Boxed, so that an open connection keeps no room for how it was opened.
    let (stream, opened) = match timeout(shared.limits.upgrade_timeout, Box::pin(opening)).await {
        Ok(Ok(opened)) => opened,
        Ok(Err(error)) => {
            if let Some(limit) = error.limit() {
                shared.counters.limit(limit);
            }
            tracing::debug!(?peer, error = %Shown(&error), "the connection was not opened");
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
        Opened::WebSocket(upgrade) => over_web_socket(stream, upgrade, peer, &http, shared, control).await,
        Opened::RawSocket(handshake) => over_raw_socket(stream, handshake, peer, shared, control).await,
        Opened::Probe(_) => {}
    }
    drop(place);
}

fn over_web_socket<S: ByteStream>(
    stream: S,
    upgrade: Upgrade,
    peer: Peer,
    http: &HttpSettings,
    shared: Arc<Shared>,
    control: Arc<Control>,
) -> Connection<WebSocket<S>> {
    let subprotocol = upgrade.subprotocol;
    let forwarded = http.proxies.forwarded_by(&peer, &upgrade.headers);
    let headers = upgrade.headers.iter();
    let mut info = TransportInfo {
        kind: "websocket",
        serializer: subprotocol.serializer(),
        path: upgrade.path,
        query: upgrade.query,
        headers: headers.map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_owned())).collect(),
        ..peer.info(&stream)
    };
    if let Some(forwarded) = forwarded {
        info.pass_on(forwarded.client, forwarded.is_secure);
    }
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
