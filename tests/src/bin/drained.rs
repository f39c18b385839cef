//! A server for the tests that stop a whole process. It listens where its arguments say, or where `default` says that it
//! does by default; it prints the addresses of its ports, then `listening`. With `router`, its realm is a router; with `log`, it
//! logs all there is to say to its standard error.

use std::time::Duration;

use serverwamp::{App, AppHandle, Inject, Limits, wamp};
use tokio::runtime::Handle;

#[wamp::rpc("sleep")]
async fn sleep(milliseconds: u64) -> &'static str {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    "slept"
}

/// How often a limit was met.
#[wamp::rpc("met")]
async fn met(limit: String, server: Inject<AppHandle>) -> u64 {
    server.statistics().limits.get(limit.as_str()).copied().unwrap_or_default()
}

/// Connections, sessions, and tasks that there are now.
#[wamp::rpc("alive")]
async fn alive(server: Inject<AppHandle>) -> (usize, usize, usize) {
    let statistics = server.statistics();
    (statistics.connections, statistics.sessions, Handle::current().metrics().num_alive_tasks())
}

fn log() {
    // Whether the log can be written or not, the server has other things to do.
    let log = tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::TRACE);
    log.with_writer(std::io::stderr).log_internal_errors(false).init();
}

#[tokio::main]
async fn main() -> serverwamp::Result<()> {
    let mut limits = Limits { drain: Duration::from_secs(1), ..Limits::default() };
    let mut app = App::discover().topics("chat.");
    for argument in std::env::args().skip(1) {
        match argument.split_once('=') {
            Some(("connections", number)) => limits.connections = number.parse().unwrap_or_default(),
            Some(("pings", "off")) => limits.ping_interval = Duration::ZERO,
            _ if argument == "default" => {}
            _ if argument == "router" => app = app.router(),
            _ if argument == "log" => log(),
            _ => app = app.bind(argument),
        }
    }
    let handle = app.handle();
    let app = app.limits(limits).inject(handle.clone());
    tokio::spawn(async move {
        for address in handle.addresses().await {
            println!("{address}");
        }
        println!("listening");
    });
    app.await
}
