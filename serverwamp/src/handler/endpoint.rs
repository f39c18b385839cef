//! A handler as a realm serves it: its signature, its options and what it is injected with.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::call::{Call, HandlerFuture};
use super::custom::CustomHandler;
use super::extract::{ParameterDescription, ParameterKind, RequirementKind};
use super::failure::ErrorHook;
use super::inject::Injections;
use super::route::{Route, RouteKind};
use super::session::Session;
use crate::metrics::CallMetrics;

/// A handler with everything that it needs, checked at start-up.
pub(crate) struct Endpoint {
    route: &'static Route,
    parameters: Vec<ParameterDescription>,
    /// Indices of the parameters that positional arguments fill, in order.
    positional: Vec<usize>,
    takes_rest: bool,
    takes_rest_keywords: bool,
    takes_components: bool,
    needs_call_state: bool,
    injections: Arc<Injections>,
    service: Option<Arc<dyn Any + Send + Sync>>,
    concurrency: Option<Arc<Semaphore>>,
    metrics: Arc<CallMetrics>,
    error_hook: Option<ErrorHook>,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Endpoint").field("route", self.route).finish_non_exhaustive()
    }
}

impl Endpoint {
    pub(crate) fn new(
        route: &'static Route,
        parameters: Vec<ParameterDescription>,
        injections: Arc<Injections>,
        service: Option<Arc<dyn Any + Send + Sync>>,
        concurrency: Option<Arc<Semaphore>>,
    ) -> Endpoint {
        let is = |kind: ParameterKind| parameters.iter().position(|parameter| parameter.kind == kind);
        let rest = is(ParameterKind::Rest);
        let takes_rest_keywords = is(ParameterKind::RestKeywords).is_some();
        // As in Python, what is declared behind `Rest` can only be given by name.
        let positional = parameters
            .iter()
            .take(rest.unwrap_or(parameters.len()))
            .enumerate()
            .filter(|(_, parameter)| {
                matches!(parameter.kind, ParameterKind::Argument { .. }) && !parameter.options.keyword
            })
            .map(|(index, _)| index)
            .collect();
        let takes_components = parameters.iter().any(|parameter| parameter.options.component.is_some());
        let needs_call_state = route.detached
            || parameters
                .iter()
                .any(|parameter| parameter.requires.iter().any(|required| required.0 == RequirementKind::CallState));
        Endpoint {
            route,
            positional,
            takes_rest: rest.is_some(),
            takes_rest_keywords,
            takes_components,
            needs_call_state,
            parameters,
            injections,
            service,
            concurrency,
            metrics: CallMetrics::of(route.uri.map(|uri| route.with_names(uri)).as_deref()),
            error_hook: None,
        }
    }

    /// The handler, whose failures this hook is told.
    pub(crate) fn reporting_to(self, error_hook: Option<ErrorHook>) -> Endpoint {
        Endpoint { error_hook, ..self }
    }

    /// A handler that takes the place of annotated functions.
    pub(super) fn custom(route: &'static Route, handler: CustomHandler) -> Endpoint {
        // All that a handler of calls can ask its call for needs the state.
        let needs_call_state = route.kind == RouteKind::Procedure;
        let endpoint = Endpoint::new(route, Vec::new(), Arc::default(), Some(Arc::new(handler)), None);
        Endpoint { needs_call_state, ..endpoint }
    }

    /// A function without an annotation that is registered under a name of its own.
    pub(super) fn registered(
        handler: CustomHandler,
        parameters: Vec<ParameterDescription>,
        concurrency: Option<Arc<Semaphore>>,
        needs_call_state: bool,
    ) -> Endpoint {
        let route = handler.route();
        let endpoint = Endpoint::new(route, parameters, Arc::default(), Some(Arc::new(handler)), concurrency);
        Endpoint { needs_call_state: endpoint.needs_call_state || needs_call_state, ..endpoint }
    }

    pub(crate) fn start(&self, call: Call) -> HandlerFuture {
        (self.route.handler)(call)
    }

    /// Whom failures are told.
    pub(crate) fn error_hook(&self) -> Option<&ErrorHook> {
        self.error_hook.as_ref()
    }

    /// The function in a sentence; one without an annotation by what it runs for.
    pub(crate) fn title_for(&self, uri: &str) -> String {
        match self.route.manual && self.route.uri.is_none() && self.route.kind == RouteKind::Procedure {
            true => format!("procedure `{uri}`"),
            false => self.route.title(),
        }
    }

    pub(crate) fn route(&self) -> &'static Route {
        self.route
    }

    pub(crate) fn parameters(&self) -> &[ParameterDescription] {
        &self.parameters
    }

    pub(crate) fn positional(&self) -> &[usize] {
        &self.positional
    }

    /// The parameter that a keyword argument of this name fills.
    pub(crate) fn keyword(&self, name: &str) -> Option<usize> {
        self.parameters
            .iter()
            .position(|parameter| matches!(parameter.kind, ParameterKind::Argument { .. }) && parameter.name == name)
    }

    pub(crate) fn ignores_extra_positional(&self) -> bool {
        self.takes_rest || self.route.lenient
    }

    pub(crate) fn ignores_unknown_keywords(&self) -> bool {
        self.takes_rest_keywords || self.route.lenient
    }

    /// Whether there are parameters that take their values from the URI.
    pub(crate) fn takes_components(&self) -> bool {
        self.takes_components
    }

    pub(crate) fn needs_call_state(&self) -> bool {
        self.needs_call_state
    }

    /// Whether the function is for sessions with this one's role.
    pub(crate) fn admits(&self, session: &Session) -> bool {
        self.route.roles.is_empty() || self.route.roles.contains(&session.authrole())
    }

    /// Whether the function is for callers or publishers with this role, none where the router does not tell it.
    pub(crate) fn admits_role(&self, role: Option<&str>) -> bool {
        self.route.roles.is_empty() || role.is_some_and(|role| self.route.roles.contains(&role))
    }

    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.route.timeout
    }

    pub(crate) fn detached(&self) -> bool {
        self.route.detached
    }

    pub(crate) fn blocking(&self) -> bool {
        self.route.blocking
    }

    pub(crate) fn concurrency(&self) -> Option<&Arc<Semaphore>> {
        self.concurrency.as_ref()
    }

    /// What its calls are counted with.
    pub(crate) fn metrics(&self) -> &Arc<CallMetrics> {
        &self.metrics
    }

    pub(super) fn injections(&self) -> &Injections {
        &self.injections
    }

    pub(super) fn service(&self) -> Option<&(dyn Any + Send + Sync)> {
        self.service.as_deref()
    }
}
