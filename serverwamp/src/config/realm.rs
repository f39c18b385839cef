//! One realm of a configuration.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::access::RealmAccess;
use super::users::Users;
use crate::document::{Entry, Table};
use crate::limits::Limits;
use crate::routing::{CurrentAccess, History, Realm};
use crate::wire::{MatchPolicy, Uri};

/// A realm as it was read.
pub(super) struct RealmConfiguration {
    pub(super) fixed: FixedRealm,
    pub(super) access: RealmAccess,
}

/// What of a realm cannot change while the server runs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FixedRealm {
    pub(super) name: String,
    router: bool,
    progress_without_canceling: bool,
    topics: Vec<String>,
    open_topics: Vec<String>,
    limits: Option<Limits>,
    histories: Vec<FixedHistory>,
}

#[derive(Debug, Clone, PartialEq)]
struct FixedHistory {
    topic: String,
    policy: MatchPolicy,
    events: Option<usize>,
    bytes: Option<usize>,
    age: Option<std::time::Duration>,
    file: Option<std::path::PathBuf>,
}

/// A realm that is served.
#[derive(Debug)]
pub(super) struct LoadedRealm {
    pub(super) fixed: FixedRealm,
    pub(super) access: Arc<CurrentAccess>,
    pub(super) users: Arc<Users>,
}

impl RealmConfiguration {
    pub(super) fn read<'d>(table: &'d Table<'d>, realms: &BTreeSet<&str>) -> Option<RealmConfiguration> {
        let name = table.required("name").and_then(|entry| {
            let name = entry.text()?;
            Uri::new(name).inspect_err(|error| entry.problem(format!("{error}, got `{name}`"))).ok()
        });
        let texts = |key| table.texts(key).into_iter().map(|(_, text)| text.to_owned()).collect::<Vec<_>>();
        let router = table.flag("router").unwrap_or(true);
        let progress_without_canceling = table.flag("progress_without_canceling").unwrap_or_default();
        let (topics, open_topics) = (texts("topics"), texts("open_topics"));
        if !router && progress_without_canceling {
            table.problem("`progress_without_canceling` is for routers: expected no `router = false`");
        }
        let limits = table.limits("limits", Limits::default());
        let histories = table.tables("history").iter().filter_map(history).collect();
        if !router && table.entry("history").is_some() {
            table.problem("only routers keep a `history`: expected no `router = false`");
        }
        let access = RealmAccess::read(table, realms);
        table.finish();
        let name = name?.to_string();
        let fixed = FixedRealm { name, router, progress_without_canceling, topics, open_topics, limits, histories };
        Some(RealmConfiguration { fixed, access })
    }

    /// What is kept of it for as long as the server runs.
    pub(super) fn loaded(self) -> LoadedRealm {
        let RealmConfiguration { fixed, access: RealmAccess { access, users } } = self;
        LoadedRealm { fixed, access: Arc::new(CurrentAccess::replaceable(access)), users }
    }
}

fn history<'d>(table: &'d Table<'d>) -> Option<FixedHistory> {
    let topic = table.required("topic");
    let policy = table.entry("match").map_or(Some(MatchPolicy::Exact), Entry::named);
    let events = table.entry("events").and_then(Entry::number).and_then(|events| usize::try_from(events).ok());
    let bytes = table.entry("bytes").and_then(Entry::octets);
    let age = table.duration("age");
    let file = table.entry("file");
    table.finish();
    if !cfg!(feature = "sqlite")
        && let Some(file) = file
    {
        file.problem("a history in a file takes the feature `sqlite`, which this program was built without");
    }
    let file = file.and_then(Entry::file);
    let (entry, policy) = (topic?, policy?);
    let topic = entry.text()?.to_owned();
    if let Err(error) = Uri::pattern(&topic, policy) {
        entry.problem(format!("{error}, got `{topic}` ({policy})"));
    }
    Some(FixedHistory { topic, policy, events, bytes, age, file })
}

impl LoadedRealm {
    /// The realm for an app.
    pub(super) fn realm(&self) -> Realm {
        let FixedRealm { name, router, progress_without_canceling, topics, open_topics, limits, histories } =
            &self.fixed;
        let mut realm = Realm::new(name).with_access(Arc::clone(&self.access));
        if *router {
            realm = realm.router();
        }
        if *progress_without_canceling {
            realm = realm.progress_without_canceling();
        }
        realm = topics.iter().fold(realm, Realm::topics);
        realm = open_topics.iter().fold(realm, Realm::open_topics);
        realm = limits.iter().cloned().fold(realm, Realm::limits);
        histories.iter().fold(realm, |realm, kept| realm.history(&kept.topic, kept.policy, kept.history()))
    }
}

impl FixedHistory {
    fn history(&self) -> History {
        let mut history = History::new();
        if let Some(events) = self.events {
            history = history.events(events);
        }
        if let Some(bytes) = self.bytes {
            history = history.bytes(bytes);
        }
        if let Some(age) = self.age {
            history = history.age(age);
        }
        #[cfg(feature = "sqlite")]
        if let Some(file) = &self.file {
            history = history.sqlite(file);
        }
        history
    }
}
