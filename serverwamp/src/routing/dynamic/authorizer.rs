//! What sessions may do, decided by a procedure.

use std::panic::Location;
use std::sync::Arc;

use super::{Asked, answer, details};
use crate::error::Problem;
use crate::handler::{Action, ActionKind, Authorizer, Decision, RpcError, RpcResult, Session};
use crate::routing::Realm;
use crate::routing::rules::Roles;
use crate::wire::{Dict, Uri, Value};

/// A procedure that decides what sessions may do, for [`Realm::dynamic_authorizer`]. A text is one for all roles.
///
/// It is called as `authorize(session, uri, action)`: what is known of the session (a dictionary of `session`, `realm`,
/// `authid`, `authrole`, `authmethod`, `authprovider`, `transport` and `options`), the URI, and `"call"`, `"subscribe"`,
/// `"publish"` or `"register"`. It answers `true` or `false`, or with `allow`, `disclose` and `cache`, as keywords or in one
/// dictionary: see [`Decision`]. The `options` are `match`, the policy of a subscription or registration, and
/// `disclose_me`: a URI with the policy `prefix` stands for all that begin with it.
#[derive(Debug, Clone)]
#[must_use]
pub struct DynamicAuthorizer {
    asked: Asked,
    roles: String,
    passes_options: bool,
}

impl DynamicAuthorizer {
    /// The procedure of this name, asked about all sessions of its realm.
    pub fn new(procedure: impl Into<String>) -> DynamicAuthorizer {
        DynamicAuthorizer { asked: Asked::new(procedure.into()), roles: "*".to_owned(), passes_options: false }
    }

    /// Asks only about sessions with one of these roles, as in `"frontend | guest"`. About the others, whatever else the
    /// realm has decides.
    ///
    /// Whoever registers the procedure as a client of the same realm needs a role that it is not asked about: there would be
    /// nobody to answer.
    pub fn for_roles(mut self, roles: impl Into<String>) -> DynamicAuthorizer {
        self.roles = roles.into();
        self
    }

    /// Asks the procedure of another realm, which has to be a configured router or have sessions. Default: of the session's.
    pub fn in_realm(mut self, realm: impl Into<String>) -> DynamicAuthorizer {
        self.asked.realm = Some(realm.into());
        self
    }

    /// Passes the `options` as a fourth positional argument as well, for procedures written for a Crossbar that does so.
    /// Default: three arguments.
    pub fn pass_options(mut self) -> DynamicAuthorizer {
        self.passes_options = true;
        self
    }

    async fn decide(&self, session: Session, uri: Uri, action: Action) -> Result<Decision, RpcError> {
        let mut options = Dict::new();
        match action.kind() {
            ActionKind::Subscribe | ActionKind::Register => {
                options.insert("match", action.match_policy().to_string());
            }
            ActionKind::Call | ActionKind::Publish => {
                options.insert("disclose_me", action.disclose_me());
            }
        }
        let mut client = details::of_session(&session);
        client.insert("options", Value::Map(options.clone()));
        let mut arguments = RpcResult::new().arg(client).arg(uri.as_str()).arg(action.kind().name());
        if self.passes_options {
            arguments = arguments.arg(options);
        }
        let answer = self.asked.call(&session, arguments).await?;
        answer::decision(&answer).map_err(|expected| {
            RpcError::default().message(format!("`{}` has answered something else: {expected}", self.asked.procedure))
        })
    }
}

impl From<&str> for DynamicAuthorizer {
    fn from(procedure: &str) -> DynamicAuthorizer {
        DynamicAuthorizer::new(procedure)
    }
}

impl From<String> for DynamicAuthorizer {
    fn from(procedure: String) -> DynamicAuthorizer {
        DynamicAuthorizer::new(procedure)
    }
}

impl Realm {
    /// Lets a procedure decide what sessions may do, whoever answers it: a client of the realm that has registered it, or a
    /// function of the program; repeatable, and of several for one role the last one is asked.
    ///
    /// It takes the place of an [`authorizer`](Realm::authorizer) for the roles that it is for, and all that is said there
    /// holds: [`rules`](Realm::rules) have to allow as well, and where the procedure is missing, fails, is slow or answers
    /// something else, the request is refused with `wamp.error.authorization_failed`. The router itself calls the procedure,
    /// so no rule need allow that; rules should keep clients from calling or registering it.
    ///
    /// ```
    /// use serverwamp::{ActionKind, DynamicAuthorizer, MatchPolicy, Realm, Rules};
    ///
    /// let all = ActionKind::ALL;
    /// let rules = Rules::new()
    ///     .allow("backend", "com.example.authorize", MatchPolicy::Exact, [ActionKind::Register])
    ///     .allow("frontend", "com.example.shop.", MatchPolicy::Prefix, all);
    /// let realm = Realm::new("shop")
    ///     .router()
    ///     .rules(rules)
    ///     .dynamic_authorizer(DynamicAuthorizer::new("com.example.authorize").for_roles("frontend"));
    /// # let _ = realm;
    /// ```
    #[must_use]
    #[track_caller]
    pub fn dynamic_authorizer(mut self, authorizer: impl Into<DynamicAuthorizer>) -> Realm {
        let authorizer = authorizer.into();
        let location = Location::caller();
        let location = || format!("{}:{}", location.file(), location.line());
        if let Some(problem) = authorizer.asked.problem() {
            self.problems.push(Problem::at(location(), format!("a dynamic authorizer: {problem}")));
        }
        let roles = Roles::parse(&authorizer.roles).unwrap_or_else(|problem| {
            self.problems.push(Problem::at(location(), format!("a dynamic authorizer's role: {problem}")));
            Roles::Any
        });
        let authorizer = Arc::new(authorizer);
        let decide = move |session, uri, action| {
            let authorizer = Arc::clone(&authorizer);
            async move { authorizer.decide(session, uri, action).await }
        };
        self.authorities.ask_about(roles, Authorizer::new(decide));
        self
    }
}
