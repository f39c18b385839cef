//! What was published, and by when the server had surely done so.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Event, Notes, Place};

/// One publication.
pub(super) struct Publication<'h> {
    pub(super) topic: &'h str,
    pub(super) number: u64,
    pub(super) exclude_me: bool,
    pub(super) is_refused: bool,
    request: u64,
    /// Which of the publisher's sessions it was sent in; none where a client that reconnects cannot say.
    pub(super) session: Option<usize>,
    pub(super) sent: Place,
    /// Where it was seen that the server had published it; none if it may never have.
    pub(super) done: Option<Place>,
}

/// The publications of a witness, in their order.
#[derive(Default)]
pub(super) struct Publisher<'h> {
    pub(super) publications: Vec<Publication<'h>>,
    by_number: HashMap<u64, usize>,
}

impl Publisher<'_> {
    pub(super) fn find(&self, number: u64) -> Option<usize> {
        self.by_number.get(&number).copied()
    }
}

pub(super) fn publishers<'h>(notes: &Notes<'h>) -> BTreeMap<&'h str, Publisher<'h>> {
    let mut publishers: BTreeMap<&str, Publisher> = BTreeMap::new();
    for (witness, events) in &notes.by {
        let publisher = sent_by(events);
        if !publisher.publications.is_empty() {
            publishers.insert(*witness, publisher);
        }
    }
    for (place, record) in notes.all.iter().enumerate() {
        if let Event::Event { publisher, number, .. } = &record.event
            && let Some(publisher) = publishers.get_mut(publisher.as_str())
            && let Some(index) = publisher.find(*number)
        {
            let done = &mut publisher.publications[index].done;
            *done = Some(done.map_or(place, |earlier| earlier.min(place)));
        }
    }
    for (witness, publisher) in &mut publishers {
        // What a client asks in one session is not answered before what it has asked earlier.
        if !notes.by[witness].iter().any(|(_, event)| **event == Event::Interrupted) {
            let mut later = None;
            let mut answered = answers(&notes.by[witness]).into_iter().rev().peekable();
            for publication in publisher.publications.iter_mut().rev() {
                while let Some((_, answer)) = answered.next_if(|(asked, _)| *asked > publication.sent) {
                    later = Some(later.map_or(answer, |later: Place| later.min(answer)));
                }
                publication.done = [publication.done, later].into_iter().flatten().min();
                later = publication.done;
            }
        }
    }
    publishers
}

fn sent_by<'h>(events: &[(Place, &'h Event)]) -> Publisher<'h> {
    let mut publisher = Publisher::default();
    let mut requests = HashMap::new();
    let reconnects = events.iter().any(|(_, event)| **event == Event::Interrupted);
    let mut sessions = 0;
    for (place, event) in events {
        match event {
            Event::Joined | Event::Interrupted => sessions += 1,
            Event::Publish { request, topic, number, exclude_me, .. } => {
                requests.insert(*request, publisher.publications.len());
                publisher.by_number.insert(*number, publisher.publications.len());
                publisher.publications.push(Publication {
                    topic,
                    number: *number,
                    exclude_me: *exclude_me,
                    is_refused: false,
                    request: *request,
                    session: Some(sessions),
                    sent: *place,
                    done: None,
                });
            }
            Event::Published { request } | Event::Refused { request, .. } => {
                let found = requests.get(request).and_then(|index| publisher.publications.get_mut(*index));
                if let Some(publication) = found.filter(|publication| publication.request == *request) {
                    publication.is_refused = matches!(event, Event::Refused { .. });
                    publication.done.get_or_insert(*place);
                    // It may have waited in the client, or on its way, for longer than a session.
                    publication.session = publication.session.filter(|session| *session == sessions);
                }
            }
            _ => {}
        }
    }
    if reconnects {
        for publication in publisher.publications.iter_mut().filter(|publication| publication.done.is_none()) {
            publication.session = None;
        }
    }
    publisher
}

/// Where requests about topics were made, and where they were answered.
fn answers(events: &[(Place, &Event)]) -> Vec<(Place, Place)> {
    let mut asked: HashMap<u64, Place> = HashMap::new();
    let (mut answers, mut seen) = (Vec::new(), HashSet::new());
    for (place, event) in events {
        match event {
            Event::Subscribe { request, .. }
            | Event::Unsubscribe { request, .. }
            | Event::Publish { request, acknowledge: true, .. } => drop(asked.insert(*request, *place)),
            Event::Subscribed { request, .. }
            | Event::Unsubscribed { request }
            | Event::Published { request }
            | Event::Refused { request, .. } => {
                if let Some(at) = asked.get(request).filter(|_| seen.insert(*request)) {
                    answers.push((*at, *place));
                }
            }
            _ => {}
        }
    }
    answers.sort_unstable();
    answers
}
