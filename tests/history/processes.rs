//! Processes that are told to stop, or killed, in the middle of it all: servers, routers, and clients.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serverwamp_tests::history::{Event, Recorder};
use serverwamp_tests::load::{Callee, Load, tcp};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::world::{CLIENTS, PEERS, Place, finish, populate};
use super::{Total, seeds};

/// What is done in each history.
const DEEDS: [Deed; 4] = [Deed::KillClients, Deed::StopServer, Deed::KillServer, Deed::KillServer];

#[derive(Debug, Clone, Copy)]
enum Deed {
    KillClients,
    KillServer,
    /// By SIGTERM.
    StopServer,
}

/// A process whose records are taken over.
struct Process {
    child: Child,
    addresses: Vec<SocketAddr>,
    reading: Option<JoinHandle<()>>,
}

impl Process {
    fn start(recorder: &Recorder, arguments: &[&str]) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_load"));
        let mut child = command.args(arguments).stdout(Stdio::piped()).spawn().expect("the process starts");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
        let mut addresses = Vec::new();
        if arguments[0] != "visit" {
            let before = lines.by_ref().take_while(|line| line != "listening");
            addresses.extend(before.map(|line| line.parse::<SocketAddr>().expect("an address")));
        }
        let recorder = recorder.clone();
        let reading = std::thread::spawn(move || {
            for line in lines {
                assert!(recorder.take_line(&line), "{line}");
            }
        });
        Process { child, addresses, reading: Some(reading) }
    }

    /// Kills it, and takes over what it has printed until then.
    fn kill(mut self) {
        self.child.kill().expect("it was still there");
        self.child.wait().expect("an end");
        self.read();
    }

    /// Tells it to stop, and waits until it has.
    async fn stop(mut self) {
        let kill = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().expect("kill");
        assert!(kill.success());
        tokio::task::spawn_blocking(move || {
            assert_eq!(self.child.wait().expect("an end").code(), Some(0), "it was told to stop, and did");
            self.read();
        })
        .await
        .expect("a clean end");
    }

    fn read(&mut self) {
        self.reading.take().expect("once").join().expect("lines that are records");
    }
}

impl Drop for Process {
    /// A test that fails leaves no process behind.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The servers of a history, one after the other.
struct Servers {
    recorder: Recorder,
    place: Place,
    number: usize,
}

impl Servers {
    fn start(&mut self, address: &str) -> Process {
        self.number += 1;
        let witness = self.witness();
        match self.place {
            Place::Served => Process::start(&self.recorder, &["serve", address, &witness]),
            Place::Routed => Process::start(&self.recorder, &["route", address]),
        }
    }

    fn witness(&self) -> String {
        format!("server.{}", self.number)
    }
}

async fn record(seed: u64) -> Recorder {
    let (recorder, place) = (Recorder::default(), Place::of(seed));
    let mut servers = Servers { recorder: recorder.clone(), place, number: 0 };
    let mut server = servers.start("127.0.0.1:0");
    let address = server.addresses[0];
    let dial = tcp(address);
    let mut callees = Vec::new();
    if place == Place::Routed {
        for number in 0..2 {
            callees.push(Callee::join(&recorder, seed, number, &dial).await);
        }
    }
    let load = Load::new(recorder.clone(), 1, PEERS + CLIENTS);
    let mut clients = JoinSet::new();
    populate(&load, seed, &mut clients, |_| Arc::clone(&dial));
    let mut random = SmallRng::seed_from_u64(seed);
    for (number, deed) in (2..).zip(DEEDS) {
        let others = Process::start(&recorder, &["visit", &address.to_string(), &number.to_string()]);
        sleep(Duration::from_millis(random.random_range(200..600))).await;
        match deed {
            Deed::KillClients => {}
            Deed::KillServer => {
                let witness = recorder.witness(servers.witness());
                server.kill();
                witness.note(Event::Killed);
                server = servers.start(&address.to_string());
            }
            Deed::StopServer => {
                recorder.witness("signal").note(Event::Stopping);
                server.stop().await;
                server = servers.start(&address.to_string());
            }
        }
        sleep(Duration::from_millis(random.random_range(0..300))).await;
        others.kill();
        killed(&recorder, number);
    }
    load.end(dial).await;
    finish(clients).await;
    for callee in callees {
        callee.leave().await;
    }
    recorder.witness("signal").note(Event::Stopping);
    server.stop().await;
    recorder
}

/// Notes for all clients of a process that they were killed.
fn killed(recorder: &Recorder, number: u64) {
    let prefix = format!("{number}-");
    let history = recorder.history();
    let clients = history.records.iter().map(|record| record.by.as_str()).filter(|by| by.starts_with(&prefix));
    for client in clients.collect::<BTreeSet<&str>>() {
        recorder.witness(client).note(Event::Killed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_are_stopped_and_killed_keep_every_promise() {
    let mut total = Total::default();
    for seed in seeds(4) {
        let recorder = record(seed).await;
        total.add(&format!("processes-{seed}"), &recorder.history(), Default::default());
    }
    total.print("processes");
    let report = total.report;
    assert!(report.results > 0 && report.parts > 0 && report.acknowledged > 0 && report.events > 0 && report.lost > 0);
}
