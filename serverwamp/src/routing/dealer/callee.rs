//! A client that offers procedures, and the invocations that it has not answered.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashMap;

use super::RouterOptions;
use super::registrations::Registration;
use super::routed::{RoutedCall, Unavailable, invocation_details};
use crate::handler::{Answer, Command, Invocation, Refused, Session};
use crate::limits::Limits;
use crate::wire::{
    self, CancelMode, Feature, Group, InvocationDetails, MAX_ID, Passthru, Payload, RegistrationId, RequestId,
    SessionId, Uri, uris,
};

/// A session as a callee. What is not its own it reaches through its session's outbox.
#[derive(Debug)]
pub(crate) struct Callee {
    session: Session,
    pub(super) features: CalleeFeatures,
    /// Registrations that it may have.
    registrations: usize,
    /// Invocations that it may have.
    invocations: usize,
    /// Of these, how many one caller may have given up.
    abandoned: usize,
    state: Mutex<State>,
}

/// What a client announced for the role of a callee, as far as the dealer heeds it.
#[derive(Debug, Clone, Copy)]
pub(super) struct CalleeFeatures {
    pub(super) progressive_results: bool,
    pub(super) progressive_invocations: bool,
    pub(super) canceling: bool,
    pub(super) timeout: bool,
    pub(super) passthru: bool,
}

/// All keys are ids that the server gives out.
#[derive(Debug, Default)]
struct State {
    registrations: FxHashMap<RegistrationId, Offer>,
    invocations: FxHashMap<RequestId, Running>,
    /// How many invocations each caller has given up that run on.
    abandoned: FxHashMap<SessionId, usize>,
    /// Invocations are counted.
    last: u64,
    gone: bool,
}

/// What a callee said of one of its registrations.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Offer {
    /// How many invocations it takes at a time.
    pub(super) concurrency: Option<usize>,
    pub(super) disclose_caller: bool,
    pub(super) forward_timeout: bool,
    pub(super) running: usize,
}

/// An invocation without its final answer.
#[derive(Debug)]
struct Running {
    /// None once the call was given up.
    caller: Option<Session>,
    caller_id: SessionId,
    request: RequestId,
    serial: u64,
    registration: RegistrationId,
    wants_progress: bool,
    has_progressed: bool,
    is_interrupted: bool,
}

/// Whom an answer is for.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) session: Session,
    request: RequestId,
    serial: u64,
    has_progressed: bool,
}

/// An invocation that a callee has begun.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) request: RequestId,
    /// Whether the callee watches the call's timeout itself.
    pub(crate) watches_timeout: bool,
}

/// What became of an invocation that is not wanted any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Canceled {
    /// The callee is told, and its answer is still due.
    Awaited,
    /// Its answer is of no interest, if any comes.
    Forgotten,
    /// The answer is on its way already.
    Answered,
}

impl Callee {
    pub(super) fn new(session: &Session, limits: &Limits, options: RouterOptions) -> Arc<Callee> {
        let announced = session.announcement().callee();
        let canceling = announced.contains(Feature::CallCanceling);
        let features = CalleeFeatures {
            // The specification has it that who cannot be told to stop must not be asked for more than one result.
            progressive_results: announced.contains(Feature::ProgressiveCallResults)
                && (canceling || options.progress_without_canceling),
            progressive_invocations: announced.contains(Feature::ProgressiveCallInvocations) && canceling,
            canceling,
            timeout: announced.contains(Feature::CallTimeout),
            passthru: announced.contains(Feature::PayloadPassthruMode),
        };
        Arc::new(Callee {
            session: session.clone(),
            features,
            registrations: limits.registrations,
            invocations: limits.invocations_in_flight,
            abandoned: limits.calls_in_flight,
            state: Mutex::default(),
        })
    }

    pub(super) fn session_id(&self) -> SessionId {
        self.session.id()
    }

    #[cfg(test)]
    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    /// Whether it may have one more registration.
    pub(super) fn has_room(&self) -> bool {
        let state = self.state();
        !state.gone && state.registrations.len() < self.registrations
    }

    pub(super) fn begin(&self, registration: RegistrationId, offer: Offer) {
        self.state().registrations.insert(registration, offer);
    }

    /// Ends its part in a registration: no invocation of that is queued any more.
    pub(super) fn end(&self, registration: RegistrationId) -> bool {
        self.state().registrations.remove(&registration).is_some()
    }

