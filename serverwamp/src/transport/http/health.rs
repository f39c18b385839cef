//! What load balancers and supervisors ask a server's own ports.

use tokio_tungstenite::tungstenite::http::{HeaderValue, Method, Request, StatusCode, header};

use super::{Refusal, last_octets, text};

/// A question about the server's health.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Probe {
    method: Method,
    /// Whether it is also asked if clients are welcome.
    about_readiness: bool,
}

impl Probe {
    /// The question that a request is, if it is one.
    ///
    /// # Errors
    /// It is one by its path, but not by its method.
    pub(super) fn of<B>(request: &Request<B>) -> Result<Option<Probe>, Refusal> {
        let about_readiness = match request.uri().path() {
            "/healthz" => false,
            "/readyz" => true,
            _ => return Ok(None),
        };
        match *request.method() {
            Method::GET | Method::HEAD => Ok(Some(Probe { method: request.method().clone(), about_readiness })),
            _ => Err(Refusal::method("GET, HEAD")),
        }
    }

    /// The answer as it is sent, after which the connection ends.
    pub(crate) fn answer(&self, is_ready: bool) -> Vec<u8> {
        let (status, line) = match !self.about_readiness || is_ready {
            true => (StatusCode::OK, "ok"),
            false => (StatusCode::SERVICE_UNAVAILABLE, "the server shuts down"),
        };
        let mut response = text(status, line);
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        last_octets(response, &self.method)
    }
}
