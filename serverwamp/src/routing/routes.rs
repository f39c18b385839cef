//! Explicit sets of annotated functions.

use std::any::TypeId;
use std::collections::HashMap;
use std::panic::Location;
use std::sync::{Mutex, PoisonError};

use super::defaults::{ProcedureDefaults, SubscriptionDefaults};
use crate::error::Problem;
use crate::handler::{Match, Route, RouteKind};
use crate::wire::{MatchPolicy, Uri};

/// A set of annotated functions, for `App::routes`, `Realm::routes` and `Component::routes`; `routes![…]` writes it.
///
/// It names functions that are `manual`, or takes some of the program's functions for an app of its own.
///
/// # Prefixes and defaults
///
/// A set may have a [`prefix`](Routes::prefix) for all its procedures and topics, and defaults for what their attributes do
/// not say. Sets [`nest`](Routes::nest): prefixes are joined, and the defaults of the inner set win.
///
/// ```
/// use std::time::Duration;
///
/// use serverwamp::testing::{CallError, TestClient};
/// use serverwamp::{App, ProcedureDefaults, routes, wamp};
///
/// #[wamp::rpc("orders.count", manual)]
/// async fn count() -> u64 {
///     7
/// }
///
/// #[wamp::rpc(manual)]
/// async fn version() -> &'static str {
///     "1.0"
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), CallError> {
/// let slow = ProcedureDefaults::new().timeout(Duration::from_secs(60));
/// let reports = routes![count].prefix("reports").procedure_defaults(slow);
/// let shop = routes![version].prefix("shop").nest(reports);
///
/// let client = TestClient::connect(&App::new().routes(shop)).await?;
/// assert_eq!(client.call::<String>("shop.version", ()).await?, "1.0");
/// assert_eq!(client.call::<u64>("shop.reports.orders.count", ()).await?, 7);
/// # Ok(())
/// # }
/// ```
///
/// Functions of any topic and functions of sessions stay what they are. A function that an app also discovers has both
/// URIs; one that is `manual` is known under the prefix alone. So that errors have the prefix, too, begin their URIs with a
/// dot: see [`RpcError::new`](crate::RpcError::new).
///
/// What comes of a function under a prefix, or with defaults, is kept as long as the program runs, once for all apps.
#[derive(Debug, Clone, Default)]
pub struct Routes {
    prefix: Option<Prefix>,
    procedures: ProcedureDefaults,
    subscriptions: SubscriptionDefaults,
    functions: Vec<(TypeId, &'static str)>,
    nested: Vec<Routes>,
}

/// A prefix, and where it was given.
#[derive(Debug, Clone)]
struct Prefix {
    text: String,
    place: &'static Location<'static>,
}

/// A function that is listed.
pub(super) struct Listed {
    function: TypeId,
    /// Its path as it was written.
    pub(super) name: &'static str,
    placement: Placement,
}

/// What becomes of a function by the sets that it is in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Placement {
    prefix: Option<String>,
    procedures: ProcedureDefaults,
    subscriptions: SubscriptionDefaults,
}

impl Routes {
    /// No functions.
    pub fn new() -> Routes {
        Routes::default()
    }

    /// Adds a function, for `routes![…]`.
    #[doc(hidden)]
    #[must_use]
    pub fn function<F: 'static>(mut self, _: &F, name: &'static str) -> Routes {
        self.functions.push((TypeId::of::<F>(), name));
        self
    }

    /// Puts all procedures and topics of the set, and of those that are nested in it, under a prefix: it and a dot come
    /// before their URIs. A set that has a prefix gets this one in front of it.
    ///
    /// The prefix is a URI; one that is none fails the start-up.
    #[must_use]
    #[track_caller]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Routes {
        let prefix = Prefix { text: prefix.into(), place: Location::caller() };
        match self.prefix {
            Some(_) => Routes { prefix: Some(prefix), nested: vec![self], ..Routes::default() },
            None => {
                self.prefix = Some(prefix);
                self
            }
        }
    }

    /// What holds for procedures of the set, and of those that are nested in it, that say nothing else. What was given
    /// before stays.
    #[must_use]
    pub fn procedure_defaults(mut self, defaults: ProcedureDefaults) -> Routes {
        self.procedures = self.procedures.or(&defaults);
        self
    }

    /// What holds for event functions of the set, and of those that are nested in it, that say nothing else. What was given
    /// before stays.
    #[must_use]
    pub fn subscription_defaults(mut self, defaults: SubscriptionDefaults) -> Routes {
        self.subscriptions = self.subscriptions.or(&defaults);
        self
    }

    /// Adds all functions of another set under this one's prefix, with this one's defaults where the other has none.
    #[must_use]
    pub fn nest(mut self, inner: Routes) -> Routes {
        self.nested.push(inner);
        self
    }

    /// Adds all functions of another set; each keeps the prefix and the defaults that it has.
    #[must_use]
    pub fn and(self, other: Routes) -> Routes {
        Routes { nested: vec![self, other], ..Routes::default() }
    }

    /// All functions of the set, each with what becomes of it.
    pub(super) fn listed(&self, problems: &mut Vec<Problem>) -> Vec<Listed> {
        let mut found = Vec::new();
        self.collect(&Placement::default(), &mut found, problems);
        found
    }

    fn collect(&self, outer: &Placement, found: &mut Vec<Listed>, problems: &mut Vec<Problem>) {
        let prefix = match (&outer.prefix, &self.prefix) {
            (outer, None) => outer.clone(),
            (None, Some(own)) => Some(own.text.clone()),
            (Some(outer), Some(own)) => Some(format!("{outer}.{}", own.text)),
        };
        let problem = self.prefix.as_ref().and_then(|own| Some((own.place, own.problem(outer.prefix.is_none())?)));
        if let Some((place, problem)) = problem {
            return problems.push(Problem::at(format!("{}:{}", place.file(), place.line()), problem));
        }
        let placement = Placement {
            prefix,
            procedures: self.procedures.clone().or(&outer.procedures),
            subscriptions: self.subscriptions.clone().or(&outer.subscriptions),
        };
        let own = self.functions.iter();
        found.extend(own.map(|&(function, name)| Listed { function, name, placement: placement.clone() }));
        self.nested.iter().for_each(|inner| inner.collect(&placement, found, problems));
    }
}

