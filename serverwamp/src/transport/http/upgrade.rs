//! The request that opens a WebSocket.

use std::net::SocketAddr;

use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;
use tokio_tungstenite::tungstenite::http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version, header,
};

use super::head::bad_request;
use super::{HttpSettings, Refusal};
use crate::transport::peer::Peer;
use crate::wire::Subprotocol;

const VERSION: &str = "13";

/// What a peer asked for when it opened a WebSocket, and got.
#[derive(Debug)]
pub(crate) struct Upgrade {
    pub(crate) subprotocol: Subprotocol,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: HeaderMap,
    /// What came behind the request.
    pub(crate) rest: Vec<u8>,
}

/// Judges a request for a WebSocket, whatever its path. Returns the answer that opens it, and what was asked for.
///
/// # Errors
/// It is no such request, or not one that is served.
pub(crate) fn judge<B>(
    request: &Request<B>,
    peer: &Peer,
    listener: Option<SocketAddr>,
    settings: &HttpSettings,
) -> Result<(Response<()>, Upgrade), Refusal> {
    let mut response = match request.version() {
        Version::HTTP_2 => connect(request)?,
        Version::HTTP_3 => {
            return Err(Refusal::new(StatusCode::HTTP_VERSION_NOT_SUPPORTED, "expected a WebSocket over HTTP/1.1"));
        }
        _ => upgrade(request)?,
    };
    let headers = request.headers();
    if !settings.origins.admit(request, listener, || settings.proxies.forwarded_by(peer, headers)) {
        let refusal = Refusal::new(StatusCode::FORBIDDEN, "pages of this origin may not connect");
        return Err(Refusal { limit: Some("origin"), ..refusal });
    }
    let offered = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    let mut offered = offered.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let subprotocol = offered.find_map(|name| Subprotocol::from_name(name.trim())).ok_or_else(|| {
        bad_request("expected a subprotocol among wamp.2.json, wamp.2.msgpack, wamp.2.cbor and their .batched forms")
    })?;
    let chosen = HeaderValue::from_static(subprotocol.name());
    response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, chosen);
    let upgrade = Upgrade {
        subprotocol,
        path: request.uri().path().to_owned(),
        query: request.uri().query().map(str::to_owned),
        headers: headers.clone(),
        rest: Vec::new(),
    };
    Ok((response, upgrade))
}

/// The answer to a request over HTTP/1.1, as RFC 6455 has it.
fn upgrade<B>(request: &Request<B>) -> Result<Response<()>, Refusal> {
    let headers = request.headers();
    if !headers.contains_key(header::UPGRADE) {
        let status = StatusCode::UPGRADE_REQUIRED;
        return Err(Refusal::new(status, "expected a WebSocket with a WAMP subprotocol"));
    }
    if headers.get(header::SEC_WEBSOCKET_VERSION).is_some_and(|version| version != VERSION) {
        return Err(Refusal::new(StatusCode::UPGRADE_REQUIRED, "expected version 13 of the WebSocket protocol"));
    }
    for field in [header::HOST, header::SEC_WEBSOCKET_KEY] {
        if headers.get_all(&field).iter().count() != 1 {
            return Err(bad_request(format!("expected the field {field} once")));
        }
    }
    if has_body(headers) {
        return Err(bad_request("expected no body: what follows the request is the WebSocket's"));
    }
    create_response_with_body(request, || ()).map_err(bad_request)
}

/// Whether a body follows, which somebody on the way may take for one, and we would take for frames.
fn has_body(headers: &HeaderMap) -> bool {
    headers.contains_key(header::TRANSFER_ENCODING)
        || headers.get_all(header::CONTENT_LENGTH).iter().any(|length| length != "0")
}

/// The answer to a request over HTTP/2, as RFC 8441 has it. That its `:protocol` is WebSocket shows in the other fields: it
/// comes in a type that is there only where hyper is built with HTTP/2.
fn connect<B>(request: &Request<B>) -> Result<Response<()>, Refusal> {
    if request.method() != Method::CONNECT {
        return Err(Refusal::method("CONNECT"));
    }
    match request.headers().get(header::SEC_WEBSOCKET_VERSION) {
        Some(version) if version == VERSION => Ok(Response::new(())),
        _ => Err(bad_request("expected version 13 of the WebSocket protocol")),
    }
}
