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
        self.revoke_if(session, id, reason, |_| true)
    }

    fn revoke_if(
        &self,
        session: SessionId,
        id: SubscriptionId,
        reason: &Uri,
        wanted: impl Fn(&Subscription) -> bool,
    ) -> bool {
        let mut state = self.write();
        let active = state.sessions.get(&session).and_then(|own| own.active.get(&id));
        if !active.is_some_and(wanted) {
            return false;
        }
        let Some(subscription) = self.take(&mut state, session, id) else { return false };
        // Under the lock: what a new subscription of the session is sent comes after it.
        subscription.session().outbox().push_revocation(subscription.clone(), id, reason.clone());
        drop(state);
        subscription.end();
        true
    }

    /// Ends one subscription, if it was accepted and is not over.
    pub(crate) fn revoke_one(&self, subscription: &Subscription, reason: &Uri) -> bool {
        // The session may have subscribed anew meanwhile, which is another subscription.
        let is_it = |active: &Subscription| active == subscription;
        subscription.id().is_some_and(|id| self.revoke_if(subscription.session().id(), id, reason, is_it))
    }

    /// Ends all subscriptions of exactly this topic or pattern. Returns how many there were.
    pub(crate) fn revoke_all(&self, topic: &str, policy: MatchPolicy, reason: &Uri) -> usize {
        let Some(id) = self.lookup(topic, policy) else { return 0 };
        let subscribers = self.subscribers(id).unwrap_or_default();
        subscribers.into_iter().filter(|session| self.revoke(*session, id, reason)).count()
    }
}
