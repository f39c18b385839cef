//! What a server has done and refused.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use ::metrics::{Counter, Gauge, counter, gauge};

use super::Tally;
use super::names;

/// What a server has done and refused since it started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Connections that there are now, joined to a realm or not.
    pub connections: usize,
    /// Sessions that are joined now.
    pub sessions: usize,
    /// Calls that ended in a result.
    pub calls: u64,
    /// Calls that ended otherwise: in an error, refused, canceled, timed out, or without their caller.
    pub failed_calls: u64,
    /// Sessions that were aborted because their peer broke the protocol.
    pub violations: u64,
    /// Publications that were refused, acknowledged or not.
    pub refused_publications: u64,
    /// Requests that an authorizer, the rules or the roles of a function denied.
    pub denied_requests: u64,
    /// Requests that were refused because an authorizer failed, panicked or took too long.
    pub failed_authorizations: u64,
    /// How often each limit was met, by the name of its field in [`Limits`](crate::Limits), which lists those that have
    /// none; `peer_message_size` is the limit of a peer.
    pub limits: BTreeMap<&'static str, u64>,
}

/// The same while it is counted, and what is counted besides.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    connections: AtomicUsize,
    sessions: Level,
    calls: AtomicU64,
    failed_calls: AtomicU64,
    violations: Count,
    refused_publications: Count,
    denied_requests: Count,
    failed_authorizations: Count,
    events_published: Count,
    events_delivered: Count,
    limits: Mutex<BTreeMap<&'static str, Count>>,
    pub(super) calls_in_flight: Level,
    pub(super) queue: Level,
}

/// A number that only grows.
#[derive(Debug, Default)]
struct Count {
    total: AtomicU64,
    exported: OnceLock<Counter>,
}

/// A number that goes up and down.
#[derive(Debug, Default)]
pub(super) struct Level {
    now: AtomicUsize,
    exported: OnceLock<Gauge>,
}

impl Count {
    fn add(&self, more: u64) {
        self.total.fetch_add(more, Ordering::Relaxed);
        if let Some(counter) = self.exported.get() {
            counter.increment(more);
        }
    }

    fn read(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    fn export(&self, name: &'static str) {
        self.exported.get_or_init(|| counter!(name));
    }
}

impl Level {
    pub(super) fn add(&self, more: usize) {
        self.now.fetch_add(more, Ordering::Relaxed);
        if let Some(gauge) = self.exported.get() {
            gauge.increment(more as f64);
        }
    }

    pub(super) fn subtract(&self, less: usize) {
        self.now.fetch_sub(less, Ordering::Relaxed);
        if let Some(gauge) = self.exported.get() {
            gauge.decrement(less as f64);
        }
    }

    fn export(&self, name: &'static str) {
        self.exported.get_or_init(|| gauge!(name));
    }
}

impl Counters {
    /// Lets the recorder of the program know what is counted, from now on. One that is installed later learns nothing.
    pub(crate) fn export(&self) {
        names::describe();
        for (count, name) in [
            (&self.violations, names::VIOLATIONS),
            (&self.refused_publications, names::PUBLICATIONS_REFUSED),
            (&self.denied_requests, names::REQUESTS_DENIED),
            (&self.failed_authorizations, names::AUTHORIZATIONS_FAILED),
            (&self.events_published, names::EVENTS_PUBLISHED),
            (&self.events_delivered, names::EVENTS_DELIVERED),
        ] {
            count.export(name);
        }
        for (level, name) in [
            (&self.sessions, names::SESSIONS),
            (&self.calls_in_flight, names::CALLS_IN_FLIGHT),
            (&self.queue, names::QUEUE),
        ] {
            level.export(name);
        }
    }

    pub(crate) fn read(&self) -> Statistics {
        Statistics {
            connections: self.connections.load(Ordering::Relaxed),
            sessions: self.sessions.now.load(Ordering::Relaxed),
            calls: self.calls.load(Ordering::Relaxed),
            failed_calls: self.failed_calls.load(Ordering::Relaxed),
            violations: self.violations.read(),
            refused_publications: self.refused_publications.read(),
            denied_requests: self.denied_requests.read(),
            failed_authorizations: self.failed_authorizations.read(),
            limits: self.limits().iter().map(|(name, count)| (*name, count.read())).collect(),
        }
    }

    /// A limit was met.
    pub(crate) fn limit(&self, name: &'static str) {
        let mut limits = self.limits();
        let count = limits.entry(name).or_default();
        count.exported.get_or_init(|| counter!(names::LIMITS, "limit" => name));
        count.add(1);
    }

    pub(crate) fn connected(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn disconnected(&self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn joined(&self) {
        self.sessions.add(1);
    }

    pub(crate) fn left(&self) {
        self.sessions.subtract(1);
    }

    /// Somebody tried to log in by this method.
    pub(crate) fn authentication(&self, method: &'static str, accepted: bool) {
        let outcome = if accepted { "accepted" } else { "refused" };
        counter!(names::AUTHENTICATIONS, "method" => method, "outcome" => outcome).increment(1);
    }

    pub(crate) fn violation(&self) {
        self.violations.add(1);
    }

    pub(crate) fn published(&self) {
        self.events_published.add(1);
    }

    pub(crate) fn publication_refused(&self) {
        self.refused_publications.add(1);
    }

    pub(crate) fn denied(&self) {
        self.denied_requests.add(1);
    }

    pub(crate) fn authorization_failed(&self) {
        self.failed_authorizations.add(1);
    }

    /// Adds what a connection has counted by itself, and empties it.
    #[inline]
    pub(crate) fn add(&self, tally: &mut Tally) {
        if !tally.is_empty() {
            self.add_counted(tally);
        }
    }

    fn add_counted(&self, tally: &mut Tally) {
        let (results, others) = tally.export_calls();
        for (total, more) in [(&self.calls, results), (&self.failed_calls, others)] {
            if more > 0 {
                total.fetch_add(more, Ordering::Relaxed);
            }
        }
        let events = std::mem::take(&mut tally.events_delivered);
        if events > 0 {
            self.events_delivered.add(events);
        }
    }

    fn limits(&self) -> MutexGuard<'_, BTreeMap<&'static str, Count>> {
        self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
