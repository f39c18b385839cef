//! Realms: what is configured of them, and what lives while sessions are in them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::access::{Access, CurrentAccess};
use super::authorization::Authorities;
use super::broker::Broker;
use super::coverage::{OpenTopics, TopicSet, is_reserved};
use super::custom::CustomHandlers;
use super::dealer::{Dealer, Functions, RouterOptions, Target};
use super::history::{ConfiguredHistory, OpenHistory};
use super::meta::{MetaProcedures, SessionInfo};
use super::realms::LivingRealms;
use super::routes::Routes;
use super::testaments::Testaments;
use crate::error::Problem;
use crate::handler::{
    Answering, Audience, Authenticators, Factory, FanOut, Injections, LivingRealm, Publication, PublishError,
    RealmDirectory, RealmHandle, Route, RpcResult, Session, Subscription,
};
use crate::limits::Limits;
use crate::log::Shown;
use crate::metrics::{CallMetrics, Counters};
use crate::wire::{Codec, MatchPolicy, PublicationId, Publish, SessionId, Uri, uris};

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
    pub(super) reflection: bool,
    pub(super) histories: Vec<ConfiguredHistory>,
    pub(super) custom: CustomHandlers,
    pub(super) authenticators: Authenticators,
    pub(super) authorities: Authorities,
    /// What takes the place of the latter two, where they come from a configuration that can be read again.
    pub(super) access: Option<Arc<CurrentAccess>>,
    /// What is wrong with what the setters were given, found when the server starts.
    pub(super) problems: Vec<Problem>,
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

    /// A full WAMP router: clients may subscribe and publish to any topic, register procedures, and call what others have
    /// registered.
    ///
    /// Topics and procedures of annotated functions keep their handlers. Calls are answered by the best match of the
    /// specification: an exact URI, then the longest prefix, then the wildcard pattern with the longest literal run. What a
    /// function is annotated with cannot be registered by a client, nor anything of the protocol, `wamp.…`. A
    /// [`call_handler`](Realm::call_handler) gets what no client has registered.
    ///
    /// Events are retained for those who subscribe later, sessions have testaments, and the procedures and events of the meta
    /// API (`wamp.session.…`, `wamp.subscription.…`, `wamp.registration.…`) tell of sessions, subscriptions and registrations.
    /// Annotated functions are registrations as well, with ids from 2^52 on and no callees: the router itself answers.
    /// [Reflection](Realm::reflection) (`wamp.reflection.…`) tells what they take and give. All of it is authorized like any
    /// other request: without [`rules`](Realm::rules) or an [`authorizer`](Realm::authorizer) everybody may register
    /// anything, and call `wamp.session.kill` too.
    ///
    /// The state of such a realm lives as long as the server, also while no session is in it; that of a realm which is not
    /// configured (see [`App::router`](crate::App::router)) as long as a session is in it.
    ///
    /// WAMP: dealer and broker, basic profile, and of the advanced profile progressive call results and invocations, call
    /// canceling and timeouts, caller identification, pattern-based and shared registrations, registration revocation, call
    /// re-routing, event retention and history, subscription revocation, testaments and payload passthru mode.
    ///
    /// ```
    /// use serverwamp::{App, Realm};
    ///
    /// let app = App::discover().realm(Realm::new("realm1").router());
    /// # let _ = app;
    /// ```
    #[must_use]
    pub fn router(self) -> Realm {
        if self.router.is_some() {
            return self;
        }
        let mut realm = self.open_topics("").topics("wamp.");
        realm.router = Some(RouterOptions::default());
        realm
    }

    /// Makes the realm a router that asks callees for progressive results even if they cannot be told to stop.
    ///
    /// The specification has it that a callee is not asked for progressive results that announces them, but not call
    /// canceling. Autobahn|JS announces just that: here, its callees can give progressive results. A call that is given up
    /// goes on at such a callee, and what it still yields is dropped.
    #[must_use]
    pub fn progress_without_canceling(self) -> Realm {
        let mut realm = self.router();
        realm.router = Some(RouterOptions { progress_without_canceling: true });
        realm
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
            reflection: false,
            histories: Vec::new(),
            custom: CustomHandlers::default(),
            authenticators: Authenticators::default(),
            authorities: Authorities::default(),
            access: None,
            problems: Vec::new(),
        }
    }

    pub(crate) fn authorities(&self) -> &Authorities {
        &self.authorities
    }

    /// What is wrong with what the setters were given.
    pub(crate) fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().chain(self.authorities.problems())
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
    /// None where it is no router.
    pub(crate) router: Option<RouterOptions>,
    /// Whether clients may ask what its functions are.
    pub(crate) reflection: bool,
    pub(crate) histories: Vec<OpenHistory>,
    pub(crate) topics: OpenTopics,
    pub(crate) access: Arc<CurrentAccess>,
    /// What holds for its sessions.
    pub(crate) limits: Limits,
    pub(crate) counters: Arc<Counters>,
}

