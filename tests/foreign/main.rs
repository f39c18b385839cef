//! Clients of other languages, from their registries, judge the server: one test for each client and codec.
//!
//! The clients are installed by `./test`, which also runs these tests.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod crossbar;
mod gatekeeper;
mod logins;
mod payloads;
mod procedures;
mod router;
mod router_process;
mod routers;
mod scenario;
mod suite;

use std::future::IntoFuture;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serverwamp::{App, AppHandle, TlsConfig};
use serverwamp_tests::certificates::{Authority, Credentials, Validity};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

const SCRIPT_TIME: Duration = Duration::from_secs(60);

/// A client of another language: what runs its script, and where it connects.
#[derive(Clone, Copy)]
struct Client {
    program: fn() -> PathBuf,
    script: &'static str,
    url: fn(&Server) -> String,
}

const AUTOBAHN_PYTHON: Client = Client { program: python, script: "autobahn_python.py", url: Server::web_socket };
const AUTOBAHN_PYTHON_RAW: Client = Client { url: Server::raw_socket, ..AUTOBAHN_PYTHON };
const AUTOBAHN_PYTHON_UNIX: Client = Client { url: Server::unix_socket, ..AUTOBAHN_PYTHON };
const AUTOBAHN_JS: Client = Client { program: node, script: "autobahn_js.mjs", url: Server::web_socket };
const WAMPY: Client = Client { program: node, script: "wampy.mjs", url: Server::web_socket };

/// Declares a module of tests for a client: one for each codec that it speaks.
macro_rules! judged_by {
    ($module:ident, $client:ident: $($test:ident = $codec:literal),* $(,)?) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    super::judge(super::$client, $codec).await;
                }
            )*
        }
    };
}

judged_by! {
    autobahn_python, AUTOBAHN_PYTHON:
    default_offer = "default",
    json = "json",
    json_batched = "json.batched",
    msgpack = "msgpack",
    msgpack_batched = "msgpack.batched",
    cbor = "cbor",
    cbor_batched = "cbor.batched",
}

judged_by! {
    autobahn_python_over_rawsocket, AUTOBAHN_PYTHON_RAW:
    json = "json",
    msgpack = "msgpack",
    cbor = "cbor",
}

judged_by! {
    autobahn_python_over_a_unix_socket, AUTOBAHN_PYTHON_UNIX:
    json = "json",
    msgpack = "msgpack",
    cbor = "cbor",
}

judged_by! {
    wampy, WAMPY:
    json = "json",
    msgpack = "msgpack",
    cbor = "cbor",
}

judged_by! {
    autobahn_js, AUTOBAHN_JS:
    json = "json",
    msgpack = "msgpack",
    cbor = "cbor",
}

/// Declares tests in which one client listens to what another says, each in a codec of its own.
macro_rules! conversations {
    ($($test:ident = $speaker:expr, $listener:expr;)*) => {
        mod conversations {
            use super::{AUTOBAHN_JS, AUTOBAHN_PYTHON, AUTOBAHN_PYTHON_RAW, AUTOBAHN_PYTHON_UNIX, WAMPY};

            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    super::converse($speaker, $listener).await;
                }
            )*
        }
    };
}

conversations! {
    autobahn_python_to_wampy = (AUTOBAHN_PYTHON, "msgpack"), (WAMPY, "json");
    wampy_to_autobahn_python = (WAMPY, "json"), (AUTOBAHN_PYTHON, "msgpack");
    autobahn_js_to_autobahn_python = (AUTOBAHN_JS, "cbor"), (AUTOBAHN_PYTHON, "json.batched");
    autobahn_python_to_autobahn_js = (AUTOBAHN_PYTHON, "cbor.batched"), (AUTOBAHN_JS, "msgpack");
    wampy_to_autobahn_js = (WAMPY, "msgpack"), (AUTOBAHN_JS, "json");
    autobahn_js_to_autobahn_python_over_rawsocket = (AUTOBAHN_JS, "json"), (AUTOBAHN_PYTHON_RAW, "cbor");
    autobahn_python_over_a_unix_socket_to_wampy = (AUTOBAHN_PYTHON_UNIX, "msgpack"), (WAMPY, "cbor");
    autobahn_js_to_wampy = (AUTOBAHN_JS, "json"), (WAMPY, "cbor");
}

/// Serves the procedures and the topics, and lets a client's script judge them.
async fn judge(client: Client, codec: &str) {
    let server = Server::start(procedures()).await;
    let output = finish(start(client, &server, codec, None)).await;
    server.stop().await;
    assert_success(client, codec, &output);
}

