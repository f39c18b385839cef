//! What a realm opens to its clients: which topics, and which patterns of topics lie within them.

use regex::Regex;
use regex_syntax::hir::literal::Extractor;

use super::endpoints::Endpoints;
use super::pattern::Wildcard;
use crate::wire::{MatchPolicy, Uri};

/// A set of topics, as a realm or one of its functions names it.
#[derive(Debug, Clone)]
pub(crate) enum TopicSet {
    Exact(Box<str>),
    /// All that begin with this text.
    Prefix(Box<str>),
    Wildcard(Box<str>),
    /// All that this matches as a whole.
    Regex(Regex),
}

/// The topics that a realm opens to its clients.
#[derive(Debug, Clone, Default)]
pub(crate) struct OpenTopics {
    /// Where clients may subscribe.
    pub(crate) subscribe: Vec<TopicSet>,
    /// Where clients may publish.
    pub(crate) publish: Vec<TopicSet>,
    /// Where functions decide about subscriptions.
    guarded: Vec<TopicSet>,
    /// Whether the realm's own handler decides about all subscriptions, whatever is open.
    handled: bool,
}

impl OpenTopics {
    /// These topics, and those that functions are for.
    pub(crate) fn with_functions(mut self, endpoints: &Endpoints) -> OpenTopics {
        self.subscribe.extend(endpoints.subscribe.sets().chain(endpoints.events.sets()));
        self.publish.extend(endpoints.events.sets());
        self.guarded.extend(endpoints.subscribe.sets());
        self.handled = endpoints.subscription_handler.is_some();
        self
    }

    /// Whether clients may subscribe to a topic, or to all topics of a pattern.
    ///
    /// One set has to cover a pattern entirely, and so has each function that decides about any of its topics:
    /// otherwise a pattern could read what the function refuses.
    pub(crate) fn may_subscribe(&self, topic: &str, policy: MatchPolicy) -> bool {
        let open = self.subscribe.iter().any(|set| set.covers(topic, policy))
            && self.guarded.iter().all(|set| !set.may_intersect(topic, policy) || set.covers(topic, policy));
        open || self.handled
    }

    /// Whether clients may publish to a topic.
    pub(crate) fn may_publish(&self, topic: &Uri) -> bool {
        !is_reserved(topic) && self.publish.iter().any(|set| set.contains(topic))
    }
}

impl TopicSet {
    /// Whether a topic is one of the set. Reserved topics are only where the set names them.
    pub(crate) fn contains(&self, topic: &str) -> bool {
        if is_reserved(topic) && !self.is_reserved() {
            return false;
        }
        match self {
            TopicSet::Exact(exact) => **exact == *topic,
            TopicSet::Prefix(prefix) => topic.starts_with(&**prefix),
            TopicSet::Wildcard(pattern) => pairs(pattern, topic)
                .is_some_and(|mut pairs| pairs.all(|(wanted, it)| wanted.is_empty() || wanted == it)),
            TopicSet::Regex(regex) => regex.is_match(topic),
        }
    }

    /// Whether every topic that matches a pattern is one of the set.
    pub(crate) fn covers(&self, pattern: &str, policy: MatchPolicy) -> bool {
        let reserved = is_reserved(pattern);
        match (self, policy) {
            (_, MatchPolicy::Exact) => self.contains(pattern),
            (_, MatchPolicy::Wildcard) if !has_wildcard(pattern) => self.contains(pattern),
            (_, MatchPolicy::Prefix | MatchPolicy::Wildcard) if reserved && !self.is_reserved() => false,
            // A prefix stands for topics of any number of components.
            (TopicSet::Prefix(prefix), MatchPolicy::Prefix) => pattern.starts_with(&**prefix),
            (_, MatchPolicy::Prefix) => false,
            (TopicSet::Prefix(prefix), MatchPolicy::Wildcard) => literal_start(pattern).starts_with(&**prefix),
            (TopicSet::Wildcard(wider), MatchPolicy::Wildcard) => pairs(wider, pattern)
                .is_some_and(|mut pairs| pairs.all(|(wide, narrow)| wide.is_empty() || wide == narrow)),
            (TopicSet::Exact(_) | TopicSet::Regex(_), MatchPolicy::Wildcard) => false,
        }
    }

