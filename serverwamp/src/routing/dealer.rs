//! Calls: finding the handler.

use std::sync::Arc;

use super::endpoints::Endpoints;
use crate::handler::{Call, CustomHandler, Endpoint, RpcError};
use crate::wire::{Uri, uris};

/// The dealer of one realm.
///
/// WAMP: remote procedure calls, dealer, basic profile; pattern-based registrations, advanced profile.
#[derive(Debug)]
pub(crate) struct Dealer {
    endpoints: Endpoints,
    /// What procedures are called with that nobody serves.
    unserved: Arc<Endpoint>,
}

impl Dealer {
    pub(crate) fn new(endpoints: Endpoints) -> Dealer {
        Dealer { endpoints, unserved: Arc::new(CustomHandler::of_calls(refuse).endpoint()) }
    }

    /// Finds the handler of a procedure; where there is none, one that says so.
    pub(crate) fn find(&self, procedure: &Uri) -> &Arc<Endpoint> {
        let handler = match &self.endpoints.call_handler {
            None => self.endpoints.procedures.find(procedure),
            handler => handler.as_ref(),
        };
        handler.unwrap_or(&self.unserved)
    }

    /// Whether the realm's own handler has all calls.
    pub(crate) fn is_replaced(&self) -> bool {
        self.endpoints.call_handler.is_some()
    }

    /// All functions of the realm.
    pub(crate) fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }
}

async fn refuse(call: Call) -> Result<(), RpcError> {
    Err(RpcError::new(uris::NO_SUCH_PROCEDURE).message(format!("no procedure `{}` is registered", call.uri())))
}
