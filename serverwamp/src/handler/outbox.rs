//! What handlers and tasks want sent to a session's peer, on its way to the connection.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use smallvec::SmallVec;
use tokio::sync::Notify;

use super::call::CallState;
use super::subscription::Subscription;
use crate::wire::{
    self, CancelMode, InvocationDetails, Payload, PublishOptions, RegistrationId, RequestId, SubscriptionId, Uri,
};

/// Octets on their way to a peer above which senders wait.
const HIGH_WATER: usize = 64 * 1024;
/// Octets that a peer has to take while somebody waits for it, for that to go on.
const TRICKLE: u64 = 4 * 1024;

/// Something that the connection does on behalf of a handler.
#[derive(Debug)]
pub(crate) enum Command {
    /// A progressive result.
    Progress(Box<ProgressiveResult>),
    /// An EVENT, whose octets all subscribers with the same codec share.
    Event(Bytes),
    /// A subscription that was taken from the session.
    Revoked(Box<Revocation>),
    /// A limit was met on the session's behalf.
    LimitMet(&'static str),
    /// A call that this session's client is to answer.
    Invocation(Box<Invocation>),
    /// What became of a call of this session's client; the serial number tells calls of one request id apart.
    Answer { request: RequestId, serial: u64, answer: Answer },
    /// An invocation that is not wanted any more.
    Interrupt { request: RequestId, mode: CancelMode },
    /// A registration that the client has no more.
    Unregistered { registration: RegistrationId, reason: Uri },
    /// A PUBLISH, in a session with somebody else's router.
    Publish(Box<OwnPublication>),
}

/// A call on its way to a callee.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(crate) request: RequestId,
    pub(crate) registration: RegistrationId,
    /// None where there is nothing to tell.
    pub(crate) details: Option<InvocationDetails>,
    pub(crate) payload: Payload,
}

/// What a callee made of a call.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Its result, or a part of it.
    Yield(Box<wire::Yield>),
    Error(Box<wire::ErrorMessage>),
    /// The callee is not available: another one may be.
    Unavailable,
    /// The callee is gone.
    Gone,
}

/// Commands in the order of sending. Most wait alone, and need no allocation.
pub(crate) type Commands = SmallVec<[Command; 1]>;

/// A progressive result on its way.
#[derive(Debug)]
pub(crate) struct ProgressiveResult {
    pub(crate) request: RequestId,
    pub(crate) call: Arc<CallState>,
    pub(crate) payload: Payload,
}

/// A subscription that was taken from its session, and why.
#[derive(Debug)]
pub(crate) struct Revocation {
    pub(crate) subscription: Subscription,
    /// The id that it had.
    pub(crate) id: SubscriptionId,
    pub(crate) reason: Uri,
}

/// What this process publishes on somebody else's router.
#[derive(Debug)]
pub(crate) struct OwnPublication {
    pub(crate) topic: Uri,
    pub(crate) options: PublishOptions,
    pub(crate) payload: Payload,
}

/// How a session is to end.
#[derive(Debug)]
pub(crate) enum Farewell {
    Goodbye { reason: Uri, message: Option<String> },
    Abort { reason: Uri, message: Option<String> },
}

/// The queue between everything that sends to a session and the one task that owns its connection.
///
/// Bounded by octets. A sender of progressive results waits while more than the high-water mark is queued here or at
/// the transport. An event never waits, as a slow subscriber must not delay the others: what exceeds the limit cuts the
/// session.
#[derive(Debug)]
pub(crate) struct Outbox {
    state: Mutex<State>,
    /// Octets that may be queued here and at the transport together.
    limit: usize,
    /// Octets of a message that the peer takes.
    peer_message_size: usize,
    /// Octets that the transport has not handed to the operating system yet.
    unsent: AtomicUsize,
    /// Octets that the peer has taken in all.
    taken: AtomicU64,
    /// The peer has taken next to nothing for a while, and has not caught up since.
    stalled: AtomicBool,
    /// Commands that wait, for a look without the lock.
    waiting: AtomicUsize,
    /// Senders that may wait for room.
    senders: AtomicUsize,
    connection: AtomicWaker,
    room: Notify,
}

