//! Which limits hold for a connection: the server's, and for a session those of its realm.

use tokio::time::Instant;

use super::Connection;
use crate::limits::Limits;
use crate::session::ServerLimits;
use crate::transport::Transport;

impl<T> Connection<T> {
    /// The limits that hold now.
    pub(super) fn limits(&self) -> &Limits {
        self.joined.as_ref().map_or(&self.shared.limits, |joined| joined.realm.limits())
    }
}

impl<T: Transport> Connection<T> {
    /// Lets the limits hold of the realm that was joined, or those of the server once it was left.
    pub(super) fn apply_limits(&mut self, now: Instant) {
        let limits = match &self.joined {
            Some(joined) => {
                let limits = joined.realm.limits();
                self.transport.set_message_size(limits.message_size);
                // When the session is over the peer still has as much to read as it was allowed: this stays.
                self.outbound_bytes = limits.outbound_bytes;
                limits
            }
            None => {
                self.transport.set_message_size(self.shared.limits.message_size_before_welcome);
                &self.shared.limits
            }
        };
        self.session.set_limits(ServerLimits::new(limits));
        self.timers.set_limits(limits, now);
    }
}
