//! What both sides say at the end of a session.

use crate::wire::{Abort, AbortDetails, Codec, Goodbye, GoodbyeDetails, Message, Payload, Uri};

/// GOODBYE with a reason and, for people, a message.
pub(super) fn goodbye(reason: Uri, message: Option<&str>) -> Message {
    let details = GoodbyeDetails { message: message.map(Into::into) };
    Message::Goodbye(Box::new(Goodbye { details: details.into(), reason }))
}

/// ABORT with a reason and, for people, a message.
pub(super) fn abort(reason: Uri, message: Option<&str>) -> Message {
    let details = AbortDetails { message: message.map(Into::into) };
    Message::Abort(Box::new(Abort { details: details.into(), reason, payload: Payload::empty(Codec::Json) }))
}
