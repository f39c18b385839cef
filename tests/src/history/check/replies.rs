//! What is promised to those who ask: one reply for each request, and none after GOODBYE.

use std::collections::BTreeMap;

use super::{Broken, Event, Notes, Place, Promise};

/// A request that has a reply to come.
struct Request {
    place: Place,
    kind: Kind,
    replies: usize,
}

enum Kind {
    Call { call: u64, progress: bool, parts: u64 },
    Other,
}

/// How a witness has ended, if it has.
#[derive(Clone, Copy, PartialEq)]
enum End {
    /// Nothing more can come.
    Cut,
    /// The witness said GOODBYE first.
    Left,
    /// The server did.
    Dismissed,
}

pub(super) fn check(notes: &Notes, broken: &mut Broken) {
    let started: std::collections::HashSet<u64> = notes
        .all
        .iter()
        .filter_map(|record| match record.event {
            Event::Started { call } => Some(call),
            _ => None,
        })
        .collect();
    for (witness, events) in &notes.by {
        let mut requests: BTreeMap<u64, Request> = BTreeMap::new();
        let (mut has_left, mut end, mut is_quiet) = (false, None, false);
        for (place, event) in events {
            if let Some(received) = received(event)
                && matches!(end, Some(End::Left | End::Dismissed))
            {
                broken.add(Promise::NothingAfterGoodbye, witness, format!("{received} after GOODBYE"));
            }
            if let Some((request, kind)) = asked(event) {
                requests.insert(request, Request { place: *place, kind, replies: 0 });
            }
            match event {
                Event::Leaving => has_left = true,
                Event::Lost | Event::Killed => end = Some(End::Cut),
                Event::Goodbye { .. } => end = Some(if has_left { End::Left } else { End::Dismissed }),
                Event::Quiet => {
                    is_quiet = true;
                    for (request, _) in requests.iter().filter(|(_, request)| request.replies == 0) {
                        broken.add(Promise::Answered, witness, format!("request {request} was left without a reply"));
                    }
                }
                _ => replied(event, &mut requests, witness, broken),
            }
        }
        if !is_quiet {
            unanswered(end, &requests, |call| started.contains(&call), witness, broken);
        }
    }
}

/// What a client receives, by name.
fn received(event: &Event) -> Option<&'static str> {
    Some(match event {
        Event::Joined => "WELCOME",
        Event::Goodbye { .. } => "GOODBYE",
        Event::Subscribed { .. } => "SUBSCRIBED",
        Event::Unsubscribed { .. } => "UNSUBSCRIBED",
        Event::Published { .. } => "PUBLISHED",
        Event::Refused { .. } | Event::Error { .. } => "ERROR",
        Event::Event { .. } => "EVENT",
        Event::Progress { .. } | Event::Result { .. } => "RESULT",
        _ => return None,
    })
}

fn asked(event: &Event) -> Option<(u64, Kind)> {
    match *event {
        Event::Call { request, call, progress } => Some((request, Kind::Call { call, progress, parts: 0 })),
        Event::Publish { request, acknowledge: true, .. }
        | Event::Subscribe { request, .. }
        | Event::Unsubscribe { request, .. } => Some((request, Kind::Other)),
        _ => None,
    }
}

fn replied(event: &Event, requests: &mut BTreeMap<u64, Request>, witness: &str, broken: &mut Broken) {
    let (Event::Subscribed { request: id, .. }
    | Event::Unsubscribed { request: id }
    | Event::Published { request: id }
    | Event::Refused { request: id, .. }
    | Event::Progress { request: id, .. }
    | Event::Result { request: id, .. }
    | Event::Error { request: id, .. }
    | Event::Failed { request: id }) = event
    else {
        return;
    };
    let Some(request) = requests.get_mut(id) else {
        broken.add(Promise::Authentic, witness, format!("a reply to request {id}, which was not made: {event:?}"));
        return;
    };
    if let Event::Progress { part, call, .. } = event {
        part_of(*part, *call, request, witness, broken);
        return;
    }
    request.replies += 1;
    if request.replies > 1 {
        broken.add(Promise::OneReply, witness, format!("request {id} has a second reply: {event:?}"));
        return;
    }
    if let (Event::Result { call, parts, .. }, Kind::Call { call: made, progress, parts: seen }) =
        (event, &request.kind)
    {
        if call != made {
            broken.add(Promise::Authentic, witness, format!("the result of call {call} for call {made}"));
        }
        if *progress && parts != seen {
            let text = format!("the result of call {made} came behind {seen} of {parts} parts");
            broken.add(Promise::ProgressFirst, witness, text);
        }
    }
}

fn part_of(part: u64, of: u64, request: &mut Request, witness: &str, broken: &mut Broken) {
    let Kind::Call { call, progress, parts } = &mut request.kind else {
        broken.add(Promise::Authentic, witness, format!("part {part} of what is no call"));
        return;
    };
    if of != *call || !*progress {
        broken.add(Promise::Authentic, witness, format!("part {part} of call {of}, for call {call}"));
    } else if request.replies > 0 || part != *parts {
        broken.add(
            Promise::ProgressFirst,
            witness,
            format!("part {part} of call {call} where {parts} was due, or none"),
        );
    }
    *parts += 1;
}

/// Whether what has no reply at the end of a session need not have one.
fn unanswered(
    end: Option<End>,
    requests: &BTreeMap<u64, Request>,
    has_started: impl Fn(u64) -> bool,
    witness: &str,
    broken: &mut Broken,
) {
    let is_owed = |request: &Request| match end {
        None => true,
        // Whoever has said GOODBYE ignores everything but the answer (1.5 of the protocol).
        Some(End::Cut | End::Left) => false,
        // What a server has taken before it stops it also answers; it takes requests in their order.
        Some(End::Dismissed) => {
            let mut later = requests.values().filter(|other| other.place >= request.place);
            later.any(|other| match other.kind {
                Kind::Call { call, .. } => other.replies > 0 || has_started(call),
                Kind::Other => other.replies > 0,
            })
        }
    };
    for (id, request) in requests.iter().filter(|(_, request)| request.replies == 0) {
        if is_owed(request) {
            broken.add(Promise::Answered, witness, format!("request {id} was left without a reply"));
        }
    }
}
