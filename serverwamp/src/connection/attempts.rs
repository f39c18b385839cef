//! How often clients may fail to log in.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::session::folded;

/// After this long an attempt begins to be forgotten; after twice as long it is.
const WINDOW: Duration = Duration::from_secs(60);
/// Entries of one generation: at about 32 octets each, both cost 4 MiB at most. Whoever can fill them with attempts could
/// as well have spent these on guessing.
const MOST_ENTRIES: usize = 65_536;
/// How many times as many attempts one address may fail for all users together.
const PER_ADDRESS: usize = 10;
/// How many times as many attempts may fail for one user from all addresses together. A stranger who means to lock a user
/// out needs as many addresses.
const PER_AUTHID: usize = 100;

/// The failed attempts of the last one to two minutes, and those that have not been decided yet.
#[derive(Debug)]
pub(crate) struct Attempts {
    limit: usize,
    /// Peers choose what is counted, but not under which key.
    keys: RandomState,
    generations: Mutex<Generations>,
}

#[derive(Debug)]
struct Generations {
    since: Instant,
    current: HashMap<u64, usize>,
    previous: HashMap<u64, usize>,
    /// Those of them that have not been decided yet.
    pending: HashMap<u64, Pending>,
}

/// Attempts that have not been decided yet.
#[derive(Debug, Default)]
struct Pending {
    count: usize,
    /// Dropped when one of them is decided.
    waiting: Vec<oneshot::Sender<()>>,
}

/// Whether there may be one more attempt.
enum Room {
    Free,
    /// As soon as one of those succeeds that are being decided, if none of them fails.
    Later(oneshot::Receiver<()>),
    None,
}

/// An attempt to log in; it counts as failed unless it succeeds.
#[derive(Debug)]
pub(super) struct Attempt<'a> {
    attempts: &'a Attempts,
    keys: Vec<u64>,
    succeeded: bool,
}

impl Attempts {
    /// A client may fail this often for a user.
    pub(crate) fn new(limit: usize) -> Attempts {
        Attempts { limit, keys: RandomState::new(), generations: Mutex::new(Generations::new()) }
    }

    /// Begins an attempt, unless too many have failed. Waits where that depends on others that are being decided: a user's
    /// many clients may come at one time.
    pub(super) async fn begin(&self, address: Option<IpAddr>, realm: &str, authid: &str) -> Option<Attempt<'_>> {
        let network = address.map(network);
        let authid = folded(authid);
        // Behind a proxy on this machine, all clients of the world have one address.
        let shared = network.is_none_or(|network| network.is_loopback());
        let counted = [
            Some((self.keys.hash_one((network, realm, &authid)), self.limit)),
            network
                .filter(|_| !shared)
                .map(|network| (self.keys.hash_one(network), self.limit.saturating_mul(PER_ADDRESS))),
            Some((self.keys.hash_one((realm, &authid)), self.limit.saturating_mul(PER_AUTHID))),
        ];
        let counted: Vec<(u64, usize)> = counted.into_iter().flatten().collect();
        loop {
            let room = self.generations().take_place(&counted, Instant::now());
            match room {
                Room::Free => {
                    let keys = counted.into_iter().map(|(key, _)| key).collect();
                    return Some(Attempt { attempts: self, keys, succeeded: false });
                }
                // The other end is dropped without a word.
                Room::Later(decided) => drop(decided.await),
                Room::None => return None,
            }
        }
    }

    fn generations(&self) -> MutexGuard<'_, Generations> {
        self.generations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt<'_> {
    /// The client has proved who it is.
    pub(super) fn succeed(mut self) {
        self.succeeded = true;
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let mut generations = self.attempts.generations();
        for &key in &self.keys {
            if self.succeeded {
                generations.take_back(key);
            }
            generations.decide(key);
        }
    }
}

impl Generations {
    fn new() -> Generations {
        let (current, previous, pending) = (HashMap::new(), HashMap::new(), HashMap::new());
        Generations { since: Instant::now(), current, previous, pending }
    }

    /// Counts one more attempt, under keys with their limits, if there is room for it.
    fn take_place(&mut self, counted: &[(u64, usize)], now: Instant) -> Room {
        self.turn(now);
        let mut full = None;
        for &(key, limit) in counted {
            let count = self.count(key);
            let pending = self.pending.get(&key).map_or(0, |pending| pending.count);
            if count.saturating_sub(pending) >= limit {
                return Room::None;
            }
            if count >= limit {
                full = Some(key);
            }
        }
        if let Some(key) = full {
            let (sender, decided) = oneshot::channel();
            let waiting = &mut self.pending.entry(key).or_default().waiting;
            if waiting.len() == waiting.capacity() {
                // Rather than to make room for more.
                waiting.retain(|sender| !sender.is_closed());
            }
            waiting.push(sender);
            return Room::Later(decided);
        }
        for &(key, _) in counted {
            self.add(key);
            let pending = self.pending.entry(key).or_default();
            pending.count = pending.count.saturating_add(1);
        }
        Room::Free
    }

    /// One attempt fewer is pending.
    fn decide(&mut self, key: u64) {
        let Some(pending) = self.pending.get_mut(&key) else { return };
        pending.count = pending.count.saturating_sub(1);
        pending.waiting.clear();
        if pending.count == 0 {
            self.pending.remove(&key);
        }
    }

