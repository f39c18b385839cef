//! Heads that come in octets, and that of the response that goes out.

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_tungstenite::tungstenite::http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri, Version,
};

use super::{HttpError, Refusal, StatusCode};
use crate::limits::Limits;

/// Reads a head, of which `received` is the beginning. Returns it and what came behind it.
///
/// # Errors
/// It is not HTTP, or larger than the limits allow; nothing has been answered.
pub(in crate::transport) async fn read<S: AsyncRead + Unpin>(
    stream: &mut S,
    received: &mut Vec<u8>,
    limits: &Limits,
) -> Result<(Request<()>, Vec<u8>), HttpError> {
    let length = read_until_complete(stream, received, limits).await?;
    let rest = received.split_off(length);
    Ok((parse(received, limits)?, rest))
}

/// Reads until a head is complete. Returns its length.
///
/// # Errors
/// It is larger than the limits allow, or the stream ends before it does.
pub(super) async fn read_until_complete<S: AsyncRead + Unpin>(
    stream: &mut S,
    received: &mut Vec<u8>,
    limits: &Limits,
) -> Result<usize, HttpError> {
    loop {
        match length(received) {
            Some(length) if length <= limits.header_size => return Ok(length),
            None if received.len() <= limits.header_size => {}
            _ => return Err(too_large(limits).into()),
        }
        if stream.read_buf(received).await? == 0 {
            return Err(HttpError::Incomplete);
        }
    }
}

/// The length of a head, once it is there as a whole.
pub(super) fn length(octets: &[u8]) -> Option<usize> {
    octets.windows(4).position(|window| window == b"\r\n\r\n").map(|start| start + 4)
}

/// Takes a complete head apart.
///
/// # Errors
/// It is not HTTP, or has more fields than the limits allow.
pub(super) fn parse(octets: &[u8], limits: &Limits) -> Result<Request<()>, Refusal> {
    let mut fields = vec![httparse::EMPTY_HEADER; limits.header_count];
    let mut head = httparse::Request::new(&mut fields);
    match head.parse(octets) {
        Ok(_) => {}
        Err(httparse::Error::TooManyHeaders) => return Err(too_many(limits)),
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
        .ok_or_else(|| bad_request("the request's method is not HTTP"))?;
    *request.uri_mut() = head
        .path
        .and_then(|path| path.parse::<Uri>().ok())
        .ok_or_else(|| bad_request("the request's target is not a URI"))?;
    *request.version_mut() = if head.version == Some(1) { Version::HTTP_11 } else { Version::HTTP_10 };
    *request.headers_mut() = headers;
    Ok(request)
}

/// Whether a head that somebody else has read is as large as the limits allow.
///
/// # Errors
/// It is larger.
#[cfg(feature = "tower")]
pub(crate) fn check<B>(request: &Request<B>, limits: &Limits) -> Result<(), Refusal> {
    // As in a line of HTTP/1.1: a colon, a space, and two octets for its end.
    let fields = request.headers().iter().map(|(name, value)| name.as_str().len().saturating_add(value.len() + 4));
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if fields.fold(target, usize::saturating_add) > limits.header_size {
        return Err(too_large(limits));
    }
    match request.headers().len() > limits.header_count {
        true => Err(too_many(limits)),
        false => Ok(()),
    }
}

/// The head of a response as it is sent.
pub(super) fn write<B>(response: &Response<B>) -> Vec<u8> {
    let mut octets = format!("HTTP/1.1 {}\r\n", response.status()).into_bytes();
    for (name, value) in response.headers() {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            octets.extend_from_slice(part);
        }
    }
    octets.extend_from_slice(b"\r\n");
    octets
}

fn too_large(limits: &Limits) -> Refusal {
    Refusal::too_large("header_size", format!("the request's head is larger than {} octets", limits.header_size))
}

fn too_many(limits: &Limits) -> Refusal {
    Refusal::too_large("header_count", format!("the request has more than {} header fields", limits.header_count))
}

pub(super) fn bad_request(reason: impl std::fmt::Display) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, reason)
}
