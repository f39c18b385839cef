//! One session of a client: moves messages between its transport, its state machine, and those who wait for answers.

mod handlers;
mod joining;
mod notifications;
mod payloads;
mod requests;

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use rustc_hash::FxHashMap;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tracing::Span;

use super::error::{CallError, Over};
use super::payload_codec::PayloadCodec;
use super::realm::RouterRealm;
use super::request::{Answers, Interests, NewCall, PublicationReply, Reply, Request};
use super::restore::Refused;
use super::shared::{Key, Shared};
use crate::connection::{Due, Framing, RunningCalls, Timers};
use crate::limits::Limits;
use crate::metrics::Tally;
use crate::session::{ClientSession, Notification};
use crate::transport::{AnyTransport, Close, Invalid, Received};
use crate::wire::{Payload, PublicationId, RegistrationId, RequestId, SubscriptionId, Uri, uris};

/// Messages that are taken from the router before other work has its turn.
const MESSAGES_PER_TURN: usize = 256;
/// Octets on their way to the router above which nobody's requests are taken.
const HIGH_WATER: usize = 64 * 1024;
/// How long the router may take to answer GOODBYE.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(2);

/// A client's end of one session.
pub(super) struct Driver {
    transport: AnyTransport,
    framing: Framing,
    session: ClientSession,
    timers: Timers,
    limits: Limits,
    shared: Arc<Shared>,
    /// Who waits for the answer to a request.
    pending: FxHashMap<RequestId, Pending>,
    /// Answers of this turn. Who waits for them is woken once the turn is done: woken earlier, on another thread, it would
    /// ask for one thing at a time.
    answered: Vec<(Reply<Payload>, Result<Payload, CallError>)>,
    /// Who gets the events of a subscription.
    subscribers: HashMap<SubscriptionId, Vec<Key>>,
    /// Who gets the calls of a registration.
    callees: HashMap<RegistrationId, Key>,
    /// What somebody is slow to take; nothing is read from the transport meanwhile.
    waiting: FuturesUnordered<BoxFuture<'static, ()>>,
    calls: RunningCalls,
    /// The calls that ended in this turn.
    tally: Tally,
    /// Event functions that run.
    events: FuturesUnordered<BoxFuture<'static, ()>>,
    lingering: Lingering,
    stop_timeout: Duration,
    payload_codec: Option<Arc<dyn PayloadCodec>>,
    /// The session as handlers see it, from WELCOME on.
    realm: Option<Arc<RouterRealm>>,
    stage: Stage,
    held: Held,
    /// A handler or a task has asked for the session's end.
    farewell: Option<(Uri, Option<String>)>,
    /// Whether this side wanted the end.
    has_left: bool,
    over: Option<Over>,
}

/// What a turn has left undone, since there was no room for more.
#[derive(Debug, Clone, Copy, Default)]
struct Held {
    reading: bool,
    asking: bool,
}

/// How far the end of a session has come.
enum Stage {
    Open,
    /// Everything is withdrawn, and handlers may still run.
    Stopping(Box<Stopping>),
    /// GOODBYE is out.
    Leaving {
        until: Instant,
    },
    /// All is said, and the transport is closing.
    Closing,
}

/// What the end of a stop waits for.
struct Stopping {
    until: Instant,
    sleep: BoxFuture<'static, ()>,
    /// Handlers that go on without their callers.
    lingering: Option<BoxFuture<'static, ()>>,
}

/// A request without its final reply.
enum Pending {
    Call(Box<NewCall>),
    Publication(Reply<PublicationId>),
    Subscription { key: Key, subscriber: Option<Box<super::request::Subscriber>>, reply: Reply<SubscriptionId> },
    Unsubscription(Option<Reply<()>>),
    Registration { key: Key, offer: Option<Box<super::request::Offer>>, reply: Reply<RegistrationId> },
    Unregistration(Option<Reply<()>>),
}

/// Handlers that may go on when their session is over.
#[derive(Debug, Clone, Default)]
pub(super) struct Lingering {
    pub(super) detached: TaskTracker,
    pub(super) blocking: TaskTracker,
}

/// What outlives a session.
pub(super) struct Lasting<'t> {
    pub(super) interests: &'t mut Interests,
    pub(super) requests: &'t mut mpsc::Receiver<Request>,
    /// What is asked to bring a new session to where the last one was.
    pub(super) restoring: &'t mut mpsc::Receiver<Request>,
}

impl Driver {
    /// Runs the session to its end and tells why it ended; ready once the transport is closed. What is logged meanwhile is
    /// within the session's span.
    pub(super) fn poll(&mut self, lasting: &mut Lasting<'_>, context: &mut Context<'_>) -> Poll<Over> {
        let span = self.realm.as_ref().map_or_else(Span::none, |realm| realm.session().span().clone());
        span.in_scope(|| self.poll_turn(lasting, context))
    }

