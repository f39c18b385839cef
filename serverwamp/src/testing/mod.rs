//! Testing an app without a socket.
//!
//! [`TestClient`] calls, subscribes and publishes as any client does.
//!
//! ```
//! use serverwamp::testing::TestClient;
//! use serverwamp::{App, routes, wamp};
//!
//! #[wamp::rpc("math.add")]
//! async fn add(a: i64, b: i64) -> i64 {
//!     a + b
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let app = App::new().routes(routes![add]);
//! let client = TestClient::connect(&app).await?;
//! let sum: i64 = client.call("math.add", (2, 3)).await?;
//! assert_eq!(sum, 5);
//! # Ok(())
//! # }
//! ```

mod calls;
mod echo;
mod join;
mod raw;
#[cfg(test)]
mod tests;
mod topics;

use tokio::io::DuplexStream;

use crate::app::App;
use crate::client::{self, Connected, Credentials, Handle};
use crate::handler::IntoPayload;
use crate::transport::{Memory, Peer};
use crate::wire::{Codec, Dict, Payload, ScanLimits, SessionId, Uri, Welcome, uris};

pub use crate::client::{CallError, Event};
pub use calls::{Next, RunningCall, TestCall};
#[doc(hidden)]
pub use echo::echo_web_sockets;
pub use join::TestJoin;
pub use raw::RawPeer;
pub use topics::{TestPublish, TestSubscribe, TestSubscription};

/// Opens a connection to an app as a socket would: octets, of which WebSocket, RawSocket or HTTP is to be made.
///
/// It is for clients of other crates, and for what goes on beneath a session; it works with paused time.
///
/// ```
/// use serverwamp::{App, testing};
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// # async fn opens(app: App) -> Result<(), Box<dyn std::error::Error>> {
/// let mut socket = testing::socket(&app)?;
/// socket.write_all(&[0x7f, 0xf1, 0, 0]).await?; // RawSocket with JSON
/// let mut answer = [0; 4];
/// socket.read_exact(&mut answer).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// The app is put together wrongly.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn socket(app: &App) -> Result<DuplexStream, CallError> {
    const CAPACITY: usize = 64 * 1024;
    let (ours, theirs) = tokio::io::duplex(CAPACITY);
    let acceptor = app.acceptor().map_err(|error| CallError::Startup(error.to_string()))?;
    acceptor.serve(ours, Peer { is_local: true, ..Peer::default() }, None);
    Ok(theirs)
}

/// The client's side of a session with an app, over a transport in memory.
///
/// Dropping it leaves the realm.
#[derive(Debug)]
pub struct TestClient {
    handle: Handle,
    codec: Codec,
    welcome: Box<Welcome>,
    realm: Uri,
}

impl TestClient {
    /// Joins `realm1` of an app, in JSON.
    ///
    /// # Errors
    /// The app is put together wrongly, or does not welcome the session.
    pub async fn connect(app: &App) -> Result<TestClient, CallError> {
        TestClient::join(app, "realm1", "wamp.2.json").await
    }

