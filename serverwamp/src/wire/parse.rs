//! Bytes → messages.

mod elements;
mod parser;
#[cfg(test)]
mod tests;

use std::fmt;

use bytes::Bytes;

use self::elements::Elements;
pub(crate) use self::parser::Parser;
use super::{
    codec::{Codec, Read, ReadError, Token},
    id::RequestId,
    messages::{
        Abort, Authenticate, Call, Cancel, Challenge, ErrorMessage, Event, EventReceived, Goodbye, Hello, Interrupt,
        Invocation, Message, MessageType, Publish, Published, Register, Registered, ResultMessage, Subscribe,
        Subscribed, Unregister, Unregistered, Unsubscribe, Unsubscribed, Welcome, Yield,
    },
    options::{
        CallOptions, Entry, ErrorDetails, EventDetails, InvocationDetails, Problem, PublishOptions, RegisterOptions,
        ResultDetails, Source, SubscribeOptions, YieldOptions,
    },
    scan::{Element, ScanLimits, Scanned, peek_request, scan_message},
    uri::{MatchPolicy, Uri},
};

const INVALID_URI: &str = "wamp.error.invalid_uri";
const INVALID_ARGUMENT: &str = "wamp.error.invalid_argument";

/// Why bytes are not an acceptable message, and what the peer is to get for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ParseError {
    /// The session ends with ABORT `wamp.error.protocol_violation`. Says what was expected and what came.
    Violation(String),
    /// The request gets an ERROR, unless it is one that must not be answered. Where a limit is exceeded it may also be an
    /// invocation, or the result of one or of a call.
    Refused { request_type: MessageType, request: RequestId, error: &'static str, message: String, silent: bool },
    /// HELLO gets ABORT `wamp.error.invalid_uri`.
    InvalidRealm(String),
    /// The message exceeds the limit of this name; what the peer gets for that.
    Limit(&'static str, Box<ParseError>),
}

impl fmt::Display for ParseError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Violation(message) | Self::Refused { message, .. } | Self::InvalidRealm(message) => {
                formatter.write_str(message)
            }
            Self::Limit(_, refusal) => refusal.fmt(formatter),
        }
    }
}

impl std::error::Error for ParseError {}

impl Message {
    /// Reads a message, checking it completely.
    ///
    /// # Errors
    /// Whatever is not a message of the protocol, or exceeds the limits.
    pub(crate) fn parse(codec: Codec, bytes: Bytes, limits: ScanLimits) -> Result<Self, ParseError> {
        Self::parse_likely(codec, bytes, limits, None)
    }

    /// Reads a message that is likely to be about the same URI as one before it, an exact one.
    fn parse_likely(codec: Codec, bytes: Bytes, limits: ScanLimits, likely: Option<&Uri>) -> Result<Self, ParseError> {
        let mut kind = None;
        let arguments_at = |code| {
            kind = MessageType::from_code(code);
            kind?.arguments_index()
        };
        let mut scanned = Scanned::new();
        if let Err(error) = scan_message(codec, &bytes, limits, arguments_at, &mut scanned) {
            return Err(match error.kind.limit() {
                Some(limit) => ParseError::Limit(limit, Box::new(refuse_excessive(codec, &bytes, error))),
                None => unacceptable(codec, error),
            });
        }
        let Some(kind) = kind else { return Err(no_message_type(scanned.elements().first())) };
        let mut message = parse_elements(&mut Elements::new(codec, &bytes, &mut scanned, kind, likely))?;
        if let Some(payload) = message.payload_mut().filter(|payload| !payload.is_empty()) {
            payload.bytes = bytes.into();
        }
        Ok(message)
    }
}

#[cold]
fn no_message_type(first: Option<&Element<'_>>) -> ParseError {
    const EXPECTED: &str = "a message type";
    let problem = match first.map(|first| (first.token, first.token.as_u64())) {
        None => Problem::new(EXPECTED, "an empty list"),
        Some((_, Some(code))) => return ParseError::Violation(format!("unknown message type {code}")),
        Some((token, None)) => Problem::unexpected(EXPECTED, &token),
    };
    ParseError::Violation(problem.to_string())
}

