//! Putting a server together and running it.

mod any_realm;
mod authentication;
mod failures;
#[cfg(feature = "tower")]
mod hosting;
mod http;
mod lifecycle;
mod listeners;

use std::collections::HashMap;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::authentication::warn_of_open_realms;
use self::lifecycle::Stage;
use self::listeners::{Address, Listeners};
use crate::connection::Shared;
use crate::error::{Error, Problem, Result};
use crate::handler::{ErrorHook, Factory, Injections, RealmHandle, Route};
use crate::limits::Limits;
use crate::metrics::{Counters, Statistics};
use crate::routing::{Functions, LivingRealms, Realm, Realms, Registry, Routes, Served, Services, Sources};
use crate::server::{Acceptor, AnyListener, Listener, OwnListener};
use crate::session::Decoys;
use crate::shutdown::{FAREWELL, Signals, drain};
use crate::systemd::ServiceManager;
use crate::transport::HttpSettings;
#[cfg(feature = "tls")]
use crate::transport::TlsConfig;
use crate::wire::{Uri, uris};

/// Something that shuts a server down.
type Trigger = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A server that is put together; await it, or call [`serve`](App::serve), to run it.
///
/// ```no_run
/// # use serverwamp::App;
/// # struct Database;
/// # async fn run() -> serverwamp::Result<()> {
/// App::discover().bind("0.0.0.0:8080").inject(Database).await
/// # }
/// ```
///
/// Nothing happens before it is awaited, and nothing is left to chance then: URIs, realms and everything that is injected
/// are checked before the server listens, and all problems are reported at once.
///
/// # Functions
///
/// [`discover`](App::discover) takes all annotated functions of the program, [`discover_in`](App::discover_in) those of a
/// module, [`new`](App::new) none; [`routes`](App::routes) adds single ones. What they take as
/// [`Inject<T>`](crate::Inject) is given with [`inject`](App::inject) or, made anew for each call, with
/// [`inject_with`](App::inject_with), and the instances of services with [`service`](App::service).
///
/// # Realms
///
/// A client may join a realm of any name, and sees only what happens in that one. All functions are served in every realm,
/// unless they name one. [`Realm`] is the configuration of a realm that differs; where it says nothing, it is as the app
/// has it, but for what clients may do: [`topics`](App::topics), [`open_topics`](App::open_topics),
/// [`authorizer`](App::authorizer) and [`rules`](App::rules) are for the realms that are not configured, and do not guard
/// those that are.
///
/// ```
/// use serverwamp::{App, Limits, Realm};
///
/// struct Database;
///
/// let app = App::discover()
///     .inject(Database)
///     .topics("news.")
///     .limits(Limits { calls_in_flight: 64, ..Limits::default() })
///     .realm(Realm::new("staff").open_topics("chat."));
/// # let _ = app;
/// ```
///
/// # From anywhere in the program
///
/// [`handle`](App::handle) is taken before the app is awaited: it publishes in any realm, ends sessions, counts what has
/// happened, and shuts the server down.
///
/// ```no_run
/// use std::time::Duration;
///
/// # async fn run() -> serverwamp::Result<()> {
/// let app = serverwamp::serve().topics("clock.");
/// let realm = app.handle().realm("realm1");
/// tokio::spawn(async move {
///     for second in 0_u64.. {
///         tokio::time::sleep(Duration::from_secs(1)).await;
///         realm.publish("clock.second", second);
///     }
/// });
/// app.await
/// # }
/// ```
///
/// # Without a socket
///
/// [`TestClient`](crate::testing::TestClient) joins an app in memory, for the tests of a program.
#[must_use = "an app does nothing until it is awaited"]
pub struct App {
    sources: Sources,
    injections: Injections,
    services: Services,
    realms: Vec<Realm>,
    /// What the realms share that are not configured.
    any_realm: Realm,
    default_realm: bool,
    limits: Limits,
    error_hook: Option<ErrorHook>,
    decoy_secret: Option<[u8; 32]>,
    http: HttpSettings,
    listeners: Listeners,
    shutdown: Mutex<Vec<Trigger>>,
    stop: CancellationToken,
    counters: Arc<Counters>,
    living: Arc<LivingRealms>,
    addresses_bound: watch::Sender<Option<Vec<SocketAddr>>>,
    stage: watch::Sender<Stage>,
    shared: OnceLock<Arc<Shared>>,
}