    /// Whether a topic that matches a pattern can be one of the set. Of a regular expression that is assumed, unless the
    /// pattern is a single topic, or what its topics begin with is something else.
    pub(crate) fn may_intersect(&self, pattern: &str, policy: MatchPolicy) -> bool {
        match (self, policy) {
            (_, MatchPolicy::Exact) => self.contains(pattern),
            (_, MatchPolicy::Wildcard) if !has_wildcard(pattern) => self.contains(pattern),
            (TopicSet::Exact(exact), _) => matches(pattern, policy, exact),
            (TopicSet::Prefix(one), MatchPolicy::Prefix) => one.starts_with(pattern) || pattern.starts_with(&**one),
            (TopicSet::Prefix(prefix), MatchPolicy::Wildcard) => prefix_meets_wildcard(prefix, pattern),
            (TopicSet::Wildcard(wildcard), MatchPolicy::Prefix) => prefix_meets_wildcard(pattern, wildcard),
            (TopicSet::Wildcard(one), MatchPolicy::Wildcard) => pairs(one, pattern)
                .is_some_and(|mut pairs| pairs.all(|(one, other)| one.is_empty() || other.is_empty() || one == other)),
            (TopicSet::Regex(regex), _) => beginnings(regex).is_none_or(|beginnings| {
                beginnings.iter().any(|beginning| TopicSet::Prefix((**beginning).into()).may_intersect(pattern, policy))
            }),
        }
    }

    fn is_reserved(&self) -> bool {
        match self {
            TopicSet::Exact(text) | TopicSet::Prefix(text) | TopicSet::Wildcard(text) => is_reserved(text),
            TopicSet::Regex(regex) => regex.as_str().trim_start_matches(['^', '(', '?', ':']).starts_with("wamp"),
        }
    }
}

/// What all topics begin with that a regular expression matches; none if that may be anything.
fn beginnings(regex: &Regex) -> Option<Vec<Box<str>>> {
    let expression = regex_syntax::parse(regex.as_str()).ok()?;
    let literals = Extractor::new().extract(&expression);
    let texts = literals.literals()?.iter().map(|literal| std::str::from_utf8(literal.as_bytes()).ok().map(Into::into));
    texts.collect()
}

/// Whether a topic or pattern is one of the protocol's own.
pub(crate) fn is_reserved(topic: &str) -> bool {
    topic.strip_prefix("wamp").is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Whether a topic matches a pattern.
pub(super) fn matches(pattern: &str, policy: MatchPolicy, topic: &str) -> bool {
    match policy {
        MatchPolicy::Exact => topic == pattern,
        MatchPolicy::Prefix => topic.starts_with(pattern),
        MatchPolicy::Wildcard => Wildcard::new(pattern).matches(topic),
    }
}

/// Whether a subscription has the events of a topic that matches: those of the protocol only if it names them.
pub(super) fn may_read(subscribed: &str, topic: &str) -> bool {
    !is_reserved(topic) || is_reserved(subscribed)
}

pub(super) fn has_wildcard(pattern: &str) -> bool {
    pattern.split('.').any(str::is_empty)
}

/// What all topics begin with that match a wildcard pattern.
pub(super) fn literal_start(pattern: &str) -> &str {
    let mut start = 0_usize;
    for component in pattern.split('.').take_while(|component| !component.is_empty()) {
        start = start.saturating_add(component.len()).saturating_add(1);
    }
    pattern.get(..start).unwrap_or(pattern)
}

/// The components of two patterns side by side, if they have as many.
fn pairs<'p>(one: &'p str, other: &'p str) -> Option<impl Iterator<Item = (&'p str, &'p str)>> {
    (one.split('.').count() == other.split('.').count()).then(|| one.split('.').zip(other.split('.')))
}

