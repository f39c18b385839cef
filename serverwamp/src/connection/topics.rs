//! What a client asks of the broker: SUBSCRIBE, UNSUBSCRIBE, PUBLISH, one after the other; and REGISTER, in its turn.

mod decision;

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;
use tracing::Instrument;

use self::decision::{Decided, Decision, EventStream};
use super::authorization::{Asked, Inquiry, Refusal, check_roles};
use super::guarded::Guarded;
use super::lifespan::{at_end_of, spawn};
use super::{Connection, FAN_OUT_PER_TURN, Joined};
use crate::handler::{
    self, Action, Audience, Call, Endpoint, EventDetails, LivingRealm, Publication, PublishError, RpcError, Session,
    Subscription,
};
use crate::limits::Limits;
use crate::log::Shown;
use crate::routing::{Accepted, Begun, TooMany, is_reserved};
use crate::transport::Transport;
use crate::wire::{MessageType, Publish, Register, RequestId, Subscribe, Unsubscribe, Uri, uris};

/// A request that is handled in its turn.
#[derive(Debug)]
pub(super) enum Request {
    Subscribe(Box<Subscribe>),
    Unsubscribe(Unsubscribe),
    Publish(Box<Publish>),
    Register(Box<Register>),
}

/// What the authorizer and subscribe functions are busy with, for one session.
#[derive(Default)]
pub(super) struct Topics {
    deciding: Option<Deciding>,
    /// What was asked since: requests about topics are handled in their order.
    waiting: VecDeque<Request>,
    /// Octets of what waits.
    octets: usize,
    /// Functions whose events go to the client until its subscription ends.
    streams: FuturesUnordered<EventStream>,
}

impl Topics {
    /// Whether no request waits.
    fn is_idle(&self) -> bool {
        self.deciding.is_none() && self.waiting.is_empty()
    }

    /// Drops all requests that are of no use to a client that leaves.
    fn keep_publications(&mut self) {
        let is_publication = |request: &Request| matches!(request, Request::Publish(_));
        self.deciding = self.deciding.take().filter(|deciding| match deciding {
            Deciding::Authorizer { request, .. } => is_publication(request),
            Deciding::Functions(_) => false,
        });
        self.waiting.retain(is_publication);
    }
}

/// Who decides about the request that is next.
enum Deciding {
    Authorizer { request: Request, inquiry: Inquiry },
    Functions(Decision),
}

impl Request {
    /// What is asked for, where that has to be allowed. What is closed to all clients need not be asked about.
    fn action(&self) -> Option<(&Uri, Action)> {
        let (uri, action) = match self {
            Request::Subscribe(it) => return Some((&it.topic, Action::subscribe(it.options.match_policy))),
            Request::Publish(it) => (&it.topic, Action::publish(it.options.disclose_me)),
            Request::Register(it) => (&it.procedure, Action::register(it.options.match_policy)),
            Request::Unsubscribe(_) => return None,
        };
        Some((uri, action)).filter(|_| !is_reserved(uri))
    }

    fn octets(&self) -> usize {
        match self {
            Request::Publish(publish) => publish.payload.bytes().len().saturating_add(publish.options.raw().octets()),
            Request::Subscribe(subscribe) => subscribe.options.raw().octets(),
            Request::Register(register) => register.options.raw().octets(),
            Request::Unsubscribe(_) => 0,
        }
    }
}

impl<T: Transport> Connection<T> {
    /// Handles a request, after those before it.
    pub(super) fn request(&mut self, request: Request, context: &mut Context<'_>, now: Instant) {
        let &Limits { calls_in_flight, outbound_bytes, .. } = self.limits();
        match &mut self.topics {
            Some(topics) if !topics.is_idle() => {
                let octets = topics.octets.saturating_add(request.octets());
                if topics.waiting.len() >= calls_in_flight || octets > outbound_bytes {
                    return match request {
                        Request::Subscribe(it) => self.refuse_excessive(MessageType::Subscribe, it.request),
                        Request::Unsubscribe(it) => self.refuse_excessive(MessageType::Unsubscribe, it.request),
                        Request::Publish(publish) => self.refuse_excessive_publication(&publish),
                        Request::Register(it) => self.refuse_excessive(MessageType::Register, it.request),
                    };
                }
                topics.octets = octets;
                topics.waiting.push_back(request);
            }
            _ => {
                self.handle_request(request, context, now);
                self.poll_decisions(context, now);
            }
        }
    }

