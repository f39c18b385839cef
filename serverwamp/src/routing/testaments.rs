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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::{Codec, Options, Payload, PublishOptions, RequestId, Uri};

    fn testament(number: usize, length: usize) -> Publish {
        let payload = Payload::encode(Codec::Json, &(number, "x".repeat(length))).unwrap();
        let options = Options::from(PublishOptions::default());
        Publish { request: RequestId::FIRST, options, topic: Uri::new("will").unwrap(), payload }
    }

    fn number(publish: &Publish) -> u64 {
        publish.payload.to_args()[0].as_u64().unwrap()
    }

    proptest! {
        #[test]
        fn each_session_has_its_own_within_bounds(
            testaments in 0..4_usize,
            testament_bytes in 0..1500_usize,
            changes in prop::collection::vec((1..3_u64, any::<bool>(), prop::option::weighted(0.8, 0..400_usize)), 0..30),
        ) {
            let limits = Limits { testaments, testament_bytes, ..Limits::default() };
            let store = Testaments::default();
            // Session, whether it is for the session's end, number, octets.
            let mut model: Vec<(u64, bool, u64, usize)> = Vec::new();
            for (at, (session, destroyed, length)) in changes.into_iter().enumerate() {
                let id = SessionId::new(session).unwrap();
                let scope = if destroyed { Scope::Destroyed } else { Scope::Detached };
                match length {
                    None => {
                        store.flush(id, scope);
                        model.retain(|held| (held.0, held.1) != (session, destroyed));
                    }
                    Some(length) => {
                        let publish = testament(at, length);
                        let (added, number) = (octets(&publish), number(&publish));
                        let own: Vec<usize> = model.iter().filter(|held| held.0 == session).map(|held| held.3).collect();
                        let expected = match own.len() < testaments {
                            false => Err(TooMany { limit: "testaments", maximum: testaments }),
                            true if own.iter().sum::<usize>() + added > testament_bytes => {
                                Err(TooMany { limit: "testament_bytes", maximum: testament_bytes })
                            }
                            true => Ok(()),
                        };
                        let is_ok = expected.is_ok();
                        prop_assert_eq!(store.add(id, scope, publish, &limits), expected);
                        if is_ok {
                            model.push((session, destroyed, number, added));
                        }
                    }
                }
            }
            for session in 1..3 {
                let left: Vec<u64> = store.take(SessionId::new(session).unwrap()).iter().map(number).collect();
                let of = |wanted: bool| {
                    let held = model.iter().filter(move |held| held.0 == session && held.1 == wanted);
                    held.map(|held| held.2)
                };
                prop_assert_eq!(left, of(false).chain(of(true)).collect::<Vec<_>>());
            }
            prop_assert!(store.lock().is_empty());
        }
    }
}
