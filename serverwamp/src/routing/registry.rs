//! What a realm serves, put together and checked before the server listens.

use std::any::{Any, TypeId};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use regex::Regex;
use tokio::sync::Semaphore;

use super::pattern::PatternTable;
use super::realm::Realm;
use super::routes::Routes;
use crate::error::Problem;
use crate::handler::{Endpoint, Injections, Match, Requirement, RequirementKind, Route, RouteKind};

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

/// The functions of an app, in a stable order.
#[derive(Debug)]
pub(crate) struct Registry {
    routes: Vec<&'static Route>,
    /// What bounds how many calls of a function run at a time, in all realms together.
    concurrency: HashMap<(&'static str, u32), Arc<Semaphore>>,
}

impl Registry {
    /// Collects the functions that `sources` name.
    ///
    /// # Errors
    /// A listed function is not annotated, or there are none at all.
    pub(crate) fn collect(sources: &Sources) -> Result<Registry, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut routes: Vec<&'static Route> = Vec::new();
        for (function, name) in &sources.listed.0 {
            let before = routes.len();
            routes.extend(inventory::iter::<Route>().filter(|route| (route.identity)() == *function));
            if routes.len() == before {
                problems.push(Problem::new(format!(
                    "routes![{name}]: expected an annotated function; `{name}` has no #[wamp::…] attribute"
                )));
            }
        }
        routes.extend(
            inventory::iter::<Route>().filter(|route| {
                !route.manual && sources.discovered.iter().any(|module| is_within(route.module, module))
            }),
        );
        routes.sort_by_key(|route| (route.kind, route.uri, route.match_policy, route.file, route.line));
        routes.dedup_by(|one, other| std::ptr::eq(*one, *other));
        if routes.is_empty() && problems.is_empty() {
            problems.push(Problem::new(
                "no procedure found: annotate a function with #[wamp::rpc]. If the functions are in a library crate, \
                 name it once in the program, `use my_crate as _;`: the linker drops crates that are never named",
            ));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let limited = routes.iter().filter_map(|route| Some((route, route.concurrency?)));
        let concurrency = limited
            .map(|(route, permits)| ((route.file, route.line), Arc::new(Semaphore::new(permits as usize))))
            .collect();
        Ok(Registry { routes, concurrency })
    }

    pub(crate) fn routes(&self) -> &[&'static Route] {
        &self.routes
    }

    /// The endpoints of one realm; the default one where `realm` has no name.
    pub(crate) fn endpoints(
        &self,
        realm: &Realm,
        injections: &Injections,
        services: &Services,
        problems: &mut Vec<Problem>,
    ) -> PatternTable<Arc<Endpoint>> {
        let injections = Arc::new(realm.injections().over(injections));
        let mut table = PatternTable::new();
        let mut taken: BTreeMap<(Match, &str), &Route> = BTreeMap::new();
        for route in self.routes.iter().copied().filter(|route| realm.serves(route)) {
            let RouteKind::Procedure = route.kind;
            if let Some(first) = taken.insert((route.match_policy, route.uri), route) {
                problems.push(Problem::at(
                    route.location(),
                    format!(
                        "procedure `{}` is already served by `{}` at {}",
                        route.uri,
                        first.function,
                        first.location()
                    ),
                ));
                continue;
            }
            let service = route.service.and_then(|service| services.get((service.id)()).cloned());
            if let (Some(wanted), None) = (route.service, &service) {
                let name = (wanted.name)();
                problems.push(Problem::at(
                    route.location(),
                    format!("procedure `{}` is a method of `{name}`, of which there is no instance: give one to App::service", route.uri),
                ));
            }
            let parameters = (route.parameters)();
            for parameter in &parameters {
                let missing = parameter.requires.iter().filter_map(|required| missing(required, &injections));
                problems.extend(missing.map(|what| {
                    let place = format!("procedure `{}`, parameter `{}`", route.uri, parameter.name);
                    Problem::at(route.location(), format!("{place}: {what}{}", realm.in_words()))
                }));
            }
            let endpoint = Arc::new(Endpoint::new(
                route,
                parameters,
                Arc::clone(&injections),
                service,
                self.concurrency.get(&(route.file, route.line)).cloned(),
            ));
            match route.match_policy {
                Match::Exact => table.insert_exact(route.uri, endpoint),
                Match::Prefix => table.insert_prefix(route.uri, endpoint),
                Match::Wildcard => table.insert_wildcard(route.uri, endpoint),
                Match::Regex => match Regex::new(&format!("^(?:{})$", route.uri)) {
                    Ok(regex) => table.insert_regex(regex, endpoint),
                    Err(error) => problems.push(Problem::at(
                        route.location(),
                        format!("procedure `{}` is not a regular expression: {error}", route.uri),
                    )),
                },
            }
        }
        table
    }
}

fn missing(required: &Requirement, injections: &Injections) -> Option<String> {
    match required.0 {
        RequirementKind::Injected { id, name } if !injections.contains(id) => {
            Some(format!("no value of type `{name}` is injected: give one to App::inject or App::inject_with"))
        }
        RequirementKind::Injected { .. } | RequirementKind::CallState => None,
    }
}

fn is_within(module: &str, outer: &str) -> bool {
    outer.is_empty() || module.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}
