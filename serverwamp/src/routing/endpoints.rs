//! The functions of one realm, by what they are for.

use std::collections::HashMap;
use std::sync::Arc;

use regex::Regex;

use super::coverage::{TopicSet, has_wildcard};
use super::pattern::{PatternTable, Wildcard};
use crate::handler::{Endpoint, Match, RouteKind};
use crate::wire::MatchPolicy;

/// The functions of one realm.
#[derive(Debug)]
pub(crate) struct Endpoints {
    /// All that was annotated, in a stable order.
    pub(super) all: Vec<Arc<Endpoint>>,
    pub(crate) procedures: PatternTable<Arc<Endpoint>>,
    pub(super) subscribe: TopicHandlers,
    pub(crate) unsubscribe: TopicHandlers,
    pub(crate) events: TopicHandlers,
    pub(crate) join: Vec<Arc<Endpoint>>,
    pub(crate) leave: Vec<Arc<Endpoint>>,
    /// What all calls go to in place of procedures.
    pub(super) call_handler: Option<Arc<Endpoint>>,
    /// What decides about all subscriptions in place of subscribe functions.
    pub(super) subscription_handler: Option<Arc<Endpoint>>,
}

/// Functions of topics.
#[derive(Debug, Default)]
pub(crate) struct TopicHandlers {
    exact: HashMap<&'static str, Vec<Arc<Endpoint>>>,
    /// The most specific first.
    patterns: Vec<(Pattern, Arc<Endpoint>)>,
}

