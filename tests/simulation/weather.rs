//! Lines that break and heal at random, among clients that do what clients do.
//!
//! `SERVERWAMP_SEEDS=1000` tries as many numbers instead of a few, `SERVERWAMP_SEED=7` that one only.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::env;
use std::rc::Rc;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use serverwamp::Limits;
use serverwamp_tests::{Peer, Serializer};
use tokio::time::{sleep, timeout};
use turmoil::{hold, partition, partition_oneway, release, repair, repair_oneway};

use super::network::{Server, connect, network};
use super::{Ledger, app};

const CLIENTS: usize = 4;
/// Longer than a server takes to notice a broken line.
const PATIENCE: Duration = Duration::from_secs(50);

/// What clients and the weather tell each other.
#[derive(Default)]
struct State {
    is_calm: bool,
    done: usize,
    calls: usize,
    events: usize,
    lost_lines: usize,
}

type Shared = Rc<RefCell<State>>;

/// The numbers to try: so many of them by default.
pub(super) fn seeds(few: u64) -> Vec<u64> {
    let number = |name| env::var(name).ok().map(|text| text.parse().expect("a number"));
    match (number("SERVERWAMP_SEED"), number("SERVERWAMP_SEEDS")) {
        (Some(seed), _) => vec![seed],
        (None, count) => (0..count.unwrap_or(few)).collect(),
    }
}

fn name(client: usize) -> String {
    format!("client-{client}")
}

#[test]
fn whatever_breaks_nothing_is_lost_doubled_or_left() {
    let mut total = State::default();
    for seed in seeds(6) {
        let state = simulate(seed);
        total.calls += state.calls;
        total.events += state.events;
        total.lost_lines += state.lost_lines;
    }
    // Else the weather was too good, or too bad, to show anything.
    assert!(total.calls > 0 && total.events > 0 && total.lost_lines > 0);
}

fn simulate(seed: u64) -> State {
    let mut network = network(seed);
    let ledger = Ledger::default();
    let injected = ledger.clone();
    let server = Server::start(&mut network, move || {
        app(&injected).limits(Limits { connections: 2 * CLIENTS, ..Limits::default() })
    });
    let state = Shared::default();
    for client in 0..CLIENTS {
        let serializer = Serializer::ALL[(seed as usize + client) % Serializer::ALL.len()];
        network.client(name(client), live(client, serializer, seed, Rc::clone(&state)));
    }
    network.client("weather", weather(seed, server, ledger, Rc::clone(&state)));
    network.run().unwrap_or_else(|error| panic!("SERVERWAMP_SEED={seed}: {error}"));
    state.take()
}

/// Breaks and heals lines, then looks whether anything is left of what was there.
async fn weather(seed: u64, server: Server, ledger: Ledger, state: Shared) -> turmoil::Result {
    let mut random = SmallRng::seed_from_u64(seed);
    for _ in 0..40 {
        sleep(Duration::from_millis(random.random_range(100..6000))).await;
        change(&name(random.random_range(0..CLIENTS)), &mut random);
    }
    for client in 0..CLIENTS {
        mend(&name(client));
    }
    state.borrow_mut().is_calm = true;
    while state.borrow().done < CLIENTS {
        sleep(Duration::from_secs(1)).await;
    }
    sleep(PATIENCE).await;
    let statistics = server.handle().statistics();
    assert_eq!((statistics.connections, statistics.sessions), (0, 0), "{statistics:?}");
    let (joined, left) = ledger.counts();
    assert_eq!(joined, left, "on_leave has run for each session");
    server.handle().shutdown();
    sleep(Duration::from_secs(1)).await;
    assert!(server.has_ended());
    Ok(())
}

/// Breaks or heals the line of a client to the server.
pub(super) fn change(client: &str, random: &mut SmallRng) {
    match random.random_range(0..8) {
        0 => partition(client, "server"),
        1 => partition_oneway(client, "server"),
        2 => partition_oneway("server", client),
        3 => hold(client, "server"),
        4 | 5 => mend(client),
        6 => repair_oneway(client, "server"),
        _ => repair_oneway("server", client),
    }
}

/// Heals the line of a client to the server, which then gets what was held.
pub(super) fn mend(client: &str) {
    release(client, "server");
    repair(client, "server");
}

