//! What a realm serves, put together and checked before the server listens.

use std::any::{Any, TypeId};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::sync::Semaphore;

use super::endpoints::Endpoints;
use super::realm::Realm;
use super::routes::Routes;
use crate::error::Problem;
use crate::handler::{
    Endpoint, ErrorHook, Injections, Match, ParameterDescription, ParameterKind, RequirementKind, Route, RouteKind,
};

/// Instances of services, by type.
#[derive(Clone, Default)]
pub(crate) struct Services(HashMap<TypeId, Arc<dyn Any + Send + Sync>>);

impl Services {
    pub(crate) fn insert<T: Send + Sync + 'static>(&mut self, instance: T) {
        self.0.insert(TypeId::of::<T>(), Arc::new(instance));
    }

    pub(crate) fn get(&self, id: TypeId) -> Option<&Arc<dyn Any + Send + Sync>> {
        self.0.get(&id)
    }
}

/// Where an app's functions come from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sources {
    /// Module paths whose functions are taken; the empty one takes all.
    pub(crate) discovered: Vec<&'static str>,
    pub(crate) listed: Routes,
}

/// The functions of an app and its realms, each set in a stable order.
#[derive(Debug)]
pub(crate) struct Registry {
    /// Those of the app, for all realms that they do not exclude.
    routes: Vec<&'static Route>,
    /// Those that realms list, by the realm's name.
    of_realms: BTreeMap<String, Vec<&'static Route>>,
    /// What bounds how many runs of a function there are at a time, in all realms together.
    concurrency: HashMap<*const Route, Arc<Semaphore>>,
    error_hook: Option<ErrorHook>,
}

impl Registry {
    /// Collects the functions that `sources` and `realms` name.
    ///
    /// # Errors
    /// A listed function is not annotated.
    pub(crate) fn collect<'r>(
        sources: &Sources,
        realms: impl IntoIterator<Item = &'r Realm>,
    ) -> Result<Registry, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut routes = listed(&sources.listed, &mut problems);
        routes.extend(
            inventory::iter::<Route>().filter(|route| {
                !route.manual && sources.discovered.iter().any(|module| is_within(route.module, module))
            }),
        );
        let mut of_realms: BTreeMap<String, Vec<&'static Route>> = BTreeMap::new();
        for realm in realms {
            let own = listed(realm.listed(), &mut problems);
            let name = realm.name().unwrap_or_default();
            let elsewhere = own.iter().filter_map(|route| Some((route, route.realm.filter(|other| *other != name)?)));
            problems.extend(elsewhere.map(|(route, other)| {
                let message = format!("{} is for realm `{other}`, but realm `{name}` lists it", route.title());
                Problem::at(route.location(), message)
            }));
            of_realms.entry(name.to_owned()).or_default().extend(own);
        }
        if !problems.is_empty() {
            Problem::sort(&mut problems);
            problems.dedup();
            return Err(problems);
        }
        let mut registry =
            Registry { routes: ordered(routes), of_realms, concurrency: HashMap::new(), error_hook: None };
        let limited = registry.all().into_iter().filter_map(|route| Some((route, route.concurrency?)));
        registry.concurrency = limited
            .map(|(route, permits)| (std::ptr::from_ref(route), Arc::new(Semaphore::new(permits as usize))))
            .collect();
        Ok(registry)
    }

    /// The functions, whose failures this hook is told.
    pub(crate) fn reporting_to(self, error_hook: Option<ErrorHook>) -> Registry {
        Registry { error_hook, ..self }
    }

    /// That no functions were found, if so.
    pub(crate) fn none_found(&self) -> Option<Problem> {
        let empty = self.routes.is_empty() && self.of_realms.values().all(Vec::is_empty);
        empty.then(|| {
            Problem::new(
                "no procedure found, nor any other function: annotate one with #[wamp::rpc], #[wamp::subscribe] or \
                 #[wamp::event], or open topics with App::topics or App::open_topics. If the functions are in a library \
                 crate, name it once in the program, `use my_crate as _;`: the linker drops crates that are never named",
            )
        })
    }

    /// The functions that are not a single realm's by its own list.
    pub(crate) fn routes(&self) -> &[&'static Route] {
        &self.routes
    }

    /// All functions.
    pub(crate) fn all(&self) -> Vec<&'static Route> {
        ordered(self.routes.iter().chain(self.of_realms.values().flatten()).copied().collect())
    }

    /// The functions of one realm; of the default one where `realm` has no name.
    pub(crate) fn endpoints(
        &self,
        realm: &Realm,
        injections: &Injections,
        services: &Services,
        problems: &mut Vec<Problem>,
    ) -> Endpoints {
        let injections = Arc::new(realm.injections().over(injections));
        let mut endpoints = Endpoints::new();
        let mut taken: BTreeMap<(Match, Option<&str>), &Route> = BTreeMap::new();
        let own = realm.name().and_then(|name| self.of_realms.get(name)).map(Vec::as_slice).unwrap_or_default();
        realm.custom.install(&mut endpoints, self.error_hook.as_ref());
        let routes = ordered(self.routes.iter().filter(|route| realm.is_for(route)).chain(own).copied().collect());
        for route in routes {
            if let Some(handler) = realm.custom.instead_of(route.kind) {
                // Functions of the whole app may be for other realms.
                if route.realm.is_some() || own.iter().any(|listed| std::ptr::eq(*listed, route)) {
                    let place = format!("the {} at {}", handler.name(), handler.location());
                    let message = format!("{} is not served{}: {place} replaces it", route.title(), realm.in_words());
                    problems.push(Problem::at(route.location(), message));
                }
                continue;
            }
            if route.kind == RouteKind::Procedure
                && let Some(first) = taken.insert((route.match_policy, route.uri), route)
            {
                let first = format!("`{}` at {}", first.function, first.location());
                problems.push(Problem::at(route.location(), format!("{} is already served by {first}", route.title())));
                continue;
            }
            let endpoint = self.endpoint(route, realm, &injections, services, problems);
            if let Err(error) = endpoints.insert(Arc::new(endpoint)) {
                let message = format!("{} is not a regular expression: {error}", route.title());
                problems.push(Problem::at(route.location(), message));
            }
        }
        endpoints
    }
}

