//! Where the router is, as a configuration says it.

use super::super::address::Address;
use super::node::Table;
use super::problems::Problems;

/// Where the router is: as URLs, or in parts.
#[derive(Debug, Clone, Default)]
pub(super) struct GivenAddress {
    urls: Option<Vec<String>>,
    host: Option<String>,
    port: Option<u16>,
    path: Option<String>,
    tls: Option<bool>,
}

impl GivenAddress {
    pub(super) fn read(table: &Table, problems: &mut Problems) -> GivenAddress {
        let urls = match (table.get("url"), table.get("urls")) {
            (Some(url), None) => problems.text(url, "`url`").map(|url| vec![url]),
            (None, Some(urls)) => problems.texts(urls, "`urls`"),
            (None, None) => None,
            (Some(_), Some(urls)) => {
                problems.add(urls.line, "`url` and `urls`: expected one of them");
                None
            }
        };
        for url in urls.iter().flatten() {
            if let Err(error) = Address::parse(url) {
                let line = table.line_of(if table.get("url").is_some() { "url" } else { "urls" });
                problems.add(line, error.to_string());
            }
        }
        let host = table.get("host").and_then(|host| problems.text(host, "`host`"));
        if let Some(host) = host.filter(|host| Address::parse(&format!("ws://{}/", bracketed(host))).is_err()) {
            problems.add(table.line_of("host"), format!("`host`: expected a name or an IP address, got `{host}`"));
        }
        let port = table.get("port").and_then(|port| problems.integer(port, "`port`", 1, u16::MAX));
        let path = table.get("path").and_then(|path| problems.text(path, "`path`"));
        if let Some(path) = path.filter(|path| !path.starts_with('/')) {
            problems.add(table.line_of("path"), format!("`path`: expected a text that begins with `/`, got `{path}`"));
        }
        let tls = table.get("tls").map(|tls| match &tls.value {
            super::node::Value::Bool(tls) => *tls,
            _ => true,
        });
        let part = ["host", "port", "path"].into_iter().find(|part| table.get(part).is_some());
        if let (Some(_), Some(part)) = (&urls, part) {
            problems.add(table.line_of(part), format!("`{part}`: the URL says that already"));
        }
        let urls = urls.map(|urls| urls.into_iter().map(str::to_owned).collect());
        let (host, path) = (host.map(str::to_owned), path.map(str::to_owned));
        GivenAddress { urls, host, port, path, tls }
    }

    /// This, and for the rest what holds for all clients.
    pub(super) fn or(self, defaults: &GivenAddress) -> GivenAddress {
        let has_parts = self.host.is_some() || self.port.is_some() || self.path.is_some();
        GivenAddress {
            urls: self.urls.or_else(|| defaults.urls.clone().filter(|_| !has_parts)),
            host: self.host.or_else(|| defaults.host.clone()),
            port: self.port.or(defaults.port),
            path: self.path.or_else(|| defaults.path.clone()),
            tls: self.tls.or(defaults.tls),
        }
    }

    /// The router's addresses.
    ///
    /// # Errors
    /// The parts are those of no address.
    pub(super) fn into_urls(self) -> Result<Vec<String>, String> {
        if let Some(urls) = self.urls {
            return Ok(urls);
        }
        let host = self.host.as_deref().unwrap_or("localhost");
        let host = bracketed(host);
        let scheme = if self.tls == Some(true) { "wss" } else { "ws" };
        let (port, path) = (self.port.unwrap_or(8080), self.path.as_deref().unwrap_or("/ws"));
        let url = format!("{scheme}://{host}:{port}{path}");
        // A host that is none has been found already.
        match Address::parse(&url) {
            Err(error) if Address::parse(&format!("ws://{host}/")).is_ok() => Err(error.to_string()),
            _ => Ok(vec![url]),
        }
    }
}

/// A host as URLs have it.
fn bracketed(host: &str) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() }
}
