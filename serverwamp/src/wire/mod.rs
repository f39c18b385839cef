//! Bytes ⇄ messages, without async and without IO.

mod batch;
pub mod bench;
mod codec;
mod convert;
mod decode;
mod encode;
mod id;
mod integer;
mod messages;
mod options;
mod parse;
mod payload;
mod scan;
#[cfg(test)]
mod tests;
mod timestamp;
mod uri;
pub(crate) mod uris;
mod value;
mod write;

pub use codec::Codec;
pub use decode::{DecodeError, Shape};
pub use encode::EncodeError;
pub use id::{PublicationId, RegistrationId, RequestId, SessionId, SubscriptionId};
pub use options::{CancelMode, InvokePolicy};
pub use payload::Payload;
pub use uri::{MatchPolicy, Uri};
pub use value::{Dict, Value};

pub(crate) use batch::{BatchError, Separator, Subprotocol, append_to_batch, split_batch};
#[cfg(feature = "cryptobox")]
pub(crate) use convert::decode_bounded;
pub(crate) use convert::{from_value, to_value};
pub(crate) use decode::{Arena, Decoder, Kind, decode, missing};
pub(crate) use encode::{PayloadBuilder, encode_into};
pub(crate) use id::MAX_ID;
pub(crate) use messages::{
    Abort, Authenticate, Call, Cancel, Challenge, ErrorMessage, Event, Goodbye, Hello, Interrupt, Invocation, Message,
    MessageType, Publish, Published, Register, Registered, ResultMessage, Subscribe, Subscribed, Unregister,
    Unregistered, Unsubscribe, Unsubscribed, Welcome, Yield,
};
pub(crate) use options::{
    AbortDetails, Audience, CallOptions, CancelOptions, EncryptionAlgorithm, ErrorDetails, EventDetails, Feature,
    Features, GoodbyeDetails, Group, HelloDetails, InterruptOptions, InvocationDetails, Options, Passthru,
    PublishOptions, RawDict, RegisterOptions, ResultDetails, Roles, SubscribeOptions, UnregisteredDetails,
    UnsubscribedDetails, WelcomeDetails, YieldOptions,
};
pub(crate) use parse::{ParseError, Parser};
pub(crate) use scan::{ScanLimits, Slots};
pub(crate) use timestamp::Timestamp;
pub(crate) use uri::UriError;
pub(crate) use write::{write_error, write_event, write_invocation, write_result};
#[cfg(any(test, fuzzing))]
pub(crate) use {
    codec::{Head, Read, Reader, Token},
    decode::decode_value,
    encode::{Output, transcode_value},
    integer::Integer,
    scan::{scan_value, skip},
    uri::check_uri,
};
