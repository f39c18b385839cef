//! What a server has done and refused.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::calls::Outcome;

/// What a server has done and refused since it started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Sessions that are joined now.
    pub sessions: usize,
    /// Calls that ended in a result.
    pub calls: u64,
    /// Calls that ended in an error, canceled and timed out ones included.
    pub failed_calls: u64,
    /// Sessions that were aborted because their peer broke the protocol.
    pub violations: u64,
    /// Publications that were refused, acknowledged or not.
    pub refused_publications: u64,
    /// Requests that an authorizer, the rules or the roles of a function denied.
    pub denied_requests: u64,
    /// Requests that were refused because an authorizer failed, panicked or took too long.
    pub failed_authorizations: u64,
    /// How often each limit was met, by the name of its field in [`Limits`](crate::Limits); `peer_message_size` is the
    /// limit of a peer, `accept` that of the operating system.
    pub limits: BTreeMap<&'static str, u64>,
}

/// The same while it is counted.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    sessions: AtomicUsize,
    calls: AtomicU64,
    failed_calls: AtomicU64,
    violations: AtomicU64,
    refused_publications: AtomicU64,
    denied_requests: AtomicU64,
    failed_authorizations: AtomicU64,
    limits: Mutex<BTreeMap<&'static str, u64>>,
}

/// The calls that ended in one turn of a connection: connections share their counters between processors seldom.
#[derive(Debug, Default)]
pub(super) struct EndedCalls {
    calls: u64,
    failed_calls: u64,
}

impl EndedCalls {
    pub(super) fn count(&mut self, outcome: &Outcome) {
        self.count_one(matches!(outcome, Outcome::Result(_)));
    }

    /// Counts a call that had a result, or failed.
    pub(super) fn count_one(&mut self, has_result: bool) {
        let counter = if has_result { &mut self.calls } else { &mut self.failed_calls };
        *counter = counter.saturating_add(1);
    }
}

impl Counters {
    pub(crate) fn read(&self) -> Statistics {
        Statistics {
            sessions: self.sessions.load(Ordering::Relaxed),
            calls: self.calls.load(Ordering::Relaxed),
            failed_calls: self.failed_calls.load(Ordering::Relaxed),
            violations: self.violations.load(Ordering::Relaxed),
            refused_publications: self.refused_publications.load(Ordering::Relaxed),
            denied_requests: self.denied_requests.load(Ordering::Relaxed),
            failed_authorizations: self.failed_authorizations.load(Ordering::Relaxed),
            limits: self.limits().clone(),
        }
    }

    /// A limit was met.
    pub(crate) fn limit(&self, name: &'static str) {
        let mut limits = self.limits();
        let count = limits.entry(name).or_default();
        *count = count.saturating_add(1);
    }

    pub(super) fn joined(&self) {
        self.sessions.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn left(&self) {
        self.sessions.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn violation(&self) {
        self.violations.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn publication_refused(&self) {
        self.refused_publications.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn denied(&self) {
        self.denied_requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn authorization_failed(&self) {
        self.failed_authorizations.fetch_add(1, Ordering::Relaxed);
    }

    /// Adds what a connection has counted by itself.
    pub(super) fn calls_ended(&self, ended: EndedCalls) {
        for (counter, count) in [(&self.calls, ended.calls), (&self.failed_calls, ended.failed_calls)] {
            if count > 0 {
                counter.fetch_add(count, Ordering::Relaxed);
            }
        }
    }

    fn limits(&self) -> MutexGuard<'_, BTreeMap<&'static str, u64>> {
        self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
