//! A WAMP router that a file configures: `cargo run --example router -- --config examples/router/router.toml`.

mod options;

use std::io::{BufRead, IsTerminal, Write};
use std::process::ExitCode;

use options::{Options, Run};
use serverwamp::{App, Configuration, Error, Kdf, Salt, ScramCredential};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Options::from_arguments(std::env::args().skip(1)) {
        Ok(Options { run: Run::Help }) => print(options::HELP),
        Ok(Options { run: Run::Version }) => print(concat!("router ", env!("CARGO_PKG_VERSION"))),
        Ok(Options { run: Run::Check(file) }) => check(&file),
        Ok(Options { run: Run::ScramCredential }) => scram_credential(),
        Ok(Options { run: Run::Serve(file) }) => match log() {
            Ok(()) => serve(&file).await.map_err(|error| in_words(&error)),
            Err(message) => Err(message),
        },
        Err(mistake) => {
            eprintln!("router: {mistake}\nTry `router --help`.");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(file: &str) -> Result<(), Error> {
    let configuration = Configuration::from_file(file)?;
    let app = App::new().configuration(&configuration);
    #[cfg(unix)]
    tokio::spawn(configuration.reload_on_hangup()?);
    app.await
}

/// Logs to the standard error what `RUST_LOG` says.
fn log() -> Result<(), String> {
    let filter = match std::env::var("RUST_LOG") {
        Ok(text) => text.parse().map_err(|error| format!("router: RUST_LOG: {error}"))?,
        Err(_) => Targets::new().with_default(LevelFilter::INFO),
    };
    let is_terminal = std::io::stderr().is_terminal();
    let layer = tracing_subscriber::fmt::layer().with_ansi(is_terminal).with_writer(std::io::stderr);
    tracing_subscriber::registry().with(layer).with(filter).init();
    Ok(())
}

fn check(file: &str) -> Result<(), String> {
    match Configuration::from_file(file) {
        Ok(_) => print(&format!("{file}: no mistakes")),
        Err(error) => Err(in_words(&error)),
    }
}

/// Makes a line for a user's `scram` of the password that is the first line of the standard input.
fn scram_credential() -> Result<(), String> {
    let mut password = String::new();
    std::io::stdin().lock().read_line(&mut password).map_err(|error| format!("router: {error}"))?;
    let password = password.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err("router: expected a password on the standard input".to_owned());
    }
    let credential = ScramCredential::derive(password, Kdf::default(), Salt::from(rand::random::<[u8; 16]>()));
    let stored = credential.map_err(|error| format!("router: {error}"))?.to_stored();
    print(stored.as_str().unwrap_or_default())
}

fn print(text: &str) -> Result<(), String> {
    writeln!(std::io::stdout(), "{text}").map_err(|error| format!("router: {error}"))
}

/// A problem a line, as compilers have it.
fn in_words(error: &Error) -> String {
    match error {
        Error::Startup(problems) => {
            let lines: Vec<String> = problems.iter().map(|problem| format!("router: {problem}")).collect();
            lines.join("\n")
        }
        error => format!("router: {error}"),
    }
}