    /// Its registration was taken away by others.
    pub(super) fn revoke(&self, registration: RegistrationId, reason: &Uri) {
        if self.end(registration) {
            let _ = self.session.outbox().push(Command::Unregistered { registration, reason: reason.clone() });
        }
    }

    /// Whether it has answered all invocations.
    pub(crate) fn is_idle(&self) -> bool {
        self.state().invocations.is_empty()
    }

    // ------------------------------------------------------------ calls

    /// Queues a call.
    ///
    /// # Errors
    /// Why it does not get the call.
    pub(super) fn invoke(&self, registration: &Registration, call: &RoutedCall<'_>) -> Result<Begun, Unavailable> {
        self.check_features(call.message)?;
        let payload = self.own_payload(&call.message.payload)?;
        let mut state = self.state();
        let State { registrations, invocations, abandoned, last, gone } = &mut *state;
        let offer = registrations.get_mut(&registration.id()).filter(|_| !*gone).ok_or(Unavailable::Gone)?;
        if offer.concurrency.is_some_and(|most| offer.running >= most) {
            return Err(Unavailable::Busy(None));
        }
        if invocations.len() >= self.invocations {
            return Err(Unavailable::Busy(Some("invocations_in_flight")));
        }
        if abandoned.get(&call.caller.id()).is_some_and(|abandoned| *abandoned >= self.abandoned) {
            return Err(Unavailable::Busy(Some("calls_in_flight")));
        }
        let request = RequestId::new(last.saturating_add(1)).ok_or(Unavailable::Busy(None))?;
        let details = invocation_details(registration, call, self.features, *offer);
        self.check_size(registration.id(), details.as_ref(), &payload)?;
        let watches_timeout = details.as_ref().is_some_and(|details| details.timeout.is_some());
        let wants_progress = details.as_ref().is_some_and(|details| details.receive_progress == Some(true));
        let invocation = Invocation { request, registration: registration.id(), details, payload };
        // Within the lock, so that invocations are sent in the order of their ids, and none after UNREGISTERED.
        self.session.outbox().offer(Command::Invocation(Box::new(invocation)))?;
        *last = request.get();
        offer.running = offer.running.saturating_add(1);
        invocations.insert(
            request,
            Running {
                caller: Some(call.caller.clone()),
                caller_id: call.caller.id(),
                request: call.message.request,
                serial: call.serial,
                registration: registration.id(),
                wants_progress,
                has_progressed: false,
                is_interrupted: false,
            },
        );
        Ok(Begun { request, watches_timeout })
    }

    /// Queues more of an invocation's arguments.
    ///
    /// # Errors
    /// Why it does not get them; the invocation cannot go on then.
    ///
    /// WAMP: progressive call invocations, advanced profile.
    pub(crate) fn go_on(&self, request: RequestId, part: &wire::Call) -> Result<(), Unavailable> {
        let payload = self.own_payload(&part.payload)?;
        let state = self.state();
        // What comes too late is dropped.
        let Some(running) = state.invocations.get(&request) else { return Ok(()) };
        let details = InvocationDetails {
            progress: part.options.progress,
            receive_progress: running.wants_progress.then_some(true),
            passthru: part.options.passthru.clone(),
            ..InvocationDetails::default()
        };
        self.check_size(running.registration, Some(&details), &payload)?;
        let registration = running.registration;
        let invocation = Invocation { request, registration, details: Some(details), payload };
        Ok(self.session.outbox().offer(Command::Invocation(Box::new(invocation)))?)
    }

    fn check_features(&self, call: &wire::Call) -> Result<(), Unavailable> {
        let uses_passthru =
            |passthru: &Group<Passthru>| passthru.get().is_some_and(|passthru| passthru.ppt_scheme.is_some());
        if call.options.progress == Some(true) && !self.features.progressive_invocations {
            return Err(Unavailable::Lacks("progressive_call_invocations"));
        }
        if uses_passthru(&call.options.passthru) && !self.features.passthru {
            return Err(Unavailable::Lacks("payload_passthru_mode"));
        }
        Ok(())
    }

    /// The arguments as the callee gets them: untouched where it has the caller's codec.
    fn own_payload(&self, payload: &Payload) -> Result<Payload, Unavailable> {
        payload.transcode(self.session.codec()).map_err(Unavailable::Unencodable)
    }

