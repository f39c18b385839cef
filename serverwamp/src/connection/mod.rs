//! The one task of each peer: it alone touches the peer's transport, and runs the peer's calls.

mod attempts;
mod authentication;
mod authorization;
mod calls;
mod framing;
mod guarded;
mod lifespan;
mod limits;
mod output;
mod registrations;
mod routed;
mod shared;
mod timers;
mod topics;

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::time::Instant;
use tracing::Span;

use self::authorization::Authorization;
use self::lifespan::Joining;
use self::routed::RoutedCalls;
use self::topics::{Request, Topics};
use crate::handler::{Call, Session, TransportInfo};
use crate::log::Shown;
use crate::metrics::{CallOutcome, Observed, Tally};
use crate::routing::{Callee, RealmState, Target};
use crate::session::{Action, CancelMode, Ending, ServerLimits, ServerSession};
use crate::transport::{Close, Invalid, Received, Transport};
use crate::wire::{self, Payload, Subprotocol, Uri, uris};

pub(crate) use self::calls::{Ended, NewCall, RunningCalls, Trackers};
pub(crate) use self::framing::Framing;
pub(crate) use self::guarded::Guarded;
pub(crate) use self::shared::{Control, NoPlace, Phase, Place, Shared};
pub(crate) use self::timers::{Due, Timers};

/// Frames that are taken from a peer before other work has its turn.
const FRAMES_PER_TURN: usize = 256;
/// Frames that are read before the first of them is handled.
const FRAMES_AHEAD: usize = 32;
/// Octets of frames above which no more are read ahead.
const OCTETS_AHEAD: usize = 16 * 1024;
/// What looking at a component of a wildcard pattern counts for, in octets.
const LOOK: usize = 16;
/// Octets, times receivers, that a peer may publish before the receivers have their turn.
const FAN_OUT_PER_TURN: usize = 64 * 1024;

/// A peer's connection, from the end of its handshake to its close.
pub(crate) struct Connection<T> {
    transport: T,
    /// What has been read ahead.
    received: VecDeque<Received>,
    framing: Framing,
    session: ServerSession,
    joining: Option<Joining>,
    joined: Option<Joined>,
    calls: RunningCalls,
    /// Those that other clients answer.
    routed: RoutedCalls,
    /// What subscribe functions are busy with, if they are.
    topics: Option<Box<Topics>>,
    tally: Tally,
    observed: Observed,
    timers: Timers,
    shared: Arc<Shared>,
    control: Arc<Control>,
    info: Arc<TransportInfo>,
    /// That of the session; none while it is entered, unless another session has begun or this one has ended.
    span: Option<Span>,
    stage: Stage,
    /// Octets that may wait for the peer to take them.
    outbound_bytes: usize,
    /// Octets, times receivers, that the peer has published in this turn.
    fanned_out: usize,
}

/// A session with its realm.
struct Joined {
    session: Session,
    realm: Arc<RealmState>,
    /// What decides about its requests; none where all are allowed.
    authorization: Option<Arc<Authorization>>,
    /// What it is as a callee, once it has been one.
    callee: Option<Arc<Callee>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Open,
    /// The server shuts down: running calls may end, new ones are refused.
    Draining,
    /// The last message is queued; the transport is closing.
    Closing,
}

impl<T: Transport> Connection<T> {
    pub(crate) fn new(
        transport: T,
        subprotocol: Subprotocol,
        info: TransportInfo,
        shared: Arc<Shared>,
        control: Arc<Control>,
    ) -> Connection<T> {
        let now = Instant::now();
        let mut session = ServerSession::new(subprotocol.codec, ServerLimits::new(&shared.limits), now.into_std());
        if let Some(octets) = info.peer_message_size {
            session.set_peer_message_size(octets);
        }
        Connection {
            transport,
            received: VecDeque::new(),
            framing: Framing::new(subprotocol),
            session,
            joining: None,
            joined: None,
            calls: RunningCalls::default(),
            routed: RoutedCalls::default(),
            topics: None,
            tally: Tally::default(),
            observed: Observed::open(Arc::clone(&shared.counters), info.kind, info.serializer),
            timers: Timers::new(&shared.limits, now),
            outbound_bytes: shared.limits.outbound_bytes,
            shared,
            control,
            info: Arc::new(info),
            span: None,
            stage: Stage::Open,
            fanned_out: 0,
        }
    }

