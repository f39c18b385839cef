//! What an authorizer is asked, and what it answers.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;

use serde::Deserialize;

use super::error::{RpcError, WampError};
use super::session::Session;
use crate::wire::{MatchPolicy, Uri};

/// What a client asks for, besides the URI: to call, subscribe, publish or register, and how.
///
/// ```
/// use serverwamp::{Action, ActionKind, Decision, Session, Uri};
///
/// /// Everybody may call; who has the cookie may do the rest.
/// async fn may(session: Session, _uri: Uri, action: Action) -> Decision {
///     match action.kind() {
///         ActionKind::Call => Decision::allow(),
///         _ if session.transport().cookie("member").is_some() => Decision::allow().cached(),
///         _ => Decision::deny(),
///     }
/// }
/// # let _ = serverwamp::Realm::new("realm1").authorizer(may);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Action {
    kind: ActionKind,
    match_policy: MatchPolicy,
    disclose_me: bool,
}

/// What a client can ask for that has to be allowed.
///
/// Read from text (TOML, say) by its name in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ActionKind {
    /// CALL of a procedure.
    Call,
    /// SUBSCRIBE to a topic, or to a pattern of topics.
    Subscribe,
    /// PUBLISH to a topic.
    Publish,
    /// REGISTER of a procedure, or of a pattern of procedures.
    Register,
}

impl ActionKind {
    /// Every kind.
    pub const ALL: [ActionKind; 4] =
        [ActionKind::Call, ActionKind::Subscribe, ActionKind::Publish, ActionKind::Register];

    /// The name in lower case.
    pub(crate) fn name(self) -> &'static str {
        match self {
            ActionKind::Call => "call",
            ActionKind::Subscribe => "subscribe",
            ActionKind::Publish => "publish",
            ActionKind::Register => "register",
        }
    }
}

impl Action {
    pub(crate) fn call(disclose_me: Option<bool>) -> Action {
        let disclose_me = disclose_me == Some(true);
        Action { kind: ActionKind::Call, match_policy: MatchPolicy::Exact, disclose_me }
    }

    pub(crate) fn publish(disclose_me: Option<bool>) -> Action {
        Action { kind: ActionKind::Publish, ..Action::call(disclose_me) }
    }

    pub(crate) fn subscribe(match_policy: Option<MatchPolicy>) -> Action {
        let match_policy = match_policy.unwrap_or_default();
        Action { kind: ActionKind::Subscribe, match_policy, disclose_me: false }
    }

    pub(crate) fn register(match_policy: Option<MatchPolicy>) -> Action {
        Action { kind: ActionKind::Register, ..Action::subscribe(match_policy) }
    }

    /// The action on all that match a pattern.
    pub(crate) fn on(self, match_policy: MatchPolicy) -> Action {
        Action { match_policy, ..self }
    }

    /// Which of the actions it is.
    pub fn kind(&self) -> ActionKind {
        self.kind
    }

    /// How the URI of a subscription or registration is compared with others; exact for calls and publications, unless
    /// [reflection](crate::Realm::reflection) asks what of the program's patterns a session may use.
    ///
    /// With a policy other than exact the URI is a pattern, and stands for all that match it: whoever is allowed to
    /// subscribe to the prefix `news` reads `news.secret`.
    pub fn match_policy(&self) -> MatchPolicy {
        self.match_policy
    }

    /// Whether a caller or publisher asks to be disclosed to those who get the call or event.
    ///
    /// WAMP: caller identification, publisher identification, advanced profile.
    pub fn disclose_me(&self) -> bool {
        self.disclose_me
    }

    /// The action in the words of messages.
    pub(crate) fn in_words(self, uri: &Uri) -> String {
        let verb = match self.kind {
            ActionKind::Call => "call",
            ActionKind::Subscribe => "subscribe to",
            ActionKind::Publish => "publish to",
            ActionKind::Register => "register",
        };
        let policy = match self.match_policy {
            MatchPolicy::Exact => "",
            MatchPolicy::Prefix => " (prefix)",
            MatchPolicy::Wildcard => " (wildcard)",
        };
        format!("{verb} `{uri}`{policy}")
    }
}

