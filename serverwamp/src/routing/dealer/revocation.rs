//! Ending registrations that their callees have not ended.

use super::Dealer;
use super::announcing;
use super::registrations::Registrations;
use crate::routing::broker::Broker;
use crate::wire::{RegistrationId, SessionId, Uri};

impl Dealer {
    /// Ends a session's part in a registration and has the session told why. Returns false if it has none. When this
    /// returns no further invocation of it is queued for the session; those that were go on.
    ///
    /// WAMP: registration revocation, advanced profile.
    pub(crate) fn revoke(&self, session: SessionId, id: RegistrationId, reason: &Uri, broker: &Broker) -> bool {
        let Some(mut registrations) = self.write() else { return false };
        let callee = registrations.by_id(id).and_then(|registration| registration.callee_of(session)).cloned();
        let Some(callee) = callee else { return false };
        callee.revoke(id, reason);
        if let Some(is_over) = registrations.remove(id, &callee) {
            announcing::unregistered(broker, id, session, is_over);
        }
        true
    }
}

/// Ends a registration with all its callees. Returns how many octets were sent because of it.
pub(super) fn end(registrations: &mut Registrations, id: RegistrationId, reason: &Uri, broker: &Broker) -> usize {
    let mut callees = registrations.end(id).into_iter().peekable();
    let mut octets = 0_usize;
    while let Some(callee) = callees.next() {
        callee.revoke(id, reason);
        let is_over = callees.peek().is_none();
        octets = octets.saturating_add(announcing::unregistered(broker, id, callee.session_id(), is_over));
    }
    octets
}
