//! Testing an app without a socket.
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

use std::error::Error;
use std::fmt;
use std::future::IntoFuture;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;

use crate::app::App;
use crate::client::{self, Answer, Connected, FromPayload, Handle};
use crate::connection::{Connection, Place, Shared};
use crate::handler::{IntoPayload, RpcError, TransportInfo};
use crate::transport::{Memory, Received, Transport};
use crate::wire::{CallOptions, CancelMode, Codec, Payload, RequestId, ScanLimits, SessionId, Subprotocol, Uri};

/// The client's side of a session with an app, over a transport in memory.
///
/// Dropping it leaves the realm.
#[derive(Debug)]
pub struct TestClient {
    handle: Handle,
    codec: Codec,
    session: SessionId,
    realm: Uri,
}

/// Why a call has no result.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum CallError {
    /// The other side answered with an error.
    Remote(RpcError),
    /// The session ended, or never began: the reason's URI and a message.
    Ended {
        /// The URI of GOODBYE or ABORT, or `wamp.close.transport_lost`.
        reason: String,
        /// What the other side had to say.
        message: Option<String>,
    },
    /// The call has been answered already.
    Over,
    /// What was to be sent is not allowed or cannot be encoded.
    Unsendable(String),
    /// The result is of another shape than the one asked for.
    Unexpected(String),
    /// The app is put together wrongly.
    Startup(String),
}

impl CallError {
    /// The error's or the reason's URI, where there is one.
    pub fn uri(&self) -> Option<&str> {
        match self {
            CallError::Remote(error) => Some(error.uri()),
            CallError::Ended { reason, .. } => Some(reason),
            CallError::Over | CallError::Unsendable(_) | CallError::Unexpected(_) | CallError::Startup(_) => None,
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::Remote(error) => error.fmt(formatter),
            CallError::Ended { reason, message: None } => write!(formatter, "the session ended: {reason}"),
            CallError::Ended { reason, message: Some(message) } => {
                write!(formatter, "the session ended: {reason}: {message}")
            }
            CallError::Over => formatter.write_str("the call has been answered already"),
            CallError::Unsendable(message) => write!(formatter, "the call cannot be sent: {message}"),
            CallError::Unexpected(message) => write!(formatter, "the result is not as expected: {message}"),
            CallError::Startup(message) => formatter.write_str(message),
        }
    }
}

impl Error for CallError {}

impl From<client::Over> for CallError {
    fn from(over: client::Over) -> CallError {
        CallError::Ended { reason: over.reason.to_string(), message: over.message }
    }
}

impl TestClient {
    /// Joins `realm1` of an app, in JSON.
    ///
    /// # Errors
    /// The app is put together wrongly, or does not welcome the session.
    pub async fn connect(app: &App) -> Result<TestClient, CallError> {
        TestClient::join(app, "realm1", "wamp.2.json").await
    }

    /// Joins a realm of an app with a serializer, given by its WebSocket subprotocol (not a batched one).
    ///
    /// # Errors
    /// The app is put together wrongly, or does not welcome the session.
    pub async fn join(app: &App, realm: &str, subprotocol: &str) -> Result<TestClient, CallError> {
        let realm = Uri::new(realm).map_err(|error| CallError::Unsendable(error.to_string()))?;
        let (transport, subprotocol) = open(app, subprotocol)?;
        let codec = subprotocol.codec;
        let scan = ScanLimits { depth: 256, nodes: 10_000_000 };
        let Connected { handle, welcome } = client::connect(transport, codec, scan, realm.clone()).await?;
        let realm = welcome.details.realm.clone().unwrap_or(realm);
        Ok(TestClient { handle, codec, session: welcome.session, realm })
    }

    /// The session's id.
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// The realm that was joined.
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// Calls a procedure: await it, for the type that the result is to be read as.
    ///
    /// The arguments follow the shape rule of results: tuples and sequences are positional arguments, structs and
    /// maps are keyword arguments, [`RpcResult`](crate::RpcResult) is both, `()` none.
    pub fn call<T>(&self, procedure: impl AsRef<str>, arguments: impl IntoPayload) -> TestCall<T> {
        let payload = arguments.into_payload(self.codec).map_err(|error| CallError::Unsendable(error.to_string()));
        let procedure = Uri::new(procedure.as_ref()).map_err(|error| CallError::Unsendable(error.to_string()));
        TestCall {
            handle: self.handle.clone(),
            message: procedure.and_then(|procedure| Ok((procedure, payload?))),
            options: CallOptions::default(),
            result: PhantomData,
        }
    }

    /// Leaves the realm. Returns the reason that the app gave.
    pub async fn leave(&self) -> String {
        self.handle.leave(Uri::known(crate::wire::uris::CLOSE_NORMAL)).await.reason.to_string()
    }

    /// Waits until the session is over. Returns the reason.
    pub async fn ended(&self) -> String {
        self.handle.over().await.reason.to_string()
    }
}

/// A call that is about to be made.
#[must_use = "a call is not made until it is awaited"]
#[derive(Debug)]
pub struct TestCall<T> {
    handle: Handle,
    message: Result<(Uri, Payload), CallError>,
    options: CallOptions,
    result: PhantomData<fn() -> T>,
}

impl<T: FromPayload> TestCall<T> {
    /// Asks the dealer to end the call if a result takes longer. In whole milliseconds on the wire.
    pub fn timeout(mut self, timeout: Duration) -> TestCall<T> {
        self.options.timeout = u64::try_from(timeout.as_nanos().div_ceil(1_000_000)).ok();
        self
    }

    /// Makes the call and asks for progressive results, to be read as `P`.
    ///
    /// # Errors
    /// The call cannot be sent.
    pub async fn progress<P: FromPayload>(mut self) -> Result<RunningCall<P, T>, CallError> {
        self.options.receive_progress = Some(true);
        self.start().await
    }

