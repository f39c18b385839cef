//! Clients and functions that keep a server busy and note what happens to them, for `history`.
//!
//! Everything that is sent has a checksum over all that it says: without TLS, a line that changes an octet within a string
//! changes nothing that WAMP would notice.

mod client;
mod peer;
mod procedures;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use rand::RngExt;
use rand::rngs::SmallRng;
use serverwamp::Limits;
use serverwamp::client::Reconnect;
use tokio::sync::Barrier;

use crate::history::{Event, Recorder, Witness};
use crate::{Octets, Serializer};

pub use client::{reconnecting, rough};
pub use peer::{Manner, visit};
pub use procedures::{Callee, routes};

/// What is published to; the last one says that nothing more comes.
pub const TOPICS: [&str; 4] = ["load.a", "load.b", "load.c", "load.end"];
/// Longer than anything takes that is not lost.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Realm of all.
const REALM: &str = "realm1";
/// The longest text in most payloads, and in some.
const TEXT: usize = 400;
const LONG_TEXT: usize = 12_000;

/// Gives lines to the server.
pub type Dial = Arc<dyn Fn() -> BoxFuture<'static, io::Result<Box<dyn Octets>>> + Send + Sync>;

/// Gives TCP connections.
pub fn tcp(address: std::net::SocketAddr) -> Dial {
    Arc::new(move || {
        Box::pin(async move {
            let stream = tokio::net::TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Octets>)
        })
    })
}

/// A crowd of clients: what they share.
pub struct Load {
    recorder: Recorder,
    /// Names of witnesses begin with it.
    prefix: String,
    first: u64,
    numbers: AtomicU64,
    is_over: AtomicBool,
    is_garbling: AtomicBool,
    /// Where all meet when the load is over: once nobody publishes any more, and once the last event is published.
    barrier: Barrier,
}

impl Load {
    /// For so many clients; `number` tells loads of several processes apart.
    pub fn new(recorder: Recorder, number: u64, clients: usize) -> Arc<Load> {
        Arc::new(Load {
            recorder,
            prefix: format!("{number}"),
            first: number << 40,
            numbers: AtomicU64::new(number << 40),
            is_over: AtomicBool::new(false),
            is_garbling: AtomicBool::new(false),
            // Who publishes the last event is there too.
            barrier: Barrier::new(clients + 1),
        })
    }

    /// Where its clients note what happens.
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    fn witness(&self, name: &str) -> Witness {
        self.recorder.witness(format!("{}-{name}", self.prefix))
    }

    /// A number that no other call, and no other publication has.
    fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Lines change what is sent over them: that is no fault of anybody's.
    pub fn expect_garbling(&self) {
        self.is_garbling.store(true, Ordering::Relaxed);
    }

    fn is_garbling(&self) -> bool {
        self.is_garbling.load(Ordering::Relaxed)
    }

    /// Waits until so many calls and publications have been made, or for as long as is reasonable where most lines are dead.
    pub async fn reach(&self, operations: u64) {
        let begun = tokio::time::Instant::now();
        let made = || self.numbers.load(Ordering::Relaxed) - self.first;
        while made() < operations && begun.elapsed() < PATIENCE / 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Ends the load: clients ask for nothing more, wait for what they are owed, and leave.
    pub async fn end(self: &Arc<Self>, dial: Dial) {
        self.is_over.store(true, Ordering::Relaxed);
        within(self.barrier.wait()).await;
        peer::publish_the_last(self, dial).await;
    }

    /// Waits until nobody publishes any more.
    async fn meet(&self) {
        within(self.barrier.wait()).await;
    }
}

/// Waits for what must not hang.
pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(2 * PATIENCE, future).await.expect("nothing is left hanging")
}

/// Limits with which a server or a client notices soon that a line is dead, or too slow.
pub fn limits() -> Limits {
    Limits {
        ping_interval: Duration::from_millis(700),
        pong_timeout: Duration::from_millis(1500),
        write_stall: Duration::from_secs(3),
        outbound_bytes: 256 * 1024,
        drain: Duration::from_millis(300),
        ..Limits::default()
    }
}

/// The tests need not wait for as long as programs should.
pub fn soon() -> Reconnect {
    Reconnect { first: Duration::from_millis(5), longest: Duration::from_millis(200), ..Reconnect::default() }
}

/// Which serializer one of several clients speaks.
pub fn serializer(seed: u64, client: usize) -> Serializer {
    let all = Serializer::ALL;
    all[(usize::try_from(seed % 1000).expect("a small number") + client) % all.len()]
}

/// A checksum of what is called or published (FNV-1a).
pub(crate) fn checksum(uri: &str, numbers: &[u64], text: &str) -> u64 {
    let numbers = numbers.iter().flat_map(|number| number.to_be_bytes());
    let octets = uri.bytes().chain([0]).chain(numbers).chain(text.bytes());
    let hash =
        octets.fold(0xcbf2_9ce4_8422_2325_u64, |hash, octet| (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3));
    // What every codec and language holds.
    hash >> 11
}

/// A text of random length that needs no escapes in any serializer.
fn text(random: &mut SmallRng) -> String {
    let length = match random.random_range(0..100) {
        0..70 => random.random_range(0..20),
        70..96 => random.random_range(0..TEXT),
        _ => random.random_range(0..LONG_TEXT),
    };
    let first = random.random_range(0..26_usize);
    (first..first + length).map(|at| char::from(b"abcdefghijklmnopqrstuvwxyz"[at % 26])).collect()
}

/// What a client does next.
#[derive(Debug, Clone, Copy)]
enum Step {
    Call { procedure: &'static str, size: u64, progress: bool },
    Cancel,
    Publish { topic: &'static str, acknowledge: bool, exclude_me: bool },
    Subscribe,
    Leave,
    Break,
}

impl Step {
    fn random(random: &mut SmallRng) -> Step {
        match random.random_range(0..1000) {
            0..400 => {
                let (procedure, size) = match random.random_range(0..10) {
                    0..5 => ("load.echo", 0),
                    5..7 => ("load.slow", random.random_range(0..40)),
                    7 => ("load.fail", 0),
                    8 => ("load.endless", 0),
                    _ => ("load.parts", random.random_range(0..8)),
                };
                Step::Call { procedure, size, progress: procedure == "load.parts" && random.random_ratio(4, 5) }
            }
            400..450 => Step::Cancel,
            450..920 => Step::Publish {
                topic: TOPICS[random.random_range(0..TOPICS.len() - 1)],
                acknowledge: random.random_ratio(1, 3),
                exclude_me: random.random_ratio(2, 3),
            },
            920..986 => Step::Subscribe,
            986..994 => Step::Leave,
            _ => Step::Break,
        }
    }
}

/// Notes the end of a session, however it comes to it.
struct Session {
    witness: Witness,
    has_joined: bool,
    has_ended: bool,
}

impl Session {
    fn new(witness: Witness) -> Session {
        Session { witness, has_joined: false, has_ended: false }
    }

    fn joined(&mut self) {
        self.has_joined = true;
        self.witness.note(Event::Joined);
    }

    fn ended(&mut self, event: Event) {
        self.has_ended = true;
        self.witness.note(event);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.has_joined && !self.has_ended {
            self.witness.note(Event::Lost);
        }
    }
}
