//! SIGTERM and Ctrl-C: running calls end, GOODBYE to all, exit 0.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::json;
use serverwamp_tests::certificates::Credentials;

use super::line::{file, localhost};
use super::*;

struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start() -> Server {
        Server::start_with(&[])
    }

    /// With these in its environment.
    fn start_with(variables: &[(&str, &Path)]) -> Server {
        let mut command = Command::new(env!("CARGO_BIN_EXE_drained"));
        let command = command.envs(variables.iter().copied()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the server starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Server { child, address: line.trim().parse().unwrap() }
    }

    fn signal(&self, signal: &str) {
        let kill = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(kill.success());
    }

    async fn exit_code(mut self) -> Option<i32> {
        tokio::task::spawn_blocking(move || self.child.wait().unwrap().code()).await.unwrap()
    }
}

#[tokio::test]
async fn a_signal_drains_and_exits_with_0() {
    for signal in ["-TERM", "-INT"] {
        let server = Server::start();
        let mut idle = Client::join(server.address).await;
        let mut busy = Client::join(server.address).await;
        busy.send(json!([48, 1, {}, "sleep", [300]])).await;
        busy.send(json!([48, 2, {}, "sleep", [0]])).await;
        assert_eq!(busy.receive().await, Some(json!([50, 2, {}, ["slept"]])));
        server.signal(signal);
        assert_eq!(idle.receive().await, Some(json!([6, {}, "wamp.close.system_shutdown"])));
        idle.send(json!([6, {}, "wamp.close.goodbye_and_out"])).await;
        assert_eq!(idle.close_code().await, 1001);
        assert_eq!(busy.receive().await, Some(json!([50, 1, {}, ["slept"]])), "a running call ends");
        assert_eq!(busy.receive().await, Some(json!([6, {}, "wamp.close.system_shutdown"])));
        drop(busy);
        assert_eq!(server.exit_code().await, Some(0), "{signal}");
    }
}

#[tokio::test]
async fn drain_limit_cancels_calls() {
    let server = Server::start();
    let mut client = Client::join(server.address).await;
    client.send(json!([48, 1, {}, "sleep", [600_000]])).await;
    client.send(json!([48, 2, {}, "sleep", [0]])).await;
    assert_eq!(client.receive().await, Some(json!([50, 2, {}, ["slept"]])));
    server.signal("-TERM");
    assert_eq!(client.receive().await, Some(json!([8, 48, 1, {}, "wamp.error.canceled"])));
    assert_eq!(client.receive().await, Some(json!([6, {}, "wamp.close.system_shutdown"])));
    assert_eq!(server.exit_code().await, Some(0), "even if a client does not answer");
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let server = Server::start();
    let mut client = Client::join(server.address).await;
    client.send(json!([48, 1, {}, "sleep", [600_000]])).await;
    client.send(json!([48, 2, {}, "sleep", [0]])).await;
    assert_eq!(client.receive().await, Some(json!([50, 2, {}, ["slept"]])));
    server.signal("-TERM");
    server.signal("-TERM");
    assert_eq!(server.exit_code().await, Some(0));
}

#[tokio::test]
async fn tls_from_the_environment() {
    let Credentials { certificate, key } = &localhost().server;
    let (certificate, key) = (file("environment.pem", certificate), file("environment.key", key));
    let server = Server::start_with(&[("WAMP_TLS_CERT", &certificate), ("WAMP_TLS_KEY", &key)]);
    let mut client = Client::join(Place { address: server.address, line: Line::Tls }).await;
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
