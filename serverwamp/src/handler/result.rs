//! What a handler returns.

use serde::Serialize;

use super::error::encode_parts;
use crate::wire::{Codec, Dict, EncodeError, Payload, PayloadBuilder, Value, to_value};

/// Positional and keyword results in any combination.
///
/// ```
/// use serverwamp::RpcResult;
/// let result = RpcResult::new().arg(1).kwarg("n", 2);
/// # let _ = result;
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RpcResult {
    args: Vec<Value>,
    kwargs: Dict,
    unencodable: Option<String>,
}

/// A value that is sent whole as one positional argument, whatever its shape.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Single<T>(pub T);

/// An item of a stream that ends in a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<P, R> {
    /// A progressive result.
    Progress(P),
    /// The final result; what the stream would yield after it is not asked for.
    Done(R),
}

impl RpcResult {
    /// A result without arguments.
    pub fn new() -> RpcResult {
        RpcResult::default()
    }

    /// Adds a positional argument.
    #[must_use]
    pub fn arg(mut self, value: impl Serialize) -> RpcResult {
        match to_value(&value) {
            Ok(value) => self.args.push(value),
            Err(error) => self.unencodable = Some(error.to_string()),
        }
        self
    }

    /// Adds a keyword argument.
    #[must_use]
    pub fn kwarg(mut self, name: impl Into<String>, value: impl Serialize) -> RpcResult {
        match to_value(&value) {
            Ok(value) => {
                self.kwargs.insert(name.into(), value);
            }
            Err(error) => self.unencodable = Some(error.to_string()),
        }
        self
    }

    /// The positional arguments.
    pub fn args(&self) -> &[Value] {
        &self.args
    }

    /// The keyword arguments.
    pub fn kwargs(&self) -> &Dict {
        &self.kwargs
    }

    pub(crate) fn from_parts(args: Vec<Value>, kwargs: Dict) -> RpcResult {
        RpcResult { args, kwargs, unencodable: None }
    }
}

/// What can be the payload of a RESULT: anything that serialises, `RpcResult`, `Single`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a WAMP result",
    label = "does not serialise",
    note = "a procedure returns a `serde::Serialize` value, `RpcResult`, `Single`, a `Result` of one of these, or a `Stream`"
)]
pub trait IntoPayload {
    /// Encodes by the shape of the value.
    ///
    /// # Errors
    /// The value holds what the codec cannot.
    #[doc(hidden)]
    fn into_payload(self, codec: Codec) -> Result<Payload, EncodeError>;
}

impl<T: Serialize> IntoPayload for T {
    fn into_payload(self, codec: Codec) -> Result<Payload, EncodeError> {
        Payload::encode(codec, &self)
    }
}

impl<T: Serialize> IntoPayload for Single<T> {
    fn into_payload(self, codec: Codec) -> Result<Payload, EncodeError> {
        PayloadBuilder::new(codec).arg(&self.0)?.finish()
    }
}

impl IntoPayload for RpcResult {
    fn into_payload(self, codec: Codec) -> Result<Payload, EncodeError> {
        match self.unencodable {
            Some(message) => Err(EncodeError::new(message)),
            None => encode_parts(codec, &self.args, &self.kwargs),
        }
    }
}
