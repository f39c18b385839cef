//! One call of a handler.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::cancellation::CancellationToken;
use super::endpoint::Endpoint;
use super::error::RpcError;
use super::event::EventDetails;
use super::outbox::{Command, ProgressiveResult};
use super::progress::Progress;
use super::request::{Caller, Request};
use super::route::RouteKind;
use super::session::Session;
use super::subscription::Subscription;
use crate::wire::{self, Arena, CallOptions, Codec, Payload, RawDict, RequestId, Slots, Uri, uris};

/// The future of one handler's run.
pub type HandlerFuture = Pin<Box<dyn Future<Output = Result<Reply, RpcError>> + Send>>;

/// The payload of a final result.
#[doc(hidden)]
#[derive(Debug)]
pub struct Reply(pub(crate) Payload);

/// One run of a handler: what was asked, by whom, and what the handler can be injected with.
///
/// Extractors ([`FromCall`](crate::FromCall)) take their values from it, and a realm's call handler
/// ([`Realm::call_handler`](crate::Realm::call_handler)) is given it whole.
pub struct Call {
    endpoint: Arc<Endpoint>,
    session: Session,
    /// The CALL; for other handlers what would be one: the topic as procedure, an event's arguments.
    message: Box<wire::Call>,
    /// What handlers of topics, and those on somebody else's router, run for besides.
    surroundings: Option<Box<Surroundings>>,
    arena: Arena,
    state: Option<Arc<CallState>>,
    /// What it holds, which most calls do not.
    held: Option<Box<Held>>,
}

/// What a handler of topics runs for, or one on somebody else's router.
struct Surroundings {
    options: RawDict,
    event: Option<EventDetails>,
    subscription: Option<Subscription>,
    /// Who is behind it, as far as the router tells; none where it is the session.
    disclosed: Option<Option<Caller>>,
}

/// What a call holds for as long as its handler runs, wherever that is.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// Its place among the runs of a handler that are allowed at a time.
    pub(crate) permit: Option<OwnedSemaphorePermit>,
    /// Its place among what may go on without its caller.
    pub(crate) lingering: Option<Lingering>,
}

/// Counts handlers that go on when their calls are over, so that a caller cannot pile them up.
#[derive(Debug)]
pub(crate) struct Lingering {
    count: Arc<AtomicUsize>,
    _tracked: TaskTrackerToken,
}

impl Lingering {
    pub(crate) fn new(count: &Arc<AtomicUsize>, tracker: &TaskTracker) -> Lingering {
        count.fetch_add(1, Ordering::Relaxed);
        Lingering { count: Arc::clone(count), _tracked: tracker.token() }
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a running call and its connection know of each other.
#[derive(Debug)]
pub(crate) struct CallState {
    serial: u64,
    cancellation: CancellationToken,
    progressed: AtomicU64,
    ended: AtomicBool,
}

impl CallState {
    fn new(serial: u64) -> CallState {
        CallState {
            serial,
            cancellation: CancellationToken::default(),
            progressed: AtomicU64::new(0),
            ended: AtomicBool::new(false),
        }
    }

    /// What tells the call from others of its request id.
    pub(crate) fn serial(&self) -> u64 {
        self.serial
    }

    /// The call gets no further result; its handler may still run.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    pub(crate) fn cancel(&self) {
        self.cancellation.cancel();
    }

    pub(crate) fn cancellation(&self) -> &CancellationToken {
        &self.cancellation
    }

    /// How many progressive results the handler has given.
    pub(crate) fn progressed(&self) -> u64 {
        self.progressed.load(Ordering::Relaxed)
    }
}

impl Call {
    pub(crate) fn new(endpoint: Arc<Endpoint>, session: Session, message: Box<wire::Call>, serial: u64) -> Call {
        let shared = endpoint.needs_call_state() || message.options.receive_progress == Some(true);
        let state = shared.then(|| Arc::new(CallState::new(serial)));
        Call { endpoint, session, message, surroundings: None, arena: Arena::default(), state, held: None }
    }

    pub(crate) fn held(&mut self) -> &mut Held {
        self.held.get_or_insert_default()
    }

    /// The session that calls, publishes, subscribes, joins or leaves.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The URI that was called, or the topic.
    pub fn uri(&self) -> &Uri {
        &self.message.procedure
    }

    /// The request id; 1 where no client's request is behind the run.
    pub fn id(&self) -> RequestId {
        self.message.request
    }

    /// The request as the client made it: raw arguments, options, timeout, caller. Takes a few allocations.
    pub fn request(&self) -> Request {
        Request::of(self)
    }

