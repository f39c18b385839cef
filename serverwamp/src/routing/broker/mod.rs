//! Topics: who is subscribed, and who gets an event.

mod fan_out;
mod matching;
mod prefix;
#[cfg(test)]
mod tests;
mod wildcard;

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use rustc_hash::FxHashMap;

pub use self::matching::TopicTable;
use crate::handler::{Session, Subscription};
use crate::limits::Limits;
use crate::wire::{Codec, MatchPolicy, SessionId, SubscriptionId, Uri};

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
}

/// All keys are ids that the server gives out, so none can be chosen to collide.
#[derive(Debug, Default)]
struct State {
    table: TopicTable<SubscriptionId>,
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

/// A session has as many subscriptions as it may.
#[derive(Debug)]
pub(crate) struct TooMany;

impl Broker {
    pub(crate) fn new(limits: &Limits) -> Broker {
        Broker {
            subscriptions: limits.subscriptions,
            largest_event: limits.outbound_bytes / 4,
            state: RwLock::default(),
        }
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

    /// Lets a subscription have events from now on, first those that were held for it. None if it ended meanwhile.
    pub(crate) fn accept(&self, subscription: &Subscription) -> Option<SubscriptionId> {
        let mut state = self.write();
        let State { table, topics, sessions, last } = &mut *state;
        if let Some(id) = subscription.id() {
            return Some(id);
        }
        let session = subscription.session();
        let own = sessions.get_mut(&session.id())?;
        let place = own.pending.iter().position(|pending| pending == subscription)?;
        own.pending.swap_remove(place);
        let (topic, policy) = (subscription.topic_uri(), subscription.match_policy());
        let id = match table.get(topic, policy) {
            Some(id) => *id,
            None => {
                *last += 1;
                let id = SubscriptionId::new(*last)?;
                table.insert(topic, policy, id);
                topics.insert(id, Topic { uri: topic.clone(), policy, subscribers: FxHashMap::default() });
                id
            }
        };
        let subscriber = Subscriber { codec: session.codec(), session: session.clone() };
        topics.get_mut(&id)?.subscribers.insert(session.id(), subscriber);
        own.active.insert(id, subscription.clone());
        subscription.accept(id);
        Some(id)
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
        let subscription = state.sessions.get_mut(&session.id())?.active.remove(&id)?;
        state.remove_subscriber(id, session.id());
        state.forget_if_idle(session.id());
        drop(state);
        subscription.end();
        Some(subscription)
    }

    /// Ends all subscriptions of a session, and returns those that had been accepted.
    pub(crate) fn leave(&self, session: &Session) -> Vec<Subscription> {
        let mut state = self.write();
        let Some(Own { active, pending }) = state.sessions.remove(&session.id()) else { return Vec::new() };
        for id in active.keys() {
            state.remove_subscriber(*id, session.id());
        }
        drop(state);
        let ended: Vec<Subscription> = active.into_values().collect();
        for subscription in ended.iter().chain(&pending) {
            subscription.end();
        }
        ended
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn remove_subscriber(&mut self, id: SubscriptionId, session: SessionId) {
        let Some(topic) = self.topics.get_mut(&id) else { return };
        topic.subscribers.remove(&session);
        if topic.subscribers.is_empty()
            && let Some(topic) = self.topics.remove(&id)
        {
            self.table.remove(&topic.uri, topic.policy);
        }
    }

    fn forget_if_idle(&mut self, session: SessionId) {
        if self.sessions.get(&session).is_some_and(|own| own.active.is_empty() && own.pending.is_empty()) {
            self.sessions.remove(&session);
        }
    }
}
