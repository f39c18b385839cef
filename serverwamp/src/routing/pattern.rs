//! Finding the one registration that a URI is for.

use std::collections::BTreeMap;

use regex::Regex;
use rustc_hash::FxHashMap;

use crate::wire::MatchPolicy;

/// Values by URI pattern, with the specification's best match: an exact URI first, then the longest prefix, then the
/// wildcard pattern with the longest literal run before each of its wildcards; last of all regular expressions, in
/// their order.
///
/// A prefix ends where a component does: `a.b` matches `a.b.c`, not `a.bc`, as in the specification's own example.
///
/// WAMP: pattern-based registrations, advanced profile.
#[derive(Debug)]
pub(crate) struct PatternTable<T> {
    /// The program alone fills the table, so nobody can aim for collisions.
    exact: FxHashMap<Box<str>, T>,
    prefix: BTreeMap<Box<str>, T>,
    wildcard: Vec<(Wildcard, T)>,
    regex: Vec<(Regex, T)>,
}

/// A URI of which some components, the empty ones, match any one component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wildcard(Vec<Box<str>>);

impl<T> PatternTable<T> {
    pub(crate) fn new() -> PatternTable<T> {
        PatternTable { exact: FxHashMap::default(), prefix: BTreeMap::new(), wildcard: Vec::new(), regex: Vec::new() }
    }

    pub(crate) fn insert_exact(&mut self, uri: &str, value: T) {
        self.exact.insert(uri.into(), value);
    }

    pub(crate) fn insert_prefix(&mut self, prefix: &str, value: T) {
        self.prefix.insert(prefix.into(), value);
    }

    pub(crate) fn insert_wildcard(&mut self, pattern: &str, value: T) {
        let wildcard = Wildcard::new(pattern);
        let rank = wildcard.literal_runs();
        // The longest literal run first; among equals the next run decides.
        let place = self.wildcard.partition_point(|(other, _)| other.literal_runs() >= rank);
        self.wildcard.insert(place, (wildcard, value));
    }

    pub(crate) fn insert_regex(&mut self, regex: Regex, value: T) {
        self.regex.push((regex, value));
    }

    /// The best match for a URI.
    pub(crate) fn find(&self, uri: &str) -> Option<&T> {
        if let Some(value) = self.exact.get(uri) {
            return Some(value);
        }
        self.find_prefix(uri)
            .or_else(|| self.wildcard.iter().find(|(pattern, _)| pattern.matches(uri)).map(|(_, value)| value))
            .or_else(|| self.regex.iter().find(|(regex, _)| regex.is_match(uri)).map(|(_, value)| value))
    }

    /// Whether there is a value for exactly this URI or pattern.
    pub(crate) fn contains(&self, uri: &str, policy: MatchPolicy) -> bool {
        match policy {
            MatchPolicy::Exact => self.exact.contains_key(uri),
            MatchPolicy::Prefix => self.prefix.contains_key(uri),
            MatchPolicy::Wildcard => {
                let wildcard = Wildcard::new(uri);
                self.wildcard.iter().any(|(pattern, _)| *pattern == wildcard)
            }
        }
    }

    fn find_prefix(&self, uri: &str) -> Option<&T> {
        if self.prefix.is_empty() {
            return None;
        }
        let before_and_behind = |(dot, _)| [dot + 1, dot];
        let ends = uri.rmatch_indices('.').flat_map(before_and_behind);
        let ends = std::iter::once(uri.len()).chain(ends).chain(std::iter::once(0));
        ends.filter_map(|end| uri.get(..end)).find_map(|prefix| self.prefix.get(prefix))
    }
}

impl Wildcard {
    pub(crate) fn new(pattern: &str) -> Wildcard {
        Wildcard(pattern.split('.').map(Into::into).collect())
    }

    pub(crate) fn matches(&self, uri: &str) -> bool {
        let mut components = uri.split('.');
        self.0.iter().all(|wanted| components.next().is_some_and(|given| wanted.is_empty() || **wanted == *given))
            && components.next().is_none()
    }

    /// How many literal components stand before each wildcard.
    pub(super) fn literal_runs(&self) -> Vec<usize> {
        self.0.split(|component| component.is_empty()).map(<[_]>::len).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vectors() -> serde_json::Value {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/routing/routing.json");
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    #[test]
    fn best_match_is_the_specifications() {
        let vectors = vectors();
        let case = &vectors["registration_best_match"];
        let mut table = PatternTable::new();
        for registration in case["registrations"].as_array().unwrap() {
            let (uri, id) = (registration["uri"].as_str().unwrap(), registration["id"].as_u64().unwrap());
            match registration["match"].as_str().unwrap() {
                "exact" => table.insert_exact(uri, id),
                "prefix" => table.insert_prefix(uri, id),
                _ => table.insert_wildcard(uri, id),
            }
        }
        for call in case["calls"].as_array().unwrap() {
            let uri = call["uri"].as_str().unwrap();
            assert_eq!(table.find(uri).copied(), call["expect"].as_u64(), "{uri}");
        }
    }

    #[test]
    fn wildcards_match_by_component() {
        let vectors = vectors();
        let case = &vectors["wildcard_match"];
        for (uri, expected) in case["matches"].as_object().unwrap() {
            for pattern in case["patterns"].as_array().unwrap() {
                let matches = Wildcard::new(pattern.as_str().unwrap()).matches(uri);
                assert_eq!(matches, expected.as_array().unwrap().contains(pattern), "{pattern} {uri}");
            }
        }
    }

    #[test]
    fn prefixes_end_with_a_component() {
        let mut table = PatternTable::new();
        for prefix in ["", "a.b", "files."] {
            table.insert_prefix(prefix, prefix);
        }
        let cases = [
            ("a.b", "a.b"),
            ("a.b.c", "a.b"),
            ("a.bc", ""),
            ("files.x", "files."),
            ("files", ""),
            ("files.x.y", "files."),
        ];
        for (uri, prefix) in cases {
            assert_eq!(table.find(uri), Some(&prefix), "{uri}");
        }
    }

    #[test]
    fn exact_beats_prefix_beats_wildcard_beats_regex() {
        let mut table = PatternTable::new();
        table.insert_regex(Regex::new("^a").unwrap(), 4);
        table.insert_wildcard("a..c", 3);
        table.insert_prefix("a.b", 2);
        table.insert_exact("a.b.c", 1);
        let found = ["a.b.c", "a.b.d", "a.x.c", "a.x.y", "b"].map(|uri| table.find(uri).copied());
        assert_eq!(found, [Some(1), Some(2), Some(3), Some(4), None]);
    }
}
