//! What the dealer of a full router says of registrations: the meta events. They are published while the change has the
//! lock, so that they come in the order of the changes.

use super::inspection::RegistrationInfo;
use super::registrations::Registration;
use crate::handler::RpcResult;
use crate::routing::broker::Broker;
use crate::wire::{RegistrationId, SessionId, uris};

/// A session is a callee from now on, of a registration that is told of if it began with that. Returns how many octets
/// that was, times receivers.
///
/// WAMP: meta API, advanced profile.
pub(super) fn registered(
    broker: &Broker,
    id: RegistrationId,
    session: SessionId,
    created: Option<&std::sync::Arc<Registration>>,
) -> usize {
    let created = created.map_or(0, |registration| {
        broker.announce(uris::REGISTRATION_ON_CREATE, || {
            RpcResult::new().arg(session).arg(RegistrationInfo::of(registration))
        })
    });
    let payload = || RpcResult::new().arg(session).arg(id);
    created.saturating_add(broker.announce(uris::REGISTRATION_ON_REGISTER, payload))
}

/// A session is a callee no more; with its last callee a registration is over.
pub(super) fn unregistered(broker: &Broker, id: RegistrationId, session: SessionId, is_over: bool) -> usize {
    let payload = || RpcResult::new().arg(session).arg(id);
    let ended = broker.announce(uris::REGISTRATION_ON_UNREGISTER, payload);
    let deleted = if is_over { broker.announce(uris::REGISTRATION_ON_DELETE, payload) } else { 0 };
    ended.saturating_add(deleted)
}
