//! How a test client joins.

use std::future::IntoFuture;
use std::pin::Pin;

use super::{CallError, TestClient, raw};
use crate::app::App;
use crate::client::Credentials;
use crate::wire::Uri;

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
        let realm = Uri::new(&self.realm)?;
        let (transport, subprotocol) = raw::open(self.app, &self.subprotocol)?;
        TestClient::over(transport, subprotocol.codec, realm, &self.credentials).await
    }
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
