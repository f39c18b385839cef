//! A process that runs out of descriptors, and one that thousands of connections come and go in.

use std::fs;
use std::process::Command;
use std::time::Instant;

use futures_util::{StreamExt, stream};
use rustix::process::{Resource, Rlimit};
use serde_json::json;
use serverwamp_tests::{Peer, Serializer};
use tokio::io::AsyncWriteExt;

use super::process::Server;
use super::*;

const SERVER: &str = env!("CARGO_BIN_EXE_drained");

/// A process as the system knows it.
struct Process(u32);

impl Process {
    fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.0)).unwrap().count()
    }

    /// What it has in memory, in KiB.
    fn resident(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// The processors' time that it has taken.
    fn busy(&self) -> Duration {
        const TICKS_PER_SECOND: u64 = 100;
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0)).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let ticks = |field: usize| fields[field].parse::<u64>().unwrap();
        Duration::from_millis((ticks(11) + ticks(12)) * 1000 / TICKS_PER_SECOND)
    }
}

/// Somebody who is there all the time.
struct Observer(Peer, u64);

impl Observer {
    async fn join(address: SocketAddr) -> Observer {
        let mut peer = Peer::over(line::tcp(address).await, Serializer::Json);
        peer.enter().await;
        Observer(peer, 1)
    }

    async fn call(&mut self, procedure: &str, arguments: Value) -> Value {
        let request = self.1;
        self.1 += 1;
        self.0.send(json!([48, request, {}, procedure, arguments])).await;
        let mut result = self.0.receive().await.expect("a result");
        assert_eq!((&result[0], &result[1]), (&json!(50), &json!(request)), "{result}");
        result[3].take()
    }

    /// How often connections could not be accepted.
    async fn unaccepted(&mut self) -> u64 {
        self.call("met", json!(["accept"])).await[0].as_u64().unwrap()
    }

    /// Connections, sessions and tasks.
    async fn alive(&mut self) -> [u64; 3] {
        let alive = self.call("alive", json!([])).await;
        [0, 1, 2].map(|at| alive[at].as_u64().unwrap())
    }
}

/// Waits until something is so.
async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(300), waiting).await.expect("it comes to be so");
}

