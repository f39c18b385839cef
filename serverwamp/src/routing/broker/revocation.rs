//! Ending subscriptions that their subscribers have not ended.

use super::Broker;
use crate::handler::Subscription;
use crate::wire::{MatchPolicy, SessionId, SubscriptionId, Uri};

impl Broker {
    /// Ends a session's subscription and has the session told why. Returns false if it has no such subscription. When this
    /// returns no further event is queued for it.
    ///
    /// WAMP: subscription revocation, advanced profile.
    pub(crate) fn revoke(&self, session: SessionId, id: SubscriptionId, reason: &Uri) -> bool {
        let mut state = self.write();
        let Some(subscription) = self.take(&mut state, session, id) else { return false };
        // Under the lock: what a new subscription of the session is sent comes after it.
        subscription.session().outbox().push_revocation(subscription.clone(), id, reason.clone());
        drop(state);
        subscription.end();
        true
    }

    /// Ends one subscription, if it was accepted and is not over.
    pub(crate) fn revoke_one(&self, subscription: &Subscription, reason: &Uri) -> bool {
        let session = subscription.session().id();
        let is_current = |id: &SubscriptionId| {
            let state = self.read();
            state.sessions.get(&session).and_then(|own| own.active.get(id)).is_some_and(|active| active == subscription)
        };
        subscription.id().filter(is_current).is_some_and(|id| self.revoke(session, id, reason))
    }

    /// Ends all subscriptions of exactly this topic or pattern. Returns how many there were.
    pub(crate) fn revoke_all(&self, topic: &str, policy: MatchPolicy, reason: &Uri) -> usize {
        let Some(id) = self.lookup(topic, policy) else { return 0 };
        let subscribers = self.subscribers(id).unwrap_or_default();
        subscribers.into_iter().filter(|session| self.revoke(*session, id, reason)).count()
    }
}
