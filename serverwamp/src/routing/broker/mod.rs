//! Topics: who is subscribed, and who gets an event.

mod announcing;
mod fan_out;
mod inspection;
mod retention;
mod revocation;
#[cfg(test)]
pub(super) mod tests;

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::SystemTime;

use rustc_hash::FxHashMap;

use self::retention::Retained;
use super::history::TopicHistory;
use super::matching::UriTable;
use crate::handler::{Publication, Session, Subscription};
use crate::limits::Limits;
use crate::wire::{Codec, MatchPolicy, SessionId, SubscriptionId, Timestamp, Uri};

/// The broker of one realm: plain data behind one lock, which is held for reading while an event is handed out.
///
/// WAMP: publish and subscribe, broker, basic profile; pattern-based subscriptions, advanced profile.
#[derive(Debug)]
pub(crate) struct Broker {
    /// How many subscriptions a session may have.
    subscriptions: usize,
    /// The most octets of one EVENT.
    largest_event: usize,
    state: RwLock<State>,
    /// What only a full router has. Locked after the state.
    router: Option<RouterState>,
}

/// What the broker of a full router has besides.
#[derive(Debug)]
struct RouterState {
    retained: Mutex<Retained>,
    histories: Vec<TopicHistory>,
}

/// All keys are ids that the server gives out, so none can be chosen to collide.
#[derive(Debug, Default)]
struct State {
    table: UriTable<SubscriptionId>,
    topics: FxHashMap<SubscriptionId, Topic>,
    sessions: FxHashMap<SessionId, Own>,
    /// Subscription ids are counted.
    last: u64,
}

/// A topic or pattern that somebody is subscribed to.
#[derive(Debug)]
struct Topic {
    uri: Uri,
    policy: MatchPolicy,
    created: Timestamp,
    /// Whether it is there without subscribers, for the sake of its history.
    permanent: bool,
    subscribers: FxHashMap<SessionId, Subscriber>,
}

#[derive(Debug)]
struct Subscriber {
    codec: Codec,
    session: Session,
}

/// What one session is subscribed to.
#[derive(Debug, Default)]
struct Own {
    active: FxHashMap<SubscriptionId, Subscription>,
    /// Subscriptions that are not decided.
    pending: Vec<Subscription>,
}

/// How a request to subscribe begins.
#[derive(Debug)]
pub(crate) enum Begun {
    /// The session is subscribed already.
    Existing(SubscriptionId),
    /// To be accepted or refused.
    Pending(Subscription),
}

/// A subscription that has begun.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) id: SubscriptionId,
    /// Octets of what was sent because of it.
    pub(crate) octets: usize,
}

/// A session has as many subscriptions as it may.
#[derive(Debug)]
pub(crate) struct TooMany;

impl Broker {
    pub(crate) fn new(limits: &Limits) -> Broker {
        Broker {
            subscriptions: limits.subscriptions,
            largest_event: limits.outbound_bytes / 4,
            state: RwLock::default(),
            router: None,
        }
    }

    /// The broker of a full router, which keeps these histories.
    pub(crate) fn of_router(limits: &Limits, histories: Vec<TopicHistory>) -> Broker {
        let mut state = State::default();
        for history in &histories {
            state.subscription(&history.topic, history.policy, true);
        }
        let router = RouterState { retained: Mutex::new(Retained::new(limits)), histories };
        Broker { router: Some(router), state: RwLock::new(state), ..Broker::new(limits) }
    }

    /// Begins a subscription, which is then accepted or refused.
    ///
    /// # Errors
    /// The session has too many, those that are not decided included.
    pub(crate) fn begin(&self, session: &Session, topic: &Uri, policy: MatchPolicy) -> Result<Begun, TooMany> {
        let mut state = self.write();
        let State { table, topics, sessions, .. } = &mut *state;
        let existing = table.get(topic, policy).and_then(|id| Some((*id, topics.get(id)?)));
        let own = sessions.get(&session.id());
        if let Some((id, _)) = existing.filter(|(_, topic)| topic.subscribers.contains_key(&session.id())) {
            return Ok(Begun::Existing(id));
        }
        let asked = |pending: &&Subscription| pending.topic_uri() == topic && pending.match_policy() == policy;
        if let Some(pending) = own.and_then(|own| own.pending.iter().find(asked)) {
            return Ok(Begun::Pending(pending.clone()));
        }
        if own.map_or(0, |own| own.active.len() + own.pending.len()) >= self.subscriptions {
            return Err(TooMany);
        }
        // One text for all subscribers.
        let topic = existing.map_or(topic, |(_, topic)| &topic.uri).clone();
        let subscription = Subscription::new(session.clone(), topic, policy);
        sessions.entry(session.id()).or_default().pending.push(subscription.clone());
        Ok(Begun::Pending(subscription))
    }