/// What topics a function is for.
#[derive(Debug)]
enum Pattern {
    Prefix(&'static str),
    Wildcard(Wildcard, &'static str),
    Regex(Regex),
    Any,
}

impl Endpoints {
    pub(super) fn new() -> Endpoints {
        Endpoints {
            all: Vec::new(),
            procedures: PatternTable::new(),
            subscribe: TopicHandlers::default(),
            unsubscribe: TopicHandlers::default(),
            events: TopicHandlers::default(),
            join: Vec::new(),
            leave: Vec::new(),
            call_handler: None,
            subscription_handler: None,
        }
    }

    /// Adds a function behind those that are as specific.
    ///
    /// # Errors
    /// Its URI is to be a regular expression and is none.
    pub(super) fn insert(&mut self, endpoint: Arc<Endpoint>) -> Result<(), regex::Error> {
        self.all.push(Arc::clone(&endpoint));
        let route = endpoint.route();
        let uri = route.uri.unwrap_or_default();
        let topics = match route.kind {
            RouteKind::Procedure => {
                match route.match_policy {
                    Match::Exact => self.procedures.insert_exact(uri, endpoint),
                    Match::Prefix => self.procedures.insert_prefix(uri, endpoint),
                    Match::Wildcard => self.procedures.insert_wildcard(uri, endpoint),
                    Match::Regex => self.procedures.insert_regex(whole(uri)?, endpoint),
                }
                return Ok(());
            }
            RouteKind::Join => {
                self.join.push(endpoint);
                return Ok(());
            }
            RouteKind::Leave => {
                self.leave.push(endpoint);
                return Ok(());
            }
            RouteKind::Subscribe => &mut self.subscribe,
            RouteKind::Unsubscribe => &mut self.unsubscribe,
            RouteKind::Event => &mut self.events,
        };
        topics.insert(route.uri, route.match_policy, endpoint)
    }

    /// The functions that decide about a subscription, the most specific first.
    pub(crate) fn deciding(&self, topic: &str, policy: MatchPolicy) -> Vec<Arc<Endpoint>> {
        match &self.subscription_handler {
            Some(handler) => vec![Arc::clone(handler)],
            None => self.subscribe.covering(topic, policy),
        }
    }
}

impl TopicHandlers {
    fn insert(
        &mut self,
        topic: Option<&'static str>,
        policy: Match,
        endpoint: Arc<Endpoint>,
    ) -> Result<(), regex::Error> {
        let pattern = match (topic, policy) {
            (None, _) => Pattern::Any,
            (Some(topic), Match::Exact) => {
                self.exact.entry(topic).or_default().push(endpoint);
                return Ok(());
            }
            (Some(topic), Match::Prefix) => Pattern::Prefix(topic),
            (Some(topic), Match::Wildcard) => Pattern::Wildcard(Wildcard::new(topic), topic),
            (Some(topic), Match::Regex) => Pattern::Regex(whole(topic)?),
        };
        let place = self.patterns.partition_point(|(other, _)| !pattern.is_before(other));
        self.patterns.insert(place, (pattern, endpoint));
        Ok(())
    }
}

impl TopicHandlers {
    /// The functions that are for all topics of a subscription, the most specific first.
    pub(crate) fn covering(&self, topic: &str, policy: MatchPolicy) -> Vec<Arc<Endpoint>> {
        if policy == MatchPolicy::Exact || (policy == MatchPolicy::Wildcard && !has_wildcard(topic)) {
            return self.matching(topic).cloned().collect();
        }
        let patterns = self.patterns.iter().filter(|(pattern, _)| pattern.set().covers(topic, policy));
        patterns.map(|(_, endpoint)| Arc::clone(endpoint)).collect()
    }

    /// The functions that are for this one topic, the most specific first: exact, then the longest prefix, then
    /// wildcards, regular expressions, and those of any topic.
    pub(crate) fn matching(&self, topic: &str) -> impl Iterator<Item = &Arc<Endpoint>> {
        let exact = self.exact.get(topic).into_iter().flatten();
        let patterns = self.patterns.iter().filter(move |(pattern, _)| pattern.matches(topic));
        exact.chain(patterns.map(|(_, endpoint)| endpoint))
    }

    #[cfg(test)]
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Endpoint>> {
        self.exact.values().flatten().chain(self.patterns.iter().map(|(_, endpoint)| endpoint))
    }

    /// What each function is for, in no order.
    pub(crate) fn sets(&self) -> impl Iterator<Item = TopicSet> {
        let exact = self.exact.keys().map(|topic| TopicSet::Exact((*topic).into()));
        exact.chain(self.patterns.iter().map(|(pattern, _)| pattern.set()))
    }
}

impl Pattern {
    /// The topics that a function is for; any topic are those that begin with nothing.
    fn set(&self) -> TopicSet {
        match self {
            Pattern::Prefix(topic) => TopicSet::Prefix((*topic).into()),
            Pattern::Wildcard(_, topic) => TopicSet::Wildcard((*topic).into()),
            Pattern::Regex(regex) => TopicSet::Regex(regex.clone()),
            Pattern::Any => TopicSet::Prefix("".into()),
        }
    }

    /// Prefixes of topics are prefixes of their text, unlike those of procedures.
    fn matches(&self, topic: &str) -> bool {
        match self {
            Pattern::Prefix(prefix) => topic.starts_with(prefix),
            Pattern::Wildcard(wildcard, _) => wildcard.matches(topic),
            Pattern::Regex(regex) => regex.is_match(topic),
            Pattern::Any => true,
        }
    }

    fn is_before(&self, other: &Pattern) -> bool {
        match (self, other) {
            (Pattern::Prefix(one), Pattern::Prefix(other)) => one.len() > other.len(),
            (Pattern::Wildcard(one, _), Pattern::Wildcard(other, _)) => one.literal_runs() > other.literal_runs(),
            (one, other) => one.rank() < other.rank(),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Pattern::Prefix(_) => 0,
            Pattern::Wildcard(..) => 1,
            Pattern::Regex(..) => 2,
            Pattern::Any => 3,
        }
    }
}

/// A regular expression that matches whole URIs.
fn whole(expression: &str) -> Result<Regex, regex::Error> {
    Regex::new(&format!("^(?:{expression})$"))
}
