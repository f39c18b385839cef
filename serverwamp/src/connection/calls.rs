//! The calls of a session whose handlers run.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use futures_util::task::AtomicWaker;
use tokio::time::{Instant, Sleep, sleep};
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::authorization::Admission;
use super::guarded::{begin, drop_handler, poll_handler};
use crate::handler::{Call, CallState, Endpoint, HandlerFuture, Lingering, Reply, RpcError};
use crate::metrics::{CallOutcome, Tally};
use crate::wire::{Codec, Payload, RequestId, Uri, uris};

/// What counts the handlers that may go on without their callers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trackers<'t> {
    pub(crate) detached: &'t TaskTracker,
    pub(crate) blocking: &'t TaskTracker,
}

/// The calls that were not over at once.
#[derive(Default)]
pub(crate) struct RunningCalls {
    tasks: FuturesUnordered<Task>,
    controls: HashMap<u64, Arc<TaskControl>>,
    /// Handlers that may go on when their calls are over.
    lingering: Arc<AtomicUsize>,
}

/// A call that is over.
pub(crate) struct Ended {
    pub(crate) request: RequestId,
    pub(crate) serial: u64,
    pub(crate) codec: Codec,
    pub(crate) outcome: Outcome,
    state: Option<Arc<CallState>>,
}

impl Ended {
    /// A call that was never started.
    pub(crate) fn refused(request: RequestId, serial: u64, codec: Codec, error: RpcError) -> Ended {
        Ended { request, serial, codec, outcome: Outcome::Refused(error), state: None }
    }

    /// Lets no more progress of this call through.
    pub(crate) fn end(&self) {
        end(self.state.as_deref());
    }
}

/// How a call ended.
pub(crate) enum Outcome {
    Result(Reply),
    Error(RpcError),
    Canceled,
    TimedOut,
    Refused(RpcError),
}

impl Outcome {
    /// What comes of a handler's run, or of the wait for it to start.
    fn of(result: Result<Reply, RpcError>, started: Option<&AtomicBool>) -> Outcome {
        match result {
            Ok(reply) => Outcome::Result(reply),
            Err(error) if has_started(started) => Outcome::Error(error),
            Err(error) => Outcome::Refused(error),
        }
    }

    /// What the caller gets: a RESULT, or an ERROR with this URI.
    #[inline]
    pub(crate) fn into_reply(self, codec: Codec) -> Result<Reply, (Uri, Payload)> {
        let uri = match self {
            Outcome::Result(reply) => return Ok(reply),
            Outcome::Error(error) | Outcome::Refused(error) => return Err(error.encode(codec)),
            Outcome::Canceled => uris::CANCELED,
            Outcome::TimedOut => uris::TIMEOUT,
        };
        Err((Uri::known(uri), Payload::empty(codec)))
    }

    /// What it is counted as.
    pub(crate) fn counted(&self) -> CallOutcome {
        match self {
            Outcome::Result(_) => CallOutcome::Result,
            Outcome::Error(_) => CallOutcome::Error,
            Outcome::Canceled => CallOutcome::Canceled,
            Outcome::TimedOut => CallOutcome::TimedOut,
            Outcome::Refused(_) => CallOutcome::Refused,
        }
    }
}

/// Whether a call that has to be admitted was started; others are at once.
fn has_started(started: Option<&AtomicBool>) -> bool {
    started.is_none_or(|started| started.load(Ordering::Acquire))
}

/// A call that is to be started.
pub(crate) struct NewCall<'e> {
    pub(crate) endpoint: &'e Arc<Endpoint>,
    pub(crate) call: Call,
    pub(crate) serial: u64,
    /// What it waits for before that.
    pub(crate) admission: Option<Admission>,
    /// When the turn began in which it came.
    pub(crate) came: Instant,
}

impl RunningCalls {
    pub(crate) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// How many calls are not over.
    pub(crate) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// How many handlers run that may go on without their callers.
    pub(crate) fn lingering(&self) -> usize {
        self.lingering.load(Ordering::Relaxed)
    }

    /// Counts one more of them.
    pub(crate) fn linger(&self, tracker: &TaskTracker) -> Lingering {
        Lingering::new(&self.lingering, tracker)
    }

    /// Starts a handler, once its call is admitted. Most are over at their first poll, and cost no more than that.
    pub(crate) fn start(
        &mut self,
        new: NewCall<'_>,
        trackers: Trackers<'_>,
        context: &mut Context<'_>,
    ) -> Option<Ended> {
        let NewCall { endpoint, mut call, serial, admission, came } = new;
        let tracker = match (endpoint.detached(), endpoint.blocking()) {
            (true, _) => Some(trackers.detached),
            (false, true) => Some(trackers.blocking),
            (false, false) => None,
        };
        if let Some(tracker) = tracker {
            call.held().lingering = Some(self.linger(tracker));
        }
        let (request, codec) = (call.id(), call.codec());
        let (state, timeout) = (call.state().cloned(), call.caller_timeout());
        let detached = endpoint.detached() && admission.is_none();
        let started = admission.as_ref().map(Admission::started);
        let mut future = match admission {
            None => begin(endpoint, call),
            Some(admission) => admission.begin(endpoint, call),
        };
        if let Poll::Ready(result) = poll_handler(&mut future, context, endpoint) {
            let outcome = Outcome::of(result, started.as_deref());
            return Some(Ended { request, serial, codec, outcome, state });
        }
        if detached {
            future = detach(future);
        }
        let control = Arc::new(TaskControl { detached: endpoint.detached(), started, state, ..TaskControl::default() });
        self.controls.insert(serial, Arc::clone(&control));
        let total = endpoint.timeout().map(|timeout| Box::pin(sleep(timeout)));
        let gap = timeout.map(|timeout| Gap { timeout, sleep: Box::pin(sleep(timeout)), progressed: 0 });
        let endpoint = Arc::clone(endpoint);
        self.tasks.push(Task { request, serial, codec, endpoint, came, future: Some(future), total, gap, control });
        None
    }

