//! What a server listens on: TCP ports, unix sockets, and listeners of the program's own.

use std::future::Future;
use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};

use super::own::OwnListener;
#[cfg(unix)]
use super::unix::UnixSocket;
#[cfg(unix)]
use crate::systemd;
use crate::transport::{ByteStream, Peer, TlsConfig};

/// Something that connections are accepted from.
pub(super) trait Accept: Send + 'static {
    type Stream: ByteStream;

    /// The next connection. Cancel-safe.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Stream, Peer)>> + Send;

    /// Where it listens, if that is a port.
    fn address(&self) -> Option<SocketAddr>;
}

/// A listener of any kind.
pub(crate) enum AnyListener {
    /// With TLS or without; one that was passed to this process goes on when it has stopped.
    Tcp {
        listener: TcpListener,
        tls: Option<TlsConfig>,
        is_passed: bool,
    },
    #[cfg(unix)]
    Unix(UnixSocket),
    Own(OwnListener),
}

impl AnyListener {
    /// Listens on `host:port`, with TLS or without, or on the unix socket of `unix:/path`, without; or on the sockets of
    /// `systemd:` and a name, which the service manager has passed.
    ///
    /// # Errors
    /// What the operating system says.
    pub(crate) async fn bind(address: &str, tls: Option<TlsConfig>) -> io::Result<Vec<AnyListener>> {
        #[cfg(unix)]
        if let Some(name) = address.strip_prefix("systemd:") {
            return systemd::take(name)?.into_iter().map(|socket| AnyListener::passed(socket, tls.clone())).collect();
        }
        #[cfg(unix)]
        if let Some(path) = address.strip_prefix("unix:") {
            return UnixSocket::bind(path).await.map(|listener| vec![AnyListener::unix(listener)]);
        }
        #[cfg(not(unix))]
        if address.starts_with("unix:") || address.starts_with("systemd:") {
            let message = format!("no unix sockets and no systemd on this system, so no {address}");
            return Err(io::Error::new(io::ErrorKind::Unsupported, message));
        }
        Ok(vec![AnyListener::tcp(TcpListener::bind(address).await?, tls, false)?])
    }

    #[cfg(unix)]
    fn passed(socket: systemd::Socket, tls: Option<TlsConfig>) -> io::Result<AnyListener> {
        match socket {
            systemd::Socket::Tcp(listener) => AnyListener::tcp(TcpListener::from_std(listener)?, tls, true),
            systemd::Socket::Unix(listener) => Ok(AnyListener::unix(UnixSocket::passed(listener)?)),
        }
    }

    fn tcp(listener: TcpListener, tls: Option<TlsConfig>, is_passed: bool) -> io::Result<AnyListener> {
        let local = listener.local_addr()?;
        let (web, raw) = if tls.is_some() { ("wss", "rss") } else { ("ws", "rs") };
        tracing::info!("listening on {web}://{local}/ws and {raw}://{local}");
        Ok(AnyListener::Tcp { listener, tls, is_passed })
    }

    #[cfg(unix)]
    fn unix(listener: UnixSocket) -> AnyListener {
        tracing::info!("listening on unix:{}", listener.path().unwrap_or_default().display());
        AnyListener::Unix(listener)
    }

    /// Whether it answers while the server shuts down, though only to probes and to say that nothing is served any more.
    /// Nobody probes a unix socket, and its place is for the next server, as are those who come to a socket that was passed.
    pub(crate) fn answers_to_the_end(&self) -> bool {
        match self {
            AnyListener::Tcp { is_passed, .. } => !is_passed,
            #[cfg(unix)]
            AnyListener::Unix(_) => false,
            AnyListener::Own(_) => false,
        }
    }

    /// Where it listens, if that is a port.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        match self {
            AnyListener::Tcp { listener, .. } => listener.address(),
            #[cfg(unix)]
            AnyListener::Unix(_) => None,
            AnyListener::Own(_) => None,
        }
    }
}

impl Accept for TcpListener {
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
