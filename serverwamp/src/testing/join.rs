//! How a test client joins.

use std::future::{IntoFuture, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;

use super::{CallError, Dialed, Settings, TestClient, raw};
use crate::app::App;
use crate::client::{Credentials, Reconnect};
use crate::error::ConnectError;
use crate::handler::TransportInfo;
use crate::limits::Limits;
use crate::transport::Memory;
use crate::wire::{Subprotocol, Uri, uris};

/// A client that is about to join an app: `realm1`, in JSON and without credentials if nothing else is said.
#[must_use = "a client does not join until it is awaited"]
#[derive(Debug)]
pub struct TestJoin<'a> {
    app: &'a App,
    realm: String,
    subprotocol: String,
    credentials: Credentials,
}

impl<'a> TestJoin<'a> {
    pub(super) fn new(app: &'a App) -> TestJoin<'a> {
        let (realm, subprotocol) = ("realm1".to_owned(), "wamp.2.json".to_owned());
        TestJoin { app, realm, subprotocol, credentials: Credentials::default() }
    }

    /// The realm to join.
    pub fn realm(mut self, realm: impl Into<String>) -> TestJoin<'a> {
        self.realm = realm.into();
        self
    }

    /// The serializer, given by its WebSocket subprotocol (not a batched one).
    pub fn serializer(mut self, subprotocol: impl Into<String>) -> TestJoin<'a> {
        self.subprotocol = subprotocol.into();
        self
    }

    /// How to log in.
    pub fn credentials(mut self, credentials: Credentials) -> TestJoin<'a> {
        self.credentials = credentials;
        self
    }

    async fn join(self) -> Result<TestClient, CallError> {
        Uri::new(&self.realm)?;
        let shared = self.app.shared().map_err(|error| CallError::Startup(error.to_string()))?;
        let known = Subprotocol::from_name(&self.subprotocol);
        let subprotocol = known.ok_or_else(|| CallError::Unsendable(format!("no subprotocol {}", self.subprotocol)))?;
        let dial = move || raw::connect(&shared, subprotocol);
        TestClient::with(settings(self.realm, self.credentials, subprotocol, dial)).await
    }
}

/// How a client joins over a transport in memory, once: with next to no limits, as a test says itself how long it waits.
pub(super) fn settings(
    realm: String,
    credentials: Credentials,
    subprotocol: Subprotocol,
    dial: impl Fn() -> Result<Memory, String> + Send + Sync + 'static,
) -> Settings {
    let mut settings = Settings::new(vec!["memory".to_owned()]);
    settings.realm = realm;
    settings.credentials = credentials;
    settings.reconnect = Reconnect::never();
    settings.limits = Limits { message_size: usize::MAX, depth: 256, nodes: 10_000_000, ..Limits::default() };
    settings.timeout = Duration::from_secs(3600);
    settings.dialer = Some(Arc::new(move || {
        let dialed = dial().map(|transport| {
            let serializer = subprotocol.serializer();
            let info = TransportInfo { kind: "memory", serializer, is_local: true, ..TransportInfo::default() };
            Dialed { transport: Box::new(transport), subprotocol, info }
        });
        let reason = uris::LIMIT_EXCEEDED.to_owned();
        ready(dialed.map_err(|message| ConnectError::Refused { reason, message: Some(message) })).boxed()
    }));
    settings
}

/// # Errors
/// The app is put together wrongly, the credentials cannot be used, or the app does not welcome the session.
impl<'a> IntoFuture for TestJoin<'a> {
    type Output = Result<TestClient, CallError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.join())
    }
}
