//! Opening a connection to a router.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::address::Address;
use super::settings::Settings;
use crate::error::ConnectError;
use crate::handler::TransportInfo;
use crate::transport::{
    AnyTransport, Asked, ByteStream, ClientTls, Opaque, RawSocket, WebSocket, request_handshake, request_upgrade,
};
use crate::wire::Subprotocol;

/// A connection that WAMP can be spoken on.
pub(crate) struct Dialed {
    pub(crate) transport: AnyTransport,
    pub(crate) subprotocol: Subprotocol,
    pub(crate) info: TransportInfo,
}

/// Opens connections in the program's own way.
pub(crate) type Dialer = Arc<dyn Fn() -> BoxFuture<'static, Result<Dialed, ConnectError>> + Send + Sync>;
/// A stream of the program's own, of any type.
pub(crate) type AnyStream = Opaque<Box<dyn Octets>>;

/// What octets go through both ways.
pub(crate) trait Octets: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Octets for S {}

/// Opens what is beneath WebSocket or RawSocket in the program's own way.
pub(crate) type StreamDialer = Arc<dyn Fn() -> BoxFuture<'static, io::Result<AnyStream>> + Send + Sync>;

const HTTP: &[u8] = b"http/1.1";

/// Connects to a router. Closes the connection if it is dropped before it is done.
///
/// # Errors
/// There is no router at this address, or it wants nothing to do with us.
pub(super) async fn dial(settings: &Settings, url: &str) -> Result<Dialed, ConnectError> {
    if let Some(dialer) = &settings.dialer {
        return dialer().await;
    }
    let address = Address::parse(url)?;
    let unreachable = |source| ConnectError::Unreachable { url: url.to_owned(), source };
    match address {
        Address::WebSocket { host, port, tls, authority, target } => {
            let open =
                async |stream: Box<dyn Stream>, info| stream.into_websocket(settings, &authority, &target, info).await;
            let (stream, info) = connect(settings, &host, port, tls, Some(HTTP)).await.map_err(unreachable)?;
            open(stream, info).await.map_err(unreachable)
        }
        Address::RawSocket { host, port, tls } => {
            let (stream, info) = connect(settings, &host, port, tls, None).await.map_err(unreachable)?;
            stream.into_rawsocket(settings, info).await.map_err(unreachable)
        }
        #[cfg(unix)]
        Address::Unix(path) => {
            let info = TransportInfo { is_local: true, ..TransportInfo::default() };
            let stream: Box<dyn Stream> = match &settings.streams {
                Some(streams) => Box::new(streams().await.map_err(unreachable)?),
                None => Box::new(tokio::net::UnixStream::connect(path).await.map_err(unreachable)?),
            };
            stream.into_rawsocket(settings, info).await.map_err(unreachable)
        }
        #[cfg(not(unix))]
        Address::Unix(_) => {
            let problem = "there are no unix sockets on this system".to_owned();
            Err(ConnectError::Address { url: url.to_owned(), problem })
        }
    }
}

async fn connect(
    settings: &Settings,
    host: &str,
    port: u16,
    tls: bool,
    alpn: Option<&[u8]>,
) -> io::Result<(Box<dyn Stream>, TransportInfo)> {
    if let Some(streams) = &settings.streams {
        let stream = streams().await?;
        return Ok((Box::new(stream), TransportInfo { is_local: true, ..TransportInfo::default() }));
    }
    let stream = TcpStream::connect((host, port)).await?;
    // Messages are small, and collected before they are sent.
    stream.set_nodelay(true)?;
    let peer: Option<SocketAddr> = stream.peer_addr().ok();
    let info = TransportInfo { peer, ..TransportInfo::default() };
    match tls {
        false => Ok((Box::new(stream), info)),
        true => {
            let stream = client_tls(settings)?.connect(stream, host, alpn).await?;
            let tls = stream.tls_info();
            Ok((Box::new(stream), TransportInfo { tls, ..info }))
        }
    }
}

#[cfg(feature = "tls")]
fn client_tls(settings: &Settings) -> io::Result<ClientTls> {
    Ok(settings.tls.clone().unwrap_or_default())
}

#[cfg(not(feature = "tls"))]
fn client_tls(_: &Settings) -> io::Result<ClientTls> {
    Err(io::Error::other("the program is built without the feature `tls` of serverwamp"))
}

/// A byte stream that becomes a transport.
trait Stream: Send {
    fn into_websocket<'s>(
        self: Box<Self>,
        settings: &'s Settings,
        authority: &'s str,
        target: &'s str,
        info: TransportInfo,
    ) -> BoxFuture<'s, io::Result<Dialed>>;

    fn into_rawsocket(self: Box<Self>, settings: &Settings, info: TransportInfo) -> BoxFuture<'_, io::Result<Dialed>>;
}

impl<S: ByteStream> Stream for S {
    fn into_websocket<'s>(
        mut self: Box<S>,
        settings: &'s Settings,
        authority: &'s str,
        target: &'s str,
        info: TransportInfo,
    ) -> BoxFuture<'s, io::Result<Dialed>> {
        Box::pin(async move {
            let subprotocols = settings.subprotocols();
            let asked = Asked { host: authority, target, subprotocols: &subprotocols, headers: &settings.headers };
            let asking = request_upgrade(&mut *self, &asked, &settings.limits);
            let (subprotocol, rest) = asking.await.map_err(io::Error::other)?;
            let size = settings.limits.message_size;
            let transport = Box::new(WebSocket::client(*self, &rest, subprotocol.is_text(), size));
            let serializer = subprotocol.serializer();
            let info = TransportInfo { kind: "websocket", serializer, path: target.to_owned(), ..info };
            Ok(Dialed { transport, subprotocol, info })
        })
    }

    fn into_rawsocket(mut self: Box<S>, settings: &Settings, info: TransportInfo) -> BoxFuture<'_, io::Result<Dialed>> {
        Box::pin(async move {
            let codec = settings.subprotocols().first().map_or(settings.codec(), |subprotocol| subprotocol.codec);
            let size = settings.limits.message_size;
            let handshake = request_handshake(&mut *self, codec, size).await.map_err(io::Error::other)?;
            let (subprotocol, peer_message_size) = (handshake.subprotocol, Some(handshake.peer_accepts));
            let transport = Box::new(RawSocket::new(*self, handshake, size));
            let serializer = subprotocol.serializer();
            let info = TransportInfo { kind: "rawsocket", serializer, peer_message_size, ..info };
            Ok(Dialed { transport, subprotocol, info })
        })
    }
}

/// What the program opens connections with, as one type.
pub(super) fn stream_dialer<F, S>(dial: impl Fn() -> F + Send + Sync + 'static) -> StreamDialer
where
    F: Future<Output = io::Result<S>> + Send + 'static,
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    Arc::new(move || {
        let dialing = dial();
        Box::pin(async move { Ok(Opaque(Box::new(dialing.await?) as Box<dyn Octets>)) })
    })
}
