//! The proxy does what it says, so that what is seen behind it means something.

use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::SmallRng;
use serverwamp_tests::proxy::{Fault, Line, Proxy, Toxic};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Longer than anything takes here.
const PATIENCE: Duration = Duration::from_secs(30);

/// Both ends of a line on which this is done to what goes to the server.
async fn line(toxics: Vec<Toxic>) -> (Proxy, TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let line = Line { to_server: toxics, to_client: Vec::new() };
    let proxy = Proxy::start(listener.local_addr().unwrap(), 1, move |_| line.clone()).await.unwrap();
    let client = TcpStream::connect(proxy.address).await.unwrap();
    let server = timeout(PATIENCE, listener.accept()).await.unwrap().unwrap().0;
    (proxy, client, server)
}

fn octets(count: usize) -> Vec<u8> {
    (0..count).map(|number| (number % 251) as u8).collect()
}

/// What comes until the end, and how that comes.
async fn rest(stream: &mut TcpStream) -> (Vec<u8>, Option<std::io::ErrorKind>) {
    let mut received = Vec::new();
    let end = timeout(PATIENCE, stream.read_to_end(&mut received)).await.expect("an end");
    (received, end.err().map(|error| error.kind()))
}

#[tokio::test]
async fn delays_slices_and_slowness_change_nothing() {
    let delay = Toxic::Latency(Duration::from_millis(1), Duration::from_millis(3));
    for toxics in [
        vec![],
        vec![delay],
        vec![Toxic::Slices(1)],
        vec![Toxic::Bandwidth(1 << 20)],
        vec![delay, Toxic::Slices(7), Toxic::Bandwidth(1 << 20)],
    ] {
        let (proxy, mut client, mut server) = line(toxics.clone()).await;
        client.write_all(&octets(2000)).await.unwrap();
        client.shutdown().await.unwrap();
        assert_eq!(rest(&mut server).await, (octets(2000), None), "{toxics:?}");
        server.write_all(b"back").await.unwrap();
        drop(server);
        assert_eq!(rest(&mut client).await, (b"back".to_vec(), None), "{toxics:?}");
        assert_eq!(proxy.met().len(), toxics.len());
    }
}

#[tokio::test]
async fn a_reset_is_one_on_both_sides() {
    let (proxy, mut client, mut server) = line(vec![Toxic::Reset(100)]).await;
    client.write_all(&octets(300)).await.unwrap();
    for stream in [&mut client, &mut server] {
        assert_eq!(rest(stream).await.1, Some(std::io::ErrorKind::ConnectionReset));
    }
    assert_eq!(proxy.met()["reset"], 1);
}

#[tokio::test]
async fn an_end_is_of_one_direction() {
    let (_proxy, mut client, mut server) = line(vec![Toxic::End(100)]).await;
    client.write_all(&octets(300)).await.unwrap();
    assert_eq!(rest(&mut server).await, (octets(100), None));
    server.write_all(b"back").await.unwrap();
    let mut back = [0; 4];
    timeout(PATIENCE, client.read_exact(&mut back)).await.unwrap().unwrap();
    assert_eq!(&back, b"back");
}

#[tokio::test]
async fn a_blackhole_is_silent_until_calm() {
    let (proxy, mut client, mut server) = line(vec![Toxic::Blackhole(100)]).await;
    client.write_all(&octets(300)).await.unwrap();
    let mut come = [0; 100];
    timeout(PATIENCE, server.read_exact(&mut come)).await.unwrap().unwrap();
    assert!(timeout(Duration::from_millis(50), server.read(&mut come)).await.is_err(), "nobody is told");
    server.write_all(b"back").await.unwrap();
    let mut back = [0; 4];
    timeout(PATIENCE, client.read_exact(&mut back)).await.unwrap().unwrap();
    proxy.calm();
    assert_eq!(rest(&mut client).await.1, Some(std::io::ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn corruption_is_the_same_for_the_same_seed() {
    let mut all = Vec::new();
    for pieces in [2000, 50] {
        let (proxy, mut client, mut server) = line(vec![Toxic::Corruption(200)]).await;
        let (sent, mut received) = (octets(2000), Vec::new());
        for piece in sent.chunks(pieces) {
            client.write_all(piece).await.unwrap();
            let mut come = vec![0; piece.len()];
            timeout(PATIENCE, server.read_exact(&mut come)).await.unwrap().unwrap();
            received.extend(come);
        }
        let flipped: Vec<u32> =
            sent.iter().zip(&received).map(|(sent, received)| (sent ^ received).count_ones()).collect();
        assert!(flipped.iter().all(|bits| *bits <= 1));
        assert_eq!(flipped.iter().filter(|bits| **bits == 1).count(), proxy.met()["corruption"]);
        all.push(received);
    }
    assert_eq!(all[0], all[1], "however it is sent");
}

#[test]
fn a_line_follows_from_its_seed() {
    for fault in Fault::HONEST {
        let draw = |seed| fault.line(&mut SmallRng::seed_from_u64(seed));
        assert_eq!(draw(1), draw(1));
        assert!((0..9).any(|seed| draw(seed) != draw(1)), "{fault:?}");
    }
}
