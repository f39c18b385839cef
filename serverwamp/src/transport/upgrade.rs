//! The HTTP request that opens a WebSocket, and its answer.

mod client;

use std::net::{IpAddr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_tungstenite::tungstenite::handshake::server::{Request, create_response, write_response};
use tokio_tungstenite::tungstenite::http::{
    self, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version,
};

use crate::limits::Limits;
use crate::wire::Subprotocol;

pub(crate) use client::{Asked, request};

/// What a peer asked for when it opened a WebSocket, and got.
#[derive(Debug)]
pub(crate) struct Upgrade {
    pub(crate) subprotocol: Subprotocol,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    /// What came behind the request.
    pub(crate) rest: Vec<u8>,
}

/// Why a connection did not become a WebSocket.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpgradeError {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("closed before its head was complete")]
    Incomplete,
    #[error("refused with {status}: {reason}")]
    Refused { status: StatusCode, reason: String },
    #[error("{0}")]
    Unacceptable(String),
    #[error("more than the limit `{limit}` allows: {reason}")]
    TooLarge { limit: &'static str, reason: String },
}

impl UpgradeError {
    /// What the peer is told.
    fn answer(&self) -> Option<(StatusCode, &str)> {
        match self {
            UpgradeError::Io(_) | UpgradeError::Incomplete | UpgradeError::Unacceptable(_) => None,
            UpgradeError::Refused { status, reason } => Some((*status, reason)),
            UpgradeError::TooLarge { reason, .. } => Some((StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, reason)),
        }
    }
}

/// The origins whose pages may connect.
#[derive(Debug, Clone, Default)]
pub(crate) struct Origins(pub(crate) Vec<String>);

const PATHS: [&str; 2] = ["/", "/ws"];

/// Reads the request, of which `received` is the beginning, and answers it.
///
/// # Errors
/// The request is refused; the peer has been answered.
pub(crate) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    received: Vec<u8>,
    listener: Option<SocketAddr>,
    origins: &Origins,
    limits: &Limits,
) -> Result<Upgrade, UpgradeError> {
    let answer = match read_head(stream, received, limits).await {
        Ok((head, rest)) => parse_head(&head, limits)
            .and_then(|request| answer(&request, listener, origins))
            .map(|(response, upgrade)| (response, upgrade, rest)),
        Err(error) => Err(error),
    };
    match answer {
        Ok((response, upgrade, rest)) => {
            stream.write_all(&response).await?;
            stream.flush().await?;
            Ok(Upgrade { rest, ..upgrade })
        }
        Err(error) => {
            if let Some((status, reason)) = error.answer() {
                // The error is of more interest than that the peer is gone already.
                if stream.write_all(refusal(status, reason).as_bytes()).await.is_ok() {
                    let _ = stream.shutdown().await;
                }
            }
            Err(error)
        }
    }
}

/// The answer where there are too many connections.
pub(crate) fn no_room() -> String {
    refusal(StatusCode::SERVICE_UNAVAILABLE, "too many connections")
}

fn refusal(status: StatusCode, reason: &str) -> String {
    let upgrade = match status {
        StatusCode::UPGRADE_REQUIRED => "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
        _ => "",
    };
    let length = reason.len() + 1;
    format!(
        "HTTP/1.1 {status}\r\n{upgrade}Content-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{reason}\n"
    )
}

/// Reads the head of a request or an answer, and what came behind it.
async fn read_head<S: AsyncRead + Unpin>(
    stream: &mut S,
    mut octets: Vec<u8>,
    limits: &Limits,
) -> Result<(Vec<u8>, Vec<u8>), UpgradeError> {
    loop {
        if let Some(length) = head_length(&octets) {
            if length <= limits.header_size {
                let rest = octets.split_off(length);
                return Ok((octets, rest));
            }
        } else if octets.len() <= limits.header_size {
            if stream.read_buf(&mut octets).await? == 0 {
                return Err(UpgradeError::Incomplete);
            }
            continue;
        }
        return Err(too_large("header_size", format!("the head is larger than {} octets", limits.header_size)));
    }
}

fn head_length(octets: &[u8]) -> Option<usize> {
    octets.windows(4).position(|window| window == b"\r\n\r\n").map(|start| start + 4)
}

