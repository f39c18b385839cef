//! An app in another program's HTTP server.

use std::future::pending;

use super::lifecycle::Stage;
use super::{App, any};
use crate::error::{Error, Problem, Result};
use crate::server::WampService;
use crate::shutdown::drain;

impl App {
    /// Runs the app without listeners: its WebSocket is a service, for axum, hyper, and whatever else takes a
    /// [`tower_service::Service`], to be mounted next to other routes.
    ///
    /// ```
    /// use axum::Router;
    /// use axum::routing::get;
    /// use serverwamp::App;
    ///
    /// # async fn hosted() -> Result<(), Box<dyn std::error::Error>> {
    /// let app = App::discover();
    /// let handle = app.handle();
    /// let router = Router::new()
    ///     .route("/version", get(async || env!("CARGO_PKG_VERSION")))
    ///     .route_service("/ws", app.into_service()?);
    /// let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    /// axum::serve(listener, router).with_graceful_shutdown(handle.stopping()).await?;
    /// handle.stopped().await;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The host knows nothing of the sessions, and its own shutdown does not end them: they end with
    /// [`AppHandle::shutdown`](super::AppHandle::shutdown) or [`shutdown_on`](App::shutdown_on), as on a server of the app's
    /// own, and [`AppHandle::stopped`](super::AppHandle::stopped) tells when they have. Signals are the host's.
    ///
    /// # Errors
    /// The app is put together wrongly, with every problem listed, or is to listen as well.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[cfg_attr(docsrs, doc(cfg(feature = "tower")))]
    pub fn into_service(mut self) -> Result<WampService> {
        let triggers = std::mem::take(self.triggers());
        let listens = (!self.listeners.is_default()).then(|| {
            Problem::new(
                "an app that is a service does not listen: remove .bind(…) and .tls(…), or run it with .serve()",
            )
        });
        let shared = match (self.shared(), listens) {
            (Ok(shared), None) => shared,
            (Err(Error::Startup(problems)), Some(problem)) => {
                return Err(Error::Startup([problems, vec![problem]].concat()));
            }
            (Err(error), _) => return Err(error),
            (_, Some(problem)) => return Err(Error::Startup(vec![problem])),
        };
        let acceptor = self.acceptor()?;
        let connections = acceptor.connections().clone();
        self.addresses_bound.send_replace(Some(Vec::new()));
        self.stage.send_replace(Stage::Serving);
        tokio::spawn(async move {
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = any(triggers) => {}
            }
            self.stage.send_replace(Stage::Stopping);
            drain(&shared, &connections, pending()).await;
            self.stage.send_replace(Stage::Stopped);
        });
        Ok(WampService::new(acceptor))
    }
}
