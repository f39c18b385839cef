//! The functions that a program hosts on somebody else's router, checked before it connects.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::realm::Realm;
use super::registry::{Registry, Services};
use crate::error::Problem;
use crate::handler::{Endpoint, Injections, Match, Route, RouteKind};

impl Registry {
    /// The functions for a realm of somebody else's router, in a stable order. What such a router cannot do is a problem.
    pub(crate) fn hosted(
        &self,
        realm: &Realm,
        injections: &Injections,
        services: &Services,
        problems: &mut Vec<Problem>,
    ) -> Vec<Arc<Endpoint>> {
        let injections = Arc::new(injections.clone());
        let mut taken: BTreeMap<(Match, Option<&str>), &Route> = BTreeMap::new();
        let mut endpoints = Vec::new();
        for route in self.all() {
            if !realm.is_for(route) {
                tracing::debug!("{} is for another realm", route.listing());
                continue;
            }
            problems.extend(
                impossible(route)
                    .map(|what| Problem::at(route.location(), format!("{} cannot be hosted: {what}", route.title()))),
            );
            if route.kind == RouteKind::Procedure
                && let Some(first) = taken.insert((route.match_policy, route.uri), route)
            {
                let first = format!("`{}` at {}", first.function, first.location());
                problems.push(Problem::at(route.location(), format!("{} is already hosted by {first}", route.title())));
                continue;
            }
            endpoints.push(Arc::new(self.endpoint(route, realm, &injections, services, problems)));
        }
        endpoints
    }
}

/// What somebody else's router cannot do with a function.
fn impossible(route: &Route) -> Option<&'static str> {
    match (route.kind, route.match_policy) {
        (RouteKind::Subscribe | RouteKind::Unsubscribe, _) => {
            Some("the router decides who may subscribe; for the events of a topic there is #[wamp::event]")
        }
        (RouteKind::Procedure | RouteKind::Event, Match::Regex) => {
            Some("routers know the policies exact, prefix and wildcard; regular expressions are for what is served")
        }
        _ => None,
    }
}
