//! Which of many URIs and patterns match one URI: for subscriptions and registrations alike.

mod prefix;
mod wildcard;

use std::collections::HashMap;

use self::prefix::PrefixTree;
use self::wildcard::WildcardTree;
use crate::wire::{MatchPolicy, Uri};

/// Values by URI or pattern, of which all that match a URI are found: a topic's, where it is that of subscriptions.
///
/// What that costs does not depend on how many exact URIs there are, and grows with the prefixes that match only, and
/// with the wildcard patterns that match or begin as if they would. A prefix is one of the text: `a.b` matches `a.bc`.
///
/// WAMP: pattern-based subscriptions and registrations, advanced profile.
#[derive(Debug)]
pub struct UriTable<T> {
    exact: HashMap<Uri, T>,
    prefix: PrefixTree<T>,
    wildcard: WildcardTree<T>,
}

impl<T> Default for UriTable<T> {
    fn default() -> UriTable<T> {
        UriTable { exact: HashMap::new(), prefix: PrefixTree::default(), wildcard: WildcardTree::default() }
    }
}

impl<T> UriTable<T> {
    /// The value of exactly this topic or pattern.
    pub fn get(&self, topic: &str, policy: MatchPolicy) -> Option<&T> {
        match policy {
            MatchPolicy::Exact => self.exact.get(topic),
            MatchPolicy::Prefix => self.prefix.get(topic),
            MatchPolicy::Wildcard => self.wildcard.get(topic),
        }
    }

    /// Sets the value of a topic or pattern.
    pub fn insert(&mut self, topic: &Uri, policy: MatchPolicy, value: T) {
        match policy {
            MatchPolicy::Exact => drop(self.exact.insert(topic.clone(), value)),
            MatchPolicy::Prefix => self.prefix.insert(topic, value),
            MatchPolicy::Wildcard => self.wildcard.insert(topic, value),
        }
    }

    /// Takes a topic or pattern out.
    pub fn remove(&mut self, topic: &str, policy: MatchPolicy) -> Option<T> {
        match policy {
            MatchPolicy::Exact => self.exact.remove(topic),
            MatchPolicy::Prefix => self.prefix.remove(topic),
            MatchPolicy::Wildcard => self.wildcard.remove(topic),
        }
    }

    /// All values whose topic or pattern matches a topic: the exact one first, then prefixes, then wildcard patterns.
    /// Returns how many components of wildcard patterns were compared, those of patterns that only begin as the topic does
    /// included; patterns share those that they begin with.
    pub fn for_each_match<'t>(&'t self, topic: &str, mut found: impl FnMut(&'t T)) -> usize {
        self.exact.get(topic).into_iter().for_each(&mut found);
        self.prefix.for_each_match(topic, &mut found);
        self.wildcard.for_each_match(topic, &mut found)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::pattern::Wildcard;
    use super::*;

    /// What matching means, in so many words.
    fn matches(pattern: &str, policy: MatchPolicy, topic: &str) -> bool {
        match policy {
            MatchPolicy::Exact => topic == pattern,
            MatchPolicy::Prefix => topic.starts_with(pattern),
            MatchPolicy::Wildcard => Wildcard::new(pattern).matches(topic),
        }
    }

    fn found(table: &UriTable<(String, MatchPolicy)>, topic: &str) -> Vec<(String, MatchPolicy)> {
        let mut found = Vec::new();
        table.for_each_match(topic, |value| found.push(value.clone()));
        found
    }

    fn vectors() -> serde_json::Value {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/routing/routing.json");
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    #[test]
    fn prefixes_are_those_of_the_vectors() {
        let case = &vectors()["prefix_match"];
        let mut table = UriTable::default();
        let pattern = case["pattern"].as_str().unwrap();
        table.insert(&Uri::new(pattern).unwrap(), MatchPolicy::Prefix, (pattern.to_owned(), MatchPolicy::Prefix));
        for (list, expected) in [("match", 1), ("no_match", 0)] {
            for topic in case[list].as_array().unwrap() {
                assert_eq!(found(&table, topic.as_str().unwrap()).len(), expected, "{topic}");
            }
        }
    }

    #[test]
    fn wildcards_are_those_of_the_vectors() {
        let case = &vectors()["wildcard_match"];
        let mut table = UriTable::default();
        for pattern in case["patterns"].as_array().unwrap() {
            let pattern = pattern.as_str().unwrap();
            let uri = Uri::pattern(pattern, MatchPolicy::Wildcard).unwrap();
            table.insert(&uri, MatchPolicy::Wildcard, (pattern.to_owned(), MatchPolicy::Wildcard));
        }
        for (topic, expected) in case["matches"].as_object().unwrap() {
            let expected: BTreeSet<&str> = expected.as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
            let found = found(&table, topic);
            assert_eq!(found.iter().map(|(pattern, _)| pattern.as_str()).collect::<BTreeSet<_>>(), expected, "{topic}");
            assert_eq!(found.len(), expected.len(), "{topic}: each once");
        }
    }

    /// Few and short components of few letters, one of two octets, so that much collides.
    fn pattern() -> impl Strategy<Value = (String, MatchPolicy)> {
        let exact = "[abü]{1,3}(\\.[abü]{1,2}){0,3}".prop_map(|topic| (topic, MatchPolicy::Exact));
        let prefix = "([abü]{1,3}(\\.[abü]{1,2}){0,3}\\.?)?".prop_map(|topic| (topic, MatchPolicy::Prefix));
        let wildcard = "[abü]{0,2}(\\.[abü]{0,2}){0,3}".prop_map(|topic| (topic, MatchPolicy::Wildcard));
        prop_oneof![exact, prefix, wildcard]
    }

    proptest! {
        #[test]
        fn what_is_found_is_what_matches(
            changes in prop::collection::vec((pattern(), prop::bool::weighted(0.7)), 0..60),
            topics in prop::collection::vec("[abü]{1,3}(\\.[abü]{1,2}){0,3}", 1..20),
        ) {
            let mut table = UriTable::default();
            let mut present: BTreeSet<(String, MatchPolicy)> = BTreeSet::new();
            for ((topic, policy), added) in changes {
                let uri = Uri::pattern(&topic, policy).unwrap();
                prop_assert_eq!(table.get(&topic, policy).is_some(), present.contains(&(topic.clone(), policy)));
                if added {
                    table.insert(&uri, policy, (topic.clone(), policy));
                    present.insert((topic, policy));
                } else {
                    prop_assert_eq!(table.remove(&topic, policy).is_some(), present.remove(&(topic, policy)));
                }
            }
            for topic in topics {
                let mut found = found(&table, &topic);
                found.sort();
                let expected: Vec<_> =
                    present.iter().filter(|(pattern, policy)| matches(pattern, *policy, &topic)).cloned().collect();
                prop_assert_eq!(found, expected, "{}", topic);
            }
        }

        #[test]
        fn nothing_is_left_of_what_is_taken_out(patterns in prop::collection::vec(pattern(), 0..40)) {
            let mut table = UriTable::default();
            for (topic, policy) in &patterns {
                table.insert(&Uri::pattern(topic, *policy).unwrap(), *policy, ());
            }
            for (topic, policy) in &patterns {
                table.remove(topic, *policy);
            }
            prop_assert_eq!(format!("{table:?}"), format!("{:?}", UriTable::<()>::default()));
        }
    }
}
