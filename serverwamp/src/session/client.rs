//! The client's side of a session.

mod authentication;
mod callee;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use rustc_hash::FxHashMap;

use authentication::Authentication;
pub(crate) use authentication::Offer;

use super::output::Output;
use super::words::{abort, goodbye};
use crate::wire::{
    self, CallOptions, Cancel, CancelMode, CancelOptions, Codec, Dict, EncodeError, Feature, Features, Group, Hello,
    HelloDetails, MatchPolicy, Message, MessageType, ParseError, Parser, Passthru, Payload, PayloadBuilder,
    PublicationId, Publish, PublishOptions, RegistrationId, RequestId, Roles, ScanLimits, Slots, Subscribe,
    SubscribeOptions, SubscriptionId, Unsubscribe, Uri, uris,
};

/// Calls that nobody waits for any more and that a router has not answered, as some never do: so many are remembered.
const ABANDONED: usize = 1024;

const CALLER: Features = Features::NONE
    .with(Feature::ProgressiveCallResults)
    .with(Feature::CallCanceling)
    .with(Feature::CallTimeout)
    .with(Feature::CallerIdentification);

const PUBLISHER: Features = Features::NONE
    .with(Feature::PublisherExclusion)
    .with(Feature::PublisherIdentification)
    .with(Feature::SubscriberBlackwhiteListing);

const SUBSCRIBER: Features = Features::NONE
    .with(Feature::PatternBasedSubscription)
    .with(Feature::PublisherIdentification)
    .with(Feature::SubscriptionRevocation);

const CALLEE: Features = Features::NONE
    .with(Feature::ProgressiveCallResults)
    .with(Feature::CallCanceling)
    .with(Feature::CallTimeout)
    .with(Feature::CallerIdentification)
    .with(Feature::PatternBasedRegistration)
    .with(Feature::SharedRegistration)
    .with(Feature::RegistrationRevocation);

/// The client's side of one session.
///
/// WAMP: session life cycle, caller, callee, publisher and subscriber, basic profile; authentication, advanced profile.
#[derive(Debug)]
pub(crate) struct ClientSession {
    codec: Codec,
    scan: ScanLimits,
    parser: Parser,
    state: State,
    authentication: Authentication,
    next_request: RequestId,
    /// Requests without their final reply.
    pending: FxHashMap<RequestId, Pending>,
    /// Calls among them that nobody waits for, the oldest first.
    abandoned: VecDeque<RequestId>,
    /// Answers to calls up to this one may still come, though the call is forgotten.
    forgotten: Option<RequestId>,
    subscriptions: HashMap<SubscriptionId, Subscription>,
    registrations: HashMap<RegistrationId, Uri>,
    /// Invocations without their final answer, each with a number that no other one has.
    invocations: HashMap<RequestId, Invoked>,
    next_invocation: u64,
    /// What the router's dealer announced.
    dealer: Features,
    /// What its broker announced.
    broker: Features,
    /// Octets of a message that the router takes.
    peer_message_size: usize,
    notifications: VecDeque<Notification>,
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Joining,
    /// The answer to CHALLENGE is being found.
    Challenged,
    Established,
    ShuttingDown,
    Closed,
}

/// A request that is to be answered.
#[derive(Debug)]
enum Pending {
    Call,
    Publish,
    Subscribe(Pattern),
    Unsubscribe(SubscriptionId),
    Register(Uri),
    Unregister(RegistrationId),
}

/// What is subscribed: one subscription of a session for each.
#[derive(Debug, PartialEq, Eq)]
struct Pattern {
    uri: Uri,
    policy: MatchPolicy,
}

/// An invocation that has not been answered.
#[derive(Debug, Clone)]
pub(crate) struct Invoked {
    /// What tells it from others of its request id.
    serial: u64,
    pub(crate) procedure: Uri,
    /// Whether its payload came encoded from end to end.
    pub(crate) is_coded: bool,
}

/// A subscription that has not ended.
#[derive(Debug)]
struct Subscription {
    pattern: Pattern,
    /// How many requests it was the answer to, less those that were given up.
    subscribers: usize,
}

