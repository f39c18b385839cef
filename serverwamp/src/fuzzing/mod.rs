//! What holds whatever comes: properties that `cargo fuzz` looks for exceptions to, and a test replays the corpora of.
//!
//! Each function takes octets that mean nothing in particular, and panics where a property does not hold. Not for
//! programs: all this is there only in tests and where `cfg(fuzzing)` is set, as cargo-fuzz does.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod batched;
mod codec;
mod codec_cbor;
mod codec_json;
mod codec_msgpack;
mod frames;
mod line;
mod messages;
mod patterns;
mod rawsocket;
#[cfg(test)]
mod replay;
mod router;
mod session_client;
mod session_server;
mod slots;

pub use batched::batched;
pub use codec_cbor::codec_cbor;
pub use codec_json::codec_json;
pub use codec_msgpack::codec_msgpack;
pub use frames::frames;
pub use patterns::patterns;
pub use rawsocket::rawsocket;
pub use router::router;
pub use session_client::session_client;
pub use session_server::session_server;
pub use slots::slots;
