//! The history of topics: events that a router keeps to be asked for.
//!
//! WAMP: event history, advanced profile.

mod memory;
mod query;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(test)]
mod tests;

#[cfg(feature = "sqlite")]
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use self::memory::Memory;
pub(crate) use self::query::Query;
#[cfg(feature = "sqlite")]
use self::sqlite::Sqlite;
use super::coverage::TopicSet;
use super::kept::{KeptEvent, octets};
use super::realm::Realm;
use crate::error::Problem;
use crate::handler::{Publication, Session};
use crate::wire::{MatchPolicy, PublicationId, Timestamp, Uri};

/// How much of the events of some topics a router keeps, and where; the oldest make way.
///
/// ```
/// use std::time::Duration;
///
/// use serverwamp::{History, MatchPolicy, Realm};
///
/// let a_day = History::new().events(10_000).age(Duration::from_secs(24 * 60 * 60));
/// let realm = Realm::new("realm1").router().history("news.", MatchPolicy::Prefix, a_day);
/// # let _ = realm;
/// ```
///
/// WAMP: event history, advanced profile.
#[derive(Debug, Clone)]
#[must_use]
pub struct History {
    bounds: Bounds,
    #[cfg(feature = "sqlite")]
    file: Option<PathBuf>,
}

/// How much is kept.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    events: usize,
    octets: usize,
    age: Option<Duration>,
}

impl Bounds {
    /// Before when an event is too old; none if none is.
    fn cutoff(&self, now: Timestamp) -> Option<Timestamp> {
        let age = i64::try_from(self.age?.as_nanos()).unwrap_or(i64::MAX);
        Some(Timestamp::from_nanoseconds(now.to_nanoseconds().saturating_sub(age)))
    }
}

impl Default for History {
    fn default() -> History {
        History::new()
    }
}

impl History {
    /// 1,000 events, of 1 MiB together, of any age, in memory.
    pub fn new() -> History {
        History {
            bounds: Bounds { events: 1000, octets: 1024 * 1024, age: None },
            #[cfg(feature = "sqlite")]
            file: None,
        }
    }

    /// Keeps at most so many events. Default 1,000.
    pub fn events(mut self, events: usize) -> History {
        self.bounds.events = events;
        self
    }

    /// Keeps at most so many octets, each event counted with its topic, its lists of receivers and 256 octets more. Default
    /// 1 MiB. One that is larger by itself is not kept. Whoever asks for more at once than a quarter of
    /// [`Limits::outbound_bytes`](crate::Limits::outbound_bytes) gets `wamp.error.payload_size_exceeded`, and has to ask for
    /// less, with a `limit`.
    pub fn bytes(mut self, octets: usize) -> History {
        self.bounds.octets = octets;
        self
    }

    /// Keeps events no longer than this, by the clock of the system. Default for ever.
    pub fn age(mut self, age: Duration) -> History {
        self.bounds.age = Some(age);
        self
    }

    /// Keeps the events in an SQLite database, which is made if it is not there: they survive a restart. Only for realms
    /// that are configured. Several histories can share a file.
    ///
    /// It is written to by a thread of its own. What that cannot write fast enough waits, up to 1,024 events and 4 MiB; past
    /// that events are missing in the history, with a warning in the log, and counted as the limit
    /// `history` in [`Statistics`](crate::Statistics).
    #[cfg(feature = "sqlite")]
    #[cfg_attr(docsrs, doc(cfg(feature = "sqlite")))]
    pub fn sqlite(mut self, file: impl Into<PathBuf>) -> History {
        self.file = Some(file.into());
        self
    }
}

/// A history as a realm is configured with it.
#[derive(Debug, Clone)]
pub(super) struct ConfiguredHistory {
    topic: String,
    policy: MatchPolicy,
    history: History,
}

impl Realm {
    /// Keeps the history of a topic, or of all topics of a pattern: who may subscribe can ask for past events with
    /// `wamp.subscription.get_events`; repeatable. For routers only.
    ///
    /// The subscription is there from the start, without subscribers, so that its id can be looked up
    /// (`wamp.subscription.lookup`). Of a subscription within the pattern the history can be asked for as well. Events for
    /// single sessions (`exclude`, `eligible`) are not kept; the lists of names and roles hold for whoever asks.
    ///
    /// ```
    /// use serverwamp::{History, MatchPolicy, Realm};
    ///
    /// let realm = Realm::new("realm1")
    ///     .router()
    ///     .history("weather.today", MatchPolicy::Exact, History::new())
    ///     .history("rooms..messages", MatchPolicy::Wildcard, History::new().events(100));
    /// # let _ = realm;
    /// ```
    ///
    /// WAMP: event history, advanced profile.
    pub fn history(mut self, topic: impl Into<String>, match_policy: MatchPolicy, history: History) -> Realm {
        self.histories.push(ConfiguredHistory { topic: topic.into(), policy: match_policy, history });
        self
    }

