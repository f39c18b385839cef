//! The WebSocket as a service of another program's HTTP server.

use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Full;
use hyper::http::{Extensions, Request, Response, StatusCode};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Acceptor, over_web_socket};
use crate::connection::{NoPlace, Place};
use crate::transport::{Opaque, Peer, Refusal, Upgrade, check, judge};

/// Finds the other end of a connection among what a host knows of its request.
type FindPeer = dyn Fn(&Extensions) -> Option<SocketAddr> + Send + Sync;

/// The WebSocket of an app as a service, to be mounted on any path of another HTTP server: a [`tower_service::Service`] for
/// axum and a [`hyper::service::Service`] for hyper. Clones are the same service. [`App::into_service`] makes it.
///
/// It answers what opens a WebSocket, over HTTP/1.1 (RFC 6455) or, where the host enables extended CONNECT, over HTTP/2 (RFC
/// 8441), and refuses anything else: 426, or over HTTP/2 405, what does not mean to open one; 503 while there is no place for
/// a connection or the app shuts down. Origins, subprotocols and limits are as on the app's own ports, as far as the host
/// leaves them: [`Limits::upgrade_timeout`] is from the answer on, and how large a head is looked at when the host has read
/// it. As nobody knows where the host listens, pages on `localhost` are no exception among origins.
///
/// [`App::into_service`]: crate::App::into_service
/// [`Limits::upgrade_timeout`]: crate::Limits::upgrade_timeout
#[derive(Clone)]
pub struct WampService {
    acceptor: Acceptor,
    find_peer: Option<Arc<FindPeer>>,
    is_secure: bool,
}

impl WampService {
    pub(crate) fn new(acceptor: Acceptor) -> WampService {
        WampService { acceptor, find_peer: None, is_secure: false }
    }

    /// Says how the address of a request's other end is found among the request's extensions. Needed for
    /// [trusted proxies](crate::App::trusted_proxies) that change `Host`, and where the host has its own streams, such as
    /// those of TLS or HTTP/2: else the address is that of the TCP socket.
    ///
    /// In axum, with `router.into_make_service_with_connect_info::<SocketAddr>()`:
    ///
    /// ```
    /// # use std::net::SocketAddr;
    /// # use axum::extract::ConnectInfo;
    /// # fn hosted(service: serverwamp::WampService) -> serverwamp::WampService {
    /// service.peer_address(|extensions| extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0))
    /// # }
    /// ```
    ///
    /// In hyper, with `request.extensions_mut().insert(address)`:
    ///
    /// ```
    /// # use std::net::SocketAddr;
    /// # fn hosted(service: serverwamp::WampService) -> serverwamp::WampService {
    /// service.peer_address(|extensions| extensions.get::<SocketAddr>().copied())
    /// # }
    /// ```
    #[must_use]
    pub fn peer_address(
        mut self,
        find: impl Fn(&Extensions) -> Option<SocketAddr> + Send + Sync + 'static,
    ) -> WampService {
        self.find_peer = Some(Arc::new(find));
        self
    }

    /// Says that the host speaks TLS with its clients, so that they may log in with tickets.
    #[must_use]
    pub fn over_tls(mut self) -> WampService {
        self.is_secure = true;
        self
    }

    /// Answers a request, and serves the WebSocket if it opens one.
    fn respond<B>(&self, request: &mut Request<B>) -> Response<Full<Bytes>> {
        let shared = &self.acceptor.shared;
        let address = self.find_peer.as_ref().and_then(|find| find(request.extensions()));
        let peer = Peer { address, is_secure: self.is_secure, ..Peer::default() };
        match self.open(request, peer.clone()) {
            Ok(response) => response.map(|()| Full::default()),
            Err(refusal) => {
                if let Some(limit) = refusal.limit {
                    shared.counters.limit(limit);
                }
                tracing::debug!(?peer, %refusal, "the WebSocket was not opened");
                refusal.response().map(Full::from)
            }
        }
    }