/// Lets one client listen to another.
async fn converse((speaker, speaks): (Client, &str), (listener, hears): (Client, &str)) {
    let server = Server::start(procedures()).await;
    let mut listening = start(listener, &server, hears, Some("listen"));
    await_line(&mut listening, "listening").await;
    let said = finish(start(speaker, &server, speaks, Some("speak"))).await;
    let heard = finish(listening).await;
    server.stop().await;
    assert_success(speaker, speaks, &said);
    assert_success(listener, hears, &heard);
}

/// The procedures and the topics.
fn procedures() -> App {
    let app = App::discover_in(concat!(module_path!(), "::procedures"));
    app.inject(procedures::Endings::default()).open_topics("open.").topics("readable.")
}

struct Server {
    address: SocketAddr,
    /// Its unix socket.
    socket: PathBuf,
    /// The certificate that its clients have to trust, if it speaks TLS.
    authority: Option<PathBuf>,
    handle: AppHandle,
    task: Serving,
}

impl Server {
    async fn start(app: App) -> Server {
        static SERVERS: AtomicUsize = AtomicUsize::new(0);
        let number = SERVERS.fetch_add(1, Ordering::Relaxed);
        let socket = std::env::temp_dir().join(format!("serverwamp-foreign-{}-{number}", std::process::id()));
        let app = app.bind("127.0.0.1:0").bind(format!("unix:{}", socket.display()));
        let (address, handle, task) = serve(app).await;
        Server { address, socket, authority: None, handle, task }
    }

    async fn start_with_tls(app: App) -> Server {
        let authority = Authority::new("the authority of these tests");
        let Credentials { certificate, key } = authority.sign("localhost", Validity::Now);
        let server = Server::start(app.tls(TlsConfig::from_pem(certificate, key))).await;
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("authority-{}.pem", server.address.port()));
        std::fs::write(&file, authority.pem()).expect("a file for the authority's certificate");
        Server { authority: Some(file), ..server }
    }

    fn web_socket(&self) -> String {
        let scheme = if self.authority.is_some() { "wss" } else { "ws" };
        format!("{scheme}://{}/ws", self.address)
    }

    fn raw_socket(&self) -> String {
        let scheme = if self.authority.is_some() { "rss" } else { "rs" };
        format!("{scheme}://{}", self.address)
    }

    fn unix_socket(&self) -> String {
        format!("rs://unix:{}", self.socket.display())
    }

    async fn stop(self) {
        self.handle.shutdown();
        self.task.await.expect("the server panicked").expect("the server failed");
        if let Some(authority) = self.authority {
            std::fs::remove_file(authority).expect("the authority's certificate");
        }
    }
}

type Serving = JoinHandle<serverwamp::Result<()>>;

async fn serve(app: App) -> (SocketAddr, AppHandle, Serving) {
    let handle = app.handle();
    let task = tokio::spawn(app.into_future());
    let addresses = handle.addresses().await;
    let Some(&address) = addresses.first() else { panic!("the server did not start: {:?}", task.await) };
    (address, handle, task)
}

fn assert_success(client: Client, codec: &str, output: &Output) {
    let script = client.script;
    assert!(
        output.status.success(),
        "{script} {codec}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
}

fn start(client: Client, server: &Server, codec: &str, more: Option<&str>) -> Child {
    let program = (client.program)();
    let mut command = Command::new(&program);
    if let Some(authority) = &server.authority {
        // What Python's clients read, and what Node's do.
        command.env("SSL_CERT_FILE", authority).env("NODE_EXTRA_CA_CERTS", authority);
    }
    command
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("foreign").join(client.script))
        .args([(client.url)(server), codec.to_owned()])
        .args(more)
        .env("NODE_PATH", installed("node_modules"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", program.display()))
}

/// Waits until a script has said that it is ready.
async fn await_line(script: &mut Child, expected: &str) {
    let mut octets = Vec::new();
    let stdout = script.stdout.as_mut().expect("standard output");
    let reading = async {
        while !octets.ends_with(b"\n") {
            octets.push(stdout.read_u8().await.expect("a line before the script ends"));
        }
    };
    timeout(SCRIPT_TIME, reading).await.expect("a line in time");
    assert_eq!(String::from_utf8_lossy(&octets).trim_end(), expected);
}

async fn finish(script: Child) -> Output {
    timeout(SCRIPT_TIME, script.wait_with_output()).await.expect("a script that ends in time").expect("its output")
}

fn node() -> PathBuf {
    "node".into()
}

fn python() -> PathBuf {
    installed("python").join("bin/python")
}

/// Something that `./test` installs under the target folder.
fn installed(name: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("a target folder");
    let path = target.join("foreign").join(name);
    assert!(path.exists(), "{} is missing: run ./test, which installs it", path.display());
    path
}
