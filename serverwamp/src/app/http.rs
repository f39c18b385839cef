//! What an app says about the HTTP requests that open WebSockets.

use super::App;
use crate::error::Problem;
use crate::transport::TrustedProxies;

impl App {
    /// Lets pages of another origin connect, such as `https://app.example.com`; `*` lets all.
    pub fn allow_origin(mut self, origin: impl Into<String>) -> App {
        self.http.origins.0.push(origin.into());
        self
    }

    /// Names the proxies that are believed what they say of their clients: [`TransportInfo`](crate::TransportInfo) then has
    /// the client's address, [`Limits::authentication_attempts`](crate::Limits::authentication_attempts) counts by it, and
    /// where the proxy speaks TLS with the client, tickets are taken. By default nobody is.
    ///
    /// A list is of addresses, networks and `unix`, whose `X-Forwarded-For` counts; [`TrustedProxies::forwarded`] is for
    /// proxies that say it in `Forwarded`. RawSocket has no header fields: its peers are who they are.
    ///
    /// ```
    /// # use serverwamp::{App, TrustedProxies};
    /// let app = App::discover().trusted_proxies(["127.0.0.1", "10.0.0.0/8", "unix"]);
    /// let app = App::discover().trusted_proxies(TrustedProxies::forwarded(["fd00::/8"]));
    /// # let _ = app;
    /// ```
    pub fn trusted_proxies(mut self, proxies: impl Into<TrustedProxies>) -> App {
        self.http.proxies = proxies.into();
        self.changed()
    }

    pub(super) fn http_problems(&self) -> impl Iterator<Item = Problem> {
        self.http.proxies.malformed().iter().map(|proxy| {
            let expected = "expected an address, a network such as 10.0.0.0/8, or `unix`";
            Problem::new(format!("trusted proxy `{proxy}`: {expected}"))
        })
    }
}
