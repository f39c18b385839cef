//! Calls: finding the handler.

use std::sync::Arc;

use super::pattern::PatternTable;
use crate::handler::Endpoint;
use crate::wire::Uri;

/// The dealer of one realm.
///
/// WAMP: remote procedure calls, dealer, basic profile; pattern-based registrations, advanced profile.
#[derive(Debug)]
pub(crate) struct Dealer {
    procedures: PatternTable<Arc<Endpoint>>,
}

impl Dealer {
    pub(crate) fn new(procedures: PatternTable<Arc<Endpoint>>) -> Dealer {
        Dealer { procedures }
    }

    /// Finds the handler of a procedure.
    pub(crate) fn find(&self, procedure: &Uri) -> Option<&Arc<Endpoint>> {
        self.procedures.find(procedure)
    }
}
