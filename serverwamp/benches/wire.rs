//! What decoding, binding, calling and encoding cost: `cargo bench -p serverwamp`.
#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde::Serialize;
use serverwamp::__private::bench;
use serverwamp::testing::RawPeer;
use serverwamp::{App, wamp};

#[wamp::rpc("math.add")]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

const CODECS: [&str; 3] = ["wamp.2.json", "wamp.2.msgpack", "wamp.2.cbor"];

/// `[48,1,{},"math.add",[2,3]]`
const CALLS: [&[u8]; 3] = [
    br#"[48,1,{},"math.add",[2,3]]"#,
    b"\x95\x30\x01\x80\xa8math.add\x92\x02\x03",
    b"\x85\x18\x30\x01\xa0\x68math.add\x82\x02\x03",
];

/// `[1,"r",{"roles":{"caller":{}}}]`
const HELLOS: [&[u8]; 3] = [
    br#"[1,"r",{"roles":{"caller":{}}}]"#,
    b"\x93\x01\xa1r\x81\xa5roles\x81\xa6caller\x80",
    b"\x83\x01\x61r\xa1\x65roles\xa1\x66caller\xa0",
];

#[derive(Serialize)]
struct Customer {
    id: u64,
    name: &'static str,
    balance: f64,
    tags: [&'static str; 3],
}

const CUSTOMER: Customer = Customer { id: 7, name: "Ada Lovelace", balance: 12.5, tags: ["a", "b", "c"] };

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode a CALL");
    for (codec, call) in CODECS.into_iter().zip(CALLS) {
        group.bench_function(codec, |bencher| bencher.iter(|| bench::parse(codec, black_box(call))));
    }
}

fn encode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode a result");
    for codec in CODECS {
        group.bench_function(format!("{codec} integer"), |bencher| {
            bencher.iter(|| bench::encode(codec, black_box(&5_i64)));
        });
        group.bench_function(format!("{codec} struct"), |bencher| {
            bencher.iter(|| bench::encode(codec, black_box(&CUSTOMER)));
        });
    }
}

/// A whole call through the connection: decode, bind, call, encode, without a socket.
fn call(criterion: &mut Criterion) {
    const IN_FLIGHT: u64 = 64;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let app = App::discover();
    let mut group = criterion.benchmark_group("call in memory");
    group.throughput(Throughput::Elements(IN_FLIGHT));
    for ((codec, call), hello) in CODECS.into_iter().zip(CALLS).zip(HELLOS) {
        let mut peer = runtime.block_on(async {
            let mut peer = RawPeer::connect(&app, codec).unwrap();
            peer.send(hello).await.unwrap();
            peer.receive().await.unwrap();
            peer
        });
        group.bench_function(codec, |bencher| {
            bencher.iter(|| {
                runtime.block_on(async {
                    for _ in 0..IN_FLIGHT {
                        peer.send(call).await.unwrap();
                    }
                    for _ in 0..IN_FLIGHT {
                        black_box(peer.receive().await.unwrap());
                    }
                });
            });
        });
    }
}

criterion_group!(benches, decode, encode, call);
criterion_main!(benches);
