//! What PROTOCOL says that a router does, in as few words as can be.

use std::collections::{BTreeMap, BTreeSet};

use crate::wire::{CancelMode, InvokePolicy, MatchPolicy};

pub(super) const SIDES: usize = 2;

pub(super) type Pattern = (String, MatchPolicy);

#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) joined: [bool; SIDES],
    /// Which clients announce call canceling as callees.
    pub(super) can_cancel: [bool; SIDES],
    /// What is to come to each client.
    pub(super) expected: [Vec<String>; SIDES],
    /// Calls by their numbers, with those who may be invoked.
    pub(super) calls_to_place: BTreeMap<i64, Vec<usize>>,
    /// Of which request a pattern is.
    pub(super) asked: BTreeMap<(usize, u64), Pattern>,
    pub(super) published: BTreeMap<(usize, u64), i64>,
    pub(super) last_event: [Option<i64>; SIDES],
    pub(super) subscribers: BTreeMap<Pattern, Vec<usize>>,
    pub(super) registrations: BTreeMap<Pattern, (InvokePolicy, Vec<usize>)>,
    pub(super) calls: BTreeMap<i64, Call>,
    /// Those of which an answer is on its way: a CANCEL may overtake it.
    pub(super) answered: BTreeSet<i64>,
    pub(super) seq: i64,
}

/// A call that was given to a callee.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) caller: usize,
    pub(super) request: u64,
    procedure: String,
    registration: Pattern,
    pub(super) wants_progress: bool,
    /// The callee, and the id of the invocation there.
    pub(super) invocation: Option<(usize, u64)>,
    /// Whether the caller still waits.
    pub(super) is_open: bool,
    pub(super) is_interrupted: bool,
}

/// The caller of calls whose caller has left.
const GONE: usize = usize::MAX;

pub(super) const ALREADY: &str = "wamp.error.procedure_already_exists";

impl Model {
    pub(super) fn expect(&mut self, side: usize, text: impl Into<String>) {
        self.expected[side].push(text.into());
    }

    pub(super) fn next(&mut self) -> i64 {
        self.seq += 1;
        self.seq
    }

    // ------------------------------------------------------------ topics

    pub(super) fn subscribe(&mut self, side: usize, request: u64, pattern: Pattern) {
        let subscribers = self.subscribers.entry(pattern.clone()).or_default();
        if !subscribers.contains(&side) {
            subscribers.push(side);
        }
        self.asked.insert((side, request), pattern);
        self.expect(side, format!("SUBSCRIBED {request}"));
    }

    pub(super) fn unsubscribe(&mut self, side: usize, request: u64, pattern: Option<&Pattern>) {
        let subscribers = pattern.and_then(|pattern| self.subscribers.get_mut(pattern));
        let place = subscribers.and_then(|all| Some((all.iter().position(|it| *it == side)?, all)));
        match place {
            Some((place, subscribers)) => {
                subscribers.remove(place);
                self.expect(side, format!("UNSUBSCRIBED {request}"));
            }
            None => self.expect(side, format!("ERROR 34 {request} wamp.error.no_such_subscription")),
        }
    }

    pub(super) fn publish(
        &mut self,
        side: usize,
        request: u64,
        topic: &str,
        acknowledge: bool,
        exclude_me: bool,
    ) -> i64 {
        let seq = self.next();
        let mut events = Vec::new();
        for (pattern, subscribers) in &self.subscribers {
            if !is_match(pattern, topic, false) {
                continue;
            }
            let named = if pattern.1 == MatchPolicy::Exact { "" } else { topic };
            let receivers = subscribers.iter().filter(|receiver| **receiver != side || !exclude_me);
            events.extend(receivers.map(|receiver| (*receiver, format!("EVENT {pattern:?} {seq} {named}"))));
        }
        events.into_iter().for_each(|(receiver, event)| self.expect(receiver, event));
        if acknowledge {
            self.published.insert((side, request), seq);
            self.expect(side, format!("PUBLISHED {request}"));
        }
        seq
    }

    // ------------------------------------------------------------ procedures

    pub(super) fn register(&mut self, side: usize, request: u64, pattern: Pattern, invoke: InvokePolicy) {
        let (policy, callees) = self.registrations.entry(pattern.clone()).or_insert((invoke, Vec::new()));
        let is_free = callees.is_empty();
        if is_free {
            *policy = invoke;
        }
        if is_free || *policy == invoke && invoke != InvokePolicy::Single && !callees.contains(&side) {
            callees.push(side);
            self.asked.insert((side, request), pattern);
            self.expect(side, format!("REGISTERED {request}"));
        } else {
            self.expect(side, format!("ERROR 64 {request} {ALREADY}"));
        }
    }

    pub(super) fn unregister(&mut self, side: usize, request: u64, pattern: Option<&Pattern>) {
        let callees = pattern.and_then(|pattern| self.registrations.get_mut(pattern)).map(|(_, callees)| callees);
        let place = callees.and_then(|all| Some((all.iter().position(|it| *it == side)?, all)));
        match place {
            Some((place, callees)) => {
                callees.remove(place);
                self.expect(side, format!("UNREGISTERED {request}"));
            }
            None => self.expect(side, format!("ERROR 66 {request} wamp.error.no_such_registration")),
        }
    }

