//! The checker finds what is broken: histories of a real server, each with one fault planted, and nothing else is said to be
//! broken.

use std::collections::BTreeSet;

use serverwamp_tests::history::{Event, History, Promise, Record, check};

use super::expect_kept;
use super::world::run;

/// How often each fault is planted, at different places.
const PLACES: usize = 3;

/// A change of a history.
enum Edit {
    Remove(usize),
    /// What another record says happens again, to the same witness, behind a place.
    Repeat(usize, usize),
    /// Two records of the same witness change places.
    Swap(usize, usize),
    /// Behind that place instead.
    Move(usize, usize),
    /// Something else happens to the witness of a record, behind it.
    Insert(usize, Event),
    Replace(usize, Event),
}

impl Edit {
    fn apply(self, history: &History) -> History {
        let mut records = history.records.clone();
        match self {
            Edit::Remove(at) => drop(records.remove(at)),
            Edit::Repeat(at, behind) => records.insert(behind + 1, records[at].clone()),
            Edit::Swap(one, other) => {
                let event = records[one].event.clone();
                records[one].event = std::mem::replace(&mut records[other].event, event);
            }
            Edit::Move(from, behind) => {
                let record = records[from].clone();
                records.insert(behind + 1, record);
                records.remove(from + usize::from(behind < from));
            }
            Edit::Insert(behind, event) => {
                let record = Record { event, ..records[behind].clone() };
                records.insert(behind + 1, record);
            }
            Edit::Replace(at, event) => records[at].event = event,
        }
        History { records }
    }
}

/// Where a fault could be planted: at a record, if it is one for that.
type Plant = fn(&[Record], usize) -> Option<Edit>;

/// The first record of the same witness behind a place, up to the first one that rules it out.
fn next(
    records: &[Record],
    at: usize,
    is_wanted: impl Fn(&Event) -> bool,
    is_end: impl Fn(&Event) -> bool,
) -> Option<usize> {
    let mut own = (at + 1..records.len()).filter(|place| records[*place].by == records[at].by);
    own.find(|place| is_wanted(&records[*place].event) || is_end(&records[*place].event))
        .filter(|place| is_wanted(&records[*place].event))
}

/// The next event of the same publisher for the same subscription, while that lasts.
fn next_event(records: &[Record], at: usize) -> Option<usize> {
    let Event::Event { subscription, publisher, number } = &records[at].event else { return None };
    let is_next = |event: &Event| match event {
        Event::Event { subscription: also, publisher: by, number: another } => {
            also == subscription && by == publisher && another != number
        }
        _ => false,
    };
    let ends = |event: &Event| match event {
        Event::Unsubscribe { subscription: also, .. } => also == subscription,
        Event::Goodbye { .. } | Event::Lost | Event::Interrupted => true,
        _ => false,
    };
    next(records, at, is_next, ends)
}

fn never(_: &Event) -> bool {
    false
}

fn result(records: &[Record], at: usize) -> Option<u64> {
    match records[at].event {
        Event::Result { request, .. } => Some(request),
        _ => None,
    }
}