/// A realm that sessions are in.
#[derive(Debug)]
pub(crate) struct RealmState {
    name: Uri,
    pub(super) served: Arc<Served>,
    dealer: Dealer,
    broker: Broker,
    sessions: Mutex<HashMap<SessionId, Session>>,
    testaments: Testaments,
    /// The procedures of the protocol that are served.
    meta: Option<MetaProcedures>,
    handle: RealmHandle,
}

/// What a session leaves when it is over.
#[derive(Debug)]
pub(crate) struct Left {
    /// The subscriptions that end with it.
    pub(crate) subscriptions: Vec<Subscription>,
    /// Its testaments, which have been published.
    pub(crate) testaments: Vec<(Publish, PublicationId)>,
}

impl RealmState {
    pub(super) fn new(name: &Uri, served: Arc<Served>, living: &Arc<LivingRealms>) -> Arc<RealmState> {
        let directory: Arc<dyn RealmDirectory> = Arc::<LivingRealms>::clone(living);
        Arc::new_cyclic(|realm: &Weak<RealmState>| RealmState {
            name: name.clone(),
            dealer: Dealer::new(Arc::clone(&served.functions), served.router),
            broker: match served.router {
                Some(_) => Broker::of_router(&served.limits, served.histories.iter().map(OpenHistory::begin).collect()),
                None => Broker::new(&served.limits),
            },
            // The realm's own handler of calls takes those of the protocol's procedures too.
            meta: (served.reflection && served.functions.endpoints().call_handler.is_none())
                .then(|| MetaProcedures::new(Weak::clone(realm), served.router.is_none())),
            served,
            sessions: Mutex::default(),
            testaments: Testaments::default(),
            handle: RealmHandle::to_living(name, Weak::<RealmState>::clone(realm), directory),
        })
    }

    pub(crate) fn name(&self) -> &Uri {
        &self.name
    }

    pub(crate) fn dealer(&self) -> &Dealer {
        &self.dealer
    }

    /// Whether it is a full router.
    pub(crate) fn is_router(&self) -> bool {
        self.dealer.is_router()
    }

    /// Whether the procedures of the meta API are served.
    pub(crate) fn has_meta_api(&self) -> bool {
        self.meta.is_some() && self.is_router()
    }

    /// Whether clients may ask what the functions are.
    pub(crate) fn has_reflection(&self) -> bool {
        self.meta.is_some()
    }

    /// Whether the history of any topic is kept.
    pub(crate) fn keeps_history(&self) -> bool {
        !self.served.histories.is_empty()
    }

    pub(crate) fn topics(&self) -> &OpenTopics {
        &self.served.topics
    }

    /// Who may join and what they may do, as it is now.
    pub(crate) fn access(&self) -> Arc<Access> {
        self.served.access.get()
    }

    /// How often that was replaced.
    pub(crate) fn access_replaced(&self) -> u64 {
        self.served.access.replaced()
    }

    /// Whether all is allowed, now and for ever.
    pub(crate) fn is_open(&self) -> bool {
        self.served.access.is_open()
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.served.limits
    }

    pub(crate) fn broker(&self) -> &Broker {
        &self.broker
    }