/// Serves all annotated functions of the program: `App::discover()`, to be configured further and awaited.
///
/// Listens on `127.0.0.1:8080`, the address in `WAMP_ADDR`, or what systemd hands over, and accepts every realm name. With the
/// feature `tls`, `WAMP_TLS_CERT` and `WAMP_TLS_KEY` name the files of a certificate and its key for `wss://`.
///
/// ```no_run
/// #[tokio::main]
/// async fn main() -> serverwamp::Result<()> {
///     serverwamp::serve().await
/// }
/// ```
pub fn serve() -> App {
    App::discover()
}

impl App {
    /// An app without functions: give it some with [`routes`](App::routes).
    pub fn new() -> App {
        App {
            sources: Sources::default(),
            injections: Injections::default(),
            services: Services::default(),
            realms: Vec::new(),
            any_realm: Realm::of_any_name(),
            default_realm: true,
            limits: Limits::default(),
            error_hook: None,
            decoy_secret: None,
            http: HttpSettings::default(),
            listeners: Listeners::default(),
            shutdown: Mutex::default(),
            stop: CancellationToken::new(),
            counters: Arc::default(),
            living: Arc::default(),
            addresses_bound: watch::Sender::new(None),
            stage: watch::Sender::new(Stage::Starting),
            shared: OnceLock::new(),
        }
    }

    /// An app with all annotated functions of the program, except those that are `manual`.
    pub fn discover() -> App {
        App::discover_in("")
    }

    /// An app with the annotated functions of one module and those within it: `App::discover_in(module_path!())`.
    pub fn discover_in(module: &'static str) -> App {
        let mut app = App::new();
        app.sources.discovered.push(module);
        app
    }

    /// Adds functions by name.
    pub fn routes(mut self, routes: Routes) -> App {
        self.sources.listed = self.sources.listed.and(routes);
        self.changed()
    }

