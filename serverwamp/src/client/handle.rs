//! A client as the program has it.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use futures_util::{Stream, stream};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use super::call::Call;
use super::connect::Connect;
use super::error::CallError;
use super::publish::Publish;
use super::register::Register;
use super::request::{Reply, Request};
use super::shared::Shared;
use super::state::{Details, State};
use super::subscribe::Subscribe;
use crate::handler::{FromCall, Inject, IntoPayload, Parameter, Procedure, Requirement, RpcError};
use crate::wire::{Payload, SessionId, Uri, uris};

/// Requests that may wait for the task.
const REQUESTS: usize = 64;

/// A client of somebody else's router: calls, publishes, subscribes and registers. A cheap handle: clones are the same
/// client.
///
/// ```no_run
/// use serverwamp::{CallError, Client, ConnectError};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::connect("ws://localhost:8080/ws").realm("realm1").await?;
/// let sum: i64 = client.call("math.add", (2, 3)).await?;
/// client.publish("sums", sum).await?;
/// let mut news = client.subscribe("news.").prefix().await?;
/// while let Some(event) = news.next().await {
///     println!("{}: {}", event.topic(), event.arg::<String>(0)?);
/// }
/// # Ok(())
/// # }
/// ```
///
/// A client whose session is lost connects again ([`Reconnect`](crate::client::Reconnect)), and registers and subscribes
/// everything anew. Requests without an answer then fail with [`CallError::Ended`], those made before there is a session
/// again with [`CallError::NotConnected`]; nothing is asked twice. Sessions cannot be resumed (`resumable` and what belongs
/// to it in HELLO): nobody has specified that. Events that were published in between are missed.
///
/// Dropping the last handle leaves the realm. A procedure that is registered with a closure which has a handle of its own
/// client keeps that: [`stop`](Client::stop) ends it.
///
/// In a handler, a parameter of this type is the client that the handler runs for: see [`connect`](crate::connect).
#[derive(Clone)]
pub struct Client {
    requests: mpsc::Sender<Request>,
    pub(super) shared: Arc<Shared>,
}

/// A handle that keeps nothing.
#[derive(Clone)]
pub(crate) struct WeakClient {
    requests: mpsc::WeakSender<Request>,
    pub(super) shared: Arc<Shared>,
}

impl Client {
    /// Connects to a router, at `ws://`, `wss://`, `rs://`, `rss://` (RawSocket) or `unix:/path`: await it, after saying
    /// what is to be other than the default.
    pub fn connect(url: impl Into<String>) -> Connect {
        Connect::new(url.into())
    }

    /// A client that is to connect, and where its requests arrive.
    pub(super) fn new() -> (Client, mpsc::Receiver<Request>) {
        let (requests, receiver) = mpsc::channel(REQUESTS);
        (Client { requests, shared: Arc::new(Shared::new()) }, receiver)
    }

    /// Calls a procedure: await it, for the type that the result is to be read as.
    ///
    /// The arguments follow the shape rule of results: tuples and sequences are positional arguments, structs and
    /// maps are keyword arguments, [`RpcResult`](crate::RpcResult) is both, `()` none. So does reading the result: a struct
    /// or a map is read from the keyword results if there are any, else from a single positional map; a sequence from all
    /// positional results, or, where that fails and there is only one, from that one; [`Single`](crate::Single) from the
    /// only one; `RpcResult` takes everything.
    ///
    /// Dropping the future, or its awaiting, cancels the call.
    pub fn call<T>(&self, procedure: impl AsRef<str>, arguments: impl IntoPayload) -> Call<T> {
        Call::new(self.clone(), self.message(procedure.as_ref(), arguments))
    }

    /// Publishes an event: await it. The payload follows the rules for the arguments of [`call`](Client::call).
    ///
    /// Without [`acknowledge`](Publish::acknowledge) nobody tells whether the router has taken the event.
    ///
    /// ```
    /// # use serverwamp::{CallError, Client};
    /// # async fn publishes(client: Client) -> Result<(), CallError> {
    /// client.publish("chat.kitchen", ("Ada", "Tea is ready")).await?;
    /// let publication = client.publish("chat.kitchen", ("Ada", "Last call")).acknowledge().await?;
    /// # let _ = publication;
    /// # Ok(())
    /// # }
    /// ```
    pub fn publish(&self, topic: impl AsRef<str>, payload: impl IntoPayload) -> Publish<()> {
        Publish::new(self.clone(), self.message(topic.as_ref(), payload))
    }

