//! A server whose listener is a queue of streams in memory.

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
use serverwamp::{Limits, Listener};
use serverwamp_tests::{Peer, Serializer};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{Ledger, app};

/// What a listener finds next: a connection, or an error.
type Next = io::Result<DuplexStream>;

/// Listens for what a test sends.
struct Doors(mpsc::Receiver<Next>);

impl Listener for Doors {
    type Stream = DuplexStream;

    async fn accept(&mut self) -> io::Result<(DuplexStream, Option<SocketAddr>)> {
        match self.0.recv().await {
            Some(next) => next.map(|stream| (stream, None)),
            None => pending().await,
        }
    }
}

fn doors() -> (mpsc::Sender<Next>, Doors) {
    let (sender, receiver) = mpsc::channel(64);
    (sender, Doors(receiver))
}

async fn connect(doors: &mpsc::Sender<Next>) -> DuplexStream {
    let (ours, theirs) = duplex(64 * 1024);
    doors.send(Ok(theirs)).await.unwrap();
    ours
}

#[tokio::test(start_paused = true)]
async fn sessions_of_every_serializer_to_the_shutdown() {
    let (sender, doors) = doors();
    let ledger = Ledger::default();
    let app = app(&ledger).listen_on(doors);
    let handle = app.handle();
    let server = tokio::spawn(app.serve());
    assert_eq!(handle.addresses().await, [], "its own listener is instead of the default address");
    let mut peers = VecDeque::new();
    for serializer in Serializer::ALL {
        let mut peer = Peer::over(connect(&sender).await, serializer);
        peer.enter().await;
        peer.send(json!([48, 1, {}, "add", [2, 3]])).await;
        assert_eq!(peer.receive().await, Some(json!([50, 1, {}, [5]])));
        peers.push_back(peer);
    }
    let count = Serializer::ALL.len();
    assert_eq!((handle.statistics().connections, handle.statistics().sessions), (count, count));
    // One call ends within the drain time, another one does not.
    let mut busy = peers.pop_front().unwrap();
    busy.send_all(&[json!([48, 2, {}, "sleep", [9]]), json!([48, 3, {}, "sleep", [11]])]).await;
    busy.send(json!([48, 4, {}, "add", [1, 1]])).await;
    assert_eq!(busy.receive().await, Some(json!([50, 4, {}, [2]])));
    let begun = Instant::now();
    handle.shutdown();
    let goodbye = Some(json!([6, {}, "wamp.close.system_shutdown"]));
    for mut peer in peers {
        assert_eq!(peer.receive().await, goodbye);
    }
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert_eq!(busy.receive().await, Some(json!([50, 2, {}, ["slept"]])));
    assert_eq!(begun.elapsed().as_secs(), 9);
    assert_eq!(busy.receive().await, Some(json!([8, 48, 3, {}, "wamp.error.canceled"])));
    assert_eq!(busy.receive().await, goodbye);
    assert_eq!(begun.elapsed().as_secs(), 10);
    server.await.unwrap().unwrap();
    assert_eq!(begun.elapsed().as_secs(), 14, "who does not answer is waited for a little longer");
    assert_eq!(ledger.counts(), (count, count));
    assert_eq!((handle.statistics().connections, handle.statistics().sessions), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_fails_is_tried_again_ever_more_seldom() {
    const FAILURES: u32 = 12;
    let (sender, doors) = doors();
    let app = app(&Ledger::default()).listen_on(doors);
    let handle = app.handle();
    tokio::spawn(app.serve());
    for _ in 0..FAILURES {
        sender.send(Err(io::Error::other("too many open files"))).await.unwrap();
    }
    let begun = Instant::now();
    let mut peer = Peer::over(connect(&sender).await, Serializer::Json);
    peer.enter().await;
    assert_eq!(handle.statistics().limits.get("accept"), Some(&u64::from(FAILURES)));
    // 5 ms, 10 ms, 20 ms … 640 ms, then a second each.
    let pauses = 5 * 255 + 4 * 1000;
    assert_eq!(begun.elapsed().as_millis(), pauses);
    // After a success, it begins anew.
    sender.send(Err(io::Error::other("too many open files"))).await.unwrap();
    Peer::over(connect(&sender).await, Serializer::Json).enter().await;
    assert_eq!(begun.elapsed().as_millis(), pauses + 5);
}

#[tokio::test(start_paused = true)]
async fn deadlines_are_absolute_and_free_the_place() {
    let (sender, doors) = doors();
    let app = app(&Ledger::default()).limits(Limits { connections: 1, ..Limits::default() }).listen_on(doors);
    let handle = app.handle();
    tokio::spawn(app.serve());
    let request = b"GET /ws HTTP/1.1\r\nHost: localhost\r\n".repeat(20);
    // An octet now and then does not prolong what a peer may take.
    for octets in [&b""[..], &request, &[0x7f, 0xf1]] {
        let begun = Instant::now();
        let mut stream = connect(&sender).await;
        for octet in octets {
            if stream.write_all(&[*octet]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert_eq!((answer.len(), begun.elapsed().as_secs()), (0, 5));
        assert_eq!(handle.statistics().connections, 0);
    }
    Peer::over(connect(&sender).await, Serializer::Json).enter().await;
    assert_eq!(handle.statistics().limits.get("upgrade_timeout"), Some(&3));
}

#[tokio::test(start_paused = true)]
async fn a_web_socket_that_breaks_the_rules_is_closed_at_once() {
    let (sender, doors) = doors();
    tokio::spawn(app(&Ledger::default()).listen_on(doors).serve());
    let begun = Instant::now();
    let mut stream = connect(&sender).await;
    let request = "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                   Sec-WebSocket-Protocol: wamp.2.json\r\n\r\n";
    // A frame that is not masked.
    stream.write_all(&[request.as_bytes(), &[0x81, 0x01, b'x']].concat()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(answer.ends_with(&[0x88, 2, 3, 0xea]), "{answer:x?}");
    assert_eq!(begun.elapsed(), Duration::ZERO, "the end of the stream follows the last frame");
}