/// What an authorizer decides about one action of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Decision {
    allowed: bool,
    cached: bool,
    disclose: Option<bool>,
}

impl Decision {
    /// The session may do it.
    pub fn allow() -> Decision {
        Decision { allowed: true, cached: false, disclose: None }
    }

    /// The session may not do it: `wamp.error.not_authorized`.
    pub fn deny() -> Decision {
        Decision { allowed: false, ..Decision::allow() }
    }

    /// Lets the decision hold for the rest of the session: the authorizer is not asked again about this action on this
    /// URI. What the session asks for before the decision is there is still asked about.
    ///
    /// [`Limits::cached_decisions`](crate::Limits::cached_decisions) bounds how many are kept.
    pub fn cached(self) -> Decision {
        Decision { cached: true, ..self }
    }

    /// Whether a caller or publisher is disclosed to those who get the call or event, whatever it asked for: with true it
    /// is, with false it may not ask for it (`wamp.error.option_disallowed.disclose_me`). Without this it is as it asked.
    ///
    /// The functions of this program know the callers of their own calls in any case.
    pub fn disclose(self, disclosed: bool) -> Decision {
        Decision { disclose: Some(disclosed), ..self }
    }

    pub(crate) fn is_allowed(self) -> bool {
        self.allowed
    }

    pub(crate) fn is_cached(self) -> bool {
        self.cached
    }

    pub(crate) fn disclosure(self) -> Option<bool> {
        self.disclose
    }

    /// This decision, with another's disclosure where this one leaves it open.
    pub(crate) fn or_disclosure(self, other: Option<bool>) -> Decision {
        Decision { disclose: self.disclose.or(other), ..self }
    }
}

/// What an authorizer returns: a [`Decision`], or a `Result` of one.
#[diagnostic::on_unimplemented(
    message = "an authorizer cannot return `{Self}`",
    label = "neither a `Decision` nor a `Result` of one",
    note = "return `Decision::allow()` or `Decision::deny()`, or a `Result<Decision, E>` where `E` implements `WampError`"
)]
pub trait IntoDecision {
    /// The decision, or why there is none.
    #[doc(hidden)]
    fn into_decision(self) -> Result<Decision, RpcError>;
}

impl IntoDecision for Decision {
    fn into_decision(self) -> Result<Decision, RpcError> {
        Ok(self)
    }
}

impl<E: WampError> IntoDecision for Result<Decision, E> {
    fn into_decision(self) -> Result<Decision, RpcError> {
        self.map_err(E::into_rpc_error)
    }
}

/// The function of the program that decides what sessions of a realm may do.
#[derive(Clone)]
pub(crate) struct Authorizer {
    decide: Arc<dyn Fn(Session, Uri, Action) -> DecisionFuture + Send + Sync>,
    location: &'static Location<'static>,
}

/// What comes of asking an authorizer.
pub(crate) type DecisionFuture = Pin<Box<dyn Future<Output = Result<Decision, RpcError>> + Send>>;

impl Authorizer {
    #[track_caller]
    pub(crate) fn new<F>(authorizer: impl Fn(Session, Uri, Action) -> F + Send + Sync + 'static) -> Authorizer
    where
        F: Future<Output: IntoDecision> + Send + 'static,
    {
        let authorizer = Arc::new(authorizer);
        let decide = move |session, uri, action| -> DecisionFuture {
            let authorizer = Arc::clone(&authorizer);
            // The function is called within the future: there its panics are caught.
            Box::pin(async move { authorizer(session, uri, action).await.into_decision() })
        };
        Authorizer { decide: Arc::new(decide), location: Location::caller() }
    }

    pub(crate) fn decide(&self, session: Session, uri: Uri, action: Action) -> DecisionFuture {
        (self.decide)(session, uri, action)
    }

    /// Where it was given to its realm, as `file:line`.
    pub(crate) fn location(&self) -> String {
        format!("{}:{}", self.location.file(), self.location.line())
    }
}

impl fmt::Debug for Authorizer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "authorizer at {}", self.location)
    }
}
