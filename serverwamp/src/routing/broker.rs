//! Topics. No function serves one yet, so that every request is answered with why it is refused.

use crate::wire::{Publish, Subscribe, Uri, uris};

/// The broker of one realm.
///
/// WAMP: publish and subscribe, broker, basic profile.
#[derive(Debug)]
pub(crate) struct Broker;

impl Broker {
    /// Why a subscription is refused: an error URI and a message.
    pub(crate) fn subscribe(&self, subscribe: &Subscribe) -> (Uri, String) {
        (Uri::known(uris::INVALID_URI), format!("no topic matches `{}`", subscribe.topic))
    }

    /// Why a publication is refused, for a publisher that asked for an acknowledgement.
    pub(crate) fn publish(&self, publish: &Publish) -> (Uri, String) {
        (Uri::known(uris::NOT_AUTHORIZED), format!("clients may not publish to `{}`", publish.topic))
    }
}
