//! The server that the cases are played to, and what there is in its process while nobody is connected.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;
use serverwamp::{App, AppHandle, Authenticated, Limits, Progress, Realm, Session, wamp};
use serverwamp_tests::{Peer, Serializer};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

use crate::ALLOCATOR;

/// How long anything that must come may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What each of the server's threads may keep for its next connection, a buffer for what is read (4 KiB) and one for what is
/// written (16 KiB at most), and as much again for what the runtime and the tables of a realm keep of their largest size.
const KEPT_OCTETS: usize = 2 * WORKERS * (4 + 16) * 1024;
/// Pieces of memory that may be kept.
const KEPT_PIECES: usize = 64;
const WORKERS: usize = 2;

#[wamp::rpc]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

/// Its caller has to give it up.
#[wamp::rpc]
async fn endless() {
    std::future::pending::<()>().await;
}

#[wamp::rpc]
async fn panics(later: bool) {
    if later {
        tokio::task::yield_now().await;
    }
    panic!("{PLANNED}");
}

#[wamp::rpc(blocking)]
fn panics_blocking() {
    panic!("{PLANNED}");
}

/// Panics when it is dropped, as well.
#[wamp::rpc]
async fn panics_when_dropped() {
    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("{PLANNED}");
        }
    }

    let _bomb = Bomb;
    std::future::pending::<()>().await;
}

#[wamp::rpc]
async fn large(octets: usize) -> String {
    "x".repeat(octets)
}

/// Counts for as long as its caller is there.
#[wamp::rpc]
async fn count(progress: Progress<(u64, String)>) {
    let text = "x".repeat(1000);
    for number in 0_u64.. {
        if progress.send((number, text.clone())).await.is_err() {
            break;
        }
    }
}

/// The server ends the session, which its client has not asked for.
#[wamp::rpc]
async fn dismiss(session: Session) {
    session.close("my.close.dismissed", "go");
}

#[wamp::subscribe("guarded.endless")]
async fn subscribe_endless() {
    std::future::pending::<()>().await;
}

#[wamp::subscribe("guarded.panics")]
async fn subscribe_panics() {
    panic!("{PLANNED}");
}

#[wamp::event("noted.panics")]
async fn event_panics() {
    panic!("{PLANNED}");
}

#[wamp::event("noted.numbers")]
async fn event_numbers(_number: u32) {}

/// What panics say that are part of a case.
const PLANNED: &str = "a handler panics as planned";

/// Which server a case is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Temper {
    /// Its limits are low, its patience is as usual.
    Usual,
    /// It waits for nothing.
    Impatient,
    /// It waits for nobody who does not read, and sends no pings.
    Unpinging,
}

fn limits(temper: Temper) -> Limits {
    let low = Limits {
        message_size: 65_536,
        message_size_before_welcome: 4096,
        depth: 16,
        nodes: 1000,
        header_size: 2048,
        header_count: 16,
        // All cases have one user; this limit has tests of its own.
        authentication_attempts: usize::MAX,
        outbound_bytes: 256 * 1024,
        calls_in_flight: 16,
        subscriptions: 16,
        registrations: 16,
        testaments: 4,
        retained_events: 4,
        invocations_in_flight: 32,
        ..Limits::default()
    };
    match temper {
        Temper::Usual => low,
        // Long enough for what has to be said in time, on a machine that is busy.
        Temper::Impatient => Limits {
            upgrade_timeout: Duration::from_secs(1),
            hello_timeout: Duration::from_secs(1),
            welcome_timeout: Duration::from_secs(2),
            ping_interval: Duration::from_secs(1),
            pong_timeout: Duration::from_secs(1),
            ..low
        },
        Temper::Unpinging => Limits {
            ping_interval: Duration::ZERO,
            write_stall: Duration::from_secs(1),
            outbound_bytes: 64 * 1024 * 1024,
            ..low
        },
    }
}

/// `realm1` is a realm of functions, `router` a router, `login` wants tickets, and `strict` requests without gaps.
fn app(temper: Temper) -> App {
    let limits = limits(temper);
    let ticket = async |_: Session, ticket: String| match ticket.as_str() {
        "endless" => std::future::pending().await,
        "panics" => panic!("{PLANNED}"),
        ticket => (ticket == "sesame").then(|| Authenticated::new(())),
    };
    App::discover()
        .bind("127.0.0.1:0")
        .limits(limits.clone())
        .open_topics("open.")
        .realm(Realm::new("router").router())
        .realm(Realm::new("login").ticket_authenticator(ticket).allow_plain_tickets())
        .realm(Realm::new("strict").limits(Limits { strict_request_ids: true, ..limits }))
}

