//! Messages → bytes.

use super::{
    codec::Codec,
    encode::{Container, ContainerKind, EncodeError, Output, transcode_value},
    id::{PublicationId, RegistrationId, RequestId, SubscriptionId},
    messages::{Message, MessageType},
    options::{Dictionary, Entry, ErrorDetails, EventDetails, InvocationDetails, Options, ResultDetails},
    payload::Payload,
};

impl Message {
    /// Appends the message. Its payload is transcoded if it is in another codec.
    ///
    /// # Errors
    /// What the codec cannot hold. The output then ends in the middle of the message.
    pub(crate) fn write(&self, codec: Codec, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let start = |out| Writer::begin(codec, out, self.kind());
        match self {
            Self::Hello(message) => start(out)?.entry(&message.realm)?.options(&message.details)?.end(),
            Self::Welcome(message) => start(out)?.entry(&message.session)?.options(&message.details)?.end(),
            Self::Abort(message) => {
                start(out)?.options(&message.details)?.entry(&message.reason)?.payload(&message.payload)?.end()
            }
            Self::Challenge(message) => start(out)?.entry(&message.method)?.entry(&message.extra)?.end(),
            Self::Authenticate(message) => start(out)?.entry(&message.signature)?.entry(&message.extra)?.end(),
            Self::Goodbye(message) => start(out)?.options(&message.details)?.entry(&message.reason)?.end(),
            Self::Error(message) => start(out)?
                .entry(&message.request_type.code())?
                .entry(&message.request)?
                .options(&message.details)?
                .entry(&message.error)?
                .payload(&message.payload)?
                .end(),
            Self::Publish(message) => start(out)?
                .entry(&message.request)?
                .options(&message.options)?
                .entry(&message.topic)?
                .payload(&message.payload)?
                .end(),
            Self::Published(message) => start(out)?.entry(&message.request)?.entry(&message.publication)?.end(),
            Self::Subscribe(message) => {
                start(out)?.entry(&message.request)?.options(&message.options)?.entry(&message.topic)?.end()
            }
            Self::Subscribed(message) => start(out)?.entry(&message.request)?.entry(&message.subscription)?.end(),
            Self::Unsubscribe(message) => start(out)?.entry(&message.request)?.entry(&message.subscription)?.end(),
            Self::Unsubscribed(message) => start(out)?.end_of_request(message.request, &message.details)?.end(),
            Self::Event(event) => {
                write_event(codec, event.subscription, event.publication, Some(&event.details), &event.payload, out)
            }
            Self::EventReceived(message) => start(out)?.entry(&message.publication)?.end(),
            Self::Call(message) => start(out)?
                .entry(&message.request)?
                .options(&message.options)?
                .entry(&message.procedure)?
                .payload(&message.payload)?
                .end(),
            Self::Cancel(message) => start(out)?.entry(&message.request)?.options(&message.options)?.end(),
            Self::Result(message) => {
                start(out)?.entry(&message.request)?.options(&message.details)?.payload(&message.payload)?.end()
            }
            Self::Register(message) => {
                start(out)?.entry(&message.request)?.options(&message.options)?.entry(&message.procedure)?.end()
            }
            Self::Registered(message) => start(out)?.entry(&message.request)?.entry(&message.registration)?.end(),
            Self::Unregister(message) => start(out)?.entry(&message.request)?.entry(&message.registration)?.end(),
            Self::Unregistered(message) => start(out)?.end_of_request(message.request, &message.details)?.end(),
            Self::Invocation(message) => start(out)?
                .entry(&message.request)?
                .entry(&message.registration)?
                .options(&message.details)?
                .payload(&message.payload)?
                .end(),
            Self::Interrupt(message) => start(out)?.entry(&message.request)?.options(&message.options)?.end(),
            Self::Yield(message) => {
                start(out)?.entry(&message.request)?.options(&message.options)?.payload(&message.payload)?.end()
            }
        }
    }
}

