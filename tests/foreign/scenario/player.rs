//! A client in another process that does as it is told.

use std::collections::BTreeMap;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{ChildStdin, ChildStdout};

use super::super::routers::START_TIME;
use super::super::*;

#[derive(Debug, Clone, Copy)]
pub(super) enum Library {
    AutobahnPython,
    AutobahnJs,
    Wampy,
    Asphalt,
}

pub(super) struct Player {
    pub(super) name: &'static str,
    pub(super) session: u64,
    process: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    asked: u64,
    /// Answers that have come before somebody waited for them.
    answers: BTreeMap<u64, Value>,
}

impl Player {
    /// Joins `realm1`.
    pub(super) async fn start(name: &'static str, library: Library, url: &str, codec: &str) -> Player {
        let (program, script, argument) = match library {
            Library::AutobahnPython => (python(), "player.py", "autobahn"),
            Library::Asphalt => (installed("asphalt").join("bin/python"), "player.py", "asphalt"),
            Library::AutobahnJs => (node(), "player.mjs", "autobahn"),
            Library::Wampy => (node(), "player.mjs", "wampy"),
        };
        let mut process = Command::new(program)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("foreign").join(script))
            .args([argument, name, url, codec])
            .env("NODE_PATH", installed("node_modules"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("a process");
        let input = process.stdin.take().expect("its input");
        let output = BufReader::new(process.stdout.take().expect("its output")).lines();
        let mut player = Player { name, session: 0, process, input, output, asked: 0, answers: BTreeMap::new() };
        let joined = timeout(START_TIME, player.line()).await.expect("a session in time");
        player.session = joined["session"].as_u64().expect("a session");
        player
    }

    /// Asks for something and waits for what comes of it.
    pub(super) async fn ask(&mut self, request: Value) -> Value {
        let number = self.begin(request.clone()).await;
        match timeout(SCRIPT_TIME, self.answer(number)).await {
            Ok(answer) => answer,
            Err(_) => panic!("{} does not answer: {request}", self.name),
        }
    }

    /// Asks for something. Returns the number of its answer.
    pub(super) async fn begin(&mut self, mut request: Value) -> u64 {
        self.asked += 1;
        request["number"] = self.asked.into();
        self.input.write_all(format!("{request}\n").as_bytes()).await.expect("a player that reads");
        self.asked
    }

    pub(super) async fn answer(&mut self, number: u64) -> Value {
        loop {
            if let Some(answer) = self.answers.remove(&number) {
                return answer;
            }
            let mut answer = self.line().await;
            let number = answer.as_object_mut().and_then(|answer| answer.remove("number")).expect("a number");
            self.answers.insert(number.as_u64().expect("a number"), answer);
        }
    }

    /// Ends it without a word.
    pub(super) async fn kill(mut self) {
        self.process.kill().await.expect("a process that runs");
    }

    async fn line(&mut self) -> Value {
        let line = self.output.next_line().await;
        let line = line.expect("its output").unwrap_or_else(|| panic!("{} has ended", self.name));
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{}: {error}: {line}", self.name))
    }
}