    /// Takes what the peer sent. Returns whether there may be more.
    fn receive(&mut self, context: &mut Context<'_>, now: Instant) -> Poll<()> {
        for _ in 0..FRAMES_PER_TURN {
            // What is left of a batch whose messages were too much for one turn.
            let mut next = self.framing.next_message();
            if next.is_none() {
                if self.received.is_empty() {
                    self.read_ahead(context);
                }
                match self.received.pop_front() {
                    None => return Poll::Pending,
                    Some(Received::Closed) => {
                        self.handle_closed(context, now);
                        return Poll::Pending;
                    }
                    Some(Received::Control) => {
                        // Pings are answered, and whoever sends many has to read.
                        if self.relieve(context, now).is_break() {
                            return Poll::Pending;
                        }
                    }
                    Some(Received::Frame(_) | Received::Invalid(_)) if self.stage == Stage::Closing => {}
                    Some(Received::Frame(frame)) => next = self.first_message(frame, context, now),
                    Some(Received::Invalid(invalid)) => self.handle_invalid(&invalid, context, now),
                }
            }
            while let Some(message) = next {
                self.session.handle_message(message, now.into_std());
                self.perform(context, now);
                if self.relieve(context, now).is_break() {
                    return Poll::Pending;
                }
                if self.session.is_leaving() {
                    return Poll::Ready(());
                }
                if self.span.is_some() {
                    // What comes next is within the span of another session.
                    context.waker().wake_by_ref();
                    return Poll::Ready(());
                }
                if self.fanned_out > FAN_OUT_PER_TURN {
                    context.waker().wake_by_ref();
                    return Poll::Ready(());
                }
                next = self.framing.next_message();
            }
        }
        context.waker().wake_by_ref();
        Poll::Ready(())
    }

    /// Reads frames before any of them is handled: the code that reads stays in the processor's cache for all of them.
    fn read_ahead(&mut self, context: &mut Context<'_>) {
        // What a frame may be depends on whether the peer is in.
        let most = if self.joined.is_some() { FRAMES_AHEAD } else { 1 };
        let mut octets = 0_usize;
        while self.received.len() < most
            && octets < OCTETS_AHEAD
            && let Poll::Ready(received) = self.transport.poll_receive(context)
        {
            self.timers.heard();
            let more = match &received {
                Received::Frame(frame) => frame.len(),
                // What else may come has its turn first.
                Received::Control | Received::Invalid(_) | Received::Closed => OCTETS_AHEAD,
            };
            octets = octets.saturating_add(more);
            self.received.push_back(received);
        }
    }

    /// Takes a frame apart.
    fn first_message(&mut self, frame: Bytes, context: &mut Context<'_>, now: Instant) -> Option<Bytes> {
        self.framing.split(frame).unwrap_or_else(|violation| {
            self.session.handle_violation(&violation.to_string());
            self.perform(context, now);
            None
        })
    }

    fn handle_closed(&mut self, context: &mut Context<'_>, now: Instant) {
        // The replies to what came before it go first.
        self.close(Close::Answer, now);
        let _ = self.hand_on(context, now);
        self.session.handle_disconnect();
        self.perform(context, now);
        self.timers.finish();
    }

    fn handle_invalid(&mut self, invalid: &Invalid, context: &mut Context<'_>, now: Instant) {
        if let Invalid::FrameKind { expected } = invalid {
            self.session.handle_violation(&format!("expected a {expected} frame"));
            self.perform(context, now);
            return;
        }
        if let Invalid::TooLarge = invalid {
            let joined = self.joined.is_some();
            self.shared.counters.limit(if joined { "message_size" } else { "message_size_before_welcome" });
        }
        tracing::debug!(peer = ?self.info.peer, ?invalid, "the peer broke the rules of its transport");
        self.close(invalid.close(), now);
        self.session.handle_disconnect();
        self.perform(context, now);
    }

    // ------------------------------------------------------------ actions

