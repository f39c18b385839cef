//! Two people chat in a browser. `./test` installs it, and runs this.
#![allow(clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(90);

#[tokio::test]
async fn two_people_chat_in_a_browser() {
    let (_server, url) = start().await;
    let target = target();
    let artefacts = target.join("artefacts");
    std::fs::create_dir_all(&artefacts).expect("a folder for artefacts");
    let modules = target.join("foreign/node_modules");
    for needed in [&modules.join("playwright-core"), Path::new("/usr/bin/chromium")] {
        assert!(needed.exists(), "{} is missing: run ./test, which installs it", needed.display());
    }
    let script = Command::new("node")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("chat/browser.mjs"))
        .arg(url)
        .arg(artefacts.join("chat.png"))
        .env("NODE_PATH", modules)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(PATIENCE, script).await.expect("the browser is done in time").expect("node starts");
    let text = |octets| String::from_utf8_lossy(octets).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
}

/// The example as a process, and where its page is.
async fn start() -> (Child, String) {
    let test = std::env::current_exe().expect("this program");
    let example = test.ancestors().nth(2).expect("a folder of builds").join("examples/chat");
    let mut server = Command::new(&example)
        .envs([("WAMP_ADDR", "127.0.0.1:0"), ("CHAT_ADDR", "127.0.0.1:0")])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", example.display()));
    let mut lines = BufReader::new(server.stdout.take().expect("standard output")).lines();
    let line = timeout(PATIENCE, lines.next_line()).await.expect("a line in time").expect("a line");
    (server, line.expect("the page's address"))
}

fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("a target folder").to_owned()
}
