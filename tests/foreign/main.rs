//! Clients of other languages, from their registries, judge the server: one test for each client and codec.
//!
//! The clients are installed by `./test`, which also runs these tests.
#![allow(clippy::expect_used, clippy::panic)]

mod procedures;

use std::future::IntoFuture;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

const SCRIPT_TIME: Duration = Duration::from_secs(60);

/// Declares a module of tests for a client: one for each codec that it speaks.
macro_rules! judged_by {
    ($client:ident, $program:expr, $script:literal: $($test:ident = $codec:literal),* $(,)?) => {
        mod $client {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    super::judge($program, $script, $codec).await;
                }
            )*
        }
    };
}

judged_by! {
    autobahn_python, super::python(), "autobahn_python.py":
    default_offer = "default",
    json = "json",
    json_batched = "json.batched",
    msgpack = "msgpack",
    msgpack_batched = "msgpack.batched",
    cbor = "cbor",
    cbor_batched = "cbor.batched",
}

judged_by! {
    wampy, "node".into(), "wampy.mjs":
    json = "json",
    msgpack = "msgpack",
    cbor = "cbor",
}

judged_by! {
    autobahn_js, "node".into(), "autobahn_js.mjs":
    json = "json",
    msgpack = "msgpack",
    cbor = "cbor",
}

/// Serves the procedures and lets a client's script call them.
async fn judge(program: PathBuf, script: &str, codec: &str) {
    let app = serverwamp::serve().bind("127.0.0.1:0").inject(procedures::Endings::default());
    let handle = app.handle();
    let server = tokio::spawn(app.into_future());
    let addresses = handle.addresses().await;
    let Some(&address) = addresses.first() else { panic!("the server did not start: {:?}", server.await) };

    let output = run(&program, script, address, codec).await;
    handle.shutdown();
    server.await.expect("the server panicked").expect("the server failed");
    assert!(
        output.status.success(),
        "{script} {codec}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
}

async fn run(program: &Path, script: &str, address: SocketAddr, codec: &str) -> Output {
    let modules = installed("node_modules");
    let mut command = Command::new(program);
    command
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("foreign").join(script))
        .args([format!("ws://{address}/ws"), codec.to_owned()])
        .env("NODE_PATH", modules)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    match timeout(SCRIPT_TIME, command.output()).await {
        Ok(output) => output.unwrap_or_else(|error| panic!("{}: {error}", program.display())),
        Err(_) => panic!("{script} {codec} took longer than {SCRIPT_TIME:?}"),
    }
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