    /// Sends progressive results, as the parameter [`Progress`] of an annotated function does.
    ///
    /// An extractor that takes it says so in [`FromCall::requires`](crate::FromCall::requires) with
    /// [`Requirement::call_state`](crate::Requirement::call_state).
    pub fn progress<T>(&self) -> Progress<T> {
        Progress::of(self)
    }

    /// Tells when the call was canceled, timed out, or lost its caller.
    ///
    /// A handler is simply dropped then; the token is for tasks that it starts. An extractor that takes it says so as for
    /// [`progress`](Call::progress); the token of a call without such a requirement is never canceled.
    pub fn cancellation(&self) -> CancellationToken {
        self.state.as_ref().map(|state| state.cancellation.clone()).unwrap_or_default()
    }

    /// The instance that a method of a service is called on, for the macros.
    ///
    /// # Errors
    /// There is no instance; start-up checks make that impossible.
    #[doc(hidden)]
    pub fn service<T: Send + Sync + 'static>(&self) -> Result<&T, RpcError> {
        let instance = self.endpoint.service().and_then(|instance| instance.downcast_ref());
        instance.ok_or_else(|| RpcError::internal(&"a method was called without its service"))
    }

    /// The event that an event function runs for.
    pub(super) fn event(&self) -> Option<&EventDetails> {
        self.surroundings.as_ref()?.event.as_ref()
    }

    /// The subscription that a subscribe or unsubscribe function runs for.
    pub(super) fn subscription(&self) -> Option<&Subscription> {
        self.surroundings.as_ref()?.subscription.as_ref()
    }

    /// Who called, published or subscribed, as far as that is known.
    pub(super) fn caller(&self) -> Option<Caller> {
        match self.disclosed() {
            Some(disclosed) => disclosed.clone(),
            None => Some(Caller::of(&self.session)),
        }
    }

    /// What a router tells of who called or published; none where it is the session.
    pub(crate) fn disclosed(&self) -> Option<&Option<Caller>> {
        self.surroundings.as_ref()?.disclosed.as_ref()
    }

    /// The options of the request as they came.
    pub(super) fn raw_options(&self) -> &RawDict {
        self.surroundings.as_ref().map_or_else(|| self.message.options.raw(), |surroundings| &surroundings.options)
    }

    pub(crate) fn message(&self) -> &wire::Call {
        &self.message
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(crate) fn payload(&self) -> &Payload {
        &self.message.payload
    }

    pub(crate) fn codec(&self) -> Codec {
        self.message.payload.codec()
    }

    pub(super) fn arena(&self) -> &Arena {
        &self.arena
    }

    pub(crate) fn state(&self) -> Option<&Arc<CallState>> {
        self.state.as_ref()
    }

    /// Whether the caller asked for progressive results.
    pub(crate) fn wants_progress(&self) -> bool {
        self.message.options.receive_progress == Some(true)
    }

    /// How long the caller waits for each result.
    pub(crate) fn caller_timeout(&self) -> Option<Duration> {
        self.message.options.timeout.filter(|&timeout| timeout > 0).map(Duration::from_millis)
    }

    pub(super) fn progress_sink(&self) -> ProgressSink {
        let state = self.state.clone().filter(|_| self.wants_progress());
        ProgressSink { session: self.session.clone(), request: self.message.request, codec: self.codec(), state }
    }
}

/// Runs of handlers that are not called.
impl Call {
    /// A run of an event function. `session` is the publisher's.
    pub(crate) fn for_event(
        endpoint: Arc<Endpoint>,
        session: Session,
        publish: &wire::Publish,
        details: EventDetails,
    ) -> Call {
        let payload = publish.payload.clone();
        let slots = payload.slots();
        let message = message(publish.request, publish.topic.clone(), payload, slots);
        let options = publish.options.raw().clone();
        let surroundings = Surroundings { options, event: Some(details), subscription: None, disclosed: None };
        Call { surroundings: Some(Box::new(surroundings)), ..Call::new(endpoint, session, message, 0) }
    }

    /// A run of a subscribe function, for the request that the client made, or of an unsubscribe function, without one.
    pub(crate) fn for_subscription(
        endpoint: Arc<Endpoint>,
        session: Session,
        subscription: Subscription,
        request: Option<&wire::Subscribe>,
    ) -> Call {
        let id = request.map_or(RequestId::FIRST, |request| request.request);
        let message = message(id, subscription.topic_uri().clone(), Payload::empty(session.codec()), Slots::default());
        let options = request.map(|request| request.options.raw().clone()).unwrap_or_default();
        let surroundings = Surroundings { options, event: None, subscription: Some(subscription), disclosed: None };
        Call { surroundings: Some(Box::new(surroundings)), ..Call::new(endpoint, session, message, 0) }
    }