#[derive(Debug, Default)]
struct State {
    queue: Commands,
    octets: usize,
    /// The first one counts.
    farewell: Option<Farewell>,
    closed: bool,
    /// There was no room for an event.
    overflowed: bool,
}

/// The session is gone.
#[derive(Debug)]
pub(crate) struct Closed;

/// A command that need not be sent was not queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Too much waits already.
    Full,
    /// The session is gone.
    Closed,
}

/// An event found no room.
#[derive(Debug)]
pub(crate) struct Overflowed;

/// Whether a receiver should be waited for before it is sent more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    Keeps,
    Lags,
}

impl Outbox {
    /// An empty queue, for this many octets here and at the transport together, to a peer that may have told how large a
    /// message it takes.
    pub(crate) fn new(limit: usize, peer_message_size: Option<usize>) -> Outbox {
        Outbox {
            state: Mutex::default(),
            limit,
            peer_message_size: peer_message_size.unwrap_or(usize::MAX),
            unsent: AtomicUsize::new(0),
            taken: AtomicU64::new(0),
            stalled: AtomicBool::new(false),
            waiting: AtomicUsize::new(0),
            senders: AtomicUsize::new(0),
            connection: AtomicWaker::new(),
            room: Notify::new(),
        }
    }

    /// The most octets of one event.
    pub(crate) fn largest_event(&self) -> usize {
        (self.limit / 4).min(self.peer_message_size)
    }

    /// The most octets that are queued.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// The most octets of a message that the peer takes.
    pub(crate) fn peer_message_size(&self) -> usize {
        self.peer_message_size
    }

    /// Queues an EVENT without waiting. If there is no room for it, the session is going to be cut.
    pub(crate) fn push_event(&self, message: Bytes) -> Result<Pace, Closed> {
        self.push(Command::Event(message))
    }

    /// Has the connection end what is left of a subscription. A session that is over needs none of that.
    pub(crate) fn push_revocation(&self, subscription: Subscription, id: SubscriptionId, reason: Uri) {
        let _ = self.push(Command::Revoked(Box::new(Revocation { subscription, id, reason })));
    }

    /// Has the connection count that a limit was met.
    pub(crate) fn note_limit(&self, limit: &'static str) {
        let _ = self.push(Command::LimitMet(limit));
    }

    /// Queues a command that can as well go to others, if it fits into half of the room: the rest is for what cannot.
    pub(crate) fn offer(&self, command: Command) -> Result<(), Refused> {
        self.offer_within(self.limit / 2, command)
    }

    /// Queues a command that can be left out, if there is room for it.
    pub(crate) fn offer_little(&self, command: Command) -> Result<(), Refused> {
        self.offer_within(self.limit, command)
    }

    fn offer_within(&self, limit: usize, mut command: Command) -> Result<(), Refused> {
        let was_empty = {
            let mut state = self.state();
            if state.closed || state.farewell.is_some() {
                return Err(Refused::Closed);
            }
            let octets = state.octets.saturating_add(self.unsent.load(Ordering::SeqCst));
            if octets.saturating_add(command.size()) > limit {
                return Err(Refused::Full);
            }
            if octets > HIGH_WATER {
                command.compact();
            }
            state.octets = state.octets.saturating_add(command.size());
            let was_empty = state.queue.is_empty();
            state.queue.push(command);
            self.waiting.store(state.queue.len(), Ordering::Release);
            was_empty
        };
        if was_empty {
            self.connection.wake();
        }
        Ok(())
    }

    /// Queues a command without waiting. If there is no room for it, the session is going to be cut.
    pub(crate) fn push(&self, mut command: Command) -> Result<Pace, Closed> {
        let (octets, was_empty) = {
            let mut state = self.state();
            if state.closed || state.farewell.is_some() {
                return Err(Closed);
            }
            state.octets = state.octets.saturating_add(command.size());
            let octets = state.octets.saturating_add(self.unsent.load(Ordering::SeqCst));
            if octets > self.limit {
                *state = State { closed: true, overflowed: true, ..State::default() };
                self.waiting.store(1, Ordering::Release);
                drop(state);
                self.connection.wake();
                self.room.notify_waiters();
                return Err(Closed);
            }
            if octets > HIGH_WATER {
                command.compact();
            }
            let was_empty = state.queue.is_empty();
            state.queue.push(command);
            self.waiting.store(state.queue.len(), Ordering::Release);
            (octets, was_empty)
        };
        // Whoever queued the first one has woken the connection, which takes all.
        if was_empty {
            self.connection.wake();
        }
        let lags = octets > HIGH_WATER && !self.stalled.load(Ordering::Relaxed);
        Ok(if lags { Pace::Lags } else { Pace::Keeps })
    }