    /// Does what the session asks for.
    fn perform(&mut self, context: &mut Context<'_>, now: Instant) {
        while let Some(action) = self.session.poll_action() {
            match action {
                Action::Call { call, serial } => self.start_call(call, serial, context, now),
                Action::Continue { call, serial } => self.continue_call(call, serial),
                Action::Yield(result) => self.handle_yield(result),
                Action::Fail(failure) => self.handle_failure(failure),
                Action::Cancel { serial, mode } => self.cancel(serial, mode),
                Action::Join(hello) => self.join(&hello, context, now),
                Action::Authenticate(answer) => self.authenticate(answer, context, now),
                Action::Subscribe(subscribe) => self.request(Request::Subscribe(subscribe), context, now),
                Action::Unsubscribe(unsubscribe) => self.request(Request::Unsubscribe(unsubscribe), context, now),
                Action::Publish(publish) => self.request(Request::Publish(publish), context, now),
                Action::Register(register) => self.request(Request::Register(register), context, now),
                Action::Unregister(unregister) => self.unregister(&unregister, context, now),
                Action::Leave => self.begin_leaving(context, now),
                Action::LimitMet(limit) => {
                    tracing::debug!(peer = ?self.info.peer, limit, "a limit was met");
                    self.shared.counters.limit(limit);
                }
                Action::Violated(message) => {
                    tracing::debug!(peer = ?self.info.peer, reason = %Shown(message), "the peer broke the protocol");
                    self.shared.counters.violation();
                }
                Action::Left(ending) => {
                    self.leave(ending, context);
                    self.apply_limits(now);
                    // While the client left, nothing was received.
                    context.waker().wake_by_ref();
                }
                Action::Close(_) if self.stage == Stage::Closing => {}
                Action::Close(ending) => {
                    let close = match ending {
                        _ if self.stage == Stage::Draining => Close::GoingAway,
                        Ending::Violation => Close::ProtocolError,
                        _ => Close::Normal,
                    };
                    self.close(close, now);
                }
            }
        }
    }

    fn start_call(&mut self, call: Box<wire::Call>, serial: u64, context: &mut Context<'_>, now: Instant) {
        let Some(joined) = &self.joined else { return };
        let (request, codec) = (call.request, call.payload.codec());
        if self.calls.lingering() >= joined.realm.limits().calls_in_flight {
            self.session.refuse_started(request, serial);
            return;
        }
        let (target, looked_at) = joined.realm.find(&call.procedure);
        if self.stage == Stage::Draining {
            self.tally.call_ended(joined.realm.metrics_of(&target), CallOutcome::Canceled, now);
            self.session.handler_ended();
            self.session.error(request, serial, &Uri::known(uris::CANCELED), &Payload::empty(codec));
            return;
        }
        self.fanned_out = self.fanned_out.saturating_add(looked_at.saturating_mul(LOOK));
        let endpoint = match target {
            Target::Function(endpoint) => endpoint,
            Target::Clients(registration) => return self.route_call(call, serial, registration, now),
        };
        if call.options.progress == Some(true) {
            let message = "functions of this program take no progressive call invocations";
            return self.fail_call(request, serial, uris::FEATURE_NOT_SUPPORTED, message);
        }
        let admission = match joined.admit(&call, endpoint, serial, &self.shared.counters) {
            Ok(admission) => admission,
            Err(refusal) => {
                let ended = Ended::refused(request, serial, codec, refusal.into());
                self.tally.call_ended(endpoint.metrics(), CallOutcome::Refused, now);
                return self.end_call(ended, context, now);
            }
        };
        let call = Call::new(Arc::clone(endpoint), joined.session.clone(), call, serial);
        let new = NewCall { endpoint, call, serial, admission, came: now };
        if let Some(ended) = self.calls.start(new, self.shared.trackers(), context) {
            self.tally.call_ended(endpoint.metrics(), ended.outcome.counted(), now);
            self.end_call(ended, context, now);
        }
    }

    fn cancel(&mut self, serial: u64, mode: CancelMode) {
        if self.routed.contains(serial) {
            return self.cancel_routed(serial, mode);
        }
        match mode {
            CancelMode::Skip => {}
            CancelMode::Kill => self.calls.cancel(serial, true),
            CancelMode::KillNoWait => self.calls.cancel(serial, false),
        }
    }

    fn end_call(&mut self, ended: Ended, context: &mut Context<'_>, now: Instant) {
        // A final result never overtakes the call's progress.
        self.fetch_commands(context, now);
        ended.end();
        self.session.handler_ended();
        let Ended { request, serial, codec, outcome, .. } = ended;
        match outcome.into_reply(codec) {
            Ok(reply) => self.session.result(request, serial, &reply.0),
            Err((uri, payload)) => self.session.error(request, serial, &uri, &payload),
        }
    }

    // ------------------------------------------------------------ ends

    fn close(&mut self, close: Close, now: Instant) {
        self.queue_output();
        self.framing.finish(&mut self.transport);
        self.transport.close(close);
        self.stage = Stage::Closing;
        self.timers.close(now, self.transport.unsent());
    }

