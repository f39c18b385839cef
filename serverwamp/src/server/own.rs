//! Listeners of the program's own.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncWrite};

use super::Acceptor;
use super::listener::Accept;
use crate::transport::{Opaque, Peer};

/// Something of the program's own that connections come from, other than ports and unix sockets: [`App::listen_on`].
///
/// ```
/// use std::io;
/// use std::net::SocketAddr;
///
/// use serverwamp::{App, Listener};
/// use tokio::io::DuplexStream;
/// use tokio::sync::mpsc;
///
/// /// Connections within the process.
/// struct Within(mpsc::Receiver<DuplexStream>);
///
/// impl Listener for Within {
///     type Stream = DuplexStream;
///
///     async fn accept(&mut self) -> io::Result<(DuplexStream, Option<SocketAddr>)> {
///         match self.0.recv().await {
///             Some(stream) => Ok((stream, None)),
///             None => std::future::pending().await, // nobody will come any more
///         }
///     }
/// }
///
/// let (connect, within) = mpsc::channel(16);
/// let app = App::discover().listen_on(Within(within)).bind("127.0.0.1:8080");
/// # let _ = (connect, app);
/// ```
///
/// [`App::listen_on`]: crate::App::listen_on
pub trait Listener: Send + 'static {
    /// A connection: octets both ways, on which WebSocket, RawSocket or HTTP is spoken.
    type Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static;

    /// The next connection, with the address of its other end if it has one. Has to be cancel-safe.
    ///
    /// # Errors
    /// None can be accepted now. It is logged and counted as the limit `accept`, and tried again a little later.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Stream, Option<SocketAddr>)>> + Send;
}

type Serving = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A [`Listener`] whose type is forgotten.
pub(crate) struct OwnListener(Mutex<Box<dyn FnOnce(Acceptor) -> Serving + Send>>);

impl OwnListener {
    pub(crate) fn new(listener: impl Listener) -> OwnListener {
        OwnListener(Mutex::new(Box::new(move |acceptor: Acceptor| {
            Box::pin(async move { acceptor.accept_from(Own(listener), Acceptor::serve).await })
        })))
    }

    pub(super) fn serve(self, acceptor: Acceptor) -> Serving {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)(acceptor)
    }
}

impl fmt::Debug for OwnListener {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("OwnListener")
    }
}

struct Own<L>(L);

impl<L: Listener> Accept for Own<L> {
    type Stream = Opaque<L::Stream>;

    async fn accept(&mut self) -> io::Result<(Opaque<L::Stream>, Peer)> {
        let (stream, address) = self.0.accept().await?;
        Ok((Opaque(stream), Peer { address, ..Peer::default() }))
    }

    fn address(&self) -> Option<SocketAddr> {
        None
    }
}