    /// Subscribes to a topic: await it, for the subscription whose events can then be awaited; or give it a function for
    /// them with [`each`](Subscribe::each).
    ///
    /// Several subscriptions of a client to the same topic are one for the router; each of them gets every event.
    pub fn subscribe(&self, topic: impl Into<String>) -> Subscribe {
        Subscribe::new(self.clone(), topic.into())
    }

    /// Registers a procedure: await it, for the registration, which ends when it is dropped.
    ///
    /// ```
    /// # use serverwamp::{CallError, Client, Progress, RpcError};
    /// # async fn registers(client: Client) -> Result<(), CallError> {
    /// let add = client.register("math.add", |a: i64, b: i64| async move { a + b }).await?;
    /// let divide = client
    ///     .register("math.divide", |a: f64, b: f64| async move {
    ///         if b == 0.0 { Err(RpcError::invalid_argument("by zero")) } else { Ok(a / b) }
    ///     })
    ///     .await?;
    /// let count = client
    ///     .register("count", |to: u32, progress: Progress<u32>| async move {
    ///         for number in 0..to {
    ///             let _ = progress.send(number).await;
    ///         }
    ///     })
    ///     .concurrency(8)
    ///     .await?;
    /// # let _ = (add, divide, count);
    /// # Ok(())
    /// # }
    /// ```
    pub fn register<Kind>(&self, procedure: impl Into<String>, function: impl Procedure<Kind>) -> Register {
        let procedure = procedure.into();
        Register::new(self.clone(), procedure, Box::new(|concurrency| function.into_endpoint(concurrency)))
    }

    /// Whether there is a session in which everything is registered and subscribed.
    pub fn is_connected(&self) -> bool {
        self.state() == State::Joined
    }

    /// How far the connection is.
    pub fn state(&self) -> State {
        *self.shared.state().borrow()
    }

    /// Whether the client is over for good: stopped, or given up.
    pub fn is_over(&self) -> bool {
        self.shared.is_over().is_some()
    }

    /// The changes of [`state`](Client::state) from now on. A reader that is more than 64 changes behind misses some.
    pub fn states(&self) -> impl Stream<Item = State> + Send + Unpin + use<> {
        Box::pin(stream::unfold(self.shared.changes(), |mut changes| async move {
            loop {
                match changes.recv().await {
                    Ok(state) => return Some((state, changes)),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                }
            }
        }))
    }

    /// Waits until there is a session in which everything is registered and subscribed. Cancel-safe.
    ///
    /// # Errors
    /// The client is over for good.
    pub async fn joined(&self) -> Result<(), CallError> {
        let mut state = self.shared.state();
        let reached = state.wait_for(|state| matches!(state, State::Joined | State::Closed)).await.map(|state| *state);
        match reached {
            Ok(State::Joined) => Ok(()),
            _ => Err(self.shared.over().await.into()),
        }
    }

    /// What the router said of the session; none while there is none.
    pub fn details(&self) -> Option<Arc<Details>> {
        self.shared.session()
    }

    /// The session's id; none while there is no session.
    pub fn session_id(&self) -> Option<SessionId> {
        self.details().map(|details| details.session())
    }

    /// Leaves the realm with this reason (a URI, such as `wamp.close.normal`) and a message for people, and closes the
    /// connection for good. Running handlers are dropped. Returns the reason that the router gave.
    ///
    /// A reason that is no URI becomes `wamp.close.normal`.
    pub async fn leave(&self, reason: impl AsRef<str>, message: impl Into<String>) -> String {
        let reason = Uri::new(reason.as_ref()).unwrap_or_else(|_| Uri::known(uris::CLOSE_NORMAL));
        let message = Some(message.into()).filter(|message| !message.is_empty());
        self.end(Request::Leave { reason, message }).await
    }

    /// Closes the connection for good, without a word to the router.
    pub async fn disconnect(&self) {
        self.end(Request::Disconnect).await;
    }

