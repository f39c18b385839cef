//! How far a server's life has come, for those who hold a handle.

use std::future::Future;

use super::AppHandle;

/// How far a server's life has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Starting,
    Serving,
    /// Running calls may end.
    Stopping,
    Stopped,
}

impl AppHandle {
    /// Whether the server serves: true from when it listens, or is a service, to when its shutdown begins. It is what
    /// `/readyz` answers by.
    pub fn is_ready(&self) -> bool {
        // A server whose task was dropped has said nothing of its end.
        *self.stage.borrow() == Stage::Serving && self.stage.has_changed().is_ok()
    }

    /// Waits until the server's shutdown begins, whatever began it. Cancel-safe.
    pub fn stopping(&self) -> impl Future<Output = ()> + Send + 'static {
        self.reached(Stage::Stopping)
    }

    /// Waits until the server's shutdown is done: all sessions have ended, or [`Limits::drain`](crate::Limits::drain) is
    /// over. Returns at once for an app that never came to serve. Cancel-safe.
    pub fn stopped(&self) -> impl Future<Output = ()> + Send + 'static {
        self.reached(Stage::Stopped)
    }

    fn reached(&self, stage: Stage) -> impl Future<Output = ()> + Send + 'static {
        let mut stages = self.stage.clone();
        async move {
            // A server that is gone has stopped.
            let _ = stages.wait_for(|reached| *reached >= stage).await;
        }
    }
}