/// What exceeds the limits is the failure of a request, an invocation or a result alone, if it can be told of which.
#[cold]
fn refuse_excessive(codec: Codec, bytes: &[u8], error: ReadError) -> ParseError {
    if let Some((code, request)) = peek_request(codec, bytes)
        && let Some(request_type) = MessageType::from_code(code).filter(|kind| {
            kind.is_client_request()
                || matches!(kind, MessageType::Invocation | MessageType::Yield | MessageType::Result)
        })
        && let Some(request) = RequestId::new(request)
    {
        return ParseError::Refused {
            request_type,
            request,
            error: INVALID_ARGUMENT,
            message: error.to_string(),
            silent: request_type == MessageType::Publish && !peek_acknowledge(codec, bytes).unwrap_or(false),
        };
    }
    unacceptable(codec, error)
}

#[cold]
fn unacceptable(codec: Codec, error: ReadError) -> ParseError {
    ParseError::Violation(format!("the message is not acceptable {codec}: {error}"))
}

/// Whether a PUBLISH that could not be scanned to its end is to be acknowledged.
fn peek_acknowledge(codec: Codec, bytes: &[u8]) -> Result<bool, Problem> {
    let mut source = Source::new(codec, bytes);
    let Token::List(mut items) = source.token()? else { return Ok(false) };
    for _ in 0..2 {
        source.more(&mut items)?;
        source.token()?;
    }
    source.more(&mut items)?;
    let options = source.token()?;
    Ok(PublishOptions::read(options, &mut source)?.acknowledge == Some(true))
}

