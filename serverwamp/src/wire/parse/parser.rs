//! The messages of one client, most of which are CALLs that begin alike, or YIELDs.

use bytes::Bytes;

use super::ParseError;
use crate::wire::{
    codec::Codec,
    id::RequestId,
    messages::{Call, Message, Yield},
    options::Options,
    payload::Payload,
    scan::{Beginning, ScanLimits, Usual, scan_usual},
    uri::Uri,
};

/// Reads the messages of one client, and remembers what its CALLs and YIELDs are like.
#[derive(Debug)]
pub(crate) struct Parser {
    codec: Codec,
    /// What the last CALL was for.
    procedure: Option<Uri>,
    /// How CALLs of this procedure begin if they have no options, once there were two in a row.
    beginning: Option<Beginning>,
    /// How YIELDs begin if they have no options, once there was one.
    of_yields: Option<Box<Beginning>>,
}

impl Parser {
    pub(crate) const fn new(codec: Codec) -> Self {
        Self { codec, procedure: None, beginning: None, of_yields: None }
    }

    /// Reads a message, checking it completely.
    ///
    /// # Errors
    /// Whatever is not a message of the protocol, or exceeds the limits.
    pub(crate) fn parse(&mut self, bytes: Bytes, limits: ScanLimits) -> Result<Message, ParseError> {
        if let (Some(procedure), Some(beginning)) = (&self.procedure, &self.beginning)
            && let Some(call) = scan_usual(self.codec, &bytes, limits, beginning)
            && let Some(request) = RequestId::new(call.request)
        {
            return Ok(usual_call(self.codec, bytes, request, procedure.clone(), call));
        }
        if let Some(beginning) = &self.of_yields
            && let Some(result) = scan_usual(self.codec, &bytes, limits, beginning)
            && let Some(request) = RequestId::new(result.request)
        {
            return Ok(usual_yield(self.codec, bytes, request, &result));
        }
        let message = Message::parse_likely(self.codec, bytes.clone(), limits, self.procedure.as_ref())?;
        match &message {
            Message::Call(call) => self.learn(&bytes, call),
            Message::Yield(result) if self.of_yields.is_none() && result.options.raw().octets() == 0 => {
                self.of_yields = Beginning::of_yield(self.codec, &bytes).map(Box::new);
            }
            _ => {}
        }
        Ok(message)
    }

    fn learn(&mut self, bytes: &[u8], call: &Call) {
        if self.procedure.as_ref() != Some(&call.procedure) {
            self.procedure = Some(call.procedure.clone());
            self.beginning = None;
        } else if self.beginning.is_none() && call.options.raw().octets() == 0 {
            self.beginning = Beginning::of_call(self.codec, bytes);
        }
    }

    #[cfg(test)]
    pub(super) fn has_learned(&self) -> bool {
        self.beginning.is_some() || self.of_yields.is_some()
    }
}

#[inline]
fn usual_call(codec: Codec, bytes: Bytes, request: RequestId, procedure: Uri, call: Usual) -> Message {
    let payload = usual_payload(codec, bytes, &call);
    let slots = call.slots;
    Message::Call(Box::new(Call { request, options: Options::default(), procedure, payload, slots }))
}

#[inline]
fn usual_yield(codec: Codec, bytes: Bytes, request: RequestId, result: &Usual) -> Message {
    let payload = usual_payload(codec, bytes, result);
    Message::Yield(Box::new(Yield { request, options: Options::default(), payload }))
}

#[inline]
fn usual_payload(codec: Codec, bytes: Bytes, usual: &Usual) -> Payload {
    let Usual { args, kwargs, .. } = *usual;
    match args {
        Some(_) => Payload { codec, bytes: bytes.into(), args, kwargs, opaque: None },
        None => Payload::empty(codec),
    }
}
