//! What decides about the requests of a realm's clients: static rules, and the realm's authorizer.

use std::time::Duration;

use super::realm::Realm;
use super::rules::{Roles, Rules};
use crate::error::Problem;
use crate::handler::{Action, Authorizer, Decision, IntoDecision, RpcError, Session};
use crate::wire::{Uri, uris};

/// What a realm has for deciding; both have to allow.
#[derive(Debug, Clone, Default)]
pub(crate) struct Authorities {
    /// None allow everything.
    rules: Option<Rules>,
    /// For a role the last one that is for it is asked.
    authorizers: Vec<(Roles, Authorizer)>,
}

impl Authorities {
    /// Whether nothing decides, and so everything is allowed.
    pub(crate) fn are_none(&self) -> bool {
        self.rules.is_none() && self.authorizers.is_empty()
    }

    /// What the rules say.
    pub(crate) fn by_rules(&self, session: &Session, uri: &Uri, action: Action) -> Decision {
        self.rules.as_ref().map_or_else(Decision::allow, |rules| rules.decide(session.authrole(), uri, action))
    }

    /// Who is asked besides about sessions with this role.
    pub(crate) fn authorizer(&self, role: &str) -> Option<&Authorizer> {
        let mut latest_first = self.authorizers.iter().rev();
        latest_first.find(|(roles, _)| roles.have(role)).map(|(_, authorizer)| authorizer)
    }

    /// Lets an authorizer be asked about these roles, in place of earlier ones.
    pub(super) fn ask_about(&mut self, roles: Roles, authorizer: Authorizer) {
        if let Roles::Any = roles {
            self.authorizers.clear();
        }
        self.authorizers.push((roles, authorizer));
    }

    /// Asks both whether a session may do what a procedure of the protocol does for it.
    ///
    /// # Errors
    /// It may not, or that could not be decided in time.
    pub(crate) async fn ask(
        &self,
        session: &Session,
        uri: &Uri,
        action: Action,
        within: Duration,
    ) -> Result<Decision, RpcError> {
        let mut decision = self.by_rules(session, uri, action);
        if let Some(authorizer) = self.authorizer(session.authrole()).filter(|_| decision.is_allowed()) {
            let asked = tokio::time::timeout(within, authorizer.decide(session.clone(), uri.clone(), action)).await;
            let answer = asked.ok().and_then(|answer| {
                answer
                    .inspect_err(|error| tracing::error!(session = %session.id(), %error, "the authorizer failed"))
                    .ok()
            });
            let undecided = || {
                let message = format!("it could not be decided whether you may {}", action.in_words(uri));
                RpcError::new(uris::AUTHORIZATION_FAILED).message(message)
            };
            decision = answer.ok_or_else(undecided)?.or_disclosure(decision.disclosure());
        }
        let what = || action.in_words(uri);
        match decision.disclosure() {
            _ if !decision.is_allowed() => Err(RpcError::not_authorized(format!("you may not {}", what()))),
            Some(false) if action.disclose_me() => {
                let message = format!("you may {}, but not be disclosed", what());
                Err(RpcError::new(uris::DISCLOSURE_DISALLOWED).message(message))
            }
            _ => Ok(decision),
        }
    }

    pub(crate) fn problems(&self) -> &[Problem] {
        self.rules.as_ref().map_or(&[], Rules::problems)
    }

    /// What there is, as the log lists it.
    pub(super) fn listings(&self) -> impl Iterator<Item = String> {
        let rules = self.rules.as_ref().map(|rules| format!("rules: {}", rules.len()));
        let authorizers =
            self.authorizers.iter().map(|(_, authorizer)| format!("authorizer  {}", authorizer.location()));
        rules.into_iter().chain(authorizers)
    }
}

impl Realm {
    /// Lets this function decide whether a session may call, subscribe, publish or register.
    ///
    /// It is asked about every CALL, SUBSCRIBE, PUBLISH and REGISTER before anything is made of it, but for those that are
    /// closed to all clients (to publish to topics of the protocol, say). What it denies is `wamp.error.not_authorized`.
    /// Where it returns an error, panics, or takes longer than
    /// [`Limits::authorization_timeout`](crate::Limits::authorization_timeout), the request is refused with
    /// `wamp.error.authorization_failed`, and the log has the cause. A publication that is refused without having asked for
    /// an acknowledgement vanishes, and is counted.
    ///
    /// What it allows is still subject to everything else: [`rules`](Realm::rules), the `role` in an attribute, and which
    /// topics the realm opens.
    ///
    /// It may wait. Meanwhile the session's other requests about topics wait for their turn; calls are asked about side by
    /// side and started in their order. What waits counts as running for
    /// [`Limits::calls_in_flight`](crate::Limits::calls_in_flight), is canceled as a running call is, and is dropped with its
    /// session. An authorizer given later replaces an earlier one.
    ///
    /// ```
    /// use serverwamp::{Action, Decision, MatchPolicy, Realm, RpcError, Session, Uri};
    ///
    /// # #[derive(Clone)]
    /// # struct Database;
    /// # impl Database { async fn is_member(&self, _: &str, _: &str) -> Result<bool, RpcError> { Ok(true) } }
    /// # let database = Database;
    /// let may = move |session: Session, uri: Uri, action: Action| {
    ///     let database = database.clone();
    ///     async move {
    ///         match uri.strip_prefix("rooms.") {
    ///             // A pattern stands for other rooms too.
    ///             _ if action.match_policy() != MatchPolicy::Exact => Ok::<_, RpcError>(Decision::deny()),
    ///             Some(room) if database.is_member(session.authid(), room).await? => Ok(Decision::allow().cached()),
    ///             _ => Ok(Decision::deny()),
    ///         }
    ///     }
    /// };
    /// let realm = Realm::new("chat").open_topics("rooms.").authorizer(may);
    /// # let _ = realm;
    /// ```
    #[must_use]
    #[track_caller]
    pub fn authorizer<F>(mut self, authorizer: impl Fn(Session, Uri, Action) -> F + Send + Sync + 'static) -> Realm
    where
        F: Future<Output: IntoDecision> + Send + 'static,
    {
        self.authorities.ask_about(Roles::Any, Authorizer::new(authorizer));
        self
    }

    /// Denies what no rule allows, with `wamp.error.not_authorized`; repeatable, the rules of several calls add up.
    ///
    /// Rules are looked at before an [`authorizer`](Realm::authorizer), which is not asked about what they deny.
    #[must_use]
    pub fn rules(mut self, rules: Rules) -> Realm {
        let before = self.authorities.rules.take().unwrap_or_default();
        self.authorities.rules = Some(before.and(rules));
        self
    }
}
