//! Messages that are right, or wrong in few places.

use arbitrary::{Result, Unstructured};
use bytes::Bytes;

use crate::wire::{Codec, Dict, Message, Payload, Value, encode_into};

/// What a session tells its application, or sends.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Said {
    Action(String),
    Sent(String),
}

/// The elements of each message: `c` a code of a request, `d` options or details, `i` an id, `r` a request, `s` a text,
/// `u` a URI, `p` arguments and keyword arguments, if any.
const LAYOUTS: [(u64, &str); 25] = [
    (1, "ud"),
    (2, "id"),
    (3, "dup"),
    (4, "sd"),
    (5, "sd"),
    (6, "du"),
    (8, "crdup"),
    (16, "rdup"),
    (17, "ri"),
    (32, "rdu"),
    (33, "ri"),
    (34, "ri"),
    (35, "r"),
    (36, "iidp"),
    (337, "i"),
    (48, "rdup"),
    (49, "rd"),
    (50, "rdp"),
    (64, "rdu"),
    (65, "ri"),
    (66, "ri"),
    (67, "r"),
    (68, "ridp"),
    (69, "rd"),
    (70, "rdp"),
];

const URIS: [&str; 8] = ["a", "a.b", "a.b.c", "wamp.error.canceled", "a.", "a..c", "", "a b"];

/// One message, encoded.
pub(super) fn message(input: &mut Unstructured<'_>, codec: Codec, codes: &[u64]) -> Result<Bytes> {
    let code = match input.ratio(31, 32)? {
        true => *input.choose(codes)?,
        false => input.choose(&LAYOUTS)?.0,
    };
    let layout = LAYOUTS.iter().find(|(known, _)| *known == code).map_or("", |(_, layout)| layout);
    let mut elements = vec![Value::from(code)];
    for element in layout.chars() {
        match element {
            'p' => payload(input, &mut elements)?,
            // Sessions begin with roles, but for few.
            'd' if matches!(code, 1 | 2) && input.ratio(31, 32)? => {
                elements.push(Value::Map(Dict::from([("roles", roles(input)?)])));
            }
            _ => elements.push(single(input, element)?),
        }
    }
    if input.ratio(1, 32)? {
        elements.push(scalar(input)?);
    }
    if input.ratio(1, 32)? {
        elements.pop();
    }
    // What the codec does not hold is no message.
    let mut octets = Vec::new();
    encode_into(codec, &Value::Array(elements), &mut octets).map_err(|_| arbitrary::Error::IncorrectFormat)?;
    if input.ratio(1, 64)? && !octets.is_empty() {
        let place = input.choose_index(octets.len())?;
        octets[place] = input.arbitrary()?;
    }
    Ok(octets.into())
}

fn single(input: &mut Unstructured<'_>, element: char) -> Result<Value> {
    if input.ratio(1, 64)? {
        return scalar(input);
    }
    Ok(match element {
        'c' => Value::from(*input.choose(&[68_u64, 68, 68, 48, 16, 32, 34, 64, 66, 1])?),
        'd' => Value::Map(options(input)?),
        's' => Value::from(*input.choose(&["ticket", "wampcra", ""])?),
        'u' => {
            let uris = if input.ratio(31, 32)? { &URIS[..3] } else { &URIS };
            Value::from(*input.choose(uris)?)
        }
        _ => id(input)?,
    })
}

/// Ids are few, so that they meet.
pub(super) fn id(input: &mut Unstructured<'_>) -> Result<Value> {
    if input.ratio(31, 32)? {
        return Ok(Value::from(input.int_in_range(1..=12_u64)?));
    }
    Ok(match input.int_in_range(11..=15_u8)? {
        11 => Value::from(0_u64),
        12 => Value::from(1_u64 << 53),
        13 => Value::from((1_u64 << 53) + 1),
        14 => Value::from(2.0),
        _ => Value::from(input.arbitrary::<u64>()?),
    })
}

fn options(input: &mut Unstructured<'_>) -> Result<Dict> {
    let mut options = Dict::new();
    for _ in 0..input.int_in_range(0..=3)? {
        let flag = Value::from(input.arbitrary::<bool>()?);
        let (key, value) = match input.int_in_range(0..=11)? {
            0 => ("acknowledge", flag),
            1 => ("progress", flag),
            2 => ("receive_progress", flag),
            3 => ("mode", Value::from(*input.choose(&["skip", "kill", "killnowait", "?"])?)),
            4 => ("match", Value::from(*input.choose(&["exact", "prefix", "wildcard", "regex"])?)),
            5 => ("ppt_scheme", Value::from("x_own")),
            6 => ("subscription", id(input)?),
            7 => ("registration", id(input)?),
            8..=10 => ("roles", Value::Map(roles(input)?)),
            _ => ("x_unknown", scalar(input)?),
        };
        options.insert(key, value);
    }
    Ok(options)
}