    fn poll_turn(&mut self, lasting: &mut Lasting<'_>, context: &mut Context<'_>) -> Poll<Over> {
        let now = Instant::now();
        self.held = Held::default();
        self.shared.register(context.waker());
        if let Some(realm) = &self.realm {
            realm.session().outbox().register(context.waker());
        }
        while let Poll::Ready(Some(())) = self.waiting.poll_next_unpin(context) {}
        self.receive(lasting, context, now);
        self.poll_handlers(context);
        self.fetch_commands();
        self.take_requests(lasting, context, now);
        self.take_released(lasting);
        self.poll_stop(context, now);
        if let Some((reason, message)) = self.farewell.take() {
            self.leave(reason, message.as_deref(), now);
        }
        self.handle_notifications(lasting, context, now);
        self.hand_on(context, now);
        self.handle_timers(context, now);
        while let Poll::Ready(Some(())) = self.waiting.poll_next_unpin(context) {}
        self.deliver_answers();
        if (self.held.reading && self.reads()) || (self.held.asking && self.takes_requests()) {
            // What stood in the way is gone since: another turn.
            context.waker().wake_by_ref();
        }
        match &self.over {
            Some(over) if self.timers.is_finished(now) => Poll::Ready(over.clone()),
            _ => Poll::Pending,
        }
    }

    /// Whether this side has ended the session.
    pub(super) fn has_left(&self) -> bool {
        self.has_left
    }

    /// Whether the session has ended; its transport may take longer.
    pub(super) fn is_over(&self) -> bool {
        self.over.is_some()
    }

    /// Has the router pinged no more, nor missed for that.
    pub(super) fn send_no_pings(&mut self) {
        let limits = Limits { ping_interval: Duration::ZERO, ..self.limits.clone() };
        self.timers.set_limits(&limits, Instant::now());
    }

    /// Leaves, since the session cannot be as it should be.
    pub(super) fn give_up(&mut self, refused: &Refused) {
        self.leave(Uri::known(uris::CLOSE_NORMAL), Some(&refused.message()), Instant::now());
    }

    /// Leaves a router that has welcomed the client, since the program does not want it.
    pub(super) async fn refuse(&mut self, message: &str) -> Over {
        self.session.cannot_authenticate(message);
        self.closed().await;
        Over { reason: Uri::known(uris::CANNOT_AUTHENTICATE), message: Some(message.to_owned()) }
    }

    /// Whether what the router sends is read: as long as everybody has room for what comes to them.
    fn reads(&self) -> bool {
        self.waiting.is_empty()
            && self.events.len() < self.limits.calls_in_flight
            && self.transport.unsent() <= self.limits.outbound_bytes
    }

    /// Whether what the program asks is taken: as long as what was asked before finds its way to the router.
    fn takes_requests(&self) -> bool {
        self.transport.unsent().saturating_add(self.session.output_size()) < HIGH_WATER
    }

    /// Takes what the router sent.
    fn receive(&mut self, lasting: &mut Lasting<'_>, context: &mut Context<'_>, now: Instant) {
        for _ in 0..MESSAGES_PER_TURN {
            self.handle_notifications(lasting, context, now);
            if !self.reads() {
                self.held.reading = true;
                // Who is not listened to need not be there.
                self.timers.heard();
                return;
            }
            if !self.read_message(context, now) {
                return;
            }
        }
        context.waker().wake_by_ref();
    }

    /// Hands one message to the session, or whatever else came. Returns false if there is nothing more to read.
    fn read_message(&mut self, context: &mut Context<'_>, now: Instant) -> bool {
        if let Some(message) = self.framing.next_message() {
            self.session.handle_message(message);
            return true;
        }
        let Poll::Ready(received) = self.transport.poll_receive(context) else { return false };
        self.timers.heard();
        match received {
            Received::Control => {}
            Received::Closed => {
                self.session.handle_loss(None);
                self.timers.finish();
                // What is left to be said is said to nobody.
                return self.over.is_none();
            }
            _ if matches!(self.stage, Stage::Closing) => {}
            Received::Frame(frame) => match self.framing.split(frame) {
                Ok(Some(message)) => self.session.handle_message(message),
                Ok(None) => {}
                Err(error) => self.session.handle_violation(&error.to_string()),
            },
            Received::Invalid(invalid) => self.handle_invalid(&invalid, now),
        }
        true
    }

    fn handle_invalid(&mut self, invalid: &Invalid, now: Instant) {
        let (close, message) = match invalid {
            Invalid::FrameKind { expected } => (Close::ProtocolError, format!("expected a {expected} frame")),
            Invalid::TooLarge => (
                Close::TooLarge,
                format!("a message is larger than the limit `message_size`, {} octets", self.limits.message_size),
            ),
            Invalid::NotText => (Close::NotText, "a text frame is not UTF-8".to_owned()),
            Invalid::Framing(rule) => (Close::ProtocolError, rule.clone()),
        };
        self.session.handle_violation(&message);
        self.close(close, now);
    }