const FAULTS: [(&str, Promise, Plant); 20] = [
    ("an event between others is dropped", Promise::NoGap, |records, at| {
        let middle = next_event(records, at)?;
        next_event(records, middle).map(|_| Edit::Remove(middle))
    }),
    ("an event comes behind the next one", Promise::Order, |records, at| {
        Some(Edit::Move(at, next_event(records, at)?))
    }),
    ("an event comes twice", Promise::NoDuplicate, |records, at| {
        matches!(records[at].event, Event::Event { .. }).then_some(Edit::Repeat(at, at))
    }),
    ("the last event is dropped", Promise::Acknowledged, |records, at| {
        let Event::Event { subscription, publisher, number } = &records[at].event else { return None };
        let again = |event: &Event| matches!(event, Event::Event { publisher: by, .. } if by == publisher);
        let ends = |event: &Event| match event {
            Event::Unsubscribe { subscription: also, .. } => also == subscription,
            Event::Lost | Event::Interrupted | Event::Leaving => true,
            _ => false,
        };
        let quiet = next(records, at, |event| *event == Event::Quiet, |event| again(event) || ends(event))?;
        // It was subscribed before, and the publication was acknowledged.
        let sent = |record: &Record| matches!(record.event, Event::Publish { number: of, .. } if of == *number);
        let sent = records.iter().position(sent)?;
        let Event::Publish { request, .. } = records[sent].event else { return None };
        let done = next(records, sent, |event| *event == Event::Published { request }, never)?;
        let is_made = |place: &usize| {
            let made = &records[*place];
            made.by == records[at].by
                && matches!(made.event, Event::Subscribed { subscription: of, .. } if of == *subscription)
        };
        let made = (0..at).rfind(is_made)?;
        let unsubscribe =
            |event: &Event| matches!(event, Event::Unsubscribe { subscription: of, .. } if of == subscription);
        if next(records, made, unsubscribe, never).is_some() {
            return None;
        }
        (made < sent && done < quiet).then_some(Edit::Remove(at))
    }),
    ("a publisher hears itself", Promise::Addressed, |records, at| {
        let Event::Publish { number, exclude_me: true, .. } = &records[at].event else { return None };
        let by = &records[at].by;
        // Where it has a subscription from before, that it keeps.
        let heard = (0..at).rfind(|place| records[*place].by == *by)?;
        let Event::Event { subscription, .. } = records[heard].event else { return None };
        Some(Edit::Insert(at, Event::Event { subscription, publisher: by.clone(), number: *number }))
    }),
    ("an event comes before SUBSCRIBED", Promise::SubscribedFirst, |records, at| {
        let Event::Subscribed { subscription, .. } = records[at].event else { return None };
        let is_other = |record: &Record| {
            record.by == records[at].by
                && matches!(record.event, Event::Subscribed { subscription: of, .. } if of == subscription)
        };
        // The id of a topic may be the same when it is subscribed to again.
        if records[..at].iter().any(is_other) {
            return None;
        }
        let is_first = |event: &Event| matches!(event, Event::Event { subscription: of, .. } if *of == subscription);
        let first =
            next(records, at, is_first, |event| matches!(event, Event::Unsubscribe { .. } | Event::Interrupted))?;
        Some(Edit::Move(first, at - 1))
    }),
    ("an event comes after UNSUBSCRIBED", Promise::SubscribedFirst, |records, at| {
        let Event::Unsubscribe { request, subscription } = records[at].event else { return None };
        let of = |event: &Event| matches!(event, Event::Event { subscription: of, .. } if *of == subscription);
        let before = (0..at).rfind(|place| records[*place].by == records[at].by && of(&records[*place].event))?;
        let end = next(records, at, |event| *event == Event::Unsubscribed { request }, never)?;
        Some(Edit::Repeat(before, end))
    }),
    ("a result comes twice", Promise::OneReply, |records, at| result(records, at).map(|_| Edit::Repeat(at, at))),
    ("an error follows a result", Promise::OneReply, |records, at| {
        let request = result(records, at)?;
        Some(Edit::Insert(at, Event::Error { request, error: "wamp.error.canceled".to_owned() }))
    }),
    ("PUBLISHED comes twice", Promise::OneReply, |records, at| {
        matches!(records[at].event, Event::Published { .. }).then_some(Edit::Repeat(at, at))
    }),
    ("a result comes after GOODBYE", Promise::NothingAfterGoodbye, |records, at| {
        result(records, at)?;
        let end = next(records, at, |event| matches!(event, Event::Goodbye { .. }), |event| *event == Event::Quiet)?;
        Some(Edit::Move(at, end))
    }),
    ("a handler runs twice", Promise::OneRun, |records, at| {
        let Event::Ended { call } = records[at].event else { return None };
        Some(Edit::Insert(at, Event::Started { call }))
    }),
    ("a handler has not run", Promise::OneRun, |records, at| {
        let Event::Started { call } = records[at].event else { return None };
        let is_answered = |record: &Record| matches!(record.event, Event::Result { call: of, .. } if of == call);
        records[at..].iter().any(is_answered).then_some(Edit::Remove(at))
    }),
    ("a handler does not end", Promise::RunEnds, |records, at| {
        matches!(records[at].event, Event::Ended { .. }).then_some(Edit::Remove(at))
    }),
    ("two calls change places", Promise::StartedInOrder, |records, at| {
        let Event::Started { call } = records[at].event else { return None };
        let caller = |call| {
            let made = |record: &&Record| matches!(record.event, Event::Call { call: of, .. } if of == call);
            records.iter().find(made).map(|record| &record.by)
        };
        let other = next(records, at, |event| matches!(event, Event::Started { .. }), never)?;
        let Event::Started { call: later } = records[other].event else { return None };
        (caller(call)? == caller(later)?).then_some(Edit::Swap(at, other))
    }),
    ("a result comes before a part", Promise::ProgressFirst, |records, at| {
        let Event::Progress { request, .. } = records[at].event else { return None };
        let is_result = |event: &Event| matches!(event, Event::Result { request: of, .. } if *of == request);
        let is_part = |event: &Event| matches!(event, Event::Progress { request: of, .. } if *of == request);
        Some(Edit::Swap(at, next(records, at, is_result, is_part)?))
    }),
    ("a part is dropped", Promise::ProgressFirst, |records, at| {
        let Event::Progress { request, .. } = records[at].event else { return None };
        let is_result = |event: &Event| matches!(event, Event::Result { request: of, .. } if *of == request);
        next(records, at, is_result, never).map(|_| Edit::Remove(at))
    }),
    ("a call is never answered", Promise::Answered, |records, at| {
        result(records, at)?;
        next(records, at, |event| *event == Event::Quiet, |event| *event == Event::Lost).map(|_| Edit::Remove(at))
    }),
    ("a call has the result of another", Promise::Authentic, |records, at| {
        let request = result(records, at)?;
        let Event::Result { parts, .. } = records[at].event else { return None };
        let other = next(records, at, |event| matches!(event, Event::Result { .. }), never)?;
        let Event::Result { call, .. } = records[other].event else { return None };
        Some(Edit::Replace(at, Event::Result { request, call, parts }))
    }),
    ("an event comes that nobody has published", Promise::Authentic, |records, at| {
        let Event::Event { subscription, publisher, .. } = &records[at].event else { return None };
        let (subscription, publisher) = (*subscription, publisher.clone());
        Some(Edit::Insert(at, Event::Event { subscription, publisher, number: 1 }))
    }),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_planted_fault_is_found_and_named() {
    for seed in 0..2 {
        let (history, _) = run(seed, None).await;
        expect_kept(&format!("planted-{seed}"), &history);
        for (name, promise, plant) in FAULTS {
            let count = history.records.len();
            let mut planted = 0;
            for part in 0..PLACES {
                let places = count * part / PLACES..count * (part + 1) / PLACES;
                let Some((at, edit)) = places.into_iter().find_map(|at| Some((at, plant(&history.records, at)?)))
                else {
                    continue;
                };
                planted += 1;
                let broken = check(&edit.apply(&history)).err().unwrap_or_default();
                let promises: BTreeSet<Promise> = broken.iter().map(|violation| violation.promise).collect();
                assert_eq!(promises, BTreeSet::from([promise]), "{name}, {:?}: {broken:?}", history.records[at]);
            }
            assert!(planted > 0, "{name}: no place for it in the history of seed {seed}");
        }
    }
}
