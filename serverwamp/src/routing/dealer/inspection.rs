//! What can be asked about registrations: for the meta API.
//!
//! The program's own functions are registrations too, that no session is a callee of: the router answers their calls
//! itself. The procedures of the protocol are none.

use serde::Serialize;

use super::registrations::Registration;
use super::{Dealer, Target};
use crate::handler::{Endpoint, Match};
use crate::wire::{InvokePolicy, MatchPolicy, RegistrationId, SessionId, Timestamp, Uri};

/// A registration, as the meta API describes it.
///
/// WAMP: registration meta API, advanced profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct RegistrationInfo {
    id: RegistrationId,
    /// When it began, as RFC 3339 has it.
    created: String,
    uri: String,
    #[serde(rename = "match")]
    match_policy: &'static str,
    invoke: &'static str,
}

/// The ids of all registrations.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct RegistrationList {
    exact: Vec<RegistrationId>,
    prefix: Vec<RegistrationId>,
    wildcard: Vec<RegistrationId>,
    /// Those of functions; the protocol knows no regular expressions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    regex: Vec<RegistrationId>,
}

impl RegistrationInfo {
    pub(super) fn of(registration: &Registration) -> RegistrationInfo {
        RegistrationInfo {
            id: registration.id(),
            created: registration.created().to_rfc3339().unwrap_or_default(),
            uri: registration.procedure().to_string(),
            match_policy: registration.match_policy().name(),
            invoke: registration.invoke().name(),
        }
    }

    fn of_function(id: RegistrationId, function: &Endpoint, created: Timestamp) -> RegistrationInfo {
        RegistrationInfo {
            id,
            created: created.to_rfc3339().unwrap_or_default(),
            uri: function.route().uri.unwrap_or_default().to_owned(),
            match_policy: function.route().match_policy.name(),
            invoke: InvokePolicy::Single.name(),
        }
    }
}

impl Dealer {
    /// All registrations.
    pub(crate) fn list(&self) -> RegistrationList {
        let mut list = RegistrationList::default();
        if let Some(registrations) = self.read() {
            for (id, policy) in registrations.ids() {
                match policy {
                    MatchPolicy::Exact => list.exact.push(id),
                    MatchPolicy::Prefix => list.prefix.push(id),
                    MatchPolicy::Wildcard => list.wildcard.push(id),
                }
            }
        }
        for ids in [&mut list.exact, &mut list.prefix, &mut list.wildcard] {
            ids.sort_unstable();
        }
        for (id, function) in self.functions.procedures() {
            match function.route().match_policy {
                Match::Exact => list.exact.push(id),
                Match::Prefix => list.prefix.push(id),
                Match::Wildcard => list.wildcard.push(id),
                Match::Regex => list.regex.push(id),
            }
        }
        list
    }

    /// The registration of exactly this procedure or pattern.
    pub(crate) fn lookup(&self, procedure: &str, policy: MatchPolicy) -> Option<RegistrationId> {
        let function = self
            .functions
            .procedures()
            .find(|(_, function)| function.route().uri == Some(procedure) && function.route().match_policy.is(policy));
        let of_clients = || Some(self.read()?.get(procedure, policy)?.id());
        function.map(|(id, _)| id).or_else(of_clients)
    }

    /// The registration that a call of a procedure goes to.
    pub(crate) fn matching(&self, procedure: &Uri) -> Option<RegistrationId> {
        match self.find(procedure).0 {
            Target::Clients(registration) => Some(registration.id()),
            Target::Function(function) => self.functions.id_of(function),
        }
    }

    /// A registration.
    pub(crate) fn describe(&self, id: RegistrationId) -> Option<RegistrationInfo> {
        match self.functions.by_id(id) {
            Some(function) => Some(RegistrationInfo::of_function(id, function, self.created)),
            None => Some(RegistrationInfo::of(self.read()?.by_id(id)?)),
        }
    }

    /// The sessions that are callees of a registration, in the order in which they came: none of a function of the program.
    pub(crate) fn callees(&self, id: RegistrationId) -> Option<Vec<SessionId>> {
        match self.functions.by_id(id) {
            Some(_) => Some(Vec::new()),
            None => Some(self.read()?.by_id(id)?.sessions().collect()),
        }
    }
}
