//! SIGTERM and Ctrl-C: running calls end, GOODBYE to all, exit 0.

use std::io::{BufRead, BufReader};
use std::path::Path;
#[cfg(unix)]
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::json;
use serverwamp_tests::certificates::Credentials;
use serverwamp_tests::{Peer, Serializer};

use super::line::{file, localhost};
use super::*;

pub(super) struct Server {
    child: Child,
    /// Its ports.
    pub(super) addresses: Vec<SocketAddr>,
}

impl Server {
    fn start() -> Server {
        Server::start_with(&[])
    }

    /// With these in its environment.
    fn start_with(variables: &[(&str, &Path)]) -> Server {
        let mut command = Command::new(env!("CARGO_BIN_EXE_drained"));
        Server::run(command.arg("127.0.0.1:0").envs(variables.iter().copied()))
    }

    /// Runs a command until it listens.
    pub(super) fn run(command: &mut Command) -> Server {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the server starts");
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let addresses = lines.map_while(Result::ok).take_while(|line| line != "listening");
        let addresses = addresses.map(|line| line.parse().unwrap()).collect();
        Server { child, addresses }
    }

    fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    pub(super) fn process(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn signal(&self, signal: &str) {
        let kill = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(kill.success());
    }

    pub(super) async fn exit_code(mut self) -> Option<i32> {
        tokio::task::spawn_blocking(move || self.child.wait().unwrap().code()).await.unwrap()
    }
}

impl Drop for Server {
    /// A test that fails leaves no process behind.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A line to a server of its own.
struct Reached {
    server: Server,
    line: Reach,
}

#[derive(Debug, Clone)]
enum Reach {
    Tcp,
    Tls,
    #[cfg(unix)]
    Unix(PathBuf),
}

impl Reached {
    fn start(line: Reach) -> Reached {
        let server = match &line {
            Reach::Tcp => Server::start(),
            Reach::Tls => {
                let Credentials { certificate, key } = &localhost().server;
                let (certificate, key) = (file("shutdown.pem", certificate), file("shutdown.key", key));
                Server::start_with(&[("WAMP_TLS_CERT", &certificate), ("WAMP_TLS_KEY", &key)])
            }
            #[cfg(unix)]
            Reach::Unix(path) => {
                Server::run(Command::new(env!("CARGO_BIN_EXE_drained")).arg(format!("unix:{}", path.display())))
            }
        };
        Reached { server, line }
    }

