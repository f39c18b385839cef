//! A session's subscription to a topic.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

use super::call::Turns;
use super::delivery::{Delivery, FanOut, PublishError};
use super::outbox::Pace;
use super::result::IntoPayload;
use super::session::Session;
use crate::wire::{EventDetails, MatchPolicy, Options, Payload, PublicationId, SubscriptionId, Uri, write_event};

/// One session's subscription to a topic or to a pattern of topics. A cheap handle: clones are the same subscription.
///
/// Keep it to send events to this one subscriber. It ends when the client unsubscribes or its session ends, for whatever
/// reason.
///
/// WAMP: publish and subscribe, basic profile; pattern-based subscriptions, advanced profile.
#[derive(Clone)]
pub struct Subscription(Arc<Inner>);

struct Inner {
    session: Session,
    topic: Uri,
    match_policy: MatchPolicy,
    state: Mutex<State>,
    /// Whether a subscribe function has decided for it before its own end.
    decided: AtomicBool,
    ended: Notify,
    turns: Turns,
}

enum State {
    /// Whether the session may subscribe is not decided; what was sent meanwhile is held.
    Pending(Held),
    Active(SubscriptionId),
    Ended,
}

/// What a held event takes, and later its EVENT, besides its payload and topic.
const HELD_OVERHEAD: usize = 160;
const _: () = assert!(size_of::<HeldEvent>() <= HELD_OVERHEAD);

/// Events that wait for a subscription to be accepted.
#[derive(Default)]
struct Held {
    events: Vec<HeldEvent>,
    octets: usize,
}

struct HeldEvent {
    publication: PublicationId,
    topic: Option<Uri>,
    payload: Payload,
}

impl Subscription {
    /// A subscription that is not decided yet.
    pub(crate) fn new(session: Session, topic: Uri, match_policy: MatchPolicy) -> Subscription {
        Subscription(Arc::new(Inner {
            session,
            topic,
            match_policy,
            state: Mutex::new(State::Pending(Held::default())),
            decided: AtomicBool::new(false),
            ended: Notify::new(),
            turns: Turns::default(),
        }))
    }

    /// The topic, or the pattern, that the client asked for.
    pub fn topic(&self) -> &str {
        &self.0.topic
    }

    /// How [`topic`](Subscription::topic) is compared with the topics of events.
    pub fn match_policy(&self) -> MatchPolicy {
        self.0.match_policy
    }

    /// The session that subscribed.
    pub fn session(&self) -> &Session {
        &self.0.session
    }

    /// The subscription's id, which all subscribers of one topic share; none before it is accepted.
    pub fn id(&self) -> Option<SubscriptionId> {
        match *self.state() {
            State::Active(id) => Some(id),
            State::Pending(_) | State::Ended => None,
        }
    }

    /// Sends an event to this subscriber alone.
    ///
    /// It is queued at once; awaiting waits until the subscriber has taken most of what is queued for it. Before the
    /// subscription is accepted, events are held: they follow SUBSCRIBED, or are dropped with a refusal. The payload
    /// follows the shape rule of results. To a pattern the event comes without a topic;
    /// [`Session::send_event`] names one.
    ///
    /// The delivery fails if the payload cannot be encoded, if it is too large (for the client, where it tells; else a
    /// quarter of [`Limits::outbound_bytes`](crate::Limits::outbound_bytes); half of it for all that is held, so that the
    /// subscriber need not be cut for it), or if the subscription is over. More than that a subscribe function sends as a
    /// stream.
    pub fn send(&self, payload: impl IntoPayload) -> Delivery {
        let encoded = payload.into_payload(self.0.session.codec()).map_err(PublishError::from);
        let publication = PublicationId::from_random(rand::random());
        let sent = encoded.and_then(|payload| self.send_encoded(publication, None, &payload));
        Delivery::to_one(sent, &self.0.turns)
    }

    /// As [`send`](Subscription::send), with the topic of the event, which a subscription to a pattern is told.
    ///
    /// Whether the pattern matches the topic is up to you. Unlike [`Session::send_event`], it reaches no other
    /// subscription of the session. The delivery also fails if the topic is no URI.
    pub fn send_event(&self, topic: impl AsRef<str>, payload: impl IntoPayload) -> Delivery {
        let sent = self.send_with_topic(topic.as_ref(), payload);
        Delivery::to_one(sent, &self.0.turns)
    }

    fn send_with_topic(&self, topic: &str, payload: impl IntoPayload) -> Result<FanOut, PublishError> {
        let topic = Uri::new(topic).map_err(|error| PublishError::InvalidTopic(error.to_string()))?;
        let payload = payload.into_payload(self.0.session.codec())?;
        let told = (self.0.match_policy != MatchPolicy::Exact).then_some(&topic);
        self.send_encoded(PublicationId::from_random(rand::random()), told, &payload)
    }

