//! The one pass over what a peer sent: well-formedness, depth, number of values, and where everything is.

use smallvec::SmallVec;

use super::codec::{Cbor, Codec, Expected, Head, Items, Json, MessagePack, Read, ReadError, Reader, Token};

/// No limit on depth exceeds this, so that recursion over nested values is safe on the smallest stack in use.
pub(crate) const MAX_DEPTH: usize = 128;

/// How many newtypes and options of Rust may be within each other in one value: no octet of it stands for them, so that a
/// type that is read or written by way of itself would go on for ever.
pub(crate) const MAX_WRAPPERS: usize = 4 * MAX_DEPTH;

/// How much a message may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ScanLimits {
    /// How deep lists and dicts may nest, the message itself included; never more than [`MAX_DEPTH`].
    pub(crate) depth: usize,
    /// How many values and keys there may be, at all depths together.
    pub(crate) nodes: usize,
}

impl ScanLimits {
    /// For what this process has written itself.
    pub(crate) const NONE: Self = Self { depth: MAX_DEPTH, nodes: usize::MAX };
}

/// A range of bytes within a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    pub(crate) fn new(start: usize, end: usize) -> Result<Self, ReadError> {
        match (u32::try_from(start), u32::try_from(end)) {
            (Ok(start), Ok(end)) => Ok(Self { start, end }),
            _ => Err(ReadError::malformed(Expected::LessInput, start)),
        }
    }

    /// The bytes of this range.
    #[inline]
    pub(crate) fn of(self, bytes: &[u8]) -> &[u8] {
        bytes.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// Where the single arguments of a payload are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Slots {
    pub(crate) args: SmallVec<[Span; 4]>,
    /// Encoded key and encoded value of each keyword argument.
    pub(crate) kwargs: SmallVec<[(Span, Span); 2]>,
}

/// The most elements that a message of the protocol has.
const MAX_ELEMENTS: usize = 7;

/// An element of a message's list: its first token, and where it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element<'de> {
    pub(crate) token: Token<'de>,
    pub(crate) span: Span,
}

/// A message that was checked completely, and where its parts are.
#[derive(Debug)]
pub(crate) struct Scanned<'de> {
    elements: [Element<'de>; MAX_ELEMENTS],
    /// How many elements there are; those that no message has are not kept.
    pub(crate) count: usize,
    /// The single arguments, if the message has any.
    pub(crate) slots: Slots,
}

impl<'de> Scanned<'de> {
    pub(crate) fn new() -> Self {
        const NONE: Element<'_> = Element { token: Token::Null, span: Span { start: 0, end: 0 } };
        Self { elements: [NONE; MAX_ELEMENTS], count: 0, slots: Slots::default() }
    }

    /// The elements of the message's list.
    #[inline]
    pub(crate) fn elements(&self) -> &[Element<'de>] {
        self.elements.get(..self.count).unwrap_or(&self.elements)
    }

    #[inline]
    fn push(&mut self, element: Element<'de>) {
        if let Some(place) = self.elements.get_mut(self.count) {
            *place = element;
        }
        self.count = self.count.wrapping_add(1);
    }
}

/// Checks a whole message and finds its parts, for a new `Scanned`. `arguments_at` says for a message type at which
/// index of the list its Arguments would be; ArgumentsKw follow them.
pub(crate) fn scan_message<'de>(
    codec: Codec,
    message: &'de [u8],
    limits: ScanLimits,
    arguments_at: impl FnOnce(u64) -> Option<usize>,
    scanned: &mut Scanned<'de>,
) -> Result<(), ReadError> {
    Span::new(0, message.len())?;
    match codec {
        Codec::Json => Scanner::new(Json::new(message), limits).message(arguments_at, scanned),
        Codec::MessagePack => Scanner::new(MessagePack::new(message), limits).message(arguments_at, scanned),
        Codec::Cbor => Scanner::new(Cbor::new(message), limits).message(arguments_at, scanned),
    }
}

/// What messages of one kind begin with, if only their requests differ: CALLs of one procedure, YIELDs, or RESULTs.
#[derive(Debug)]
pub(crate) struct Beginning {
    before_request: SmallVec<[u8; 8]>,
    /// The options, and what else comes before the arguments.
    behind_request: Box<[u8]>,
    /// How many values that is, with the list, the code and the request.
    nodes: usize,
    /// The rest of the message's list.
    rest: Items,
}

impl Beginning {
    /// The most octets that are remembered: whitespace may be as long as a message.
    const LONGEST: usize = 512;

    /// The beginning of a CALL that was scanned: its options and its procedure are remembered.
    pub(crate) fn of_call(codec: Codec, message: &[u8]) -> Option<Self> {
        Self::of(codec, message, 2)
    }

    /// The beginning of a YIELD or RESULT that was scanned: its options are remembered.
    pub(crate) fn of_answer(codec: Codec, message: &[u8]) -> Option<Self> {
        Self::of(codec, message, 1)
    }

