//! The example router as a process: its command line, its log, and SIGHUP.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio, id};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};

use serde_json::json;
use serverwamp::ScramCredential;
use serverwamp_tests::certificates::{Authority, Validity};
use serverwamp_tests::{Peer, Serializer};
use sha2::{Digest, Sha256};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use super::line::{TlsClient, localhost, tcp};
use super::*;

const ROUTER: &str = env!("CARGO_BIN_EXE_router");

/// A directory with a configuration, gone with its test.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Directory {
        let path = std::env::temp_dir().join(format!("serverwamp-router-{name}-{}", id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        Directory(path)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A router that listens.
struct Router {
    child: Child,
    log: Receiver<String>,
    address: SocketAddr,
}

impl Router {
    fn start(configuration: &Path) -> Router {
        let mut command = Command::new(ROUTER);
        command.arg("--config").arg(configuration).env_remove("RUST_LOG").stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (sender, log) = sync_channel(1024);
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut router = Router { child, log, address: ([127, 0, 0, 1], 0).into() };
        let line = router.logs("listening on ");
        let (_, address) = line.split_once("://").unwrap();
        router.address = address.split('/').next().unwrap().parse().unwrap();
        router
    }

    /// The next line of the log that has this text.
    fn logs(&self, text: &str) -> String {
        let mut before = Vec::new();
        loop {
            match self.log.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(text) => return line,
                Ok(line) => before.push(line),
                Err(error) => panic!("no `{text}` in the log ({error}): {before:#?}"),
            }
        }
    }

    fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap().success());
    }

    async fn join(&self, serializer: Serializer, user: Option<&str>) -> Result<Peer, serde_json::Value> {
        let mut peer = Peer::over(tcp(self.address).await, serializer);
        let roles = json!({"caller": {}, "callee": {}, "publisher": {}, "subscriber": {}});
        let hello = match user {
            Some(user) => json!([1, "realm1", {"roles": roles, "authid": user, "authmethods": ["ticket"]}]),
            None => json!([1, "realm1", {"roles": roles}]),
        };
        peer.send(hello).await;
        let mut answer = peer.receive().await.unwrap();
        if answer[0] == 4 {
            peer.send(json!([5, "sesame", {}])).await;
            answer = peer.receive().await.unwrap();
        }
        if answer[0] == 2 { Ok(peer) } else { Err(answer[2].clone()) }
    }
}

