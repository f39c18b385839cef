//! The calls of a session that other clients answer: from CALL to a callee, and back to their one final reply.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::{AbortHandle, Abortable};
use futures_util::stream::FuturesUnordered;
use rustc_hash::FxHashMap;
use tokio::time::{Instant, Sleep, sleep_until};

use super::authorization::{Admission, Admitted, Place, Refusal};
use super::{Connection, Joined};
use crate::handler::{Answer, Decision};
use crate::metrics::CallOutcome;
use crate::routing::{Callee, Canceled, Registration, RoutedCall, Unavailable};
use crate::transport::Transport;
use crate::wire::{self, CancelMode, Payload, RequestId, Uri, uris};

/// The calls of a session that other clients answer, by their serial numbers.
#[derive(Default)]
pub(super) struct RoutedCalls {
    calls: FxHashMap<u64, Open>,
    /// For what seldom is.
    waits: Option<Box<Waits>>,
}

/// A call without its final reply.
struct Open {
    request: RequestId,
    /// When the turn began in which it came.
    began: Instant,
    stage: Stage,
    /// What is needed to give it to another callee, where there is one.
    retained: Option<Box<Retained>>,
    timeout: Option<Box<Timeout>>,
}

enum Stage {
    /// The authorizer has not decided. Meanwhile more parts of it may have come.
    Asked {
        decision: AbortHandle,
        parts: Vec<wire::Call>,
    },
    Invoked {
        callee: Arc<Callee>,
        invocation: RequestId,
    },
}

struct Retained {
    call: Box<wire::Call>,
    registration: Arc<Registration>,
    disclosed: Option<bool>,
    timeout: Option<Duration>,
    /// Those that have refused the call.
    tried: Vec<Arc<Callee>>,
}

/// How long each result may take after the one before it.
struct Timeout {
    gap: Duration,
    at: Instant,
}

/// What calls wait for besides their callees.
#[derive(Default)]
struct Waits {
    admissions: FuturesUnordered<Abortable<Pin<Box<dyn Future<Output = Asked> + Send>>>>,
    deadlines: BTreeSet<(Instant, u64)>,
    sleep: Option<Pin<Box<Sleep>>>,
}

/// A call that an authorizer has decided about.
struct Asked {
    answer: Result<(Decision, Place), Refusal>,
    call: Box<wire::Call>,
    serial: u64,
    registration: Arc<Registration>,
}

impl RoutedCalls {
    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    pub(super) fn contains(&self, serial: u64) -> bool {
        !self.calls.is_empty() && self.calls.contains_key(&serial)
    }

    /// Gives all calls up: nobody waits for them any more.
    pub(super) fn drop_all(&mut self) {
        for (_, open) in std::mem::take(&mut self.calls) {
            if let Stage::Invoked { callee, invocation } = open.stage {
                callee.cancel(invocation, CancelMode::KillNoWait);
            }
        }
        self.waits = None;
    }

    fn remove(&mut self, serial: u64) -> Option<Open> {
        let open = self.calls.remove(&serial)?;
        if let (Some(timeout), Some(waits)) = (&open.timeout, &mut self.waits) {
            waits.deadlines.remove(&(timeout.at, serial));
        }
        if self.calls.is_empty() {
            self.waits = None;
            if self.calls.capacity() > 64 {
                self.calls = FxHashMap::default();
            }
        }
        Some(open)
    }

    /// Lets a call's next result take as long as its timeout says, from now on.
    fn restart_timeout(&mut self, serial: u64, now: Instant) {
        let Some(timeout) = self.calls.get_mut(&serial).and_then(|open| open.timeout.as_mut()) else { return };
        let waits = self.waits.get_or_insert_default();
        waits.deadlines.remove(&(timeout.at, serial));
        timeout.at = now.checked_add(timeout.gap).unwrap_or(timeout.at);
        waits.deadlines.insert((timeout.at, serial));
    }

