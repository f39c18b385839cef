//! What the broker of a full router says of subscriptions: the meta events.

use super::super::coverage::is_reserved;
use super::inspection::SubscriptionInfo;
use super::{Broker, State};
use crate::handler::{Audience, IntoPayload, Publication, RpcResult};
use crate::wire::{Codec, SessionId, SubscriptionId, Uri, uris};

impl Broker {
    /// Publishes a meta event, if anybody is subscribed to it. Returns how many octets that was, times receivers.
    ///
    /// WAMP: meta API, advanced profile.
    pub(crate) fn announce(&self, topic: &'static str, payload: impl FnOnce() -> RpcResult) -> usize {
        self.announce_in(&self.read(), topic, payload)
    }

    fn announce_in(&self, state: &State, topic: &'static str, payload: impl FnOnce() -> RpcResult) -> usize {
        if self.router.is_none() || state.matching(topic).0.is_empty() {
            return 0;
        }
        let (topic, audience) = (Uri::known(topic), Audience::everyone());
        let sent = payload().into_payload(Codec::Cbor).map_err(Into::into);
        let sent = sent.and_then(|payload| self.fan_out(state, &Publication::new(&topic, &payload, &audience)));
        match sent {
            Ok(sent) => sent.octets,
            Err(error) => {
                tracing::warn!(%topic, %error, "a meta event was sent to nobody");
                0
            }
        }
    }

    /// A session is subscribed from now on, to a subscription that may be new. Of subscriptions to the protocol's own topics
    /// nothing is said: a subscriber of these events would be told of itself.
    ///
    /// The state is that of the change, so that these events are in the order of the changes.
    pub(super) fn announce_subscribed(
        &self,
        state: &State,
        session: SessionId,
        id: SubscriptionId,
        is_new: bool,
    ) -> usize {
        let Some(topic) = state.topics.get(&id).filter(|topic| !is_reserved(&topic.uri)) else { return 0 };
        let created = match is_new {
            true => self.announce_in(state, uris::SUBSCRIPTION_ON_CREATE, || {
                RpcResult::new().arg(session).arg(SubscriptionInfo::of(id, topic))
            }),
            false => 0,
        };
        let subscribed =
            self.announce_in(state, uris::SUBSCRIPTION_ON_SUBSCRIBE, || RpcResult::new().arg(session).arg(id));
        created.saturating_add(subscribed)
    }

    /// A session is not subscribed any more; with its last subscriber a subscription is over.
    pub(super) fn announce_unsubscribed(
        &self,
        state: &State,
        session: SessionId,
        id: SubscriptionId,
        topic: &Uri,
        is_over: bool,
    ) {
        if is_reserved(topic) {
            return;
        }
        let payload = || RpcResult::new().arg(session).arg(id);
        self.announce_in(state, uris::SUBSCRIPTION_ON_UNSUBSCRIBE, payload);
        if is_over {
            self.announce_in(state, uris::SUBSCRIPTION_ON_DELETE, payload);
        }
    }
}