impl Drop for Router {
    /// A test that fails leaves no process behind.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(ROUTER);
    command.args(arguments).env_remove("RUST_LOG").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Whoever does not read it may be gone already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// A realm of these users.
fn configuration(listen: &str, users: &[&str]) -> String {
    let user = |authid: &&str| format!("{{ authid = \"{authid}\", role = \"staff\", ticket = \"sesame\" }},");
    format!(
        "listen = [{listen}]\n[[realms]]\nname = \"realm1\"\nanonymous = \"guest\"\nusers = [{}]\n\
         [[realms.roles]]\nname = \"guest\"\npermissions = [{{ uri = \"a.\", match = \"prefix\", actions = [\"call\"] }}]\n\
         [[realms.roles]]\nname = \"staff\"\npermissions = [\n\
         {{ uri = \"\", match = \"prefix\", actions = [\"call\", \"register\", \"subscribe\", \"publish\"] }}]\n",
        users.iter().map(user).collect::<String>(),
    )
}

const ANY_PORT: &str = "{ address = \"127.0.0.1:0\" }";

#[test]
fn the_command_line_is_that_of_a_good_program() {
    let directory = Directory::new("command-line");
    let good = directory.write("good.toml", &configuration(ANY_PORT, &["joe"]));
    let bad = directory.write("bad.toml", &configuration("7", &["joe", "joe"]));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("{{ address = \"{}\" }}", taken.local_addr().unwrap());
    let taken = directory.write("taken.toml", &configuration(&address, &[]));
    let [good, bad, taken] = [&good, &bad, &taken].map(|path| path.to_str().unwrap());
    let missing = format!("{good}.missing");
    for (arguments, code, stdout, stderr) in [
        (vec!["--help"], 0, "Usage: router --config FILE".to_owned(), String::new()),
        (vec!["--config", bad, "-h"], 0, "Exit status:".to_owned(), String::new()),
        (vec!["--version"], 0, format!("router {}\n", env!("CARGO_PKG_VERSION")), String::new()),
        (vec!["--config", good, "--check"], 0, format!("{good}: no mistakes\n"), String::new()),
        (vec!["--check", "-c", bad], 1, String::new(), format!("router: {bad}:1: `listen`: expected a table, got 7\n")),
        (
            vec!["--check", "-c", bad],
            1,
            String::new(),
            format!("router: {bad}:5: `realms.users`: there is another user `joe`\n"),
        ),
        (vec!["--config", bad], 1, String::new(), format!("router: {bad}:1: `listen`")),
        (vec!["--config", &missing], 1, String::new(), format!("router: cannot read {missing}: No such file")),
        (vec!["--config", taken], 1, String::new(), "router: cannot listen on 127.0.0.1:".to_owned()),
        (vec![], 2, String::new(), "router: which configuration? --config names it\nTry `router --help`.\n".to_owned()),
        (vec!["--config"], 2, String::new(), "router: --config takes a file\n".to_owned()),
        (vec!["--port"], 2, String::new(), "router: unexpected argument `--port`\n".to_owned()),
        (vec!["--check"], 2, String::new(), "router: which configuration?".to_owned()),
        (vec!["--scram-credential", "--check"], 2, String::new(), "router: --scram-credential goes alone".to_owned()),
        (
            vec!["--scram-credential"],
            1,
            String::new(),
            "router: expected a password on the standard input\n".to_owned(),
        ),
    ] {
        let output = run(&arguments, "");
        let [said, complained] =
            [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}{complained}");
        assert!(said.contains(&stdout) && said.is_empty() == stdout.is_empty(), "{arguments:?}: {said}");
        assert!(complained.contains(&stderr), "{arguments:?}: {complained}");
        assert!(code == 1 || complained.is_empty() == stderr.is_empty(), "{arguments:?}: {complained}");
    }
    let made = String::from_utf8(run(&["--scram-credential"], "sesame\n").stdout).unwrap();
    assert!(ScramCredential::from_stored(made.trim_end()).is_ok(), "{made}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sighup_reloads_under_load_and_ends_no_session() {
    let directory = Directory::new("reload");
    let file = directory.write("router.toml", &configuration(ANY_PORT, &["joe"]));
    let router = Router::start(&file);
    let mut callee = router.join(Serializer::MessagePack, Some("joe")).await.unwrap();
    callee.send(json!([64, 1, {}, "a.procedure"])).await;
    assert_eq!(callee.receive().await.unwrap()[0], 65);
    let answering = tokio::spawn(async move {
        loop {
            let invocation = callee.receive().await.expect("an invocation");
            assert_eq!(invocation[0], 68, "{invocation}");
            callee.send(json!([70, invocation[1], {}, invocation[4]])).await;
        }
    });
    let is_over = Arc::new(AtomicBool::new(false));
    let mut calling = Vec::new();
    for serializer in [Serializer::Json, Serializer::Cbor, Serializer::RawSocketMessagePack] {
        for user in [None, Some("joe")] {
            let (mut peer, is_over) = (router.join(serializer, user).await.unwrap(), Arc::clone(&is_over));
            calling.push(tokio::spawn(async move {
                let mut count = 0_u64;
                while !is_over.load(Ordering::Relaxed) {
                    count += 1;
                    peer.send(json!([48, count, {}, "a.procedure", [count]])).await;
                    assert_eq!(peer.receive().await, Some(json!([50, count, {}, [count]])), "{serializer}");
                }
                count
            }));
        }
    }
    for round in 0..20 {
        let newcomer = format!("newcomer{round}");
        fs::write(&file, configuration(ANY_PORT, &["joe", &newcomer])).unwrap();
        assert_eq!(
            router.join(Serializer::Json, Some(&newcomer)).await.err(),
            Some(json!("wamp.error.authentication_denied"))
        );
        router.signal("-HUP");
        router.logs("the configuration was reloaded");
        assert!(router.join(Serializer::Json, Some(&newcomer)).await.is_ok());
    }
    // A mistake changes nothing, and the log has its place.
    fs::write(&file, configuration(ANY_PORT, &["joe", "joe"])).unwrap();
    router.signal("-HUP");
    let line = router.logs("ERROR");
    assert!(line.contains(&format!("{}:5: `realms.users`: there is another user `joe`", file.display())), "{line}");
    router.logs("the configuration stays as it was");
    assert!(router.join(Serializer::Json, Some("newcomer19")).await.is_ok());
    // What takes a restart, and who goes on though he is gone.
    fs::write(&file, format!("allowed_origins = [\"*\"]\n{}", configuration(ANY_PORT, &["jim"]))).unwrap();
    router.signal("-HUP");
    router.logs("the configuration was reloaded");
    router.logs("`allowed_origins` takes a restart to hold");
    router.logs("sessions go on whose users are gone");
    assert_eq!(router.join(Serializer::Json, Some("joe")).await.err(), Some(json!("wamp.error.authentication_denied")));
    is_over.store(true, Ordering::Relaxed);
    for calls in calling {
        assert!(calls.await.unwrap() > 0);
    }
    assert!(!answering.is_finished());
    answering.abort();
    router.signal("-TERM");
    let mut router = router;
    let status = tokio::task::spawn_blocking(move || router.child.wait().unwrap()).await.unwrap();
    assert_eq!(status.code(), Some(0));
}

#[tokio::test]
async fn sighup_reloads_certificates_and_those_of_clients_are_logins() {
    let directory = Directory::new("certificates");
    let (others, clients) = (Authority::new("other servers"), Authority::new("clients"));
    let client = clients.sign("joe", Validity::Now);
    let certificate = CertificateDer::from_pem_slice(client.certificate.as_bytes()).unwrap();
    let fingerprint: String = Sha256::digest(&certificate).iter().map(|octet| format!("{octet:02X}:")).collect();
    directory.write("clients.pem", &clients.pem());
    let install = |server: &serverwamp_tests::certificates::Credentials| {
        directory.write("server.pem", &server.certificate);
        directory.write("server.key", &server.key);
    };
    install(&localhost().server);
    let tls = "tls = { certificate = \"server.pem\", key = \"server.key\", client_authorities = \"clients.pem\" }";
    let user = format!(
        "users = [{{ authid = \"joe\", role = \"staff\", certificate = \"{}\" }},",
        fingerprint.trim_end_matches(':')
    );
    let text = configuration(&format!("{{ address = \"127.0.0.1:0\", {tls} }}"), &["jim"]).replace("users = [", &user);
    let file = directory.write("router.toml", &text);
    let router = Router::start(&file);
    let hello = json!([1, "realm1", {"roles": {"caller": {}}}]);
    let mut old = Peer::over(
        localhost().client().with(client.clone()).handshake(tcp(router.address).await).await.unwrap(),
        Serializer::Json,
    );
    old.send(hello.clone()).await;
    let welcome = old.receive().await.unwrap();
    let who =
        ["authid", "authrole", "authmethod", "authprovider"].map(|name| welcome[2][name].as_str().unwrap_or_default());
    assert_eq!(who, ["joe", "staff", "tls", "static"], "{welcome}");
    // A key of another certificate changes nothing.
    let other = others.sign("localhost", Validity::Now);
    directory.write("server.key", &other.key);
    router.signal("-HUP");
    assert!(router.logs("ERROR").contains("router.toml:1: `listen.tls`: "));
    assert!(localhost().client().handshake(tcp(router.address).await).await.is_ok());
    install(&other);
    router.signal("-HUP");
    router.logs("the configuration was reloaded");
    assert!(localhost().client().handshake(tcp(router.address).await).await.is_err());
    let mut new =
        Peer::over(TlsClient::trusting(&others).handshake(tcp(router.address).await).await.unwrap(), Serializer::Json);
    new.send(hello).await;
    assert_eq!(new.receive().await.unwrap()[2]["authrole"], "guest");
    // Those that were there go on.
    old.send(json!([48, 1, {}, "nobody.there"])).await;
    assert_eq!(old.receive().await.unwrap()[4], "wamp.error.no_such_procedure");
}