/// What a session tells its user.
#[derive(Debug)]
pub(crate) enum Notification {
    /// The router asks for an authentication.
    Challenge { method: Box<str>, extra: Dict },
    /// The session is established.
    Welcome(Box<wire::Welcome>),
    /// A result of a call; the last one if it is not progress.
    Result { request: RequestId, progress: bool, passthru: Group<Passthru>, payload: Payload },
    /// A request failed.
    Error { request: RequestId, error: Uri, passthru: Group<Passthru>, payload: Payload },
    /// An acknowledged event is published.
    Published { request: RequestId, publication: PublicationId },
    /// Events of the subscription come from now on.
    Subscribed { request: RequestId, subscription: SubscriptionId },
    /// An event of a subscription that somebody has.
    Event(Box<wire::Event>),
    /// The subscription has ended, as was asked for.
    Unsubscribed { request: RequestId },
    /// The router has ended a subscription.
    Revoked { subscription: SubscriptionId },
    /// Calls of the procedure come from now on.
    Registered { request: RequestId, registration: RegistrationId },
    /// The registration has ended, as was asked for.
    Unregistered { request: RequestId },
    /// The router has ended a registration.
    RegistrationRevoked { registration: RegistrationId },
    /// A call of a procedure that is registered: answer with `result` or `error`.
    Invocation { invocation: Box<wire::Invocation>, procedure: Uri, serial: u64 },
    /// A caller has given up, or timed out: stop, and answer all the same.
    Interrupt { serial: u64, mode: CancelMode },
    /// The session is over: the peer's reason and message, or what was wrong with what it sent.
    Ended { reason: Uri, message: Option<String> },
}

/// Whether a program has a codec for payloads of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PayloadFeatures {
    None,
    Coded,
}

impl PayloadFeatures {
    fn with(self, features: Features) -> Features {
        match self {
            PayloadFeatures::None => features,
            PayloadFeatures::Coded => features.with(Feature::PayloadPassthruMode).with(Feature::PayloadTransparency),
        }
    }
}

impl Pending {
    /// The message that asked.
    fn kind(&self) -> MessageType {
        match self {
            Pending::Call => MessageType::Call,
            Pending::Publish => MessageType::Publish,
            Pending::Subscribe(_) => MessageType::Subscribe,
            Pending::Unsubscribe(_) => MessageType::Unsubscribe,
            Pending::Register(_) => MessageType::Register,
            Pending::Unregister(_) => MessageType::Unregister,
        }
    }
}

impl ClientSession {
    /// A session that asks to join a realm.
    ///
    /// # Errors
    /// An offer that the codec cannot hold.
    pub(crate) fn join(
        codec: Codec,
        scan: ScanLimits,
        realm: Uri,
        agent: &str,
        offer: Offer,
        payloads: PayloadFeatures,
    ) -> Result<ClientSession, EncodeError> {
        let mut session = ClientSession {
            codec,
            scan,
            parser: Parser::new(codec),
            state: State::Joining,
            authentication: Authentication::default(),
            next_request: RequestId::FIRST,
            pending: FxHashMap::default(),
            abandoned: VecDeque::new(),
            forgotten: None,
            subscriptions: HashMap::new(),
            registrations: HashMap::new(),
            invocations: HashMap::new(),
            next_invocation: 0,
            dealer: Features::NONE,
            broker: Features::NONE,
            peer_message_size: usize::MAX,
            notifications: VecDeque::new(),
            output: Output::default(),
        };
        let roles = Roles {
            caller: Some(payloads.with(CALLER)),
            publisher: Some(payloads.with(PUBLISHER)),
            subscriber: Some(payloads.with(SUBSCRIBER)),
            callee: Some(payloads.with(CALLEE)),
            ..Roles::default()
        };
        let details = HelloDetails { roles: Some(roles), agent: Some(agent.into()), ..offer.details(codec)? };
        let hello = Message::Hello(Box::new(Hello { realm, details: details.into() }));
        session.output.write(|buffer| hello.write(codec, buffer))?;
        session.authentication = Authentication::new(offer);
        Ok(session)
    }

    /// How the messages of this session are encoded.
    pub(crate) fn codec(&self) -> Codec {
        self.codec
    }

    /// Sends no message that has more octets than the router takes.
    pub(crate) fn set_peer_message_size(&mut self, octets: usize) {
        self.peer_message_size = octets;
    }

    /// Whether the router's dealer announced a feature in WELCOME.
    pub(crate) fn dealer_has(&self, feature: Feature) -> bool {
        self.dealer.contains(feature)
    }

    /// Whether the router's broker announced a feature in WELCOME.
    pub(crate) fn broker_has(&self, feature: Feature) -> bool {
        self.broker.contains(feature)
    }