    /// The histories of this realm, ready to be kept.
    ///
    /// # Errors
    /// What of their configuration is wrong, and files that cannot be opened.
    pub(crate) fn open_histories(&self, problems: &mut Vec<Problem>) -> Vec<OpenHistory> {
        let open = |configured: &ConfiguredHistory| {
            let ConfiguredHistory { topic, policy, history } = configured;
            let what = format!("the history of `{topic}` ({policy}){}", self.in_words());
            let problem = |why: &dyn std::fmt::Display| Problem::new(format!("{what}: {why}"));
            if self.router_options().is_none() {
                return Err(problem(&"only routers keep one: add .router()"));
            }
            let topic = Uri::pattern(topic, *policy).map_err(|error| problem(&error))?;
            OpenHistory::new(self.name(), topic, *policy, history.clone()).map_err(|error| problem(&error))
        };
        let mut histories = Vec::new();
        for configured in &self.histories {
            match open(configured) {
                Ok(history) => histories.push(history),
                Err(problem) => problems.push(problem),
            }
        }
        histories
    }
}

/// A history that can be kept.
#[derive(Debug, Clone)]
pub(crate) struct OpenHistory {
    topic: Uri,
    policy: MatchPolicy,
    bounds: Bounds,
    #[cfg(feature = "sqlite")]
    file: Option<Arc<Sqlite>>,
}

impl OpenHistory {
    #[cfg(feature = "sqlite")]
    fn new(realm: Option<&str>, topic: Uri, policy: MatchPolicy, history: History) -> Result<OpenHistory, String> {
        let History { bounds, file } = history;
        let file = match (file, realm) {
            (None, _) => None,
            (Some(_), None) => return Err("a file is for realms that are configured".to_owned()),
            (Some(file), Some(realm)) => Some(Arc::new(Sqlite::open(&file, realm, &topic, policy, bounds)?)),
        };
        Ok(OpenHistory { topic, policy, bounds, file })
    }

    #[cfg(not(feature = "sqlite"))]
    #[allow(clippy::unnecessary_wraps, reason = "with a file it can fail")]
    fn new(_: Option<&str>, topic: Uri, policy: MatchPolicy, history: History) -> Result<OpenHistory, String> {
        Ok(OpenHistory { topic, policy, bounds: history.bounds })
    }

    /// The history in a realm that begins to live.
    pub(super) fn begin(&self) -> TopicHistory {
        let set = match self.policy {
            MatchPolicy::Exact => TopicSet::Exact(self.topic.as_str().into()),
            MatchPolicy::Prefix => TopicSet::Prefix(self.topic.as_str().into()),
            MatchPolicy::Wildcard => TopicSet::Wildcard(self.topic.as_str().into()),
        };
        let store = Store::Memory(Mutex::new(Memory::new(self.bounds)));
        #[cfg(feature = "sqlite")]
        let store = self.file.clone().map_or(store, Store::Sqlite);
        TopicHistory { topic: self.topic.clone(), policy: self.policy, set, store }
    }
}

/// The history of one topic or pattern in one realm.
#[derive(Debug)]
pub(crate) struct TopicHistory {
    pub(super) topic: Uri,
    pub(super) policy: MatchPolicy,
    set: TopicSet,
    store: Store,
}

#[derive(Debug)]
enum Store {
    Memory(Mutex<Memory>),
    #[cfg(feature = "sqlite")]
    Sqlite(Arc<Sqlite>),
}

/// An event of the past.
#[derive(Debug, Clone)]
pub(crate) struct PastEvent {
    pub(crate) time: Timestamp,
    pub(crate) event: Arc<KeptEvent>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum QueryError {
    /// This publication, from which others are counted, is not in the history.
    UnknownPublication(PublicationId),
    /// The database failed, or too much waits for it.
    #[cfg_attr(not(feature = "sqlite"), allow(dead_code, reason = "memory does not fail"))]
    Unavailable,
}

impl TopicHistory {
    /// Whether an event belongs here: those for single sessions do not.
    pub(super) fn keeps(&self, publication: &Publication<'_>) -> bool {
        !publication.audience.names_sessions() && self.contains(publication.topic)
    }

    /// Whether the events of a topic do.
    pub(super) fn contains(&self, topic: &str) -> bool {
        self.set.contains(topic)
    }

    /// Whether the events of all topics of a subscription do.
    pub(super) fn covers(&self, pattern: &str, policy: MatchPolicy) -> bool {
        self.set.covers(pattern, policy)
    }

    /// Adds an event. Returns the limit that kept it out, if one did.
    pub(super) fn append(&self, publication: &Publication<'_>, time: Timestamp) -> Option<&'static str> {
        let octets = octets(publication);
        let past = PastEvent { time, event: Arc::new(KeptEvent::of(publication)) };
        match &self.store {
            Store::Memory(memory) => {
                memory.lock().unwrap_or_else(PoisonError::into_inner).append(past, octets);
                None
            }
            #[cfg(feature = "sqlite")]
            Store::Sqlite(file) => (!file.append(past, octets)).then_some("history"),
        }
    }

    /// The events that a query is for, of those that the asker could have had.
    ///
    /// # Errors
    /// There is no answer.
    pub(crate) async fn query(
        &self,
        query: Query,
        asker: &Session,
        now: Timestamp,
    ) -> Result<Vec<PastEvent>, QueryError> {
        match &self.store {
            Store::Memory(memory) => memory.lock().unwrap_or_else(PoisonError::into_inner).query(&query, asker, now),
            #[cfg(feature = "sqlite")]
            Store::Sqlite(file) => file.query(query, asker.clone(), now).await,
        }
    }
}
