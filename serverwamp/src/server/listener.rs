//! What a server listens on: TCP ports and unix sockets.

use std::future::Future;
use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};

#[cfg(unix)]
use super::unix::UnixSocket;
use crate::transport::{ByteStream, Peer, TlsConfig};

/// Something that connections come from.
pub(crate) trait Listener: Send + 'static {
    type Stream: ByteStream;

    /// The next connection. Cancel-safe.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Stream, Peer)>> + Send;

    /// Where it listens, if that is a port.
    fn address(&self) -> Option<SocketAddr>;
}

/// A listener of any kind.
pub(crate) enum AnyListener {
    /// With TLS or without.
    Tcp(TcpListener, Option<TlsConfig>),
    #[cfg(unix)]
    Unix(UnixSocket),
}

impl AnyListener {
    /// Listens on `host:port`, with TLS or without, or on the unix socket of `unix:/path`, without.
    ///
    /// # Errors
    /// What the operating system says.
    pub(crate) async fn bind(address: &str, tls: Option<TlsConfig>) -> io::Result<AnyListener> {
        let Some(socket) = address.strip_prefix("unix:") else {
            let listener = TcpListener::bind(address).await?;
            let local = listener.local_addr()?;
            let (web, raw) = if tls.is_some() { ("wss", "rss") } else { ("ws", "rs") };
            tracing::info!("listening on {web}://{local}/ws and {raw}://{local}");
            return Ok(AnyListener::Tcp(listener, tls));
        };
        #[cfg(unix)]
        {
            let listener = UnixSocket::bind(socket).await?;
            tracing::info!("listening on unix:{}", listener.path().display());
            Ok(AnyListener::Unix(listener))
        }
        #[cfg(not(unix))]
        Err(io::Error::new(io::ErrorKind::Unsupported, format!("no unix sockets on this system, so no {socket}")))
    }

    /// Whether it answers while the server shuts down, though only to probes and to say that nothing is served any more.
    /// Nobody probes a unix socket, and its place is for the next server.
    pub(crate) fn answers_to_the_end(&self) -> bool {
        match self {
            AnyListener::Tcp(..) => true,
            #[cfg(unix)]
            AnyListener::Unix(_) => false,
        }
    }

    /// Where it listens, if that is a port.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        match self {
            AnyListener::Tcp(listener, _) => listener.address(),
            #[cfg(unix)]
            AnyListener::Unix(listener) => listener.address(),
        }
    }
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    async fn accept(&mut self) -> io::Result<(TcpStream, Peer)> {
        let (stream, peer) = TcpListener::accept(self).await?;
        // Replies are collected before they are written, so that there is nothing to wait for.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%peer, %error, "cannot set TCP_NODELAY");
        }
        Ok((stream, Peer { address: Some(peer), ..Peer::default() }))
    }

    fn address(&self) -> Option<SocketAddr> {
        self.local_addr().ok()
    }
}
