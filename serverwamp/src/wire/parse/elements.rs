//! The elements of a message's list, read one after another.

use std::ops::RangeInclusive;

use bytes::Bytes;

use super::{INVALID_URI, ParseError};
use crate::wire::{
    codec::{Codec, Token},
    id::RequestId,
    messages::MessageType,
    options::{Dictionary, Entry, Options, Passthru, Problem, RawDict, Source},
    payload::Payload,
    scan::{Element, Scanned, Slots, Span},
    uri::{MatchPolicy, Uri, UriError},
};

/// A scanned message whose next element is to be read.
pub(super) struct Elements<'s, 'm> {
    codec: Codec,
    bytes: &'m Bytes,
    scanned: &'s mut Scanned<'m>,
    kind: MessageType,
    /// A URI that this message's is likely to be as well, and that then costs nothing.
    likely: Option<&'s Uri>,
    next: usize,
}

impl<'s, 'm> Elements<'s, 'm> {
    /// Begins after the message type.
    pub(super) fn new(
        codec: Codec,
        bytes: &'m Bytes,
        scanned: &'s mut Scanned<'m>,
        kind: MessageType,
        likely: Option<&'s Uri>,
    ) -> Self {
        Self { codec, bytes, scanned, kind, likely, next: 1 }
    }

    pub(super) fn kind(&self) -> MessageType {
        self.kind
    }

    /// Checks the number of elements, the message type included.
    pub(super) fn check_count(&self, allowed: RangeInclusive<usize>) -> Result<(), ParseError> {
        if allowed.contains(&self.scanned.count) { Ok(()) } else { Err(self.wrong_count(&allowed)) }
    }

    #[cold]
    fn wrong_count(&self, allowed: &RangeInclusive<usize>) -> ParseError {
        let (least, most) = (allowed.start(), allowed.end());
        let expected = if least == most { least.to_string() } else { format!("{least} to {most}") };
        let got = self.scanned.count;
        ParseError::Violation(format!("{}: expected {expected} elements, got {got}", self.kind))
    }

    #[inline]
    fn take(&mut self) -> Option<Element<'m>> {
        let element = self.scanned.elements().get(self.next).copied();
        self.next = self.next.wrapping_add(1);
        element
    }

    /// The next element, which the check of the count has found to be there.
    #[inline]
    fn take_counted(&mut self) -> Element<'m> {
        self.take().unwrap_or(Element { token: Token::Null, span: Span::default() })
    }

    #[cold]
    fn violation(&self, name: &str, problem: Problem) -> ParseError {
        ParseError::Violation(problem.within(&format!("{}.{name}", self.kind)).to_string())
    }

    /// The next element, a single value.
    #[inline]
    pub(super) fn entry<T: Entry>(&mut self, name: &str) -> Result<T, ParseError> {
        let element = self.take_counted();
        T::read(element.token, &mut Source::new(self.codec, &[])).map_err(|problem| self.violation(name, problem))
    }

    /// The next element, a dict that is kept as it came.
    pub(super) fn raw_dict(&mut self, name: &str) -> Result<RawDict, ParseError> {
        let Element { token, span } = self.take_counted();
        match token {
            Token::Map(_) => Ok(RawDict::new(self.codec, self.slice(span))),
            token => Err(self.violation(name, Problem::unexpected("a dict", &token))),
        }
    }

    #[inline]
    pub(super) fn options<T: Dictionary>(&mut self, name: &str) -> Result<Options<T>, ParseError> {
        let span = self.take_counted().span;
        Options::parse(self.codec, span.of(self.bytes), || self.slice(span))
            .map_err(|problem| self.violation(name, problem))
    }

    fn slice(&self, span: Span) -> Bytes {
        self.bytes.slice_ref(span.of(self.bytes))
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
        match self.take_counted().token {
            Token::Text(text) => {
                let text = text.to_cow();
                if let Some(likely) = self.likely.filter(|likely| *text == ***likely && policy == MatchPolicy::Exact) {
                    return Ok(likely.clone());
                }
                Uri::pattern(&text, policy).map_err(|error| {
                    let refusal = refusal(no_uri(&self.kind_and(name), &text, error));
                    match error {
                        UriError::TooLong => ParseError::Limit("uri_length", Box::new(refusal)),
                        UriError::ForbiddenCharacter | UriError::EmptyComponent => refusal,
                    }
                })
            }
            token => Err(self.violation(name, Problem::unexpected("a URI", &token))),
        }
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
        if self.scanned.count == 2 {
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

    /// Where the single arguments are.
    #[inline]
    pub(super) fn take_slots(&mut self) -> Slots {
        std::mem::take(&mut self.scanned.slots)
    }

    /// Arguments and ArgumentsKw, which end the message. One binary or string takes the place of both if the options
    /// name an algorithm for it. The payload is given the message's bytes once nothing borrows from them.
    #[inline]
    pub(super) fn payload(&mut self, passthru: Option<&Passthru>) -> Result<Payload, ParseError> {
        let mut payload = Payload::empty(self.codec);
        let Some(args) = self.take() else { return Ok(payload) };
        let kwargs = self.take();
        match args.token {
            Token::List(_) => payload.args = Some(args.span),
            Token::Text(_) | Token::Binary(_)
                if kwargs.is_none() && passthru.is_some_and(|passthru| passthru.enc_algo.is_some()) =>
            {
                payload.opaque = Some(args.span);
            }
            token => return Err(self.violation("Arguments", Problem::unexpected("a list", &token))),
        }
        if let Some(kwargs) = kwargs {
            match kwargs.token {
                Token::Map(_) => payload.kwargs = Some(kwargs.span),
                token => return Err(self.violation("ArgumentsKw", Problem::unexpected("a dict", &token))),
            }
        }
        Ok(payload)
    }
}

#[cold]
fn no_uri(name: &str, text: &str, error: UriError) -> String {
    let text: String = text.chars().take(64).collect();
    format!("{name}: {text:?} is not accepted: {error}")
}