/// Appends a RESULT with the details that a result of this process has.
///
/// # Errors
/// What the codec cannot hold.
pub(crate) fn write_result(
    codec: Codec,
    request: RequestId,
    progress: bool,
    payload: &Payload,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    if payload.codec() != codec || payload.opaque_bytes().is_some() {
        let details = ResultDetails { progress: progress.then_some(true), ..ResultDetails::default() };
        return Writer::begin(codec, out, MessageType::Result)?
            .entry(&request)?
            .entry(&details)?
            .payload(payload)?
            .end();
    }
    // A server writes more of these than of all others together.
    let ids = [request.get()];
    match codec {
        Codec::Json if progress => write_json("[50,", ids, r#"{"progress":true}"#, payload, out),
        Codec::Json => write_json("[50,", ids, "{}", payload, out),
        Codec::MessagePack => {
            let details = if progress { MESSAGE_PACK.progress } else { MESSAGE_PACK.no_details };
            write_binary(MESSAGE_PACK, b"\x32", ids, details, payload, out);
        }
        Codec::Cbor => {
            let details = if progress { CBOR.progress } else { CBOR.no_details };
            write_binary(CBOR, b"\x18\x32", ids, details, payload, out);
        }
    }
    Ok(())
}

/// A message of ids, details and a payload of the codec, after its head.
#[inline(always)]
fn write_json<const IDS: usize>(head: &str, ids: [u64; IDS], details: &str, payload: &Payload, out: &mut Vec<u8>) {
    let (args, kwargs) = (payload.args_bytes(), payload.kwargs_bytes());
    let length = args.unwrap_or_default().len().saturating_add(kwargs.unwrap_or_default().len());
    out.reserve(length.saturating_add(64));
    out.extend_from_slice(head.as_bytes());
    for id in ids {
        out.extend_from_slice(itoa::Buffer::new().format(id).as_bytes());
        out.push(b',');
    }
    out.extend_from_slice(details.as_bytes());
    if let Some(args) = args.or(kwargs.map(|_| &b"[]"[..])) {
        out.push(b',');
        out.extend_from_slice(args);
    }
    if let Some(kwargs) = kwargs {
        out.push(b',');
        out.extend_from_slice(kwargs);
    }
    out.push(b']');
}

/// What begins the parts of a message in a binary codec.
struct Heads {
    list: u8,
    empty_list: u8,
    no_details: &'static [u8],
    progress: &'static [u8],
    /// For an id that follows in 1, 2, 4 and 8 octets, and below which it stands for itself.
    id: [u8; 4],
    immediate: u64,
}

const MESSAGE_PACK: Heads = Heads {
    list: 0x90,
    empty_list: 0x90,
    no_details: b"\x80",
    progress: b"\x81\xa8progress\xc3",
    id: [0xcc, 0xcd, 0xce, 0xcf],
    immediate: 128,
};

const CBOR: Heads = Heads {
    list: 0x80,
    empty_list: 0x80,
    no_details: b"\xa0",
    progress: b"\xa1\x68progress\xf5",
    id: [0x18, 0x19, 0x1a, 0x1b],
    immediate: 24,
};

/// A message of ids, details and a payload of the codec.
fn write_binary<const IDS: usize>(
    heads: Heads,
    code: &[u8],
    ids: [u64; IDS],
    details: &[u8],
    payload: &Payload,
    out: &mut Vec<u8>,
) {
    let (args, kwargs) = (payload.args_bytes(), payload.kwargs_bytes());
    let arguments = match (args, kwargs) {
        (None, None) => 0,
        (Some(_), None) => 1,
        (_, Some(_)) => 2,
    };
    // The code, the ids, which are one or two, the details, and the arguments.
    out.push(heads.list | (IDS as u8 + 2 + arguments));
    out.extend_from_slice(code);
    for id in ids {
        write_binary_id(&heads, id, out);
    }
    out.extend_from_slice(details);
    match (args, kwargs) {
        (Some(args), _) => out.extend_from_slice(args),
        (None, Some(_)) => out.push(heads.empty_list),
        (None, None) => {}
    }
    out.extend_from_slice(kwargs.unwrap_or_default());
}

fn write_binary_id(heads: &Heads, id: u64, out: &mut Vec<u8>) {
    let [one, two, four, eight] = heads.id;
    match id {
        id if id < heads.immediate => out.push(id as u8),
        0..=0xff => out.extend_from_slice(&[one, id as u8]),
        0x100..=0xffff => {
            out.push(two);
            out.extend_from_slice(&(id as u16).to_be_bytes());
        }
        0x1_0000..=0xffff_ffff => {
            out.push(four);
            out.extend_from_slice(&(id as u32).to_be_bytes());
        }
        _ => {
            out.push(eight);
            out.extend_from_slice(&id.to_be_bytes());
        }
    }
}

/// Appends an INVOCATION, with details where there are any.
///
/// # Errors
/// What the codec cannot hold.
pub(crate) fn write_invocation(
    codec: Codec,
    request: RequestId,
    registration: RegistrationId,
    details: Option<&InvocationDetails>,
    payload: &Payload,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    if let (None, true, None) = (details, payload.codec() == codec, payload.opaque_bytes()) {
        let ids = [request.get(), registration.get()];
        match codec {
            Codec::Json => write_json("[68,", ids, "{}", payload, out),
            Codec::MessagePack => write_binary(MESSAGE_PACK, b"\x44", ids, MESSAGE_PACK.no_details, payload, out),
            Codec::Cbor => write_binary(CBOR, b"\x18\x44", ids, CBOR.no_details, payload, out),
        }
        return Ok(());
    }
    let writer = Writer::begin(codec, out, MessageType::Invocation)?.entry(&request)?.entry(&registration)?;
    match details {
        Some(details) => writer.entry(details)?,
        None => writer.entry(&InvocationDetails::default())?,
    }
    .payload(payload)?
    .end()
}

/// Appends an ERROR without details.
///
/// # Errors
/// What the codec cannot hold.
pub(crate) fn write_error(
    codec: Codec,
    request_type: MessageType,
    request: RequestId,
    error: &str,
    payload: &Payload,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    Writer::begin(codec, out, MessageType::Error)?
        .entry(&request_type.code())?
        .entry(&request)?
        .entry(&ErrorDetails::default())?
        .string(error)?
        .payload(payload)?
        .end()
}

/// Appends an EVENT, with details where there are any.
///
/// # Errors
/// What the codec cannot hold.
pub(crate) fn write_event(
    codec: Codec,
    subscription: SubscriptionId,
    publication: PublicationId,
    details: Option<&Options<EventDetails>>,
    payload: &Payload,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    if let (None, true, None) = (details, payload.codec() == codec, payload.opaque_bytes()) {
        let ids = [subscription.get(), publication.get()];
        match codec {
            Codec::Json => write_json("[36,", ids, "{}", payload, out),
            Codec::MessagePack => write_binary(MESSAGE_PACK, b"\x24", ids, MESSAGE_PACK.no_details, payload, out),
            Codec::Cbor => write_binary(CBOR, b"\x18\x24", ids, CBOR.no_details, payload, out),
        }
        return Ok(());
    }
    let writer = Writer::begin(codec, out, MessageType::Event)?.entry(&subscription)?.entry(&publication)?;
    match details {
        Some(details) => writer.options(details)?,
        None => writer.entry(&EventDetails::default())?,
    }
    .payload(payload)?
    .end()
}

/// A message that is being written, element by element.
struct Writer<'b> {
    output: Output<'b>,
    list: Container,
}

