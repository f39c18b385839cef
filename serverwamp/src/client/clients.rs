//! Several clients of a program, by name.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::join_all;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::config::ClientsConfig;
use super::handle::Client;
use crate::error::{ConnectError, Result};

/// The clients of a configuration, each connected when it is first asked for. A cheap handle: clones are the same clients.
///
/// ```no_run
/// use serverwamp::client::Clients;
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let clients = Clients::from_file("clients.toml")?;
/// let orders = clients.get("orders").await?;
/// let open: u32 = orders.call("orders.count", ()).await?;
/// clients.stop().await;
/// # Ok(())
/// # }
/// ```
///
/// A component that is hosted by a client of the configuration (`config.connect("orders")?.host()`) has a session of its own.
/// Functions get the clients as any other value: `.inject(clients)`, and a parameter `Inject<Clients>`.
///
/// ```
/// use serverwamp::client::Clients;
/// use serverwamp::{Inject, wamp};
///
/// #[wamp::rpc("orders.open")]
/// async fn open(clients: Inject<Clients>) -> Result<u32, Box<dyn std::error::Error + Send + Sync>> {
///     Ok(clients.get("orders").await?.call("orders.count", ()).await?)
/// }
/// ```
#[cfg_attr(docsrs, doc(cfg(feature = "config")))]
#[derive(Debug, Clone)]
pub struct Clients {
    shared: Arc<SharedClients>,
}

#[derive(Debug)]
struct SharedClients {
    config: ClientsConfig,
    members: BTreeMap<String, Member>,
    stopped: CancellationToken,
}

/// One of the clients.
#[derive(Debug, Default)]
struct Member {
    connected: Mutex<Connected>,
    /// How many attempts to connect have failed.
    failures: AtomicU64,
}

#[derive(Debug, Default)]
struct Connected {
    client: Option<Client>,
    /// Why there is none, for those who have waited for the same attempt.
    failure: Option<ConnectError>,
}

impl Clients {
    /// The clients of this configuration. None of them connects yet.
    pub fn from_config(config: ClientsConfig) -> Clients {
        let members = config.names().map(|name| (name.to_owned(), Member::default())).collect();
        Clients { shared: Arc::new(SharedClients { config, members, stopped: CancellationToken::new() }) }
    }

    /// The clients of a configuration file.
    ///
    /// # Errors
    /// As [`ClientsConfig::from_file`].
    pub fn from_file(path: impl AsRef<Path>) -> Result<Clients> {
        Ok(Clients::from_config(ClientsConfig::from_file(path)?))
    }

    /// The names of the clients, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.shared.config.names()
    }

    /// The client of this name: connects it if it is not yet, or is over for good, for whatever reason. Whoever asks for
    /// it while it connects waits for the same attempt. Cancel-safe: if everybody who waits is gone, it does not connect.
    ///
    /// With `max_retries` it is given up after so many attempts; by default it is waited for the router as long as it takes.
    ///
    /// # Errors
    /// There is no client of this name, it cannot connect, or the clients were [stopped](Clients::stop).
    pub async fn get(&self, name: &str) -> Result<Client> {
        let connect = self.shared.config.connect(name)?;
        let Some(member) = self.shared.members.get(name) else { return Err(ConnectError::Stopped.into()) };
        let failures = member.failures.load(Ordering::Acquire);
        let stopped = &self.shared.stopped;
        let mut connected = member.connected.lock().await;
        if stopped.is_cancelled() {
            return Err(ConnectError::Stopped.into());
        }
        if let Some(client) = connected.client.as_ref().filter(|client| !client.is_over()) {
            return Ok(client.clone());
        }
        if member.failures.load(Ordering::Acquire) != failures
            && let Some(failure) = &connected.failure
        {
            return Err(failure.again().into());
        }
        connected.client = None;
        let outcome = stopped.run_until_cancelled(connect.connect()).await.unwrap_or(Err(ConnectError::Stopped));
        match outcome {
            Ok((client, _)) => {
                connected.failure = None;
                connected.client = Some(client.clone());
                Ok(client)
            }
            Err(error) => {
                connected.failure = Some(error.again());
                member.failures.fetch_add(1, Ordering::AcqRel);
                Err(error.into())
            }
        }
    }

    /// Connects all clients that are not connected yet, at the same time: for programs that want to know at their start.
    ///
    /// # Errors
    /// The first one in alphabetical order that cannot connect.
    pub async fn connect_all(&self) -> Result<()> {
        let connecting: Vec<_> = self.names().map(|name| self.get(name)).collect();
        join_all(connecting).await.into_iter().try_for_each(|outcome| outcome.map(drop))
    }

    /// Stops all clients, at the same time, as [`Client::stop`] does. Afterwards there are none any more.
    pub async fn stop(&self) {
        self.shared.stopped.cancel();
        let stopping = self.shared.members.values().map(async |member| {
            let client = member.connected.lock().await.client.take();
            if let Some(client) = client {
                client.stop().await;
            }
        });
        join_all(stopping).await;
    }
}
