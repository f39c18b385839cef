use std::collections::BTreeMap;
use std::sync::LazyLock;

use arbitrary::Unstructured;
use regex::Regex;

use crate::routing::{PatternTable, TopicSet, UriTable};
use crate::wire::{MatchPolicy, Uri, check_uri};

const POLICIES: [MatchPolicy; 3] = [MatchPolicy::Exact, MatchPolicy::Prefix, MatchPolicy::Wildcard];

/// The loose rules of the specification.
static LOOSE: LazyLock<[Regex; 3]> = LazyLock::new(|| {
    [r"^([^\s\.#]+\.)*([^\s\.#]+)$", r"^([^\s\.#]+\.)*([^\s\.#]*)$", r"^(([^\s\.#]+\.)|\.)*([^\s\.#]+)?$"]
        .map(|rule| Regex::new(rule).unwrap())
});

type Pattern = (String, MatchPolicy);

/// Octets as changes to tables of URIs and patterns, and as URIs to look up there.
pub fn patterns(octets: &[u8]) {
    let mut input = Unstructured::new(octets);
    let mut tables = Tables::default();
    while !input.is_empty() && step(&mut input, &mut tables).is_ok() {}
    tables.empty();
}

#[derive(Default)]
struct Tables {
    /// What is in the table, by when it was inserted.
    present: BTreeMap<Pattern, usize>,
    table: UriTable<(Pattern, usize)>,
    changes: usize,
}

fn step(input: &mut Unstructured<'_>, tables: &mut Tables) -> arbitrary::Result<()> {
    match input.int_in_range(0..=7)? {
        0..=2 => tables.insert(pattern(input)?),
        3 => tables.remove(&pattern(input)?),
        4..=5 => {
            let uri = uri(input)?;
            if check(&uri, MatchPolicy::Exact) {
                tables.look_up(&uri);
            }
        }
        6 => {
            let (one, other) = (pattern(input)?, pattern(input)?);
            if check(&one.0, one.1) && check(&other.0, other.1) {
                check_coverage(&one, &other, &tables.present);
            }
        }
        _ => {
            let text = input.arbitrary::<&str>()?;
            for policy in POLICIES {
                check(text, policy);
            }
        }
    }
    Ok(())
}

fn pattern(input: &mut Unstructured<'_>) -> arbitrary::Result<Pattern> {
    Ok((uri(input)?, *input.choose(&POLICIES)?))
}

/// A text of few different components, so that many patterns match.
fn uri(input: &mut Unstructured<'_>) -> arbitrary::Result<String> {
    const PARTS: [&str; 10] = ["a", "b", "ab", "ü", "wamp", ".", ".", ".", "..", "a.b"];
    let parts = input.int_in_range(0..=8)?;
    (0..parts).map(|_| input.choose(&PARTS).copied()).collect()
}

/// Whether a text is a URI or pattern, as the rules of the specification say as well.
fn check(text: &str, policy: MatchPolicy) -> bool {
    let [exact, prefix, wildcard] = &*LOOSE;
    let judge = match policy {
        MatchPolicy::Exact => exact,
        MatchPolicy::Prefix => prefix,
        MatchPolicy::Wildcard => wildcard,
    };
    let accepted = check_uri(text, policy).is_ok();
    assert_eq!(accepted, judge.is_match(text) && text.len() <= 255, "{text:?} as {policy}");
    accepted
}

/// What matching means, in so many words.
fn matches(pattern: &Pattern, topic: &str) -> bool {
    let (pattern, policy) = (&*pattern.0, pattern.1);
    match policy {
        MatchPolicy::Exact => topic == pattern,
        MatchPolicy::Prefix => topic.starts_with(pattern),
        MatchPolicy::Wildcard => {
            let (wanted, given): (Vec<_>, Vec<_>) = (pattern.split('.').collect(), topic.split('.').collect());
            wanted.len() == given.len()
                && wanted.iter().zip(given).all(|(wanted, given)| wanted.is_empty() || *wanted == given)
        }
    }
}

impl Tables {
    fn insert(&mut self, pattern: Pattern) {
        if check(&pattern.0, pattern.1) {
            self.changes += 1;
            let uri = Uri::pattern(&pattern.0, pattern.1).unwrap();
            self.table.insert(&uri, pattern.1, (pattern.clone(), self.changes));
            self.present.insert(pattern, self.changes);
        }
    }

    fn remove(&mut self, pattern: &Pattern) {
        let removed = self.table.remove(&pattern.0, pattern.1).map(|(_, change)| change);
        assert_eq!(removed, self.present.remove(pattern), "{pattern:?}");
    }

