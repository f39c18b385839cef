//! A program's functions on somebody else's router.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::{Pin, pin};
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::handle::Client;
use super::request::{Id, Interests, Offer, Request, Sink, Subscriber};
use super::settings::{Settings, connection_setters};
use super::task::{Functions, Task};
use crate::error::{Error, Problem, Result};
use crate::handler::{Endpoint, Factory, Hosting, Injections, Match, Route, RouteKind};
use crate::routing::{Realm, Registry, Routes, Services, Sources};
use crate::shutdown::Signals;
use crate::wire::{InvokePolicy, MatchPolicy, RegisterOptions, SubscribeOptions, Uri};

/// A program that is to host its functions on somebody else's router: await it, as [`serve`](crate::serve()).
///
/// It joins the router's realm as a client, registers every `rpc` function, subscribes every `event` function, then runs
/// the `on_join` functions; those of `on_leave` run when the session is over. The functions are the same as when they are
/// served, with what is injected, progressive results, canceling, timeouts, `concurrency`, `detached`, `blocking` and
/// errors. [`Session`](crate::Session) is the program's own session with the router,
/// [`Request::caller`](crate::Request::caller) who called, where the router tells; a [`RealmHandle`](crate::RealmHandle)
/// publishes on the router. A parameter of type [`Client`] is for calling others. `role = "…"` is compared with what the
/// router tells of callers and publishers, which are refused where it tells nothing.
///
/// Who may subscribe is the router's affair, so that `subscribe` and `unsubscribe` functions, and regular expressions, are
/// start-up errors; so is a function that the router refuses. A session that is lost is followed by another one
/// ([`Reconnect`](crate::client::Reconnect)), in which everything is registered and subscribed again.
///
/// ```no_run
/// use serverwamp::{CallError, Client, Credentials, RpcError, wamp};
///
/// #[wamp::rpc("math.add")]
/// async fn add(a: i64, b: i64) -> i64 {
///     a + b
/// }
///
/// /// Calls out.
/// #[wamp::rpc("math.double")]
/// async fn double(a: i64, client: Client) -> Result<i64, RpcError> {
///     Ok(client.call("math.add", (a, a)).await?)
/// }
///
/// #[tokio::main]
/// async fn main() -> serverwamp::Result<()> {
///     serverwamp::connect("ws://localhost:8080/ws")
///         .realm("realm1")
///         .credentials(Credentials::ticket("joe", "secret"))
///         .await
/// }
/// ```
#[must_use = "a component does nothing until it is awaited"]
pub struct Component {
    settings: Settings,
    sources: Sources,
    injections: Injections,
    services: Services,
    shutdown: FuturesUnordered<Pin<Box<dyn Future<Output = ()> + Send>>>,
    client: Client,
    requests: mpsc::Receiver<Request>,
}

/// Hosts all annotated functions of the program on a router: `Component::discover(url)`, to be configured further and
/// awaited.
///
/// ```no_run
/// #[tokio::main]
/// async fn main() -> serverwamp::Result<()> {
///     serverwamp::connect("ws://localhost:8080/ws").realm("realm1").await
/// }
/// ```
pub fn connect(url: impl Into<String>) -> Component {
    Component::discover(url)
}

connection_setters!(Component);

impl Component {
    /// A component without functions: give it some with [`routes`](Component::routes).
    pub fn new(url: impl Into<String>) -> Component {
        Component::with(Settings::new(vec![url.into()]))
    }

    /// A component without functions that connects like this.
    pub(super) fn with(settings: Settings) -> Component {
        let (client, requests) = Client::new();
        Component {
            settings,
            sources: Sources::default(),
            injections: Injections::default(),
            services: Services::default(),
            shutdown: FuturesUnordered::new(),
            client,
            requests,
        }
    }

    /// A component with all annotated functions of the program, except those that are `manual`.
    pub fn discover(url: impl Into<String>) -> Component {
        Component::discover_in(url, "")
    }

    /// A component with the annotated functions of one module and those within it:
    /// `Component::discover_in(url, module_path!())`.
    pub fn discover_in(url: impl Into<String>, module: &'static str) -> Component {
        Component::discovering(Settings::new(vec![url.into()]), module)
    }

    pub(super) fn discovering(settings: Settings, module: &'static str) -> Component {
        let mut component = Component::with(settings);
        component.sources.discovered.push(module);
        component
    }

    /// Adds functions by name.
    pub fn routes(mut self, routes: Routes) -> Component {
        self.sources.listed = self.sources.listed.and(routes);
        self
    }