    /// Queues a PUBLISH without waiting.
    ///
    /// # Errors
    /// Whether the session is gone, or there is no room: then it must be sent later.
    pub(crate) fn push_publication(&self, publication: OwnPublication) -> Result<Pace, Option<Closed>> {
        let command = Command::Publish(Box::new(publication));
        let octets = {
            let mut state = self.state();
            if state.closed || state.farewell.is_some() {
                return Err(Some(Closed));
            }
            let octets = state.octets.saturating_add(command.size());
            let in_all = octets.saturating_add(self.unsent.load(Ordering::SeqCst));
            if in_all > self.limit {
                return Err(None);
            }
            state.octets = octets;
            state.queue.push(command);
            self.waiting.store(state.queue.len(), Ordering::Release);
            in_all
        };
        self.connection.wake();
        Ok(if octets > HIGH_WATER { Pace::Lags } else { Pace::Keeps })
    }

    /// Waits until no more than the high-water mark is queued, or the session is gone. Cancel-safe.
    pub(crate) async fn has_room(&self) {
        let _sender = Sender::new(&self.senders);
        loop {
            let room = self.room.notified();
            {
                let state = self.state();
                let octets = state.octets.saturating_add(self.unsent.load(Ordering::SeqCst));
                if state.closed || octets <= HIGH_WATER {
                    return;
                }
            }
            room.await;
        }
    }

    /// Octets that the peer has taken in all.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// Notes that the peer has taken next to nothing since it had taken `taken` octets, if that is so. Until it has
    /// caught up, nobody who publishes waits for it.
    pub(crate) fn note_stall(&self, taken: u64) -> bool {
        let stalled = self.taken().saturating_sub(taken) < TRICKLE;
        if stalled {
            self.stalled.store(true, Ordering::Relaxed);
        }
        stalled
    }

    /// Queues a command as soon as there is room. Cancel-safe: dropped while it waits, nothing was queued.
    pub(crate) async fn send(&self, command: Command) -> Result<(), Closed> {
        let mut command = Some(command);
        let _sender = Sender::new(&self.senders);
        loop {
            let room = self.room.notified();
            if self.try_send(&mut command)? {
                return Ok(());
            }
            room.await;
        }
    }

    fn try_send(&self, command: &mut Option<Command>) -> Result<bool, Closed> {
        {
            let mut state = self.state();
            if state.closed || state.farewell.is_some() {
                return Err(Closed);
            }
            if state.octets.saturating_add(self.unsent.load(Ordering::SeqCst)) > HIGH_WATER {
                return Ok(false);
            }
            if let Some(command) = command.take() {
                state.octets = state.octets.saturating_add(command.size());
                state.queue.push(command);
                self.waiting.store(state.queue.len(), Ordering::Release);
            }
        }
        self.connection.wake();
        Ok(true)
    }

    /// Asks for the session's end; what is queued already is sent first.
    pub(crate) fn end(&self, farewell: Farewell) {
        {
            let mut state = self.state();
            if state.closed || state.farewell.is_some() {
                return;
            }
            state.farewell = Some(farewell);
            self.waiting.fetch_add(1, Ordering::Release);
        }
        self.connection.wake();
    }

    /// Whether the session is to end.
    pub(crate) fn is_ending(&self) -> bool {
        let state = self.state();
        state.closed || state.farewell.is_some()
    }

    /// Lets the connection look for what it is to do.
    pub(crate) fn wake(&self) {
        self.connection.wake();
    }

