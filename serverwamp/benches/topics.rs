//! What finding subscriptions and handing out events cost: `cargo bench -p serverwamp --bench topics`.
#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serverwamp::__private::UriTable;
use serverwamp::testing::RawPeer;
use serverwamp::{App, MatchPolicy, Uri, wamp};

#[wamp::rpc("nothing")]
async fn nothing() {}

const TOPIC: &str = "com.example.sensors.7.temperature";

/// A URI has no more.
const COMPONENTS: usize = 128;

/// A table with the topic itself among this many.
fn table(exact: usize) -> UriTable<usize> {
    let mut table = UriTable::default();
    table.insert(&Uri::new(TOPIC).unwrap(), MatchPolicy::Exact, 0);
    for number in 1..exact {
        let topic = Uri::new(&format!("com.example.sensors.{number}.humidity")).unwrap();
        table.insert(&topic, MatchPolicy::Exact, number);
    }
    table
}

/// The same with so many prefixes, and as many wildcard patterns, that do not match it.
fn table_with_patterns(patterns: usize) -> UriTable<usize> {
    let mut table = table(1_000);
    for number in 0..patterns {
        let prefix = Uri::pattern(&format!("com.example.actors.{number}."), MatchPolicy::Prefix).unwrap();
        table.insert(&prefix, MatchPolicy::Prefix, number);
        let wildcard = Uri::pattern(&format!("com..actors.{number}."), MatchPolicy::Wildcard).unwrap();
        table.insert(&wildcard, MatchPolicy::Wildcard, number);
    }
    table
}

/// Wildcard patterns of as many components as there can be, none of which matches, though it takes the last component to
/// tell: at worst a session has 1,024 of them.
fn table_with_near_misses(patterns: usize) -> UriTable<usize> {
    let mut table = UriTable::default();
    for number in 0..patterns {
        let component = |place: usize| if number >> place & 1 == 1 { "a" } else { "" };
        let components: Vec<&str> =
            (0..COMPONENTS - 1).map(|place| if place < 16 { component(place) } else { "" }).collect();
        let pattern = Uri::pattern(&format!("{}.b", components.join(".")), MatchPolicy::Wildcard).unwrap();
        table.insert(&pattern, MatchPolicy::Wildcard, number);
    }
    table
}

fn count(table: &UriTable<usize>, topic: &str) -> usize {
    let mut count = 0;
    table.for_each_match(topic, |_| count += 1);
    count
}

fn matching(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("match a topic");
    for exact in [10, 1_000, 100_000] {
        let table = table(exact);
        group.bench_function(format!("among {exact} topics"), |bencher| {
            bencher.iter(|| count(&table, black_box(TOPIC)));
        });
    }
    for patterns in [10, 1_000, 100_000] {
        let table = table_with_patterns(patterns);
        group.bench_function(format!("among {patterns} prefixes and wildcards that do not match"), |bencher| {
            bencher.iter(|| count(&table, black_box(TOPIC)));
        });
    }
    for matching in [1, 10, 30] {
        let mut table = table_with_patterns(100_000);
        for length in 1..=matching {
            let prefix = Uri::pattern(TOPIC.get(..length).unwrap(), MatchPolicy::Prefix).unwrap();
            table.insert(&prefix, MatchPolicy::Prefix, length);
        }
        group.bench_function(format!("among 100000 of which {matching} match"), |bencher| {
            bencher.iter(|| count(&table, black_box(TOPIC)));
        });
    }
}

/// What one session's subscriptions, and those of sixteen, can make of one publication.
fn near_misses(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("match a topic");
    let topic = vec!["a"; COMPONENTS].join(".");
    for patterns in [1_024, 16 * 1_024] {
        let table = table_with_near_misses(patterns);
        group.bench_function(format!("among {patterns} wildcards that nearly match"), |bencher| {
            bencher.iter(|| count(&table, black_box(&topic)));
        });
    }
}

/// From the program to what the subscribers read, without a socket.
fn publishing(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut group = criterion.benchmark_group("publish in memory");
    for subscribers in [1_usize, 10, 100] {
        const EVENTS: usize = 16;
        let app = App::discover().topics("");
        let realm = app.handle().realm("r");
        let mut peers: Vec<RawPeer> = runtime.block_on(async {
            let mut peers = Vec::new();
            for _ in 0..subscribers {
                let mut peer = RawPeer::connect(&app, "wamp.2.json").unwrap();
                peer.send(br#"[1,"r",{"roles":{"subscriber":{}}}]"#).await.unwrap();
                peer.receive().await.unwrap();
                peer.send(br#"[32,1,{},"com.example.sensors.7.temperature"]"#).await.unwrap();
                peer.receive().await.unwrap();
                peers.push(peer);
            }
            peers
        });
        group.throughput(Throughput::Elements((subscribers * EVENTS) as u64));
        group.bench_function(format!("{subscribers} subscribers"), |bencher| {
            bencher.iter(|| {
                runtime.block_on(async {
                    for number in 0..EVENTS {
                        realm.publish(TOPIC, number);
                    }
                    for peer in &mut peers {
                        for _ in 0..EVENTS {
                            black_box(peer.receive().await.unwrap());
                        }
                    }
                });
            });
        });
    }
}

criterion_group!(benches, matching, near_misses, publishing);
criterion_main!(benches);
