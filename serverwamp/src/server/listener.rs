//! What a server listens on: TCP ports and unix sockets.

use std::future::Future;
use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};

#[cfg(unix)]
use super::unix::UnixSocket;
use crate::handler::PeerCredentials;
use crate::transport::ByteStream;

/// The other end of a connection, as the operating system knows it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Peer {
    pub(crate) address: Option<SocketAddr>,
    pub(crate) credentials: Option<PeerCredentials>,
}

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
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixSocket),
}

impl AnyListener {
    /// Listens on `host:port`, or on the unix socket of `unix:/path`.
    ///
    /// # Errors
    /// What the operating system says.
    pub(crate) async fn bind(address: &str) -> io::Result<AnyListener> {
        let Some(socket) = address.strip_prefix("unix:") else {
            let listener = TcpListener::bind(address).await?;
            let local = listener.local_addr()?;
            tracing::info!("listening on ws://{local}/ws and rs://{local}");
            return Ok(AnyListener::Tcp(listener));
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

    /// Where it listens, if that is a port.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        match self {
            AnyListener::Tcp(listener) => listener.address(),
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
        Ok((stream, Peer { address: Some(peer), credentials: None }))
    }

    fn address(&self) -> Option<SocketAddr> {
        self.local_addr().ok()
    }
}
