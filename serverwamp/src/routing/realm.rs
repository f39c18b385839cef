//! Realms: what is configured of them, and what lives while sessions are in them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::authorization::Authorities;
use super::broker::Broker;
use super::coverage::{OpenTopics, TopicSet};
use super::custom::CustomHandlers;
use super::dealer::{Dealer, Functions, RouterOptions};
use super::routes::Routes;
use crate::handler::{
    Audience, Authenticators, Factory, FanOut, Injections, LivingRealm, Publication, PublishError, RealmDirectory,
    RealmHandle, Route, Session, Subscription,
};
use crate::limits::Limits;
use crate::wire::{Codec, SessionId, Uri};

/// The configuration of one realm.
///
/// A client names a realm when it joins, and from then on sees nothing else: the same topic in two realms is two topics,
/// and an event published in one never reaches the other. Which procedures and topics there are, what is injected into
/// functions, and which limits hold may differ from realm to realm.
///
/// # Realms without a configuration
///
/// A client may join a realm of any name. The names that are not configured have the configuration of the
/// [`App`](crate::App) in common (`App::topics`, `App::inject` and so on), and nothing else: they are as isolated from each
/// other as any. Such a realm begins with its first session and is gone with its last.
/// [`App::default_realm(false)`](crate::App::default_realm) turns these names away with `wamp.error.no_such_realm`, so that
/// only configured realms can be joined:
///
/// ```
/// use serverwamp::testing::{CallError, TestClient};
/// use serverwamp::{App, Realm};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), CallError> {
/// let app = App::new().realm(Realm::new("customers").topics("news.")).default_realm(false);
/// TestClient::join(&app, "customers", "wamp.2.json").await?;
/// assert!(TestClient::join(&app, "staff", "wamp.2.json").await.is_err());
/// # Ok(())
/// # }
/// ```
///
/// # Who may join
///
/// Everybody, unless the realm has authenticators: [`transport_authenticator`](Realm::transport_authenticator)s look at a
/// client first; whom none of them knows is challenged by the first method that the client offers and the realm has:
/// [`ticket_authenticator`](Realm::ticket_authenticator), [`cra_authenticator`](Realm::cra_authenticator),
/// [`scram_authenticator`](Realm::scram_authenticator) or
/// [`cryptosign_authenticator`](Realm::cryptosign_authenticator). All others are refused, unless
/// [`allow_anonymous`](Realm::allow_anonymous) lets them in. [`authentication_handler`](Realm::authentication_handler)
/// replaces all of that.
///
/// # Which functions a realm serves
///
/// Those of the app, in every realm, but for functions that name another: `realm = "…"` in an attribute ties a function to
/// one realm, which then has to be configured. Functions for several realms, though not all, are `manual` and given to each
/// of them with [`routes`](Realm::routes). Two realms may have different functions for one URI.
///
/// ```standalone_crate
/// use serverwamp::{App, Inject, Realm, routes, wamp};
///
/// struct Orders(&'static str);
///
/// /// In every realm.
/// #[wamp::rpc("time.now")]
/// async fn now() -> u64 {
///     1_700_000_000
/// }
///
/// /// In one realm.
/// #[wamp::rpc("orders.cancel", realm = "staff")]
/// async fn cancel(_id: u64) {}
///
/// /// In the realms that list it; each has its own `Orders`.
/// #[wamp::rpc("orders.list", manual)]
/// async fn list(orders: Inject<Orders>) -> &'static str {
///     orders.0
/// }
///
/// # use serverwamp::testing::{CallError, TestClient};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), CallError> {
/// let shop = routes![list];
/// let app = App::discover()
///     .realm(Realm::new("customers").routes(shop.clone()).inject(Orders("open ones")))
///     .realm(Realm::new("staff").routes(shop).inject(Orders("all")));
///
/// let staff = TestClient::join(&app, "staff", "wamp.2.json").await?;
/// assert_eq!(staff.call::<String>("orders.list", ()).await?, "all");
/// staff.call::<()>("orders.cancel", 7).await?;
///
/// let customer = TestClient::join(&app, "customers", "wamp.2.json").await?;
/// assert_eq!(customer.call::<String>("orders.list", ()).await?, "open ones");
/// assert!(customer.call::<()>("orders.cancel", 7).await.is_err());
/// # Ok(())
/// # }
/// ```
///
/// # Who may do what
///
/// Everybody everything, unless there are [`rules`](Realm::rules) or an [`authorizer`](Realm::authorizer); with both, both
/// have to allow. `role = "…"` in the attribute of an `rpc`, `event` or `subscribe` function closes that function to other
/// roles, whatever else is configured.
///
/// # Which topics it opens
///
/// None by itself. Clients may subscribe where a [`subscribe`](crate::wamp::subscribe) or [`event`](crate::wamp::event)
/// function is for the topic, or [`topics`](Realm::topics) or [`open_topics`](Realm::open_topics) name it; they may publish
/// where an `event` function or `open_topics` does. A pattern is allowed only where one of these covers all topics that it
/// stands for. The program itself publishes to any topic, with a [`RealmHandle`].
///
/// ```
/// use serverwamp::Realm;
///
/// let realm = Realm::new("customers")
///     .topics("news.") // read only
///     .open_topics("chat."); // for talking to each other
/// # let _ = realm;
/// ```
#[derive(Debug, Clone)]
pub struct Realm {
    /// None for the realm of every name that is not configured.
    name: Option<String>,
    injections: Injections,
    routes: Routes,
    topics: OpenTopics,
    limits: Option<Limits>,
    router: Option<RouterOptions>,
    pub(super) custom: CustomHandlers,
    pub(super) authenticators: Authenticators,
    pub(super) authorities: Authorities,
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

