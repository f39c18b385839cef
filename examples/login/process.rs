//! The program adds users and serves them; other people's clients log in. `./test` installs those, and runs this.
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(90);

#[tokio::test]
async fn users_log_in_with_other_clients() {
    let table = target().join("tmp").join(format!("login-{}.sqlite", std::process::id()));
    add(&table, &["joe"], "sesame").await;
    add(&table, &["ada", "admin"], "öffne dich").await;
    let (_server, url) = serve(&table).await;
    for (program, script) in
        [(target().join("foreign/python/bin/python"), "with_autobahn.py"), ("node".into(), "with_wampy.mjs")]
    {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut client = Command::new(&program);
        client
            .arg(folder.join("../tests/foreign/logins").join(script))
            .args([&url, "json"])
            .arg(folder.join("login/logins.json"))
            .env("NODE_PATH", target().join("foreign/node_modules"))
            .env("PYTHONDONTWRITEBYTECODE", "1");
        assert_success(script, &finish(client.stdin(Stdio::null()).kill_on_drop(true).output()).await);
    }
    std::fs::remove_file(&table).expect("the table");
}

async fn add(table: &Path, user: &[&str], password: &str) {
    let mut adding =
        login(table).arg("add").args(user).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program");
    let mut stdin = adding.stdin.take().expect("standard input");
    stdin.write_all(format!("{password}\n").as_bytes()).await.expect("the password is read");
    assert_success("add", &finish(adding.wait_with_output()).await);
}

/// The server as a process, and its address, which it logs.
async fn serve(table: &Path) -> (Child, String) {
    let mut server = login(table).stdout(Stdio::piped()).spawn().expect("the program");
    let mut lines = BufReader::new(server.stdout.take().expect("standard output")).lines();
    let reading = async {
        loop {
            let line = lines.next_line().await.expect("a line").expect("the server's address");
            if let Some(address) = line.split_whitespace().find(|word| word.starts_with("ws://")) {
                return address.to_owned();
            }
        }
    };
    let url = timeout(PATIENCE, reading).await.expect("the address in time");
    // What it logs afterwards is read, or it would wait for that.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (server, url)
}

fn login(table: &Path) -> Command {
    let test = std::env::current_exe().expect("this program");
    let example = test.ancestors().nth(2).expect("a folder of builds").join("examples/login");
    let mut command = Command::new(example);
    command.env("LOGIN_USERS", table).env("WAMP_ADDR", "127.0.0.1:0").env("NO_COLOR", "1").kill_on_drop(true);
    command
}

async fn finish(program: impl Future<Output = std::io::Result<Output>>) -> Output {
    timeout(PATIENCE, program).await.expect("a program that ends in time").expect("its output")
}

fn assert_success(what: &str, output: &Output) {
    let text = |octets| String::from_utf8_lossy(octets).into_owned();
    assert!(output.status.success(), "{what}: {}{}", text(&output.stdout), text(&output.stderr));
}

fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("a target folder").to_owned()
}