fn roles(input: &mut Unstructured<'_>) -> Result<Dict> {
    const FEATURES: [&str; 5] = [
        "progressive_call_invocations",
        "payload_passthru_mode",
        "subscription_revocation",
        "registration_revocation",
        "call_canceling",
    ];
    let mut roles = Dict::new();
    for role in ["caller", "callee", "subscriber", "dealer", "broker"] {
        if input.ratio(3, 4)? {
            let mut features = Dict::new();
            for feature in FEATURES {
                if input.arbitrary()? {
                    features.insert(feature, true);
                }
            }
            roles.insert(role, Dict::from([("features", features)]));
        }
    }
    Ok(roles)
}

fn payload(input: &mut Unstructured<'_>, elements: &mut Vec<Value>) -> Result<()> {
    if input.arbitrary()? {
        let count = input.int_in_range(0..=3)?;
        elements.push(Value::Array((0..count).map(|_| scalar(input)).collect::<Result<_>>()?));
        if input.arbitrary()? {
            let keyword = *input.choose(&["a", "b", ""])?;
            elements.push(Value::Map(Dict::from([(keyword, scalar(input)?)])));
        }
    }
    Ok(())
}

fn scalar(input: &mut Unstructured<'_>) -> Result<Value> {
    Ok(match input.int_in_range(0..=7)? {
        0 => Value::Null,
        1 => Value::from(input.arbitrary::<bool>()?),
        2 => Value::from(input.arbitrary::<i64>()?),
        3 => Value::from(1.5),
        4 => Value::Array(vec![Value::Array(Vec::new())]),
        5 => Value::Map(Dict::from([("a", Value::Null)])),
        6 => Value::Bytes(vec![0, 1]),
        _ => Value::from("a text that is not short"),
    })
}

/// What an application answers with: nothing, little, more than `reply_size`, or what JSON does not hold.
pub(super) fn answer(input: &mut Unstructured<'_>, codec: Codec, reply_size: usize) -> Result<Payload> {
    let (codec, value) = match input.int_in_range(0..=7)? {
        0 => return Ok(Payload::empty(codec)),
        1 => (codec, Value::Bytes(vec![7; reply_size])),
        2 => (Codec::Cbor, Value::from(f64::NAN)),
        3 => (Codec::MessagePack, Value::from("other")),
        _ => (codec, Value::from(7_i64)),
    };
    Ok(Payload::encode(codec, &value).unwrap())
}

/// What a message says, as far as the model knows.
pub(super) fn in_words(message: &Message) -> String {
    let name = message.kind().name();
    match message {
        Message::Abort(abort) => format!("{name} {}", abort.reason),
        Message::Result(result) if result.details.progress == Some(true) => {
            format!("{name} {} progress", result.request)
        }
        Message::Result(result) => format!("{name} {}", result.request),
        Message::Error(error) => format!("{name} {} {} {}", error.request_type.name(), error.request, error.error),
        Message::Subscribed(it) => format!("{name} {}", it.request),
        Message::Unsubscribed(it) => format!("{name} {:?}", it.request),
        Message::Published(it) => format!("{name} {}", it.request),
        Message::Registered(it) => format!("{name} {}", it.request),
        Message::Unregistered(it) => format!("{name} {:?}", it.request),
        Message::Invocation(it) => format!("{name} {}", it.request),
        Message::Interrupt(it) => format!("{name} {}", it.request),
        Message::Yield(it) if it.options.progress == Some(true) => format!("{name} {} progress", it.request),
        Message::Yield(it) => format!("{name} {}", it.request),
        Message::Call(it) => format!("{name} {}", it.request),
        Message::Cancel(it) => format!("{name} {}", it.request),
        Message::Publish(it) => format!("{name} {}", it.request),
        Message::Subscribe(it) => format!("{name} {}", it.request),
        Message::Unsubscribe(it) => format!("{name} {} {}", it.request, it.subscription),
        Message::Register(it) => format!("{name} {}", it.request),
        Message::Unregister(it) => format!("{name} {} {}", it.request, it.registration),
        _ => name.to_owned(),
    }
}
