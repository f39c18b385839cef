//! The topic that a session subscribes to, as a parameter.

use std::fmt;
use std::ops::Deref;

use super::call::Call;
use super::error::RpcError;
use super::extract::{FromCall, Parameter, Requirement};
use super::route::RouteKind;
use super::subscription::Subscription;
use crate::wire::{MatchPolicy, Uri};

/// The kinds of functions that run for a subscription.
const KINDS: &[RouteKind] = &[RouteKind::Subscribe, RouteKind::Unsubscribe];

/// The topic, or the pattern of topics, that a subscription is for; for subscribe and unsubscribe functions.
///
/// ```
/// use serverwamp::{RpcError, Topic, wamp};
///
/// #[wamp::subscribe("rooms.", match = "prefix")]
/// async fn enter(topic: Topic) -> Result<(), RpcError> {
///     match topic.ends_with(".secret") {
///         true => Err(RpcError::not_authorized("nobody enters here")),
///         false => Ok(()),
///     }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Topic {
    uri: Uri,
    match_policy: MatchPolicy,
}

impl Topic {
    /// How the subscription compares the topics of events with this one.
    pub fn match_policy(&self) -> MatchPolicy {
        self.match_policy
    }
}

impl Deref for Topic {
    type Target = str;

    fn deref(&self) -> &str {
        &self.uri
    }
}

/// So that it can be published to.
impl AsRef<str> for Topic {
    fn as_ref(&self) -> &str {
        &self.uri
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uri.fmt(formatter)
    }
}

impl<'c> FromCall<'c> for Topic {
    fn from_call(call: &'c Call, _: &Parameter<'_, 'c>) -> Result<Topic, RpcError> {
        let match_policy = subscription(call)?.match_policy();
        Ok(Topic { uri: call.uri().clone(), match_policy })
    }

    fn requires() -> Vec<Requirement> {
        vec![Requirement::function("Topic", KINDS)]
    }
}

impl<'c> FromCall<'c> for Subscription {
    fn from_call(call: &'c Call, _: &Parameter<'_, 'c>) -> Result<Subscription, RpcError> {
        subscription(call).cloned()
    }

    fn requires() -> Vec<Requirement> {
        vec![Requirement::function("Subscription", KINDS)]
    }
}

/// The subscription that a handler runs for.
pub(super) fn subscription(call: &Call) -> Result<&Subscription, RpcError> {
    call.subscription().ok_or_else(|| RpcError::internal(&"there is no subscription"))
}
