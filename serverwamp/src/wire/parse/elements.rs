//! The elements of a message's list, read one after another.

use std::ops::RangeInclusive;

use bytes::Bytes;

use super::{INVALID_URI, ParseError};
use crate::wire::{
    codec::{Codec, Read, Reader, Token},
    id::RequestId,
    messages::MessageType,
    options::{Dictionary, Entry, Options, Passthru, Problem, Source},
    payload::Payload,
    scan::{Scanned, Span},
    uri::{MatchPolicy, Uri, UriError},
};

/// A scanned message whose next element is to be read.
pub(super) struct Elements {
    codec: Codec,
    bytes: Bytes,
    scanned: Scanned,
    kind: MessageType,
    next: usize,
}

impl Elements {
    /// Begins after the message type.
    pub(super) fn new(codec: Codec, bytes: Bytes, scanned: Scanned, kind: MessageType) -> Self {
        Self { codec, bytes, scanned, kind, next: 1 }
    }

    pub(super) fn kind(&self) -> MessageType {
        self.kind
    }

    /// Checks the number of elements, the message type included.
    pub(super) fn check_count(&self, allowed: RangeInclusive<usize>) -> Result<(), ParseError> {
        if allowed.contains(&self.scanned.elements.len()) { Ok(()) } else { Err(self.wrong_count(&allowed)) }
    }

    #[cold]
    fn wrong_count(&self, allowed: &RangeInclusive<usize>) -> ParseError {
        let (least, most) = (allowed.start(), allowed.end());
        let expected = if least == most { least.to_string() } else { format!("{least} to {most}") };
        let got = self.scanned.elements.len();
        ParseError::Violation(format!("{}: expected {expected} elements, got {got}", self.kind))
    }

    fn take(&mut self) -> Option<Span> {
        let span = self.scanned.elements.get(self.next).copied();
        self.next = self.next.saturating_add(1);
        span
    }

    #[inline]
    fn violation(&self, name: &str, problem: Problem) -> ParseError {
        ParseError::Violation(problem.within(&format!("{}.{name}", self.kind)).to_string())
    }

    /// The next element, of any type that is not about URIs of requests.
    #[inline]
    pub(super) fn entry<T: Entry>(&mut self, name: &str) -> Result<T, ParseError> {
        let span = self.take().unwrap_or_default();
        let mut source = Source::new(self.codec, span.of(&self.bytes));
        T::read(&mut source).map_err(|problem| self.violation(name, problem))
    }

    #[inline]
    pub(super) fn options<T: Dictionary>(&mut self, name: &str) -> Result<Options<T>, ParseError> {
        let span = self.take().unwrap_or_default();
        let dict = || self.bytes.slice(span.start as usize..span.end as usize);
        Options::parse(self.codec, span.of(&self.bytes), dict).map_err(|problem| self.violation(name, problem))
    }

    /// The URI or pattern that a client's request is about.
    #[inline]
    pub(super) fn uri(
        &mut self,
        name: &str,
        policy: MatchPolicy,
        request: RequestId,
        silent: bool,
    ) -> Result<Uri, ParseError> {
        let request_type = self.kind;
        self.checked_uri(name, policy, |message| ParseError::Refused {
            request_type,
            request,
            error: INVALID_URI,
            message,
            silent,
        })
    }

    pub(super) fn realm(&mut self, name: &str) -> Result<Uri, ParseError> {
        self.checked_uri(name, MatchPolicy::Exact, ParseError::InvalidRealm)
    }

    #[inline]
    fn checked_uri(
        &mut self,
        name: &str,
        policy: MatchPolicy,
        refusal: impl FnOnce(String) -> ParseError,
    ) -> Result<Uri, ParseError> {
        let span = self.take().unwrap_or_default();
        let checked = match Reader::new(self.codec, span.of(&self.bytes)).token() {
            Ok(Token::Text(text)) => {
                let text = text.to_cow();
                Uri::pattern(&text, policy).map_err(|error| refusal(no_uri(&self.kind_and(name), &text, error)))
            }
            Ok(token) => Err(self.violation(name, Problem::unexpected("a URI", &token))),
            Err(error) => Err(self.violation(name, error.into())),
        };
        checked
    }

    fn kind_and(&self, name: &str) -> String {
        format!("{}.{name}", self.kind)
    }

    /// The type of the request that an ERROR is about.
    pub(super) fn request_type(&mut self) -> Result<MessageType, ParseError> {
        let code = self.entry::<u64>("REQUEST.Type")?;
        MessageType::from_code(code).filter(|kind| kind.has_error()).ok_or_else(|| {
            let problem = Problem::new("the type of a request that can fail", code.to_string());
            self.violation("REQUEST.Type", problem)
        })
    }

    /// The rest of UNSUBSCRIBED or UNREGISTERED: the request that it answers, or 0 and the details of a revocation.
    pub(super) fn end_of_request<T: Dictionary>(&mut self) -> Result<(Option<RequestId>, Options<T>), ParseError> {
        self.check_count(2..=3)?;
        if self.scanned.elements.len() == 2 {
            return Ok((Some(self.entry("Request")?), Options::default()));
        }
        match self.entry::<u64>("Request")? {
            0 => Ok((None, self.options("Details")?)),
            request => {
                let problem = Problem::new("0 before the details of a revocation", request.to_string());
                Err(self.violation("Request", problem))
            }
        }
    }

    /// Arguments and ArgumentsKw, which end the message. One binary or string takes the place of both if the options
    /// name an algorithm for it.
    #[inline]
    pub(super) fn payload(&mut self, passthru: Option<&Passthru>) -> Result<Payload, ParseError> {
        let mut payload = Payload::empty(self.codec);
        let Some(span) = self.take() else { return Ok(payload) };
        let kwargs = self.take();
        match self.head(span) {
            Some(Token::List(_)) => payload.args = Some(span),
            Some(Token::Text(_) | Token::Binary(_))
                if kwargs.is_none() && passthru.is_some_and(|passthru| passthru.enc_algo.is_some()) =>
            {
                payload.opaque = Some(span);
            }
            head => return Err(self.unexpected("Arguments", "a list", head)),
        }
        if let Some(kwargs) = kwargs {
            match self.head(kwargs) {
                Some(Token::Map(_)) => payload.kwargs = Some(kwargs),
                head => return Err(self.unexpected("ArgumentsKw", "a dict", head)),
            }
        }
        payload.slots = Some(std::mem::take(&mut self.scanned.slots));
        payload.bytes = std::mem::take(&mut self.bytes);
        Ok(payload)
    }

    #[inline]
    fn head(&self, span: Span) -> Option<Token<'_>> {
        Reader::new(self.codec, span.of(&self.bytes)).token().ok()
    }

    #[cold]
    fn unexpected(&self, name: &str, expected: &'static str, head: Option<Token<'_>>) -> ParseError {
        let got = head.map_or("nothing", |head| head.kind());
        self.violation(name, Problem::new(expected, got))
    }
}

#[cold]
fn no_uri(name: &str, text: &str, error: UriError) -> String {
    let text: String = text.chars().take(64).collect();
    format!("{name}: {text:?} is not accepted: {error}")
}