    /// What the session has to tell.
    pub(crate) fn poll_notification(&mut self) -> Option<Notification> {
        self.notifications.pop_front()
    }

    /// Hands out the messages to send.
    pub(crate) fn drain_output(&mut self, send: impl FnMut(&[u8])) {
        self.output.drain(send);
    }

    /// Octets of the messages to send.
    pub(crate) fn output_size(&self) -> usize {
        self.output.size()
    }

    /// Calls a procedure. A router that does not know timeouts is told of none: it would take them for something else.
    pub(crate) fn call(
        &mut self,
        procedure: Uri,
        mut options: CallOptions,
        payload: Payload,
    ) -> Result<RequestId, EncodeError> {
        options.timeout = options.timeout.filter(|_| self.dealer_has(Feature::CallTimeout));
        let (options, slots) = (options.into(), Slots::default());
        self.request(Some(Pending::Call), |request| {
            Message::Call(Box::new(wire::Call { request, options, procedure, payload, slots }))
        })
    }

    /// Gives up a call, where the router knows of that.
    pub(crate) fn cancel(&mut self, request: RequestId, mode: CancelMode) {
        let is_open = self.state == State::Established && matches!(self.pending.get(&request), Some(Pending::Call));
        if is_open && self.dealer_has(Feature::CallCanceling) {
            let options = CancelOptions { mode: Some(mode), ..CancelOptions::default() };
            self.write(&Message::Cancel(Box::new(Cancel { request, options: options.into() })));
        }
    }

    /// Nobody waits for a call's answer any more; it may come or not.
    pub(crate) fn abandon(&mut self, request: RequestId) {
        if matches!(self.pending.get(&request), Some(Pending::Call)) {
            self.abandoned.retain(|call| self.pending.contains_key(call));
            self.abandoned.push_back(request);
            if self.abandoned.len() > ABANDONED
                && let Some(oldest) = self.abandoned.pop_front()
            {
                self.pending.remove(&oldest);
                self.forgotten = self.forgotten.max(Some(oldest));
            }
        }
    }

    /// Publishes an event. There is an answer only if the options ask for it.
    pub(crate) fn publish(
        &mut self,
        topic: Uri,
        options: PublishOptions,
        payload: Payload,
    ) -> Result<RequestId, EncodeError> {
        let pending = (options.acknowledge == Some(true)).then_some(Pending::Publish);
        let options = options.into();
        self.request(pending, |request| Message::Publish(Box::new(Publish { request, options, topic, payload })))
    }

    /// Subscribes to a topic or a pattern. The router answers with the subscription that is there if there is one.
    pub(crate) fn subscribe(&mut self, topic: Uri, options: SubscribeOptions) -> Result<RequestId, EncodeError> {
        let pattern = Pattern { uri: topic.clone(), policy: options.match_policy.unwrap_or_default() };
        let options = options.into();
        self.request(Some(Pending::Subscribe(pattern)), |request| {
            Message::Subscribe(Box::new(Subscribe { request, options, topic }))
        })
    }

    /// Takes one subscriber from a subscription. The last one ends it: then there is an answer to wait for.
    pub(crate) fn unsubscribe(&mut self, id: SubscriptionId) -> Option<RequestId> {
        let subscription = self.subscriptions.get_mut(&id)?;
        subscription.subscribers = subscription.subscribers.saturating_sub(1);
        self.end_if_unused(id)
    }

    /// Asks for the end of the session.
    pub(crate) fn goodbye(&mut self, reason: Uri, message: Option<&str>) {
        if self.state == State::Established {
            self.write(&goodbye(reason, message));
            self.state = State::ShuttingDown;
        }
    }

    /// Takes a message from the peer.
    pub(crate) fn handle_message(&mut self, message: Bytes) {
        match self.parser.parse(message, self.scan) {
            Ok(message) => self.handle_parsed(message),
            // Only the router's GOODBYE or ABORT counts now.
            Err(_) if self.state == State::ShuttingDown => {}
            Err(ParseError::Limit(limit, refusal)) => self.exceeded(limit, *refusal),
            Err(error) => self.violation(&error.to_string()),
        }
    }

    /// The connection is gone, or of no use.
    pub(crate) fn handle_loss(&mut self, message: Option<&str>) {
        self.end(Uri::known(uris::TRANSPORT_LOST), message);
    }

    /// The peer sent something that is no message at all.
    pub(crate) fn handle_violation(&mut self, message: &str) {
        self.violation(message);
    }

