//! Payloads that only the ends of a call or an event understand.

use std::borrow::Cow;
use std::fmt;

use crate::wire::{Dict, Uri, Value};

/// Encodes the payloads of a client's calls, results, errors and events, and decodes those that it is sent, so that no
/// router in between reads them: encryption from end to end, for example.
///
/// A client has one codec ([`payload_codec`](crate::client::Connect::payload_codec)), which decides by procedure and topic.
/// Functions and callers know nothing of it. What cannot be decoded never reaches them: a call fails with
/// [`CallError::Payload`](crate::CallError::Payload), an invocation is answered with the error's URI, an event is logged and
/// left out. The same is true for a payload that comes in clear where it should not have
/// ([`accepts_clear`](PayloadCodec::accepts_clear)), and for one that is encoded where the client has no codec at all.
///
/// Options and details stay readable for routers, and so do the URIs of procedures, topics and errors. A router that does
/// not announce the feature which the codec's attributes belong to is sent nothing: the request fails.
///
/// WAMP: payload passthru mode, advanced profile; payload transparency, an extension of Autobahn and Crossbar.
pub trait PayloadCodec: Send + Sync {
    /// Whether payloads of such messages are encoded. Others travel in clear.
    fn covers(&self, envelope: &Envelope<'_>) -> bool;

    /// Whether a message's payload may come in clear. Default: where the codec does not cover it, and in errors, which
    /// routers make as well. A call that may and does is answered in clear.
    fn accepts_clear(&self, envelope: &Envelope<'_>) -> bool {
        envelope.kind == PayloadKind::Error || !self.covers(envelope)
    }

    /// Encodes the payload of a message that is covered.
    ///
    /// # Errors
    /// It cannot be encoded: the message is not sent.
    fn encode(&self, envelope: &Envelope<'_>, payload: &ClearPayload) -> Result<EncodedPayload, PayloadError>;

    /// Decodes a payload, with the attributes and the octets that came.
    ///
    /// # Errors
    /// It cannot be decoded, or does not belong to this message.
    fn decode(&self, envelope: &Envelope<'_>, payload: &EncodedPayload) -> Result<ClearPayload, PayloadError>;
}

/// The message that a payload belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Envelope<'m> {
    /// What kind of message it is.
    pub kind: PayloadKind,
    /// The procedure or the topic; never a pattern.
    pub uri: &'m str,
    /// The error's URI, of errors.
    pub error: Option<&'m str>,
}

/// What kind of message has a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PayloadKind {
    /// A call: CALL for the caller, INVOCATION for the callee.
    Call,
    /// A result, progressive or not: YIELD, RESULT.
    Result,
    /// An error of a call.
    Error,
    /// An event: PUBLISH, EVENT.
    Event,
}

/// A payload that can be read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ClearPayload {
    /// The positional arguments.
    pub args: Vec<Value>,
    /// The keyword arguments.
    pub kwargs: Dict,
}

/// A payload that cannot be read, and what the message's options or details say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedPayload {
    /// The payload.
    pub octets: Vec<u8>,
    /// How it is encoded.
    pub attributes: PayloadAttributes,
}

/// What a message's options or details say of its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PayloadAttributes {
    /// The attributes `ppt_*` of the specification (payload passthru mode).
    Passthru {
        /// `ppt_scheme`: one that is not in the specification begins with `x_`.
        scheme: String,
        /// `ppt_serializer`
        serializer: Option<String>,
        /// `ppt_cipher`
        cipher: Option<String>,
        /// `ppt_keyid`
        keyid: Option<String>,
    },
    /// The attributes `enc_*` of Autobahn and Crossbar (payload transparency).
    Transparency {
        /// `enc_algo`: `cryptobox`, `mqtt`, `xbr`, or a name that begins with `x_`.
        algorithm: String,
        /// `enc_serializer`
        serializer: Option<String>,
        /// `enc_key`
        key: Option<String>,
    },
}

/// Why a payload could not be encoded or decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadError {
    uri: Cow<'static, str>,
    message: String,
}

impl<'m> Envelope<'m> {
    pub(super) fn new(kind: PayloadKind, uri: &'m Uri) -> Envelope<'m> {
        Envelope { kind, uri, error: None }
    }

    pub(super) fn of_error(uri: &'m Uri, error: &'m Uri) -> Envelope<'m> {
        Envelope { kind: PayloadKind::Error, uri, error: Some(error) }
    }

    /// Whether the message is sent by a caller or a publisher, not by a callee.
    pub fn is_from_originator(&self) -> bool {
        matches!(self.kind, PayloadKind::Call | PayloadKind::Event)
    }
}

impl PayloadError {
    /// An error with a URI of its own, which a caller is told, and a message, which only this side is.
    ///
    /// What is no URI becomes `wamp.error.encryption.decrypt_error`.
    pub fn new(uri: &str, message: impl Into<String>) -> PayloadError {
        match Uri::new(uri) {
            Ok(_) => PayloadError { uri: Cow::Owned(uri.to_owned()), message: message.into() },
            Err(_) => PayloadError::undecodable(message),
        }
    }

    /// The payload cannot be decoded: `wamp.error.encryption.decrypt_error`.
    pub fn undecodable(message: impl Into<String>) -> PayloadError {
        PayloadError::known("wamp.error.encryption.decrypt_error", message)
    }

    /// The payload belongs to another procedure, topic, error or kind of message:
    /// `wamp.error.encryption.trusted_uri_mismatch`.
    pub fn misplaced(message: impl Into<String>) -> PayloadError {
        PayloadError::known("wamp.error.encryption.trusted_uri_mismatch", message)
    }

    pub(super) fn known(uri: &'static str, message: impl Into<String>) -> PayloadError {
        PayloadError { uri: Cow::Borrowed(uri), message: message.into() }
    }

    /// The error's URI.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// What is wrong, for people.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for PayloadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.uri, self.message)
    }
}

impl std::error::Error for PayloadError {}
