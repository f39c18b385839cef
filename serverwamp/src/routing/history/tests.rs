//! Histories against what they are in so many words.

use std::collections::HashSet;

use proptest::prelude::*;

use super::super::broker::tests::session;
use super::super::coverage::matches;
use super::*;
use crate::handler::Audience;
use crate::wire::{Codec, Payload};

const PATTERNS: [(&str, MatchPolicy); 4] =
    [("", MatchPolicy::Prefix), ("a", MatchPolicy::Exact), ("a", MatchPolicy::Prefix), ("a.", MatchPolicy::Wildcard)];

/// An event that is published: topic, whether it is for odd sessions only, seconds since the one before, octets of text.
type Published = (String, bool, i64, usize);

fn published() -> impl Strategy<Value = Published> {
    ("[ab](\\.[ab]){0,1}", any::<bool>(), 0..3_i64, 0..300_usize)
}

fn seconds(seconds: i64) -> Timestamp {
    Timestamp::from_nanoseconds(seconds * 1_000_000_000)
}

/// All that is kept, in so many words: time, id, topic, for odd sessions only, octets.
type Kept = Vec<(i64, PublicationId, String, bool, usize)>;

fn bounded(mut kept: Kept, bounds: Bounds, now: i64) -> Kept {
    let too_old = |time: i64| bounds.age.is_some_and(|age| time < now - i64::try_from(age.as_secs()).unwrap());
    while kept.first().is_some_and(|oldest| {
        kept.len() > bounds.events || kept.iter().map(|it| it.4).sum::<usize>() > bounds.octets || too_old(oldest.0)
    }) {
        kept.remove(0);
    }
    kept
}

fn wanted(kept: &Kept, query: &Query, is_odd: bool) -> Result<Vec<PublicationId>, QueryError> {
    let place = |id: PublicationId| kept.iter().position(|it| it.1 == id).ok_or(QueryError::UnknownPublication(id));
    let place = |id: Option<PublicationId>| id.map(place).transpose();
    // The first that is unknown is the one that is told of.
    let from = place(query.from_publication)?;
    let after = place(query.after_publication)?;
    let before = place(query.before_publication)?;
    let until = place(query.until_publication)?;
    let fits = |(index, (time, _, topic, odd, _)): &(usize, &(i64, PublicationId, String, bool, usize))| {
        let time = seconds(*time);
        from.is_none_or(|from| *index >= from)
            && after.is_none_or(|after| *index > after)
            && before.is_none_or(|before| *index < before)
            && until.is_none_or(|until| *index <= until)
            && query.from_time.is_none_or(|from| time >= from)
            && query.after_time.is_none_or(|after| time > after)
            && query.before_time.is_none_or(|before| time < before)
            && query.until_time.is_none_or(|until| time <= until)
            && query.topic.as_ref().is_none_or(|wanted| *wanted == topic.as_str())
            && matches(&query.pattern, query.policy, topic)
            && (is_odd || !odd)
    };
    let mut ids: Vec<PublicationId> = kept.iter().enumerate().filter(fits).map(|(_, it)| it.1).collect();
    if query.reverse {
        ids.reverse();
    }
    ids.truncate(query.limit.unwrap_or(usize::MAX));
    Ok(ids)
}

fn histories(bounds: Bounds, directory: &std::path::Path) -> Vec<TopicHistory> {
    let history = History { bounds, ..History::new() };
    #[cfg(feature = "sqlite")]
    let in_file = history.clone().sqlite(directory.join("events.db"));
    #[cfg(not(feature = "sqlite"))]
    let in_file = {
        let _ = directory;
        history.clone()
    };
    let open = |history| {
        OpenHistory::new(Some("realm1"), Uri::pattern("", MatchPolicy::Prefix).unwrap(), MatchPolicy::Prefix, history)
    };
    [history, in_file].map(|history| open(history).unwrap().begin()).into()
}

