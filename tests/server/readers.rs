//! A subscriber that never reads, among ten that do.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_bytes::Bytes;
use serde_json::json;
use serverwamp::{AppHandle, Limits, RealmHandle};
use tokio::io::{AsyncRead, AsyncReadExt, BufReader};
use tokio::task::JoinSet;

use super::*;

over_every_line!(a_client_publishes_past_a_dead_reader,);

type Socket = WebSocketStream<Stream>;

const TOPIC: &str = "news.long";
const SIZE: usize = 10_000;
const GOOD: usize = 10;

/// Ten subscribers that read and one that does not, of an app with the default limits.
struct Readers {
    place: Place,
    handle: AppHandle,
    good: JoinSet<()>,
    dead: Socket,
}

impl Readers {
    /// The good ones check that they get this many events, all in order.
    async fn start(line: Line, events: usize) -> Readers {
        // Without pings, so that events are all that comes.
        let app = app().open_topics("news.").limits(Limits { ping_interval: Duration::ZERO, ..Limits::default() });
        let handle = app.handle();
        let place = line.start(app).await;
        let mut good = JoinSet::new();
        for _ in 0..GOOD {
            let stream = subscriber(place).await.into_inner();
            good.spawn(read(stream, events));
        }
        Readers { place, handle, good, dead: subscriber(place).await }
    }

    /// Waits for the good ones; of the sessions that are left, only these are subscribed.
    async fn end(self, publishers: usize) {
        tokio::time::timeout(PATIENCE, self.good.join_all()).await.expect("all events in time");
        let statistics = self.handle.statistics();
        assert_eq!(statistics.limits, [("outbound_bytes", 1)].into(), "the dead one is cut, and nobody else");
        drop(self.dead);
        assert!(statistics.sessions <= GOOD + publishers);
    }
}

/// A client in MessagePack, where binary costs next to nothing: 2 GB are much for a test that is not optimized.
async fn join(place: Place) -> Socket {
    let mut request = format!("ws://{}/ws", place.address).into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "wamp.2.msgpack".parse().unwrap());
    let (mut socket, _) = tokio_tungstenite::client_async(request, place.connect().await).await.unwrap();
    send(&mut socket, &json!([1, "realm1", {"roles": {"subscriber": {}, "publisher": {}}}])).await;
    assert_eq!(receive(&mut socket).await[0], 2);
    socket
}

async fn subscriber(place: Place) -> Socket {
    let mut socket = join(place).await;
    send(&mut socket, &json!([32, 1, {}, TOPIC])).await;
    assert_eq!(receive(&mut socket).await, json!([33, 1, 1]));
    socket
}

async fn send(socket: &mut Socket, message: &impl Serialize) {
    socket.send(Message::binary(rmp_serde::to_vec(message).unwrap())).await.unwrap();
}

async fn receive(socket: &mut Socket) -> Value {
    let message = tokio::time::timeout(PATIENCE, socket.next()).await.expect("a message in time");
    rmp_serde::from_slice(&message.unwrap().unwrap().into_data()).unwrap()
}

/// Reads EVENTs, frame by frame.
async fn read(stream: impl AsyncRead + Unpin, events: usize) {
    type Event<'e> = (u64, u64, u64, BTreeMap<String, Value>, (usize, &'e Bytes));
    let mut stream = BufReader::with_capacity(64 * 1024, stream);
    let mut message = Vec::new();
    for number in 0..events {
        let mut head = [0; 4];
        stream.read_exact(&mut head).await.unwrap();
        assert_eq!(head[..2], [0x82, 126], "a binary frame of less than 64 KiB");
        message.resize(usize::from(u16::from_be_bytes([head[2], head[3]])), 0);
        stream.read_exact(&mut message).await.unwrap();
        let (kind, subscription, _, _, (next, octets)): Event<'_> = rmp_serde::from_slice(&message).unwrap();
        assert_eq!((kind, subscription, next, octets.len()), (36, 1, number, SIZE));
    }
}

/// Octets of memory that the process uses.
#[cfg(target_os = "linux")]
fn memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

#[cfg(not(target_os = "linux"))]
fn memory() -> usize {
    0
}

/// Publishes at the pace of the readers. Returns the most memory that was in use meanwhile.
async fn publish(realm: RealmHandle, events: usize) -> usize {
    let octets = vec![7; SIZE];
    let mut most = memory();
    for number in 0..events {
        realm.publish(TOPIC, (number, Bytes::new(&octets))).await.unwrap();
        if number % 100 == 0 {
            most = most.max(memory());
        }
    }
    most
}

#[tokio::test]
async fn a_dead_reader_delays_nobody_and_costs_no_more_than_its_limit() {
    const EVENTS: usize = 20_000;
    let readers = Readers::start(Line::Plain, EVENTS).await;
    let before = memory();
    let most = publish(readers.handle.realm("realm1"), EVENTS).await;
    // 2 GB go through. One reader may have 4 MiB waiting; the rest is for other tests in this process.
    assert!(most.saturating_sub(before) < 48 << 20, "from {before} to {most} octets");
    readers.end(0).await;
}

async fn a_client_publishes_past_a_dead_reader(line: Line) {
    const EVENTS: usize = 2_000;
    let readers = Readers::start(line, EVENTS).await;
    let mut publisher = join(readers.place).await;
    let (octets, acknowledge) = (vec![7; SIZE], json!({"acknowledge": true}));
    for number in 0..EVENTS {
        send(&mut publisher, &(16, number + 1, &acknowledge, TOPIC, (number, Bytes::new(&octets)))).await;
        let published = receive(&mut publisher).await;
        assert_eq!((&published[0], &published[1]), (&json!(17), &json!(number + 1)));
    }
    readers.end(1).await;
}
