//! Which pages may connect.

use std::net::{IpAddr, SocketAddr};

use tokio_tungstenite::tungstenite::http::uri::Authority;
use tokio_tungstenite::tungstenite::http::{Request, Uri, header};

use super::proxies::Forwarded;

/// The origins whose pages may connect, besides those of the same host.
#[derive(Debug, Clone, Default)]
pub(crate) struct Origins(pub(crate) Vec<String>);

impl Origins {
    /// Whether a page may connect: one without an origin is no page; else it must be of the same host, of the loopback
    /// where we listen there, or listed. Of several origins nobody knows which is the page's.
    pub(super) fn admit<B>(
        &self,
        request: &Request<B>,
        listener: Option<SocketAddr>,
        forwarded: impl FnOnce() -> Option<Forwarded>,
    ) -> bool {
        let mut origins = request.headers().get_all(header::ORIGIN).iter();
        let Some(origin) = origins.next() else { return true };
        let (Ok(origin), None) = (origin.to_str(), origins.next()) else { return false };
        if self.0.iter().any(|listed| listed == "*" || listed.eq_ignore_ascii_case(origin)) {
            return true;
        }
        let Some(host) = origin.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_ascii_lowercase)) else {
            return false;
        };
        let forwarded = forwarded();
        // A proxy may ask us for another host than it was asked for.
        let original = forwarded.as_ref().and_then(|forwarded| forwarded.host.as_deref());
        let asked = original.or_else(|| request.headers().get(header::HOST).and_then(|value| value.to_str().ok()));
        let asked = match asked {
            Some(asked) => asked.parse::<Authority>().ok(),
            // As HTTP/2 has it.
            None => request.uri().authority().cloned(),
        };
        if asked.is_some_and(|authority| authority.host().eq_ignore_ascii_case(&host)) {
            return true;
        }
        // Whoever comes through a proxy need not be on this machine.
        forwarded.is_none() && listener.is_some_and(|address| address.ip().is_loopback()) && is_loopback(&host)
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || host.ends_with(".localhost") || address.is_ok_and(|address| address.is_loopback())
}