    /// Whether the connection has something to fetch.
    pub(crate) fn is_waiting(&self) -> bool {
        self.waiting.load(Ordering::Acquire) > 0
    }

    /// All commands, in the order of sending. They count as unsent until the transport says how much is.
    ///
    /// # Errors
    /// There was no room for an event: the session is to be cut.
    pub(crate) fn take(&self) -> Result<Commands, Overflowed> {
        let mut state = self.state();
        if state.overflowed {
            return Err(Overflowed);
        }
        self.unsent.fetch_add(std::mem::take(&mut state.octets), Ordering::SeqCst);
        self.waiting.store(usize::from(state.farewell.is_some()), Ordering::Release);
        Ok(std::mem::take(&mut state.queue))
    }

    /// How the session is to end, once all that was sent is fetched.
    pub(crate) fn take_farewell(&self) -> Option<Farewell> {
        let mut state = self.state();
        if !state.queue.is_empty() || state.overflowed {
            return None;
        }
        self.waiting.store(0, Ordering::Release);
        state.farewell.take()
    }

    /// Names the task that fetches.
    pub(crate) fn register(&self, connection: &Waker) {
        self.connection.register(connection);
    }

    /// Tells senders how much the transport still holds, and how much the peer has taken in all.
    pub(crate) fn set_unsent(&self, octets: usize, taken: u64) {
        self.unsent.store(octets, Ordering::SeqCst);
        self.taken.store(taken, Ordering::Relaxed);
        if octets <= HIGH_WATER && self.stalled.load(Ordering::Relaxed) {
            self.stalled.store(false, Ordering::Relaxed);
        }
        if octets <= HIGH_WATER && self.senders.load(Ordering::SeqCst) > 0 {
            self.room.notify_waiters();
        }
    }

    /// Lets nothing more in and drops what is queued.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        *state = State { closed: true, ..State::default() };
        self.waiting.store(0, Ordering::Release);
        drop(state);
        self.room.notify_waiters();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a sender for as long as it sends.
struct Sender<'o>(&'o AtomicUsize);

impl<'o> Sender<'o> {
    fn new(senders: &'o AtomicUsize) -> Sender<'o> {
        senders.fetch_add(1, Ordering::SeqCst);
        Sender(senders)
    }
}

impl Drop for Sender<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Command {
    fn size(&self) -> usize {
        const OVERHEAD: usize = 64;
        const OF_INVOCATION: usize = size_of::<Invocation>();
        const OF_ANSWER: usize = size_of::<wire::Yield>();
        let octets = match self {
            Command::Progress(result) => result.payload.size(),
            Command::Event(message) => message.len(),
            Command::Revoked(revocation) => revocation.reason.len(),
            Command::LimitMet(_) => 0,
            Command::Invocation(invocation) => invocation.payload.bytes().len().saturating_add(OF_INVOCATION),
            Command::Answer { answer: Answer::Yield(result), .. } => {
                result.payload.bytes().len().saturating_add(OF_ANSWER)
            }
            Command::Answer { answer: Answer::Error(error), .. } => {
                error.payload.bytes().len().saturating_add(OF_ANSWER)
            }
            Command::Answer { .. } | Command::Interrupt { .. } | Command::Unregistered { .. } => 0,
            Command::Publish(publication) => publication.payload.size().saturating_add(publication.topic.len()),
        };
        octets.saturating_add(OVERHEAD)
    }

    /// Holds on to no more memory than it has to: what waits for long must not keep what else was read along with it.
    fn compact(&mut self) {
        match self {
            Command::Invocation(invocation) => invocation.payload.compact(),
            Command::Answer { answer: Answer::Yield(result), .. } => {
                result.payload.compact();
                result.options = std::mem::take(&mut *result.options).into();
            }
            Command::Answer { answer: Answer::Error(error), .. } => {
                error.payload.compact();
                error.details = std::mem::take(&mut *error.details).into();
            }
            Command::Progress(_)
            | Command::Event(_)
            | Command::Answer { .. }
            | Command::Interrupt { .. }
            | Command::Unregistered { .. }
            | Command::Revoked(_)
            | Command::LimitMet(_)
            | Command::Publish(_) => {}
        }
    }
}