/// Comes back whenever its line breaks; once the weather is calm, leaves as one should.
async fn live(client: usize, serializer: Serializer, seed: u64, state: Shared) -> turmoil::Result {
    let mut random = SmallRng::seed_from_u64(seed ^ (client as u64 + 1) << 32);
    for line in 0.. {
        let last = state.borrow().is_calm;
        let mut visit = Visit { client, line, random: &mut random, state: &state, heard: BTreeMap::new(), next: 2 };
        match timeout(PATIENCE, connect(serializer)).await {
            Ok(Ok(peer)) => match visit.stay(peer).await {
                Some(()) if last => break,
                Some(()) => {}
                None => {
                    assert!(!last, "{serializer}: no line breaks any more");
                    state.borrow_mut().lost_lines += 1;
                }
            },
            // Nobody to connect to while the line is broken.
            _ => assert!(!last, "{serializer}: the server can be reached"),
        }
        sleep(Duration::from_secs(1)).await;
    }
    state.borrow_mut().done += 1;
    Ok(())
}

/// One session of a client.
struct Visit<'s> {
    client: usize,
    line: u64,
    random: &'s mut SmallRng,
    state: &'s Shared,
    /// What came last of each session that publishes.
    heard: BTreeMap<(u64, u64), u64>,
    next: u64,
}

impl Visit<'_> {
    /// Calls, publishes and listens for a while. None if the line broke.
    async fn stay(&mut self, mut peer: Peer) -> Option<()> {
        self.send(&mut peer, serverwamp_tests::hello("realm1")).await?;
        let answer = self.receive(&mut peer).await?;
        if answer[0] == 3 {
            let message = answer[1]["message"].as_str().expect("a message");
            assert_eq!(message, "no HELLO in time", "a HELLO that the line held back for too long");
            return None;
        }
        assert_eq!(answer[0], 2);
        self.send(&mut peer, json!([32, 1, {"match": "prefix"}, "chat."])).await?;
        assert_eq!(self.receive(&mut peer).await?[0], 33);
        let mut published = 0_u64;
        for _ in 0..self.random.random_range(1..30) {
            let request = self.next;
            self.next += 1;
            if self.random.random() {
                self.send(&mut peer, json!([48, request, {}, "add", [request, 1]])).await?;
                let result = self.reply(&mut peer).await?;
                assert_eq!(result, json!([50, request, {}, [request + 1]]), "one reply for each call");
                self.state.borrow_mut().calls += 1;
            } else {
                let options = json!({"exclude_me": false, "acknowledge": true});
                let topic = format!("chat.{}", self.random.random_range(0..3));
                self.send(&mut peer, json!([16, request, options, topic, [self.client, self.line, published]])).await?;
                published += 1;
                let answer = self.reply(&mut peer).await?;
                assert_eq!((&answer[0], &answer[1]), (&json!(17), &json!(request)));
            }
            sleep(Duration::from_millis(self.random.random_range(0..1500))).await;
        }
        self.send(&mut peer, json!([6, {}, "wamp.close.close_realm"])).await?;
        let goodbye = self.reply(&mut peer).await?;
        assert_eq!(goodbye, json!([6, {}, "wamp.close.goodbye_and_out"]));
        // Its own events come back to it as well.
        let own = self.heard.get(&(self.client as u64, self.line)).map_or(0, |last| last + 1);
        assert_eq!(own, published, "every event has come");
        Some(())
    }

    /// The next message that is no event.
    async fn reply(&mut self, peer: &mut Peer) -> Option<Value> {
        loop {
            let message = self.receive(peer).await?;
            if message[0] != 36 {
                return Some(message);
            }
            let part = |at: usize| message[4][at].as_u64().expect("a number");
            let (from, number) = ((part(0), part(1)), part(2));
            if let Some(last) = self.heard.insert(from, number) {
                assert_eq!(number, last + 1, "events of one publisher come in order and without a gap");
            }
            self.state.borrow_mut().events += 1;
        }
    }

    /// None if the line broke: the first message has to wait for the server's answer to the upgrade.
    async fn send(&mut self, peer: &mut Peer, message: Value) -> Option<()> {
        timeout(PATIENCE, peer.send(message)).await.ok()
    }

    /// The next message; none if the line broke, or seems to have.
    async fn receive(&mut self, peer: &mut Peer) -> Option<Value> {
        timeout(PATIENCE, peer.receive()).await.ok()?
    }
}
