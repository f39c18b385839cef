//! A history in an SQLite database, which a thread of its own reads and writes.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, named_params, params};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::super::kept::{KeptEvent, encoded_details};
use super::{Bounds, PastEvent, Query, QueryError};
use crate::handler::{Audience, Session};
use crate::log::Shown;
use crate::wire::{Codec, EventDetails, MatchPolicy, Options, Payload, PublicationId, Timestamp, Uri};

/// Requests that wait for the thread.
const QUEUE: usize = 1024;
/// How many of them may be queries, so that these keep no event out.
const QUERIES: usize = 16;
/// Octets of the events that wait.
const WAITING: usize = 4 * 1024 * 1024;
/// Events that are written in one transaction.
const BATCH: usize = 256;
/// How long a database may be locked by others.
const BUSY: Duration = Duration::from_secs(5);

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    CREATE TABLE IF NOT EXISTS histories (
        id INTEGER PRIMARY KEY,
        realm TEXT NOT NULL,
        topic TEXT NOT NULL,
        match TEXT NOT NULL,
        UNIQUE (realm, topic, match)
    );
    CREATE TABLE IF NOT EXISTS events (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        history INTEGER NOT NULL REFERENCES histories (id),
        time INTEGER NOT NULL,
        publication INTEGER NOT NULL,
        topic TEXT NOT NULL,
        codec TEXT NOT NULL,
        args BLOB,
        kwargs BLOB,
        opaque BLOB,
        details BLOB NOT NULL,
        audience TEXT NOT NULL,
        octets INTEGER NOT NULL
    );
    CREATE INDEX IF NOT EXISTS events_in_order ON events (history, id);
    CREATE INDEX IF NOT EXISTS events_by_publication ON events (history, publication);
";

/// One history in a database. What was appended is written when this is dropped.
#[derive(Debug)]
pub(super) struct Sqlite {
    /// None once this is dropped.
    requests: Option<SyncSender<Request>>,
    /// Octets of the events that wait.
    waiting: Arc<AtomicUsize>,
    queries: Arc<Semaphore>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the thread is to do.
enum Request {
    Append(PastEvent, usize),
    Query(Box<Asked>),
}

struct Asked {
    query: Query,
    asker: Session,
    now: Timestamp,
    /// Its place among the queries, which it has until it is answered, whether or not anybody waits for that.
    _place: OwnedSemaphorePermit,
    answer: oneshot::Sender<Result<Vec<PastEvent>, QueryError>>,
}

impl Sqlite {
    /// Opens the history of a topic or pattern of a realm.
    ///
    /// # Errors
    /// The file cannot be opened, or is something else.
    pub(super) fn open(
        file: &Path,
        realm: &str,
        topic: &Uri,
        policy: MatchPolicy,
        bounds: Bounds,
    ) -> Result<Sqlite, String> {
        let database = Database::open(file, realm, topic, policy, bounds);
        let database = database.map_err(|error| format!("{}: {error}", file.display()))?;
        let (requests, received) = sync_channel(QUEUE);
        let waiting = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&waiting);
        let thread = std::thread::Builder::new().name("event history".to_owned());
        let thread = thread.spawn(move || database.serve(&received, &counter)).map_err(|error| error.to_string())?;
        let queries = Arc::new(Semaphore::new(QUERIES));
        Ok(Sqlite { requests: Some(requests), waiting, queries, thread: Mutex::new(Some(thread)) })
    }

    /// Has an event written. Returns false if too much waits.
    pub(super) fn append(&self, past: PastEvent, octets: usize) -> bool {
        let waits = self.waiting.fetch_add(octets, Ordering::AcqRel).saturating_add(octets);
        let topic = past.event.topic.clone();
        let sent = waits <= WAITING.max(octets) && self.send(Request::Append(past, octets)).is_ok();
        if !sent {
            self.waiting.fetch_sub(octets, Ordering::AcqRel);
            tracing::warn!(topic = %Shown(&topic), "an event is missing in its history: the database is too slow");
        }
        sent
    }

    /// Asks for events; those that were appended before are there. Cancel-safe.
    ///
    /// # Errors
    /// There is no answer.
    pub(super) async fn query(
        &self,
        query: Query,
        asker: Session,
        now: Timestamp,
    ) -> Result<Vec<PastEvent>, QueryError> {
        let place = Arc::clone(&self.queries).acquire_owned().await.map_err(|_| QueryError::Unavailable)?;
        let (answer, answered) = oneshot::channel();
        let asked = Box::new(Asked { query, asker, now, _place: place, answer });
        self.send(Request::Query(asked)).map_err(|_| QueryError::Unavailable)?;
        answered.await.unwrap_or(Err(QueryError::Unavailable))
    }