    /// Sets how long each of a call's results may take; any time at all where its callee watches that.
    fn set_timeout(&mut self, serial: u64, timeout: Option<Duration>, now: Instant) {
        let Some(open) = self.calls.get_mut(&serial) else { return };
        if let (Some(timeout), Some(waits)) = (open.timeout.take(), &mut self.waits) {
            waits.deadlines.remove(&(timeout.at, serial));
        }
        open.timeout = timeout.map(|gap| Box::new(Timeout { gap, at: now }));
        self.restart_timeout(serial, now);
    }

    /// The next call that an authorizer has decided about.
    fn poll_admission(&mut self, context: &mut Context<'_>) -> Option<Asked> {
        let waits = self.waits.as_mut()?;
        loop {
            match waits.admissions.poll_next_unpin(context) {
                Poll::Ready(Some(Ok(asked))) => return Some(asked),
                Poll::Ready(Some(Err(_))) => {}
                Poll::Ready(None) | Poll::Pending => return None,
            }
        }
    }

    /// The next call whose time is over.
    fn poll_timeout(&mut self, context: &mut Context<'_>, now: Instant) -> Option<u64> {
        let waits = self.waits.as_mut()?;
        let Some((first, serial)) = waits.deadlines.first().copied() else {
            waits.sleep = None;
            return None;
        };
        let sleep = waits.sleep.get_or_insert_with(|| Box::pin(sleep_until(first)));
        if sleep.deadline() != first {
            sleep.as_mut().reset(first);
        }
        (sleep.as_mut().poll(context).is_ready() || first <= now).then_some(serial)
    }
}

impl<T: Transport> Connection<T> {
    // ------------------------------------------------------------ from the caller

    /// Gives a call to a client that offers the procedure.
    pub(super) fn route_call(
        &mut self,
        call: Box<wire::Call>,
        serial: u64,
        registration: Arc<Registration>,
        now: Instant,
    ) {
        let Some(joined) = &self.joined else { return };
        let request = call.request;
        let timeout = call.options.timeout.filter(|timeout| *timeout > 0).map(Duration::from_millis);
        match joined.admit_routed(&call, serial) {
            Ok(Admitted::AtOnce(decision)) => {
                self.find_callee(call, serial, registration, decision.disclosure(), timeout, now);
            }
            Ok(Admitted::Later(admission)) => {
                let decision = self.wait_for(admission, call, serial, registration);
                let stage = Stage::Asked { decision, parts: Vec::new() };
                self.open(serial, Open { request, began: now, stage, retained: None, timeout: None }, timeout, now);
            }
            Err(Refusal { error, message }) => self.fail_call(request, serial, error, &message),
        }
    }

    /// Lets a call wait for the authorizer.
    fn wait_for(
        &mut self,
        admission: Admission,
        call: Box<wire::Call>,
        serial: u64,
        registration: Arc<Registration>,
    ) -> AbortHandle {
        let asked: Pin<Box<dyn Future<Output = Asked> + Send>> =
            Box::pin(async move { Asked { answer: admission.wait().await, call, serial, registration } });
        let (decision, abort) = AbortHandle::new_pair();
        self.routed.waits.get_or_insert_default().admissions.push(Abortable::new(asked, abort));
        decision
    }

    fn open(&mut self, serial: u64, open: Open, timeout: Option<Duration>, now: Instant) {
        self.routed.calls.insert(serial, open);
        if timeout.is_some() {
            self.routed.set_timeout(serial, timeout, now);
        }
    }

    /// Gives a call that is allowed to one of the procedure's callees.
    fn find_callee(
        &mut self,
        call: Box<wire::Call>,
        serial: u64,
        registration: Arc<Registration>,
        disclosed: Option<bool>,
        timeout: Option<Duration>,
        now: Instant,
    ) {
        let Some(Joined { session, .. }) = &self.joined else { return };
        let request = call.request;
        let routed = RoutedCall { caller: session, message: &call, serial, disclosed };
        self.fanned_out = self.fanned_out.saturating_add(call.payload.bytes().len());
        match registration.route(&routed, &[], random) {
            Ok((callee, begun)) => {
                let may_be_rerouted = registration.is_shared() && call.options.progress != Some(true);
                let retained = may_be_rerouted
                    .then(|| Box::new(Retained { call, registration, disclosed, timeout, tried: Vec::new() }));
                let stage = Stage::Invoked { callee, invocation: begun.request };
                let timeout = timeout.filter(|_| !begun.watches_timeout);
                self.open(serial, Open { request, began: now, stage, retained, timeout: None }, timeout, now);
            }
            Err(reason) => self.refuse_unavailable(request, serial, &reason),
        }
    }