    /// Joins an app: await it, after saying what is to be other than the default.
    ///
    /// ```
    /// # use serverwamp::testing::{CallError, TestClient};
    /// # use serverwamp::{App, Credentials};
    /// # async fn joins(app: App) -> Result<(), CallError> {
    /// let client =
    ///     TestClient::build(&app).realm("customers").credentials(Credentials::ticket("joe", "secret")).await?;
    /// assert_eq!((client.authid(), client.authrole()), ("joe", "customer"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn build(app: &App) -> TestJoin<'_> {
        TestJoin::new(app)
    }

    /// Joins a realm of an app with a serializer, given by its WebSocket subprotocol (not a batched one).
    ///
    /// # Errors
    /// The app is put together wrongly, or does not welcome the session.
    pub async fn join(app: &App, realm: &str, subprotocol: &str) -> Result<TestClient, CallError> {
        TestClient::build(app).realm(realm).serializer(subprotocol).await
    }

    /// Joins a realm of whatever is at the other end of a transport.
    async fn over(
        transport: Memory,
        codec: Codec,
        realm: Uri,
        credentials: &Credentials,
    ) -> Result<TestClient, CallError> {
        let scan = ScanLimits { depth: 256, nodes: 10_000_000 };
        let Connected { handle, welcome } = client::connect(transport, codec, scan, realm.clone(), credentials).await?;
        let realm = welcome.details.realm.clone().unwrap_or(realm);
        Ok(TestClient { handle, codec, welcome, realm })
    }

    /// The session's id.
    pub fn session(&self) -> SessionId {
        self.welcome.session
    }

    /// The realm that was joined.
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// Who the app says the client is.
    pub fn authid(&self) -> &str {
        self.welcome.details.authid.as_deref().unwrap_or_default()
    }

    /// The role that the app gave the client.
    pub fn authrole(&self) -> &str {
        self.welcome.details.authrole.as_deref().unwrap_or_default()
    }

    /// The method by which the client has logged in.
    pub fn authmethod(&self) -> &str {
        self.welcome.details.authmethod.as_deref().unwrap_or_default()
    }

    /// Where the app knows the client from.
    pub fn authprovider(&self) -> &str {
        self.welcome.details.authprovider.as_deref().unwrap_or_default()
    }

    /// What else the app says of who the client is; empty if there is nothing.
    pub fn authextra(&self) -> Dict {
        let authextra = self.welcome.details.authextra.as_ref();
        authextra.and_then(|authextra| authextra.to_dict().ok()).unwrap_or_default()
    }

    /// Calls a procedure: await it, for the type that the result is to be read as.
    ///
    /// The arguments follow the shape rule of results: tuples and sequences are positional arguments, structs and
    /// maps are keyword arguments, [`RpcResult`](crate::RpcResult) is both, `()` none.
    pub fn call<T>(&self, procedure: impl AsRef<str>, arguments: impl IntoPayload) -> TestCall<T> {
        TestCall::new(self.handle.clone(), self.message(procedure.as_ref(), arguments))
    }

    /// Subscribes to a topic: await it, for the subscription whose events can then be awaited.
    ///
    /// Several subscriptions of a client to the same topic are one for the app; each of them gets every event.
    ///
    /// ```
    /// # use serverwamp::testing::{CallError, TestClient};
    /// # async fn subscribes(client: TestClient) -> Result<(), CallError> {
    /// let mut news = client.subscribe("news.sport").await?;
    /// let mut all = client.subscribe("news.").prefix().await?;
    /// while let Some(event) = all.next().await {
    ///     let headline: String = event.arg(0)?;
    ///     println!("{}: {headline}", event.topic());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn subscribe(&self, topic: impl Into<String>) -> TestSubscribe {
        TestSubscribe::new(self.handle.clone(), topic.into())
    }

    /// Publishes an event: await it. The payload follows the rules for the arguments of [`call`](TestClient::call).
    ///
    /// Without [`acknowledge`](TestPublish::acknowledge) nobody tells whether the app has taken the event.
    ///
    /// ```
    /// # use serverwamp::testing::{CallError, TestClient};
    /// # async fn publishes(client: TestClient) -> Result<(), CallError> {
    /// client.publish("chat.kitchen", ("Ada", "Tea is ready")).await?;
    /// let publication = client.publish("chat.kitchen", ("Ada", "Last call")).acknowledge().await?;
    /// # let _ = publication;
    /// # Ok(())
    /// # }
    /// ```
    pub fn publish(&self, topic: impl AsRef<str>, payload: impl IntoPayload) -> TestPublish<()> {
        TestPublish::new(self.handle.clone(), self.message(topic.as_ref(), payload))
    }

    /// Leaves the realm. Returns the reason that the app gave.
    pub async fn leave(&self) -> String {
        self.handle.leave(Uri::known(uris::CLOSE_NORMAL)).await.reason.to_string()
    }

    /// Waits until the session is over. Returns the reason.
    pub async fn ended(&self) -> String {
        self.handle.over().await.reason.to_string()
    }

    fn message(&self, uri: &str, payload: impl IntoPayload) -> Result<(Uri, Payload), CallError> {
        Ok((Uri::new(uri)?, payload.into_payload(self.codec)?))
    }
}