impl<'b> Writer<'b> {
    #[inline]
    fn begin(codec: Codec, out: &'b mut Vec<u8>, kind: MessageType) -> Result<Self, EncodeError> {
        let mut output = Output::new(codec, out);
        let list = output.begin(ContainerKind::List, None)?;
        Self { output, list }.entry(&kind.code())
    }

    #[inline]
    fn entry<T: Entry>(mut self, value: &T) -> Result<Self, EncodeError> {
        self.output.item(&mut self.list);
        value.write(&mut self.output)?;
        Ok(self)
    }

    #[inline]
    fn string(mut self, text: &str) -> Result<Self, EncodeError> {
        self.output.item(&mut self.list);
        self.output.string(text)?;
        Ok(self)
    }

    #[inline]
    fn options<T: Dictionary>(mut self, options: &Options<T>) -> Result<Self, EncodeError> {
        self.output.item(&mut self.list);
        options.write(&mut self.output)?;
        Ok(self)
    }

    /// A list or dict that is encoded already, perhaps in another codec.
    #[inline]
    fn encoded(mut self, codec: Codec, value: &[u8]) -> Result<Self, EncodeError> {
        self.output.item(&mut self.list);
        transcode_value(codec, value, &mut self.output)?;
        Ok(self)
    }

    #[inline]
    fn payload(self, payload: &Payload) -> Result<Self, EncodeError> {
        let codec = payload.codec();
        match (payload.args_bytes().or(payload.opaque_bytes()), payload.kwargs_bytes()) {
            (None, None) => Ok(self),
            (Some(args), None) => self.encoded(codec, args),
            (Some(args), Some(kwargs)) => self.encoded(codec, args)?.encoded(codec, kwargs),
            // An empty list keeps the place of the missing arguments.
            (None, Some(kwargs)) => self.encoded(Codec::Json, b"[]")?.encoded(codec, kwargs),
        }
    }

