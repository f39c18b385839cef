//! The messages of one peer, most of which begin alike: CALLs, and answers to calls.

use bytes::Bytes;

use super::ParseError;
use crate::wire::{
    codec::Codec,
    id::RequestId,
    messages::{Call, Message, ResultMessage, Yield},
    options::Options,
    payload::Payload,
    scan::{Beginning, ScanLimits, Usual, scan_usual},
    uri::Uri,
};

/// Reads the messages of one peer, and remembers what its CALLs and its answers are like.
#[derive(Debug)]
pub(crate) struct Parser {
    codec: Codec,
    /// What the last CALL was for.
    procedure: Option<Uri>,
    /// How CALLs of this procedure begin if they have no options, once there were two in a row.
    beginning: Option<Beginning>,
    /// How answers begin if they have no options, once there was one.
    of_answers: Option<Box<Answers>>,
}

/// What answers of a peer are like: YIELDs of a client, RESULTs of a router.
#[derive(Debug)]
struct Answers {
    beginning: Beginning,
    message: fn(RequestId, Payload) -> Message,
}

impl Parser {
    pub(crate) const fn new(codec: Codec) -> Self {
        Self { codec, procedure: None, beginning: None, of_answers: None }
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
        if let Some(answers) = &self.of_answers
            && let Some(answer) = scan_usual(self.codec, &bytes, limits, &answers.beginning)
            && let Some(request) = RequestId::new(answer.request)
        {
            return Ok((answers.message)(request, usual_payload(self.codec, bytes, &answer)));
        }
        let message = Message::parse_likely(self.codec, bytes.clone(), limits, self.procedure.as_ref())?;
        match &message {
            Message::Call(call) => self.learn(&bytes, call),
            Message::Yield(answer) if answer.options.raw().octets() == 0 => self.learn_answer(&bytes, usual_yield),
            Message::Result(answer) if answer.details.raw().octets() == 0 => self.learn_answer(&bytes, usual_result),
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

    fn learn_answer(&mut self, bytes: &[u8], message: fn(RequestId, Payload) -> Message) {
        if self.of_answers.is_none() {
            let beginning = Beginning::of_answer(self.codec, bytes);
            self.of_answers = beginning.map(|beginning| Box::new(Answers { beginning, message }));
        }
    }

    #[cfg(test)]
    pub(super) fn has_learned(&self) -> bool {
        self.beginning.is_some() || self.of_answers.is_some()
    }
}

#[inline]
fn usual_call(codec: Codec, bytes: Bytes, request: RequestId, procedure: Uri, call: Usual) -> Message {
    let payload = usual_payload(codec, bytes, &call);
    let slots = call.slots;
    Message::Call(Box::new(Call { request, options: Options::default(), procedure, payload, slots }))
}

fn usual_yield(request: RequestId, payload: Payload) -> Message {
    Message::Yield(Box::new(Yield { request, options: Options::default(), payload }))
}

fn usual_result(request: RequestId, payload: Payload) -> Message {
    Message::Result(Box::new(ResultMessage { request, details: Options::default(), payload }))
}

#[inline]
fn usual_payload(codec: Codec, bytes: Bytes, usual: &Usual) -> Payload {
    let Usual { args, kwargs, .. } = *usual;
    match args {
        Some(_) => Payload { codec, bytes: bytes.into(), args, kwargs, opaque: None },
        None => Payload::empty(codec),
    }
}
