//! Properties of whatever value and message.

use bytes::Bytes;
use proptest::{collection::vec, option, prelude::*};

use crate::wire::{
    codec::Codec,
    decode::decode_value,
    encode::{Output, PayloadBuilder, encode_into, transcode_value},
    id::{MAX_ID, PublicationId, RegistrationId, RequestId, SessionId, SubscriptionId},
    integer::Integer,
    messages::{
        Call, Cancel, ErrorMessage, Event, Invocation, Message, MessageType, Publish, Register, ResultMessage,
        Subscribe, Yield,
    },
    options::{
        Audience, CallOptions, CancelMode, CancelOptions, EventDetails, Group, InvocationDetails, InvokePolicy,
        Options, PublishOptions, RawDict, RegisterOptions, ResultDetails, SubscribeOptions, YieldOptions,
    },
    payload::Payload,
    scan::ScanLimits,
    scan::Slots,
    uri::{MatchPolicy, Uri},
    value::{Dict, Value},
};

const CODECS: [Codec; 3] = [Codec::Json, Codec::MessagePack, Codec::Cbor];
const LIMITS: ScanLimits = ScanLimits { depth: 64, nodes: 100_000 };

fn codec() -> impl Strategy<Value = Codec> {
    prop::sample::select(&CODECS[..])
}

/// What every codec can hold. JSON has no NaN, and a string that begins with U+0000 is binary there.
fn common_scalar() -> BoxedStrategy<Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-200..200_i64).prop_map(Value::from),
        any::<f64>().prop_filter("finite", |float| float.is_finite()).prop_map(Value::from),
        (-9..9_i8).prop_map(|float| Value::from(f64::from(float))),
        any::<String>().prop_filter("no binary", |text| !text.starts_with('\0')).prop_map(Value::from),
        "[a-z\\\\\"/\n\u{7f}\u{1f600}]{0,40}".prop_map(Value::from),
        vec(any::<u8>(), 0..300).prop_map(Value::Bytes),
    ]
    .boxed()
}

/// What one of them can hold besides.
fn scalar(codec: Codec) -> BoxedStrategy<Value> {
    match codec {
        Codec::Json => prop_oneof![4 => common_scalar(), 1 => wide_integer()].boxed(),
        Codec::MessagePack => prop_oneof![
            4 => common_scalar(),
            1 => (any::<i8>(), vec(any::<u8>(), 0..20)).prop_filter_map("no undefined", |(kind, data)| {
                (kind != 0).then_some(Value::Extension(kind, data))
            }),
            1 => "\0[a-z]{0,3}".prop_map(Value::from),
        ]
        .boxed(),
        Codec::Cbor => prop_oneof![
            4 => common_scalar(),
            1 => wide_integer(),
            1 => (100..u64::MAX, common_scalar()).prop_map(|(tag, value)| Value::Tag(tag, Box::new(value))),
        ]
        .boxed(),
    }
}

fn wide_integer() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i128>().prop_map(Value::from),
        any::<u128>().prop_map(|integer| Value::from(Integer::from(integer)))
    ]
}

fn nested(scalar: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    scalar
        .prop_recursive(4, 30, 18, |inner| {
            prop_oneof![vec(inner.clone(), 0..20).prop_map(Value::Array), dict(inner).prop_map(Value::Map)]
        })
        .boxed()
}