    /// A message exceeds a limit of this client, of which the router does not know. That is the failure of the call or of the
    /// invocation alone that it is about; after anything else something would be missing, so that the session ends, for the
    /// next one to begin.
    #[cold]
    fn exceeded(&mut self, limit: &'static str, refusal: ParseError) {
        let (kind, request, problem) = match refusal {
            ParseError::Refused { request_type, request, message, .. } if self.state == State::Established => {
                (request_type, request, message)
            }
            other => return self.abort(uris::LIMIT_EXCEEDED, &other.to_string()),
        };
        match kind {
            MessageType::Result if matches!(self.pending.get(&request), Some(Pending::Call)) => {
                // It may have been a part of the result only.
                self.cancel(request, CancelMode::KillNoWait);
                self.pending.remove(&request);
                self.forgotten = self.forgotten.max(Some(request));
                let payload = PayloadBuilder::new(self.codec)
                    .arg(&problem)
                    .and_then(|builder| builder.kwarg("limit", limit))
                    .and_then(PayloadBuilder::finish);
                let payload = payload.unwrap_or_else(|_| Payload::empty(self.codec));
                let (error, passthru) = (Uri::known(uris::LIMIT_EXCEEDED), Group::default());
                self.notifications.push_back(Notification::Error { request, error, passthru, payload });
            }
            MessageType::Result if self.is_forgotten(request).is_some() => {}
            MessageType::Invocation if !self.invocations.contains_key(&request) => {
                self.write_own_error(request, uris::INVALID_ARGUMENT, &Payload::message(self.codec, &problem));
            }
            _ => self.violation(&format!("unexpected {kind}")),
        }
    }

    fn handle_parsed(&mut self, message: Message) {
        let kind = message.kind();
        match (self.state, message) {
            (State::Closed, _) => {}
            (State::Joining, Message::Welcome(welcome)) => self.welcomed(welcome),
            (State::Joining, Message::Challenge(challenge)) => self.challenged(&challenge),
            (_, Message::Abort(refusal)) => self.end(refusal.reason, refusal.details.message.as_deref()),
            (State::Established, Message::Goodbye(farewell)) => {
                self.write(&goodbye(Uri::known(uris::GOODBYE_AND_OUT), None));
                self.end(farewell.reason, farewell.details.message.as_deref());
            }
            (State::ShuttingDown, Message::Goodbye(farewell)) => {
                self.end(farewell.reason, farewell.details.message.as_deref());
            }
            (State::ShuttingDown, _) => {}
            (State::Established, message) => {
                if self.accept(message).is_none() {
                    self.violation(&format!("unexpected {kind}"));
                }
            }
            (State::Joining | State::Challenged, _) => self.violation(&format!("unexpected {kind}")),
        }
    }

    /// Takes a message that only an established session gets; none if nothing has asked for it.
    fn accept(&mut self, message: Message) -> Option<()> {
        let notification = match message {
            Message::Result(result) => {
                let (request, progress) = (result.request, result.details.progress == Some(true));
                if !matches!(self.pending.get(&request), Some(Pending::Call)) {
                    return self.is_forgotten(request);
                }
                if !progress {
                    self.pending.remove(&request);
                }
                let mut result = result;
                let (passthru, payload) = (std::mem::take(&mut result.details.passthru), result.payload);
                Notification::Result { request, progress, passthru, payload }
            }
            Message::Error(error)
                if error.request_type == MessageType::Call && !self.pending.contains_key(&error.request) =>
            {
                return self.is_forgotten(error.request);
            }
            Message::Error(error) => {
                if let Pending::Subscribe(pattern) = self.settle(error.request, error.request_type)? {
                    self.end_unused(&pattern);
                }
                let mut error = error;
                let (request, passthru) = (error.request, std::mem::take(&mut error.details.passthru));
                Notification::Error { request, error: error.error, passthru, payload: error.payload }
            }
            Message::Published(published) => {
                self.settle(published.request, MessageType::Publish)?;
                Notification::Published { request: published.request, publication: published.publication }
            }
            Message::Subscribed(subscribed) => {
                let Pending::Subscribe(pattern) = self.settle(subscribed.request, MessageType::Subscribe)? else {
                    return None;
                };
                let (request, subscription) = (subscribed.request, subscribed.subscription);
                if self.subscriptions.get(&subscription).is_some_and(|known| known.pattern != pattern) {
                    return None;
                }
                let known = self.subscriptions.entry(subscription);
                let known = known.or_insert(Subscription { pattern, subscribers: 0 });
                known.subscribers = known.subscribers.saturating_add(1);
                Notification::Subscribed { request, subscription }
            }
            Message::Unsubscribed(unsubscribed) => match unsubscribed.request {
                Some(request) => {
                    self.settle(request, MessageType::Unsubscribe)?;
                    Notification::Unsubscribed { request }
                }
                None => {
                    let subscription = unsubscribed.details.subscription?;
                    if self.subscriptions.remove(&subscription).is_none() {
                        return self.is_ending(subscription);
                    }
                    Notification::Revoked { subscription }
                }
            },
            Message::Event(event) if self.subscriptions.contains_key(&event.subscription) => Notification::Event(event),
            Message::Event(event) => return self.is_ending(event.subscription),
            message => return self.accept_as_callee(message),
        };
        self.notifications.push_back(notification);
        Some(())
    }