#[tokio::test]
async fn without_descriptors_it_serves_those_who_are_there_and_recovers() {
    const DESCRIPTORS: usize = 64;
    let shell = format!(r#"ulimit -n {DESCRIPTORS} && exec "$0" "$@""#);
    let server = Server::run(Command::new("sh").args(["-c", &shell, SERVER, "127.0.0.1:0", "connections=1000"]));
    let (address, process) = (server.addresses[0], Process(server.process()));
    let mut observer = Observer::join(address).await;
    let before = observer.alive().await;
    // The system takes them all; the server runs out of descriptors with the last ones.
    let mut crowd = Vec::new();
    for _ in 0..2 * DESCRIPTORS {
        crowd.push(TcpStream::connect(address).await.unwrap());
    }
    until(async || observer.unaccepted().await > 0).await;
    let (begun, busy) = (Instant::now(), process.busy());
    for _ in 0..20 {
        observer.call("sleep", json!([100])).await;
    }
    // Spinning, it would be all of one processor's time; it pauses for up to a second instead.
    let (passed, busy) = (begun.elapsed(), process.busy() - busy);
    assert!(busy < passed / 4, "busy for {busy:?} of {passed:?}");
    drop(crowd);
    let mut newcomer = Observer::join(address).await;
    newcomer.call("sleep", json!([0])).await;
    newcomer.0.send(json!([6, {}, "wamp.close.close_realm"])).await;
    drop(newcomer);
    until(async || observer.alive().await == before).await;
    server.signal("-TERM");
    assert_eq!(observer.0.receive().await, Some(json!([6, {}, "wamp.close.system_shutdown"])));
    drop(observer);
    assert_eq!(server.exit_code().await, Some(0));
}

#[tokio::test]
async fn five_thousand_idle_sessions_cost_little_and_leave_nothing_behind() {
    const SESSIONS: usize = 5000;
    // The server inherits it.
    let limit = rustix::process::getrlimit(Resource::Nofile);
    assert!(limit.maximum.is_none_or(|maximum| maximum > 6000), "the hard limit of open files (ulimit -Hn) is too low");
    rustix::process::setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
    let server = Server::run(Command::new(SERVER).args(["127.0.0.1:0", "connections=6000", "pings=off"]));
    let (address, process) = (server.addresses[0], Process(server.process()));
    churn(address, 500).await;
    let before = quiet(address, &process).await;
    let resident = process.resident();
    let idle = stream::iter(0..SESSIONS).map(|number| async move {
        let serializer = Serializer::ALL[number % Serializer::ALL.len()];
        let mut peer = Peer::over(line::tcp(address).await, serializer);
        peer.enter().await;
        peer
    });
    let idle: Vec<_> = idle.buffer_unordered(64).collect().await;
    let mut observer = Observer::join(address).await;
    assert_eq!(observer.alive().await[1] as usize, SESSIONS + 1);
    let each = process.resident().saturating_sub(resident) * 1024 / SESSIONS as u64;
    println!("{each} octets for each session");
    assert!(each < 24 * 1024, "{each} octets for each session");
    let (begun, busy) = (Instant::now(), process.busy());
    for _ in 0..10 {
        observer.call("sleep", json!([100])).await;
    }
    let (passed, busy) = (begun.elapsed(), process.busy() - busy);
    assert!(busy < passed / 4, "busy for {busy:?} of {passed:?}");
    drop((idle, observer));
    assert_eq!(quiet(address, &process).await, before);
    server.signal("-TERM");
    assert_eq!(server.exit_code().await, Some(0));
}

/// How a connection comes to its end.
#[derive(Debug, Clone, Copy)]
enum End {
    Close,
    Reset,
    HalfHandshake,
    MidFrame,
    Goodbye,
}

const ENDS: [End; 5] = [End::Close, End::Reset, End::HalfHandshake, End::MidFrame, End::Goodbye];

/// Comes, and goes again.
async fn visit(address: SocketAddr, number: usize) {
    let serializer = Serializer::ALL[number / ENDS.len() % Serializer::ALL.len()];
    let end = ENDS[number % ENDS.len()];
    let mut stream = line::tcp(address).await;
    match end {
        End::HalfHandshake => {
            let half: &[u8] = if number.is_multiple_of(2) { b"GET /ws HTTP/1.1\r\nHost: lo" } else { &[0x7f, 0xf1] };
            stream.write_all(half).await.unwrap();
            return;
        }
        End::Reset => stream.set_zero_linger().unwrap(),
        _ => {}
    }
    let mut peer = Peer::over(stream, serializer);
    peer.enter().await;
    peer.send(json!([32, 1, {}, "chat.all"])).await;
    assert_eq!(peer.receive().await.unwrap()[0], 33);
    match end {
        End::Close | End::Reset | End::HalfHandshake => {}
        // A call that still runs, and a frame of which the half is missing.
        End::MidFrame => {
            peer.send(json!([48, 2, {}, "sleep", [600_000]])).await;
            peer.send_octets(&[0x82, 0xfe]).await;
        }
        End::Goodbye => {
            peer.send(json!([6, {}, "wamp.close.close_realm"])).await;
            assert_eq!(peer.receive().await, Some(json!([6, {}, "wamp.close.goodbye_and_out"])));
        }
    }
}

async fn churn(address: SocketAddr, connections: usize) {
    stream::iter(0..connections).for_each_concurrent(64, |number| visit(address, number)).await;
}

/// What is there once nobody is left but an observer: connections, sessions, tasks, and descriptors.
async fn quiet(address: SocketAddr, process: &Process) -> ([u64; 3], usize) {
    let mut observer = Observer::join(address).await;
    until(async || observer.alive().await[0] == 1).await;
    (observer.alive().await, process.descriptors())
}

#[tokio::test]
async fn ten_thousand_connections_leave_nothing_behind() {
    let server = Server::run(Command::new(SERVER).arg("127.0.0.1:0"));
    let (address, process) = (server.addresses[0], Process(server.process()));
    // What is allocated once, and what the allocator keeps, is there after the first ones.
    churn(address, 2000).await;
    let before = quiet(address, &process).await;
    let resident = process.resident();
    churn(address, 10_000).await;
    assert_eq!(quiet(address, &process).await, before);
    let grown = process.resident().saturating_sub(resident);
    // Half a KiB for each would be 5,000.
    assert!(grown < 4096, "from {resident} KiB by {grown} KiB");
    server.signal("-TERM");
    assert_eq!(server.exit_code().await, Some(0));
}
