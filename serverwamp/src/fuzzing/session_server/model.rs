//! What PROTOCOL says that a server does, in as few words as can be.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::{CALLS, canceled};
use crate::fuzzing::messages::Said;
use crate::session::Ending;
use crate::wire::{
    CancelMode, Feature, Group, MAX_ID, Message, MessageType, ParseError, Passthru, RequestId, Roles, uris,
};

fn action(text: impl Into<String>) -> Said {
    Said::Action(text.into())
}

pub(super) fn sent(text: impl Into<String>) -> Said {
    Said::Sent(text.into())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Silent,
    Joining,
    Challenged,
    Established,
    Leaving,
    ShuttingDown,
    Closed,
}

#[derive(Debug)]
pub(super) struct Model {
    strict: bool,
    pub(super) phase: Phase,
    pub(super) deadline: Option<Instant>,
    welcome_by: Instant,
    had_session: bool,
    challenges: usize,
    pub(super) roles: Roles,
    pub(super) is_router: bool,
    pub(super) open: BTreeMap<RequestId, Open>,
    unfinished: VecDeque<RequestId>,
    pub(super) running: usize,
    serials: u64,
    last_request: u64,
    pub(super) last_invocation: u64,
}

/// A call that has not been answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Open {
    pub(super) serial: u64,
    is_progressive: bool,
}

impl Model {
    pub(super) fn new(strict: bool, now: Instant) -> Model {
        Model {
            strict,
            phase: Phase::Silent,
            deadline: Some(now + Duration::from_secs(5)),
            welcome_by: now + Duration::from_secs(15),
            had_session: false,
            challenges: 0,
            roles: Roles::default(),
            is_router: false,
            open: BTreeMap::new(),
            unfinished: VecDeque::new(),
            running: 0,
            serials: 0,
            last_request: 0,
            last_invocation: 0,
        }
    }

    // ------------------------------------------------------------ what comes in

    pub(super) fn receive(&mut self, message: Result<Message, ParseError>, now: Instant) -> Vec<Said> {
        match (self.phase, message) {
            (Phase::Closed | Phase::Leaving, _) => Vec::new(),
            (Phase::ShuttingDown, Ok(Message::Goodbye(_))) => self.be_silent(now),
            (_, Ok(Message::Abort(_))) => self.close(Ending::Abort),
            (Phase::ShuttingDown, _) => Vec::new(),
            (phase, Err(ParseError::Limit(_, error))) => {
                self.phase = phase;
                self.receive(Err(*error), now)
            }
            (Phase::Silent, Ok(Message::Hello(hello))) => {
                let Some(roles) = hello.details.roles.clone().filter(|roles| *roles != Roles::default()) else {
                    return self.abort(uris::NO_SUCH_ROLE, Ending::Aborted);
                };
                self.roles = roles;
                self.challenges = 0;
                self.phase = Phase::Joining;
                self.deadline = Some(self.welcome_by);
                vec![action("join")]
            }
            (Phase::Silent, Err(ParseError::InvalidRealm(_))) => self.abort(uris::INVALID_URI, Ending::Aborted),
            (Phase::Challenged, Ok(Message::Authenticate(answer))) if answer.extra.to_dict().is_ok() => {
                self.phase = Phase::Joining;
                vec![action("authenticate")]
            }
            (Phase::Established, Ok(message)) => self.receive_established(message, now),
            (Phase::Established, Err(ParseError::Refused { request_type, request, error, silent, .. })) => {
                match self.accepts(request) {
                    true if silent => Vec::new(),
                    true => vec![failed(request_type, request, error)],
                    false => self.violation(),
                }
            }
            _ => self.violation(),
        }
    }

