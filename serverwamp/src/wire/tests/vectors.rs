//! The protocol's own test vectors: `tests/vectors/README.md` says where they come from.

use std::{fs, path::Path};

use bytes::Bytes;
use cbor4ii::core::{enc::Encode, types, utils::BufWriter};
use serde_json::{Map, Value as Json, json};

use crate::wire::{
    codec::Codec,
    decode::{Arena, decode},
    encode::Output,
    messages::Message,
    options::{Dictionary, Options},
    parse::ParseError,
    payload::Payload,
    scan::ScanLimits,
    value::Value,
};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/wamp-proto-testsuite/singlemessage");
const LIMITS: ScanLimits = ScanLimits { depth: 64, nodes: 100_000 };
const CODECS: [(Codec, &str); 3] = [(Codec::Json, "json"), (Codec::MessagePack, "msgpack"), (Codec::Cbor, "cbor")];

struct Sample {
    /// The message and what is special about the sample.
    name: String,
    json: Json,
}

/// The samples of all files: those with bytes and attributes, or those with a message to validate.
fn samples(key: &str) -> Vec<Sample> {
    let mut samples = Vec::new();
    for folder in ["basic", "advanced"] {
        let mut files: Vec<_> =
            fs::read_dir(Path::new(FOLDER).join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        for file in files {
            let suite: Json = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
            for json in suite["samples"].as_array().unwrap() {
                if json.get(key).is_some() {
                    let file = file.file_name().unwrap().to_str().unwrap();
                    let name = format!("{folder}/{file}: {}", json["description"].as_str().unwrap());
                    samples.push(Sample { name, json: json.clone() });
                }
            }
        }
    }
    samples
}

fn parse(codec: Codec, bytes: Vec<u8>) -> Result<Message, ParseError> {
    Message::parse(codec, Bytes::from(bytes), LIMITS)
}

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// Encodes with the libraries alone, as judges of our codecs.
fn judge_encode(codec: Codec, value: &Json) -> Vec<u8> {
    match codec {
        Codec::Json => serde_json::to_vec(value).unwrap(),
        Codec::MessagePack => rmp_serde::to_vec(value).unwrap(),
        Codec::Cbor => {
            let mut writer = BufWriter::new(Vec::new());
            judge_cbor(value, &mut writer);
            writer.into_inner()
        }
    }
}

fn judge_cbor(value: &Json, writer: &mut BufWriter) {
    match value {
        Json::Null => types::Null.encode(writer).unwrap(),
        Json::Bool(value) => value.encode(writer).unwrap(),
        Json::Number(number) if number.is_i64() => number.as_i64().unwrap().encode(writer).unwrap(),
        Json::Number(number) => number.as_f64().unwrap().encode(writer).unwrap(),
        Json::String(text) => text.as_str().encode(writer).unwrap(),
        Json::Array(values) => {
            types::Array::bounded(values.len(), writer).unwrap();
            values.iter().for_each(|value| judge_cbor(value, writer));
        }
        Json::Object(entries) => {
            types::Map::bounded(entries.len(), writer).unwrap();
            for (key, value) in entries {
                key.as_str().encode(writer).unwrap();
                judge_cbor(value, writer);
            }
        }
    }
}

#[test]
fn validation_samples_are_accepted_or_rejected_as_expected() {
    let samples = samples("wmsg");
    assert_eq!(samples.len(), 67);
    for Sample { name, json } in samples {
        for (codec, _) in CODECS {
            let parsed = parse(codec, judge_encode(codec, &json["wmsg"]));
            match (json.get("expected_error"), parsed) {
                (None, Ok(_)) => {}
                (Some(expected), Err(ParseError::Violation(message))) => {
                    assert_eq!(expected["type"], "protocol_violation", "{name}");
                    let contained = expected["contains"].as_str().unwrap();
                    assert!(message.contains(contained), "{name} in {codec}: {message}");
                }
                (_, parsed) => panic!("{name} in {codec}: {parsed:?}"),
            }
        }
    }
}

#[test]
fn serialization_samples_have_the_expected_attributes() {
    let samples = samples("serializers");
    assert_eq!(samples.len(), 35);
    for Sample { name, json } in samples {
        for (codec, variants) in CODECS.map(|(codec, key)| (codec, json["serializers"][key].as_array().unwrap())) {
            let variants: Vec<_> =
                variants.iter().map(|variant| from_hex(variant["bytes_hex"].as_str().unwrap())).collect();
            for bytes in &variants {
                let message = parse(codec, bytes.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
                let attributes = attributes(&message);
                for (attribute, expected) in json["expected_attributes"].as_object().unwrap() {
                    let got = attributes.get(attribute).unwrap_or(&Json::Null);
                    assert_eq!(got, expected, "{name} in {codec}: {attribute}");
                }
                let mut written = Vec::new();
                message.write(codec, &mut written).unwrap();
                assert!(variants.contains(&written), "{name} in {codec}: {}", String::from_utf8_lossy(&written));
            }
        }
    }
}

/// What the suite calls the parts of a message.
fn attributes(message: &Message) -> Map<String, Json> {
    let attributes = match message {
        Message::Hello(hello) => {
            json!({"realm": &*hello.realm, "roles": dict(&hello.details)["roles"]})
        }
        Message::Welcome(welcome) => {
            json!({"session_id": welcome.session, "roles": dict(&welcome.details)["roles"]})
        }
        Message::Abort(abort) => json!({"details": dict(&abort.details), "reason": &*abort.reason}),
        Message::Challenge(challenge) => {
            json!({"method": challenge.method, "extra": challenge.extra.to_dict().unwrap()})
        }
        Message::Authenticate(authenticate) => {
            json!({"signature": authenticate.signature, "extra": authenticate.extra.to_dict().unwrap()})
        }
        Message::Goodbye(goodbye) => json!({"details": dict(&goodbye.details), "reason": &*goodbye.reason}),
        Message::Error(error) => json!({
            "request_type": error.request_type.code(),
            "request_id": error.request,
            "details": dict(&error.details),
            "error": &*error.error,
        }),
        Message::Publish(publish) => with_payload(
            &publish.payload,
            json!({
                "request_id": publish.request,
                "options": dict(&publish.options),
                "topic": &*publish.topic,
            }),
        ),
        Message::Published(published) => {
            json!({"request_id": published.request, "publication_id": published.publication})
        }
        Message::Subscribe(subscribe) => json!({
            "request_id": subscribe.request,
            "options": dict(&subscribe.options),
            "topic": &*subscribe.topic,
        }),
        Message::Subscribed(subscribed) => {
            json!({"request_id": subscribed.request, "subscription_id": subscribed.subscription})
        }
        Message::Unsubscribe(unsubscribe) => {
            json!({"request_id": unsubscribe.request, "subscription_id": unsubscribe.subscription})
        }
        Message::Unsubscribed(unsubscribed) => json!({"request_id": unsubscribed.request}),
        Message::Event(event) => with_payload(
            &event.payload,
            json!({
                "subscription": event.subscription,
                "publication": event.publication,
                "details": dict(&event.details),
            }),
        ),
        Message::EventReceived(received) => json!({"publication_id": received.publication}),
        Message::Call(call) => with_payload(
            &call.payload,
            json!({
                "request_id": call.request,
                "options": dict(&call.options),
                "procedure": &*call.procedure,
            }),
        ),
        Message::Cancel(cancel) => json!({"request_id": cancel.request, "options": dict(&cancel.options)}),
        Message::Result(result) => {
            with_payload(&result.payload, json!({"request_id": result.request, "details": dict(&result.details)}))
        }
        Message::Register(register) => json!({
            "request_id": register.request,
            "options": dict(&register.options),
            "procedure": &*register.procedure,
        }),
        Message::Registered(registered) => {
            json!({"request_id": registered.request, "registration_id": registered.registration})
        }
        Message::Unregister(unregister) => {
            json!({"request_id": unregister.request, "registration_id": unregister.registration})
        }
        Message::Unregistered(unregistered) => json!({"request_id": unregistered.request}),
        Message::Invocation(invocation) => json!({
            "request_id": invocation.request,
            "registration_id": invocation.registration,
            "details": dict(&invocation.details),
        }),
        Message::Interrupt(interrupt) => {
            json!({"request_id": interrupt.request, "options": dict(&interrupt.options)})
        }
        Message::Yield(yielded) => json!({"request_id": yielded.request, "options": dict(&yielded.options)}),
    };
    let Json::Object(mut attributes) = attributes else { panic!("attributes have names") };
    attributes.insert("message_type".to_owned(), json!(message.kind().code()));
    attributes
}

/// Options as our types write them.
fn dict<T: Dictionary + Clone>(options: &Options<T>) -> Json {
    let known: &T = options;
    let mut json = Vec::new();
    Options::from(known.clone()).write(&mut Output::new(Codec::Json, &mut json)).unwrap();
    serde_json::from_slice(&json).unwrap()
}

fn with_payload(payload: &Payload, mut attributes: Json) -> Json {
    let value = |bytes: Option<&[u8]>| bytes.map_or(Json::Null, |bytes| judge_decode(payload.codec(), bytes));
    attributes["args"] = value(payload.args_bytes());
    attributes["kwargs"] = value(payload.kwargs_bytes());
    attributes["payload"] = payload.opaque_bytes().map_or(Json::Null, |bytes| {
        let Value::Bytes(bytes) = decode(payload.codec(), bytes, &Arena::default()).unwrap() else {
            panic!("the payload is binary")
        };
        bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
    });
    attributes
}

fn judge_decode(codec: Codec, bytes: &[u8]) -> Json {
    match codec {
        Codec::Json => serde_json::from_slice(bytes).unwrap(),
        Codec::MessagePack => rmp_serde::from_slice(bytes).unwrap(),
        Codec::Cbor => serde_json::to_value(decode::<Value>(codec, bytes, &Arena::default()).unwrap()).unwrap(),
    }
}
