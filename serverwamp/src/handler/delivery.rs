//! What becomes of an event that is sent: who it went to, and when the next one should follow.

use std::error::Error;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::Duration;

use super::call::Turns;
use super::session::Session;
use crate::wire::EncodeError;

/// How long a publication waits for receivers that take next to nothing: a dead one delays a publisher once, by this.
const PATIENCE: Duration = Duration::from_millis(100);
/// Octets, times receivers, that count as one of the turns after which a publisher gives way.
const OCTETS_PER_TURN: usize = 1024;

/// An event that has been queued for all its receivers, or why it has not.
///
/// The event is on its way already: whether this is awaited, kept or dropped makes no difference to it. Awaiting waits
/// while receivers have more than 64 KiB to take, so that whoever publishes in a loop publishes no faster than they
/// read; and it gives way to other tasks now and then. Without it a fast publisher can exceed
/// [`Limits::outbound_bytes`](crate::Limits::outbound_bytes) of good subscribers.
///
/// ```
/// # async fn run(realm: serverwamp::RealmHandle) -> Result<(), serverwamp::PublishError> {
/// realm.publish("news.weather", "rain"); // queued
/// realm.publish("news.weather", "sun").await?; // queued, and most of it on its way
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Delivery {
    result: Result<(), PublishError>,
    /// Receivers with much to take.
    slow: Vec<Session>,
    /// Whether a receiver that takes nothing is waited for.
    waits_for_all: bool,
    gives_way: bool,
}

/// Why an event was sent to nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublishError {
    /// The topic is no URI.
    InvalidTopic(String),
    /// The payload holds what the codec of a receiver cannot.
    Unencodable(String),
    /// The event, or all that waits for a subscription to be accepted, is larger than this many octets.
    TooLarge {
        /// The most octets that are allowed.
        maximum: usize,
    },
    /// The subscription or its session is over.
    Closed,
    /// The realm retains no events: it is not a router, or it is not configured and no session is in it.
    NotRetained,
}

/// What an event has caused.
#[derive(Debug, Default)]
pub(crate) struct FanOut {
    /// The event's octets, counted for each receiver, and a little for each subscriber and all that was looked at to find
    /// them.
    pub(crate) octets: usize,
    /// Receivers with much to take.
    pub(crate) slow: Vec<Session>,
    /// A limit that other events had to make way for.
    pub(crate) met: Option<&'static str>,
}

impl Delivery {
    /// An event to many: none of them may delay the others.
    pub(super) fn to_many(sent: Result<FanOut, PublishError>, turns: &Turns) -> Delivery {
        Delivery::new(sent, turns, false)
    }

    /// An event to one receiver, whose pace is the only one that counts.
    pub(super) fn to_one(sent: Result<FanOut, PublishError>, turns: &Turns) -> Delivery {
        Delivery::new(sent, turns, true)
    }

    fn new(sent: Result<FanOut, PublishError>, turns: &Turns, waits_for_all: bool) -> Delivery {
        let octets = sent.as_ref().map_or(0, |sent| sent.octets);
        let gives_way = turns.spend(octets / OCTETS_PER_TURN);
        match sent {
            Ok(FanOut { slow, .. }) => Delivery { result: Ok(()), slow, waits_for_all, gives_way },
            Err(error) => Delivery { result: Err(error), slow: Vec::new(), waits_for_all, gives_way },
        }
    }

    /// Whether the event was queued for all its receivers, without waiting for them.
    ///
    /// # Errors
    /// Why it was sent to nobody.
    pub fn result(self) -> Result<(), PublishError> {
        self.result
    }

    /// Whether the event was queued for all its receivers.
    pub fn is_ok(&self) -> bool {
        self.result.is_ok()
    }

    async fn wait(self) -> Result<(), PublishError> {
        match self.waits_for_all {
            true => all_have_room(&self.slow).await,
            false => those_that_read_have_room(self.slow).await,
        }
        if self.gives_way {
            tokio::task::yield_now().await;
        }
        self.result
    }
}

async fn all_have_room(sessions: &[Session]) {
    for session in sessions {
        session.outbox().has_room().await;
    }
}

async fn those_that_read_have_room(mut sessions: Vec<Session>) {
    while !sessions.is_empty() {
        let taken: Vec<u64> = sessions.iter().map(|session| session.outbox().taken()).collect();
        if tokio::time::timeout(PATIENCE, all_have_room(&sessions)).await.is_ok() {
            return;
        }
        let mut taken = taken.into_iter();
        sessions.retain(|session| taken.next().is_some_and(|taken| !session.outbox().note_stall(taken)));
    }
}

impl IntoFuture for Delivery {
    type Output = Result<(), PublishError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        match self.slow.is_empty() && !self.gives_way {
            true => Box::pin(std::future::ready(self.result)),
            false => Box::pin(self.wait()),
        }
    }
}

impl From<EncodeError> for PublishError {
    fn from(error: EncodeError) -> PublishError {
        PublishError::Unencodable(error.to_string())
    }
}

impl fmt::Display for PublishError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PublishError::InvalidTopic(message) => write!(formatter, "the topic is no URI: {message}"),
            PublishError::Unencodable(message) => write!(formatter, "the event cannot be encoded: {message}"),
            PublishError::TooLarge { maximum } => write!(formatter, "the event is larger than {maximum} octets"),
            PublishError::Closed => formatter.write_str("the subscription is over"),
            PublishError::NotRetained => formatter.write_str("the realm retains no events"),
        }
    }
}

impl Error for PublishError {}
