//! Which of several registrations that match a procedure is the best match.

use crate::handler::Match;
use crate::routing::pattern::Wildcard;
use crate::wire::MatchPolicy;

/// How precisely a registration is for the procedures that it matches: the greatest is the best match.
///
/// WAMP: pattern-based registrations, advanced profile.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Specificity {
    /// For whatever nothing else is for.
    Any,
    /// A regular expression.
    Regex,
    /// With how many literal components before each wildcard.
    Wildcard(Vec<usize>),
    /// Of so many octets.
    Prefix(usize),
    Exact,
}

impl Specificity {
    pub(super) fn of(procedure: &str, policy: MatchPolicy) -> Specificity {
        match policy {
            MatchPolicy::Exact => Specificity::Exact,
            MatchPolicy::Prefix => Specificity::Prefix(procedure.len()),
            MatchPolicy::Wildcard => Specificity::Wildcard(Wildcard::new(procedure).literal_runs()),
        }
    }

    pub(super) fn of_function(procedure: &str, policy: Match) -> Specificity {
        match policy {
            Match::Exact => Specificity::of(procedure, MatchPolicy::Exact),
            Match::Prefix => Specificity::of(procedure, MatchPolicy::Prefix),
            Match::Wildcard => Specificity::of(procedure, MatchPolicy::Wildcard),
            Match::Regex => Specificity::Regex,
        }
    }
}

/// Whether a prefix that a URI begins with ends where one of its components does.
pub(super) fn ends_with_a_component(prefix: &str, uri: &str) -> bool {
    let rest = uri.strip_prefix(prefix);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.') || prefix.is_empty() || prefix.ends_with('.'))
}