    /// Lets a subscription have events from now on, first those that were retained, if it wants them, and those that were
    /// held for it. None if it ended meanwhile.
    pub(crate) fn accept(&self, subscription: &Subscription, get_retained: bool) -> Option<Accepted> {
        let mut state = self.write();
        if let Some(id) = subscription.id() {
            return Some(Accepted { id, octets: 0 });
        }
        let session = subscription.session();
        let own = state.sessions.get_mut(&session.id())?;
        let place = own.pending.iter().position(|pending| pending == subscription)?;
        own.pending.swap_remove(place);
        let (topic, policy) = (subscription.topic_uri(), subscription.match_policy());
        let (id, is_new) = state.subscription(topic, policy, false)?;
        let subscriber = Subscriber { codec: session.codec(), session: session.clone() };
        state.topics.get_mut(&id)?.subscribers.insert(session.id(), subscriber);
        state.sessions.get_mut(&session.id())?.active.insert(id, subscription.clone());
        let retained = if get_retained { self.send_retained_in(&state, session, id) } else { 0 };
        subscription.accept(id);
        let announced = self.announce_subscribed(&state, session.id(), id, is_new);
        Some(Accepted { id, octets: retained.saturating_add(announced) })
    }

    /// Ends a subscription that was not accepted.
    pub(crate) fn refuse(&self, subscription: &Subscription) {
        let mut state = self.write();
        let session = subscription.session().id();
        if let Some(own) = state.sessions.get_mut(&session)
            && let Some(place) = own.pending.iter().position(|pending| pending == subscription)
        {
            own.pending.swap_remove(place);
            state.forget_if_idle(session);
            drop(state);
            subscription.end();
        }
    }

    /// Ends a session's subscription. When this returns no further event is queued for it.
    pub(crate) fn unsubscribe(&self, session: &Session, id: SubscriptionId) -> Option<Subscription> {
        let mut state = self.write();
        let subscription = self.take(&mut state, session.id(), id)?;
        drop(state);
        subscription.end();
        Some(subscription)
    }

    /// Ends all subscriptions of a session, and returns those that had been accepted.
    pub(crate) fn leave(&self, session: &Session) -> Vec<Subscription> {
        let mut state = self.write();
        let Some(Own { active, pending }) = state.sessions.remove(&session.id()) else { return Vec::new() };
        for id in active.keys() {
            self.remove_subscriber(&mut state, *id, session.id());
        }
        drop(state);
        let ended: Vec<Subscription> = active.into_values().collect();
        for subscription in ended.iter().chain(&pending) {
            subscription.end();
        }
        ended
    }

    /// Takes one subscription of a session out.
    fn take(&self, state: &mut State, session: SessionId, id: SubscriptionId) -> Option<Subscription> {
        let subscription = state.sessions.get_mut(&session)?.active.remove(&id)?;
        self.remove_subscriber(state, id, session);
        state.forget_if_idle(session);
        Some(subscription)
    }

    fn remove_subscriber(&self, state: &mut State, id: SubscriptionId, session: SessionId) {
        let Some(topic) = state.topics.get_mut(&id) else { return };
        topic.subscribers.remove(&session);
        let uri = topic.uri.clone();
        let is_over = topic.subscribers.is_empty() && !topic.permanent;
        if is_over && let Some(topic) = state.topics.remove(&id) {
            state.table.remove(&topic.uri, topic.policy);
        }
        self.announce_unsubscribed(state, session, id, &uri, is_over);
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RouterState {
    /// Keeps an event in the histories that it belongs to. Returns the limit that kept it out of one, if so.
    fn record(&self, publication: &Publication<'_>) -> Option<&'static str> {
        let mut histories = self.histories.iter().filter(|history| history.keeps(publication)).peekable();
        histories.peek()?;
        let now = Timestamp::from(SystemTime::now());
        histories.filter_map(|history| history.append(publication, now)).last()
    }

    fn retained(&self) -> MutexGuard<'_, Retained> {
        self.retained.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Topic {
    fn new(uri: &Uri, policy: MatchPolicy, permanent: bool) -> Topic {
        let created = Timestamp::from(SystemTime::now());
        Topic { uri: uri.clone(), policy, created, permanent, subscribers: FxHashMap::default() }
    }
}

impl State {
    /// The subscription to a topic or pattern, and whether it is new.
    fn subscription(&mut self, topic: &Uri, policy: MatchPolicy, permanent: bool) -> Option<(SubscriptionId, bool)> {
        if let Some(id) = self.table.get(topic, policy) {
            return Some((*id, false));
        }
        self.last += 1;
        let id = SubscriptionId::new(self.last)?;
        self.table.insert(topic, policy, id);
        self.topics.insert(id, Topic::new(topic, policy, permanent));
        Some((id, true))
    }

    fn forget_if_idle(&mut self, session: SessionId) {
        if self.sessions.get(&session).is_some_and(|own| own.active.is_empty() && own.pending.is_empty()) {
            self.sessions.remove(&session);
        }
    }
}
