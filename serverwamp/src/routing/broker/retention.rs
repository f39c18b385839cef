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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::session;
    use super::*;
    use crate::handler::Audience;
    use crate::wire::{Codec, Payload};

    /// What happens to the retained events of a realm.
    #[derive(Debug, Clone)]
    enum Change {
        Put { topic: String, audience: usize, length: usize },
        Clear(String),
    }

    fn change() -> impl Strategy<Value = Change> {
        let topic = || "[ab](\\.[ab]){0,2}";
        prop_oneof![
            8 => (topic(), 0..4_usize, 0..400_usize)
                .prop_map(|(topic, audience, length)| Change::Put { topic, audience, length }),
            1 => topic().prop_map(Change::Clear),
        ]
    }

    /// Sessions with an odd id have the role `odd`.
    fn audience(number: usize) -> Audience {
        match number {
            0 => Audience::everyone(),
            1 => Audience::everyone().eligible_authrole(["odd"]),
            2 => Audience::everyone().exclude_authrole(["odd"]),
            _ => Audience::everyone().eligible_authrole([""; 0]),
        }
    }

    /// The same in so many words: all events that are kept, the oldest first.
    #[derive(Default)]
    struct Model(Vec<(String, usize, usize, String)>);

    impl Model {
        fn put(&mut self, limits: &Limits, topic: &str, audience: usize, octets: usize, text: &str) {
            if limits.retained_events == 0 || octets > limits.retained_bytes {
                return;
            }
            self.0.retain(|(other, others, ..)| other != topic || (audience != 0 && *others != audience));
            self.0.push((topic.to_owned(), audience, octets, text.to_owned()));
            let taken = |kept: &[(String, usize, usize, String)]| kept.iter().map(|event| event.2).sum::<usize>();
            while self.0.len() > limits.retained_events || taken(&self.0) > limits.retained_bytes {
                self.0.remove(0);
            }
        }

        fn for_subscriber(&self, is_odd: bool, pattern: &str, policy: MatchPolicy) -> Vec<String> {
            let may = |audience: usize| audience == 0 || (audience == 1 && is_odd) || (audience == 2 && !is_odd);
            let fits = |(topic, audience, ..): &(String, usize, usize, String)| {
                matches(pattern, policy, topic) && may(*audience)
            };
            let fitting: Vec<_> = self.0.iter().filter(|event| fits(event)).collect();
            let is_latest = |place: usize| fitting.iter().skip(place + 1).all(|later| later.0 != fitting[place].0);
            (0..fitting.len()).filter(|place| is_latest(*place)).map(|place| fitting[place].3.clone()).collect()
        }
    }

    proptest! {
        #[test]
        fn the_latest_within_the_bounds_is_kept(
            events in 0..6_usize,
            bytes in 0..3000_usize,
            changes in prop::collection::vec(change(), 0..60),
        ) {
            let limits = Limits { retained_events: events, retained_bytes: bytes, ..Limits::default() };
            let (mut retained, mut model) = (Retained::new(&limits), Model::default());
            let sessions = [session(1, Codec::Json), session(2, Codec::Json)];
            for (number, change) in changes.into_iter().enumerate() {
                match change {
                    Change::Clear(topic) => {
                        let before = model.0.len();
                        model.0.retain(|(other, ..)| *other != topic);
                        prop_assert_eq!(retained.clear(&Uri::new(&topic).unwrap()), model.0.len() < before);
                    }
                    Change::Put { topic, audience: number_of_audience, length } => {
                        let text = format!("{number}{}", "x".repeat(length));
                        let (uri, audience) = (Uri::new(&topic).unwrap(), audience(number_of_audience));
                        let payload = Payload::encode(Codec::Cbor, text.as_str()).unwrap();
                        let publication = Publication::new(&uri, &payload, &audience);
                        let octets = octets(&publication);
                        prop_assert_eq!(retained.check(&publication).is_err(), events > 0 && octets > bytes);
                        retained.put(&publication);
                        model.put(&limits, &topic, number_of_audience, octets, &text);
                    }
                }
                prop_assert_eq!(retained.octets, model.0.iter().map(|event| event.2).sum::<usize>());
                prop_assert_eq!(retained.order.len(), model.0.len());
            }
            for (is_odd, session) in [true, false].into_iter().zip(&sessions) {
                for (pattern, policy) in [
                    ("a", MatchPolicy::Exact), ("a.b", MatchPolicy::Exact), ("", MatchPolicy::Prefix),
                    ("a", MatchPolicy::Prefix), ("b.", MatchPolicy::Prefix), ("a.", MatchPolicy::Wildcard),
                    (".b", MatchPolicy::Wildcard), ("a..a", MatchPolicy::Wildcard), ("..", MatchPolicy::Wildcard),
                ] {
                    let got = retained.for_subscriber(session, pattern, policy);
                    let got: Vec<String> =
                        got.iter().map(|event| event.payload.to_args()[0].as_str().unwrap().to_owned()).collect();
                    prop_assert_eq!(got, model.for_subscriber(is_odd, pattern, policy), "{} {}", pattern, policy);
                }
            }
            for topic in retained.topics.keys().cloned().collect::<Vec<_>>() {
                retained.clear(&topic);
            }
            prop_assert!(retained.order.is_empty() && retained.topics.is_empty() && retained.octets == 0);
        }
    }
}
