//! How often clients may fail to log in.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

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
}

/// An attempt to log in; it counts as failed unless it succeeds.
#[derive(Debug)]
pub(super) struct Attempt<'a> {
    attempts: &'a Attempts,
    keys: Vec<u64>,
}

impl Attempts {
    /// A client may fail this often for a user.
    pub(crate) fn new(limit: usize) -> Attempts {
        let generations = Generations { since: Instant::now(), current: HashMap::new(), previous: HashMap::new() };
        Attempts { limit, keys: RandomState::new(), generations: Mutex::new(generations) }
    }

    /// Begins an attempt, unless too many have failed.
    pub(super) fn begin(&self, address: Option<IpAddr>, realm: &str, authid: &str) -> Option<Attempt<'_>> {
        let network = address.map(network);
        // Behind a proxy on this machine, all clients of the world have one address.
        let shared = network.is_none_or(|network| network.is_loopback());
        let counted = [
            Some((self.keys.hash_one((network, realm, authid)), self.limit)),
            network
                .filter(|_| !shared)
                .map(|network| (self.keys.hash_one(network), self.limit.saturating_mul(PER_ADDRESS))),
            Some((self.keys.hash_one((realm, authid)), self.limit.saturating_mul(PER_AUTHID))),
        ];
        let mut generations = self.generations();
        generations.turn(Instant::now());
        let counted = counted.into_iter().flatten();
        if counted.clone().any(|(key, limit)| generations.count(key) >= limit) {
            return None;
        }
        let keys: Vec<u64> = counted.map(|(key, _)| key).collect();
        keys.iter().for_each(|&key| generations.add(key));
        Some(Attempt { attempts: self, keys })
    }

    fn generations(&self) -> MutexGuard<'_, Generations> {
        self.generations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt<'_> {
    /// The client has proved who it is.
    pub(super) fn succeed(self) {
        let mut generations = self.attempts.generations();
        self.keys.iter().for_each(|&key| generations.take_back(key));
    }
}

impl Generations {
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
