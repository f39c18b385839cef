//! Where the router is, as a configuration says it.

use super::super::address::Address;
use crate::document::{Entry, Table};

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
    pub(super) fn read<'d>(table: &'d Table<'d>) -> GivenAddress {
        let urls = table.either("url", "urls").map(|entry| one_or_more(entry, "url"));
        for (entry, url) in urls.iter().flatten() {
            if let Err(error) = Address::parse(url) {
                entry.problem(error.to_string());
            }
        }
        let (host, path) = (table.entry("host"), table.entry("path"));
        let port = table.entry("port");
        for entry in [host, port, path].into_iter().flatten().filter(|_| urls.is_some()) {
            entry.problem("the URL says that already");
        }
        let host = host.and_then(|entry| {
            let host = entry.text()?;
            if Address::parse(&format!("ws://{}/", bracketed(host))).is_err() {
                entry.problem(format!("expected a name or an IP address, got `{host}`"));
            }
            Some(host.to_owned())
        });
        let path = path.and_then(|entry| {
            let path = entry.text()?;
            if !path.starts_with('/') {
                entry.problem(format!("expected a path that begins with `/`, got `{path}`"));
            }
            Some(path.to_owned())
        });
        GivenAddress {
            urls: urls.map(|urls| urls.into_iter().map(|(_, url)| url.to_owned()).collect()),
            host,
            port: port.and_then(|port| port.number_within(1, u16::MAX)),
            path,
            tls: table.entry("tls").map(|tls| tls.as_flag() != Some(false)),
        }
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

/// What one key has, or another one has several of; there has to be one.
pub(super) fn one_or_more<'d>(entry: Entry<'d>, one: &str) -> Vec<(Entry<'d>, &'d str)> {
    if entry.key() == one {
        return entry.text().map(|text| (entry, text)).into_iter().collect();
    }
    let texts = entry.texts();
    if texts.is_empty() && entry.is_list() && entry.items().is_empty() {
        entry.problem("expected at least one, got none");
    }
    texts
}