    /// Ends the client for good: withdraws all subscriptions and registrations, lets running handlers end (within
    /// [`stop_timeout`](Connect::stop_timeout)), says GOODBYE and closes the connection.
    ///
    /// A handler of this client may call it too: there it returns at once, and the rest follows when the handler has
    /// ended. (One that is `detached` or `blocking` is waited for as long as the timeout allows.)
    pub async fn stop(&self) {
        self.end(Request::Stop).await;
    }

    /// Waits until the client is over for good. Returns the reason. Cancel-safe.
    pub async fn ended(&self) -> String {
        self.shared.over().await.reason.to_string()
    }

    /// Asks for the end and waits for it; not in a handler, for which the end itself waits.
    async fn end(&self, request: Request) -> String {
        let is_handler = self.shared.is_polling();
        // A client that is over has ended.
        let _ = self.requests.send(request).await;
        match is_handler {
            true => uris::CLOSE_NORMAL.to_owned(),
            false => self.ended().await,
        }
    }

    pub(super) fn downgrade(&self) -> WeakClient {
        let (requests, shared) = (self.requests.downgrade(), Arc::clone(&self.shared));
        WeakClient { requests, shared }
    }

    /// Hands a request to the task.
    ///
    /// # Errors
    /// The client is over.
    pub(super) async fn send(&self, request: Request) -> Result<(), CallError> {
        // There is room as a rule, which costs less to find out than to be ready to wait.
        let Some(request) = self.try_send(request) else { return Ok(()) };
        match self.requests.send(request).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.shared.over().await.into()),
        }
    }

    /// Hands a request to the task. Returns it if there is no room, or no task any more.
    pub(super) fn try_send(&self, request: Request) -> Option<Request> {
        match self.requests.try_send(request) {
            Ok(()) => None,
            Err(TrySendError::Full(request) | TrySendError::Closed(request)) => Some(request),
        }
    }

    /// Hands a request to the task and waits for the answer.
    pub(super) async fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, CallError> {
        let (reply, answer) = oneshot::channel();
        self.send(request(reply)).await?;
        match answer.await {
            Ok(answer) => answer,
            Err(_) => Err(self.shared.over().await.into()),
        }
    }

    fn message(&self, uri: &str, payload: impl IntoPayload) -> Result<(Uri, Payload), CallError> {
        Ok((Uri::new(uri)?, payload.into_payload(self.shared.codec())?))
    }
}

impl WeakClient {
    pub(super) fn upgrade(&self) -> Option<Client> {
        let (requests, shared) = (self.requests.upgrade()?, Arc::clone(&self.shared));
        Some(Client { requests, shared })
    }

    /// As [`Client::ask`]; what was to end has ended with the client.
    pub(super) async fn ask(&self, request: impl FnOnce(Reply<()>) -> Request) -> Result<(), CallError> {
        match self.upgrade() {
            Some(client) => client.ask(request).await,
            None => Ok(()),
        }
    }
}

/// Which client a handler runs for is kept with its session; in programs that serve, it is a value that was injected.
impl<'c> FromCall<'c> for Client {
    fn from_call(call: &'c crate::handler::Call, parameter: &Parameter<'_, 'c>) -> Result<Client, RpcError> {
        match call.session().get::<WeakClient>().and_then(|client| client.upgrade()) {
            Some(client) => Ok(client),
            None => Inject::<Client>::from_call(call, parameter).map(|client| (*client).clone()),
        }
    }

    fn requires() -> Vec<Requirement> {
        vec![Requirement::injected::<Client>()]
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Client");
        shown.field("state", &self.state()).field("session", &self.session_id()).finish_non_exhaustive()
    }
}

impl fmt::Debug for WeakClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("WeakClient")
    }
}

/// Waits for a future as long as it may take.
pub(super) async fn within<T>(
    timeout: Option<std::time::Duration>,
    future: impl Future<Output = T>,
) -> Result<T, CallError> {
    match timeout {
        // Timers are large, and most calls have none.
        Some(timeout) => Box::pin(tokio::time::timeout(timeout, future)).await.map_err(|_| CallError::TimedOut),
        None => Ok(future.await),
    }
}