    /// Makes the realm a router: its clients may register procedures, and call what others have registered.
    ///
    /// They live side by side with the program's functions, by the best match of the specification: an exact URI, then
    /// the longest prefix, then the wildcard pattern with the longest literal run. What a function is annotated with
    /// cannot be registered by a client, nor anything of the protocol, `wamp.…`. A
    /// [`call_handler`](Realm::call_handler) gets what no client has registered. Who may register what is a matter of
    /// [`rules`](Realm::rules) or an [`authorizer`](Realm::authorizer), if not everybody everything.
    ///
    /// WAMP: dealer, basic profile, and the advanced profile's progressive call results and invocations, call canceling
    /// and timeouts, caller identification, pattern-based and shared registrations, registration revocation, call
    /// re-routing and payload passthru mode.
    ///
    /// ```
    /// use serverwamp::{App, Realm};
    ///
    /// let app = App::new().realm(Realm::new("factory").router());
    /// # let _ = app;
    /// ```
    #[must_use]
    pub fn router(mut self) -> Realm {
        self.router.get_or_insert_default();
        self
    }

    /// Makes the realm a router that asks callees for progressive results even if they cannot be told to stop.
    ///
    /// The specification has it that a callee is not asked for progressive results that announces them, but not call
    /// canceling. Autobahn|JS announces just that: here, its callees can give progressive results. A call that is given up
    /// goes on at such a callee, and what it still yields is dropped.
    #[must_use]
    pub fn progress_without_canceling(mut self) -> Realm {
        self.router.get_or_insert_default().progress_without_canceling = true;
        self
    }

    /// Sets the limits for sessions of this realm, in place of the app's.
    ///
    /// They hold from WELCOME to the end of the session. Those that apply before a realm is known, or to the server as a
    /// whole, stay the app's: [`message_size_before_welcome`](Limits::message_size_before_welcome),
    /// [`header_size`](Limits::header_size), [`header_count`](Limits::header_count),
    /// [`upgrade_timeout`](Limits::upgrade_timeout), [`hello_timeout`](Limits::hello_timeout),
    /// [`welcome_timeout`](Limits::welcome_timeout), [`authentication_attempts`](Limits::authentication_attempts),
    /// [`connections`](Limits::connections) and [`drain`](Limits::drain).
    ///
    /// ```
    /// use serverwamp::{App, Limits, Realm};
    ///
    /// let uploads = Limits { message_size: 16 * 1024 * 1024, calls_in_flight: 4, ..Limits::default() };
    /// let app = App::discover().realm(Realm::new("uploads").limits(uploads));
    /// # let _ = app;
    /// ```
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Realm {
        self.limits = Some(limits);
        self
    }

