//! What is promised to subscribers.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::publications::{Publication, Publisher, publishers};
use super::{Broken, Event, Notes, Place, Promise};
use crate::history::Policy;

/// The time in which events of a subscription may come.
struct Window<'h> {
    subscription: u64,
    topic: &'h str,
    policy: Policy,
    /// From here on, events must come.
    sure_from: Option<Place>,
    /// Up to here.
    sure_until: Option<Place>,
    /// Whether all that was to come has come, and the end is no cut.
    is_whole: bool,
    is_open: bool,
    /// What has come, by publisher: where in its publications.
    received: BTreeMap<&'h str, Vec<usize>>,
}

/// A subscriber and what it has been told so far.
struct Subscriber<'h, 'p> {
    name: &'h str,
    publishers: &'p BTreeMap<&'h str, Publisher<'h>>,
    windows: Vec<Window<'h>>,
    /// What came for subscriptions that there are not yet.
    early: Vec<(u64, &'h str, usize)>,
    /// The last publication of each session of a publisher that has come.
    last: HashMap<(&'h str, usize), usize>,
    /// Which of its sessions it is in, as publications count them.
    sessions: usize,
    /// What has come for each topic and policy.
    seen: HashSet<(&'h str, Policy, &'h str, usize)>,
}

pub(super) fn check(notes: &Notes, broken: &mut Broken) {
    let publishers = publishers(notes);
    for (name, events) in &notes.by {
        let mut subscriber = Subscriber {
            name,
            publishers: &publishers,
            windows: Vec::new(),
            early: Vec::new(),
            last: HashMap::new(),
            sessions: 0,
            seen: HashSet::new(),
        };
        subscriber.follow(events, notes, broken);
        for window in &subscriber.windows {
            subscriber.compare(window, broken);
        }
    }
}

impl<'h> Subscriber<'h, '_> {
    fn follow(&mut self, events: &[(Place, &'h Event)], notes: &Notes, broken: &mut Broken) {
        let (mut subscribe, mut unsubscribe) = (HashMap::new(), HashMap::new());
        let mut leaving = None;
        for (place, event) in events {
            match event {
                Event::Subscribe { request, topic, policy } => drop(subscribe.insert(*request, (topic, *policy))),
                Event::Subscribed { request, subscription } => {
                    if let Some((topic, policy)) = subscribe.remove(request) {
                        self.open(*subscription, topic, policy, Some(*place));
                        leaving.iter().for_each(|leaving| self.end_of_surety(|_| true, *leaving));
                    }
                }
                Event::Unsubscribe { request, subscription } => {
                    unsubscribe.insert(*request, *subscription);
                    self.end_of_surety(|window| window.subscription == *subscription, *place);
                }
                Event::Unsubscribed { request } => {
                    let subscription = unsubscribe.remove(request);
                    self.close(true, |window| Some(window.subscription) == subscription);
                }
                Event::Leaving => {
                    leaving = Some(*place);
                    self.end_of_surety(|_| true, *place);
                }
                Event::Quiet => {
                    self.end_of_surety(|_| true, *place);
                    // What comes later is none of the promise's, but comes in order all the same.
                    self.windows.iter_mut().filter(|window| window.is_open).for_each(|window| window.is_whole = true);
                }
                // Whoever has said GOODBYE is owed nothing more (1.5 of the protocol).
                Event::Goodbye { .. } if leaving.is_some() => self.close(false, |_| true),
                Event::Goodbye { .. } => {
                    // The server ends its sessions one after the other, from when it is told to stop.
                    let stopping = notes.stopping.iter().rfind(|stopping| *stopping < place);
                    self.end_of_surety(|_| true, stopping.copied().unwrap_or_default());
                    self.close(true, |_| true);
                }
                Event::Lost | Event::Killed => self.close(false, |_| true),
                Event::Interrupted => {
                    self.sessions += 1;
                    self.close(false, |_| true);
                }
                Event::Joined => {
                    self.sessions += 1;
                    self.again();
                }
                Event::Restored => {
                    for window in self.windows.iter_mut().filter(|window| window.is_open) {
                        window.sure_from.get_or_insert(*place);
                    }
                }
                Event::Event { subscription, publisher, number } => {
                    self.receive(*subscription, publisher, *number, broken)
                }
                _ => {}
            }
        }
    }

    fn open(&mut self, subscription: u64, topic: &'h str, policy: Policy, sure_from: Option<Place>) {
        let mut window = Window {
            subscription,
            topic,
            policy,
            sure_from,
            sure_until: None,
            is_whole: false,
            is_open: true,
            received: BTreeMap::new(),
        };
        self.early.retain(|(early, publisher, index)| {
            let belongs = *early == subscription;
            if belongs {
                window.received.entry(*publisher).or_default().push(*index);
            }
            !belongs
        });
        self.windows.push(window);
    }

    /// What a client had subscribed to is subscribed again in its next session, at some time before it says so.
    fn again(&mut self) {
        let mut had: Vec<(u64, &str, Policy)> = Vec::new();
        for window in self.windows.iter().filter(|window| !window.is_open && !window.is_whole) {
            let one = (window.subscription, window.topic, window.policy);
            if !had.contains(&one) {
                had.push(one);
            }
        }
        for (subscription, topic, policy) in had {
            self.open(subscription, topic, policy, None);
        }
    }

    fn end_of_surety(&mut self, of: impl Fn(&Window) -> bool, place: Place) {
        for window in self.windows.iter_mut().filter(|window| window.is_open && of(window)) {
            window.sure_until.get_or_insert(place);
        }
    }

    fn close(&mut self, is_whole: bool, of: impl Fn(&Window) -> bool) {
        for window in self.windows.iter_mut().filter(|window| window.is_open && of(window)) {
            window.is_open = false;
            window.is_whole |= is_whole;
        }
    }

    fn receive(&mut self, subscription: u64, publisher: &'h str, number: u64, broken: &mut Broken) {
        let found = self.publishers.get_key_value(publisher).and_then(|(name, of)| Some((*name, of.find(number)?)));
        let Some((publisher, index)) = found else {
            let text = format!("event {number} of {publisher}, which was never published");
            broken.add(Promise::Authentic, self.name, text);
            return;
        };
        let publication = &self.publishers[publisher].publications[index];
        let window = self.windows.iter_mut().rev().find(|window| window.is_open && window.subscription == subscription);
        let Some(window) = window else {
            let text = format!("event {number} of {publisher} without the subscription {subscription}");
            broken.add(Promise::SubscribedFirst, self.name, text);
            // One that comes too late is no part of what comes when it is subscribed to again.
            if !self.windows.iter().any(|window| window.subscription == subscription) {
                self.early.push((subscription, publisher, index));
            }
            return;
        };
        let own = publisher == self.name && publication.session == Some(self.sessions);
        if !is_for(publication, window, own) {
            let text = format!("event {number} of {publisher}, on {}, for {}", publication.topic, window.topic);
            broken.add(Promise::Addressed, self.name, text);
            return;
        }
        window.received.entry(publisher).or_default().push(index);
        if !self.seen.insert((window.topic, window.policy, publisher, index)) {
            broken.add(Promise::NoDuplicate, self.name, format!("event {number} of {publisher} twice"));
            return;
        }
        // What is promised is promised of sessions.
        let Some(session) = publication.session else { return };
        let last = self.last.entry((publisher, session)).or_insert(index);
        if *last > index {
            let before = self.publishers[publisher].publications[*last].number;
            broken.add(Promise::Order, self.name, format!("event {number} of {publisher} after {before}"));
        }
        *last = index.max(*last);
    }

    /// Whether all has come in a window that should have.
    fn compare(&self, window: &Window, broken: &mut Broken) {
        for (publisher, of) in self.publishers {
            let received = window.received.get(publisher).map(Vec::as_slice).unwrap_or_default();
            let known: HashSet<usize> = received.iter().copied().collect();
            for (index, publication) in of.publications.iter().enumerate() {
                let Some(done) = publication.done else { continue };
                if known.contains(&index) || !is_for(publication, window, *publisher == self.name) {
                    continue;
                }
                let together = || {
                    let same = |other: &&usize| of.publications[**other].session == publication.session;
                    received.iter().filter(same).filter(|_| publication.session.is_some())
                };
                let (first, last) = (together().min(), together().max());
                let was_subscribed = window.sure_from.is_some_and(|from| from < publication.sent);
                let is_before = last.is_some_and(|last| index < *last);
                let (number, topic) = (publication.number, window.topic);
                if is_before && (was_subscribed || first.is_some_and(|first| *first < index)) {
                    let text = format!("event {number} of {publisher} left out between others, for {topic}");
                    broken.add(Promise::NoGap, self.name, text);
                } else if was_subscribed
                    && !is_before
                    && window.is_whole
                    && window.sure_until.is_none_or(|until| done < until)
                {
                    let text = format!("event {number} of {publisher}, which was published, for {topic}");
                    broken.add(Promise::Acknowledged, self.name, text);
                }
            }
        }
    }
}

/// Whether an event is for a subscription; `own` is whether the subscriber has published it in the same session.
fn is_for(publication: &Publication, window: &Window, own: bool) -> bool {
    let is_excluded = publication.exclude_me && own;
    window.policy.matches(window.topic, publication.topic) && !is_excluded && !publication.is_refused
}
