//! What a service manager is told, and sockets that it hands over.

use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as Name, UnixDatagram, UnixListener};
use std::path::PathBuf;
use std::process::{Command, Stdio, id};
use std::{fs, net};

use serde_json::json;
use serverwamp_tests::{Peer, Serializer};
use tokio::net::UnixStream;

use super::process::Server;
use super::*;

const SERVER: &str = env!("CARGO_BIN_EXE_drained");

/// A path that no other test uses.
fn path(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("serverwamp-systemd-{name}-{}", id()));
    let _ = fs::remove_file(&path);
    path
}

async fn joined(stream: impl serverwamp_tests::Octets, serializer: Serializer) -> Peer {
    let mut peer = Peer::over(stream, serializer);
    peer.enter().await;
    peer
}

async fn assert_alive(peer: &mut Peer) {
    peer.send(json!([48, 1, {}, "sleep", [0]])).await;
    assert_eq!(peer.receive().await, Some(json!([50, 1, {}, ["slept"]])));
}

/// A service manager that listens.
struct Manager(UnixDatagram);

impl Manager {
    fn new(name: &Name) -> Manager {
        let socket = UnixDatagram::bind_addr(name).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Manager(socket)
    }

    /// What it is told next, line by line.
    fn hears(&self) -> Vec<String> {
        let mut octets = [0; 1024];
        let length = self.0.recv(&mut octets).expect("word from the server");
        std::str::from_utf8(&octets[..length]).unwrap().lines().map(str::to_owned).collect()
    }
}