impl Registry {
    /// A function with all that it needs.
    pub(super) fn endpoint(
        &self,
        route: &'static Route,
        realm: &Realm,
        injections: &Arc<Injections>,
        services: &Services,
        problems: &mut Vec<Problem>,
    ) -> Endpoint {
        let service = route.service.and_then(|service| services.get((service.id)()).cloned());
        if let (Some(wanted), None) = (route.service, &service) {
            let instance = format!("a method of `{}`, of which there is no instance", (wanted.name)());
            let message = format!("{} is {instance}: give one to App::service", route.title());
            problems.push(Problem::at(route.location(), message));
        }
        let parameters = route.described();
        for parameter in &parameters {
            problems.extend(unsuitable(route, parameter, injections).into_iter().map(|what| {
                let place = format!("{}, parameter `{}`", route.title(), parameter.name);
                Problem::at(route.location(), format!("{place}: {what}{}", realm.in_words()))
            }));
        }
        let concurrency = self.concurrency.get(&std::ptr::from_ref(route)).cloned();
        let endpoint = Endpoint::new(route, parameters, Arc::clone(injections), service, concurrency);
        endpoint.reporting_to(self.error_hook.clone())
    }
}

/// The annotated functions of a list.
fn listed(functions: &Routes, problems: &mut Vec<Problem>) -> Vec<&'static Route> {
    let mut routes = Vec::new();
    for function in functions.listed(problems) {
        let (name, before) = (function.name, problems.len());
        let annotated = function.routes(problems);
        if annotated.is_empty() && problems.len() == before {
            problems.push(Problem::new(format!(
                "routes![{name}]: expected an annotated function; `{name}` has no #[wamp::…] attribute"
            )));
        }
        routes.extend(annotated);
    }
    routes
}

/// The functions in the order that they are served and listed in, each once.
fn ordered(mut routes: Vec<&'static Route>) -> Vec<&'static Route> {
    routes.sort_by_key(|route| (route.kind, route.uri, route.match_policy, route.file, route.line));
    routes.dedup_by(|one, other| std::ptr::eq(*one, *other));
    routes
}

/// What of a parameter does not fit its function, or is missing.
fn unsuitable(route: &Route, parameter: &ParameterDescription, injections: &Injections) -> Vec<String> {
    let mut problems = Vec::new();
    let is_argument = !matches!(parameter.kind, ParameterKind::Injected | ParameterKind::Component { .. });
    if is_argument && !route.kind.has_arguments() {
        problems.push(format!(
            "it is a call argument, and {} functions are given none: every parameter is injected",
            route.kind.attribute()
        ));
    }
    problems.extend(parameter.requires.iter().filter_map(|required| match required.0 {
        RequirementKind::Injected { id, name } if !injections.contains(id) => {
            Some(format!("no value of type `{name}` is injected: give one to App::inject or App::inject_with"))
        }
        RequirementKind::Function { type_name, kinds } if !kinds.contains(&route.kind) => {
            Some(format!("`{type_name}` is for {} functions", in_words(kinds)))
        }
        RequirementKind::Injected { .. } | RequirementKind::Function { .. } | RequirementKind::CallState => None,
    }));
    problems
}

fn in_words(kinds: &[RouteKind]) -> String {
    let names: Vec<&str> = kinds.iter().map(|kind| kind.attribute()).collect();
    match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

fn is_within(module: &str, outer: &str) -> bool {
    outer.is_empty() || module.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}