    fn of(codec: Codec, message: &[u8], behind_request: usize) -> Option<Self> {
        let mut reader = Reader::new(codec, message);
        let start = reader.position();
        let Head::List(mut items) = reader.head().ok()? else { return None };
        let mut element = || {
            reader.more(&mut items).ok()?;
            let start = reader.position();
            skip(&mut reader, MAX_DEPTH).ok()?;
            Some((start, reader.position()))
        };
        let (_code, request) = (element()?, element()?);
        let mut last = request;
        for _ in 0..behind_request {
            last = element()?;
        }
        (last.1 <= Self::LONGEST).then_some(())?;
        Some(Self {
            before_request: message.get(start..request.0)?.into(),
            behind_request: message.get(request.1..last.1)?.into(),
            nodes: behind_request.saturating_add(3),
            rest: items,
        })
    }
}

/// A message that begins as one before it.
#[derive(Debug)]
pub(crate) struct Usual {
    pub(crate) request: u64,
    pub(crate) args: Option<Span>,
    pub(crate) kwargs: Option<Span>,
    pub(crate) slots: Slots,
}

/// Finds the parts of a message that has this beginning, of one without options. `None` for every other message and for
/// whatever is wrong with one: `scan_message` says what that is.
pub(crate) fn scan_usual(codec: Codec, message: &[u8], limits: ScanLimits, beginning: &Beginning) -> Option<Usual> {
    Span::new(0, message.len()).ok()?;
    match codec {
        Codec::Json => Scanner::new(Json::new(message), limits).usual(beginning),
        Codec::MessagePack => Scanner::new(MessagePack::new(message), limits).usual(beginning),
        Codec::Cbor => Scanner::new(Cbor::new(message), limits).usual(beginning),
    }
}

/// Finds the single arguments in a list of arguments and a dict of keyword arguments within `bytes`.
pub(crate) fn scan_payload(
    codec: Codec,
    bytes: &[u8],
    args: Option<Span>,
    kwargs: Option<Span>,
) -> Result<Slots, ReadError> {
    Span::new(0, bytes.len())?;
    let mut slots = Slots::default();
    let scanner = |span: Span| {
        let mut scanner = Scanner::new(Reader::new(codec, span.of(bytes)), ScanLimits::NONE);
        scanner.offset = span.start as usize;
        scanner
    };
    if let Some(span) = args {
        let mut scanner = scanner(span);
        let Head::List(items) = scanner.reader.head()? else {
            return Err(scanner.expected(Expected::Arguments));
        };
        scanner.args(items, MAX_DEPTH, &mut slots)?;
    }
    if let Some(span) = kwargs {
        let mut scanner = scanner(span);
        let Head::Map(items) = scanner.reader.head()? else {
            return Err(scanner.expected(Expected::ArgumentsKw));
        };
        scanner.kwargs(items, MAX_DEPTH, &mut slots)?;
    }
    Ok(slots)
}

/// Checks one whole encoded value.
#[cfg(any(test, fuzzing, feature = "cryptobox"))]
pub(crate) fn scan_value(codec: Codec, value: &[u8], limits: ScanLimits) -> Result<(), ReadError> {
    let mut scanner = Scanner::new(Reader::new(codec, value), limits);
    scanner.value(scanner.depth)?;
    scanner.reader.finish()
}

/// Passes one value that may nest to the given depth.
pub(crate) fn skip(reader: &mut Reader<'_>, depth: usize) -> Result<(), ReadError> {
    let mut scanner = Scanner::new(*reader, ScanLimits::NONE);
    scanner.value(depth.min(MAX_DEPTH))?;
    *reader = scanner.reader;
    Ok(())
}

/// The first two elements of a message that could not be scanned to its end: message type and request id, if the
/// message begins with them.
#[cold]
pub(crate) fn peek_request(codec: Codec, message: &[u8]) -> Option<(u64, u64)> {
    let mut reader = Reader::new(codec, message);
    let Token::List(mut items) = reader.token().ok()? else { return None };
    let mut integer = || reader.more(&mut items).ok()?.then(|| reader.token().ok()?.as_u64())?;
    Some((integer()?, integer()?))
}

struct Scanner<R> {
    reader: R,
    /// How many values and keys there may still be.
    nodes: usize,
    /// How deep the outermost value may nest.
    depth: usize,
    /// Where the reader's input begins in the bytes that spans refer to.
    offset: usize,
}

impl<'de, R: Read<'de>> Scanner<R> {
    #[inline]
    fn new(reader: R, limits: ScanLimits) -> Self {
        Self { reader, nodes: limits.nodes, depth: limits.depth.min(MAX_DEPTH), offset: 0 }
    }

