//! The messages of one client, most of which are CALLs that begin alike.

use bytes::Bytes;

use super::ParseError;
use crate::wire::{
    codec::Codec,
    id::RequestId,
    messages::{Call, Message},
    options::Options,
    payload::Payload,
    scan::{CallBeginning, ScanLimits, UsualCall, scan_usual_call},
    uri::Uri,
};

/// Reads the messages of one client, and remembers what its CALLs are like.
#[derive(Debug)]
pub(crate) struct Parser {
    codec: Codec,
    /// What the last CALL was for.
    procedure: Option<Uri>,
    /// How CALLs of this procedure begin if they have no options, once there were two in a row.
    beginning: Option<CallBeginning>,
}

impl Parser {
    pub(crate) const fn new(codec: Codec) -> Self {
        Self { codec, procedure: None, beginning: None }
    }

    /// Reads a message, checking it completely.
    ///
    /// # Errors
    /// Whatever is not a message of the protocol, or exceeds the limits.
    pub(crate) fn parse(&mut self, bytes: Bytes, limits: ScanLimits) -> Result<Message, ParseError> {
        if let (Some(procedure), Some(beginning)) = (&self.procedure, &self.beginning)
            && let Some(call) = scan_usual_call(self.codec, &bytes, limits, beginning)
            && let Some(request) = RequestId::new(call.request)
        {
            return Ok(usual_call(self.codec, bytes, request, procedure.clone(), call));
        }
        let message = Message::parse_likely(self.codec, bytes.clone(), limits, self.procedure.as_ref())?;
        if let Message::Call(call) = &message {
            self.learn(&bytes, call);
        }
        Ok(message)
    }

    fn learn(&mut self, bytes: &[u8], call: &Call) {
        if self.procedure.as_ref() != Some(&call.procedure) {
            self.procedure = Some(call.procedure.clone());
            self.beginning = None;
        } else if self.beginning.is_none() && call.options.raw().octets() == 0 {
            self.beginning = CallBeginning::of(self.codec, bytes);
        }
    }

    #[cfg(test)]
    pub(super) fn has_learned(&self) -> bool {
        self.beginning.is_some()
    }
}

#[inline]
fn usual_call(codec: Codec, bytes: Bytes, request: RequestId, procedure: Uri, call: UsualCall) -> Message {
    let UsualCall { args, kwargs, slots, .. } = call;
    let payload = match args {
        Some(_) => Payload { codec, bytes: bytes.into(), args, kwargs, opaque: None },
        None => Payload::empty(codec),
    };
    Message::Call(Box::new(Call { request, options: Options::default(), procedure, payload, slots }))
}
