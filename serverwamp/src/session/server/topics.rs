//! What a session says about topics.

use super::{ServerSession, State};
use crate::wire::{
    Feature, Message, PublicationId, Published, RequestId, Subscribed, SubscriptionId, Unsubscribed,
    UnsubscribedDetails,
};

impl ServerSession {
    /// Answers a SUBSCRIBE.
    pub(crate) fn subscribed(&mut self, request: RequestId, subscription: SubscriptionId) {
        self.write_established(&Message::Subscribed(Subscribed { request, subscription }));
    }

    /// Answers an UNSUBSCRIBE.
    pub(crate) fn unsubscribed(&mut self, request: RequestId) {
        let answer = Unsubscribed { request: Some(request), details: UnsubscribedDetails::default().into() };
        self.write_established(&Message::Unsubscribed(Box::new(answer)));
    }

    /// Tells a client that understands it that the server has ended a subscription by itself; others hear no more of it.
    ///
    /// WAMP: subscription revocation, advanced profile.
    pub(crate) fn revoked(&mut self, subscription: SubscriptionId, reason: &str) {
        if !self.client.subscriber.contains(Feature::SubscriptionRevocation) {
            return;
        }
        let details = UnsubscribedDetails { subscription: Some(subscription), reason: Some(reason.into()) };
        self.write_established(&Message::Unsubscribed(Box::new(Unsubscribed {
            request: None,
            details: details.into(),
        })));
    }

    /// Answers a PUBLISH.
    pub(crate) fn published(&mut self, request: RequestId, publication: PublicationId) {
        self.write_established(&Message::Published(Published { request, publication }));
    }

    pub(super) fn is_in_session(&self) -> bool {
        matches!(self.state, State::Established | State::Leaving)
    }

    /// Nothing about topics or registrations is said to a client that has left.
    pub(super) fn write_established(&mut self, message: &Message) {
        if self.is_in_session() {
            self.write(message);
        }
    }
}
