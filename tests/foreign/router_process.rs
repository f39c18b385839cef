//! The example router as a process, with clients of another language that log in, and decide about others.

use std::path::Path;
use std::process::Stdio;

use serverwamp::{Kdf, Salt, ScramCredential};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use super::{SCRIPT_TIME, finish, python};

/// The backend and Sue are known; about the rest, the backend decides.
const CONFIGURATION: &str = r#"
listen = [{ address = "127.0.0.1:0" }]

[[realms]]
name = "realm1"
authenticator = "com.example.authenticate"
users = [
    { authid = "backend", role = "backend", wampcra = "sesame" },
    { authid = "sue", role = "guest", scram = "CREDENTIAL" },
]
roles = [
    { name = "guest" },
    { name = "frontend", authorizer = "com.example.authorize" },
    { name = "backend", permissions = [{ uri = "com.example.", match = "prefix", actions = ["register"] }] },
]
"#;

#[tokio::test]
async fn autobahn_python_logs_in_and_decides_about_others() {
    let credential = ScramCredential::derive("pencil", Kdf::default(), Salt::from([7; 16])).expect("a credential");
    let stored = credential.to_stored();
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("router-{}.toml", std::process::id()));
    let text = CONFIGURATION.replace("CREDENTIAL", stored.as_str().expect("a text"));
    std::fs::write(&file, text).expect("a file for the configuration");
    let mut router = Command::new(env!("CARGO_BIN_EXE_router"))
        .arg("--config")
        .arg(&file)
        .env_remove("RUST_LOG")
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the router");
    let mut lines = BufReader::new(router.stderr.take().expect("standard error")).lines();
    let reading = async {
        loop {
            let line = lines.next_line().await.expect("the log").expect("a router that goes on");
            if let Some((_, address)) = line.split_once("listening on ws://") {
                return address.split('/').next().expect("an address").to_owned();
            }
        }
    };
    let address = timeout(SCRIPT_TIME, reading).await.expect("a router in time");
    // What it logs has to go somewhere.
    let logging = tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    let script = Command::new(python())
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("foreign/router_process.py"))
        .args([format!("ws://{address}/ws"), "cbor".to_owned()])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the script");
    let output = finish(script).await;
    router.kill().await.expect("the router is there");
    logging.await.expect("the log is read");
    std::fs::remove_file(file).expect("the configuration");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}\n{said}{}", output.status, String::from_utf8_lossy(&output.stderr));
}