    #[cold]
    fn cut(&mut self, limit: &'static str, context: &mut Context<'_>) {
        let session = self.joined.as_ref().map(|joined| joined.session.id());
        tracing::warn!(?session, peer = ?self.info.peer, limit, unsent = self.transport.unsent(), "the connection was cut");
        self.shared.counters.limit(limit);
        self.drop_peer(context);
    }

    fn drop_peer(&mut self, context: &mut Context<'_>) {
        self.session.handle_disconnect();
        while let Some(action) = self.session.poll_action() {
            if let Action::Left(ending) = action {
                self.leave(ending, context);
            }
        }
        self.stage = Stage::Closing;
        self.timers.finish();
    }

    /// Takes part in the server's shutdown.
    fn shut_down(&mut self, phase: Phase, context: &mut Context<'_>, now: Instant) {
        match phase {
            Phase::Serving => return,
            Phase::Draining if self.stage == Stage::Open => self.stage = Stage::Draining,
            Phase::Draining | Phase::Ending => {}
        }
        if self.stage != Stage::Draining {
            return;
        }
        if phase == Phase::Ending {
            for ended in self.calls.cancel_all(context, &mut self.tally) {
                self.end_call(ended, context, now);
            }
            self.cancel_all_routed();
        }
        let serves_others = phase == Phase::Draining && self.callee().is_some_and(|callee| !callee.is_idle());
        if self.calls.is_empty() && self.routed.is_empty() && !serves_others {
            self.session.goodbye(&Uri::known(uris::SYSTEM_SHUTDOWN), None, now.into_std());
            self.perform(context, now);
        }
    }

    /// Does what it is time for. Returns whether it was time for anything.
    fn handle_timers(&mut self, context: &mut Context<'_>, now: Instant) -> bool {
        let mut any = false;
        while let Some(due) = self.timers.poll(context, now, self.session.poll_timeout().map(Instant::from_std)) {
            any = true;
            match due {
                Due::Session => {
                    self.session.handle_timeout(now.into_std());
                    self.perform(context, now);
                }
                Due::Ping => {
                    if !self.transport.ping() {
                        self.timers.heard();
                    }
                }
                Due::NoPong => self.cut("pong_timeout", context),
                Due::Stalled => self.cut("write_stall", context),
            }
        }
        any
    }
}

impl<T: Transport> Future for Connection<T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let span = this.span.take().unwrap_or_else(Span::none);
        let polled = span.in_scope(|| this.poll_turn(context));
        this.span.get_or_insert(span);
        polled
    }
}

impl<T: Transport> Connection<T> {
    /// Does all that can be done now.
    fn poll_turn(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let this = self;
        let now = Instant::now();
        this.control.register(context.waker());
        this.fanned_out = 0;
        if this.has_backlog() {
            // What the peer sent later comes later.
            context.waker().wake_by_ref();
        } else if !this.session.is_leaving() {
            let _ = this.receive(context, now);
        }
        if let Some(joined) = &this.joined {
            joined.session.outbox().register(context.waker());
        }
        while let Some(ended) = this.calls.poll(context, &mut this.tally) {
            this.end_call(ended, context, now);
            if this.relieve(context, now).is_break() {
                break;
            }
        }
        if this.joining.is_some() {
            this.poll_joining(context, now);
        }
        if this.topics.is_some() || this.session.is_leaving() {
            this.poll_topics(context, now);
        }
        this.fetch_commands(context, now);
        this.poll_routed(context, now);
        this.fetch_farewell(now);
        this.perform(context, now);
        let phase = this.control.phase();
        if phase != Phase::Serving {
            this.shut_down(phase, context, now);
        }
        let _ = this.hand_on(context, now);
        if this.handle_timers(context, now) {
            // What a timer had us say is sent, and the timers that this starts are armed.
            let _ = this.hand_on(context, now);
            this.handle_timers(context, now);
        }
        if this.timers.is_finished(now) {
            return Poll::Ready(());
        }
        this.session.rest();
        Poll::Pending
    }
}

impl<T> Drop for Connection<T> {
    fn drop(&mut self) {
        // Guards of what is dropped may log.
        let span = self.span.take().unwrap_or_else(Span::none);
        let _entered = span.enter();
        self.topics = None;
        self.routed.drop_all();
        if let Some(joining) = self.joining.take() {
            joining.end(&self.shared, self.calls.linger(&self.shared.detached));
        }
        if let Some(joined) = self.joined.take() {
            joined.end(&self.shared, self.calls.linger(&self.shared.detached));
        }
        self.shared.counters.add(&mut self.tally);
    }
}
