//! Traits of clients stay traits.
#![deny(warnings)]

use serverwamp::client::RunningCall;
use serverwamp::{CallError, Client, RpcError, wamp};

/// Sits in a library: the trait and its client are as public as it says.
pub mod api {
    use super::*;

    /// Documents.
    #[wamp::client(prefix = "docs", timeout = "5s")]
    pub trait Docs: Send + Sync {
        /// One of them.
        async fn get<'a>(&'a self, id: u64, text: &'a str) -> Result<String, CallError>;

        /// All of them.
        async fn all(&self, limit: Option<u8>) -> Result<RunningCall<u8, ()>, RpcError>;

        /// Not there.
        #[cfg(any())]
        async fn missing(&self, id: Missing) -> Missing;

        /// Whether there is one.
        fn has(&self, id: u64) -> impl Future<Output = bool> + Send {
            async move { self.get(id, "").await.is_ok() }
        }
    }
}

#[wamp::client]
trait r#Type {
    async fn r#move(&self, r#in: u8) -> Result<u8, CallError>;
}

fn is_send(future: impl Future + Send) {
    drop(future);
}

async fn uses<D: api::Docs>(client: Client, docs: &D) {
    is_send(docs.get(1, "a"));
    is_send(docs.has(1));
    is_send(async move {
        let docs = api::DocsClient::new(client.clone());
        let _ = api::Docs::all(&docs, None).await;
        let _ = TypeClient::under("a.b", client).r#move(1).await;
    });
}

fn main() {
    let _ = uses::<api::DocsClient>;
}