    fn handle_notifications(&mut self, lasting: &mut Lasting<'_>, context: &mut Context<'_>, now: Instant) {
        while self.waiting.is_empty()
            && let Some(notification) = self.session.poll_notification()
        {
            match notification {
                Notification::Ended { reason, message } => self.end(Over { reason, message }, context, now),
                notification => self.handle(notification, lasting, context),
            }
        }
    }

    /// The session is over: everybody who waits is told, and handlers stop.
    fn end(&mut self, over: Over, context: &mut Context<'_>, now: Instant) {
        self.waiting.clear();
        let error = CallError::from(over.clone());
        for pending in std::mem::take(&mut self.pending).into_values() {
            pending.fail(error.clone());
        }
        self.shared.polling(|| {
            self.calls.drop_all(context, &mut self.tally);
            self.events.clear();
        });
        if let Some(realm) = &self.realm {
            realm.session().end();
        }
        self.over = Some(over);
        self.close(Close::Normal, now);
    }

    /// Closes the transport once all is sent that is queued.
    fn close(&mut self, close: Close, now: Instant) {
        if !matches!(self.stage, Stage::Closing) {
            self.queue_output();
            self.transport.close(close);
            self.stage = Stage::Closing;
            self.timers.close(now, self.transport.unsent());
        }
    }

    fn queue_output(&mut self) {
        self.session.drain_output(|message| self.framing.push(message, &mut *self.transport));
        self.framing.finish(&mut *self.transport);
    }

    /// Hands on what is queued, as far as the router takes it.
    fn hand_on(&mut self, context: &mut Context<'_>, now: Instant) {
        // Whoever has a reply finds its call counted.
        self.tally.export_calls();
        self.queue_output();
        let failed = matches!(self.transport.poll_flush(context), Poll::Ready(Err(_)));
        let (sent, unsent) = (self.transport.sent(), self.transport.unsent());
        if let Some(realm) = &self.realm {
            realm.session().outbox().set_unsent(unsent, sent);
        }
        self.timers.note_sent(sent, unsent, now);
        if failed {
            self.lose(None, context);
        }
    }

    fn handle_timers(&mut self, context: &mut Context<'_>, now: Instant) {
        let leave_by = match self.stage {
            Stage::Leaving { until } => Some(until),
            _ => None,
        };
        while let Some(due) = self.timers.poll(context, now, leave_by) {
            match due {
                Due::Ping => {
                    if self.transport.ping() {
                        self.hand_on(context, now);
                    } else {
                        self.timers.heard();
                    }
                }
                Due::Session => return self.lose(Some("GOODBYE was not answered"), context),
                Due::NoPong => return self.lose(Some("the router does not answer pings"), context),
                Due::Stalled => return self.lose(Some("the router takes nothing"), context),
            }
        }
    }

    /// The connection is of no use any more.
    fn lose(&mut self, message: Option<&str>, context: &mut Context<'_>) {
        self.session.handle_loss(message);
        self.timers.finish();
        // The session tells its end in the next turn.
        context.waker().wake_by_ref();
    }

    /// Waits until the transport has taken all that was said, and is closed.
    async fn closed(&mut self) {
        poll_fn(|context| {
            let now = Instant::now();
            self.hand_on(context, now);
            while !self.timers.is_finished(now) && self.read_message(context, now) {}
            self.handle_timers(context, now);
            match self.timers.is_finished(now) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    }
}

impl Drop for Driver {
    /// Whoever has the session learns of its end, also where the whole client is dropped.
    fn drop(&mut self) {
        if let Some(realm) = &self.realm {
            realm.session().end();
        }
    }
}

impl Pending {
    fn fail(self, error: CallError) {
        match self {
            Pending::Call(call) => call.fail(error),
            Pending::Publication(reply) => drop(reply.send(Err(error))),
            Pending::Subscription { reply, .. } => drop(reply.send(Err(error))),
            Pending::Registration { reply, .. } => drop(reply.send(Err(error))),
            Pending::Unsubscription(reply) | Pending::Unregistration(reply) => {
                if let Some(reply) = reply {
                    // With the session has ended what was to end.
                    drop(reply.send(Ok(())));
                }
            }
        }
    }
}

impl NewCall {
    /// There is no answer, and never will be.
    pub(super) fn fail(self, error: CallError) {
        match self.answers {
            Answers::Last(reply) => drop(reply.send(Err(error))),
            Answers::All(answers) => {
                self.ticket.fail(error);
                drop(answers);
            }
        }
    }
}

impl PublicationReply {
    pub(super) fn fail(self, error: CallError) {
        match self {
            PublicationReply::Sent(reply) => drop(reply.send(Err(error))),
            PublicationReply::Acknowledged(reply) => drop(reply.send(Err(error))),
        }
    }
}