    /// Gives a value to every handler that takes [`Inject<T>`](crate::Inject).
    pub fn inject<T: Send + Sync + 'static>(mut self, value: T) -> App {
        self.injections.insert(value);
        self.changed()
    }

    /// Gives every handler that takes [`Inject<T>`](crate::Inject) a value that is made for each call.
    ///
    /// The factory takes nothing, a `&Session`, or a `&Request`.
    pub fn inject_with<T, Given>(mut self, factory: impl Factory<T, Given>) -> App
    where
        T: Send + Sync + 'static,
        Given: 'static,
    {
        self.injections.insert_factory(factory);
        self.changed()
    }

    /// Gives the instance that the methods of a `#[wamp::service]` are called on.
    pub fn service<T: Send + Sync + 'static>(mut self, instance: T) -> App {
        self.services.insert(instance);
        self.changed()
    }

    /// Adds a realm of its own configuration.
    pub fn realm(mut self, realm: Realm) -> App {
        self.realms.push(realm);
        self.changed()
    }

    /// Whether realms that are not configured may be joined. Default true.
    pub fn default_realm(mut self, accepted: bool) -> App {
        self.default_realm = accepted;
        self.changed()
    }

    /// Sets the limits.
    pub fn limits(mut self, limits: Limits) -> App {
        self.limits = limits;
        self.changed()
    }

    /// Listens on this address; repeatable. Takes precedence over `WAMP_ADDR`.
    ///
    /// `127.0.0.1:8080` and `[::]:8080` are ports, port 0 any that is free; `unix:/run/app.sock` is a unix socket. Each
    /// serves WebSocket and RawSocket, told apart by how a connection begins.
    ///
    /// The file of a unix socket has the permissions that the process's umask leaves, with the usual one only its user may
    /// connect; `unix:/run/app.sock?mode=660` sets others, in octal. It is removed when the server stops, and one that a
    /// server has left behind makes way; anything else at that path is an error.
    ///
    /// `systemd:NAME` are the sockets, of either kind, that systemd listens on and hands over under that
    /// `FileDescriptorName=`; `systemd:` are all that no other address takes. They are taken by an app that names no address,
    /// too, in place of the default one.
    ///
    /// ```
    /// # use serverwamp::App;
    /// let app = App::discover().bind("127.0.0.1:8080").bind("unix:/run/app.sock?mode=660");
    /// # let _ = app;
    /// ```
    pub fn bind(mut self, address: impl ToString) -> App {
        self.listeners.addresses.push(Address { address: address.to_string(), tls: None });
        self
    }

    /// Listens on this port with TLS; repeatable. Others are as [`tls`](App::tls) says, or plain.
    ///
    /// ```
    /// use serverwamp::TlsConfig;
    /// let tls = TlsConfig::from_pem_files("certificate.pem", "key.pem");
    /// let app = serverwamp::serve().bind("127.0.0.1:8080").bind_tls("0.0.0.0:8443", tls);
    /// # let _ = app;
    /// ```
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    pub fn bind_tls(mut self, address: impl ToString, tls: TlsConfig) -> App {
        self.listeners.addresses.push(Address { address: address.to_string(), tls: Some(tls) });
        self
    }

    /// Speaks TLS on every port that [`bind`](App::bind) names, or the environment, or nobody: `wss://` in place of `ws://`,
    /// `rss://` in place of `rs://`. Unix sockets go without: what goes over them does not leave the machine.
    ///
    /// A program that configures no TLS takes it from the environment: `WAMP_TLS_CERT` and `WAMP_TLS_KEY` are the files
    /// that [`TlsConfig::from_pem_files`] takes.
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    pub fn tls(mut self, tls: TlsConfig) -> App {
        self.listeners.tls = Some(tls);
        self
    }

    /// Serves what comes from a listener of the program's own too, or instead of the default address; repeatable.
    ///
    /// Deadlines are those of tokio's clock: a server that listens only on what tests have made runs with paused time, and
    /// within a simulated network.
    pub fn listen_on(mut self, listener: impl Listener) -> App {
        self.listeners.own.push(OwnListener::new(listener));
        self
    }

    /// Shuts down when this future is done, as on SIGTERM; repeatable.
    pub fn shutdown_on(mut self, future: impl Future<Output = ()> + Send + 'static) -> App {
        self.triggers().push(Box::pin(future));
        self
    }

    /// A handle for the program's background tasks.
    pub fn handle(&self) -> AppHandle {
        AppHandle {
            stop: self.stop.clone(),
            counters: Arc::clone(&self.counters),
            living: Arc::clone(&self.living),
            addresses: self.addresses_bound.subscribe(),
            stage: self.stage.subscribe(),
        }
    }

    /// Runs the server until it is told to stop: by Ctrl-C, SIGTERM, [`shutdown_on`](App::shutdown_on), or its handle.
    ///
    /// Running calls may end within [`Limits::drain`]; a second signal ends that at once, with `Ok` too: the server was told
    /// to stop, and has. A process that was told to stop by a signal is ended with 0 if a `blocking` handler still runs then,
    /// as nothing else can stop one.
    ///
    /// A service manager that has started the process (`NOTIFY_SOCKET` in the environment) is told when all listeners are
    /// bound and when the shutdown begins, and its watchdog (`WATCHDOG_USEC`) hears that tasks run.
    ///
    /// # Errors
    /// The program is put together wrongly, with every problem listed, or an address cannot be bound.
    pub async fn serve(mut self) -> Result<()> {
        let triggers = std::mem::take(self.triggers());
        let listeners = std::mem::take(&mut self.listeners).prepare();
        let (shared, (addresses, own)) = match (self.shared(), listeners) {
            (Ok(shared), Ok(listeners)) => (shared, listeners),
            (Err(Error::Startup(problems)), Err(more)) => return Err(Error::Startup([problems, more].concat())),
            (Err(error), _) => return Err(error),
            (_, Err(problems)) => return Err(Error::Startup(problems)),
        };
        let mut signals = Signals::new()?;
        let manager = ServiceManager::from_environment();
        let mut listeners: Vec<AnyListener> = own.into_iter().map(AnyListener::Own).collect();
        for address in addresses {
            listeners.extend(address.listen().await?);
        }
        self.addresses_bound.send_replace(Some(listeners.iter().filter_map(AnyListener::address).collect()));
        let acceptor = self.acceptor()?;
        let connections = acceptor.connections().clone();
        let (mut accepting, mut answering) = (JoinSet::new(), JoinSet::new());
        for listener in listeners {
            let tasks = if listener.answers_to_the_end() { &mut answering } else { &mut accepting };
            tasks.spawn(acceptor.clone().run(listener));
        }
        self.stage.send_replace(Stage::Serving);
        manager.ready().await;
        let _watchdog = manager.watchdog();
        let signaled = tokio::select! {
            () = signals.next() => true,
            () = self.stop.cancelled() => false,
            () = any(triggers) => false,
        };
        self.stage.send_replace(Stage::Stopping);
        let within = self.limits.drain.saturating_add(FAREWELL);
        manager.stopping(self.counters.read().sessions, within).await;
        accepting.shutdown().await;
        drain(&shared, &connections, signals.next()).await;
        answering.shutdown().await;
        if let Some(hook) = &self.error_hook {
            hook.flush().await;
        }
        self.stage.send_replace(Stage::Stopped);
        if signaled && !shared.blocking.is_empty() {
            // The runtime would wait for them, however long they take.
            tracing::warn!("blocking handlers still run: ending the process");
            std::process::exit(0);
        }
        Ok(())
    }

    fn triggers(&mut self) -> &mut Vec<Trigger> {
        self.shutdown.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// What connections share, built at its first use.
    pub(crate) fn shared(&self) -> Result<Arc<Shared>> {
        match self.shared.get() {
            Some(shared) => Ok(Arc::clone(shared)),
            None => {
                let shared = Arc::new(self.build().map_err(Error::Startup)?);
                Ok(Arc::clone(self.shared.get_or_init(|| shared)))
            }
        }
    }

    /// What serves connections, wherever they come from.
    pub(crate) fn acceptor(&self) -> Result<Acceptor> {
        Ok(Acceptor::new(self.shared()?, self.http.clone()))
    }

    /// What was built is no longer true.
    fn changed(mut self) -> App {
        self.shared = OnceLock::new();
        self
    }

    fn build(&self) -> Result<Shared, Vec<Problem>> {
        self.counters.export();
        let realms = || self.realms.iter().chain(self.default_realm.then_some(&self.any_realm));
        let registry = Registry::collect(&self.sources, realms())?.reporting_to(self.error_hook.clone());
        let mut problems = Vec::new();
        let mut serve = |realm: &Realm| {
            let endpoints = registry.endpoints(realm, &self.injections, &self.services, &mut problems);
            let topics = realm.open().clone().with_functions(&endpoints);
            let limits = realm.limits_in(&self.limits);
            problems.extend(realm.problems().cloned());
            let (router, histories) = (realm.router_options(), realm.open_histories(&mut problems));
            Arc::new(Served {
                functions: Arc::new(Functions::new(endpoints)),
                router,
                reflection: realm.reflects(),
                histories,
                topics,
                access: realm.access(),
                limits,
                counters: Arc::clone(&self.counters),
            })
        };
        let mut configured = HashMap::new();
        let mut misnamed = Vec::new();
        for realm in &self.realms {
            let name = realm.name().unwrap_or_default();
            if let Err(error) = Uri::new(name) {
                misnamed.push(Problem::new(format!("realm `{name}`: {error}")));
            } else if configured.insert(name.to_owned(), serve(realm)).is_some() {
                misnamed.push(Problem::new(format!("realm `{name}` is configured twice")));
            }
        }
        let any_name = self.default_realm.then(|| serve(&self.any_realm));
        if any_name.is_none() && self.realms.is_empty() {
            misnamed.push(Problem::new("no realm can be joined: the default realm is off and none is configured"));
        }
        problems.extend(misnamed);
        problems.extend(self.http_problems());
        problems.extend(self.unserved(&registry));
        problems.extend(registry.none_found().filter(|_| !self.works_without_functions()));
        Problem::sort(&mut problems);
        problems.dedup();
        if !problems.is_empty() {
            return Err(problems);
        }
        for route in registry.all() {
            match realms().any(|realm| realm.serves(route)) {
                true => tracing::info!("{}", route.listing()),
                false => tracing::warn!("{} is served by no realm", route.listing()),
            }
        }
        for handler in realms().flat_map(Realm::handler_listings) {
            tracing::info!("{handler}");
        }
        let guarded = !self.any_realm.authorities().are_none();
        for realm in self.realms.iter().filter(|realm| guarded && realm.authorities().are_none()) {
            let name = realm.name();
            tracing::warn!(name, "a realm without rules and authorizer: those of the app are for other realms");
        }
        warn_of_open_realms(&self.any_realm, realms());
        let realms = Realms::new(configured, any_name, Arc::clone(&self.living));
        let decoys = Decoys::new(self.decoy_secret.unwrap_or_else(rand::random));
        Ok(Shared::new(realms, self.limits.clone(), Arc::clone(&self.counters), decoys))
    }

    /// All functions of the app and of its realms.
    pub(crate) fn functions(&self) -> std::result::Result<Vec<&'static Route>, Vec<Problem>> {
        let realms = self.realms.iter().chain([&self.any_realm]);
        Ok(Registry::collect(&self.sources, realms)?.all())
    }

    /// Whether any of the realms is of use to clients, be there functions or not.
    fn works_without_functions(&self) -> bool {
        let any_realm = self.default_realm.then_some(&self.any_realm);
        self.realms.iter().chain(any_realm).any(Realm::works_without_functions)
    }

    /// Functions that name a realm which is not configured.
    fn unserved(&self, registry: &Registry) -> Vec<Problem> {
        let named = registry.routes().iter().filter_map(|route| Some((route, route.realm?)));
        let unknown = named.filter(|(_, realm)| self.realms.iter().all(|configured| configured.name() != Some(realm)));
        unknown
            .map(|(route, realm)| {
                let what = format!("{} is for realm `{realm}`, which is not configured", route.title());
                Problem::at(route.location(), format!("{what}: add .realm(Realm::new({realm:?}))"))
            })
            .collect()
    }
}

