//! Realms: what is configured of them, and what lives while sessions are in them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::broker::Broker;
use super::coverage::{OpenTopics, TopicSet};
use super::custom::CustomHandlers;
use super::dealer::Dealer;
use super::routes::Routes;
use crate::handler::{
    Audience, Factory, FanOut, Injections, LivingRealm, Publication, PublishError, RealmDirectory, RealmHandle, Route,
    Session, Subscription,
};
use crate::limits::Limits;
use crate::wire::{Codec, SessionId, Uri};

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
    topics: OpenTopics,
    pub(super) custom: CustomHandlers,
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

    /// Lets clients subscribe to the topics that begin with this text, and to patterns within them; repeatable.
    ///
    /// `"news."` opens `news.weather`, and the prefix `news.sports`, but not the prefix `new`. An empty text opens all
    /// topics but the protocol's own, `wamp.…`, which are opened by a text that begins with them only.
    #[must_use]
    pub fn topics(mut self, prefix: impl Into<String>) -> Realm {
        self.topics.subscribe.push(TopicSet::Prefix(prefix.into().into()));
        self
    }

    /// Lets clients subscribe and publish to the topics that begin with this text; repeatable.
    ///
    /// Nobody publishes to topics of the protocol, `wamp.…`.
    #[must_use]
    pub fn open_topics(self, prefix: impl Into<String>) -> Realm {
        let prefix = prefix.into();
        let mut realm = self.topics(prefix.clone());
        realm.topics.publish.push(TopicSet::Prefix(prefix.into()));
        realm
    }

    /// The configuration of all realms that have none of their own.
    pub(crate) fn of_any_name() -> Realm {
        Realm {
            name: None,
            injections: Injections::default(),
            routes: Routes::default(),
            topics: OpenTopics::default(),
            custom: CustomHandlers::default(),
        }
    }

    pub(crate) fn open(&self) -> &OpenTopics {
        &self.topics
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

    /// Whether a function of the app is for this realm: it is for all, unless it names one.
    pub(super) fn is_for(&self, route: &Route) -> bool {
        route.realm.is_none() || route.realm == self.name.as_deref()
    }

    pub(super) fn in_words(&self) -> String {
        self.name.as_ref().map(|name| format!(" (realm `{name}`)")).unwrap_or_default()
    }
}

/// What a realm offers its clients.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) dealer: Dealer,
    pub(crate) topics: OpenTopics,
}

/// A realm that sessions are in.
#[derive(Debug)]
pub(crate) struct RealmState {
    name: Uri,
    served: Arc<Served>,
    broker: Broker,
    sessions: Mutex<HashMap<SessionId, Session>>,
    handle: RealmHandle,
}

impl RealmState {
    fn new(name: &Uri, served: Arc<Served>, limits: &Limits, living: &Arc<LivingRealms>) -> Arc<RealmState> {
        let directory: Arc<dyn RealmDirectory> = Arc::<LivingRealms>::clone(living);
        Arc::new_cyclic(|realm: &Weak<RealmState>| RealmState {
            name: name.clone(),
            served,
            broker: Broker::new(limits),
            sessions: Mutex::default(),
            handle: RealmHandle::to_living(name, Weak::<RealmState>::clone(realm), directory),
        })
    }

    pub(crate) fn name(&self) -> &Uri {
        &self.name
    }

    pub(crate) fn dealer(&self) -> &Dealer {
        &self.served.dealer
    }

    pub(crate) fn topics(&self) -> &OpenTopics {
        &self.served.topics
    }

    pub(crate) fn broker(&self) -> &Broker {
        &self.broker
    }

    pub(crate) fn handle(&self) -> &RealmHandle {
        &self.handle
    }

    /// A session is in the realm from now on.
    pub(crate) fn enter(&self, session: &Session) {
        self.lock_sessions().insert(session.id(), session.clone());
    }

    /// A session is over. Returns the subscriptions that end with it.
    pub(crate) fn leave(&self, session: &Session) -> Vec<Subscription> {
        self.lock_sessions().remove(&session.id());
        self.broker.leave(session)
    }

    fn lock_sessions(&self) -> MutexGuard<'_, HashMap<SessionId, Session>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LivingRealm for RealmState {
    fn codec_of(&self, topic: &Uri, audience: &Audience) -> Option<Codec> {
        self.broker.codec_of(topic, audience)
    }

    fn publish(&self, publication: &Publication<'_>) -> Result<FanOut, PublishError> {
        self.broker.publish(publication)
    }

    fn send_event(&self, session: &Session, publication: &Publication<'_>) -> Result<FanOut, PublishError> {
        self.broker.send_event(session, publication)
    }

    fn sessions(&self) -> Vec<Session> {
        self.lock_sessions().values().cloned().collect()
    }

    fn session_count(&self) -> usize {
        self.lock_sessions().len()
    }
}

/// All realms of a server. The state of a realm lives while a session is in it.
#[derive(Debug)]
pub(crate) struct Realms {
    configured: HashMap<String, Arc<Served>>,
    any_name: Option<Arc<Served>>,
    living: Arc<LivingRealms>,
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
        Realms { configured, any_name, living }
    }

    /// The realm of this name, if sessions may join it.
    pub(crate) fn join(&self, name: &Uri, limits: &Limits) -> Option<Arc<RealmState>> {
        let served = self.configured.get(name.as_str()).or(self.any_name.as_ref())?;
        let mut living = self.living.lock();
        let realm = living.realms.get(name).and_then(Weak::upgrade);
        if let Some(realm) = realm.filter(|realm| Arc::ptr_eq(&realm.served, served)) {
            return Some(realm);
        }
        if living.realms.len() > living.sweep_above {
            living.realms.retain(|_, realm| realm.strong_count() > 0);
            living.sweep_above = living.realms.len().saturating_mul(2).saturating_add(16);
        }
        let realm = RealmState::new(name, Arc::clone(served), limits, &self.living);
        living.realms.insert(name.clone(), Arc::downgrade(&realm));
        Some(realm)
    }
}

impl LivingRealms {
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