    /// The limits for sessions of this realm, in a server with these limits.
    pub(crate) fn limits_in(&self, server: &Limits) -> Limits {
        self.limits.as_ref().map_or_else(|| server.clone(), |limits| limits.within(server))
    }

    /// The configuration of all realms that have none of their own.
    pub(crate) fn of_any_name() -> Realm {
        Realm {
            name: None,
            injections: Injections::default(),
            routes: Routes::default(),
            topics: OpenTopics::default(),
            limits: None,
            router: None,
            custom: CustomHandlers::default(),
            authenticators: Authenticators::default(),
            authorities: Authorities::default(),
        }
    }

    pub(crate) fn authorities(&self) -> &Authorities {
        &self.authorities
    }

    pub(crate) fn open(&self) -> &OpenTopics {
        &self.topics
    }

    pub(crate) fn router_options(&self) -> Option<RouterOptions> {
        self.router
    }

    /// Whether clients may subscribe to topics or register procedures, or there are handlers in place of functions.
    pub(crate) fn works_without_functions(&self) -> bool {
        self.router.is_some() || !self.topics.subscribe.is_empty() || self.custom.iter().next().is_some()
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
    pub(crate) functions: Arc<Functions>,
    /// None where its clients may not offer procedures.
    pub(crate) router: Option<RouterOptions>,
    pub(crate) topics: OpenTopics,
    pub(crate) authorities: Authorities,
    /// What holds for its sessions.
    pub(crate) limits: Limits,
    pub(crate) authenticators: Authenticators,
}

/// A realm that sessions are in.
#[derive(Debug)]
pub(crate) struct RealmState {
    name: Uri,
    served: Arc<Served>,
    dealer: Dealer,
    broker: Broker,
    sessions: Mutex<HashMap<SessionId, Session>>,
    handle: RealmHandle,
}

impl RealmState {
    fn new(name: &Uri, served: Arc<Served>, living: &Arc<LivingRealms>) -> Arc<RealmState> {
        let directory: Arc<dyn RealmDirectory> = Arc::<LivingRealms>::clone(living);
        Arc::new_cyclic(|realm: &Weak<RealmState>| RealmState {
            name: name.clone(),
            dealer: Dealer::new(Arc::clone(&served.functions), served.router),
            broker: Broker::new(&served.limits),
            served,
            sessions: Mutex::default(),
            handle: RealmHandle::to_living(name, Weak::<RealmState>::clone(realm), directory),
        })
    }

    pub(crate) fn name(&self) -> &Uri {
        &self.name
    }

    pub(crate) fn dealer(&self) -> &Dealer {
        &self.dealer
    }

    pub(crate) fn topics(&self) -> &OpenTopics {
        &self.served.topics
    }

    pub(crate) fn authorities(&self) -> &Authorities {
        &self.served.authorities
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.served.limits
    }

    pub(crate) fn authenticators(&self) -> &Authenticators {
        &self.served.authenticators
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
        let mut living = self.living.lock();
        let realm = living.realms.get(name).and_then(Weak::upgrade);
        if let Some(realm) = realm.filter(|realm| Arc::ptr_eq(&realm.served, served)) {
            return Some(realm);
        }
        if living.realms.len() > living.sweep_above {
            living.realms.retain(|_, realm| realm.strong_count() > 0);
            living.sweep_above = living.realms.len().saturating_mul(2).saturating_add(16);
        }
        let realm = RealmState::new(name, Arc::clone(served), &self.living);
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
