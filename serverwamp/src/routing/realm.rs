//! Realms: what is configured of them, and what lives while sessions are in them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::broker::Broker;
use super::dealer::Dealer;
use super::routes::Routes;
use crate::handler::{Factory, Injections, Route};
use crate::wire::Uri;

/// The configuration of one realm.
///
/// ```
/// use serverwamp::{App, Realm};
///
/// struct Orders;
/// let app = App::discover().realm(Realm::new("customers").inject(Orders)).default_realm(false);
/// # let _ = app;
/// ```
#[derive(Debug, Clone)]
pub struct Realm {
    /// None for the realm of every name that is not configured.
    name: Option<String>,
    injections: Injections,
    routes: Routes,
}

impl Realm {
    /// A realm with this name.
    pub fn new(name: impl Into<String>) -> Realm {
        Realm { name: Some(name.into()), ..Realm::of_any_name() }
    }

    /// Adds functions that only this realm serves, besides those of the app; repeatable.
    ///
    /// One set may be given to several realms. Functions that are not `manual` are the app's too, where it discovers
    /// them.
    ///
    /// ```
    /// use serverwamp::{App, Realm, routes, wamp};
    ///
    /// #[wamp::rpc("users.delete", manual)]
    /// async fn delete(_id: u64) {}
    ///
    /// let app = App::new().realm(Realm::new("administration").routes(routes![delete]));
    /// # let _ = app;
    /// ```
    #[must_use]
    pub fn routes(mut self, routes: Routes) -> Realm {
        self.routes = self.routes.and(routes);
        self
    }

    /// Gives a value to this realm's handlers only, in place of the app's value of that type.
    #[must_use]
    pub fn inject<T: Send + Sync + 'static>(mut self, value: T) -> Realm {
        self.injections.insert(value);
        self
    }

    /// Gives this realm's handlers a value that is made for each call.
    #[must_use]
    pub fn inject_with<T, Given>(mut self, factory: impl Factory<T, Given>) -> Realm
    where
        T: Send + Sync + 'static,
        Given: 'static,
    {
        self.injections.insert_factory(factory);
        self
    }

    /// The configuration of all realms that have none of their own.
    pub(crate) fn of_any_name() -> Realm {
        Realm { name: None, injections: Injections::default(), routes: Routes::default() }
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub(super) fn injections(&self) -> &Injections {
        &self.injections
    }

    pub(super) fn listed(&self) -> &Routes {
        &self.routes
    }

    /// Whether a function is served here: everywhere, unless it names its realm.
    pub(super) fn serves(&self, route: &Route) -> bool {
        route.realm.is_none() || route.realm == self.name.as_deref()
    }

    pub(super) fn in_words(&self) -> String {
        self.name.as_ref().map(|name| format!(" (realm `{name}`)")).unwrap_or_default()
    }
}

/// A realm that sessions are in.
#[derive(Debug)]
pub(crate) struct RealmState {
    name: Uri,
    dealer: Arc<Dealer>,
    broker: Broker,
}

impl RealmState {
    pub(crate) fn name(&self) -> &Uri {
        &self.name
    }

    pub(crate) fn dealer(&self) -> &Dealer {
        &self.dealer
    }

    pub(crate) fn broker(&self) -> &Broker {
        &self.broker
    }
}

/// All realms of a server. The state of a realm lives while a session is in it.
#[derive(Debug)]
pub(crate) struct Realms {
    configured: HashMap<String, Arc<Dealer>>,
    any_name: Option<Arc<Dealer>>,
    living: Mutex<Living>,
}

/// The realms that sessions are in, and some that nobody is in any more.
#[derive(Debug, Default)]
struct Living {
    realms: HashMap<Uri, Weak<RealmState>>,
    /// How many there may be before the dead ones are looked for.
    sweep_above: usize,
}

impl Realms {
    pub(crate) fn new(configured: HashMap<String, Arc<Dealer>>, any_name: Option<Arc<Dealer>>) -> Realms {
        Realms { configured, any_name, living: Mutex::default() }
    }

    /// The realm of this name, if sessions may join it.
    pub(crate) fn join(&self, name: &Uri) -> Option<Arc<RealmState>> {
        let dealer = self.configured.get(name.as_str()).or(self.any_name.as_ref())?;
        let mut living = self.living.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(realm) = living.realms.get(name).and_then(Weak::upgrade) {
            return Some(realm);
        }
        if living.realms.len() > living.sweep_above {
            living.realms.retain(|_, realm| realm.strong_count() > 0);
            living.sweep_above = living.realms.len().saturating_mul(2).saturating_add(16);
        }
        let dealer = Arc::clone(dealer);
        let realm = Arc::new(RealmState { name: name.clone(), dealer, broker: Broker });
        living.realms.insert(name.clone(), Arc::downgrade(&realm));
        Some(realm)
    }
}