    fn receive_established(&mut self, message: Message, now: Instant) -> Vec<Said> {
        let requested = match &message {
            Message::Call(call) => {
                let is_progressive = call.options.progress == Some(true);
                return self.call(call.request, is_progressive, is_passed_through(&call.options.passthru));
            }
            Message::Cancel(cancel) => {
                let Some(open) = self.open.get(&cancel.request).copied() else { return Vec::new() };
                let mode = cancel.options.mode.unwrap_or(CancelMode::KillNoWait);
                let mut said = vec![action(canceled(open.serial, mode))];
                if mode != CancelMode::Kill {
                    self.forget(cancel.request);
                    said.push(failed(MessageType::Call, cancel.request, uris::CANCELED));
                }
                return said;
            }
            Message::Yield(result) => {
                return self.answer("yield", result.request, is_passed_through(&result.options.passthru));
            }
            Message::Error(error) if error.request_type == MessageType::Invocation => {
                return self.answer("fail", error.request, is_passed_through(&error.details.passthru));
            }
            Message::Goodbye(_) => {
                self.end_calls();
                self.phase = Phase::Leaving;
                self.deadline = Some(now + Duration::from_secs(2));
                return vec![action("leave")];
            }
            Message::EventReceived(_) => return Vec::new(),
            Message::Subscribe(it) => (it.request, "subscribe"),
            Message::Unsubscribe(it) => (it.request, "unsubscribe"),
            Message::Publish(it) => (it.request, "publish"),
            Message::Register(it) => (it.request, "register"),
            Message::Unregister(it) => (it.request, "unregister"),
            _ => return self.violation(),
        };
        match self.accepts(requested.0) {
            true => vec![action(format!("{} {}", requested.1, requested.0))],
            false => self.violation(),
        }
    }

    fn call(&mut self, request: RequestId, is_progressive: bool, is_passed_through: bool) -> Vec<Said> {
        if let Some(open) = self.open.get_mut(&request).filter(|open| open.is_progressive) {
            open.is_progressive = is_progressive;
            return vec![action(format!("continue {request} {}", open.serial))];
        }
        if let Some(place) = self.unfinished.iter().position(|unfinished| *unfinished == request) {
            // What comes for a call that has ended is nobody's.
            if !is_progressive {
                self.unfinished.remove(place);
            }
            return Vec::new();
        }
        let caller = self.roles.caller.unwrap_or_default();
        let unannounced = is_progressive && !(self.is_router && caller.contains(Feature::ProgressiveCallInvocations))
            || is_passed_through && self.is_router && !caller.contains(Feature::PayloadPassthruMode);
        if !self.accepts(request) || unannounced {
            return self.violation();
        }
        if self.running == CALLS {
            return vec![failed(MessageType::Call, request, uris::LIMIT_EXCEEDED)];
        }
        self.running += 1;
        self.serials += 1;
        self.open.insert(request, Open { serial: self.serials, is_progressive });
        vec![action(format!("call {request} {}", self.serials))]
    }

    /// A callee's answer to an invocation.
    fn answer(&mut self, what: &str, request: RequestId, is_passed_through: bool) -> Vec<Said> {
        let has_announced = self.roles.callee.unwrap_or_default().contains(Feature::PayloadPassthruMode);
        match request.get() > self.last_invocation || is_passed_through && !has_announced {
            true => self.violation(),
            false => vec![action(format!("{what} {request}"))],
        }
    }

    fn accepts(&mut self, request: RequestId) -> bool {
        let id = request.get();
        let next = if self.last_request == MAX_ID { 1 } else { self.last_request + 1 };
        let accepted = (!self.strict || id == next) && !self.open.contains_key(&request);
        if accepted {
            self.last_request = id;
        }
        accepted
    }

    pub(super) fn wait(&mut self, now: Instant) -> Vec<Said> {
        if self.deadline.is_none_or(|deadline| now < deadline) {
            return Vec::new();
        }
        self.deadline = None;
        match self.phase {
            Phase::Silent if self.had_session => self.close(Ending::Closed),
            Phase::Silent => self.abort(uris::TIMEOUT, Ending::Violation),
            Phase::Joining | Phase::Challenged => self.abort(uris::TIMEOUT, Ending::Aborted),
            Phase::Leaving => self.part(now),
            Phase::ShuttingDown => self.close(Ending::Closed),
            Phase::Established | Phase::Closed => panic!("nothing to wait for"),
        }
    }

    // ------------------------------------------------------------ how it ends

