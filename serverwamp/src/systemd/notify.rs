//! Telling a service manager how a server is, as `sd_notify(3)` does.

use std::env;
#[cfg(unix)]
use std::ffi::OsStr;
#[cfg(unix)]
use std::io;
use std::time::Duration;

#[cfg(unix)]
use tokio::net::UnixDatagram;
#[cfg(unix)]
use tokio::time::timeout;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::task::AbortOnDropHandle;

/// How long a service manager may take for what it is told: nothing depends on it.
#[cfg(unix)]
const PATIENCE: Duration = Duration::from_secs(1);

/// The service manager that has started this process, if one has.
#[derive(Debug)]
pub(crate) struct ServiceManager {
    #[cfg(unix)]
    socket: Option<UnixDatagram>,
}

impl ServiceManager {
    /// The one that `NOTIFY_SOCKET` in the environment leads to.
    pub(crate) fn from_environment() -> ServiceManager {
        #[cfg(unix)]
        {
            let address = env::var_os("NOTIFY_SOCKET").filter(|address| !address.is_empty());
            let socket = address.and_then(|address| {
                let connected = connect(&address);
                connected.inspect_err(|error| tracing::warn!(?address, %error, "cannot reach the service manager")).ok()
            });
            ServiceManager { socket }
        }
        #[cfg(not(unix))]
        ServiceManager {}
    }

    /// The server can be reached.
    pub(crate) async fn ready(&self) {
        self.tell("READY=1\nSTATUS=serving").await;
    }

    /// The server stops, which may take a while.
    pub(crate) async fn stopping(&self, sessions: usize, within: Duration) {
        let within = within.as_micros();
        let status = format!("letting running calls of {sessions} sessions end");
        self.tell(&format!("STOPPING=1\nSTATUS={status}\nEXTEND_TIMEOUT_USEC={within}")).await;
    }

    /// Says that the server is alive as often as the service manager wants it, until what is returned is dropped.
    pub(crate) fn watchdog(&self) -> Option<AbortOnDropHandle<()>> {
        let interval = watchdog_interval(env::var("WATCHDOG_USEC").ok(), env::var("WATCHDOG_PID").ok())?;
        let manager = ServiceManager::from_environment();
        // In a task like all others: what keeps the runtime from running those keeps this one from running.
        Some(AbortOnDropHandle::new(tokio::spawn(async move {
            let mut ticks = interval_at(Instant::now(), interval);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                manager.tell("WATCHDOG=1").await;
            }
        })))
    }

    #[cfg(unix)]
    async fn tell(&self, state: &str) {
        let Some(socket) = &self.socket else { return };
        match timeout(PATIENCE, socket.send(state.as_bytes())).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "cannot tell the service manager"),
            Err(_) => tracing::warn!("the service manager does not listen"),
        }
    }

    #[cfg(not(unix))]
    async fn tell(&self, _: &str) {}
}

/// Half of the time after which a silent process is taken for dead, if its service manager watches this process.
fn watchdog_interval(microseconds: Option<String>, process: Option<String>) -> Option<Duration> {
    let watched = process.is_none_or(|process| process.parse() == Ok(std::process::id()));
    let microseconds: u64 = microseconds?.parse().ok()?;
    (watched && microseconds > 1).then(|| Duration::from_micros(microseconds / 2))
}

/// Connects to a path, or to the abstract socket of a name that begins with `@`.
#[cfg(unix)]
fn connect(address: &OsStr) -> io::Result<UnixDatagram> {
    let socket = std::os::unix::net::UnixDatagram::unbound()?;
    match address.as_encoded_bytes() {
        #[cfg(target_os = "linux")]
        [b'@', name @ ..] => {
            use std::os::linux::net::SocketAddrExt;
            socket.connect_addr(&std::os::unix::net::SocketAddr::from_abstract_name(name)?)?;
        }
        _ => socket.connect(address)?,
    }
    socket.set_nonblocking(true)?;
    UnixDatagram::from_std(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watchdog_wants_to_hear_from_its_own_process_only() {
        let own = std::process::id().to_string();
        for (microseconds, process, expected) in [
            (None, None, None),
            (None, Some(own.as_str()), None),
            (Some("3000000"), None, Some(1500)),
            (Some("3000000"), Some(&own), Some(1500)),
            (Some("3000000"), Some("1"), None),
            (Some("3000000"), Some("x"), None),
            (Some("0"), None, None),
            (Some("1"), None, None),
            (Some("-1"), None, None),
            (Some(""), None, None),
        ] {
            let interval = watchdog_interval(microseconds.map(str::to_owned), process.map(str::to_owned));
            assert_eq!(interval.map(|it| it.as_millis()), expected, "{microseconds:?} {process:?}");
        }
    }
}
