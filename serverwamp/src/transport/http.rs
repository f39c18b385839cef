//! HTTP, as far as a WebSocket begins with it: requests are judged here, whoever has read them.

mod client;
pub(super) mod head;
mod health;
mod origins;
mod proxies;
mod upgrade;

use std::fmt;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_tungstenite::tungstenite::http::{HeaderValue, Method, Request, Response, StatusCode, header};

use self::head::{read, write};
use self::origins::Origins;
use super::peer::Peer;
use crate::limits::Limits;

pub(crate) use self::client::{Asked, request};
#[cfg(feature = "tower")]
pub(crate) use self::head::check;
pub(crate) use self::health::Probe;
pub use self::proxies::TrustedProxies;
pub(crate) use self::upgrade::{Upgrade, judge};

/// The paths of the WebSocket on a server's own ports.
const PATHS: [&str; 2] = ["/", "/ws"];

/// What an app says about HTTP requests.
#[derive(Debug, Clone, Default)]
pub(crate) struct HttpSettings {
    pub(crate) origins: Origins,
    pub(crate) proxies: TrustedProxies,
}

/// What a request is for that is worth an answer.
#[derive(Debug)]
pub(crate) enum Requested {
    WebSocket(Upgrade),
    Probe(Probe),
}

/// Why a request opened nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("closed before its request was complete")]
    Incomplete,
    #[error("{0}")]
    Refused(#[from] Refusal),
}

/// What a request is answered with that opens nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("refused with {status}: {reason}")]
pub(crate) struct Refusal {
    status: StatusCode,
    reason: String,
    /// The limit that was met, if it was one.
    pub(crate) limit: Option<&'static str>,
    /// The methods that are expected, if it is about that.
    methods: Option<&'static str>,
}

/// Reads a request, of which `received` is the beginning; answers it if it is for a WebSocket.
///
/// # Errors
/// The request is refused; the peer has been answered.
pub(crate) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    mut received: Vec<u8>,
    peer: &Peer,
    listener: Option<SocketAddr>,
    settings: &HttpSettings,
    limits: &Limits,
) -> Result<Requested, HttpError> {
    let judged = match read(stream, &mut received, limits).await {
        Ok((request, rest)) => direct(&request, rest, peer, listener, settings),
        Err(error) => Err(error),
    };
    match judged {
        Ok((Some(response), requested)) => {
            stream.write_all(&write(&response)).await?;
            stream.flush().await?;
            Ok(requested)
        }
        Ok((None, requested)) => Ok(requested),
        Err(error) => {
            // The error is of more interest than that the peer is gone already.
            if let HttpError::Refused(refusal) = &error
                && stream.write_all(&refusal.to_octets()).await.is_ok()
            {
                let _ = stream.shutdown().await;
            }
            Err(error)
        }
    }
}

/// What a request to one of the server's own ports is for, with the answer that opens a WebSocket.
fn direct(
    request: &Request<()>,
    rest: Vec<u8>,
    peer: &Peer,
    listener: Option<SocketAddr>,
    settings: &HttpSettings,
) -> Result<(Option<Response<()>>, Requested), HttpError> {
    if let Some(probe) = Probe::of(request)? {
        return Ok((None, Requested::Probe(probe)));
    }
    if !PATHS.contains(&request.uri().path()) {
        return Err(Refusal::new(StatusCode::NOT_FOUND, "nothing is served here; the WebSocket is at /ws").into());
    }
    let (response, upgrade) = judge(request, peer, listener, settings)?;
    Ok((Some(response), Requested::WebSocket(Upgrade { rest, ..upgrade })))
}

/// What to answer to the beginning of a request where nothing is served, for a reason, but to probes.
pub(crate) fn decline(received: &[u8], limits: &Limits, is_ready: bool, reason: &str) -> Vec<u8> {
    let probe = head::length(received).and_then(|length| received.get(..length));
    let probe = probe.and_then(|head| head::parse(head, limits).ok()).and_then(|request| Probe::of(&request).ok()?);
    match probe {
        Some(probe) => probe.answer(is_ready),
        None => Refusal::new(StatusCode::SERVICE_UNAVAILABLE, reason).to_octets(),
    }
}

/// Reads until a request is complete, or as long as it may be.
///
/// # Errors
/// As [`accept`].
pub(crate) async fn read_on<S: AsyncRead + Unpin>(
    stream: &mut S,
    received: &mut Vec<u8>,
    limits: &Limits,
) -> Result<(), HttpError> {
    head::read_until_complete(stream, received, limits).await.map(drop)
}

impl Refusal {
    #[cold]
    pub(crate) fn new(status: StatusCode, reason: impl fmt::Display) -> Refusal {
        Refusal { status, reason: reason.to_string(), limit: None, methods: None }
    }

    #[cold]
    fn too_large(limit: &'static str, reason: impl fmt::Display) -> Refusal {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        Refusal { limit: Some(limit), ..Refusal::new(status, reason) }
    }

    #[cold]
    fn method(expected: &'static str) -> Refusal {
        let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, format!("expected {expected}"));
        Refusal { methods: Some(expected), ..refusal }
    }

    /// The answer as a response.
    pub(crate) fn response(&self) -> Response<String> {
        let mut response = text(self.status, &self.reason);
        let headers = response.headers_mut();
        if self.status == StatusCode::UPGRADE_REQUIRED {
            headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        }
        if let Some(methods) = self.methods {
            headers.insert(header::ALLOW, HeaderValue::from_static(methods));
        }
        response
    }

    /// The answer as it is sent, after which the connection ends.
    fn to_octets(&self) -> Vec<u8> {
        last_octets(self.response(), &Method::GET)
    }
}

/// A response of one line.
fn text(status: StatusCode, line: &str) -> Response<String> {
    let body = format!("{line}\n");
    let length = body.len();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    response
}

/// A response to a request of some method, after which the connection ends.
fn last_octets(mut response: Response<String>, method: &Method) -> Vec<u8> {
    response.headers_mut().append(header::CONNECTION, HeaderValue::from_static("close"));
    let mut octets = write(&response);
    if method != Method::HEAD {
        octets.extend_from_slice(response.body().as_bytes());
    }
    octets
}
