//! Events that are kept for those who subscribe later.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::super::coverage::{literal_start, matches, may_read};
use super::super::kept::{KeptEvent, octets};
use crate::handler::{Publication, PublishError, Session};
use crate::limits::Limits;
use crate::wire::{MatchPolicy, Uri};

/// The retained events of one realm: of each topic the latest, and with it those that were for other audiences. Bounded; the
/// oldest make way.
///
/// WAMP: event retention, advanced profile.
#[derive(Debug, Default)]
pub(super) struct Retained {
    topics: BTreeMap<Uri, Vec<RetainedEvent>>,
    /// The topic of each event, in the order of their publication.
    order: BTreeMap<u64, Uri>,
    octets: usize,
    next: u64,
    most_events: usize,
    most_octets: usize,
}

#[derive(Debug)]
struct RetainedEvent {
    /// Its place in the order of publication.
    place: u64,
    event: KeptEvent,
    octets: usize,
}

impl Retained {
    pub(super) fn new(limits: &Limits) -> Retained {
        Retained { most_events: limits.retained_events, most_octets: limits.retained_bytes, ..Retained::default() }
    }

    /// Whether there is room for an event at all.
    ///
    /// # Errors
    /// It is too large.
    pub(super) fn check(&self, publication: &Publication<'_>) -> Result<(), PublishError> {
        match self.most_events > 0 && octets(publication) > self.most_octets {
            true => Err(PublishError::TooLarge { maximum: self.most_octets }),
            false => Ok(()),
        }
    }

    /// Keeps an event in place of those that it supersedes: all others of its topic, or, where only some may have it, the one
    /// for the same. Returns the limit that others had to make way for, if so.
    pub(super) fn put(&mut self, publication: &Publication<'_>) -> Option<&'static str> {
        let octets = octets(publication);
        if self.most_events == 0 || octets > self.most_octets {
            return None;
        }
        let event = KeptEvent::of(publication);
        self.remove(&event.topic, |former| event.audience.is_open() || former.audience.has_lists_of(&event.audience));
        let mut met = None;
        while let Some((_, topic)) = self.order.first_key_value()
            && let Some(limit) = self.exceeded_by(octets)
        {
            met = Some(limit);
            let (topic, oldest) = (topic.clone(), self.order.keys().next().copied());
            self.remove_places(&topic, |place, _| Some(place) == oldest);
        }
        let place = self.next;
        self.next = self.next.saturating_add(1);
        self.octets = self.octets.saturating_add(octets);
        self.order.insert(place, event.topic.clone());
        self.topics.entry(event.topic.clone()).or_default().push(RetainedEvent { place, event, octets });
        met
    }

    /// Forgets the events of a topic. Returns whether there were any.
    pub(super) fn clear(&mut self, topic: &Uri) -> bool {
        self.remove(topic, |_| true)
    }

    /// What a subscriber of a topic or pattern has missed, in the order of publication: of each topic the latest that it
    /// could have had.
    pub(super) fn for_subscriber(&self, session: &Session, pattern: &str, policy: MatchPolicy) -> Vec<&KeptEvent> {
        let start = match policy {
            MatchPolicy::Exact | MatchPolicy::Prefix => pattern,
            MatchPolicy::Wildcard => literal_start(pattern),
        };
        let topics = self
            .topics
            .range::<str, _>((Bound::Included(start), Bound::Unbounded))
            .take_while(|(topic, _)| topic.starts_with(start));
        let topics = topics.filter(|(topic, _)| matches(pattern, policy, topic) && may_read(pattern, topic));
        let mut latest: Vec<&RetainedEvent> = topics
            .filter_map(|(_, events)| events.iter().rev().find(|it| it.event.audience.allows(session.id(), session)))
            .collect();
        latest.sort_by_key(|retained| retained.place);
        latest.into_iter().map(|retained| &retained.event).collect()
    }

    fn exceeded_by(&self, octets: usize) -> Option<&'static str> {
        match () {
            () if self.order.len() >= self.most_events => Some("retained_events"),
            () if self.octets.saturating_add(octets) > self.most_octets => Some("retained_bytes"),
            () => None,
        }
    }

    fn remove(&mut self, topic: &Uri, superseded: impl Fn(&KeptEvent) -> bool) -> bool {
        self.remove_places(topic, |_, event| superseded(event))
    }

    fn remove_places(&mut self, topic: &Uri, gone: impl Fn(u64, &KeptEvent) -> bool) -> bool {
        let Some(events) = self.topics.get_mut(topic) else { return false };
        let before = events.len();
        events.retain(|retained| {
            let gone = gone(retained.place, &retained.event);
            if gone {
                self.order.remove(&retained.place);
                self.octets = self.octets.saturating_sub(retained.octets);
            }
            !gone
        });
        let removed = events.len() < before;
        if events.is_empty() {
            self.topics.remove(topic);
        }
        removed
    }
}
