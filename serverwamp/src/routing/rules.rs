//! Static rules: which role may do what, on which URIs.

#[cfg(feature = "config")]
mod toml;

use std::panic::Location;

use serde::de::{Deserialize, Deserializer, Error as _};

use super::coverage::TopicSet;
use crate::error::Problem;
use crate::handler::{Action, ActionKind, Decision};
use crate::wire::{MatchPolicy, Uri};

/// Which roles may do what, on which URIs: whatever no rule allows is denied.
///
/// Rules only allow. An action is allowed if there is a rule for the session's role, the action and the URI; the order of
/// rules does not matter, and no rule takes away what another gives. A subscription or registration of a pattern is allowed
/// only by a rule whose URIs cover all that the pattern stands for: one for the prefix `news.sports.` does not allow the
/// prefix `news.`, nor the wildcard pattern `news..scores`. URIs of the protocol, `wamp.…`, are allowed by rules that name
/// them: one for the empty prefix does not.
///
/// ```
/// use serverwamp::{ActionKind, MatchPolicy, Realm, Rules};
///
/// let rules = Rules::new()
///     .allow("*", "time.now", MatchPolicy::Exact, [ActionKind::Call])
///     .allow("customer | staff", "news.", MatchPolicy::Prefix, [ActionKind::Subscribe])
///     .allow("staff", "orders..cancel", MatchPolicy::Wildcard, [ActionKind::Call])
///     .allow("staff", "chat.", MatchPolicy::Prefix, [ActionKind::Subscribe, ActionKind::Publish])
///     .disclose(true);
/// let realm = Realm::new("shop").topics("news.").open_topics("chat.").rules(rules);
/// # let _ = realm;
/// ```
///
/// They are also read from TOML (with the feature `config`), or whatever else serde reads: a list of dictionaries of
/// `role`, `uri`, `match` (default `exact`), `actions`, and `disclose` (may be left out).
///
/// All rules are looked through for each request.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    rules: Vec<Rule>,
    /// What is wrong with rules of the program, found when it starts.
    problems: Vec<Problem>,
}

/// One rule.
#[derive(Debug, Clone)]
struct Rule {
    roles: Roles,
    uris: TopicSet,
    actions: Vec<ActionKind>,
    disclose: Option<bool>,
}

/// The roles that a rule, or an authorizer, is for.
#[derive(Debug, Clone)]
pub(super) enum Roles {
    Any,
    Named(Vec<String>),
}

/// A rule as text has it.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleText {
    role: String,
    uri: String,
    #[serde(rename = "match", default)]
    match_policy: MatchPolicy,
    actions: Vec<ActionKind>,
    disclose: Option<bool>,
}

impl Rules {
    /// No rules: nothing is allowed.
    pub fn new() -> Rules {
        Rules::default()
    }

    /// Allows actions on the URIs that match a pattern.
    ///
    /// `role` is a role, several as in `"customer | staff"`, or `"*"` for every role. A prefix is one of the URI's text. A
    /// mistake in a rule, such as a pattern that cannot match, is found before the server listens.
    #[must_use]
    #[track_caller]
    pub fn allow(
        mut self,
        role: impl Into<String>,
        uri: impl Into<String>,
        match_policy: MatchPolicy,
        actions: impl IntoIterator<Item = ActionKind>,
    ) -> Rules {
        let actions = actions.into_iter().collect();
        let rule = RuleText { role: role.into(), uri: uri.into(), match_policy, actions, disclose: None };
        match Rule::try_from(rule) {
            Ok(rule) => self.rules.push(rule),
            Err(message) => {
                let location = Location::caller();
                self.problems.push(Problem::at(format!("{}:{}", location.file(), location.line()), message));
            }
        }
        self
    }

    /// Whether the callers and publishers whom the last rule allows are disclosed, whatever they ask for: with true they
    /// are, with false they may not ask for it. Of several rules that allow an action, the first that says so decides.
    #[must_use]
    pub fn disclose(mut self, disclosed: bool) -> Rules {
        if let Some(rule) = self.rules.last_mut() {
            rule.disclose = Some(disclosed);
        }
        self
    }

    /// These rules and others.
    pub(super) fn and(mut self, other: Rules) -> Rules {
        self.rules.extend(other.rules);
        self.problems.extend(other.problems);
        self
    }

    pub(super) fn problems(&self) -> &[Problem] {
        &self.problems
    }

    pub(super) fn len(&self) -> usize {
        self.rules.len()
    }

    /// What the rules say about an action of a session with this role.
    pub(crate) fn decide(&self, role: &str, uri: &Uri, action: Action) -> Decision {
        let mut allowing = self.rules.iter().filter(|rule| rule.allows(role, uri, action)).peekable();
        match allowing.peek() {
            Some(_) => Decision::allow().or_disclosure(allowing.find_map(|rule| rule.disclose)),
            None => Decision::deny(),
        }
    }
}

impl Rule {
    fn allows(&self, role: &str, uri: &Uri, action: Action) -> bool {
        self.actions.contains(&action.kind()) && self.roles.have(role) && self.uris.covers(uri, action.match_policy())
    }
}

impl Roles {
    /// Reads a role, several as in `a | b`, or `*`.
    ///
    /// # Errors
    /// What was expected.
    pub(super) fn parse(text: &str) -> Result<Roles, String> {
        let roles = match text.trim() {
            "*" => return Ok(Roles::Any),
            roles => roles.split('|').map(|role| role.trim().to_owned()).collect::<Vec<_>>(),
        };
        match roles.iter().find(|role| role.is_empty() || *role == "*") {
            Some(role) => Err(format!("expected a role, several as in `a | b`, or `*`, found `{role}`")),
            None => Ok(Roles::Named(roles)),
        }
    }