fn parse_elements(elements: &mut Elements<'_, '_>) -> Result<Message, ParseError> {
    Ok(match elements.kind() {
        MessageType::Hello => {
            elements.check_count(3..=3)?;
            let realm = elements.realm("Realm")?;
            Message::Hello(Box::new(Hello { realm, details: elements.options("Details")? }))
        }
        MessageType::Welcome => {
            elements.check_count(3..=3)?;
            let session = elements.entry("Session")?;
            Message::Welcome(Box::new(Welcome { session, details: elements.options("Details")? }))
        }
        MessageType::Abort => {
            elements.check_count(3..=5)?;
            let details = elements.options("Details")?;
            Message::Abort(Box::new(Abort {
                details,
                reason: elements.entry("Reason")?,
                payload: elements.payload(None)?,
            }))
        }
        MessageType::Challenge => {
            elements.check_count(3..=3)?;
            Message::Challenge(Box::new(Challenge {
                method: elements.entry("AuthMethod")?,
                extra: elements.raw_dict("Extra")?,
            }))
        }
        MessageType::Authenticate => {
            elements.check_count(3..=3)?;
            let signature = elements.entry("Signature")?;
            Message::Authenticate(Box::new(Authenticate { signature, extra: elements.raw_dict("Extra")? }))
        }
        MessageType::Goodbye => {
            elements.check_count(3..=3)?;
            Message::Goodbye(Box::new(Goodbye {
                details: elements.options("Details")?,
                reason: elements.entry("Reason")?,
            }))
        }
        MessageType::Error => {
            elements.check_count(5..=7)?;
            let request_type = elements.request_type()?;
            let request = elements.entry("Request")?;
            let details = elements.options::<ErrorDetails>("Details")?;
            let error = elements.entry("Error")?;
            let payload = elements.payload(details.passthru.get())?;
            Message::Error(Box::new(ErrorMessage { request_type, request, details, error, payload }))
        }
        MessageType::Publish => {
            elements.check_count(4..=6)?;
            let request = elements.entry("Request")?;
            let options = elements.options::<PublishOptions>("Options")?;
            let silent = options.acknowledge != Some(true);
            let topic = elements.uri("Topic", MatchPolicy::Exact, request, silent)?;
            let payload = elements.payload(options.passthru.get())?;
            Message::Publish(Box::new(Publish { request, options, topic, payload }))
        }
        MessageType::Published => {
            elements.check_count(3..=3)?;
            let request = elements.entry("Request")?;
            Message::Published(Published { request, publication: elements.entry("Publication")? })
        }
        MessageType::Subscribe => {
            elements.check_count(4..=4)?;
            let request = elements.entry("Request")?;
            let options = elements.options::<SubscribeOptions>("Options")?;
            let topic = elements.uri("Topic", options.match_policy.unwrap_or_default(), request, false)?;
            Message::Subscribe(Box::new(Subscribe { request, options, topic }))
        }
        MessageType::Subscribed => {
            elements.check_count(3..=3)?;
            let request = elements.entry("Request")?;
            Message::Subscribed(Subscribed { request, subscription: elements.entry("Subscription")? })
        }
        MessageType::Unsubscribe => {
            elements.check_count(3..=3)?;
            let request = elements.entry("Request")?;
            Message::Unsubscribe(Unsubscribe { request, subscription: elements.entry("Subscription")? })
        }
        MessageType::Unsubscribed => {
            let (request, details) = elements.end_of_request()?;
            Message::Unsubscribed(Box::new(Unsubscribed { request, details }))
        }
        MessageType::Event => {
            elements.check_count(4..=6)?;
            let subscription = elements.entry("Subscription")?;
            let publication = elements.entry("Publication")?;
            let details = elements.options::<EventDetails>("Details")?;
            let payload = elements.payload(details.passthru.get())?;
            Message::Event(Box::new(Event { subscription, publication, details, payload }))
        }
        MessageType::EventReceived => {
            elements.check_count(2..=2)?;
            Message::EventReceived(EventReceived { publication: elements.entry("Publication")? })
        }
        MessageType::Call => {
            elements.check_count(4..=6)?;
            let request = elements.entry("Request")?;
            let options = elements.options::<CallOptions>("Options")?;
            let procedure = elements.uri("Procedure", MatchPolicy::Exact, request, false)?;
            let payload = elements.payload(options.passthru.get())?;
            Message::Call(Box::new(Call { request, options, procedure, payload, slots: elements.take_slots() }))
        }
        MessageType::Cancel => {
            elements.check_count(3..=3)?;
            Message::Cancel(Box::new(Cancel {
                request: elements.entry("Request")?,
                options: elements.options("Options")?,
            }))
        }
        MessageType::Result => {
            elements.check_count(3..=5)?;
            let request = elements.entry("Request")?;
            let details = elements.options::<ResultDetails>("Details")?;
            let payload = elements.payload(details.passthru.get())?;
            Message::Result(Box::new(ResultMessage { request, details, payload }))
        }
        MessageType::Register => {
            elements.check_count(4..=4)?;
            let request = elements.entry("Request")?;
            let options = elements.options::<RegisterOptions>("Options")?;
            let procedure = elements.uri("Procedure", options.match_policy.unwrap_or_default(), request, false)?;
            Message::Register(Box::new(Register { request, options, procedure }))
        }
        MessageType::Registered => {
            elements.check_count(3..=3)?;
            let request = elements.entry("Request")?;
            Message::Registered(Registered { request, registration: elements.entry("Registration")? })
        }
        MessageType::Unregister => {
            elements.check_count(3..=3)?;
            let request = elements.entry("Request")?;
            Message::Unregister(Unregister { request, registration: elements.entry("Registration")? })
        }
        MessageType::Unregistered => {
            let (request, details) = elements.end_of_request()?;
            Message::Unregistered(Box::new(Unregistered { request, details }))
        }
        MessageType::Invocation => {
            elements.check_count(4..=6)?;
            let request = elements.entry("Request")?;
            let registration = elements.entry("Registration")?;
            let details = elements.options::<InvocationDetails>("Details")?;
            let payload = elements.payload(details.passthru.get())?;
            Message::Invocation(Box::new(Invocation { request, registration, details, payload }))
        }
        MessageType::Interrupt => {
            elements.check_count(3..=3)?;
            let request = elements.entry("Request")?;
            Message::Interrupt(Box::new(Interrupt { request, options: elements.options("Options")? }))
        }
        MessageType::Yield => {
            elements.check_count(3..=5)?;
            let request = elements.entry("Request")?;
            let options = elements.options::<YieldOptions>("Options")?;
            let payload = elements.payload(options.passthru.get())?;
            Message::Yield(Box::new(Yield { request, options, payload }))
        }
    })
}