    fn look_up(&self, uri: &str) {
        let mut found = Vec::new();
        self.table.for_each_match(uri, |(pattern, change)| found.push((pattern.clone(), *change)));
        let policies: Vec<MatchPolicy> = found.iter().map(|((_, policy), _)| *policy).collect();
        assert!(policies.is_sorted(), "exact, prefixes, wildcard patterns: {found:?}");
        found.sort();
        let matching = self.present.iter().filter(|(pattern, _)| matches(pattern, uri));
        let expected: Vec<(Pattern, usize)> = matching.map(|(pattern, change)| (pattern.clone(), *change)).collect();
        assert_eq!(found, expected, "{uri}");
        for (pattern, change) in &self.present {
            assert_eq!(self.table.get(&pattern.0, pattern.1), Some(&(pattern.clone(), *change)));
        }
        assert_eq!(self.best_match(uri), expected_best_match(&expected, uri), "{uri}: {expected:?}");
    }

    /// What the table of a program's own functions finds.
    fn best_match(&self, uri: &str) -> Option<usize> {
        let mut table = PatternTable::new();
        for ((pattern, policy), change) in &self.present {
            assert!(!table.contains(pattern, *policy));
            match policy {
                MatchPolicy::Exact => table.insert_exact(pattern, *change),
                MatchPolicy::Prefix => table.insert_prefix(pattern, *change),
                MatchPolicy::Wildcard => table.insert_wildcard(pattern, *change),
            }
            assert!(table.contains(pattern, *policy));
        }
        table.find(uri).copied()
    }

    /// Nothing is left of what is taken out.
    fn empty(mut self) {
        for pattern in std::mem::take(&mut self.present).into_keys() {
            assert!(self.table.remove(&pattern.0, pattern.1).is_some());
        }
        assert_eq!(format!("{:?}", self.table), format!("{:?}", UriTable::<(Pattern, usize)>::default()));
    }
}

/// The specification's best match: exact; else the longest prefix, which ends where a component does; else the wildcard
/// pattern with the longest literal run before each of its wildcards.
fn expected_best_match(matching: &[(Pattern, usize)], uri: &str) -> Option<usize> {
    let rank = |pattern: &Pattern| match pattern.1 {
        MatchPolicy::Exact => Some((2, Vec::new())),
        MatchPolicy::Prefix => {
            let rest = &uri[pattern.0.len()..];
            let whole = pattern.0.is_empty() || pattern.0.ends_with('.') || rest.is_empty() || rest.starts_with('.');
            whole.then(|| (1, vec![pattern.0.len()]))
        }
        MatchPolicy::Wildcard => {
            let mut runs = vec![0];
            for component in pattern.0.split('.') {
                match component.is_empty() {
                    true => runs.push(0),
                    false => *runs.last_mut().unwrap() += 1,
                }
            }
            Some((0, runs))
        }
    };
    let ranked = matching.iter().filter_map(|(pattern, change)| Some((rank(pattern)?, *change)));
    ranked.max_by(|one, other| one.0.cmp(&other.0)).map(|(_, change)| change)
}

/// What a set of topics covers, it contains all topics of; what it does not meet, it contains none of.
fn check_coverage(one: &Pattern, other: &Pattern, others: &BTreeMap<Pattern, usize>) {
    let set = match one.1 {
        MatchPolicy::Exact => TopicSet::Exact(one.0.as_str().into()),
        MatchPolicy::Prefix => TopicSet::Prefix(one.0.as_str().into()),
        MatchPolicy::Wildcard => TopicSet::Wildcard(one.0.as_str().into()),
    };
    let (pattern, policy) = other;
    let covers = set.covers(pattern, *policy);
    let meets = set.may_intersect(pattern, *policy);
    let filled =
        [fill(&one.0, "a"), fill(&other.0, "a"), fill(&other.0, "c"), format!("{pattern}x"), format!("{}x", one.0)];
    for topic in others.keys().map(|(topic, _)| topic).chain(&filled) {
        let is_reserved = *topic == "wamp" || topic.starts_with("wamp.");
        let named = |pattern: &str| pattern == "wamp" || pattern.starts_with("wamp.");
        if check_uri(topic, MatchPolicy::Exact).is_err() || !matches(other, topic) || is_reserved && !named(pattern) {
            continue;
        }
        let contains = set.contains(topic);
        assert_eq!(contains, matches(one, topic) && (!is_reserved || named(&one.0)), "{set:?} {topic}");
        assert!(contains || !covers, "{set:?} covers {other:?}, but not {topic}");
        assert!(meets || !contains, "{set:?} does not meet {other:?}, but both have {topic}");
    }
}

/// A topic that matches a wildcard pattern.
fn fill(pattern: &str, component: &str) -> String {
    pattern.split('.').map(|given| if given.is_empty() { component } else { given }).collect::<Vec<_>>().join(".")
}
