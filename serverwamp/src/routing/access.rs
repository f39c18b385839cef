//! Who may join a realm, and what they may do there: all that can change while sessions are in it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::authorization::Authorities;
use super::realm::Realm;
use crate::handler::Authenticators;
#[cfg(feature = "config")]
use crate::session::{CraCredential, Decoys, ScramCredential};

/// Who may join a realm, and what they may do there.
#[derive(Debug, Default)]
pub(crate) struct Access {
    pub(crate) authenticators: Authenticators,
    pub(crate) authorities: Authorities,
}

/// The access to a realm as it is now. What was decided by an earlier one does not count any more.
#[derive(Debug)]
pub(crate) struct CurrentAccess {
    current: RwLock<Arc<Access>>,
    /// How often it was replaced.
    replaced: AtomicU64,
    /// Whether there may be another one while the server runs.
    is_replaceable: bool,
}

impl CurrentAccess {
    /// An access that stays as it is.
    pub(crate) fn fixed(access: Access) -> CurrentAccess {
        CurrentAccess { current: RwLock::new(Arc::new(access)), replaced: AtomicU64::new(0), is_replaceable: false }
    }

    pub(crate) fn get(&self) -> Arc<Access> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// How often it was replaced: a look that costs less than the access itself.
    pub(crate) fn replaced(&self) -> u64 {
        self.replaced.load(Ordering::Acquire)
    }

    /// Whether all is allowed, now and for ever.
    pub(crate) fn is_open(&self) -> bool {
        !self.is_replaceable && self.get().authorities.are_none()
    }
}

#[cfg(feature = "config")]
impl CurrentAccess {
    /// An access that may be replaced.
    pub(crate) fn replaceable(access: Access) -> CurrentAccess {
        CurrentAccess { is_replaceable: true, ..CurrentAccess::fixed(access) }
    }

    /// Lets this access hold from now on, also for the sessions that there are.
    pub(crate) fn replace(&self, access: Access) {
        let replaced = {
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            let replaced = std::mem::replace(&mut *current, Arc::new(access));
            self.replaced.fetch_add(1, Ordering::Release);
            replaced
        };
        // Only now: values of the program are dropped with it.
        drop(replaced);
    }
}

impl Realm {
    /// Who may join and do what, as the setters have said it.
    pub(crate) fn configured_access(&self) -> Access {
        Access { authenticators: self.authenticators.clone(), authorities: self.authorities.clone() }
    }

    /// The access to the realm when it is served.
    pub(crate) fn access(&self) -> Arc<CurrentAccess> {
        let own = || Arc::new(CurrentAccess::fixed(self.configured_access()));
        self.access.as_ref().map_or_else(own, Arc::clone)
    }

    /// Lets users who do not exist look like these from the first login on.
    #[cfg(feature = "config")]
    pub(crate) fn decoys_like(self, cra: Option<&CraCredential>, scram: Option<&ScramCredential>) -> Realm {
        if let Some((own, real)) = self.authenticators.cra.as_ref().zip(cra) {
            // Nothing but the parameters is taken over from it.
            own.look.get_or_init(|| Decoys::new([0; 32]).cra("", Some(real)));
        }
        if let Some((own, real)) = self.authenticators.scram.as_ref().zip(scram) {
            own.look.get_or_init(|| real.without_keys());
        }
        self
    }

    /// Lets this access hold, which may be replaced, whatever the setters have said.
    #[cfg(feature = "config")]
    pub(crate) fn with_access(mut self, access: Arc<CurrentAccess>) -> Realm {
        self.access = Some(access);
        self
    }
}