    pub(super) fn call(&mut self, caller: usize, request: u64, procedure: &str, receive_progress: bool) -> i64 {
        let seq = self.next();
        let offered = self
            .registrations
            .iter()
            .filter(|(pattern, (_, callees))| !callees.is_empty() && is_match(pattern, procedure, true));
        let Some((registration, (policy, callees))) = offered.max_by_key(|(pattern, _)| rank(pattern)) else {
            self.expect(caller, format!("ERROR 48 {request} wamp.error.no_such_procedure"));
            return seq;
        };
        let candidates = match policy {
            InvokePolicy::Single | InvokePolicy::First => vec![callees[0]],
            InvokePolicy::Last => vec![callees[callees.len() - 1]],
            InvokePolicy::RoundRobin | InvokePolicy::Random => callees.clone(),
        };
        let call = Call {
            caller,
            request,
            procedure: procedure.to_owned(),
            registration: registration.clone(),
            wants_progress: receive_progress,
            invocation: None,
            is_open: true,
            is_interrupted: false,
        };
        self.calls.insert(seq, call);
        self.calls_to_place.insert(seq, candidates);
        seq
    }

    /// A callee has been given a call.
    pub(super) fn invoked(
        &mut self,
        callee: usize,
        invocation: u64,
        seq: i64,
        registration: &Pattern,
        procedure: Option<&str>,
        wants_progress: bool,
    ) {
        let can_cancel = self.can_cancel[callee];
        let call = self.calls.get_mut(&seq).expect("a call");
        assert_eq!(call.registration, *registration, "{} is for the best match", call.procedure);
        assert_eq!(call.invocation.replace((callee, invocation)), None, "a call is given to one callee");
        let named = (registration.1 != MatchPolicy::Exact).then_some(&*call.procedure);
        assert_eq!(procedure, named);
        // Who cannot be told to stop is not asked for more than one result.
        call.wants_progress &= can_cancel;
        assert_eq!(wants_progress, call.wants_progress);
    }

    /// A callee answers: with progress, a result, or an error.
    pub(super) fn answer(&mut self, seq: i64, answer: &str) {
        let Some(call) = self.calls.get_mut(&seq) else { return };
        let (caller, request, is_open) = (call.caller, call.request, call.is_open);
        self.answered.insert(seq);
        let text = match answer {
            "progress" if !call.wants_progress => return,
            "progress" => format!("RESULT {request} {seq} progress"),
            "result" => format!("RESULT {request} {seq}"),
            error => format!("ERROR 48 {request} {error}"),
        };
        if answer != "progress" {
            self.calls.remove(&seq);
        }
        if is_open {
            self.expect(caller, text);
        }
    }

    /// A caller gives up a call.
    pub(super) fn cancel(&mut self, seq: i64, mode: CancelMode) {
        let Some(call) = self.calls.get_mut(&seq).filter(|call| call.is_open) else { return };
        let (callee, invocation) = call.invocation.expect("calls that are canceled have arrived");
        let is_told = self.can_cancel[callee] && mode != CancelMode::Skip;
        let is_told_again = call.is_interrupted && mode == CancelMode::Kill;
        let (caller, request) = (call.caller, call.request);
        call.is_interrupted |= is_told;
        let is_over = mode != CancelMode::Kill || !is_told;
        call.is_open = !is_over;
        if is_told && !is_told_again {
            self.expect(callee, format!("INTERRUPT {invocation}"));
        }
        if is_over {
            self.expect(caller, format!("ERROR 48 {request} wamp.error.canceled"));
        }
    }

    /// A client leaves, or is gone.
    pub(super) fn leave(&mut self, side: usize) {
        self.joined[side] = false;
        self.subscribers.values_mut().for_each(|all| all.retain(|it| *it != side));
        self.registrations.values_mut().for_each(|(_, all)| all.retain(|it| *it != side));
        self.last_event[side] = None;
        for (seq, call) in std::mem::take(&mut self.calls) {
            let (callee, invocation) = call.invocation.expect("nobody leaves before a call has arrived");
            match (call.caller == side, callee == side) {
                (true, false) => {
                    if call.is_open && self.can_cancel[callee] {
                        self.expect(callee, format!("INTERRUPT {invocation}"));
                    }
                    self.calls.insert(seq, Call { is_open: false, caller: GONE, ..call });
                }
                (false, true) if call.is_open => {
                    self.expect(call.caller, format!("ERROR 48 {} wamp.error.canceled", call.request));
                }
                (_, true) => {}
                (false, false) => drop(self.calls.insert(seq, call)),
            }
        }
    }
}

/// Whether a pattern is for a URI. Those of registrations end where components do.
fn is_match((pattern, policy): &Pattern, uri: &str, is_procedure: bool) -> bool {
    match policy {
        MatchPolicy::Exact => pattern == uri,
        MatchPolicy::Prefix => uri.strip_prefix(&**pattern).is_some_and(|rest| {
            !is_procedure || pattern.is_empty() || pattern.ends_with('.') || rest.is_empty() || rest.starts_with('.')
        }),
        MatchPolicy::Wildcard => {
            let (wanted, given): (Vec<_>, Vec<_>) = (pattern.split('.').collect(), uri.split('.').collect());
            wanted.len() == given.len() && wanted.iter().zip(given).all(|(one, other)| one.is_empty() || *one == other)
        }
    }
}

/// The best match is the greatest: exact, the longest prefix, the wildcard pattern with the longest literal runs.
fn rank((pattern, policy): &Pattern) -> (u8, Vec<usize>) {
    match policy {
        MatchPolicy::Exact => (2, Vec::new()),
        MatchPolicy::Prefix => (1, vec![pattern.len()]),
        MatchPolicy::Wildcard => {
            let components: Vec<&str> = pattern.split('.').collect();
            (0, components.split(|component| component.is_empty()).map(<[_]>::len).collect())
        }
    }
}