    fn send(&self, request: Request) -> Result<(), TrySendError<Request>> {
        match &self.requests {
            Some(requests) => requests.try_send(request),
            None => Err(TrySendError::Disconnected(request)),
        }
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.requests = None;
        let thread = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread of an event history panicked");
        }
    }
}

/// The thread's side: the connection to the file.
struct Database {
    connection: Connection,
    /// The row of this history.
    history: i64,
    bounds: Bounds,
    events: usize,
    octets: usize,
}

impl Database {
    fn open(file: &Path, realm: &str, topic: &Uri, policy: MatchPolicy, bounds: Bounds) -> rusqlite::Result<Database> {
        let connection = Connection::open(file)?;
        connection.busy_timeout(BUSY)?;
        connection.execute_batch(SCHEMA)?;
        let key = (realm, topic.as_str(), policy.name());
        connection.execute("INSERT OR IGNORE INTO histories (realm, topic, match) VALUES (?, ?, ?)", key)?;
        let select = "SELECT id FROM histories WHERE realm = ? AND topic = ? AND match = ?";
        let history = connection.query_row(select, key, |row| row.get(0))?;
        let mut database = Database { connection, history, bounds, events: 0, octets: 0 };
        database.count()?;
        database.shrink(0, 0)?;
        Ok(database)
    }

    /// Does what is asked for, until nobody can ask any more.
    fn serve(mut self, requests: &Receiver<Request>, waiting: &AtomicUsize) {
        while let Ok(first) = requests.recv() {
            let mut asked = None;
            let mut events = Vec::new();
            for request in std::iter::once(first).chain(requests.try_iter()) {
                match request {
                    Request::Append(past, octets) => events.push((past, octets)),
                    Request::Query(query) => asked = Some(query),
                }
                if asked.is_some() || events.len() >= BATCH {
                    break;
                }
            }
            if !events.is_empty() {
                if let Err(error) = self.append(&events) {
                    tracing::error!(%error, events = events.len(), "events are missing in their history");
                    // What is there after all is counted anew.
                    let _ = self.count();
                }
                let octets = events.iter().map(|(_, octets)| octets).sum();
                waiting.fetch_sub(octets, Ordering::AcqRel);
            }
            if let Some(asked) = asked {
                let Asked { query, asker, now, _place, answer } = *asked;
                if answer.is_closed() {
                    continue;
                }
                let answered = self.query(&query, &asker, now).unwrap_or_else(|error| {
                    tracing::error!(%error, "an event history cannot be read");
                    Err(QueryError::Unavailable)
                });
                // Whoever asked may have gone.
                let _ = answer.send(answered);
            }
        }
    }