    /// Goes on with what calls wait for besides their callees.
    pub(super) fn poll_routed(&mut self, context: &mut Context<'_>, now: Instant) {
        if self.routed.waits.is_none() {
            return;
        }
        while let Some(asked) = self.routed.poll_admission(context) {
            self.handle_asked(asked, now);
        }
        while let Some(serial) = self.routed.poll_timeout(context, now) {
            let Some(open) = self.end_routed(serial, CallOutcome::TimedOut) else { return };
            self.session.error(open.request, serial, &Uri::known(uris::TIMEOUT), &Payload::empty(self.session.codec()));
            open.abandon();
        }
    }

    /// The authorizer has decided about a call.
    fn handle_asked(&mut self, asked: Asked, now: Instant) {
        let Asked { answer, call, serial, registration } = asked;
        let Some(open) = self.routed.remove(serial) else { return };
        let timeout = open.timeout.as_ref().map(|timeout| timeout.gap);
        let Stage::Asked { parts, .. } = open.stage else { return };
        match answer {
            Ok((decision, place)) => {
                self.find_callee(call, serial, registration, decision.disclosure(), timeout, now);
                for part in parts {
                    self.continue_call(Box::new(part), serial);
                }
                drop(place);
            }
            Err(Refusal { error, message }) => self.fail_call(open.request, serial, error, &message),
        }
    }

    /// Passes on more of a call's arguments.
    pub(super) fn continue_call(&mut self, part: Box<wire::Call>, serial: u64) {
        let (most, octets) = (self.limits().calls_in_flight, self.limits().message_size);
        let Some(open) = self.routed.calls.get_mut(&serial) else { return };
        self.fanned_out = self.fanned_out.saturating_add(part.payload.bytes().len());
        let reason = match &mut open.stage {
            Stage::Asked { parts, .. } => {
                let held = parts.iter().fold(0_usize, |sum, part| sum.saturating_add(part.payload.bytes().len()));
                if parts.len() < most && held.saturating_add(part.payload.bytes().len()) <= octets {
                    parts.push(*part);
                    return;
                }
                Unavailable::Busy(Some("calls_in_flight"))
            }
            Stage::Invoked { callee, invocation } => match callee.go_on(*invocation, &part) {
                Ok(()) => return,
                Err(reason) => reason,
            },
        };
        if let Some(open) = self.routed.remove(serial) {
            self.refuse_unavailable(open.request, serial, &reason);
            open.abandon();
        }
    }

    /// The caller gives up a call.
    pub(super) fn cancel_routed(&mut self, serial: u64, mode: CancelMode) {
        let Some(open) = self.routed.calls.get(&serial) else { return };
        let (request, mut outcome) = (open.request, Canceled::Forgotten);
        match &open.stage {
            Stage::Asked { decision, .. } => decision.abort(),
            Stage::Invoked { callee, invocation } => outcome = callee.cancel(*invocation, mode),
        }
        if mode == CancelMode::Kill && outcome != Canceled::Forgotten {
            return;
        }
        // Unless the session has said so already.
        self.session.error(request, serial, &Uri::known(uris::CANCELED), &Payload::empty(self.session.codec()));
        self.end_routed(serial, CallOutcome::Canceled);
    }

    /// Gives all calls up.
    pub(super) fn cancel_all_routed(&mut self) {
        let serials: Vec<u64> = self.routed.calls.keys().copied().collect();
        for serial in serials {
            self.cancel_routed(serial, CancelMode::KillNoWait);
        }
    }

    // ------------------------------------------------------------ from the callee

