//! Calls of the program's own functions: finding the handler.

use std::sync::Arc;

use super::specificity::Specificity;
use crate::handler::{Call, CustomHandler, Endpoint, Match, RpcError};
use crate::metrics::CallMetrics;
use crate::routing::endpoints::Endpoints;
use crate::wire::{MatchPolicy, Uri, uris};

/// What the program itself serves in a realm.
#[derive(Debug)]
pub(crate) struct Functions {
    endpoints: Endpoints,
    /// What procedures are called with that nobody serves.
    unserved: Arc<Endpoint>,
}

impl Functions {
    pub(crate) fn new(endpoints: Endpoints) -> Functions {
        Functions { endpoints, unserved: Arc::new(CustomHandler::of_calls(refuse).endpoint()) }
    }

    /// Finds the handler of a procedure; where there is none, one that says so.
    pub(super) fn find(&self, procedure: &Uri) -> &Arc<Endpoint> {
        let handler = match &self.endpoints.call_handler {
            None => self.endpoints.procedures.find(procedure),
            handler => handler.as_ref(),
        };
        handler.unwrap_or(&self.unserved)
    }

    /// Whether a function is served under exactly this URI or pattern.
    pub(super) fn serve(&self, procedure: &str, policy: MatchPolicy) -> bool {
        self.endpoints.call_handler.is_none() && self.endpoints.procedures.contains(procedure, policy)
    }

    /// Whether a handler that was found is for this one procedure.
    pub(super) fn is_exact(handler: &Endpoint) -> bool {
        handler.route().uri.is_some() && handler.route().match_policy == Match::Exact
    }

    /// How precisely a handler that was found is for the procedure that it was found for.
    pub(super) fn specificity(&self, handler: &Arc<Endpoint>) -> Specificity {
        match handler.route().uri {
            Some(uri) => Specificity::of_function(uri, handler.route().match_policy),
            None => Specificity::Any,
        }
    }

    /// What counts the calls of procedures that are none of the program's.
    pub(super) fn metrics(&self) -> &Arc<CallMetrics> {
        self.unserved.metrics()
    }

    pub(super) fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }
}

async fn refuse(call: Call) -> Result<(), RpcError> {
    Err(RpcError::new(uris::NO_SUCH_PROCEDURE).message(format!("no procedure `{}` is registered", call.uri())))
}