    /// Whether requests wait for nothing but their turn.
    pub(super) fn has_backlog(&self) -> bool {
        self.topics.as_ref().is_some_and(|topics| topics.deciding.is_none() && !topics.waiting.is_empty())
    }

    /// Goes on with what the authorizer and subscribe functions are busy with.
    pub(super) fn poll_topics(&mut self, context: &mut Context<'_>, now: Instant) {
        self.poll_decisions(context, now);
        while let Some(topics) = &mut self.topics {
            match topics.streams.poll_next_unpin(context) {
                Poll::Ready(Some(Some((subscription, error)))) => self.revoke(&subscription, &error, context, now),
                Poll::Ready(Some(None)) => {}
                Poll::Ready(None) if topics.is_idle() => self.topics = None,
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
        if self.session.is_leaving() {
            self.part_if_idle(now);
            self.perform(context, now);
        }
    }

    /// A client leaves: what it has published is still handled, as far as that is decided in time.
    pub(super) fn begin_leaving(&mut self, context: &mut Context<'_>, now: Instant) {
        self.calls.drop_all(context, &mut self.tally);
        self.routed.drop_all();
        if let Some(Joined { realm, callee: Some(callee), .. }) = &self.joined {
            realm.dealer().leave(callee, realm.broker());
        }
        if let Some(topics) = &mut self.topics {
            topics.keep_publications();
            self.poll_decisions(context, now);
        }
        self.part_if_idle(now);
    }

    fn part_if_idle(&mut self, now: Instant) {
        if self.topics.as_ref().is_none_or(|topics| topics.is_idle()) {
            self.session.part(now.into_std());
        }
    }

    /// Goes on with the requests, as far as they are decided.
    fn poll_decisions(&mut self, context: &mut Context<'_>, now: Instant) {
        while let Some(topics) = &mut self.topics {
            match &mut topics.deciding {
                Some(Deciding::Authorizer { inquiry, .. }) => {
                    let Poll::Ready(answer) = inquiry.as_mut().poll(context) else { break };
                    let Some(Deciding::Authorizer { request, .. }) = topics.deciding.take() else { break };
                    self.handle_answered(request, answer, context, now);
                }
                Some(Deciding::Functions(decision)) => {
                    let Poll::Ready(decided) = decision.poll(context) else { break };
                    topics.deciding = None;
                    self.end_decision(decided);
                }
                None => {
                    let Some(request) = topics.waiting.pop_front() else { break };
                    if self.fanned_out > FAN_OUT_PER_TURN {
                        topics.waiting.push_front(request);
                        context.waker().wake_by_ref();
                        break;
                    }
                    topics.octets = topics.octets.saturating_sub(request.octets());
                    self.handle_request(request, context, now);
                }
            }
        }
    }

    fn handle_request(&mut self, request: Request, context: &mut Context<'_>, now: Instant) {
        let authorization = self.joined.as_ref().and_then(|joined| joined.authorization.as_ref());
        let asked = match authorization.zip(request.action()) {
            Some((authorization, (uri, action))) => authorization.ask(uri, action),
            None => Asked::Answered(Ok(handler::Decision::allow())),
        };
        match asked {
            Asked::Answered(answer) => self.handle_answered(request, answer, context, now),
            Asked::Pending(inquiry) => {
                self.topics.get_or_insert_default().deciding = Some(Deciding::Authorizer { request, inquiry });
            }
        }
    }

    /// Handles a request of which it is known whether the session may make it.
    fn handle_answered(
        &mut self,
        request: Request,
        answer: Result<handler::Decision, Refusal>,
        context: &mut Context<'_>,
        now: Instant,
    ) {
        match (request, answer) {
            (Request::Subscribe(subscribe), Ok(_)) => self.subscribe(&subscribe, context, now),
            (Request::Unsubscribe(unsubscribe), _) => self.unsubscribe(unsubscribe, context, now),
            (Request::Publish(mut publish), Ok(decision)) => {
                if decision.disclosure() == Some(true) {
                    publish.options.disclose_me = Some(true);
                }
                self.publish(&publish, context);
            }
            (Request::Register(register), Ok(_)) => self.register(&register),
            (Request::Subscribe(subscribe), Err(refusal)) => {
                self.refuse(MessageType::Subscribe, subscribe.request, &refusal);
            }
            (Request::Publish(publish), Err(Refusal { error, message })) => {
                self.refuse_publication(&publish, error, &message);
            }
            (Request::Register(register), Err(refusal)) => {
                self.refuse(MessageType::Register, register.request, &refusal);
            }
        }
    }

    // ------------------------------------------------------------ subscriptions

    /// A client wants the events of a topic.
    fn subscribe(&mut self, subscribe: &Subscribe, context: &mut Context<'_>, now: Instant) {
        let Some(Joined { session, realm, .. }) = &self.joined else { return };
        let (topic, request) = (&subscribe.topic, subscribe.request);
        let policy = subscribe.options.match_policy.unwrap_or_default();
        if !realm.topics().may_subscribe(topic, policy) {
            let message = format!("clients may not subscribe to `{topic}` ({policy})");
            self.session.refuse(MessageType::Subscribe, request, uris::INVALID_URI, &message);
            return;
        }
        if self.too_many_linger() {
            return self.refuse_excessive(MessageType::Subscribe, request);
        }
        let functions = realm.dealer().endpoints().deciding(topic, policy);
        let action = Action::subscribe(Some(policy));
        if let Err(refusal) = check_roles(&functions, session, topic, action, &self.shared.counters) {
            return self.refuse(MessageType::Subscribe, request, &refusal);
        }
        match realm.broker().begin(session, topic, policy) {
            Ok(Begun::Existing(id)) => {
                if subscribe.options.get_retained == Some(true) {
                    let octets = realm.broker().send_retained(session, id);
                    self.fanned_out = self.fanned_out.saturating_add(octets);
                }
                self.session.subscribed(request, id);
            }
            Ok(Begun::Pending(subscription)) => {
                // That an earlier subscription to the topic was revoked is said before SUBSCRIBED.
                self.fetch_commands(context, now);
                if self.joined.is_none() {
                    return;
                }
                if functions.is_empty() {
                    return self.accept_subscription(
                        request,
                        &subscription,
                        subscribe.options.get_retained == Some(true),
                    );
                }
                let decision = Decision::new(subscribe, subscription, functions);
                self.topics.get_or_insert_default().deciding = Some(Deciding::Functions(decision));
            }
            Err(TooMany) => {
                let maximum = realm.limits().subscriptions;
                self.session.refuse_over_limit(MessageType::Subscribe, request, "subscriptions", maximum);
            }
        }
    }

    /// The functions that a subscription is for have decided.
    fn end_decision(&mut self, decided: Decided) {
        let Decided { request, subscription, get_retained, result, streams } = decided;
        match result {
            Ok(()) => {
                self.accept_subscription(request, &subscription, get_retained);
                if let Some(topics) = &mut self.topics {
                    topics.streams.extend(streams);
                }
            }
            Err(error) => {
                let Some(Joined { realm, .. }) = &self.joined else { return };
                realm.broker().refuse(&subscription);
                self.session.refuse_with(MessageType::Subscribe, request, &error.encode(self.session.codec()));
            }
        }
    }

    /// Lets a subscription begin: SUBSCRIBED, then what was held for it, then events as they come.
    fn accept_subscription(&mut self, request: RequestId, subscription: &Subscription, get_retained: bool) {
        let Some(Joined { realm, .. }) = &self.joined else { return };
        // Events go through the outbox, which is emptied after what the session has to say now.
        if let Some(Accepted { id, octets }) = realm.broker().accept(subscription, get_retained) {
            self.fanned_out = self.fanned_out.saturating_add(octets);
            self.session.subscribed(request, id);
        }
    }

    /// A client wants no more events of a subscription.
    fn unsubscribe(&mut self, unsubscribe: Unsubscribe, context: &mut Context<'_>, now: Instant) {
        let Some(Joined { session, realm, .. }) = &self.joined else { return };
        let Unsubscribe { request, subscription } = unsubscribe;
        match realm.broker().unsubscribe(session, subscription) {
            Some(subscription) => {
                self.end_subscription(&subscription);
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

    /// Ends a subscription whose events cannot go on.
    fn revoke(&mut self, subscription: &Subscription, error: &RpcError, context: &mut Context<'_>, now: Instant) {
        let Some(Joined { session, realm, .. }) = &self.joined else { return };
        let Some(id) = subscription.id() else { return };
        if let Some(subscription) = realm.broker().unsubscribe(session, id) {
            tracing::warn!(topic = %Shown(subscription.topic()), error = %error.summary(), "the events of a subscription failed");
            self.end_subscription(&subscription);
            self.fetch_commands(context, now);
            self.session.revoked(id, error.uri());
        }
    }

    /// Stops what sends events to a subscription that is over, then runs the functions that are for its end.
    pub(super) fn end_subscription(&mut self, subscription: &Subscription) {
        let Some(Joined { realm, .. }) = &self.joined else { return };
        if let Some(topics) = &mut self.topics {
            topics.streams.iter_mut().for_each(|stream| stream.stop(subscription));
        }
        let runs = at_end_of(realm, subscription);
        if !runs.is_empty() {
            let lingering = self.calls.linger(&self.shared.detached);
            spawn(&self.shared, runs, move || drop(lingering));
        }
    }

    // ------------------------------------------------------------ publications

    /// A client publishes.
    fn publish(&mut self, publish: &Publish, context: &mut Context<'_>) {
        let Some(Joined { session, realm, .. }) = &self.joined else { return };
        let (topic, request) = (&publish.topic, publish.request);
        let acknowledge = publish.options.acknowledge == Some(true);
        let is_passed_through = publish.options.passthru.get().is_some_and(|passthru| passthru.ppt_scheme.is_some());
        if realm.is_router() && is_passed_through && !session.announces("publisher", "payload_passthru_mode") {
            return self.session.handle_violation("payload_passthru_mode: the publisher has not announced it");
        }
        if is_reserved(topic) {
            let message = format!("`{topic}` is a topic of the protocol");
            return self.refuse_publication(publish, uris::INVALID_URI, &message);
        }
        if !realm.topics().may_publish(topic) {
            let message = format!("clients may not publish to `{topic}`");
            return self.refuse_publication(publish, uris::NOT_AUTHORIZED, &message);
        }
        let functions: Vec<Arc<Endpoint>> = realm.dealer().endpoints().events.matching(topic).cloned().collect();
        let action = Action::publish(publish.options.disclose_me);
        if let Err(Refusal { error, message }) = check_roles(&functions, session, topic, action, &self.shared.counters)
        {
            return self.refuse_publication(publish, error, &message);
        }
        if !functions.is_empty() && self.too_many_linger() {
            return self.refuse_excessive_publication(publish);
        }
        let audience = Audience::of(&publish.options, session.id());
        let mut publication = Publication::by(session, publish, &audience);
        publication.retain &= realm.is_router();
        match realm.publish(&publication) {
            Ok(sent) => {
                let mut event = EventDetails::new(publication.id, topic.clone());
                if publish.options.disclose_me == Some(true) {
                    event = event.published_by(session);
                }
                self.fanned_out = self.fanned_out.saturating_add(sent.octets);
                if let Some(limit) = sent.met {
                    self.shared.counters.limit(limit);
                }
                let session = session.clone();
                if acknowledge {
                    self.session.published(request, publication.id);
                }
                for endpoint in functions {
                    self.run_event(&endpoint, &session, publish, event.clone(), context);
                }
            }
            Err(error) => {
                let (error, message) = refusal(&error);
                self.refuse_publication(publish, error, &message);
            }
        }
    }

    /// Runs an event function. It goes on whatever becomes of the publisher.
    fn run_event(
        &mut self,
        endpoint: &Arc<Endpoint>,
        session: &Session,
        publish: &Publish,
        details: EventDetails,
        context: &mut Context<'_>,
    ) {
        let mut call = Call::for_event(Arc::clone(endpoint), session.clone(), publish, details);
        call.held().lingering = Some(self.calls.linger(&self.shared.detached));
        let mut run = Box::pin(Guarded::start(endpoint, call).finish());
        // Most are over at their first poll, and cost no task.
        if std::future::Future::poll(run.as_mut(), context).is_pending() {
            tokio::spawn(run.in_current_span());
        }
    }

    // ------------------------------------------------------------ refusals

    fn too_many_linger(&self) -> bool {
        self.calls.lingering() >= self.limits().calls_in_flight
    }

    fn refuse(&mut self, kind: MessageType, request: RequestId, refusal: &Refusal) {
        self.session.refuse(kind, request, refusal.error, &refusal.message);
    }

    fn refuse_publication(&mut self, publish: &Publish, error: &'static str, message: &str) {
        self.shared.counters.publication_refused();
        if publish.options.acknowledge == Some(true) {
            self.session.refuse(MessageType::Publish, publish.request, error, message);
        }
    }

    /// Too much waits for functions to decide or to end.
    fn refuse_excessive(&mut self, kind: MessageType, request: RequestId) {
        let maximum = self.limits().calls_in_flight;
        self.session.refuse_over_limit(kind, request, "calls_in_flight", maximum);
    }

    fn refuse_excessive_publication(&mut self, publish: &Publish) {
        self.shared.counters.publication_refused();
        match publish.options.acknowledge {
            Some(true) => self.refuse_excessive(MessageType::Publish, publish.request),
            _ => self.shared.counters.limit("calls_in_flight"),
        }
    }
}

/// The error URI and the message for a publisher whose event nobody gets.
fn refusal(error: &PublishError) -> (&'static str, String) {
    let uri = match error {
        PublishError::InvalidTopic(_) => uris::INVALID_URI,
        PublishError::Unencodable(_) => uris::INVALID_ARGUMENT,
        PublishError::TooLarge { .. } => uris::PAYLOAD_SIZE_EXCEEDED,
        PublishError::Closed | PublishError::NotRetained => uris::RUNTIME_ERROR,
    };
    (uri, error.to_string())
}

#[cfg(test)]
mod tests {

    use bytes::Bytes;

    use super::*;
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
        session.handle_message(
            Bytes::from_static(
                br#"[1,"realm1",{"roles":{"subscriber":{"features":{"subscription_revocation":true}}}}]"#,
            ),
            now,
        );
        assert!(matches!(session.poll_action(), Some(Action::Join(_))));
        session.welcome(Welcome {
            session: SessionId::new(1).unwrap(),
            realm: Uri::new("realm1").unwrap(),
            authid: "joe".to_owned(),
            authrole: "user".to_owned(),
            authmethod: "anonymous".to_owned(),
            authprovider: "static".to_owned(),
            authextra: None,
            is_router: false,
            meta_api: false,
            reflection: false,
            event_history: false,
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