    /// The rest of UNSUBSCRIBED or UNREGISTERED.
    fn end_of_request<T: Dictionary>(
        self,
        request: Option<RequestId>,
        details: &Options<T>,
    ) -> Result<Self, EncodeError> {
        match request {
            Some(request) => self.entry(&request),
            None => self.entry(&0)?.options(details),
        }
    }

    #[inline]
    fn end(mut self) -> Result<(), EncodeError> {
        self.output.end(&self.list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{encode::PayloadBuilder, uri::Uri};

    const CODECS: [Codec; 3] = [Codec::Json, Codec::MessagePack, Codec::Cbor];

    /// Checks what is written with a payload in each codec, as JSON.
    #[track_caller]
    fn check(
        write: impl Fn(Codec, &Payload, &mut Vec<u8>) -> Result<(), EncodeError>,
        payload: &Payload,
        expected: &str,
    ) {
        for codec in CODECS {
            let mut message = Vec::new();
            write(codec, payload, &mut message).unwrap();
            let mut json = Vec::new();
            transcode_value(codec, &message, &mut Output::new(Codec::Json, &mut json)).unwrap();
            assert_eq!(String::from_utf8(json).unwrap(), expected, "{codec}");
        }
    }

    #[test]
    fn replies_of_the_hot_path() {
        let request = RequestId::new(1).unwrap();
        for codec in CODECS {
            let payload = Payload::encode(codec, &5).unwrap();
            let result =
                |progress| move |codec, payload: &_, out: &mut _| write_result(codec, request, progress, payload, out);
            check(result(false), &payload, "[50,1,{},[5]]");
            check(result(true), &payload, r#"[50,1,{"progress":true},[5]]"#);
            check(result(false), &Payload::empty(codec), "[50,1,{}]");
            let error = |codec, payload: &_, out: &mut _| {
                write_error(codec, MessageType::Call, request, "a.error", payload, out)
            };
            check(error, &payload, r#"[8,48,1,{},"a.error",[5]]"#);
            let keywords = PayloadBuilder::new(codec).kwarg("a", &vec![1_u8]).unwrap().finish().unwrap();
            check(error, &keywords, r#"[8,48,1,{},"a.error",[],{"a":"\u0000AQ=="}]"#);
            let event = |details: Option<EventDetails>| {
                let details = details.map(Options::from);
                move |codec, payload: &_, out: &mut _| {
                    let subscription = SubscriptionId::new(2).unwrap();
                    let publication = PublicationId::from_random(1 << 40);
                    write_event(codec, subscription, publication, details.as_ref(), payload, out)
                }
            };
            let topic = Some(Uri::new("a.b").unwrap());
            check(event(None), &payload, "[36,2,1099511627777,{},[5]]");
            check(event(None), &Payload::empty(codec), "[36,2,1099511627777,{}]");
            check(event(None), &keywords, r#"[36,2,1099511627777,{},[],{"a":"\u0000AQ=="}]"#);
            let details = EventDetails { topic: topic.clone(), ..EventDetails::default() };
            check(event(Some(details)), &payload, r#"[36,2,1099511627777,{"topic":"a.b"},[5]]"#);
            let invocation = |details: Option<InvocationDetails>| {
                move |codec, payload: &_, out: &mut _| {
                    let registration = RegistrationId::new(300).unwrap();
                    write_invocation(codec, request, registration, details.as_ref(), payload, out)
                }
            };
            check(invocation(None), &payload, "[68,1,300,{},[5]]");
            check(invocation(None), &keywords, r#"[68,1,300,{},[],{"a":"\u0000AQ=="}]"#);
            let details = InvocationDetails { procedure: topic, ..InvocationDetails::default() };
            check(invocation(Some(details)), &payload, r#"[68,1,300,{"procedure":"a.b"},[5]]"#);
        }
    }

    #[test]
    fn a_message_is_appended() {
        let mut out = b"before".to_vec();
        write_result(Codec::Json, RequestId::FIRST, false, &Payload::empty(Codec::Json), &mut out).unwrap();
        assert_eq!(out, b"before[50,1,{}]");
        let mut out = b"before".to_vec();
        write_result(Codec::Cbor, RequestId::FIRST, false, &Payload::empty(Codec::Cbor), &mut out).unwrap();
        assert_eq!(out, b"before\x83\x18\x32\x01\xa0");
    }
}