    /// Ends the wait for the final reply to a request of that kind.
    fn settle(&mut self, request: RequestId, kind: MessageType) -> Option<Pending> {
        self.pending.get(&request).filter(|pending| pending.kind() == kind)?;
        self.pending.remove(&request)
    }

    /// Something if the answer to a call may come after the call was forgotten.
    fn is_forgotten(&self, request: RequestId) -> Option<()> {
        self.forgotten.filter(|&last| request <= last).map(|_| ())
    }

    /// Something if the subscription's UNSUBSCRIBE is on its way: what the router sends before it gets that is legal.
    fn is_ending(&self, id: SubscriptionId) -> Option<()> {
        self.pending
            .values()
            .any(|pending| matches!(pending, Pending::Unsubscribe(ending) if *ending == id))
            .then_some(())
    }

    /// Ends a subscription that has no subscriber. One that is about to get its next subscriber is kept: the router
    /// has, or will have, answered that SUBSCRIBE with the same subscription.
    fn end_if_unused(&mut self, id: SubscriptionId) -> Option<RequestId> {
        let subscription = self.subscriptions.get(&id)?;
        let wanted =
            |pending: &Pending| matches!(pending, Pending::Subscribe(pattern) if *pattern == subscription.pattern);
        if subscription.subscribers > 0 || self.pending.values().any(wanted) || self.state != State::Established {
            return None;
        }
        self.subscriptions.remove(&id);
        let message = |request| Message::Unsubscribe(Unsubscribe { request, subscription: id });
        self.request(Some(Pending::Unsubscribe(id)), message).ok()
    }

    /// Ends the subscription to a pattern if it was kept for a subscriber that was refused.
    fn end_unused(&mut self, pattern: &Pattern) {
        let kept = |(_, known): &(&SubscriptionId, &Subscription)| known.pattern == *pattern;
        if let Some(id) = self.subscriptions.iter().find(kept).map(|(id, _)| *id) {
            self.end_if_unused(id);
        }
    }

    /// Sends a request with the next id, and waits for its answer where it gets one.
    fn request(
        &mut self,
        pending: Option<Pending>,
        message: impl FnOnce(RequestId) -> Message,
    ) -> Result<RequestId, EncodeError> {
        let request = self.next_request;
        let message = message(request);
        self.output.write(|buffer| message.write(self.codec, buffer))?;
        if self.output.take_back_above(self.peer_message_size) {
            let most = self.peer_message_size;
            return Err(EncodeError::new(format_args!(
                "the message is larger than the {most} octets that the router takes"
            )));
        }
        self.next_request = request.next();
        if let Some(pending) = pending {
            self.pending.insert(request, pending);
        }
        Ok(request)
    }

    fn violation(&mut self, message: &str) {
        self.abort(uris::PROTOCOL_VIOLATION, message);
    }

    fn abort(&mut self, reason: &'static str, message: &str) {
        if self.state != State::Closed {
            self.write(&abort(Uri::known(reason), Some(message)));
            self.end(Uri::known(reason), Some(message));
        }
    }

    fn end(&mut self, reason: Uri, message: Option<&str>) {
        if self.state != State::Closed {
            self.state = State::Closed;
            self.pending.clear();
            self.abandoned.clear();
            self.subscriptions.clear();
            self.registrations.clear();
            self.invocations.clear();
            self.notifications.push_back(Notification::Ended { reason, message: message.map(str::to_owned) });
        }
    }

    fn write(&mut self, message: &Message) {
        // What we say ourselves can always be written.
        let _ = self.output.write(|buffer| message.write(self.codec, buffer));
    }
}
