//! What a call costs on each transport: `cargo bench -p serverwamp --bench transports`.
#![allow(missing_docs, clippy::unwrap_used)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serverwamp::testing::socket;
use serverwamp::{App, wamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

#[wamp::rpc("math.add")]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

const IN_FLIGHT: usize = 64;

/// `[1,"r",{"roles":{"caller":{}}}]`, `[48,1,{},"math.add",[2,3]]` and `[50,1,{},[5]]` in MessagePack.
const HELLO: &[u8] = b"\x93\x01\xa1r\x81\xa5roles\x81\xa6caller\x80";
const CALL: &[u8] = b"\x95\x30\x01\x80\xa8math.add\x92\x02\x03";
const RESULT: &[u8] = b"\x94\x32\x01\x80\x91\x05";

const REQUEST: &[u8] = b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Protocol: wamp.2.msgpack\r\n\r\n";

/// How a client opens a connection and frames what it sends, and what is in front of a result.
struct Transport {
    name: &'static str,
    opening: &'static [u8],
    frame: fn(&[u8]) -> Vec<u8>,
    head: &'static [u8],
}

const TRANSPORTS: [Transport; 2] = [
    Transport { name: "WebSocket", opening: REQUEST, frame: web_socket, head: b"\x82\x06" },
    Transport { name: "RawSocket", opening: b"\x7f\xf2\0\0", frame: raw_socket, head: b"\0\0\0\x06" },
];

fn web_socket(message: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let masked = message.iter().zip(mask.iter().cycle()).map(|(octet, mask)| octet ^ mask);
    let head = [0x82, 0x80 | u8::try_from(message.len()).unwrap()];
    head.into_iter().chain(mask).chain(masked).collect()
}

fn raw_socket(message: &[u8]) -> Vec<u8> {
    let mut frame = u32::try_from(message.len()).unwrap().to_be_bytes().to_vec();
    frame.extend(message);
    frame
}

async fn join(app: &App, transport: &Transport) -> DuplexStream {
    let mut stream = socket(app).unwrap();
    stream.write_all(transport.opening).await.unwrap();
    stream.write_all(&(transport.frame)(HELLO)).await.unwrap();
    // WELCOME is the last of what comes.
    let mut received = Vec::new();
    while !received.windows(10).any(|window| window == b"authmethod") {
        stream.read_buf(&mut received).await.unwrap();
    }
    stream
}

/// Calls that come in one read and are answered in one write, without a socket.
fn call(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let app = App::discover();
    let mut group = criterion.benchmark_group("calls in MessagePack");
    group.throughput(Throughput::Elements(IN_FLIGHT as u64));
    for transport in &TRANSPORTS {
        let mut stream = runtime.block_on(join(&app, transport));
        let calls = (transport.frame)(CALL).repeat(IN_FLIGHT);
        let expected = [transport.head, RESULT].concat().repeat(IN_FLIGHT);
        let mut results = vec![0; expected.len()];
        group.bench_function(transport.name, |bencher| {
            bencher.iter(|| {
                runtime.block_on(async {
                    stream.write_all(&calls).await.unwrap();
                    stream.read_exact(&mut results).await.unwrap();
                });
                assert!(results == expected);
            });
        });
    }
}

criterion_group!(benches, call);
criterion_main!(benches);
