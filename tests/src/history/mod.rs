//! Histories of what clients, handlers and routers saw, and the promises that each history must keep.
//!
//! Everybody who takes part notes what happens to it ([`Witness`]): what it is about to send, and what it has received. The
//! notes of all of them are a [`History`], and [`check`] compares it with what the server promises: the third section of its
//! design, as [`Promise`] lists it. It knows nothing of how the history came about, be it on a good line, on one that breaks
//! (`proxy`), or with processes that are killed.
//!
//! ```
//! use serverwamp_tests::history::{Event, Promise, Recorder, check};
//!
//! let recorder = Recorder::default();
//! let (caller, server) = (recorder.witness("caller"), recorder.witness("server"));
//! caller.note(Event::Joined);
//! caller.note(Event::Call { request: 1, call: 7, progress: false });
//! server.note(Event::Started { call: 7 });
//! server.note(Event::Ended { call: 7 });
//! caller.note(Event::Result { request: 1, call: 7, parts: 0 });
//! assert_eq!(check(&recorder.history()).unwrap().calls, 1);
//!
//! caller.note(Event::Result { request: 1, call: 7, parts: 0 });
//! assert_eq!(check(&recorder.history()).unwrap_err()[0].promise, Promise::OneReply);
//! ```

mod check;
mod recorder;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use check::check;
pub use recorder::{Recorder, Witness};

/// Something that happened to somebody. What is sent is noted before it is, what is received after it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Event {
    /// WELCOME has come. A client that reconnects notes it for each session.
    Joined,
    /// A client that reconnects has everything subscribed again.
    Restored,
    /// A client that reconnects has lost its session, and has taken all events that came before.
    Interrupted,
    /// The connection has ended without GOODBYE: the end of a session.
    Lost,
    /// GOODBYE is about to be sent.
    Leaving,
    /// GOODBYE has come: the end of a session.
    Goodbye {
        reason: String,
    },
    /// All that was owed has come, or was waited for in vain.
    Quiet,
    /// The server is about to be told to stop.
    Stopping,
    /// The process has been killed.
    Killed,

    Subscribe {
        request: u64,
        topic: String,
        policy: Policy,
    },
    Subscribed {
        request: u64,
        subscription: u64,
    },
    Unsubscribe {
        request: u64,
        subscription: u64,
    },
    Unsubscribed {
        request: u64,
    },
    /// Publications of one witness are numbered in the order in which they are sent.
    Publish {
        request: u64,
        topic: String,
        number: u64,
        acknowledge: bool,
        exclude_me: bool,
    },
    Published {
        request: u64,
    },
    /// ERROR instead of SUBSCRIBED, UNSUBSCRIBED or PUBLISHED.
    Refused {
        request: u64,
        error: String,
    },
    /// EVENT: which publication of whom.
    Event {
        subscription: u64,
        publisher: String,
        number: u64,
    },

    /// CALL, with a number that no other call of the history has.
    Call {
        request: u64,
        call: u64,
        progress: bool,
    },
    /// CANCEL.
    Cancel {
        request: u64,
    },
    /// A progressive RESULT; parts are counted from 0.
    Progress {
        request: u64,
        call: u64,
        part: u64,
    },
    /// The final RESULT: of which call, and how many parts the handler has sent before.
    Result {
        request: u64,
        call: u64,
        parts: u64,
    },
    /// ERROR instead of RESULT.
    Error {
        request: u64,
        error: String,
    },
    /// A client says that the request has failed with its session, or for want of one.
    Failed {
        request: u64,
    },

    /// A handler has begun.
    Started {
        call: u64,
    },
    /// A handler has returned, or was dropped.
    Ended {
        call: u64,
    },

    /// What came was not what was sent, and that could be seen.
    Garbled,
}

/// How a subscription's topic is matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Policy {
    Exact,
    Prefix,
    Wildcard,
}

impl Policy {
    /// All of them.
    pub const ALL: [Policy; 3] = [Policy::Exact, Policy::Prefix, Policy::Wildcard];

    /// Its name in SUBSCRIBE.
    pub fn name(self) -> &'static str {
        match self {
            Policy::Exact => "exact",
            Policy::Prefix => "prefix",
            Policy::Wildcard => "wildcard",
        }
    }

    /// Whether a topic matches a pattern.
    pub fn matches(self, pattern: &str, topic: &str) -> bool {
        match self {
            Policy::Exact => pattern == topic,
            Policy::Prefix => topic.starts_with(pattern),
            Policy::Wildcard => {
                let (patterns, components) = (pattern.split('.'), topic.split('.'));
                patterns.clone().count() == components.clone().count()
                    && patterns.zip(components).all(|(pattern, component)| pattern.is_empty() || pattern == component)
            }
        }
    }
}