    #[inline]
    fn message(
        mut self,
        arguments_at: impl FnOnce(u64) -> Option<usize>,
        scanned: &mut Scanned<'de>,
    ) -> Result<(), ReadError> {
        self.count()?;
        let Head::List(mut items) = self.reader.head()? else {
            return Err(self.expected(Expected::Message));
        };
        let depth = self.deeper(self.depth)?;
        let mut arguments_at = Some(arguments_at);
        let mut arguments = None;
        while self.reader.more(&mut items)? {
            let start = self.reader.position();
            self.count()?;
            let token = self.reader.token()?;
            if let Some(arguments_at) = arguments_at.take() {
                arguments = token.as_u64().and_then(arguments_at);
            }
            // The index of this element relative to that of Arguments.
            let relative = arguments.and_then(|index| scanned.count.checked_sub(index));
            match (relative, token) {
                (Some(0), Token::List(items)) => self.args(items, depth, &mut scanned.slots)?,
                (Some(1), Token::Map(items)) => self.kwargs(items, depth, &mut scanned.slots)?,
                (_, Token::List(items)) => self.content(Head::List(items), depth)?,
                (_, Token::Map(items)) => self.content(Head::Map(items), depth)?,
                (_, Token::Tag(_)) => self.content(Head::Tag, depth)?,
                _ => {}
            }
            scanned.push(Element { token, span: self.span(start) });
        }
        self.reader.finish()
    }

    #[inline]
    fn usual(mut self, beginning: &Beginning) -> Option<Usual> {
        let is_usual = self.reader.take_literal(&beginning.before_request);
        let request = if is_usual { self.reader.take_small_integer()? } else { return None };
        self.nodes = self.nodes.checked_sub(beginning.nodes)?;
        // The options are as deep as the arguments are.
        let depth = self.deeper(self.depth).ok().filter(|&depth| depth > 0)?;
        if !self.reader.take_literal(&beginning.behind_request) {
            return None;
        }
        let mut items = beginning.rest;
        let mut usual =
            Usual { request: u64::try_from(request).ok()?, args: None, kwargs: None, slots: Slots::default() };
        if self.reader.more(&mut items).ok()? {
            let start = self.reader.position();
            self.count().ok()?;
            let Head::List(args) = self.reader.head().ok()? else { return None };
            self.args(args, depth, &mut usual.slots).ok()?;
            usual.args = Some(self.span(start));
            if self.reader.more(&mut items).ok()? {
                let start = self.reader.position();
                self.count().ok()?;
                let Head::Map(kwargs) = self.reader.head().ok()? else { return None };
                self.kwargs(kwargs, depth, &mut usual.slots).ok()?;
                usual.kwargs = Some(self.span(start));
                if self.reader.more(&mut items).ok()? {
                    return None;
                }
            }
        }
        self.reader.finish().ok()?;
        Some(usual)
    }

    fn args(&mut self, mut items: Items, depth: usize, slots: &mut Slots) -> Result<(), ReadError> {
        let depth = self.deeper(depth)?;
        while self.reader.more(&mut items)? {
            let start = self.reader.position();
            self.value(depth)?;
            slots.args.push(self.span(start));
        }
        Ok(())
    }

    fn kwargs(&mut self, mut items: Items, depth: usize, slots: &mut Slots) -> Result<(), ReadError> {
        let depth = self.deeper(depth)?;
        while self.reader.more(&mut items)? {
            let start = self.reader.position();
            self.key()?;
            let key = self.span(start);
            self.reader.separator()?;
            let start = self.reader.position();
            self.value(depth)?;
            slots.kwargs.push((key, self.span(start)));
        }
        Ok(())
    }

    /// Passes one value that may nest to the given depth.
    #[inline]
    fn value(&mut self, depth: usize) -> Result<(), ReadError> {
        self.count()?;
        match self.reader.head()? {
            Head::Scalar => Ok(()),
            head => self.content(head, depth),
        }
    }

    /// Passes what follows the head of a value.
    fn content(&mut self, head: Head, depth: usize) -> Result<(), ReadError> {
        let depth = self.deeper(depth)?;
        match head {
            Head::Scalar => {}
            Head::List(mut items) => {
                while self.reader.more(&mut items)? {
                    self.value(depth)?;
                }
            }
            Head::Map(mut items) => {
                while self.reader.more(&mut items)? {
                    self.key()?;
                    self.reader.separator()?;
                    self.value(depth)?;
                }
            }
            Head::Tag => self.value(depth)?,
        }
        Ok(())
    }

    /// Passes a key. Other keys than strings break the protocol only where it reads them itself.
    #[inline]
    fn key(&mut self) -> Result<(), ReadError> {
        self.count()?;
        match self.reader.key_head()? {
            Head::Scalar => Ok(()),
            _ => Err(self.expected(Expected::ScalarKey)),
        }
    }

    #[inline]
    fn count(&mut self) -> Result<(), ReadError> {
        self.nodes = self.nodes.checked_sub(1).ok_or_else(|| ReadError::too_many_nodes(self.reader.position()))?;
        Ok(())
    }

    #[inline]
    fn deeper(&self, depth: usize) -> Result<usize, ReadError> {
        depth.checked_sub(1).ok_or_else(|| ReadError::too_deep(self.reader.position()))
    }

    #[inline]
    fn span(&self, start: usize) -> Span {
        // The casts lose nothing: longer input than a span can refer to is refused before.
        let place = |position: usize| self.offset.wrapping_add(position) as u32;
        Span { start: place(start), end: place(self.reader.position()) }
    }

    #[cold]
    fn expected(&self, expected: Expected) -> ReadError {
        ReadError::malformed(expected, self.reader.position())
    }
}

#[cfg(test)]
mod tests;
