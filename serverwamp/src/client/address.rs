//! Where a router is, as a URL says it.

use std::path::PathBuf;

use tokio_tungstenite::tungstenite::http::Uri as Url;

use crate::error::ConnectError;

/// Where a router is, and what it speaks there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// `ws://host:port/path` and `wss://…`.
    WebSocket { host: String, port: u16, tls: bool, authority: String, target: String },
    /// `rs://host:port` and `rss://…`.
    RawSocket { host: String, port: u16, tls: bool },
    /// `unix:/path`, or as Autobahn has it, `rs://unix:/path`.
    Unix(PathBuf),
}

const EXPECTED: &str = "expected ws://host/path, wss://host/path, rs://host:port, rss://host:port or unix:/path";

impl Address {
    /// # Errors
    /// What was expected.
    pub(super) fn parse(url: &str) -> Result<Address, ConnectError> {
        let wrong = |problem: &str| ConnectError::Address { url: url.to_owned(), problem: problem.to_owned() };
        if let Some(path) = url.strip_prefix("rs://unix:").or_else(|| url.strip_prefix("unix:")) {
            return match path {
                "" => Err(wrong(EXPECTED)),
                path => Ok(Address::Unix(path.into())),
            };
        }
        let parsed: Url = url.parse().map_err(|_| wrong(EXPECTED))?;
        let (is_websocket, tls) = match parsed.scheme_str() {
            Some("ws") => (true, false),
            Some("wss") => (true, true),
            Some("rs") => (false, false),
            Some("rss") => (false, true),
            _ => return Err(wrong(EXPECTED)),
        };
        let authority = parsed.authority().ok_or_else(|| wrong(EXPECTED))?;
        if authority.as_str().contains('@') {
            return Err(wrong("a name and a password belong into the credentials"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let target = parsed.path_and_query().map_or("/", |target| target.as_str());
        match (is_websocket, authority.port_u16()) {
            _ if host.is_empty() => Err(wrong(EXPECTED)),
            (true, port) => Ok(Address::WebSocket {
                host,
                port: port.unwrap_or(if tls { 443 } else { 80 }),
                tls,
                authority: authority.as_str().to_owned(),
                target: target.to_owned(),
            }),
            (false, None) => Err(wrong("a RawSocket has no usual port: name one")),
            (false, Some(_)) if target != "/" => Err(wrong("a RawSocket has no path")),
            (false, Some(port)) => Ok(Address::RawSocket { host, port, tls }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn websocket(host: &str, port: u16, tls: bool, authority: &str, target: &str) -> Option<Address> {
        let (host, authority, target) = (host.to_owned(), authority.to_owned(), target.to_owned());
        Some(Address::WebSocket { host, port, tls, authority, target })
    }

    fn rawsocket(host: &str, port: u16, tls: bool) -> Option<Address> {
        Some(Address::RawSocket { host: host.to_owned(), port, tls })
    }

    #[test]
    fn urls_of_routers() {
        for (url, expected) in [
            ("ws://localhost:8080/ws", websocket("localhost", 8080, false, "localhost:8080", "/ws")),
            ("ws://router", websocket("router", 80, false, "router", "/")),
            ("wss://router.example/ws?a=b", websocket("router.example", 443, true, "router.example", "/ws?a=b")),
            ("ws://[::1]:8080/ws", websocket("::1", 8080, false, "[::1]:8080", "/ws")),
            ("rs://127.0.0.1:9", rawsocket("127.0.0.1", 9, false)),
            ("rss://[::1]:9", rawsocket("::1", 9, true)),
            ("unix:/run/app.sock", Some(Address::Unix("/run/app.sock".into()))),
            ("rs://unix:/run/app.sock", Some(Address::Unix("/run/app.sock".into()))),
            ("rs://router", None),
            ("rs://router:9/path", None),
            ("ws://joe:secret@router/ws", None),
            ("http://router/ws", None),
            ("router:8080", None),
            ("unix:", None),
            ("ws://", None),
            ("", None),
        ] {
            assert_eq!(Address::parse(url).ok(), expected, "{url}");
        }
    }
}