    async fn join(&self, serializer: Serializer) -> Peer {
        let place = |line| Place { address: self.server.address(), line };
        let mut peer = match &self.line {
            Reach::Tcp => Peer::over(place(Line::Plain).connect().await, serializer),
            Reach::Tls => Peer::over(place(Line::Tls).connect().await, serializer),
            #[cfg(unix)]
            Reach::Unix(path) => Peer::over(tokio::net::UnixStream::connect(path).await.unwrap(), serializer),
        };
        peer.enter().await;
        peer
    }
}

#[tokio::test]
async fn a_signal_drains_every_transport_and_exits_with_0() {
    let lines = [
        Reach::Tcp,
        Reach::Tls,
        #[cfg(unix)]
        Reach::Unix(std::env::temp_dir().join(format!("serverwamp-drained-{}", std::process::id()))),
    ];
    let signals = ["-TERM", "-INT"].iter().cycle();
    let runs = lines.iter().flat_map(|line| [Serializer::Json, Serializer::RawSocketMessagePack].map(|it| (line, it)));
    for ((line, serializer), signal) in runs.zip(signals) {
        let reached = Reached::start(line.clone());
        let mut idle = reached.join(serializer).await;
        let mut busy = reached.join(serializer).await;
        busy.send(json!([48, 1, {}, "sleep", [300]])).await;
        busy.send(json!([48, 2, {}, "sleep", [0]])).await;
        assert_eq!(busy.receive().await, Some(json!([50, 2, {}, ["slept"]])));
        reached.server.signal(signal);
        assert_eq!(idle.receive().await, Some(json!([6, {}, "wamp.close.system_shutdown"])));
        idle.send(json!([6, {}, "wamp.close.goodbye_and_out"])).await;
        assert_eq!(idle.receive().await, None);
        assert_eq!(idle.close_code(), (serializer == Serializer::Json).then_some(1001), "{line:?}");
        assert_eq!(busy.receive().await, Some(json!([50, 1, {}, ["slept"]])), "a running call ends");
        assert_eq!(busy.receive().await, Some(json!([6, {}, "wamp.close.system_shutdown"])));
        drop((busy, idle));
        assert_eq!(reached.server.exit_code().await, Some(0), "{line:?}, {serializer}, {signal}");
        #[cfg(unix)]
        if let Reach::Unix(path) = line {
            assert!(!path.exists());
        }
    }
}

#[tokio::test]
async fn drain_limit_cancels_calls() {
    let server = Server::start();
    let mut client = Client::join(server.address()).await;
    client.send(json!([48, 1, {}, "sleep", [600_000]])).await;
    client.send(json!([48, 2, {}, "sleep", [0]])).await;
    assert_eq!(client.receive().await, Some(json!([50, 2, {}, ["slept"]])));
    server.signal("-TERM");
    assert_eq!(client.receive().await, Some(json!([8, 48, 1, {}, "wamp.error.canceled"])));
    assert_eq!(client.receive().await, Some(json!([6, {}, "wamp.close.system_shutdown"])));
    assert_eq!(server.exit_code().await, Some(0), "even if a client does not answer");
}

#[tokio::test]
async fn a_signal_with_a_hundred_calls_in_flight_answers_each_of_them_once() {
    const CALLS: usize = 10;
    let server = Server::start();
    let mut peers = Vec::new();
    for number in 0..10 {
        let serializer = Serializer::ALL[number % Serializer::ALL.len()];
        let mut peer = Peer::over(line::tcp(server.address()).await, serializer);
        peer.enter().await;
        // Of two calls, one ends within the drain time.
        let calls = (1..=CALLS).map(|call| json!([48, call, {}, "sleep", [if call % 2 == 0 { 500 } else { 600_000 }]]));
        peer.send_all(&calls.collect::<Vec<_>>()).await;
        peer.send(json!([48, CALLS + 1, {}, "sleep", [0]])).await;
        assert_eq!(peer.receive().await, Some(json!([50, CALLS + 1, {}, ["slept"]])), "the calls have begun");
        peers.push(peer);
    }
    server.signal("-TERM");
    for peer in &mut peers {
        let mut answers = Vec::new();
        for _ in 0..CALLS {
            answers.push(peer.receive().await.expect("an answer").to_string());
        }
        let mut expected: Vec<_> = (1..=CALLS)
            .map(|call| match call % 2 {
                0 => json!([50, call, {}, ["slept"]]).to_string(),
                _ => json!([8, 48, call, {}, "wamp.error.canceled"]).to_string(),
            })
            .collect();
        answers.sort_unstable();
        expected.sort_unstable();
        assert_eq!(answers, expected);
        assert_eq!(peer.receive().await, Some(json!([6, {}, "wamp.close.system_shutdown"])));
        peer.send(json!([6, {}, "wamp.close.goodbye_and_out"])).await;
        assert_eq!(peer.receive().await, None);
    }
    assert_eq!(server.exit_code().await, Some(0));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_log_that_cannot_be_written_stops_nothing() {
    let drained = env!("CARGO_BIN_EXE_drained");
    let shell = |redirection: &str| {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("exec \"$0\" 127.0.0.1:0 log {redirection}"), drained]);
        command
    };
    // Of the last one, what would read it is gone.
    for what in ["2>/dev/full", "2>&-", ""] {
        let mut server = Server::run(shell(what).stderr(Stdio::piped()));
        drop(server.child.stderr.take());
        for serializer in [Serializer::Json, Serializer::RawSocketCbor] {
            let mut peer = Peer::over(line::tcp(server.address()).await, serializer);
            peer.enter().await;
            peer.send_all(&[json!([48, 1, {}, "sleep", [0]]), json!([48, 2, {}, "no.such.procedure"])]).await;
            peer.receive().await.expect("an answer");
            peer.receive().await.expect("another answer");
        }
        let mut peer = Peer::over(line::tcp(server.address()).await, Serializer::Json);
        peer.enter().await;
        server.signal("-TERM");
        assert_eq!(peer.receive().await, Some(json!([6, {}, "wamp.close.system_shutdown"])), "{what}");
        drop(peer);
        assert_eq!(server.exit_code().await, Some(0), "{what}");
    }
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let server = Server::start();
    let mut client = Client::join(server.address()).await;
    client.send(json!([48, 1, {}, "sleep", [600_000]])).await;
    client.send(json!([48, 2, {}, "sleep", [0]])).await;
    assert_eq!(client.receive().await, Some(json!([50, 2, {}, ["slept"]])));
    server.signal("-TERM");
    server.signal("-TERM");
    assert_eq!(server.exit_code().await, Some(0), "it was told to stop, and did");
}

#[tokio::test]
async fn tls_from_the_environment() {
    let Credentials { certificate, key } = &localhost().server;
    let (certificate, key) = (file("environment.pem", certificate), file("environment.key", key));
    let server = Server::start_with(&[("WAMP_TLS_CERT", &certificate), ("WAMP_TLS_KEY", &key)]);
    let mut client = Client::join(Place { address: server.address(), line: Line::Tls }).await;
    client.send(json!([48, 2, {}, "sleep", [0]])).await;
    assert_eq!(client.receive().await, Some(json!([50, 2, {}, ["slept"]])));
    drop(client);
    server.signal("-TERM");
    assert_eq!(server.exit_code().await, Some(0));
}

#[test]
fn half_of_what_tls_needs_in_the_environment_is_an_error() {
    for (set, missing) in [("WAMP_TLS_CERT", "WAMP_TLS_KEY"), ("WAMP_TLS_KEY", "WAMP_TLS_CERT")] {
        let output = Command::new(env!("CARGO_BIN_EXE_drained")).env(set, "file.pem").output().unwrap();
        assert!(!output.status.success());
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(&format!("{set} is set and {missing} is not")), "{error}");
    }
}