    /// The next call that is over, and counted.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>, tally: &mut Tally) -> Option<Ended> {
        if self.tasks.is_empty() {
            return None;
        }
        match self.tasks.poll_next_unpin(context) {
            Poll::Ready(Some((ended, endpoint, came))) => {
                tally.call_ended(endpoint.metrics(), ended.outcome.counted(), came);
                self.controls.remove(&ended.serial);
                if self.tasks.is_empty() {
                    self.controls = HashMap::new();
                }
                Some(ended)
            }
            Poll::Ready(None) | Poll::Pending => None,
        }
    }

    /// Stops a call. A detached handler goes on; with `wait` its answer still counts.
    pub(crate) fn cancel(&mut self, serial: u64, wait: bool) {
        if let Some(control) = self.controls.get(&serial) {
            if let Some(state) = &control.state {
                state.cancel();
            }
            if !(control.goes_on() && wait) {
                control.abort();
            }
        }
    }

    /// Stops all calls.
    pub(crate) fn cancel_all(&mut self, context: &mut Context<'_>, tally: &mut Tally) -> Vec<Ended> {
        let serials: Vec<u64> = self.controls.keys().copied().collect();
        serials.into_iter().for_each(|serial| self.cancel(serial, false));
        let mut ended = Vec::new();
        // The set may yield to other tasks before it has polled all.
        for _ in 0..=self.tasks.len() {
            while let Some(call) = self.poll(context, tally) {
                ended.push(call);
            }
        }
        ended
    }

    /// Stops all calls of a session that is gone.
    pub(crate) fn drop_all(&mut self, context: &mut Context<'_>, tally: &mut Tally) {
        if !self.tasks.is_empty() {
            drop(self.cancel_all(context, tally));
        }
        *self = RunningCalls { lingering: Arc::clone(&self.lingering), ..RunningCalls::default() };
    }
}

/// Lets a handler go on whatever becomes of its call.
pub(super) fn detach(future: HandlerFuture) -> HandlerFuture {
    let task = tokio::spawn(future.in_current_span());
    Box::pin(async move {
        match task.await {
            Ok(result) => result,
            Err(failure) => match failure.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(failure) => Err(RpcError::internal(&failure)),
            },
        }
    })
}

fn end(state: Option<&CallState>) {
    if let Some(state) = state {
        state.end();
    }
}

/// What stops a running call from outside of its future.
#[derive(Debug, Default)]
struct TaskControl {
    detached: bool,
    /// Of a call that has to be admitted, whether it was started.
    started: Option<Arc<AtomicBool>>,
    state: Option<Arc<CallState>>,
    aborted: AtomicBool,
    waker: AtomicWaker,
}

impl TaskControl {
    /// Whether the handler goes on without its call.
    fn goes_on(&self) -> bool {
        self.detached && has_started(self.started.as_deref())
    }

    fn abort(&self) {
        self.aborted.store(true, Ordering::Release);
        self.waker.wake();
    }
}

/// One handler's run.
struct Task {
    request: RequestId,
    serial: u64,
    codec: Codec,
    endpoint: Arc<Endpoint>,
    came: Instant,
    future: Option<HandlerFuture>,
    total: Option<Pin<Box<Sleep>>>,
    gap: Option<Gap>,
    control: Arc<TaskControl>,
}

/// The caller's timeout: how long a result may take after the one before it.
struct Gap {
    timeout: Duration,
    sleep: Pin<Box<Sleep>>,
    progressed: u64,
}

impl Task {
    fn poll_outcome(&mut self, context: &mut Context<'_>) -> Poll<Outcome> {
        self.control.waker.register(context.waker());
        if self.control.aborted.load(Ordering::Acquire) {
            return Poll::Ready(Outcome::Canceled);
        }
        let Some(future) = &mut self.future else { return Poll::Ready(Outcome::Canceled) };
        if let Poll::Ready(result) = poll_handler(future, context, &self.endpoint) {
            return Poll::Ready(Outcome::of(result, self.control.started.as_deref()));
        }
        let progressed = self.control.state.as_ref().map_or(0, |state| state.progressed());
        let gap = self.gap.as_mut().is_some_and(|gap| gap.poll(progressed, context).is_ready());
        let total = self.total.as_mut().is_some_and(|total| total.as_mut().poll(context).is_ready());
        if gap || total {
            if let Some(state) = &self.control.state {
                state.cancel();
            }
            return Poll::Ready(Outcome::TimedOut);
        }
        Poll::Pending
    }

    fn drop_future(&mut self) {
        drop_handler(self.future.take(), &self.endpoint);
    }
}

impl Gap {
    fn poll(&mut self, progressed: u64, context: &mut Context<'_>) -> Poll<()> {
        if progressed != self.progressed {
            self.progressed = progressed;
            self.sleep.as_mut().reset(tokio::time::Instant::now() + self.timeout);
        }
        self.sleep.as_mut().poll(context)
    }
}

impl Future for Task {
    /// With what it is counted by.
    type Output = (Ended, Arc<Endpoint>, Instant);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = std::task::ready!(self.poll_outcome(context));
        self.drop_future();
        let state = self.control.state.clone();
        let ended = Ended { request: self.request, serial: self.serial, codec: self.codec, outcome, state };
        Poll::Ready((ended, Arc::clone(&self.endpoint), self.came))
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if self.future.is_some() {
            if let Some(state) = &self.control.state {
                state.cancel();
            }
            end(self.control.state.as_deref());
            self.drop_future();
        }
    }
}
