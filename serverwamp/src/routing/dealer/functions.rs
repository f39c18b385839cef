//! Calls of the program's own functions: finding the handler.

use std::sync::Arc;

use super::specificity::Specificity;
use crate::handler::{Call, CustomHandler, Endpoint, Match, RouteKind, RpcError};
use crate::metrics::CallMetrics;
use crate::routing::endpoints::Endpoints;
use crate::wire::{MatchPolicy, RegistrationId, Uri, uris};

/// The id of the first function as a registration: the lower half of all ids is for what clients register.
pub(super) const FIRST_OF_FUNCTIONS: u64 = 1 << 52;

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

    /// The procedures of the program in their order, each with its id as a registration: the same in every realm and run that
    /// serves the same functions.
    pub(super) fn procedures(&self) -> impl Iterator<Item = (RegistrationId, &Arc<Endpoint>)> {
        let ids = (FIRST_OF_FUNCTIONS..).map_while(RegistrationId::new);
        ids.zip(self.endpoints.all.iter().filter(|function| function.route().kind == RouteKind::Procedure))
    }

    /// The id of a handler that was found; none of one that stands for whatever is not served.
    pub(super) fn id_of(&self, handler: &Arc<Endpoint>) -> Option<RegistrationId> {
        self.procedures().find(|(_, function)| Arc::ptr_eq(function, handler)).map(|(id, _)| id)
    }

    /// The procedure of an id.
    pub(super) fn by_id(&self, id: RegistrationId) -> Option<&Arc<Endpoint>> {
        let place = usize::try_from(id.get().checked_sub(FIRST_OF_FUNCTIONS)?).ok()?;
        self.procedures().nth(place).map(|(_, function)| function)
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

    pub(crate) fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }
}

async fn refuse(call: Call) -> Result<(), RpcError> {
    Err(RpcError::new(uris::NO_SUCH_PROCEDURE).message(format!("no procedure `{}` is registered", call.uri())))
}
