//! What can be asked about subscriptions: for the meta API.

use serde::Serialize;

use super::super::history::TopicHistory;
use super::{Broker, Topic};
use crate::wire::{MatchPolicy, SessionId, SubscriptionId, Uri};

/// A subscription, as the meta API describes it.
///
/// WAMP: subscription meta API, advanced profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct SubscriptionInfo {
    id: SubscriptionId,
    /// When it began, as RFC 3339 has it.
    created: String,
    uri: String,
    #[serde(rename = "match")]
    match_policy: &'static str,
}

/// The ids of all subscriptions.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct SubscriptionList {
    exact: Vec<SubscriptionId>,
    prefix: Vec<SubscriptionId>,
    wildcard: Vec<SubscriptionId>,
}

impl SubscriptionInfo {
    pub(super) fn of(id: SubscriptionId, topic: &Topic) -> SubscriptionInfo {
        SubscriptionInfo {
            id,
            created: topic.created.to_rfc3339().unwrap_or_default(),
            uri: topic.uri.to_string(),
            match_policy: topic.policy.name(),
        }
    }
}

impl Broker {
    /// All subscriptions.
    pub(crate) fn list(&self) -> SubscriptionList {
        let mut list = SubscriptionList::default();
        for (id, topic) in &self.read().topics {
            match topic.policy {
                MatchPolicy::Exact => list.exact.push(*id),
                MatchPolicy::Prefix => list.prefix.push(*id),
                MatchPolicy::Wildcard => list.wildcard.push(*id),
            }
        }
        for ids in [&mut list.exact, &mut list.prefix, &mut list.wildcard] {
            ids.sort_unstable();
        }
        list
    }

    /// The subscription of exactly this topic or pattern.
    pub(crate) fn lookup(&self, topic: &str, policy: MatchPolicy) -> Option<SubscriptionId> {
        self.read().table.get(topic, policy).copied()
    }

    /// The subscriptions that an event of a topic is for.
    pub(crate) fn matching(&self, topic: &str) -> Vec<SubscriptionId> {
        self.read().matching(topic).0.into_iter().map(|(id, _)| id).collect()
    }

    /// What a subscription is to.
    pub(crate) fn topic_of(&self, id: SubscriptionId) -> Option<(Uri, MatchPolicy)> {
        self.read().topics.get(&id).map(|topic| (topic.uri.clone(), topic.policy))
    }

    /// Whether a session has a subscription.
    pub(crate) fn is_subscribed(&self, session: SessionId, id: SubscriptionId) -> bool {
        self.read().topics.get(&id).is_some_and(|topic| topic.subscribers.contains_key(&session))
    }

    /// A history that has all events of a subscription.
    pub(crate) fn history_of(&self, topic: &str, policy: MatchPolicy) -> Option<&TopicHistory> {
        self.router.as_ref()?.histories.iter().find(|history| history.covers(topic, policy))
    }

    /// Whether the history of a topic is kept.
    pub(super) fn keeps_history_of(&self, topic: &str) -> bool {
        self.router.as_ref().is_some_and(|router| router.histories.iter().any(|history| history.contains(topic)))
    }

    /// A subscription.
    pub(crate) fn describe(&self, id: SubscriptionId) -> Option<SubscriptionInfo> {
        self.read().topics.get(&id).map(|topic| SubscriptionInfo::of(id, topic))
    }

    /// The sessions that have a subscription.
    pub(crate) fn subscribers(&self, id: SubscriptionId) -> Option<Vec<SessionId>> {
        let mut subscribers: Vec<SessionId> = self.read().topics.get(&id)?.subscribers.keys().copied().collect();
        subscribers.sort_unstable();
        Some(subscribers)
    }

    /// How many sessions have a subscription.
    pub(crate) fn count_subscribers(&self, id: SubscriptionId) -> Option<usize> {
        self.read().topics.get(&id).map(|topic| topic.subscribers.len())
    }
}