    /// Makes the call without waiting for its result.
    ///
    /// # Errors
    /// The call cannot be sent.
    pub async fn start<P: FromPayload>(self) -> Result<RunningCall<P, T>, CallError> {
        let (procedure, payload) = self.message?;
        let (request, answers) = self.handle.call(procedure, self.options, payload).await?;
        Ok(RunningCall { handle: self.handle, request, answers, done: false, types: PhantomData })
    }
}

impl<T: FromPayload + 'static> IntoFuture for TestCall<T> {
    type Output = Result<T, CallError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> BoxFuture<'static, Self::Output> {
        Box::pin(async move { self.start::<()>().await?.result().await })
    }
}

/// A call that has been made. Dropping it before its result cancels it.
#[derive(Debug)]
pub struct RunningCall<P, T> {
    handle: Handle,
    request: RequestId,
    answers: mpsc::Receiver<Answer>,
    done: bool,
    types: PhantomData<fn() -> (P, T)>,
}

/// What a call yields next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next<P, T> {
    /// A progressive result.
    Progress(P),
    /// The final result.
    Result(T),
}

impl<P: FromPayload, T: FromPayload> RunningCall<P, T> {
    /// Waits for the next result. Cancel-safe.
    ///
    /// # Errors
    /// The call failed, or the session ended.
    pub async fn next(&mut self) -> Result<Next<P, T>, CallError> {
        if self.done {
            return Err(CallError::Over);
        }
        let unexpected = |error: crate::wire::DecodeError| CallError::Unexpected(error.to_string());
        match self.answers.recv().await {
            Some(Answer::Progress(payload)) => P::from_payload(&payload).map(Next::Progress).map_err(unexpected),
            Some(Answer::Result(payload)) => {
                self.done = true;
                T::from_payload(&payload).map(Next::Result).map_err(unexpected)
            }
            Some(Answer::Error(error, payload)) => {
                self.done = true;
                Err(CallError::Remote(RpcError::from_parts(&error, payload.to_args(), payload.to_kwargs())))
            }
            None => {
                self.done = true;
                Err(self.handle.over().await.into())
            }
        }
    }

    /// Waits for the final result and drops progressive ones.
    ///
    /// # Errors
    /// The call failed, or the session ended.
    pub async fn result(mut self) -> Result<T, CallError> {
        loop {
            if let Next::Result(result) = self.next().await? {
                return Ok(result);
            }
        }
    }

    /// Collects all progressive results, and the final one.
    ///
    /// # Errors
    /// The call failed, or the session ended.
    pub async fn collect(mut self) -> Result<(Vec<P>, T), CallError> {
        let mut progress = Vec::new();
        loop {
            match self.next().await? {
                Next::Progress(value) => progress.push(value),
                Next::Result(result) => return Ok((progress, result)),
            }
        }
    }

    /// Gives up the call: `skip`, `kill` or `killnowait`.
    ///
    /// # Errors
    /// The mode is none of these.
    pub async fn cancel(&self, mode: &str) -> Result<(), CallError> {
        let mode = match mode {
            "skip" => CancelMode::Skip,
            "kill" => CancelMode::Kill,
            "killnowait" => CancelMode::KillNoWait,
            other => return Err(CallError::Unsendable(format!("expected skip, kill or killnowait, got {other}"))),
        };
        self.handle.cancel(self.request, mode).await;
        Ok(())
    }
}

impl<P, T> Drop for RunningCall<P, T> {
    fn drop(&mut self) {
        if !self.done {
            self.handle.try_cancel(self.request, CancelMode::KillNoWait);
        }
    }
}

/// A peer of an app that sends and receives frames as they are, right or wrong.
#[derive(Debug)]
pub struct RawPeer {
    transport: Memory,
}

impl RawPeer {
    /// Connects to an app with a WebSocket subprotocol. Nothing is sent.
    ///
    /// # Errors
    /// The app is put together wrongly, or the subprotocol is not known.
    pub fn connect(app: &App, subprotocol: &str) -> Result<RawPeer, CallError> {
        open(app, subprotocol).map(|(transport, _)| RawPeer { transport })
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// The connection is closed.
    pub async fn send(&mut self, frame: &[u8]) -> std::io::Result<()> {
        self.transport.send(frame);
        self.transport.flush().await
    }

    /// The next frame; none once the connection is closed. Cancel-safe.
    pub async fn receive(&mut self) -> Option<Bytes> {
        loop {
            match self.transport.receive().await {
                Received::Frame(frame) => return Some(frame),
                Received::Control => {}
                Received::Invalid(_) | Received::Closed => return None,
            }
        }
    }
}

/// Connects to an app in memory.
fn open(app: &App, subprotocol: &str) -> Result<(Memory, Subprotocol), CallError> {
    let shared = app.shared().map_err(|error| CallError::Startup(error.to_string()))?;
    let known = Subprotocol::from_name(subprotocol);
    let subprotocol = known.ok_or_else(|| CallError::Unsendable(format!("no subprotocol {subprotocol}")))?;
    let place = shared.admit().ok_or_else(|| CallError::Startup("too many connections".to_owned()))?;
    let (ours, theirs) = Memory::pair(shared.limits.message_size_before_welcome, usize::MAX);
    tokio::spawn(serve(ours, subprotocol, shared, place));
    Ok((theirs, subprotocol))
}

async fn serve(transport: Memory, subprotocol: Subprotocol, shared: Arc<Shared>, place: Place) {
    let info = TransportInfo { kind: "memory", serializer: subprotocol.serializer(), ..TransportInfo::default() };
    let control = Arc::clone(place.control());
    Connection::new(transport, subprotocol, info, shared, control).await;
    drop(place);
}
