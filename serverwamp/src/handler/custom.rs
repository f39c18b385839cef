//! Handlers of the program that take the place of a realm's annotated functions.

use std::any::TypeId;
use std::fmt;
use std::future::{Future, ready};
use std::panic::Location;
use std::sync::Arc;

use super::call::{Call, HandlerFuture};
use super::ending::ended;
use super::endpoint::Endpoint;
use super::error::WampError;
use super::reply::encoded;
use super::request::Request;
use super::result::IntoPayload;
use super::route::{Hosting, Match, Route, RouteKind};
use super::subscription::Subscription;
use super::topic::subscription;

/// One function of the program for all calls, or all subscriptions, of a realm.
#[derive(Clone)]
pub(crate) struct CustomHandler {
    route: &'static Route,
    run: Arc<dyn Fn(Call) -> HandlerFuture + Send + Sync>,
    location: &'static Location<'static>,
}

static CALL_HANDLER: Route = Route { kind: RouteKind::Procedure, function: "call_handler", ..CUSTOM };
static SUBSCRIPTION_HANDLER: Route = Route { kind: RouteKind::Subscribe, function: "subscription_handler", ..CUSTOM };

static REGISTERED: Route = Route { kind: RouteKind::Procedure, function: "registered function", ..CUSTOM };

/// What stands for the annotation of a function that has none.
const CUSTOM: Route = Route {
    kind: RouteKind::Procedure,
    uri: None,
    match_policy: Match::Exact,
    realm: None,
    roles: &[],
    function: "",
    module: module_path!(),
    file: file!(),
    line: line!(),
    documentation: "",
    output: "",
    errors: || &[],
    lenient: false,
    blocking: false,
    detached: false,
    manual: true,
    timeout: None,
    concurrency: None,
    before_authentication: false,
    hosting: Hosting::PLAIN,
    set_prefix: None,
    identity: TypeId::of::<CustomHandler>,
    service: None,
    parameters: Vec::new,
    handler: run,
};

impl CustomHandler {
    /// A handler of all calls.
    #[track_caller]
    pub(crate) fn of_calls<F, R, E>(handler: impl Fn(Call) -> F + Send + Sync + 'static) -> CustomHandler
    where
        F: Future<Output = Result<R, E>> + Send + 'static,
        R: IntoPayload,
        E: WampError,
    {
        let handler = Arc::new(handler);
        CustomHandler::new(&CALL_HANDLER, move |call| {
            let handler = Arc::clone(&handler);
            // The handler is called within the future: there its panics are caught.
            Box::pin(async move {
                let (codec, procedure) = (call.codec(), call.uri().clone());
                let result = handler(call).await.map_err(E::into_rpc_error)?;
                encoded(result, codec, &procedure)
            })
        })
    }

    /// A handler of all subscriptions.
    #[track_caller]
    pub(crate) fn of_subscriptions<F, E>(
        handler: impl Fn(Subscription, Request) -> F + Send + Sync + 'static,
    ) -> CustomHandler
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: WampError,
    {
        let handler = Arc::new(handler);
        CustomHandler::new(&SUBSCRIPTION_HANDLER, move |call| {
            let handler = Arc::clone(&handler);
            Box::pin(async move {
                let subscription = subscription(&call)?.clone();
                handler(subscription, call.request()).await.map_err(E::into_rpc_error)?;
                ended((), &call)
            })
        })
    }

    /// A function that a program registers without an annotation, with its parameters.
    #[track_caller]
    pub(super) fn of_procedure(run: impl Fn(Call) -> HandlerFuture + Send + Sync + 'static) -> CustomHandler {
        CustomHandler::new(&REGISTERED, run)
    }

    #[track_caller]
    fn new(route: &'static Route, run: impl Fn(Call) -> HandlerFuture + Send + Sync + 'static) -> CustomHandler {
        CustomHandler { route, run: Arc::new(run), location: Location::caller() }
    }

    /// The handler as a realm runs it.
    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint::custom(self.route, self.clone())
    }

    pub(super) fn route(&self) -> &'static Route {
        self.route
    }

    /// What messages and the log call it.
    pub(crate) fn name(&self) -> &'static str {
        self.route.function
    }

    /// Where it was given to its realm, as `file:line`.
    pub(crate) fn location(&self) -> String {
        format!("{}:{}", self.location.file(), self.location.line())
    }
}

impl fmt::Debug for CustomHandler {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} at {}", self.name(), self.location)
    }
}

/// Runs the handler that is its endpoint's service.
fn run(call: Call) -> HandlerFuture {
    let handler = call.service::<CustomHandler>().map(|handler| Arc::clone(&handler.run));
    match handler {
        Ok(run) => run(call),
        Err(error) => Box::pin(ready(Err(error))),
    }
}
