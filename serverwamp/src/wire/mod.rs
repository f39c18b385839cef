//! Bytes ⇄ messages, without async and without IO.

mod batch;
mod codec;
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
mod uri;
mod value;
mod write;

pub(crate) use self::{
    batch::{BatchError, Separator, Subprotocol, append_to_batch, split_batch},
    codec::Codec,
    decode::{Arena, DecodeError, decode, decode_args, decode_kwargs, decode_value, missing},
    encode::{EncodeError, PayloadBuilder, encode_into},
    messages::{
        Abort, Authenticate, Call, Cancel, Challenge, ErrorMessage, Event, EventReceived, Goodbye, Hello, Interrupt,
        Invocation, Message, MessageType, Publish, Published, Register, Registered, ResultMessage, Subscribe,
        Subscribed, Unregister, Unregistered, Unsubscribe, Unsubscribed, Welcome, Yield,
    },
    options::{
        AbortDetails, Audience, CallOptions, CancelMode, CancelOptions, EncryptionAlgorithm, ErrorDetails,
        EventDetails, Feature, Features, Forwarder, GoodbyeDetails, Group, HelloDetails, InterruptOptions,
        InvocationDetails, InvokePolicy, Options, Passthru, PublishOptions, RawDict, RegisterOptions, ResultDetails,
        Roles, SubscribeOptions, UnregisteredDetails, UnsubscribedDetails, WelcomeDetails, YieldOptions,
    },
    parse::ParseError,
    payload::Payload,
    scan::ScanLimits,
    uri::{MAX_URI_LENGTH, check_uri},
    write::{write_error, write_event, write_result},
};
pub use self::{
    id::{PublicationId, RegistrationId, RequestId, SessionId, SubscriptionId},
    integer::Integer,
    uri::{MatchPolicy, Uri, UriError},
    value::{Dict, Value},
};
