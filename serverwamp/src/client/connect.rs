//! How a client connects.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::component::Component;
use super::handle::Client;
use super::settings::{Settings, connection_setters};
use super::state::Details;
use super::task::{Functions, Task};
use crate::error::ConnectError;
use crate::routing::Routes;

/// A client that is about to connect: await it for the client, once it has joined.
///
/// Where nothing listens, or the session is lost before everything is as it should be, it is tried again, as
/// [`Reconnect`](crate::client::Reconnect) says. Dropped before it is done, it connects nowhere.
///
/// ```no_run
/// use serverwamp::client::{Reconnect, Serializer};
/// use serverwamp::{Client, Credentials};
/// use std::time::Duration;
///
/// # async fn connects() -> Result<(), serverwamp::ConnectError> {
/// let client = Client::connect("wss://one.example.com/ws")
///     .url("wss://other.example.com/ws")
///     .realm("customers")
///     .credentials(Credentials::scram("joe", "secret"))
///     .serializers([Serializer::MessagePack, Serializer::Json])
///     .timeout(Duration::from_secs(5))
///     .reconnect(Reconnect { max_retries: Some(10), ..Reconnect::default() })
///     .await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a client does not connect until it is awaited"]
#[derive(Debug)]
pub struct Connect {
    settings: Settings,
}

connection_setters!(Connect);

impl Connect {
    pub(super) fn new(url: String) -> Connect {
        Connect { settings: Settings::new(vec![url]) }
    }

    pub(crate) fn with(settings: Settings) -> Connect {
        Connect { settings }
    }

    /// Hosts all annotated functions of the program over this connection, as [`connect`](crate::connect()) does.
    ///
    /// What is asked of the builder before and after comes to the same.
    ///
    /// ```no_run
    /// # async fn hosts() -> serverwamp::Result<()> {
    /// use serverwamp::Client;
    ///
    /// Client::connect("ws://localhost:8080/ws").realm("realm1").host().await
    /// # }
    /// ```
    pub fn host(self) -> Component {
        Component::discovering(self.settings, "")
    }

    /// Hosts these functions over this connection, and no others.
    pub fn host_routes(self, routes: Routes) -> Component {
        Component::with(self.settings).routes(routes)
    }

    /// Connects. Returns what the router has said as well, as the session may be over by the time that somebody asks.
    pub(crate) async fn connect(self) -> Result<(Client, Arc<Details>), ConnectError> {
        let (client, requests) = Client::new();
        let (joined, outcome) = oneshot::channel();
        let task = Task::new(self.settings, &client, requests, Functions::default());
        tokio::spawn(task.run(Some(joined)));
        let details = outcome.await.unwrap_or(Err(ConnectError::Stopped))?;
        Ok((client, details))
    }
}

/// # Errors
/// Why there is no session, and never will be: see [`ConnectError`].
impl IntoFuture for Connect {
    type Output = Result<Client, ConnectError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { Ok(self.connect().await?.0) })
    }
}