    pub(super) fn violation(&mut self) -> Vec<Said> {
        self.abort(uris::PROTOCOL_VIOLATION, Ending::Violation)
    }

    pub(super) fn abort(&mut self, reason: &str, ending: Ending) -> Vec<Said> {
        if self.phase == Phase::Closed {
            return Vec::new();
        }
        let mut said = vec![sent(format!("ABORT {reason}"))];
        if ending == Ending::Violation {
            said.push(action("violated"));
        }
        said.extend(self.close(ending));
        said
    }

    pub(super) fn close(&mut self, ending: Ending) -> Vec<Said> {
        let said = match self.phase {
            Phase::Closed => return Vec::new(),
            Phase::Silent | Phase::ShuttingDown => vec![action(format!("close {ending:?}"))],
            _ => vec![action(format!("left {ending:?}")), action(format!("close {ending:?}"))],
        };
        self.end_calls();
        self.phase = Phase::Closed;
        self.deadline = None;
        said
    }

    /// Answers GOODBYE.
    pub(super) fn part(&mut self, now: Instant) -> Vec<Said> {
        if self.phase != Phase::Leaving {
            return Vec::new();
        }
        self.be_silent(now);
        vec![sent("GOODBYE"), action("left Goodbye")]
    }

    pub(super) fn say_goodbye(&mut self, reason: &str, now: Instant) -> Vec<Said> {
        match self.phase {
            Phase::Established => {
                self.end_calls();
                self.phase = Phase::ShuttingDown;
                self.deadline = Some(now + Duration::from_secs(2));
                vec![sent("GOODBYE"), action("left Closed")]
            }
            Phase::Joining | Phase::Challenged => self.abort(reason, Ending::Aborted),
            Phase::Silent => self.close(Ending::Closed),
            Phase::Leaving => self.part(now),
            Phase::ShuttingDown | Phase::Closed => Vec::new(),
        }
    }

    /// The session is over, and another one may begin.
    fn be_silent(&mut self, now: Instant) -> Vec<Said> {
        self.end_calls();
        self.phase = Phase::Silent;
        self.deadline = Some(now + Duration::from_secs(5));
        self.welcome_by = now + Duration::from_secs(15);
        Vec::new()
    }

    fn end_calls(&mut self) {
        self.open.clear();
        self.unfinished.clear();
        self.running = 0;
    }

    // ------------------------------------------------------------ what the application decides

    pub(super) fn challenge(&mut self) -> Vec<Said> {
        if self.phase != Phase::Joining {
            return Vec::new();
        }
        self.challenges += 1;
        if self.challenges > 10 {
            return self.abort(uris::AUTHENTICATION_FAILED, Ending::Aborted);
        }
        self.phase = Phase::Challenged;
        vec![sent("CHALLENGE")]
    }

    pub(super) fn welcome(&mut self, is_router: bool) -> Vec<Said> {
        if self.phase != Phase::Joining {
            return Vec::new();
        }
        self.phase = Phase::Established;
        (self.had_session, self.is_router, self.deadline) = (true, is_router, None);
        (self.last_request, self.last_invocation) = (0, 0);
        vec![sent("WELCOME")]
    }

    pub(super) fn is_in_session(&self) -> bool {
        matches!(self.phase, Phase::Established | Phase::Leaving)
    }

    pub(super) fn is_open(&self, request: RequestId, serial: u64) -> bool {
        self.open.get(&request).is_some_and(|open| open.serial == serial)
    }

    /// The call has had its final reply.
    pub(super) fn forget(&mut self, request: RequestId) {
        if self.open.remove(&request).is_some_and(|open| open.is_progressive) {
            if self.unfinished.len() == CALLS {
                self.unfinished.pop_front();
            }
            self.unfinished.push_back(request);
        }
    }
}

pub(super) fn failed(request_type: MessageType, request: RequestId, error: &str) -> Said {
    sent(format!("ERROR {} {request} {error}", request_type.name()))
}

fn is_passed_through(passthru: &Group<Passthru>) -> bool {
    passthru.get().is_some_and(|passthru| passthru.ppt_scheme.is_some())
}