fn dict(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Dict> {
    vec((any::<String>(), value), 0..20).prop_map(|entries| entries.into_iter().collect())
}

fn encode(codec: Codec, value: &Value) -> Vec<u8> {
    let mut encoded = Vec::new();
    encode_into(codec, value, &mut encoded).unwrap();
    encoded
}

proptest! {
    #[test]
    fn a_value_survives_its_codec(
        (codec, value) in codec().prop_flat_map(|codec| (Just(codec), nested(scalar(codec))))
    ) {
        prop_assert_eq!(decode_value(codec, &encode(codec, &value)).unwrap(), value);
    }

    #[test]
    fn a_value_survives_another_codec(value in nested(common_scalar()), from in codec(), to in codec()) {
        let mut transcoded = Vec::new();
        transcode_value(from, &encode(from, &value), &mut Output::new(to, &mut transcoded)).unwrap();
        prop_assert_eq!(&transcoded, &encode(to, &value));
        prop_assert_eq!(decode_value(to, &transcoded).unwrap(), value);
    }

    #[test]
    fn wide_integers_survive_json_and_cbor(value in wide_integer()) {
        for (from, to) in [(Codec::Json, Codec::Cbor), (Codec::Cbor, Codec::Json)] {
            let mut transcoded = Vec::new();
            transcode_value(from, &encode(from, &value), &mut Output::new(to, &mut transcoded)).unwrap();
            prop_assert_eq!(&transcoded, &encode(to, &value));
        }
    }

    #[test]
    fn a_message_survives_every_codec(message in message(), first in codec(), second in codec()) {
        let bytes = write(&message, first);
        let parsed = parse(first, bytes.clone());
        prop_assert_eq!(parsed.kind(), message.kind());
        prop_assert_eq!(&write(&parsed, first), &bytes);
        let through_second = parse(second, write(&parsed, second));
        prop_assert_eq!(&write(&through_second, first), &bytes);
    }

    #[test]
    fn damaged_messages_are_harmless(
        message in message(),
        codec in codec(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = write(&message, codec);
        for (index, byte) in damage {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        if cut.index(4) == 0 {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(message) = Message::parse(codec, bytes.into(), LIMITS) {
            for other in CODECS {
                // What the other codec cannot hold is an error, which is fine.
                let _ = message.write(other, &mut Vec::new());
            }
        }
    }

    #[test]
    fn random_bytes_are_harmless(bytes in vec(any::<u8>(), 0..200), codec in codec()) {
        let _ = Message::parse(codec, bytes.into(), LIMITS);
    }
}

fn write(message: &Message, codec: Codec) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.write(codec, &mut bytes).unwrap();
    bytes
}

fn parse(codec: Codec, bytes: Vec<u8>) -> Message {
    Message::parse(codec, Bytes::from(bytes), LIMITS).unwrap()
}

fn id() -> impl Strategy<Value = u64> {
    prop_oneof![1..300_u64, 1..=MAX_ID]
}

fn request() -> impl Strategy<Value = RequestId> {
    id().prop_map(|id| RequestId::new(id).unwrap())
}

fn uri() -> impl Strategy<Value = Uri> {
    "[^.#\\s\\x00]{1,8}(\\.[a-z_0-9]{1,8}){0,3}".prop_map(|uri| Uri::new(&uri).unwrap())
}

fn payload() -> impl Strategy<Value = Payload> {
    let value = || nested(common_scalar());
    (codec(), vec(value(), 0..4), vec(("[a-z]{1,5}", value()), 0..3)).prop_map(|(codec, args, kwargs)| {
        let builder = args.iter().fold(PayloadBuilder::new(codec), |builder, value| builder.arg(value).unwrap());
        let kwargs: Dict = kwargs.into_iter().collect();
        kwargs.iter().fold(builder, |builder, (name, value)| builder.kwarg(name, value).unwrap()).finish().unwrap()
    })
}

fn text() -> impl Strategy<Value = Option<Box<str>>> {
    option::of("[a-zü\"]{0,5}".prop_map(Box::from))
}

/// Options with and without keys that nobody knows.
fn options<T: std::fmt::Debug + Clone + crate::wire::options::Dictionary>(
    known: impl Strategy<Value = T>,
) -> impl Strategy<Value = Options<T>> {
    let unknown = option::of((codec(), vec(("_[a-z]{3,5}", common_scalar()), 1..3)));
    (known, unknown).prop_map(|(known, unknown)| {
        let raw = unknown.map_or_else(RawDict::default, |(codec, unknown)| {
            RawDict::encode(codec, &unknown.into_iter().collect::<Dict>()).unwrap()
        });
        Options::from(known).with_raw(raw)
    })
}

fn call_options() -> impl Strategy<Value = CallOptions> {
    (option::of(any::<u64>()), any::<Option<bool>>(), any::<Option<bool>>(), text()).prop_map(
        |(timeout, receive_progress, disclose_me, rkey)| CallOptions {
            timeout,
            receive_progress,
            disclose_me,
            rkey,
            ..CallOptions::default()
        },
    )
}

fn publish_options() -> impl Strategy<Value = PublishOptions> {
    let sessions = || option::of(vec(id().prop_map(|id| SessionId::new(id).unwrap()), 0..3).prop_map(Box::from));
    let names = option::of(vec("[a-z]{0,4}".prop_map(Box::from), 0..3).prop_map(Box::from));
    (any::<Option<bool>>(), sessions(), sessions(), names).prop_map(
        |(acknowledge, exclude, eligible, eligible_authid)| {
            let audience = Audience { exclude, eligible, eligible_authid, ..Audience::default() };
            PublishOptions { acknowledge, audience: Group::from(audience), ..PublishOptions::default() }
        },
    )
}

fn event_details() -> impl Strategy<Value = EventDetails> {
    (option::of(uri()), option::of(id()), any::<Option<bool>>(), text()).prop_map(
        |(topic, publisher, retained, publisher_authid)| EventDetails {
            topic,
            publisher: publisher.and_then(SessionId::new),
            retained,
            publisher_authid,
            ..EventDetails::default()
        },
    )
}

fn message() -> impl Strategy<Value = Message> {
    let policy = || {
        prop::sample::select(
            &[None, Some(MatchPolicy::Prefix), Some(MatchPolicy::Wildcard), Some(MatchPolicy::Exact)][..],
        )
    };
    let invoke = prop::sample::select(&[None, Some(InvokePolicy::Single), Some(InvokePolicy::RoundRobin)][..]);
    let mode = prop::sample::select(&[None, Some(CancelMode::Skip), Some(CancelMode::KillNoWait)][..]);
    let details = (text(), option::of(id())).prop_map(|(caller_authid, caller)| InvocationDetails {
        caller: caller.and_then(SessionId::new),
        caller_authid,
        ..InvocationDetails::default()
    });
    prop_oneof![
        (request(), options(call_options()), uri(), payload()).prop_map(|(request, options, procedure, payload)| {
            Message::Call(Box::new(Call { request, options, procedure, payload, slots: Slots::default() }))
        }),
        (request(), options(publish_options()), uri(), payload()).prop_map(|(request, options, topic, payload)| {
            Message::Publish(Box::new(Publish { request, options, topic, payload }))
        }),
        (id(), id(), options(event_details()), payload()).prop_map(|(subscription, publication, details, payload)| {
            let subscription = SubscriptionId::new(subscription).unwrap();
            let publication = PublicationId::new(publication).unwrap();
            Message::Event(Box::new(Event { subscription, publication, details, payload }))
        }),
        (request(), id(), options(details), payload()).prop_map(|(request, registration, details, payload)| {
            let registration = RegistrationId::new(registration).unwrap();
            Message::Invocation(Box::new(Invocation { request, registration, details, payload }))
        }),
        (request(), any::<Option<bool>>(), payload()).prop_map(|(request, progress, payload)| {
            let details = ResultDetails { progress, ..ResultDetails::default() }.into();
            Message::Result(Box::new(ResultMessage { request, details, payload }))
        }),
        (request(), any::<Option<bool>>(), payload()).prop_map(|(request, progress, payload)| {
            let options = YieldOptions { progress, ..YieldOptions::default() }.into();
            Message::Yield(Box::new(Yield { request, options, payload }))
        }),
        (request(), uri(), payload()).prop_map(|(request, error, payload)| {
            let request_type = MessageType::Call;
            Message::Error(Box::new(ErrorMessage {
                request_type,
                request,
                details: Options::default(),
                error,
                payload,
            }))
        }),
        (request(), policy(), any::<Option<bool>>(), uri()).prop_map(|(request, match_policy, get_retained, topic)| {
            let options = SubscribeOptions { match_policy, get_retained, ..SubscribeOptions::default() }.into();
            Message::Subscribe(Box::new(Subscribe { request, options, topic }))
        }),
        (request(), policy(), invoke, uri()).prop_map(|(request, match_policy, invoke, procedure)| {
            let options = RegisterOptions { match_policy, invoke, ..RegisterOptions::default() }.into();
            Message::Register(Box::new(Register { request, options, procedure }))
        }),
        (request(), mode).prop_map(|(request, mode)| {
            let options = CancelOptions { mode, ..CancelOptions::default() }.into();
            Message::Cancel(Box::new(Cancel { request, options }))
        }),
    ]
}