    fn turn(&mut self, now: Instant) {
        let age = now.saturating_duration_since(self.since);
        if age >= WINDOW || self.current.len() >= MOST_ENTRIES {
            let ended = std::mem::take(&mut self.current);
            self.previous = if age >= WINDOW.saturating_mul(2) { HashMap::new() } else { ended };
            self.since = now;
        }
    }

    fn count(&self, key: u64) -> usize {
        let count = |generation: &HashMap<u64, usize>| generation.get(&key).copied().unwrap_or(0);
        count(&self.current).saturating_add(count(&self.previous))
    }

    fn add(&mut self, key: u64) {
        let count = self.current.entry(key).or_default();
        *count = count.saturating_add(1);
    }

    fn take_back(&mut self, key: u64) {
        for generation in [&mut self.current, &mut self.previous] {
            if let Some(count) = generation.get_mut(&key) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    generation.remove(&key);
                }
                return;
            }
        }
    }
}

/// What a client can change of its address at will does not count: with IPv6 it has 64 bits for that.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    /// How many attempts fail before one is refused, each by another address and for another user as these say.
    async fn failures(
        limit: usize,
        address: impl Fn(usize) -> Option<IpAddr>,
        authid: impl Fn(usize) -> String,
    ) -> usize {
        let attempts = Attempts::new(limit);
        for at in 0..10_000 {
            if attempts.begin(address(at), "realm1", &authid(at)).await.is_none() {
                return at;
            }
        }
        10_000
    }

    #[tokio::test(start_paused = true)]
    async fn what_counts_together() {
        let (joe, anybody) = (|_| "joe".to_owned(), |at: usize| format!("user{at}"));
        assert_eq!(failures(3, |_| address("192.0.2.1"), joe).await, 3, "a user from one address");
        assert_eq!(failures(3, |_| address("192.0.2.1"), anybody).await, 30, "an address for all users");
        assert_eq!(failures(3, |_| address("::ffff:192.0.2.1"), anybody).await, 30);
        let variants = ["joe", "Joe", " joe\t", "j\u{ad}oe", "\u{ff4a}oe", "JOE\0"];
        let variant = |at: usize| variants[at % variants.len()].to_owned();
        assert_eq!(failures(3, |_| address("127.0.0.1"), variant).await, 3, "what a user table may take for the same");
        let many = |at: usize| address(&format!("192.0.{}.{}", at / 250, at % 250));
        assert_eq!(failures(3, many, joe).await, 300, "a user");
        assert_eq!(failures(3, |at| address(&format!("2001:db8::{at:x}")), anybody).await, 30, "an IPv6 network");
        let several = |at: usize| address(&format!("2001:db8:0:{at:x}::1"));
        assert_eq!(failures(3, several, anybody).await, 10_000, "several of them");
        for shared in [None, address("127.0.0.1"), address("::1")] {
            assert_eq!(failures(3, |_| shared, joe).await, 3, "where all clients have one address");
            assert_eq!(failures(3, |_| shared, anybody).await, 10_000, "where all clients have one address");
        }
        assert_eq!(failures(0, |_| None, joe).await, 0);
        assert_eq!(failures(usize::MAX, |_| address("192.0.2.1"), joe).await, 10_000);
    }

    #[tokio::test(start_paused = true)]
    async fn realms_do_not_count_together() {
        let attempts = Attempts::new(1);
        assert!(attempts.begin(None, "one", "joe").await.is_some());
        assert!(attempts.begin(None, "two", "joe").await.is_some());
        assert!(attempts.begin(None, "one", "joe").await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_wait_for_those_that_are_being_decided() {
        use futures_util::FutureExt;
        let attempts = Attempts::new(2);
        let begin = || attempts.begin(None, "realm1", "joe");
        let (one, other) = (begin().await.unwrap(), begin().await.unwrap());
        let (mut third, mut fourth) = (Box::pin(begin()), Box::pin(begin()));
        assert!((&mut third).now_or_never().is_none() && (&mut fourth).now_or_never().is_none());
        one.succeed();
        let third = third.now_or_never().unwrap().unwrap();
        assert!((&mut fourth).now_or_never().is_none(), "there was room for one");
        assert!(begin().now_or_never().is_none());
        drop(other);
        assert!((&mut fourth).now_or_never().is_none(), "one of two has failed");
        drop(third);
        assert!(fourth.now_or_never().unwrap().is_none(), "both have");
        assert!(begin().await.is_none());
        assert!(attempts.generations().pending.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_are_forgotten() {
        let attempts = Attempts::new(1);
        for (allowed, then) in [(true, 59), (false, 2), (false, 59), (false, 1), (true, 1), (false, 130), (true, 0)] {
            assert_eq!(attempts.begin(None, "realm1", "joe").await.is_some(), allowed, "{then}");
            tokio::time::advance(Duration::from_secs(then)).await;
        }
    }

    /// Whoever fills the table makes it forget, and does not make it grow.
    #[tokio::test(start_paused = true)]
    async fn the_table_is_bounded() {
        let attempts = Attempts::new(1);
        for at in 0..200_000 {
            attempts.begin(None, "realm1", &at.to_string()).await;
        }
        let generations = attempts.generations();
        assert!(generations.current.len() <= MOST_ENTRIES + 3 && generations.previous.len() <= MOST_ENTRIES + 3);
        assert!(generations.pending.is_empty());
    }
}
