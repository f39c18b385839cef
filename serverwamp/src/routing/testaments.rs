//! Events that are published when a session is over.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashMap;

use crate::limits::Limits;
use crate::wire::{Publish, SessionId};

/// What a testament takes besides its payload, topic and options.
const OVERHEAD: usize = 256;

/// The testaments of all sessions of a realm.
///
/// WAMP: session testament, advanced profile.
#[derive(Debug, Default)]
pub(crate) struct Testaments(Mutex<FxHashMap<SessionId, Testament>>);

/// What one session has left to be published.
#[derive(Debug, Default)]
struct Testament {
    /// When its connection is gone. No session outlives its connection here, so it is the same moment, but before the others.
    detached: Vec<Publish>,
    /// When the session is gone.
    destroyed: Vec<Publish>,
}

/// When a testament is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Detached,
    Destroyed,
}

/// A session has as many testaments as it may.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooMany {
    pub(crate) limit: &'static str,
    pub(crate) maximum: usize,
}

impl Testaments {
    /// Adds a testament behind those of its scope.
    ///
    /// # Errors
    /// The session has as many as it may.
    pub(crate) fn add(
        &self,
        session: SessionId,
        scope: Scope,
        publish: Publish,
        limits: &Limits,
    ) -> Result<(), TooMany> {
        let mut testaments = self.lock();
        let before = testaments.get(&session);
        let (count, held) = before.map_or((0, 0), |testament| (testament.all().count(), testament.octets()));
        if count >= limits.testaments {
            return Err(TooMany { limit: "testaments", maximum: limits.testaments });
        }
        if held.saturating_add(octets(&publish)) > limits.testament_bytes {
            return Err(TooMany { limit: "testament_bytes", maximum: limits.testament_bytes });
        }
        testaments.entry(session).or_default().of_scope(scope).push(publish);
        Ok(())
    }

    /// Forgets the testaments of one scope.
    pub(crate) fn flush(&self, session: SessionId, scope: Scope) {
        if let Some(testament) = self.lock().get_mut(&session) {
            testament.of_scope(scope).clear();
        }
    }

    /// Forgets all testaments of a session.
    pub(crate) fn forget(&self, session: SessionId) {
        self.lock().remove(&session);
    }

    /// What a session that is over has left, in the order of its publication.
    pub(crate) fn take(&self, session: SessionId) -> Vec<Publish> {
        let Testament { detached, destroyed } = self.lock().remove(&session).unwrap_or_default();
        detached.into_iter().chain(destroyed).collect()
    }

    fn lock(&self) -> MutexGuard<'_, FxHashMap<SessionId, Testament>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Testament {
    fn of_scope(&mut self, scope: Scope) -> &mut Vec<Publish> {
        match scope {
            Scope::Detached => &mut self.detached,
            Scope::Destroyed => &mut self.destroyed,
        }
    }

    fn all(&self) -> impl Iterator<Item = &Publish> {
        self.detached.iter().chain(&self.destroyed)
    }

    fn octets(&self) -> usize {
        self.all().map(octets).fold(0, usize::saturating_add)
    }
}

fn octets(publish: &Publish) -> usize {
    let parts = [publish.payload.size(), publish.topic.len(), publish.options.raw().octets()];
    parts.into_iter().fold(OVERHEAD, usize::saturating_add)
}
