//! The serializers by other people's code, so that ours is not its own judge.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, SerializeSeq};
use serde_json::{Map, Value};

use crate::link::Carrier;

/// A serializer of WAMP, with the transport that it is tested on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Serializer {
    Json,
    MessagePack,
    Cbor,
    JsonBatched,
    MessagePackBatched,
    CborBatched,
    RawSocketJson,
    RawSocketMessagePack,
    RawSocketCbor,
}

impl Serializer {
    /// All of them, on each transport that has them.
    pub const ALL: [Serializer; 9] = [
        Serializer::Json,
        Serializer::MessagePack,
        Serializer::Cbor,
        Serializer::JsonBatched,
        Serializer::MessagePackBatched,
        Serializer::CborBatched,
        Serializer::RawSocketJson,
        Serializer::RawSocketMessagePack,
        Serializer::RawSocketCbor,
    ];

    /// The transport.
    pub fn carrier(self) -> Carrier {
        match self {
            Serializer::RawSocketJson | Serializer::RawSocketMessagePack | Serializer::RawSocketCbor => {
                Carrier::RawSocket
            }
            _ => Carrier::WebSocket,
        }
    }

    /// Its number in the handshake of RawSocket.
    pub(crate) fn number(self) -> u8 {
        match self.subprotocol() {
            "wamp.2.json" => 1,
            "wamp.2.msgpack" => 2,
            "wamp.2.cbor" => 3,
            other => panic!("{other} has no number"),
        }
    }

    /// Its WebSocket subprotocol, or that of the same serializer.
    pub fn subprotocol(self) -> &'static str {
        match self {
            Serializer::Json | Serializer::RawSocketJson => "wamp.2.json",
            Serializer::MessagePack | Serializer::RawSocketMessagePack => "wamp.2.msgpack",
            Serializer::Cbor | Serializer::RawSocketCbor => "wamp.2.cbor",
            Serializer::JsonBatched => "wamp.2.json.batched",
            Serializer::MessagePackBatched => "wamp.2.msgpack.batched",
            Serializer::CborBatched => "wamp.2.cbor.batched",
        }
    }

    fn is_batched(self) -> bool {
        self.subprotocol().ends_with(".batched")
    }

    fn is_json(self) -> bool {
        self.subprotocol().starts_with("wamp.2.json")
    }

    fn is_msgpack(self) -> bool {
        self.subprotocol().starts_with("wamp.2.msgpack")
    }

    /// Whether its frames are text to the transport, which then refuses what is not UTF-8.
    pub fn is_websocket_text(self) -> bool {
        self.is_json() && self.carrier() == Carrier::WebSocket
    }

    /// One message.
    pub fn encode(self, message: &Value) -> Vec<u8> {
        match self {
            _ if self.is_json() => serde_json::to_vec(message).expect("JSON"),
            _ if self.is_msgpack() => rmp_serde::to_vec(&WithBinary(message)).expect("MessagePack"),
            _ => cbor4ii::serde::to_vec(Vec::new(), &WithBinary(message)).expect("CBOR"),
        }
    }

    /// One message.
    pub fn decode(self, octets: &[u8]) -> Value {
        match self {
            _ if self.is_json() => serde_json::from_slice(octets).expect("JSON"),
            _ if self.is_msgpack() => rmp_serde::from_slice::<Decoded>(octets).expect("MessagePack").0,
            _ => cbor4ii::serde::from_slice::<Decoded>(octets).expect("CBOR").0,
        }
    }

    /// The frames that carry these messages.
    pub fn frames(self, messages: &[Value]) -> Vec<Vec<u8>> {
        let encoded = messages.iter().map(|message| self.encode(message));
        if !self.is_batched() {
            return encoded.collect();
        }
        let mut batch = Vec::new();
        for message in encoded {
            if !self.is_json() {
                batch.extend(u32::try_from(message.len()).expect("a short message").to_be_bytes());
            }
            batch.extend(message);
            if self.is_json() {
                batch.push(0x1e);
            }
        }
        vec![batch]
    }

    /// The messages of a frame.
    pub fn messages(self, frame: &[u8]) -> Vec<Value> {
        if !self.is_batched() {
            return vec![self.decode(frame)];
        }
        if self.is_json() {
            let frame = frame.strip_suffix(&[0x1e]).expect("a separator at the end");
            return frame.split(|&octet| octet == 0x1e).map(|message| self.decode(message)).collect();
        }
        let (mut rest, mut messages) = (frame, Vec::new());
        while let Some((length, behind)) = rest.split_first_chunk::<4>() {
            let (message, behind) = behind.split_at(u32::from_be_bytes(*length) as usize);
            messages.push(self.decode(message));
            rest = behind;
        }
        messages
    }
}

impl fmt::Display for Serializer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} over {:?}", self.subprotocol(), self.carrier())
    }
}

/// Serialises strings that begin with U+0000 as the binary that they stand for.
struct WithBinary<'a>(&'a Value);

impl Serialize for WithBinary<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::String(text) => match text.strip_prefix('\0') {
                Some(encoded) => serializer.serialize_bytes(&STANDARD.decode(encoded).expect("base64")),
                None => serializer.serialize_str(text),
            },
            Value::Array(list) => {
                let mut sequence = serializer.serialize_seq(Some(list.len()))?;
                for value in list {
                    sequence.serialize_element(&WithBinary(value))?;
                }
                sequence.end()
            }
            Value::Object(object) => {
                let mut map = serializer.serialize_map(Some(object.len()))?;
                for (key, value) in object {
                    map.serialize_entry(key, &WithBinary(value))?;
                }
                map.end()
            }
            // As an empty list is how one of the libraries serialises a unit.
            Value::Null => serializer.serialize_none(),
            other => other.serialize(serializer),
        }
    }
}

/// The reverse.
struct Decoded(Value);

impl<'de> Deserialize<'de> for Decoded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Decoded, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Decoded;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a value")
            }

            fn visit_unit<E>(self) -> Result<Decoded, E> {
                Ok(Decoded(Value::Null))
            }

            fn visit_none<E>(self) -> Result<Decoded, E> {
                Ok(Decoded(Value::Null))
            }

            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Decoded, D::Error> {
                Decoded::deserialize(deserializer)
            }

            fn visit_bool<E>(self, value: bool) -> Result<Decoded, E> {
                Ok(Decoded(value.into()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Decoded, E> {
                Ok(Decoded(value.into()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Decoded, E> {
                Ok(Decoded(value.into()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Decoded, E> {
                Ok(Decoded(value.into()))
            }

            fn visit_str<E>(self, value: &str) -> Result<Decoded, E> {
                Ok(Decoded(value.into()))
            }

            fn visit_bytes<E>(self, value: &[u8]) -> Result<Decoded, E> {
                Ok(Decoded(format!("\0{}", STANDARD.encode(value)).into()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Decoded, A::Error> {
                let mut list = Vec::new();
                while let Some(Decoded(value)) = items.next_element()? {
                    list.push(value);
                }
                Ok(Decoded(list.into()))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Decoded, A::Error> {
                let mut object = Map::new();
                while let Some((key, Decoded(value))) = entries.next_entry::<String, _>()? {
                    object.insert(key, value);
                }
                Ok(Decoded(object.into()))
            }
        }

        deserializer.deserialize_any(Any)
    }
}