    /// Whether the callee takes a message of this size. Only a few say how much they take.
    fn check_size(
        &self,
        registration: RegistrationId,
        details: Option<&InvocationDetails>,
        payload: &Payload,
    ) -> Result<(), Unavailable> {
        // More than the ids and the usual details take.
        const ROOM: usize = 1024;
        let outbox = self.session.outbox();
        if payload.size() > outbox.largest_event() {
            return Err(Unavailable::TooLarge(outbox.largest_event()));
        }
        let most = outbox.peer_message_size();
        if most == usize::MAX || payload.size().saturating_add(ROOM) <= most && details.is_none() {
            return Ok(());
        }
        let mut message = Vec::new();
        let longest = RequestId::new(MAX_ID).unwrap_or(RequestId::FIRST);
        wire::write_invocation(self.session.codec(), longest, registration, details, payload, &mut message)
            .map_err(Unavailable::Unencodable)?;
        if message.len() > most { Err(Unavailable::TooLarge(most)) } else { Ok(()) }
    }

    // ------------------------------------------------------------ answers

    /// Takes a result. Returns whom it is for, if anybody still wants it.
    pub(crate) fn yielded(&self, request: RequestId, progress: bool) -> Option<Caller> {
        let mut state = self.state();
        if !progress {
            return state.end(request);
        }
        let running = state.invocations.get_mut(&request)?;
        let session = running.caller.clone().filter(|_| running.wants_progress)?;
        running.has_progressed = true;
        Some(Caller { session, request: running.request, serial: running.serial, has_progressed: true })
    }

    /// Takes an error. Returns whom it is for, if anybody still wants it.
    pub(crate) fn failed(&self, request: RequestId) -> Option<Caller> {
        self.state().end(request)
    }

    /// An invocation is not wanted any more.
    ///
    /// WAMP: call canceling, advanced profile.
    pub(crate) fn cancel(&self, request: RequestId, mode: CancelMode) -> Canceled {
        let mut state = self.state();
        let State { invocations, abandoned, .. } = &mut *state;
        let Some(running) = invocations.get_mut(&request) else { return Canceled::Answered };
        let is_told = self.features.canceling
            && mode != CancelMode::Skip
            && (mode == CancelMode::Kill && running.is_interrupted
                || self.session.outbox().offer_little(Command::Interrupt { request, mode }).is_ok());
        match mode {
            CancelMode::Kill if is_told => {
                running.is_interrupted = true;
                return Canceled::Awaited;
            }
            CancelMode::KillNoWait if is_told => drop(state.end(request)),
            // It runs on.
            CancelMode::Skip | CancelMode::Kill | CancelMode::KillNoWait => {
                if running.caller.take().is_some() {
                    let count = abandoned.entry(running.caller_id).or_default();
                    *count = count.saturating_add(1);
                }
            }
        }
        Canceled::Forgotten
    }

    /// The client is gone. Returns the registrations that it had, and who waits for it.
    pub(super) fn leave(&self) -> (Vec<RegistrationId>, Vec<Caller>) {
        let mut state = self.state();
        let State { registrations, invocations, .. } = std::mem::take(&mut *state);
        state.gone = true;
        drop(state);
        let waiting = |running: Running| {
            let Running { request, serial, has_progressed, .. } = running;
            Some(Caller { session: running.caller?, request, serial, has_progressed })
        };
        (registrations.into_keys().collect(), invocations.into_values().filter_map(waiting).collect())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn end(&mut self, request: RequestId) -> Option<Caller> {
        let running = self.invocations.remove(&request)?;
        if let Some(offer) = self.registrations.get_mut(&running.registration) {
            offer.running = offer.running.saturating_sub(1);
        }
        let Running { caller, caller_id, request, serial, has_progressed, .. } = running;
        if caller.is_none()
            && let Some(count) = self.abandoned.get_mut(&caller_id)
        {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.abandoned.remove(&caller_id);
            }
        }
        Some(Caller { session: caller?, request, serial, has_progressed })
    }
}

impl Caller {
    /// Whether the call may be given to another callee if this error says that the callee is not available.
    pub(crate) fn may_be_rerouted(&self, error: &str) -> bool {
        error == uris::UNAVAILABLE && !self.has_progressed
    }

    /// Queues an answer. A caller that takes too little to have room for it is cut.
    pub(crate) fn answer(self, answer: Answer) {
        let Caller { session, request, serial, .. } = self;
        let _ = session.outbox().push(Command::Answer { request, serial, answer });
    }
}

impl From<Refused> for Unavailable {
    fn from(refused: Refused) -> Unavailable {
        match refused {
            Refused::Full => Unavailable::Busy(Some("outbound_bytes")),
            Refused::Closed => Unavailable::Gone,
        }
    }
}
