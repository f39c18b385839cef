//! What a call or an event through the router costs, in memory: `cargo bench -p serverwamp --bench routing`.
#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serverwamp::testing::RawPeer;
use serverwamp::{App, Limits};

const PROCEDURE: &str = "com.example.sensors.7.temperature";

/// Calls at one time.
const CALLS: usize = 16;

async fn join(app: &App, role: &str) -> RawPeer {
    let mut peer = RawPeer::connect(app, "wamp.2.json").unwrap();
    peer.send(format!(r#"[1,"r",{{"roles":{{"{role}":{{}}}}}}]"#).as_bytes()).await.unwrap();
    peer.receive().await.unwrap();
    peer
}

/// Registers the procedure, and so many others.
async fn register(app: &App, others: impl IntoIterator<Item = (String, &'static str)>) -> (RawPeer, RawPeer) {
    let mut callee = join(app, "callee").await;
    let mut request = 1;
    callee.send(format!(r#"[64,1,{{}},"{PROCEDURE}"]"#).as_bytes()).await.unwrap();
    callee.receive().await.unwrap();
    for (procedure, policy) in others {
        request += 1;
        let register = format!(r#"[64,{request},{{"match":"{policy}"}},"{procedure}"]"#);
        callee.send(register.as_bytes()).await.unwrap();
        callee.receive().await.unwrap();
    }
    (join(app, "caller").await, callee)
}

/// The id behind the type of a message in JSON.
fn request(message: &[u8]) -> &str {
    let text = std::str::from_utf8(message).unwrap();
    text.split(',').nth(1).unwrap()
}

async fn call(caller: &mut RawPeer, callee: &mut RawPeer, first: usize) {
    for id in first..first + CALLS {
        caller.send(format!(r#"[48,{id},{{}},"{PROCEDURE}",[1,2]]"#).as_bytes()).await.unwrap();
    }
    for _ in 0..CALLS {
        let invocation = callee.receive().await.unwrap();
        callee.send(format!("[70,{},{{}},[3]]", request(&invocation)).as_bytes()).await.unwrap();
    }
    for _ in 0..CALLS {
        black_box(caller.receive().await.unwrap());
    }
}

fn routed(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut group = criterion.benchmark_group("calls through the router");
    group.throughput(Throughput::Elements(CALLS as u64));
    let exact = |number: usize| (format!("com.example.sensors.{number}.humidity"), "exact");
    let patterns = |number: usize| {
        [(format!("com.example.actors.{number}."), "prefix"), (format!("com..actors.{number}."), "wildcard")]
    };
    let tables = [
        ("10 registrations", (0..10).map(exact).collect::<Vec<_>>()),
        ("1000 registrations", (0..1_000).map(exact).collect()),
        ("100000 registrations", (0..100_000).map(exact).collect()),
        ("100000 prefixes and wildcards", (0..100_000).flat_map(patterns).collect()),
    ];
    for (name, table) in tables {
        let app = App::new().router().limits(Limits { registrations: 1_000_000, ..Limits::default() });
        let (mut caller, mut callee) = runtime.block_on(register(&app, table));
        let mut first = 1;
        group.bench_function(format!("among {name}"), |bencher| {
            bencher.iter(|| {
                runtime.block_on(call(&mut caller, &mut callee, first));
                first += CALLS;
            });
        });
    }
}

/// Subscribes to a topic and so many others, from one session.
async fn subscribe(app: &App, others: usize) -> (RawPeer, RawPeer) {
    let mut subscriber = join(app, "subscriber").await;
    subscriber.send(format!(r#"[32,1,{{}},"{PROCEDURE}"]"#).as_bytes()).await.unwrap();
    subscriber.receive().await.unwrap();
    for number in 0..others {
        let subscribe = format!(r#"[32,{},{{}},"com.example.sensors.{number}.humidity"]"#, number + 2);
        subscriber.send(subscribe.as_bytes()).await.unwrap();
        subscriber.receive().await.unwrap();
    }
    (join(app, "publisher").await, subscriber)
}

async fn publish(publisher: &mut RawPeer, subscriber: &mut RawPeer, first: usize) {
    for id in first..first + CALLS {
        publisher.send(format!(r#"[16,{id},{{}},"{PROCEDURE}",[1,2]]"#).as_bytes()).await.unwrap();
    }
    for _ in 0..CALLS {
        black_box(subscriber.receive().await.unwrap());
    }
}

fn published(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut group = criterion.benchmark_group("events through the router");
    group.throughput(Throughput::Elements(CALLS as u64));
    for others in [10, 1_000, 100_000] {
        let app = App::new().router().limits(Limits { subscriptions: 1_000_000, ..Limits::default() });
        let (mut publisher, mut subscriber) = runtime.block_on(subscribe(&app, others));
        let mut first = 1;
        group.bench_function(format!("among {others} subscriptions"), |bencher| {
            bencher.iter(|| {
                runtime.block_on(publish(&mut publisher, &mut subscriber, first));
                first += CALLS;
            });
        });
    }
}

criterion_group!(benches, routed, published);
criterion_main!(benches);