    /// What became of a call.
    pub(super) fn handle_answer(&mut self, request: RequestId, serial: u64, answer: Answer, now: Instant) {
        if !self.routed.contains(serial) {
            return;
        }
        match answer {
            Answer::Yield(result) => {
                if result.options.progress == Some(true) {
                    self.routed.restart_timeout(serial, now);
                } else {
                    self.end_routed(serial, CallOutcome::Result);
                }
                self.session.yielded(request, serial, &result);
            }
            Answer::Error(failure) => {
                self.end_routed(serial, CallOutcome::Error);
                self.session.failed(request, serial, &failure);
            }
            Answer::Unavailable => self.reroute(request, serial, now),
            Answer::Gone => {
                self.end_routed(serial, CallOutcome::Canceled);
                let payload = Payload::message(self.session.codec(), "the callee is gone");
                self.session.error(request, serial, &Uri::known(uris::CANCELED), &payload);
            }
        }
    }

    /// Gives a call to the next callee.
    ///
    /// WAMP: call re-routing, advanced profile.
    fn reroute(&mut self, request: RequestId, serial: u64, now: Instant) {
        let Some(Joined { session, .. }) = &self.joined else { return };
        let Some(open) = self.routed.calls.get_mut(&serial) else { return };
        let mut unavailable = Unavailable::Busy(None);
        if let (Some(retained), Stage::Invoked { callee, invocation }) = (&mut open.retained, &mut open.stage) {
            retained.tried.push(Arc::clone(callee));
            let Retained { call, registration, disclosed, timeout, tried } = &**retained;
            let routed = RoutedCall { caller: session, message: call, serial, disclosed: *disclosed };
            match registration.route(&routed, tried, random) {
                Ok((next, begun)) => {
                    (*callee, *invocation) = (next, begun.request);
                    let timeout = timeout.filter(|_| !begun.watches_timeout);
                    self.routed.set_timeout(serial, timeout, now);
                    return;
                }
                Err(Unavailable::Gone) => {}
                Err(reason) => unavailable = reason,
            }
        }
        self.routed.remove(serial);
        self.refuse_unavailable(request, serial, &unavailable);
    }

    // ------------------------------------------------------------ ends

    /// A call is over.
    fn end_routed(&mut self, serial: u64, outcome: CallOutcome) -> Option<Open> {
        let open = self.routed.remove(serial)?;
        self.session.handler_ended();
        self.count_routed(outcome, open.began);
        Some(open)
    }

    fn count_routed(&mut self, outcome: CallOutcome, began: Instant) {
        if let Some(joined) = &self.joined {
            self.tally.call_ended(joined.realm.dealer().metrics(), outcome, began);
        }
    }

    /// Refuses a call that no callee takes.
    #[cold]
    fn refuse_unavailable(&mut self, request: RequestId, serial: u64, reason: &Unavailable) {
        if let Unavailable::Busy(Some(limit)) = reason {
            self.shared.counters.limit(limit);
        }
        let (error, message) = match reason {
            Unavailable::Gone => (uris::NO_SUCH_PROCEDURE, "the callee is gone".to_owned()),
            Unavailable::Busy(_) => (uris::NO_AVAILABLE_CALLEE, "no callee takes the call".to_owned()),
            Unavailable::Lacks(feature) => (uris::FEATURE_NOT_SUPPORTED, format!("no callee has announced {feature}")),
            Unavailable::TooLarge(most) => {
                (uris::PAYLOAD_SIZE_EXCEEDED, format!("the callee takes no more than {most} octets"))
            }
            Unavailable::Unencodable(error) => (uris::INVALID_ARGUMENT, error.to_string()),
        };
        self.fail_call(request, serial, error, &message);
    }

    /// Answers a call that is over before it has begun.
    pub(super) fn fail_call(&mut self, request: RequestId, serial: u64, error: &'static str, message: &str) {
        self.session.handler_ended();
        self.count_routed(CallOutcome::Error, Instant::now());
        let payload = Payload::message(self.session.codec(), message);
        self.session.error(request, serial, &Uri::known(error), &payload);
    }
}

impl Open {
    /// Nobody waits for it any more.
    fn abandon(self) {
        match self.stage {
            Stage::Asked { decision, .. } => decision.abort(),
            Stage::Invoked { callee, invocation } => drop(callee.cancel(invocation, CancelMode::KillNoWait)),
        }
    }
}

fn random() -> usize {
    rand::random::<u64>() as usize
}