/// A server in a runtime of its own.
pub(crate) struct World {
    runtime: Runtime,
    pub(crate) handle: AppHandle,
    pub(crate) address: SocketAddr,
    /// What there was before the first case.
    before: Level,
    /// What is measured is the process's: one server at a time.
    _alone: MutexGuard<'static, ()>,
}

/// What there is in the process while nobody is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Level {
    connections: usize,
    sessions: usize,
    tasks: usize,
    descriptors: usize,
    pieces: usize,
    octets: usize,
}

impl Level {
    /// Whether there is nothing more than before, but for what may be kept.
    fn is_down_to(&self, before: &Level) -> bool {
        (self.connections, self.sessions, self.tasks, self.descriptors)
            == (before.connections, before.sessions, before.tasks, before.descriptors)
            && self.pieces <= before.pieces + KEPT_PIECES
            && self.octets <= before.octets + KEPT_OCTETS
    }
}

/// Panics that no case has planned.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn watch_panics() {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let text = panic.payload().downcast_ref::<String>().map(String::as_str);
            if text.or_else(|| panic.payload().downcast_ref::<&str>().copied()) != Some(PLANNED) {
                PANICS.lock().unwrap_or_else(PoisonError::into_inner).push(panic.to_string());
                report(panic);
            }
        }));
    });
}

impl World {
    /// Starts a server, which has been in use for a while.
    pub(crate) fn start(temper: Temper) -> World {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        watch_panics();
        let runtime = Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build().unwrap();
        let app = app(temper);
        let handle = app.handle();
        runtime.spawn(async move { app.await.expect("the server runs") });
        let address = runtime.block_on(handle.addresses())[0];
        let nothing = Level { connections: 0, sessions: 0, tasks: 0, descriptors: 0, pieces: 0, octets: 0 };
        let mut world = World { runtime, handle, address, before: nothing, _alone: alone };
        for serializer in Serializer::ALL {
            world.serves(serializer);
        }
        let warm = Instant::now();
        while world.level().connections > 0 && warm.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(1));
        }
        world.before = world.level();
        world
    }

    /// Makes sure that a case has harmed nobody and left nothing behind.
    pub(crate) fn check(&self, serializer: Serializer, case: &str) {
        self.serves(serializer);
        let started = Instant::now();
        while !self.level().is_down_to(&self.before) {
            let (level, before) = (self.level(), self.before);
            assert!(started.elapsed() < PATIENCE, "{case}: is left\n       {level:?}\nbefore {before:?}");
            std::thread::sleep(Duration::from_micros(200));
        }
        let panics = PANICS.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(panics.is_empty(), "{case}: {panics:?}");
    }

    /// A fresh session is served.
    fn serves(&self, serializer: Serializer) {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let serving = async {
            let mut peer = Peer::over(TcpStream::connect(self.address).await.unwrap(), serializer).joined().await;
            peer.send(json!([48, 1, {}, "add", [2, 3]])).await;
            assert_eq!(peer.receive().await, Some(json!([50, 1, {}, [5]])), "{serializer}");
            peer.send(json!([6, {}, "wamp.close.close_realm"])).await;
            assert_eq!(peer.receive().await, Some(json!([6, {}, "wamp.close.goodbye_and_out"])), "{serializer}");
        };
        runtime.block_on(async { tokio::time::timeout(PATIENCE, serving).await.expect("it is served in time") });
    }

    fn level(&self) -> Level {
        let statistics = self.handle.statistics();
        let (connections, sessions) = (statistics.connections, statistics.sessions);
        drop(statistics);
        let tasks = self.runtime.metrics().num_alive_tasks();
        let descriptors = std::fs::read_dir("/proc/self/fd").unwrap().count();
        let memory = ALLOCATOR.stats();
        Level {
            connections,
            sessions,
            tasks,
            descriptors,
            pieces: memory.allocations.wrapping_sub(memory.deallocations),
            octets: memory.bytes_allocated.wrapping_sub(memory.bytes_deallocated),
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.handle.shutdown();
    }
}