    pub(crate) fn handle(&self) -> &RealmHandle {
        &self.handle
    }

    pub(crate) fn testaments(&self) -> &Testaments {
        &self.testaments
    }

    /// Finds who answers calls of a procedure, as [`Dealer::find`] does, and the procedures of the protocol.
    pub(crate) fn find(&self, procedure: &Uri) -> (Target<'_>, usize) {
        let meta = self.meta.as_ref().filter(|_| is_reserved(procedure));
        match meta.and_then(|meta| meta.find(procedure)) {
            Some(endpoint) => (Target::Function(endpoint), 0),
            None => self.dealer().find(procedure),
        }
    }

    /// What counts the calls that are answered so.
    pub(crate) fn metrics_of<'r>(&'r self, target: &Target<'r>) -> &'r Arc<CallMetrics> {
        match target {
            Target::Function(endpoint) => endpoint.metrics(),
            Target::Clients(_) => self.dealer().metrics(),
        }
    }

    /// The session of this id.
    pub(crate) fn session(&self, id: SessionId) -> Option<Session> {
        self.lock_sessions().get(&id).cloned()
    }

    /// All sessions.
    pub(crate) fn all_sessions(&self) -> Vec<Session> {
        self.lock_sessions().values().cloned().collect()
    }

    /// A session is in the realm from now on.
    pub(crate) fn enter(&self, session: &Session) {
        self.lock_sessions().insert(session.id(), session.clone());
        self.broker.announce(uris::SESSION_ON_JOIN, || RpcResult::new().arg(SessionInfo::of(session)));
    }

    /// A session is over: what it has left to be published is published.
    pub(crate) fn leave(&self, session: &Session) -> Left {
        self.lock_sessions().remove(&session.id());
        let subscriptions = self.broker.leave(session);
        let mut testaments = Vec::new();
        for testament in self.testaments.take(session.id()) {
            let audience = Audience::of(&testament.options, session.id());
            let publication = Publication::by(session, &testament, &audience);
            let id = publication.id;
            match self.publish(&publication) {
                Ok(_) => testaments.push((testament, id)),
                Err(error) => {
                    tracing::debug!(session = %session.id(), topic = %Shown(&testament.topic), %error, "a testament was not published");
                }
            }
        }
        self.broker.announce(uris::SESSION_ON_LEAVE, || {
            RpcResult::new().arg(session.id()).arg(session.authid()).arg(session.authrole())
        });
        Left { subscriptions, testaments }
    }

    fn lock_sessions(&self) -> MutexGuard<'_, HashMap<SessionId, Session>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LivingRealm for RealmState {
    fn codec_of(&self, topic: &Uri, audience: &Audience) -> Option<Codec> {
        let codec = self.broker.codec_of(topic, audience);
        if codec.is_none() {
            // Nobody is asked to publish it, though it was published.
            self.served.counters.published();
        }
        codec
    }

    fn publish(&self, publication: &Publication<'_>) -> Result<FanOut, PublishError> {
        let sent = self.broker.publish(publication)?;
        self.served.counters.published();
        Ok(sent)
    }

    fn send_event(&self, session: &Session, publication: &Publication<'_>) -> Result<FanOut, PublishError> {
        self.broker.send_event(session, publication)
    }

    fn clear_retained(&self, topic: &Uri) -> bool {
        self.broker.clear_retained(topic)
    }

    fn revoke(&self, subscription: &Subscription, reason: &Uri) -> bool {
        self.broker.revoke_one(subscription, reason)
    }

    fn revoke_all(&self, topic: &str, policy: MatchPolicy, reason: &Uri) -> usize {
        self.broker.revoke_all(topic, policy, reason)
    }

    fn call(self: Arc<Self>, procedure: Uri, arguments: RpcResult) -> Answering {
        Box::pin(RealmState::call(self, procedure, arguments))
    }

    fn sessions(&self) -> Vec<Session> {
        self.all_sessions()
    }

    fn session_count(&self) -> usize {
        self.lock_sessions().len()
    }
}