/// Whether a topic that begins with a prefix can match a wildcard pattern.
fn prefix_meets_wildcard(prefix: &str, pattern: &str) -> bool {
    let mut wanted = pattern.split('.');
    let (whole, last) = match prefix.rsplit_once('.') {
        Some((whole, last)) => (Some(whole), last),
        None => (None, prefix),
    };
    let whole = whole.into_iter().flat_map(|whole| whole.split('.'));
    whole.map(Some).all(|given| wanted.next().is_some_and(|wanted| wanted.is_empty() || Some(wanted) == given))
        && wanted.next().is_some_and(|wanted| wanted.is_empty() || wanted.starts_with(last))
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;

    /// All topics of up to three components of the letters a, b and, in no pattern, c.
    static TOPICS: LazyLock<Vec<String>> = LazyLock::new(|| {
        let letters = ["a", "b", "c"];
        let pairs = letters.iter().flat_map(|one| letters.map(|other| format!("{one}{other}")));
        let components: Vec<String> = letters.iter().map(ToString::to_string).chain(pairs).collect();
        let mut topics = components.clone();
        let mut longest = components.clone();
        for _ in 0..2 {
            longest =
                longest.iter().flat_map(|topic| components.iter().map(move |last| format!("{topic}.{last}"))).collect();
            topics.extend(longest.iter().cloned());
        }
        topics
    });

    fn pattern() -> impl Strategy<Value = (String, MatchPolicy)> {
        prop_oneof![
            "[ab]{1,2}(\\.[ab]{1,2}){0,1}".prop_map(|topic| (topic, MatchPolicy::Exact)),
            "([ab]{1,2}\\.?)?".prop_map(|topic| (topic, MatchPolicy::Prefix)),
            "([ab]{0,2}\\.){0,2}[ab]{0,2}".prop_map(|topic| (topic, MatchPolicy::Wildcard)),
        ]
    }

    fn set((pattern, policy): (String, MatchPolicy)) -> TopicSet {
        match policy {
            MatchPolicy::Exact => TopicSet::Exact(pattern.into()),
            MatchPolicy::Prefix => TopicSet::Prefix(pattern.into()),
            MatchPolicy::Wildcard => TopicSet::Wildcard(pattern.into()),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn covering_and_meeting_are_what_they_say(one in pattern(), other in pattern()) {
            let set = set(one);
            let (pattern, policy) = (&other.0, other.1);
            let mut matching = TOPICS.iter().filter(|topic| matches(pattern, policy, topic));
            let covers = matching.clone().all(|topic| set.contains(topic));
            let intersects = matching.any(|topic| set.contains(topic));
            prop_assert_eq!(set.covers(pattern, policy), covers, "{:?} covers {:?}", set, other);
            prop_assert_eq!(set.may_intersect(pattern, policy), intersects, "{:?} meets {:?}", set, other);
        }
    }

    #[test]
    fn a_regular_expression_covers_topics_it_matches_and_no_pattern() {
        let set = TopicSet::Regex(Regex::new("^(?:a\\.[0-9]+)$").unwrap());
        for (pattern, policy, covers, intersects) in [
            ("a.1", MatchPolicy::Exact, true, true),
            ("a.1", MatchPolicy::Wildcard, true, true),
            ("a.x", MatchPolicy::Exact, false, false),
            ("a.", MatchPolicy::Prefix, false, true),
            ("a", MatchPolicy::Prefix, false, true),
            ("a.2", MatchPolicy::Prefix, false, true),
            ("b", MatchPolicy::Prefix, false, false),
            ("a.", MatchPolicy::Wildcard, false, true),
            ("b.", MatchPolicy::Wildcard, false, false),
            (".b", MatchPolicy::Wildcard, false, false),
            (".", MatchPolicy::Wildcard, false, true),
        ] {
            assert_eq!(set.covers(pattern, policy), covers, "{pattern} {policy}");
            assert_eq!(set.may_intersect(pattern, policy), intersects, "{pattern} {policy}");
        }
    }

    #[test]
    fn reserved_topics_are_covered_by_what_names_them() {
        let prefix = |text: &str| TopicSet::Prefix(text.into());
        for (set, topic, policy, covers) in [
            (prefix(""), "wamp.session.on_join", MatchPolicy::Exact, false),
            (prefix(""), "wamp.session.", MatchPolicy::Prefix, false),
            (prefix(""), "wamp..on_join", MatchPolicy::Wildcard, false),
            (prefix(""), "wampum", MatchPolicy::Exact, true),
            (prefix("wamp.session."), "wamp.session.on_join", MatchPolicy::Exact, true),
            (prefix("wamp."), "wamp.session.", MatchPolicy::Prefix, true),
            (TopicSet::Wildcard("..".into()), "wamp.session.on_join", MatchPolicy::Exact, false),
            (TopicSet::Wildcard("wamp..".into()), "wamp.session.on_join", MatchPolicy::Exact, true),
            (TopicSet::Regex(Regex::new("^(?:.*)$").unwrap()), "wamp.x", MatchPolicy::Exact, false),
            (TopicSet::Regex(Regex::new("^(?:wamp\\..*)$").unwrap()), "wamp.x", MatchPolicy::Exact, true),
        ] {
            assert_eq!(set.covers(topic, policy), covers, "{set:?} {topic}");
        }
    }
}