    pub(super) fn have(&self, role: &str) -> bool {
        match self {
            Roles::Any => true,
            Roles::Named(roles) => roles.iter().any(|named| named == role),
        }
    }
}

impl TryFrom<RuleText> for Rule {
    type Error = String;

    fn try_from(text: RuleText) -> Result<Rule, String> {
        let RuleText { role, uri, match_policy, actions, disclose } = text;
        let roles = Roles::parse(&role).map_err(|problem| format!("a rule's role: {problem}"))?;
        if let Err(error) = Uri::pattern(&uri, match_policy) {
            return Err(format!("a rule's URI: {error}, found `{uri}` ({match_policy})"));
        }
        if actions.is_empty() {
            return Err(format!("a rule for `{uri}` allows no actions"));
        }
        let uri = uri.into_boxed_str();
        let uris = match match_policy {
            MatchPolicy::Exact => TopicSet::Exact(uri),
            MatchPolicy::Prefix => TopicSet::Prefix(uri),
            MatchPolicy::Wildcard => TopicSet::Wildcard(uri),
        };
        Ok(Rule { roles, uris, actions, disclose })
    }
}

impl<'de> Deserialize<'de> for Rules {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Rules, D::Error> {
        let rules = Vec::<RuleText>::deserialize(deserializer)?;
        let rules = rules.into_iter().map(Rule::try_from).collect::<Result<_, _>>().map_err(D::Error::custom)?;
        Ok(Rules { rules, problems: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::routing::coverage::matches;

    fn action(kind: ActionKind, policy: MatchPolicy) -> Action {
        match kind {
            ActionKind::Call => Action::call(None),
            ActionKind::Publish => Action::publish(None),
            ActionKind::Subscribe => Action::subscribe(Some(policy)),
            ActionKind::Register => Action::register(Some(policy)),
        }
    }

    fn pattern() -> impl Strategy<Value = (String, MatchPolicy)> {
        prop_oneof![
            "[ab]{1,2}(\\.[ab]{1,2}){0,2}".prop_map(|uri| (uri, MatchPolicy::Exact)),
            "([ab]{1,2}\\.?)?".prop_map(|uri| (uri, MatchPolicy::Prefix)),
            "([ab]{0,2}\\.){0,2}[ab]{0,2}".prop_map(|uri| (uri, MatchPolicy::Wildcard)),
        ]
    }

    type Given = (&'static str, (String, MatchPolicy), Vec<ActionKind>);

    fn rule() -> impl Strategy<Value = Given> {
        let role = prop::sample::select(vec!["a", "b", "a|b", "*"]);
        (role, pattern(), prop::sample::subsequence(ActionKind::ALL.to_vec(), 1..=4))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn what_is_allowed_is_within_one_rule(
            given in prop::collection::vec(rule(), 0..4),
            kind in prop::sample::select(ActionKind::ALL.to_vec()),
            role in prop::sample::select(vec!["a", "b", "c"]),
            (uri, policy) in pattern(),
            topics in prop::collection::vec("[abc]{1,2}(\\.[abc]{1,2}){0,2}", 20),
        ) {
            let rules = given.iter().fold(Rules::new(), |rules, (role, (uri, policy), actions)| {
                rules.allow(*role, uri, *policy, actions.iter().copied())
            });
            prop_assert_eq!(rules.problems(), []);
            let policy = if matches!(kind, ActionKind::Call | ActionKind::Publish) { MatchPolicy::Exact } else { policy };
            let Ok(uri) = Uri::pattern(&uri, policy) else { return Ok(()) };
            let allowed = rules.decide(role, &uri, action(kind, policy)).is_allowed();
            let mut meant = given.iter().filter(|(roles, _, actions)| {
                (*roles == "*" || roles.split('|').any(|named| named == role)) && actions.contains(&kind)
            });
            // Of all the URIs that the pattern stands for, one rule allows each.
            let within = |(_, (rule, of), _): &Given| {
                topics.iter().filter(|topic| matches(&uri, policy, topic)).all(|topic| matches(rule, *of, topic))
            };
            if allowed {
                prop_assert!(meant.clone().any(within), "{} {} {:?}", uri, policy, given);
            }
            if policy == MatchPolicy::Exact {
                let expected = meant.any(|(_, (rule, of), _)| matches(rule, *of, &uri));
                prop_assert_eq!(allowed, expected, "{} {:?}", uri, given);
            }
        }
    }

    #[test]
    fn the_first_rule_that_allows_and_says_so_decides_about_disclosure() {
        let all = ActionKind::ALL;
        let rules = Rules::new()
            .allow("b", "a", MatchPolicy::Exact, all)
            .disclose(false)
            .allow("a", "a", MatchPolicy::Exact, all)
            .allow("a", "", MatchPolicy::Prefix, all)
            .disclose(true)
            .allow("*", "a", MatchPolicy::Exact, all)
            .disclose(false);
        let uri = Uri::new("a").unwrap();
        for (role, disclosure) in [("a", Some(true)), ("b", Some(false)), ("c", Some(false))] {
            assert_eq!(rules.decide(role, &uri, Action::publish(None)).disclosure(), disclosure, "{role}");
        }
        let other = rules.decide("b", &Uri::new("ab").unwrap(), Action::publish(None));
        assert_eq!(other, Decision::deny());
    }
}
