//! What a client offers to others: REGISTER, UNREGISTER.

use super::Connection;
use crate::routing::is_reserved;
use crate::transport::Transport;
use crate::wire::{MessageType, Register, Unregister, uris};

impl<T: Transport> Connection<T> {
    /// A client offers a procedure.
    pub(super) fn register(&mut self, register: &Register) {
        let procedure = &register.procedure;
        let (error, message) = match is_reserved(procedure) {
            true => (uris::INVALID_URI, format!("`{procedure}` is a procedure of the protocol")),
            false => (uris::NOT_AUTHORIZED, "this realm takes no procedures from clients".to_owned()),
        };
        self.session.refuse(MessageType::Register, register.request, error, &message);
    }

    /// A client withdraws a procedure.
    pub(super) fn unregister(&mut self, unregister: &Unregister) {
        let message = format!("there is no registration {}", unregister.registration);
        self.session.refuse(MessageType::Unregister, unregister.request, uris::NO_SUCH_REGISTRATION, &message);
    }
}
