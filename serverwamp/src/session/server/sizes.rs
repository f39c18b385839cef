//! What is larger than the peer takes.

use super::{Action, ServerSession};
use crate::session::words::{abort, goodbye};
use crate::wire::{self, Features, Message, MessageType, Payload, RequestId, Roles, Uri, uris};

impl ServerSession {
    /// Sets how many octets of a message the peer takes; before, and for most peers, that is any number.
    pub(crate) fn set_peer_message_size(&mut self, octets: usize) {
        self.peer_message_size = octets;
    }

    /// Whether the peer takes an EVENT that others have encoded. If not, the session ends: without it there were a gap.
    pub(crate) fn admits_event(&mut self, message: &[u8]) -> bool {
        let admitted = message.len() <= self.peer_message_size;
        if !admitted {
            self.actions.push_back(Action::LimitMet("peer_message_size"));
            self.abort_as_too_large(MessageType::Event);
        }
        admitted
    }

    /// Takes back what was written last, if it is too large for the peer.
    pub(super) fn takes_back_too_large(&mut self) -> bool {
        let is_too_large = self.output.take_back_above(self.peer_message_size);
        if is_too_large {
            self.actions.push_back(Action::LimitMet("peer_message_size"));
        }
        is_too_large
    }

    /// Says what can be said in fewer words; the session ends where that is not enough.
    #[cold]
    pub(super) fn write_shorter(&mut self, message: &Message) {
        let shorter = match message {
            Message::Abort(message) => Some(abort(message.reason.clone(), None)),
            Message::Goodbye(message) => Some(goodbye(message.reason.clone(), None)),
            Message::Welcome(message) => {
                let mut message = message.clone();
                let unfeatured = Some(Features::NONE);
                message.details.agent = None;
                message.details.roles = Some(Roles { dealer: unfeatured, broker: unfeatured, ..Roles::default() });
                Some(Message::Welcome(message))
            }
            _ => None,
        };
        let written = shorter.map(|shorter| self.output.write(|buffer| shorter.write(self.codec, buffer)));
        if written.is_none() || self.output.take_back_above(self.peer_message_size) {
            self.abort_as_too_large(message.kind());
        }
    }

    /// Gives up the payload of an error; and where a long URI is still too much, the URI.
    #[cold]
    pub(super) fn write_shorter_error(&mut self, request_type: MessageType, request: RequestId, error: &Uri) {
        let codec = self.codec;
        for error in [error, &Uri::known(uris::PAYLOAD_SIZE_EXCEEDED)] {
            let payload = Payload::empty(codec);
            let _ =
                self.output.write(|buffer| wire::write_error(codec, request_type, request, error, &payload, buffer));
            if !self.output.take_back_above(self.peer_message_size) {
                return;
            }
        }
    }

    #[cold]
    fn abort_as_too_large(&mut self, kind: MessageType) {
        let message = format!("{} does not fit into the {} octets that you take", kind.name(), self.peer_message_size);
        self.abort(&Uri::known(uris::PAYLOAD_SIZE_EXCEEDED), Some(&message));
    }
}