    /// Ends the subscription, as if the client had unsubscribed. Returns false if it is over or was not accepted yet: a
    /// subscribe function refuses by an error.
    ///
    /// A client that announces `subscription_revocation` is told why; others hear no more of it. A reason that is no URI
    /// becomes `wamp.close.normal`.
    ///
    /// WAMP: subscription revocation, advanced profile.
    pub fn revoke(&self, reason: impl AsRef<str>) -> bool {
        self.0.session.realm_handle().revoke_one(self, reason.as_ref())
    }

    /// Whether the subscription is over.
    pub fn is_closed(&self) -> bool {
        matches!(*self.state(), State::Ended)
    }

    /// Waits until the subscription is over. Cancel-safe.
    pub async fn closed(&self) {
        let ended = self.0.ended.notified();
        if !self.is_closed() {
            ended.await;
        }
    }

    pub(crate) fn topic_uri(&self) -> &Uri {
        &self.0.topic
    }

    /// Sends a payload that is in the session's codec; with its topic, where that is another than the subscription's.
    pub(crate) fn send_encoded(
        &self,
        publication: PublicationId,
        topic: Option<&Uri>,
        payload: &Payload,
    ) -> Result<FanOut, PublishError> {
        let session = &self.0.session;
        let maximum = session.outbox().largest_event();
        if payload.size() > maximum {
            return Err(PublishError::TooLarge { maximum });
        }
        let mut state = self.state();
        match &mut *state {
            State::Pending(held) => {
                let maximum = session.outbox().limit() / 2;
                let octets = held.octets.saturating_add(payload.size()).saturating_add(topic.map_or(0, |it| it.len()));
                let octets = octets.saturating_add(HELD_OVERHEAD);
                if octets > maximum {
                    return Err(PublishError::TooLarge { maximum });
                }
                held.octets = octets;
                held.events.push(HeldEvent { publication, topic: topic.cloned(), payload: payload.clone() });
                Ok(FanOut::default())
            }
            State::Active(id) => {
                let message = self.encode(*id, publication, topic, payload)?;
                if message.len() > maximum {
                    return Err(PublishError::TooLarge { maximum });
                }
                self.push(message)
            }
            State::Ended => Err(PublishError::Closed),
        }
    }

    /// A subscribe function that goes on, as it returned a stream, has decided that the session may subscribe.
    pub(crate) fn accept_now(&self) {
        self.0.decided.store(true, Ordering::Release);
    }

    /// Whether a subscribe function called [`accept_now`](Self::accept_now) since this was last asked.
    pub(crate) fn take_acceptance(&self) -> bool {
        self.0.decided.swap(false, Ordering::AcqRel)
    }

    /// Lets the subscriber have events, first those that were held. Returns false if the subscription is over.
    pub(crate) fn accept(&self, id: SubscriptionId) -> bool {
        let mut state = self.state();
        let State::Pending(held) = &mut *state else { return false };
        for event in std::mem::take(&mut held.events) {
            let encoded = self.encode(id, event.publication, event.topic.as_ref(), &event.payload);
            // An event that can no longer be sent is one to a session that is over.
            let _ = encoded.and_then(|message| self.push(message));
        }
        *state = State::Active(id);
        true
    }

    /// Ends the subscription. Returns false if it was over already.
    pub(crate) fn end(&self) -> bool {
        let state = std::mem::replace(&mut *self.state(), State::Ended);
        self.0.ended.notify_waiters();
        !matches!(state, State::Ended)
    }

    fn encode(
        &self,
        id: SubscriptionId,
        publication: PublicationId,
        topic: Option<&Uri>,
        payload: &Payload,
    ) -> Result<Bytes, PublishError> {
        let details = topic.map(|topic| EventDetails { topic: Some(topic.clone()), ..EventDetails::default() }.into());
        event(self.0.session.codec(), id, publication, details.as_ref(), payload)
    }

    fn push(&self, message: Bytes) -> Result<FanOut, PublishError> {
        let session = &self.0.session;
        let octets = message.len();
        let pace = session.outbox().push_event(message).map_err(|_| PublishError::Closed)?;
        let slow = (pace == Pace::Lags).then(|| session.clone()).into_iter().collect();
        Ok(FanOut { octets, slow, met: None })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An EVENT to be shared by all who get it.
pub(crate) fn event(
    codec: crate::wire::Codec,
    subscription: SubscriptionId,
    publication: PublicationId,
    details: Option<&Options<EventDetails>>,
    payload: &Payload,
) -> Result<Bytes, PublishError> {
    let mut message = Vec::new();
    write_event(codec, subscription, publication, details, payload, &mut message)?;
    Ok(message.into())
}

impl PartialEq for Subscription {
    fn eq(&self, other: &Subscription) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Subscription {}

impl fmt::Debug for Subscription {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Subscription");
        shown.field("topic", &self.0.topic).field("match_policy", &self.0.match_policy);
        shown.field("session", &self.0.session.id()).field("id", &self.id()).finish_non_exhaustive()
    }
}