fn parse_head(octets: &[u8], limits: &Limits) -> Result<Request, UpgradeError> {
    let mut fields = vec![httparse::EMPTY_HEADER; limits.header_count];
    let mut head = httparse::Request::new(&mut fields);
    match head.parse(octets) {
        Ok(_) => {}
        Err(httparse::Error::TooManyHeaders) => {
            return Err(too_large(
                "header_count",
                format!("the request has more than {} header fields", limits.header_count),
            ));
        }
        Err(error) => return Err(bad_request(format!("the request is not HTTP: {error}"))),
    }
    let mut headers = HeaderMap::with_capacity(head.headers.len());
    for field in head.headers.iter() {
        let name = HeaderName::from_bytes(field.name.as_bytes());
        let value = HeaderValue::from_bytes(field.value);
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    let mut request = Request::new(());
    *request.method_mut() = head
        .method
        .and_then(|method| Method::from_bytes(method.as_bytes()).ok())
        .ok_or_else(|| bad_request("the request's method is not HTTP".to_owned()))?;
    *request.uri_mut() = head
        .path
        .and_then(|path| path.parse::<Uri>().ok())
        .ok_or_else(|| bad_request("the request's target is not a URI".to_owned()))?;
    *request.version_mut() = if head.version == Some(1) { Version::HTTP_11 } else { Version::HTTP_10 };
    *request.headers_mut() = headers;
    Ok(request)
}

fn answer(
    request: &Request,
    listener: Option<SocketAddr>,
    origins: &Origins,
) -> Result<(Vec<u8>, Upgrade), UpgradeError> {
    let refused = |status, reason: &str| UpgradeError::Refused { status, reason: reason.to_owned() };
    if !PATHS.contains(&request.uri().path()) {
        return Err(refused(StatusCode::NOT_FOUND, "nothing is served here; the WebSocket is at /ws"));
    }
    if !request.headers().contains_key(http::header::UPGRADE) {
        return Err(refused(StatusCode::UPGRADE_REQUIRED, "expected a WebSocket with a WAMP subprotocol"));
    }
    let mut response = create_response(request).map_err(|error| bad_request(error.to_string()))?;
    if !origins.admit(request.headers(), listener) {
        return Err(refused(StatusCode::FORBIDDEN, "pages of this origin may not connect"));
    }
    let offered = request.headers().get_all(http::header::SEC_WEBSOCKET_PROTOCOL);
    let mut offered = offered.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let subprotocol = offered.find_map(|name| Subprotocol::from_name(name.trim())).ok_or_else(|| {
        refused(
            StatusCode::BAD_REQUEST,
            "expected a subprotocol among wamp.2.json, wamp.2.msgpack, wamp.2.cbor and their .batched forms",
        )
    })?;
    let chosen = HeaderValue::from_static(subprotocol.name());
    response.headers_mut().insert(http::header::SEC_WEBSOCKET_PROTOCOL, chosen);
    let mut octets = Vec::with_capacity(256);
    write_response(&mut octets, &response).map_err(|error| bad_request(error.to_string()))?;
    let headers = request.headers().iter();
    let upgrade = Upgrade {
        subprotocol,
        path: request.uri().path().to_owned(),
        query: request.uri().query().map(str::to_owned),
        headers: headers.map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_owned())).collect(),
        rest: Vec::new(),
    };
    Ok((octets, upgrade))
}

impl Origins {
    /// Whether a page may connect: one without an origin is no page; else it must be of the same host, of the loopback
    /// where we listen there, or listed.
    fn admit(&self, headers: &HeaderMap, listener: Option<SocketAddr>) -> bool {
        let Some(origin) = headers.get(http::header::ORIGIN) else { return true };
        let Ok(origin) = origin.to_str() else { return false };
        if self.0.iter().any(|listed| listed == "*" || listed.eq_ignore_ascii_case(origin)) {
            return true;
        }
        let Some(host) = origin.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_ascii_lowercase)) else {
            return false;
        };
        let asked = headers.get(http::header::HOST).and_then(|value| value.to_str().ok());
        let asked = asked.and_then(|value| value.parse::<http::uri::Authority>().ok());
        if asked.is_some_and(|authority| authority.host().eq_ignore_ascii_case(&host)) {
            return true;
        }
        listener.is_some_and(|address| address.ip().is_loopback()) && is_loopback(&host)
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || host.ends_with(".localhost") || address.is_ok_and(|address| address.is_loopback())
}

#[cold]
fn too_large(limit: &'static str, reason: String) -> UpgradeError {
    UpgradeError::TooLarge { limit, reason }
}

#[cold]
fn bad_request(reason: String) -> UpgradeError {
    UpgradeError::Refused { status: StatusCode::BAD_REQUEST, reason }
}
