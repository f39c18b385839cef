//! What a call costs a client, beside what it costs the server that answers it, and how fast a subscriber takes events:
//! `cargo bench -p serverwamp --bench client`. The server is a process of its own: CPU time is that of whole processes, as
//! the kernel counts it.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

use std::future::IntoFuture;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use serverwamp::client::Serializer;
use serverwamp::{App, Client, RealmHandle, routes, wamp};
use tokio::runtime::{Builder, Runtime};

const IN_FLIGHT: usize = 16;
const CALLS: i64 = 200_000;
const EVENTS: u64 = 1_000_000;
const ROUNDS: usize = 5;
/// Longer than any of it takes.
const PATIENCE: Duration = Duration::from_secs(600);
/// Has the process serve, on a runtime of this name.
const SERVE: &str = "SERVERWAMP_BENCH_SERVE";

#[wamp::rpc("math.add", manual)]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

/// Publishes events of 16 octets, as fast as they are taken.
#[wamp::rpc("bench.events", manual)]
async fn publish_events(count: u64, realm: RealmHandle) {
    for number in 0..count {
        let _ = realm.publish("bench.topic", [format!("{number:016}")]).await;
    }
}

fn main() {
    match std::env::var(SERVE) {
        Ok(threads) => runtime(&threads).block_on(serve()),
        // `cargo test` runs benchmarks once, to see whether they work.
        Err(_) if std::env::args().any(|argument| argument == "--test") => measure("one thread", 1, 100, 100),
        Err(_) => ["one thread", "default"].iter().for_each(|threads| measure(threads, ROUNDS, CALLS, EVENTS)),
    }
}

fn runtime(threads: &str) -> Runtime {
    match threads {
        "one thread" => Builder::new_current_thread().enable_all().build(),
        _ => Builder::new_multi_thread().enable_all().build(),
    }
    .unwrap()
}

async fn serve() {
    let app = App::new().routes(routes![add, publish_events]).router().bind("127.0.0.1:0");
    let handle = app.handle();
    tokio::spawn(async move { println!("{}", handle.addresses().await[0]) });
    app.await.unwrap();
}

/// A server in a process of its own.
struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start(threads: &str) -> Server {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let mut process = command.env(SERVE, threads).stdout(Stdio::piped()).spawn().unwrap();
        let mut address = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Server { process, address: address.trim_end().to_owned() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// Seconds of CPU time that a process has used, in user mode and in the kernel.
fn cpu_time(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    // The name of the program, in parentheses, may contain anything.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks = |field: usize| fields[field].parse::<f64>().unwrap();
    // There are 100 ticks a second.
    (ticks(11) + ticks(12)) / 100.0
}

fn measure(threads: &str, rounds: usize, calls: i64, events: u64) {
    for (scheme, serializer) in
        [("ws", Serializer::Json), ("ws", Serializer::MessagePack), ("ws", Serializer::Cbor), ("rs", Serializer::Cbor)]
    {
        let server = Server::start(threads);
        let runtime = runtime(threads);
        let url = format!("{scheme}://{}", server.address);
        let client = runtime.block_on(async { Client::connect(url).serializers([serializer]).await.unwrap() });
        let shapes = [("16 tasks", from_many_tasks as fn(_, _, _)), ("one task", from_one_task), ("main", from_main)];
        for (shape, call) in shapes {
            // What happens only once is not counted.
            call(&runtime, &client, calls / 10);
            let (mut own, mut servers) = (0.0, 0.0);
            for _ in 0..rounds {
                let before = (cpu_time(std::process::id()), cpu_time(server.process.id()));
                call(&runtime, &client, calls);
                own += cpu_time(std::process::id()) - before.0;
                servers += cpu_time(server.process.id()) - before.1;
            }
            let per_call = |seconds: f64| seconds * 1e6 / (calls as f64 * rounds as f64);
            println!(
                "calls, {scheme} {serializer:?}, {threads}, {shape}: client {:.2} µs, server {:.2} µs of CPU: {:.2}",
                per_call(own),
                per_call(servers),
                own / servers,
            );
        }
        let rate = runtime.block_on(subscribe(&client, events));
        println!("events, {scheme} {serializer:?}, {threads}: {rate:.0} a second");
    }
}

/// From where `main` awaits: with several threads, on none of those that tasks run on.
fn from_main(runtime: &Runtime, client: &Client, calls: i64) {
    runtime.block_on(keep_in_flight(client.clone(), calls));
}

fn from_one_task(runtime: &Runtime, client: &Client, calls: i64) {
    runtime.block_on(runtime.spawn(keep_in_flight(client.clone(), calls))).unwrap();
}

async fn keep_in_flight(client: Client, calls: i64) {
    let sums = stream::iter(0..calls).map(|number| client.call::<i64>("math.add", (number, 1)).into_future());
    let mut sums = sums.buffered(IN_FLIGHT).zip(stream::iter(1..));
    while let Some((sum, expected)) = sums.next().await {
        assert_eq!(sum, Ok(expected));
    }
}

fn from_many_tasks(runtime: &Runtime, client: &Client, calls: i64) {
    runtime.block_on(async {
        let share = calls / IN_FLIGHT as i64;
        let tasks = (0..IN_FLIGHT).map(|_| {
            let client = client.clone();
            tokio::spawn(async move {
                for number in 0..share {
                    assert_eq!(client.call("math.add", (number, 1)).await, Ok(number + 1));
                }
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
    });
}

/// Takes events, all of them and in order. Returns how many a second.
async fn subscribe(client: &Client, count: u64) -> f64 {
    let mut events = client.subscribe("bench.topic").await.unwrap();
    let begun = Instant::now();
    let publishing = tokio::spawn(client.call::<()>("bench.events", [count]).timeout(PATIENCE).into_future());
    for number in 0..count {
        let event = events.next().await.unwrap();
        assert_eq!(event.arg(0), Ok(format!("{number:016}")));
    }
    let rate = count as f64 / begun.elapsed().as_secs_f64();
    publishing.await.unwrap().unwrap();
    rate
}