/// Waits for the first of several futures; for ever, if there are none.
async fn any(mut futures: Vec<Trigger>) {
    std::future::poll_fn(|context| match futures.iter_mut().any(|future| future.as_mut().poll(context).is_ready()) {
        true => std::task::Poll::Ready(()),
        false => std::task::Poll::Pending,
    })
    .await;
}

impl Default for App {
    fn default() -> App {
        App::new()
    }
}

impl fmt::Debug for App {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("App");
        shown.field("sources", &self.sources).field("listeners", &self.listeners).finish_non_exhaustive()
    }
}

impl IntoFuture for App {
    type Output = Result<()>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.serve())
    }
}

/// A handle to an app, for background tasks.
#[derive(Debug, Clone)]
pub struct AppHandle {
    stop: CancellationToken,
    counters: Arc<Counters>,
    living: Arc<LivingRealms>,
    addresses: watch::Receiver<Option<Vec<SocketAddr>>>,
    stage: watch::Receiver<Stage>,
}

impl AppHandle {
    /// Shuts the server down, as SIGTERM does. [`stopped`](AppHandle::stopped) tells when that is done.
    pub fn shutdown(&self) {
        self.stop.cancel();
    }

    /// The realm of this name, to publish from anywhere: before the server runs, and whether or not sessions are in it.
    pub fn realm(&self, name: impl AsRef<str>) -> RealmHandle {
        self.living.handle(name.as_ref())
    }

    /// Ends all sessions of all realms with GOODBYE and the reason `wamp.close.system_shutdown`; the server goes on.
    pub fn close_sessions(&self) {
        self.living.sessions().iter().for_each(|session| session.close(uris::SYSTEM_SHUTDOWN, ""));
    }

    /// What the server has done and refused.
    ///
    /// The recorder of the `metrics` facade that is installed when the app is built, at its first use, is told of this and
    /// more.
    pub fn statistics(&self) -> Statistics {
        self.counters.read()
    }

    /// Waits until the server listens. Returns its addresses, of interest where it was bound to port 0; none if it listens
    /// on unix sockets only, or ended without listening. Cancel-safe.
    pub async fn addresses(&self) -> Vec<SocketAddr> {
        let mut addresses = self.addresses.clone();
        let bound = addresses.wait_for(Option::is_some).await;
        bound.ok().and_then(|addresses| addresses.clone()).unwrap_or_default()
    }
}