impl Prefix {
    /// What is wrong with it, if anything is.
    fn problem(&self, is_first: bool) -> Option<String> {
        let text = &self.text;
        if let Err(error) = Uri::new(text) {
            return Some(format!("the prefix `{text}` of a set of functions is no URI: {error}"));
        }
        if text.contains(['{', '}']) {
            return Some(format!("the prefix `{text}` of a set of functions cannot stand for parameters of theirs"));
        }
        let is_reserved = is_first && text.split('.').next() == Some("wamp");
        is_reserved.then(|| format!("the prefix `{text}` of a set of functions is reserved by the protocol"))
    }
}

impl Listed {
    /// What the macros say about the function, with what becomes of it. Nothing if it is not annotated.
    pub(super) fn routes(&self, problems: &mut Vec<Problem>) -> Vec<&'static Route> {
        let annotated = inventory::iter::<Route>().filter(|route| (route.identity)() == self.function);
        let placed = annotated.map(|route| self.placement.of(route));
        placed.filter_map(|placed| placed.map_err(|problem| problems.push(problem)).ok()).collect()
    }
}

/// Functions under prefixes and with defaults, each once.
static PLACED: Mutex<Option<HashMap<(usize, Placement), &'static Route>>> = Mutex::new(None);

impl Placement {
    /// The route of a function in its place.
    ///
    /// # Errors
    /// Its URI cannot be under the prefix.
    fn of(&self, route: &'static Route) -> Result<&'static Route, Problem> {
        if *self == Placement::default() {
            return Ok(route);
        }
        let uri = route.uri.map(|uri| self.joined(route, uri)).transpose()?;
        let mut placed = PLACED.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (std::ptr::from_ref(route).addr(), self.clone());
        let placed = placed.get_or_insert_default().entry(key).or_insert_with(|| {
            let uri = uri.map(|uri| &*uri.leak());
            let set_prefix = self.prefix.clone().map(|prefix| &*prefix.leak());
            let mut placed = Route { uri, set_prefix, ..*route };
            match route.kind {
                RouteKind::Procedure => self.procedures.fill(&mut placed),
                RouteKind::Event | RouteKind::Subscribe => self.subscriptions.fill(&mut placed),
                RouteKind::Unsubscribe | RouteKind::Join | RouteKind::Leave => {}
            }
            Box::leak(Box::new(placed))
        });
        Ok(placed)
    }

    fn joined(&self, route: &Route, uri: &str) -> Result<String, Problem> {
        let Some(prefix) = &self.prefix else { return Ok(uri.to_owned()) };
        let policy = match route.match_policy {
            Match::Regex => return Ok(format!("{}\\.(?:{uri})", regex::escape(prefix))),
            Match::Exact => MatchPolicy::Exact,
            Match::Prefix => MatchPolicy::Prefix,
            Match::Wildcard => MatchPolicy::Wildcard,
        };
        let joined = format!("{prefix}.{uri}");
        match Uri::pattern(&joined, policy) {
            Ok(_) => Ok(joined),
            Err(error) => {
                let message = format!("{} cannot be under the prefix `{prefix}`: {error}", route.title());
                Err(Problem::at(route.location(), message))
            }
        }
    }
}

/// Lists annotated functions by their paths.
///
/// ```
/// use serverwamp::{App, routes, wamp};
///
/// #[wamp::rpc("math.add", manual)]
/// async fn add(a: i64, b: i64) -> i64 {
///     a + b
/// }
///
/// let app = App::new().routes(routes![add]);
/// # let _ = app;
/// ```
#[macro_export]
macro_rules! routes {
    ($($function:path),* $(,)?) => {
        $crate::Routes::new()$(.function(&$function, ::core::stringify!($function)))*
    };
}