fn directory() -> std::path::PathBuf {
    static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("serverwamp-history-unit-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&path).unwrap();
    path
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn answers_are_those_of_a_plain_list(
        events in 0..8_usize,
        octets_bound in prop_oneof![Just(1_000_000), 0..3000_usize],
        age in prop::option::of(0..6_u64),
        publications in prop::collection::vec(published(), 1..20),
        queries in prop::collection::vec(
            (0..PATTERNS.len(), any::<bool>(), prop::option::of(0..4_usize), prop::option::of("[ab]"),
             prop::collection::vec((any::<bool>(), 0..4_usize, 0..20_usize), 0..3), any::<bool>()),
            1..8,
        ),
    ) {
        let bounds = Bounds { events, octets: octets_bound, age: age.map(Duration::from_secs) };
        let directory = directory();
        let histories = histories(bounds, &directory);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (mut now, mut kept, mut ids) = (1_700_000_000, Kept::new(), Vec::new());
        let mut seen = HashSet::new();
        for (topic, odd_only, later, length) in publications {
            now += later;
            let (uri, text) = (Uri::new(&topic).unwrap(), "x".repeat(length));
            let audience = if odd_only { Audience::everyone().eligible_authrole(["odd"]) } else { Audience::everyone() };
            let payload = Payload::encode(Codec::Json, text.as_str()).unwrap();
            let publication = Publication::new(&uri, &payload, &audience);
            prop_assume!(seen.insert(publication.id));
            for history in &histories {
                prop_assert_eq!(history.append(&publication, seconds(now)), None);
            }
            ids.push((publication.id, now));
            if octets(&publication) <= bounds.octets && bounds.events > 0 {
                kept.push((now, publication.id, topic, odd_only, octets(&publication)));
            }
            kept = bounded(kept, bounds, now);
        }
        let sessions = [session(1, Codec::Json), session(2, Codec::Json)];
        for (pattern, reverse, limit, topic, filters, is_odd) in queries {
            let (pattern, policy) = PATTERNS[pattern];
            let mut query = Query::of(Uri::pattern(pattern, policy).unwrap(), policy);
            (query.reverse, query.limit) = (reverse, limit);
            query.topic = topic.map(|topic| Uri::new(&topic).unwrap());
            for (by_time, which, at) in filters {
                let (id, time) = ids[at % ids.len()];
                let (time, id) = (by_time.then(|| seconds(time)), (!by_time).then_some(id));
                match which {
                    0 => (query.from_time, query.from_publication) = (time.or(query.from_time), id.or(query.from_publication)),
                    1 => (query.after_time, query.after_publication) = (time.or(query.after_time), id.or(query.after_publication)),
                    2 => (query.before_time, query.before_publication) = (time.or(query.before_time), id.or(query.before_publication)),
                    _ => (query.until_time, query.until_publication) = (time.or(query.until_time), id.or(query.until_publication)),
                }
            }
            let expected = wanted(&kept, &query, is_odd);
            for history in &histories {
                let asker = &sessions[usize::from(!is_odd)];
                let got = runtime.block_on(history.query(query.clone(), asker, seconds(now)));
                let got = got.map(|events| events.iter().map(|past| past.event.id).collect::<Vec<_>>());
                prop_assert_eq!(&got, &expected, "{:?}", query);
            }
        }
        drop(histories);
        std::fs::remove_dir_all(&directory).unwrap();
    }
}

/// While somebody else has the database, events wait for it, up to a bound; those past it are missing, and that is told.
#[cfg(feature = "sqlite")]
#[test]
fn what_a_busy_database_cannot_take_waits_within_bounds() {
    use futures_util::stream::FuturesUnordered;
    use futures_util::{FutureExt, StreamExt};

    const OCTETS: usize = 1024 * 1024;
    let directory = directory();
    let bounds = Bounds { events: 100, octets: 100 * OCTETS, age: None };
    let histories = histories(bounds, &directory);
    let history = &histories[1];
    let other = rusqlite::Connection::open(directory.join("events.db")).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let (topic, audience) = (Uri::new("a").unwrap(), Audience::everyone());
    let payload = Payload::encode(Codec::Cbor, "x".repeat(OCTETS).as_str()).unwrap();
    let append = || history.append(&Publication::new(&topic, &payload, &audience), seconds(1));
    let met: Vec<_> = (0..5).map(|_| append()).collect();
    assert_eq!(
        met,
        [None, None, None, Some("history"), Some("history")],
        "each counts with a little more than its text"
    );
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let all = Query::of(Uri::pattern("", MatchPolicy::Prefix).unwrap(), MatchPolicy::Prefix);
    // Queries that wait keep no event out.
    let asker = session(1, Codec::Json);
    let small = Payload::encode(Codec::Cbor, "x").unwrap();
    let ask = || history.query(Query { limit: Some(1), ..all.clone() }, &asker, seconds(1));
    let waiting: FuturesUnordered<_> = (0..2000).map(|_| ask()).collect();
    let mut answers = StreamExt::into_future(waiting);
    assert!((&mut answers).now_or_never().is_none(), "the database is busy");
    assert_eq!(history.append(&Publication::new(&topic, &small, &audience), seconds(1)), None);
    other.execute_batch("COMMIT").unwrap();
    let (first, others) = runtime.block_on(answers);
    assert_eq!(first.unwrap().map(|events| events.len()), Ok(1));
    drop(others);
    let told = runtime.block_on(history.query(all, &session(1, Codec::Json), seconds(1))).unwrap();
    assert_eq!(told.len(), 4);
    assert_eq!(append(), None);
    drop(histories);
    std::fs::remove_dir_all(&directory).unwrap();
}