    /// Gives a value to every handler that takes [`Inject<T>`](crate::Inject).
    pub fn inject<T: Send + Sync + 'static>(mut self, value: T) -> Component {
        self.injections.insert(value);
        self
    }

    /// Gives every handler that takes [`Inject<T>`](crate::Inject) a value that is made for each call.
    ///
    /// The factory takes nothing, a `&Session`, or a `&Request`.
    pub fn inject_with<T, Given>(mut self, factory: impl Factory<T, Given>) -> Component
    where
        T: Send + Sync + 'static,
        Given: 'static,
    {
        self.injections.insert_factory(factory);
        self
    }

    /// Gives the instance that the methods of a `#[wamp::service]` are called on.
    pub fn service<T: Send + Sync + 'static>(mut self, instance: T) -> Component {
        self.services.insert(instance);
        self
    }

    /// Stops when this future is done, as on SIGTERM; repeatable.
    pub fn shutdown_on(self, future: impl Future<Output = ()> + Send + 'static) -> Component {
        self.shutdown.push(Box::pin(future));
        self
    }

    /// The client that the functions are hosted with, for background tasks: it calls, publishes, and
    /// [stops](Client::stop) the component.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Hosts the functions until it is told to stop: by Ctrl-C, SIGTERM, [`shutdown_on`](Component::shutdown_on), its
    /// client, or a handler that ends the session.
    ///
    /// Running handlers may end within [`stop_timeout`](Component::stop_timeout); a second signal ends that at once. A
    /// process that was told to stop by a signal is ended with 0 if a `blocking` handler still runs then, as nothing else
    /// can stop one.
    ///
    /// # Errors
    /// The program is put together wrongly, with every problem listed; or the router cannot be joined, or refuses one of
    /// the functions, see [`ConnectError`](crate::ConnectError).
    pub async fn serve(mut self) -> Result<()> {
        let endpoints = self.build().map_err(Error::Startup)?;
        let (functions, interests) = self.plan(endpoints).map_err(Error::Startup)?;
        let Component { settings, client, requests, mut shutdown, .. } = self;
        let mut signals = Signals::new()?;
        let mut task = Task::new(settings, &client, requests, functions);
        task.interests = interests;
        let blocking = task.lingering.blocking.clone();
        let mut running = pin!(task.run(None));
        let signaled = tokio::select! {
            result = &mut running => return result.map_err(Error::from),
            () = signals.next() => true,
            Some(()) = shutdown.next() => false,
        };
        let stopped = async { tokio::join!(&mut running, client.stop()).0 };
        let result = tokio::select! {
            result = stopped => result.map_err(Error::from),
            () = signals.next() => {
                tracing::warn!("a second signal: stopping at once");
                Ok(())
            }
        };
        if signaled && !blocking.is_empty() {
            // The runtime would wait for them, however long they take.
            tracing::warn!("blocking handlers still run: ending the process");
            std::process::exit(0);
        }
        result
    }

    /// The functions, with all that they need.
    fn build(&mut self) -> std::result::Result<Vec<Arc<Endpoint>>, Vec<Problem>> {
        self.injections.insert(self.client.clone());
        let realm = Realm::new(self.settings.realm.as_str());
        let registry = Registry::collect(&self.sources, [&realm])?.reporting_to(self.settings.error_hook.clone());
        let mut problems = Vec::new();
        let endpoints = registry.hosted(&realm, &self.injections, &self.services, &mut problems);
        if let Err(error) = Uri::new(&self.settings.realm) {
            problems.push(Problem::new(format!("realm `{}`: {error}", self.settings.realm)));
        }
        if endpoints.is_empty() && problems.is_empty() {
            problems.push(Problem::new(
                "no procedure found, nor any other function: annotate one with #[wamp::rpc] or #[wamp::event]. If the \
                 functions are in a library crate, name it once in the program, `use my_crate as _;`: the linker drops \
                 crates that are never named",
            ));
        }
        Problem::sort(&mut problems);
        match problems.is_empty() {
            true => Ok(endpoints),
            false => Err(problems),
        }
    }

    /// What is to be registered and subscribed, and what runs besides.
    fn plan(&self, endpoints: Vec<Arc<Endpoint>>) -> std::result::Result<(Functions, Interests), Vec<Problem>> {
        let (mut functions, mut interests) = (Functions::default(), Interests::default());
        let mut problems = Vec::new();
        for endpoint in endpoints {
            let route = endpoint.route();
            tracing::info!("{}", route.listing());
            let match_policy = match route.match_policy {
                Match::Prefix => Some(MatchPolicy::Prefix),
                Match::Wildcard => Some(MatchPolicy::Wildcard),
                Match::Exact | Match::Regex => None,
            };
            let uri = || Uri::pattern(route.uri.unwrap_or_default(), match_policy.unwrap_or_default());
            let (key, id) = (self.client.shared.next_key(), Id::default());
            match (route.kind, uri()) {
                (RouteKind::Join, _) => functions.join.push(endpoint),
                (RouteKind::Leave, _) => functions.leave.push(endpoint),
                (_, Err(error)) => problems.push(Problem::at(route.location(), format!("{}: {error}", route.title()))),
                (RouteKind::Procedure, Ok(procedure)) => {
                    let options = RegisterOptions { match_policy, ..register_options(route) };
                    let ended = CancellationToken::new();
                    interests.offers.insert(key, Offer { procedure, options, endpoint, id, ended });
                }
                (RouteKind::Event, Ok(topic)) => {
                    let get_retained = route.hosting.get_retained;
                    let options = SubscribeOptions { match_policy, get_retained, ..SubscribeOptions::default() };
                    let sink = Sink::Function(endpoint);
                    interests.subscribers.insert(key, Subscriber { topic, options, sink, id });
                }
                (RouteKind::Subscribe | RouteKind::Unsubscribe, _) => {}
            }
        }
        match problems.is_empty() {
            true => Ok((functions, interests)),
            false => Err(problems),
        }
    }
}

/// What the router is asked for with a procedure, apart from how it matches.
fn register_options(route: &Route) -> RegisterOptions {
    let Hosting { invoke, disclose_caller, force_reregister, .. } = route.hosting;
    // Where there are several callees, the router had better call another one than let a call wait here.
    let is_shared = invoke.is_some_and(|policy| policy != InvokePolicy::Single);
    RegisterOptions {
        invoke,
        concurrency: route.concurrency.filter(|_| is_shared).map(u64::from),
        // Who may call is decided here, and needs to be told.
        disclose_caller: if route.roles.is_empty() { disclose_caller } else { Some(true) },
        force_reregister,
        ..RegisterOptions::default()
    }
}

impl IntoFuture for Component {
    type Output = Result<()>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.serve())
    }
}

impl fmt::Debug for Component {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Component");
        shown.field("settings", &self.settings).field("sources", &self.sources).finish_non_exhaustive()
    }
}