    /// A run of a function of sessions. Its URI is that of the session meta event.
    pub(crate) fn for_session(endpoint: Arc<Endpoint>, session: Session) -> Call {
        let uri = match endpoint.route().kind {
            RouteKind::Leave => uris::SESSION_ON_LEAVE,
            _ => uris::SESSION_ON_JOIN,
        };
        let message = message(RequestId::FIRST, Uri::known(uri), Payload::empty(session.codec()), Slots::default());
        Call::new(endpoint, session, message, 0)
    }
}

/// Runs for somebody else's router, in the program's own session with it.
impl Call {
    /// A run for INVOCATION.
    pub(crate) fn for_invocation(
        endpoint: Arc<Endpoint>,
        session: Session,
        invocation: &wire::Invocation,
        procedure: Uri,
        serial: u64,
    ) -> Call {
        let details = &invocation.details;
        let caller = details.caller.map(|session| Caller {
            session,
            authid: details.caller_authid.as_deref().unwrap_or_default().to_owned(),
            authrole: details.caller_authrole.as_deref().unwrap_or_default().to_owned(),
        });
        let payload = invocation.payload.clone();
        let slots = payload.slots();
        let options = CallOptions {
            timeout: details.timeout,
            receive_progress: details.receive_progress,
            ..CallOptions::default()
        };
        let message = wire::Call { request: invocation.request, options: options.into(), procedure, payload, slots };
        let options = details.raw().clone();
        let surroundings = Surroundings { options, event: None, subscription: None, disclosed: Some(caller) };
        Call { surroundings: Some(Box::new(surroundings)), ..Call::new(endpoint, session, Box::new(message), serial) }
    }

    /// A run of an event function for EVENT.
    pub(crate) fn for_received_event(
        endpoint: Arc<Endpoint>,
        session: Session,
        event: &wire::Event,
        details: EventDetails,
    ) -> Call {
        let publisher = details.publisher().map(|session| Caller {
            session,
            authid: details.publisher_authid().unwrap_or_default().to_owned(),
            authrole: details.publisher_authrole().unwrap_or_default().to_owned(),
        });
        let payload = event.payload.clone();
        let slots = payload.slots();
        let message = message(RequestId::FIRST, details.topic().clone(), payload, slots);
        let options = event.details.raw().clone();
        let surroundings =
            Surroundings { options, event: Some(details), subscription: None, disclosed: Some(publisher) };
        Call { surroundings: Some(Box::new(surroundings)), ..Call::new(endpoint, session, message, 0) }
    }
}

/// What a handler that is not called takes for its CALL.
fn message(request: RequestId, topic: Uri, payload: Payload, slots: Slots) -> Box<wire::Call> {
    Box::new(wire::Call { request, options: CallOptions::default().into(), procedure: topic, payload, slots })
}

impl fmt::Debug for Call {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Call").field("id", &self.id()).field("uri", self.uri()).finish_non_exhaustive()
    }
}

/// Makes whoever gives one result after the other without having to wait give way now and then: a handler that never
/// waits must not keep its connection from everything else.
#[derive(Debug, Default)]
pub(super) struct Turns(AtomicU32);

impl Turns {
    const LONGEST: u32 = 64;

    pub(super) async fn take(&self) {
        if self.spend(0) {
            tokio::task::yield_now().await;
        }
    }

    /// Counts one turn and some more. Returns whether it is time to give way.
    pub(super) fn spend(&self, more: usize) -> bool {
        let cost = u32::try_from(more).unwrap_or(u32::MAX).saturating_add(1).min(Self::LONGEST);
        let before = self.0.fetch_add(cost, Ordering::Relaxed) % Self::LONGEST;
        before + cost >= Self::LONGEST
    }
}

/// Where progressive results of one call go.
#[derive(Debug, Clone)]
pub(super) struct ProgressSink {
    session: Session,
    request: RequestId,
    codec: Codec,
    state: Option<Arc<CallState>>,
}

/// The call is over or its session gone.
pub(super) struct Over;

impl ProgressSink {
    /// Whether anybody asked for what is sent here.
    pub(super) fn is_wanted(&self) -> bool {
        self.state.is_some()
    }

    pub(super) fn codec(&self) -> Codec {
        self.codec
    }

    /// Queues a progressive result, then waits until the peer has taken enough of what is queued.
    pub(super) async fn send(&self, payload: Payload) -> Result<(), Over> {
        let Some(state) = &self.state else { return Ok(()) };
        if state.has_ended() {
            return Err(Over);
        }
        state.progressed.fetch_add(1, Ordering::Relaxed);
        let result = ProgressiveResult { request: self.request, call: Arc::clone(state), payload };
        self.session.outbox().send(Command::Progress(Box::new(result))).await.map_err(|_| Over)
    }
}