/// Who noted what, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Nanoseconds, of the same clock for all processes of a machine.
    pub at: u64,
    /// The witness: one session of a peer, a client that reconnects, or those who run handlers in one process.
    pub by: String,
    /// What happened.
    pub event: Event,
}

/// What has happened, in the order in which it was noted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// By time.
    pub records: Vec<Record>,
}

impl History {
    /// Puts records of several processes in order.
    pub fn of(mut records: Vec<Record>) -> History {
        records.sort_by_key(|record| record.at);
        History { records }
    }

    /// Without what these witnesses noted, and without what came from them.
    pub fn without(&self, is_left_out: impl Fn(&str) -> bool) -> History {
        let calls =
            self.records.iter().filter(|record| is_left_out(&record.by)).filter_map(|record| match record.event {
                Event::Call { call, .. } => Some(call),
                _ => None,
            });
        let calls: std::collections::HashSet<u64> = calls.collect();
        let kept = self.records.iter().filter(|record| match &record.event {
            _ if is_left_out(&record.by) => false,
            Event::Event { publisher, .. } => !is_left_out(publisher),
            Event::Started { call } | Event::Ended { call } => !calls.contains(call),
            _ => true,
        });
        History { records: kept.cloned().collect() }
    }
}

/// What is promised to clients: section 3 of the design, sections 1.5 to 1.8 of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Promise {
    /// Events of one publisher's session come in the order in which they were published, across topics.
    Order,
    /// No event is left out between two others: a subscriber gets all or is cut.
    NoGap,
    /// No event comes twice for one subscription.
    NoDuplicate,
    /// What was acknowledged reaches everybody who was subscribed at that time.
    Acknowledged,
    /// Events reach those whom they are for: subscribers of their topic, without the publisher where it is excluded, and
    /// nobody where the publication was refused.
    Addressed,
    /// No event comes before SUBSCRIBED or after UNSUBSCRIBED.
    SubscribedFirst,
    /// No request has a second reply.
    OneReply,
    /// No request is left without a reply.
    Answered,
    /// Parts of a result come in order, none is left out, and the final result comes behind them.
    ProgressFirst,
    /// No call runs twice, and what has a result has run.
    OneRun,
    /// Every handler that begins returns or is dropped.
    RunEnds,
    /// The calls of one session are started in the order in which they were made.
    StartedInOrder,
    /// Nothing comes after GOODBYE.
    NothingAfterGoodbye,
    /// Nothing comes that nobody has sent.
    Authentic,
}

/// A promise that a history shows to be broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which one.
    pub promise: Promise,
    /// To whom it was made.
    pub to: String,
    /// What happened instead.
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}, to {}: {}", self.promise, self.to, self.text)
    }
}

/// What a history is made of, so that one in which nothing happens is not taken for proof.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// Sessions that have begun.
    pub sessions: usize,
    /// Of those, how many ended without GOODBYE.
    pub lost: usize,
    /// GOODBYEs that have come.
    pub goodbyes: usize,
    /// Processes that were killed or told to stop.
    pub stops: usize,
    /// Calls that were made.
    pub calls: usize,
    /// Of those, how many have a result.
    pub results: usize,
    /// Of those, how many have an error.
    pub errors: usize,
    /// Progressive results.
    pub parts: usize,
    /// Handlers that have begun.
    pub runs: usize,
    /// Publications that were sent.
    pub publications: usize,
    /// Of those, how many were acknowledged.
    pub acknowledged: usize,
    /// Events that were received.
    pub events: usize,
    /// What came otherwise than it was sent, and was seen to.
    pub garbled: usize,
}

impl Report {
    /// Calls, publications and events.
    pub fn operations(&self) -> usize {
        self.calls + self.publications + self.events
    }
}

impl std::ops::AddAssign for Report {
    fn add_assign(&mut self, other: Report) {
        self.sessions += other.sessions;
        self.lost += other.lost;
        self.goodbyes += other.goodbyes;
        self.stops += other.stops;
        self.calls += other.calls;
        self.results += other.results;
        self.errors += other.errors;
        self.parts += other.parts;
        self.runs += other.runs;
        self.publications += other.publications;
        self.acknowledged += other.acknowledged;
        self.events += other.events;
        self.garbled += other.garbled;
    }
}
