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

mod echo;
mod join;
mod raw;
mod stubs;
#[cfg(test)]
mod tests;

use tokio::io::DuplexStream;

use crate::app::App;
use crate::client::{Client, Connect, Details, Dialed, Settings};
use crate::handler::IntoPayload;
use crate::transport::Peer;
use crate::wire::{Dict, SessionId};

pub use crate::client::{
    Call as TestCall, CallError, Event, Next, Publish as TestPublish, RunningCall, Subscribe as TestSubscribe,
    Subscription as TestSubscription,
};
#[doc(hidden)]
pub use echo::echo_web_sockets;
pub use join::TestJoin;
pub use raw::RawPeer;
pub use stubs::{check_stub, check_stub_under};

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

/// The client's side of a session with an app, over a transport in memory: a [`Client`] that does not connect again.
///
/// Dropping it leaves the realm.
#[derive(Debug)]
pub struct TestClient {
    client: Client,
    details: std::sync::Arc<Details>,
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
    async fn with(settings: Settings) -> Result<TestClient, CallError> {
        let (client, details) = Connect::with(settings).connect().await?;
        Ok(TestClient { client, details })
    }

    /// The client as programs have it.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The session's id.
    pub fn session(&self) -> SessionId {
        self.details.session()
    }

    /// The realm that was joined.
    pub fn realm(&self) -> &str {
        self.details.realm()
    }

    /// Who the app says the client is.
    pub fn authid(&self) -> &str {
        self.details.authid()
    }

    /// The role that the app gave the client.
    pub fn authrole(&self) -> &str {
        self.details.authrole()
    }

    /// The method by which the client has logged in.
    pub fn authmethod(&self) -> &str {
        self.details.authmethod()
    }

    /// Where the app knows the client from.
    pub fn authprovider(&self) -> &str {
        self.details.authprovider()
    }

    /// What else the app says of who the client is; empty if there is nothing.
    pub fn authextra(&self) -> Dict {
        self.details.authextra().clone()
    }

    /// Calls a procedure: see [`Client::call`].
    pub fn call<T>(&self, procedure: impl AsRef<str>, arguments: impl IntoPayload) -> TestCall<T> {
        self.client.call(procedure, arguments)
    }

    /// Subscribes to a topic: see [`Client::subscribe`].
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
        self.client.subscribe(topic)
    }

    /// Publishes an event: see [`Client::publish`].
    pub fn publish(&self, topic: impl AsRef<str>, payload: impl IntoPayload) -> TestPublish<()> {
        self.client.publish(topic, payload)
    }

    /// Leaves the realm. Returns the reason that the app gave.
    pub async fn leave(&self) -> String {
        self.client.leave("wamp.close.normal", "").await
    }

    /// Waits until the session is over. Returns the reason.
    pub async fn ended(&self) -> String {
        self.client.ended().await
    }
}
