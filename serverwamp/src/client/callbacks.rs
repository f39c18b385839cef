//! What a program wants to run as its sessions come and go.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::handle::{Client, WeakClient};
use crate::connection::panic_text;

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Left {
    /// The URI of GOODBYE or ABORT, or `wamp.close.transport_lost`.
    pub reason: String,
    /// What the router had to say.
    pub message: Option<String>,
}

type Callback<Given, Answer = ()> = Arc<dyn Fn(Given) -> BoxFuture<'static, Answer> + Send + Sync>;

/// The program's callbacks, in the order in which they were given.
#[derive(Clone, Default)]
pub(crate) struct Callbacks {
    connect: Vec<Callback<Client>>,
    welcome: Vec<Callback<Client, Result<(), String>>>,
    join: Vec<Callback<Client>>,
    ready: Vec<Callback<Client>>,
    leave: Vec<Callback<(Client, Left)>>,
    disconnect: Vec<Callback<Client>>,
}

macro_rules! add {
    ($($name:ident $field:ident)*) => {$(
        pub(super) fn $name<F>(&mut self, callback: impl Fn(Client) -> F + Send + Sync + 'static)
        where
            F: Future<Output = ()> + Send + 'static,
        {
            self.$field.push(Arc::new(move |client| callback(client).boxed()));
        }
    )*};
}

impl Callbacks {
    add! {
        add_connect connect
        add_join join
        add_ready ready
        add_disconnect disconnect
    }

    pub(super) fn add_welcome<F, E>(&mut self, callback: impl Fn(Client) -> F + Send + Sync + 'static)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        self.welcome.push(Arc::new(move |client| {
            let deciding = callback(client);
            async move { deciding.await.map_err(|error| error.into().to_string()) }.boxed()
        }));
    }

    pub(super) fn add_leave<F>(&mut self, callback: impl Fn(Client, Left) -> F + Send + Sync + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.leave.push(Arc::new(move |(client, left)| callback(client, left).boxed()));
    }

    pub(super) async fn connect(&self, client: &WeakClient) {
        run("on_connect", &self.connect, client).await;
    }

    /// # Errors
    /// Why the first one that refuses does.
    pub(super) async fn welcome(&self, client: &WeakClient) -> Result<(), String> {
        for callback in &self.welcome {
            let Some(handle) = client.upgrade() else { return Ok(()) };
            guarded("on_welcome", client, || callback(handle)).await.unwrap_or_else(|| Err("it failed".to_owned()))?;
        }
        Ok(())
    }

    pub(super) async fn join(&self, client: &WeakClient) {
        run("on_join", &self.join, client).await;
    }

    pub(super) async fn ready(&self, client: &WeakClient) {
        run("on_ready", &self.ready, client).await;
    }

    pub(super) async fn leave(&self, client: &WeakClient, left: &Left) {
        for callback in &self.leave {
            let Some(handle) = client.upgrade() else { return };
            guarded("on_leave", client, || callback((handle, left.clone()))).await;
        }
    }

    pub(super) async fn disconnect(&self, client: &WeakClient) {
        run("on_disconnect", &self.disconnect, client).await;
    }
}

async fn run(name: &'static str, callbacks: &[Callback<Client>], client: &WeakClient) {
    for callback in callbacks {
        let Some(handle) = client.upgrade() else { return };
        guarded(name, client, || callback(handle)).await;
    }
}

/// Runs a callback, whose panic harms nobody else.
async fn guarded<'f, T>(
    name: &'static str,
    client: &WeakClient,
    callback: impl FnOnce() -> BoxFuture<'f, T>,
) -> Option<T> {
    // It is called within the future: there its panics are caught.
    match AssertUnwindSafe(async { callback().await }).catch_unwind().await {
        Ok(answer) => Some(answer),
        Err(panic) => {
            tracing::error!(callback = name, panic = panic_text(&*panic), "a callback panicked");
            client.shared.report_panic(format!("callback `{name}`"), None, &*panic);
            None
        }
    }
}

impl fmt::Debug for Callbacks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Callbacks")
    }
}
