//! The whole server, its accept loop included, with time that the tests move: on lines in memory, and on a simulated network
//! whose lines break.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod clients;
mod lines;
mod member;
mod memory;
mod network;
mod router;
mod weather;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serverwamp::{App, Inject, Session, routes, wamp};

#[wamp::rpc("add", manual)]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

#[wamp::rpc("sleep", manual)]
async fn sleep(seconds: u64) -> &'static str {
    tokio::time::sleep(std::time::Duration::from_secs(seconds)).await;
    "slept"
}

/// How often each session has joined and left.
#[derive(Clone, Default)]
struct Ledger(Arc<Mutex<BTreeMap<u64, (u32, u32)>>>);

#[wamp::on_join(manual)]
async fn joined(session: Session, ledger: Inject<Ledger>) {
    ledger.0.lock().unwrap().entry(session.id().get()).or_default().0 += 1;
}

#[wamp::on_leave(manual)]
async fn left(session: Session, ledger: Inject<Ledger>) {
    ledger.0.lock().unwrap().entry(session.id().get()).or_default().1 += 1;
}

impl Ledger {
    fn clear(&self) {
        self.0.lock().unwrap().clear();
    }

    /// Sessions that have joined, and those of them that have left.
    fn counts(&self) -> (usize, usize) {
        let sessions = self.0.lock().unwrap();
        assert!(sessions.values().all(|(joined, left)| *joined == 1 && *left <= 1), "{sessions:?}");
        (sessions.len(), sessions.values().filter(|(_, left)| *left == 1).count())
    }
}

fn app(ledger: &Ledger) -> App {
    App::new().routes(routes![add, sleep, joined, left]).inject(ledger.clone()).open_topics("chat.")
}
