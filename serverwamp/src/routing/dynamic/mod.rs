//! Deciding who may join and what they may do by procedures that are registered, as callees of a realm or by annotated
//! functions.

mod answer;
mod authenticator;
mod authorizer;
mod credential;
mod details;

use crate::handler::{RealmHandle, RpcError, RpcResult, Session};
use crate::wire::{Uri, uris};

pub use authenticator::DynamicAuthenticator;
pub use authorizer::DynamicAuthorizer;

/// A procedure that is asked, in the realm of whom it is asked about or in another one.
#[derive(Debug, Clone)]
struct Asked {
    procedure: String,
    realm: Option<String>,
}

impl Asked {
    fn new(procedure: String) -> Asked {
        Asked { procedure, realm: None }
    }

    /// What is wrong with it.
    fn problem(&self) -> Option<String> {
        let procedure = &self.procedure;
        let reserved = procedure.split('.').next() == Some("wamp");
        let invalid = Uri::new(procedure).err().map(|error| error.to_string());
        let why = invalid.or_else(|| reserved.then(|| "procedures of the protocol decide nothing".to_owned()));
        why.map(|why| format!("`{procedure}`: {why}"))
    }

    async fn call(&self, session: &Session, arguments: RpcResult) -> Result<RpcResult, RpcError> {
        let own = session.realm_handle();
        let other = self.realm.as_deref().map(|name| own.sibling(name));
        let realm: &RealmHandle = other.as_ref().unwrap_or(own);
        let procedure = Uri::new(&self.procedure).map_err(|error| RpcError::internal(&error))?;
        realm.call(procedure, arguments).await
    }
}

/// Whether an error says that nobody has answered, rather than what somebody has.
fn is_missing(error: &RpcError) -> bool {
    [
        uris::NO_SUCH_PROCEDURE,
        uris::NO_SUCH_REALM,
        uris::NO_AVAILABLE_CALLEE,
        uris::UNAVAILABLE,
        uris::CANCELED,
        uris::TIMEOUT,
        uris::PAYLOAD_SIZE_EXCEEDED,
        uris::INVALID_ARGUMENT,
    ]
    .contains(&error.uri())
}
