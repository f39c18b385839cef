//! What all connections of a server share.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use futures_util::task::AtomicWaker;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::attempts::Attempts;
use super::calls::Trackers;
use crate::limits::Limits;
use crate::metrics::Counters;
use crate::routing::Realms;
use crate::session::Decoys;

/// How many peers at one time are told that there are too many.
const REFUSALS: usize = 64;

/// A server as its connections see it.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) realms: Realms,
    pub(crate) limits: Limits,
    pub(crate) counters: Arc<Counters>,
    /// Failed attempts to log in.
    pub(super) attempts: Attempts,
    /// What users who do not exist are challenged with.
    pub(super) decoys: Decoys,
    /// Handlers that go on without their callers.
    pub(crate) detached: TaskTracker,
    /// Handlers on the blocking pool.
    pub(crate) blocking: TaskTracker,
    /// Connections that there is no room for, while they are told.
    pub(crate) refusals: Arc<Semaphore>,
    connections: Mutex<Connections>,
}

#[derive(Debug, Default)]
struct Connections {
    controls: HashMap<u64, Arc<Control>>,
    next: u64,
    phase: Phase,
}

/// How far a server's life has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    #[default]
    Serving,
    /// Running calls may end.
    Draining,
    /// What still runs is canceled.
    Ending,
}

/// How a connection is told of the server's shutdown.
#[derive(Debug, Default)]
pub(crate) struct Control {
    phase: AtomicU8,
    waker: AtomicWaker,
}

/// Why there is no place for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoPlace {
    #[error("too many connections")]
    Full,
    #[error("the server shuts down")]
    ShuttingDown,
}

/// A place among the connections that a server may have, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    shared: Arc<Shared>,
    id: u64,
    control: Arc<Control>,
}

impl Shared {
    pub(crate) fn new(realms: Realms, limits: Limits, counters: Arc<Counters>, decoys: Decoys) -> Shared {
        let (detached, blocking) = (TaskTracker::new(), TaskTracker::new());
        let attempts = Attempts::new(limits.authentication_attempts);
        let refusals = Arc::new(Semaphore::new(REFUSALS));
        Shared {
            realms,
            limits,
            counters,
            attempts,
            decoys,
            detached,
            blocking,
            refusals,
            connections: Mutex::default(),
        }
    }

    /// What counts the handlers that go on without their callers.
    pub(super) fn trackers(&self) -> Trackers<'_> {
        Trackers { detached: &self.detached, blocking: &self.blocking }
    }

    /// A place for one more connection.
    ///
    /// # Errors
    /// There are too many, or the server shuts down.
    pub(crate) fn admit(self: &Arc<Self>) -> Result<Place, NoPlace> {
        let mut connections = self.connections();
        if connections.phase != Phase::Serving {
            return Err(NoPlace::ShuttingDown);
        }
        if connections.controls.len() >= self.limits.connections {
            drop(connections);
            self.counters.limit("connections");
            return Err(NoPlace::Full);
        }
        let id = connections.next;
        connections.next += 1;
        let control = Arc::new(Control::default());
        control.set(connections.phase);
        connections.controls.insert(id, Arc::clone(&control));
        self.counters.connected();
        Ok(Place { shared: Arc::clone(self), id, control })
    }

    /// Whether connections are welcome, be there room for them or not.
    pub(crate) fn is_ready(&self) -> bool {
        self.connections().phase == Phase::Serving
    }

    /// Tells all connections, and those to come.
    pub(crate) fn enter(&self, phase: Phase) {
        let mut connections = self.connections();
        connections.phase = phase;
        connections.controls.values().for_each(|control| control.set(phase));
    }

    fn connections(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    pub(crate) fn control(&self) -> &Arc<Control> {
        &self.control
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.counters.disconnected();
        let mut connections = self.shared.connections();
        connections.controls.remove(&self.id);
        if connections.controls.len() < connections.controls.capacity() / 4 {
            connections.controls.shrink_to_fit();
        }
    }
}

impl Control {
    pub(super) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    pub(crate) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Serving,
            1 => Phase::Draining,
            _ => Phase::Ending,
        }
    }

    fn set(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Release);
        self.waker.wake();
    }
}
