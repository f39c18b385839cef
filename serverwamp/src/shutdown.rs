//! What makes a server stop, and how it does.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::connection::{Phase, Shared};

/// How long the last messages may take once every call has ended: more than a peer that answers nothing is waited for.
pub(crate) const FAREWELL: Duration = Duration::from_secs(5);

/// Ctrl-C and, where the system has it, SIGTERM.
pub(crate) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    /// Listens from now on.
    ///
    /// # Errors
    /// The system does not let us.
    #[cfg(unix)]
    pub(crate) fn new() -> io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Listens from now on.
    ///
    /// # Errors
    /// None on this system.
    #[cfg(not(unix))]
    pub(crate) fn new() -> io::Result<Signals> {
        Ok(Signals {})
    }

    /// Waits for the next one. Cancel-safe.
    pub(crate) async fn next(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        #[cfg(not(unix))]
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Lets running calls end, says GOODBYE to all and waits for the connections to close; a second signal ends it at once.
pub(crate) async fn drain(shared: &Arc<Shared>, connections: &TaskTracker, impatient: impl Future<Output = ()>) {
    tracing::info!(sessions = shared.counters.read().sessions, "shutting down");
    connections.close();
    shared.detached.close();
    shared.blocking.close();
    let graceful = async {
        shared.enter(Phase::Draining);
        let drained = async {
            connections.wait().await;
            shared.detached.wait().await;
            shared.blocking.wait().await;
        };
        if timeout(shared.limits.drain, drained).await.is_err() {
            tracing::warn!("calls still run at the end of the drain time and are canceled");
            shared.counters.limit("drain");
            shared.enter(Phase::Ending);
            // Whoever is still not gone then is left behind.
            let _ = timeout(FAREWELL, connections.wait()).await;
        }
    };
    tokio::select! {
        () = graceful => {}
        () = impatient => tracing::warn!("a second signal: stopping at once"),
    }
}
