//! Calls: finding the handler.

use std::sync::Arc;

use super::endpoints::Endpoints;
use crate::handler::Endpoint;
use crate::wire::Uri;

/// The dealer of one realm.
///
/// WAMP: remote procedure calls, dealer, basic profile; pattern-based registrations, advanced profile.
#[derive(Debug)]
pub(crate) struct Dealer {
    endpoints: Endpoints,
}

impl Dealer {
    pub(crate) fn new(endpoints: Endpoints) -> Dealer {
        Dealer { endpoints }
    }

    /// Finds the handler of a procedure.
    pub(crate) fn find(&self, procedure: &Uri) -> Option<&Arc<Endpoint>> {
        match &self.endpoints.call_handler {
            None => self.endpoints.procedures.find(procedure),
            handler => handler.as_ref(),
        }
    }

    /// All functions of the realm.
    pub(crate) fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }
}
