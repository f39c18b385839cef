//! What a client asks of the broker: SUBSCRIBE, UNSUBSCRIBE, PUBLISH.

use std::task::Context;

use tokio::time::Instant;

use super::{Connection, Joined};
use crate::handler::{Audience, Publication, PublishError, Subscription};
use crate::routing::{Begun, TooMany, is_reserved};
use crate::transport::Transport;
use crate::wire::{EventDetails, MessageType, Publish, PublishOptions, RequestId, Subscribe, Unsubscribe, uris};

impl<T: Transport> Connection<T> {
    /// A client wants the events of a topic.
    pub(super) fn subscribe(&mut self, subscribe: &Subscribe) {
        let Some(Joined { session, realm }) = &self.joined else { return };
        let (topic, request) = (&subscribe.topic, subscribe.request);
        let policy = subscribe.options.match_policy.unwrap_or_default();
        if !realm.topics().may_subscribe(topic, policy) {
            let message = format!("clients may not subscribe to `{topic}` ({policy})");
            self.session.refuse(MessageType::Subscribe, request, uris::INVALID_URI, &message);
            return;
        }
        match realm.broker().begin(session, topic, policy) {
            Ok(Begun::Existing(id)) => self.session.subscribed(request, id),
            // Whoever decides about a subscription does so between this and its acceptance.
            Ok(Begun::Pending(subscription)) => self.accept_subscription(request, &subscription),
            Err(TooMany) => {
                let (limit, maximum) = ("subscriptions", self.shared.limits.subscriptions);
                self.session.refuse_over_limit(MessageType::Subscribe, request, limit, maximum);
            }
        }
    }

    /// Lets a subscription begin: SUBSCRIBED, then what was held for it, then events as they come.
    pub(super) fn accept_subscription(&mut self, request: RequestId, subscription: &Subscription) {
        let Some(Joined { realm, .. }) = &self.joined else { return };
        // Events go through the outbox, which is emptied after what the session has to say now.
        if let Some(id) = realm.broker().accept(subscription) {
            self.session.subscribed(request, id);
        }
    }

    /// A client wants no more events of a subscription.
    pub(super) fn unsubscribe(&mut self, unsubscribe: Unsubscribe, context: &mut Context<'_>, now: Instant) {
        let Some(Joined { session, realm }) = &self.joined else { return };
        let Unsubscribe { request, subscription } = unsubscribe;
        match realm.broker().unsubscribe(session, subscription) {
            Some(_) => {
                // What was queued until now comes before UNSUBSCRIBED, nothing after it.
                self.fetch_commands(context, now);
                self.session.unsubscribed(request);
            }
            None => {
                let message = format!("there is no subscription {subscription}");
                self.session.refuse(MessageType::Unsubscribe, request, uris::NO_SUCH_SUBSCRIPTION, &message);
            }
        }
    }

    /// A client publishes.
    pub(super) fn publish(&mut self, publish: &Publish) {
        let Some(Joined { session, realm }) = &self.joined else { return };
        let (topic, request) = (&publish.topic, publish.request);
        let acknowledge = publish.options.acknowledge == Some(true);
        let published = if is_reserved(topic) {
            Err((uris::INVALID_URI, format!("`{topic}` is a topic of the protocol")))
        } else if !realm.topics().may_publish(topic) {
            Err((uris::NOT_AUTHORIZED, format!("clients may not publish to `{topic}`")))
        } else {
            let audience = Audience::of(&publish.options, session.id());
            let mut publication = Publication::new(topic, &publish.payload, &audience);
            publication.details = details(&publish.options, session);
            let sent = realm.broker().publish(&publication);
            sent.map(|sent| (publication.id, sent.octets)).map_err(refusal)
        };
        match published {
            Ok((publication, octets)) => {
                self.fanned_out = self.fanned_out.saturating_add(octets);
                if acknowledge {
                    self.session.published(request, publication);
                }
            }
            Err((error, message)) => {
                self.shared.counters.publication_refused();
                if acknowledge {
                    self.session.refuse(MessageType::Publish, request, error, &message);
                }
            }
        }
    }
}

/// What subscribers learn from a PUBLISH besides its topic.
fn details(options: &PublishOptions, publisher: &crate::handler::Session) -> EventDetails {
    let mut details = EventDetails { passthru: options.passthru.clone(), ..EventDetails::default() };
    if options.disclose_me == Some(true) {
        details.publisher = Some(publisher.id());
        details.publisher_authid = Some(publisher.authid().into());
        details.publisher_authrole = Some(publisher.authrole().into());
    }
    details
}

/// The error URI and the message for a publisher whose event nobody gets.
fn refusal(error: PublishError) -> (&'static str, String) {
    let uri = match error {
        PublishError::InvalidTopic(_) => uris::INVALID_URI,
        PublishError::Unencodable(_) => uris::INVALID_ARGUMENT,
        PublishError::TooLarge { .. } => uris::PAYLOAD_SIZE_EXCEEDED,
        PublishError::Closed => uris::RUNTIME_ERROR,
    };
    (uri, error.to_string())
}

#[cfg(test)]
mod tests {

    use bytes::Bytes;

    use super::*;
    use crate::limits::Limits;
    use crate::session::{Action, ServerLimits, ServerSession, Welcome};
    use crate::wire::{Codec, PublicationId, SessionId, SubscriptionId, Uri};

    fn said(session: &mut ServerSession) -> Vec<String> {
        let mut said = Vec::new();
        session.drain_output(|message| said.push(String::from_utf8(message.to_vec()).unwrap()));
        said
    }

    #[test]
    fn what_is_said_about_topics_is_said_in_a_session_only() {
        let now = Instant::now().into_std();
        let mut session = ServerSession::new(Codec::Json, ServerLimits::new(&Limits::default()), now);
        session.handle_message(Bytes::from_static(br#"[1,"realm1",{"roles":{"subscriber":{}}}]"#), now);
        assert!(matches!(session.poll_action(), Some(Action::Join(_))));
        session.welcome(&Welcome {
            session: SessionId::new(1).unwrap(),
            realm: Uri::new("realm1").unwrap(),
            authid: "joe".to_owned(),
            authrole: "user".to_owned(),
            authmethod: "anonymous".to_owned(),
        });
        said(&mut session);
        let (request, subscription) = (RequestId::new(7).unwrap(), SubscriptionId::new(2).unwrap());
        let speak = |session: &mut ServerSession| {
            session.subscribed(request, subscription);
            session.unsubscribed(request);
            session.published(request, PublicationId::from_random(2));
            session.revoked(subscription, "my.reason");
            said(session)
        };
        let revoked = r#"[35,0,{"subscription":2,"reason":"my.reason"}]"#;
        assert_eq!(speak(&mut session), ["[33,7,2]", "[35,7]", "[17,7,3]", revoked]);
        session.goodbye(&Uri::new("my.reason").unwrap(), None, now);
        said(&mut session);
        assert_eq!(speak(&mut session), [""; 0]);
    }
}
