//! What a session says about topics.

use super::{ServerSession, State};
use crate::wire::{
    Message, PublicationId, Published, RequestId, Subscribed, SubscriptionId, Unsubscribed, UnsubscribedDetails,
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

    /// Tells that the server has ended a subscription by itself.
    ///
    /// WAMP: subscription revocation, advanced profile.
    pub(crate) fn revoked(&mut self, subscription: SubscriptionId, reason: &str) {
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

    /// Nothing about topics is said to a client that has left.
    fn write_established(&mut self, message: &Message) {
        if self.state == State::Established {
            self.write(message);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use bytes::Bytes;

    use super::*;
    use crate::limits::Limits;
    use crate::session::{Action, ServerLimits, Welcome};
    use crate::wire::{Codec, SessionId, Uri};

    fn said(session: &mut ServerSession) -> Vec<String> {
        let mut said = Vec::new();
        session.drain_output(|message| said.push(String::from_utf8(message.to_vec()).unwrap()));
        said
    }

    #[test]
    fn what_is_said_about_topics_is_said_in_a_session_only() {
        let now = Instant::now();
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
