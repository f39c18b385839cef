//! The parts of the hot path that benchmarks measure on their own.

use bytes::Bytes;
use serde::Serialize;

use super::{Message, Payload, ScanLimits, Subprotocol};

/// Reads a message; false if it is none.
pub fn parse(subprotocol: &str, message: &'static [u8]) -> bool {
    let limits = ScanLimits { depth: 64, nodes: 100_000 };
    let message = Bytes::from_static(message);
    Subprotocol::from_name(subprotocol).is_some_and(|it| Message::parse(it.codec, message, limits).is_ok())
}

/// Encodes a result. Returns its length in octets.
pub fn encode<T: Serialize>(subprotocol: &str, value: &T) -> usize {
    let payload = Subprotocol::from_name(subprotocol).and_then(|it| Payload::encode(it.codec, value).ok());
    payload.map_or(0, |payload| payload.size())
}