#[tokio::test]
async fn the_service_manager_hears_of_the_beginning_and_the_end() {
    let file = path("notify");
    let abstract_name = format!("serverwamp-{}", id());
    for (address, name) in [
        (file.display().to_string(), Name::from_pathname(&file).unwrap()),
        (format!("@{abstract_name}"), Name::from_abstract_name(&abstract_name).unwrap()),
    ] {
        let manager = Manager::new(&name);
        // The second address cannot be bound: nobody is told of a server that does not start.
        let output = Command::new(SERVER).args(["127.0.0.1:0", "unix:/"]).env("NOTIFY_SOCKET", &address).output();
        assert!(!output.unwrap().status.success());
        let server = Server::run(Command::new(SERVER).arg("127.0.0.1:0").env("NOTIFY_SOCKET", &address));
        assert_eq!(manager.hears(), ["READY=1", "STATUS=serving"]);
        let mut peer = joined(TcpStream::connect(server.addresses[0]).await.unwrap(), Serializer::Json).await;
        assert_alive(&mut peer).await;
        server.signal("-TERM");
        // The drain time of this server is 1 s.
        let status = "STATUS=letting running calls of 1 sessions end";
        assert_eq!(manager.hears(), ["STOPPING=1", status, "EXTEND_TIMEOUT_USEC=6000000"]);
        drop(peer);
        assert_eq!(server.exit_code().await, Some(0));
    }
    fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn the_watchdog_hears_from_a_server_that_is_alive() {
    let file = path("watchdog");
    let manager = Manager::new(&Name::from_pathname(&file).unwrap());
    let mut command = Command::new(SERVER);
    let command = command.arg("127.0.0.1:0").env("NOTIFY_SOCKET", &file).env("WATCHDOG_USEC", "200000");
    let server = Server::run(command);
    assert_eq!(manager.hears()[0], "READY=1");
    for _ in 0..5 {
        assert_eq!(manager.hears(), ["WATCHDOG=1"]);
    }
    // While calls may end, it is still alive.
    let mut busy = joined(TcpStream::connect(server.addresses[0]).await.unwrap(), Serializer::Json).await;
    busy.send(json!([48, 1, {}, "sleep", [600_000]])).await;
    busy.send(json!([48, 2, {}, "sleep", [0]])).await;
    assert_eq!(busy.receive().await, Some(json!([50, 2, {}, ["slept"]])));
    server.signal("-TERM");
    while manager.hears()[0] != "STOPPING=1" {}
    assert_eq!(manager.hears(), ["WATCHDOG=1"]);
    server.signal("-TERM");
    assert_eq!(server.exit_code().await, Some(0));
    fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn a_server_does_not_need_its_service_manager() {
    for address in ["", "/nobody/listens/here", "@nobody-listens-here", "vsock:2:1234"] {
        let server = Server::run(Command::new(SERVER).arg("127.0.0.1:0").env("NOTIFY_SOCKET", address));
        assert_alive(&mut joined(TcpStream::connect(server.addresses[0]).await.unwrap(), Serializer::Json).await).await;
        server.signal("-TERM");
        assert_eq!(server.exit_code().await, Some(0), "{address}");
    }
}

/// A server that is started with two sockets, a port and a unix socket, as descriptors 3 and 4, named `web` and `local`.
struct Activated {
    command: Command,
    port: SocketAddr,
    file: PathBuf,
}

impl Activated {
    fn new(test: &str, process: &str, addresses: &[&str]) -> Activated {
        let file = path(test);
        let port = net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = port.local_addr().unwrap();
        let local = UnixListener::bind(&file).unwrap();
        let mut command = Command::new("sh");
        // What this process may hand to another one are its standard streams.
        command
            .args(["-c", &format!(r#"LISTEN_PID={process} exec "$0" "$@" 3<&0 4<&2 </dev/null 2>&1"#), SERVER])
            .args(addresses)
            .envs([("LISTEN_FDS", "2"), ("LISTEN_FDNAMES", "web:local")])
            .stdin(Stdio::from(OwnedFd::from(port)))
            .stderr(Stdio::from(OwnedFd::from(local)));
        Activated { command, port: address, file }
    }

    async fn web(&self) -> Option<TcpStream> {
        TcpStream::connect(self.port).await.ok()
    }

    async fn local(&self) -> Option<UnixStream> {
        UnixStream::connect(&self.file).await.ok()
    }
}

impl Drop for Activated {
    fn drop(&mut self) {
        fs::remove_file(&self.file).unwrap();
    }
}

#[tokio::test]
async fn sockets_that_were_passed_are_taken_over() {
    // Whoever names no address gets all of them.
    for addresses in [&["default"][..], &["systemd:"], &["systemd:local", "systemd:web"], &["systemd:", "systemd:web"]]
    {
        let mut activated = Activated::new("all", "$$", addresses);
        // It may come before the server does.
        let (early, local) = (activated.web().await.unwrap(), activated.local().await.unwrap());
        let server = Server::run(&mut activated.command);
        assert_eq!(server.addresses, [activated.port], "{addresses:?}");
        assert_alive(&mut joined(early, Serializer::Json).await).await;
        assert_alive(&mut joined(local, Serializer::RawSocketCbor).await).await;
        assert_alive(&mut joined(activated.web().await.unwrap(), Serializer::RawSocketJson).await).await;
        server.signal("-TERM");
        assert_eq!(server.exit_code().await, Some(0), "{addresses:?}");
        assert!(activated.file.exists(), "the socket is its owner's to remove");
    }
}

#[tokio::test]
async fn one_of_the_sockets_by_its_name() {
    let mut activated = Activated::new("one", "$$", &["systemd:local", "127.0.0.1:0"]);
    let server = Server::run(&mut activated.command);
    assert_eq!(server.addresses.len(), 1);
    assert_ne!(server.addresses, [activated.port]);
    assert_alive(&mut joined(activated.local().await.unwrap(), Serializer::Json).await).await;
    assert_alive(&mut joined(TcpStream::connect(server.addresses[0]).await.unwrap(), Serializer::Json).await).await;
    server.signal("-TERM");
    assert_eq!(server.exit_code().await, Some(0));
}

#[tokio::test]
async fn sockets_for_another_process_are_left_alone() {
    let mut activated = Activated::new("another", "1", &["systemd:", "127.0.0.1:0"]);
    assert!(!activated.command.stdout(Stdio::null()).status().unwrap().success());
}

#[test]
fn what_was_not_passed_is_an_error() {
    let own_output = |command: &mut Command| {
        let output = command.output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let error = own_output(Command::new(SERVER).arg("systemd:web"));
    let expected = "cannot listen on systemd:web: no socket of this name from the service manager: none was passed";
    assert!(error.contains(expected), "{error}");
    // A connection, and a file.
    let shell = r#"LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=web exec "$0" "$@" 3<&0 </dev/null"#;
    let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
    let connection = net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    for (input, name, expected) in [
        (Stdio::from(OwnedFd::from(connection)), "web", "it does not listen: expected Accept=no"),
        (Stdio::null(), "web", "is not a socket"),
        (Stdio::null(), "other", "no socket of this name from the service manager: there are web"),
    ] {
        let address = format!("systemd:{name}");
        let error = own_output(Command::new("sh").args(["-c", shell, SERVER, &address]).stdin(input));
        assert!(error.contains(&format!("cannot listen on {address}: ")) && error.contains(expected), "{error}");
    }
}
