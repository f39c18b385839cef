//! All realms of a server.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::realm::{RealmState, Served};
use crate::handler::{LivingRealm, RealmDirectory, RealmHandle, Session};
use crate::wire::Uri;

/// All realms of a server. The state of a realm lives while a session is in it, that of a configured router always.
#[derive(Debug)]
pub(crate) struct Realms {
    configured: HashMap<String, Arc<Served>>,
    any_name: Option<Arc<Served>>,
    living: Arc<LivingRealms>,
    /// Configured routers, which live without sessions.
    _routers: Vec<Arc<RealmState>>,
}

/// The realms that sessions are in, and some that nobody is in any more.
#[derive(Debug, Default)]
pub(crate) struct LivingRealms(Mutex<Living>);

#[derive(Debug, Default)]
struct Living {
    realms: HashMap<Uri, Weak<RealmState>>,
    /// How many there may be before the dead ones are looked for.
    sweep_above: usize,
}

impl Realms {
    pub(crate) fn new(
        configured: HashMap<String, Arc<Served>>,
        any_name: Option<Arc<Served>>,
        living: Arc<LivingRealms>,
    ) -> Realms {
        let routers = configured.iter().filter(|(_, served)| served.router.is_some());
        let routers = routers.filter_map(|(name, served)| Some(living.begin(&Uri::new(name).ok()?, served))).collect();
        Realms { configured, any_name, living, _routers: routers }
    }

    /// Whether the realm of this name has a configuration of its own.
    pub(crate) fn is_configured(&self, name: &str) -> bool {
        self.configured.contains_key(name)
    }

    /// The most octets that a message may have in any of them.
    pub(crate) fn message_size(&self) -> usize {
        let served = self.configured.values().chain(&self.any_name);
        served.map(|served| served.limits.message_size).max().unwrap_or_default()
    }

    /// The realm of this name, if sessions may join it.
    pub(crate) fn join(&self, name: &Uri) -> Option<Arc<RealmState>> {
        let served = self.configured.get(name.as_str()).or(self.any_name.as_ref())?;
        Some(self.living.begin(name, served))
    }
}

impl LivingRealms {
    /// The realm of this name, which begins to live if it does not.
    fn begin(self: &Arc<Self>, name: &Uri, served: &Arc<Served>) -> Arc<RealmState> {
        let mut living = self.lock();
        let realm = living.realms.get(name).and_then(Weak::upgrade);
        if let Some(realm) = realm.filter(|realm| Arc::ptr_eq(&realm.served, served)) {
            return realm;
        }
        if living.realms.len() > living.sweep_above {
            living.realms.retain(|_, realm| realm.strong_count() > 0);
            living.sweep_above = living.realms.len().saturating_mul(2).saturating_add(16);
        }
        let realm = RealmState::new(name, Arc::clone(served), self);
        living.realms.insert(name.clone(), Arc::downgrade(&realm));
        realm
    }

    /// A handle to the realm of this name, which need not live.
    pub(crate) fn handle(self: &Arc<Self>, name: &str) -> RealmHandle {
        RealmHandle::to_name(name, Arc::<LivingRealms>::clone(self))
    }

    /// All sessions of all realms.
    pub(crate) fn sessions(&self) -> Vec<Session> {
        let realms: Vec<Arc<RealmState>> = self.lock().realms.values().filter_map(Weak::upgrade).collect();
        realms.iter().flat_map(|realm| realm.sessions()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Living> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RealmDirectory for LivingRealms {
    fn find(&self, name: &str) -> Option<Arc<dyn LivingRealm>> {
        let realm = self.lock().realms.get(name).and_then(Weak::upgrade)?;
        Some(realm)
    }
}