    fn count(&mut self) -> rusqlite::Result<()> {
        let select = "SELECT COUNT(*), COALESCE(SUM(octets), 0) FROM events WHERE history = ?";
        (self.events, self.octets) = self
            .connection
            .query_row(select, [self.history], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))
            .map(|(events, octets)| (size(events), size(octets)))?;
        Ok(())
    }

    fn append(&mut self, events: &[(PastEvent, usize)]) -> rusqlite::Result<()> {
        if let Some((past, _)) = events.last() {
            self.expire(past.time)?;
        }
        let fitting = events.iter().filter(|(_, octets)| *octets <= self.bounds.octets && self.bounds.events > 0);
        // Of more than there is room for, the latest.
        let mut room = self.bounds;
        let mut latest: Vec<&(PastEvent, usize)> = fitting
            .rev()
            .take_while(|(_, octets)| {
                let fits = room.events > 0 && *octets <= room.octets;
                room.events = room.events.saturating_sub(1);
                room.octets = room.octets.saturating_sub(*octets);
                fits
            })
            .collect();
        latest.reverse();
        let octets = latest.iter().fold(0_usize, |sum, (_, octets)| sum.saturating_add(*octets));
        self.shrink(latest.len(), octets)?;
        let history = self.history;
        let transaction = self.connection.transaction()?;
        for (past, octets) in &latest {
            insert(&transaction, history, past, *octets)?;
        }
        transaction.commit()?;
        self.events = self.events.saturating_add(latest.len());
        self.octets = self.octets.saturating_add(octets);
        Ok(())
    }

    /// Forgets the oldest events until there is room for so many more.
    fn shrink(&mut self, events: usize, octets: usize) -> rusqlite::Result<()> {
        let delete = "DELETE FROM events WHERE id = (SELECT MIN(id) FROM events WHERE history = ?) RETURNING octets";
        let transaction = self.connection.transaction()?;
        let (mut left, mut held) = (self.events, self.octets);
        while left > 0
            && (left.saturating_add(events) > self.bounds.events || held.saturating_add(octets) > self.bounds.octets)
        {
            let deleted = transaction.prepare_cached(delete)?.query_row([self.history], |row| row.get::<_, i64>(0));
            let Some(deleted) = deleted.optional()? else { break };
            left = left.saturating_sub(1);
            held = held.saturating_sub(size(deleted));
        }
        transaction.commit()?;
        (self.events, self.octets) = (left, held);
        Ok(())
    }

    /// Forgets what is too old.
    fn expire(&mut self, now: Timestamp) -> rusqlite::Result<()> {
        let Some(cutoff) = self.bounds.cutoff(now) else { return Ok(()) };
        let delete = "DELETE FROM events WHERE history = ? AND time < ?";
        if self.connection.execute(delete, params![self.history, cutoff.to_nanoseconds()])? > 0 {
            self.count()?;
        }
        Ok(())
    }

    fn query(
        &mut self,
        query: &Query,
        asker: &Session,
        now: Timestamp,
    ) -> rusqlite::Result<Result<Vec<PastEvent>, QueryError>> {
        self.expire(now)?;
        let (mut first, mut last) = (0, i64::MAX);
        for (id, is_lower, included) in query.publications() {
            let select = "SELECT id FROM events WHERE history = ? AND publication = ?";
            let publication = i64::try_from(id.get()).unwrap_or_default();
            let place = self.connection.query_row(select, params![self.history, publication], |row| row.get(0));
            let Some(place): Option<i64> = place.optional()? else {
                return Ok(Err(QueryError::UnknownPublication(id)));
            };
            match is_lower {
                true => first = first.max(place.saturating_add(i64::from(!included))),
                false => last = last.min(place.saturating_sub(i64::from(!included))),
            }
        }
        let order = if query.reverse { "DESC" } else { "ASC" };
        let select = format!(
            "SELECT time, publication, topic, codec, args, kwargs, opaque, details, audience FROM events
             WHERE history = ? AND id BETWEEN ? AND ? ORDER BY id {order}"
        );
        let mut statement = self.connection.prepare_cached(&select)?;
        let mut rows = statement.query(params![self.history, first, last])?;
        let mut found = Vec::new();
        while found.len() < query.limit()
            && let Some(row) = rows.next()?
        {
            // What cannot be read is not ours.
            found.extend(read(row)?.filter(|past| query.wants(past, asker)));
        }
        Ok(Ok(found))
    }
}

fn insert(transaction: &Transaction<'_>, history: i64, past: &PastEvent, octets: usize) -> rusqlite::Result<()> {
    let PastEvent { time, event } = past;
    let insert = "INSERT INTO events
        (history, time, publication, topic, codec, args, kwargs, opaque, details, audience, octets) VALUES
        (:history, :time, :publication, :topic, :codec, :args, :kwargs, :opaque, :details, :audience, :octets)";
    transaction.prepare_cached(insert)?.execute(named_params! {
        ":history": history,
        ":time": time.to_nanoseconds(),
        ":publication": i64::try_from(event.id.get()).unwrap_or_default(),
        ":topic": event.topic.as_str(),
        ":codec": event.payload.codec().to_string(),
        ":args": event.payload.args_bytes(),
        ":kwargs": event.payload.kwargs_bytes(),
        ":opaque": event.payload.opaque_bytes(),
        ":details": encoded_details(&event.details),
        ":audience": event.audience.to_text(),
        ":octets": i64::try_from(octets).unwrap_or(i64::MAX),
    })?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Option<PastEvent>> {
    let time = Timestamp::from_nanoseconds(row.get(0)?);
    let id = u64::try_from(row.get::<_, i64>(1)?).ok().and_then(PublicationId::new);
    let topic = Uri::new(row.get_ref(2)?.as_str()?).ok();
    let name = row.get_ref(3)?.as_str()?;
    let codec = [Codec::Json, Codec::MessagePack, Codec::Cbor].into_iter().find(|codec| codec.to_string() == name);
    let [args, kwargs, opaque] = [row.get_ref(4)?, row.get_ref(5)?, row.get_ref(6)?];
    let (args, kwargs, opaque) = (args.as_blob_or_null()?, kwargs.as_blob_or_null()?, opaque.as_blob_or_null()?);
    let details: Vec<u8> = row.get(7)?;
    let details = Options::<EventDetails>::parse(Codec::Cbor, &details, Default::default).ok();
    let audience = Audience::from_text(row.get_ref(8)?.as_str()?);
    let event =
        id.zip(topic).zip(codec).zip(details).zip(audience).map(|((((id, topic), codec), details), audience)| {
            let payload = Payload::of_parts(codec, args, kwargs, opaque);
            KeptEvent { id, topic, payload, audience, details: (*details).clone() }
        });
    Ok(event.map(|event| PastEvent { time, event: Arc::new(event) }))
}

/// A number that the database counts, which is never negative.
fn size(number: i64) -> usize {
    usize::try_from(number).unwrap_or_default()
}