    fn open<B>(&self, request: &mut Request<B>, peer: Peer) -> Result<Response<()>, Refusal> {
        let Acceptor { shared, http, connections } = &self.acceptor;
        check(request, &shared.limits)?;
        let (response, upgrade) = judge(request, &peer, None, http)?;
        if request.extensions().get::<OnUpgrade>().is_none() {
            tracing::error!("the HTTP server does not let its services upgrade connections");
            return Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "connections cannot be upgraded here"));
        }
        let place = shared.admit().map_err(|reason| {
            if reason == NoPlace::Full {
                tracing::warn!(?peer, "too many connections");
            }
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, reason)
        })?;
        let upgraded = hyper::upgrade::on(request);
        connections.spawn(serve_upgraded(upgraded, upgrade, peer, place, self.acceptor.clone()));
        Ok(response)
    }
}

/// Waits until the host has sent the answer, and serves the connection to its end.
async fn serve_upgraded(upgraded: OnUpgrade, upgrade: Upgrade, mut peer: Peer, place: Place, acceptor: Acceptor) {
    let Acceptor { shared, http, .. } = acceptor;
    let upgraded = match timeout(shared.limits.upgrade_timeout, upgraded).await {
        Ok(Ok(upgraded)) => upgraded,
        Ok(Err(error)) => {
            tracing::debug!(?peer, %error, "the host did not upgrade the connection");
            return;
        }
        Err(_) => {
            shared.counters.limit("upgrade_timeout");
            tracing::debug!(?peer, "the host did not upgrade the connection in time");
            return;
        }
    };
    let control = Arc::clone(place.control());
    match downcast(upgraded) {
        Line::Tcp(stream, rest) => {
            // Replies are collected before they are written, so that there is nothing to wait for.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(?peer, %error, "cannot set TCP_NODELAY");
            }
            peer.address = peer.address.or_else(|| stream.peer_addr().ok());
            over_web_socket(stream, Upgrade { rest, ..upgrade }, peer, &http, shared, control).await;
        }
        #[cfg(unix)]
        Line::Unix(stream, rest) => {
            let peer = Peer { address: peer.address, is_secure: peer.is_secure, ..Peer::of_unix(&stream) };
            over_web_socket(stream, Upgrade { rest, ..upgrade }, peer, &http, shared, control).await;
        }
        Line::Other(stream) => over_web_socket(stream, upgrade, peer, &http, shared, control).await,
    }
    drop(place);
}

/// What an upgraded connection goes over.
enum Line {
    Tcp(TcpStream, Vec<u8>),
    #[cfg(unix)]
    Unix(tokio::net::UnixStream, Vec<u8>),
    /// Only the host knows what it goes over.
    Other(Opaque<TokioIo<Upgraded>>),
}

/// Finds the socket beneath a connection, which knows when there is something to read.
fn downcast(upgraded: Upgraded) -> Line {
    let upgraded = match stream_of(upgraded) {
        Ok((stream, rest)) => return Line::Tcp(stream, rest),
        Err(upgraded) => upgraded,
    };
    #[cfg(unix)]
    let upgraded = match stream_of(upgraded) {
        Ok((stream, rest)) => return Line::Unix(stream, rest),
        Err(upgraded) => upgraded,
    };
    Line::Other(Opaque(TokioIo::new(upgraded)))
}

/// The stream that a connection has been accepted as, if it is of this type, with what came behind the request.
fn stream_of<S: AsyncRead + AsyncWrite + Unpin + 'static>(upgraded: Upgraded) -> Result<(S, Vec<u8>), Upgraded> {
    let upgraded = match upgraded.downcast::<TokioIo<S>>() {
        Ok(parts) => return Ok((parts.io.into_inner(), parts.read_buf.into())),
        Err(upgraded) => upgraded,
    };
    // As hyper-util and, through it, axum serve connections.
    let parts = auto::upgrade::downcast::<TokioIo<S>>(upgraded)?;
    Ok((parts.io.into_inner(), parts.read_buf.into()))
}

impl<B> tower_service::Service<Request<B>> for WampService {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Full<Bytes>>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        ready(Ok(self.respond(&mut request)))
    }
}

impl<B> hyper::service::Service<Request<B>> for WampService {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Full<Bytes>>, Infallible>>;

    fn call(&self, mut request: Request<B>) -> Self::Future {
        ready(Ok(self.respond(&mut request)))
    }
}

impl fmt::Debug for WampService {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("WampService").finish_non_exhaustive()
    }
}
