//! Errors that go over the wire.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::description::ErrorDescription;
use super::failure::{Cause, FailureKind};
use crate::log::Shown;
use crate::session::AuthenticationError;
use crate::wire::{Codec, Dict, EncodeError, Payload, PayloadBuilder, Uri, Value, from_value, to_value, uris};

/// An error as WAMP carries it: a URI, positional and keyword arguments.
///
/// ```
/// use serverwamp::RpcError;
/// let error = RpcError::new("bank.error.too_poor").arg(12.5).kwarg("missing", 7.5);
/// assert_eq!(error.uri(), "bank.error.too_poor");
/// ```
///
/// The default is `wamp.error.runtime_error` without arguments.
#[derive(Debug, Clone)]
pub struct RpcError {
    uri: String,
    args: Vec<Value>,
    kwargs: Dict,
    /// What the other side is not told.
    cause: Option<Arc<Cause>>,
}

/// As the other side sees them.
impl PartialEq for RpcError {
    fn eq(&self, other: &RpcError) -> bool {
        self.uri == other.uri && self.args == other.args && self.kwargs == other.kwargs
    }
}

/// A type that is an error of an application on both sides: a callee returns it, a caller gets it back.
///
/// `#[derive(WampError)]` writes it for enums and structs.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent to a caller as an error",
    label = "neither `WampError` nor a standard error",
    note = "derive `serverwamp::WampError`, use `RpcError`, or implement `std::error::Error` (then the caller sees `wamp.error.runtime_error`)"
)]
pub trait WampError: Sized {
    /// The errors that the type stands for, where they are known.
    #[doc(hidden)]
    const DESCRIPTIONS: &'static [ErrorDescription] = &[];

    /// What the other side is sent.
    fn into_rpc_error(self) -> RpcError;

    /// Reads an error that came from the other side; none if it is not one of this type's.
    fn from_rpc_error(error: &RpcError) -> Option<Self>;
}

impl WampError for RpcError {
    fn into_rpc_error(self) -> RpcError {
        self
    }

    fn from_rpc_error(error: &RpcError) -> Option<RpcError> {
        Some(error.clone())
    }
}

/// A credential that is not as it should be: the cause goes to the log.
impl From<AuthenticationError> for RpcError {
    fn from(error: AuthenticationError) -> RpcError {
        RpcError::internal(&error)
    }
}

impl RpcError {
    /// An error with this URI and no arguments.
    ///
    /// A URI that WAMP does not allow is sent as `wamp.error.runtime_error`. One that begins with a dot is under the prefix
    /// of the set of functions ([`Routes::prefix`](crate::Routes::prefix)) that the function is in which returns the error:
    /// from a set with the prefix `shop`, `.error.sold_out` is sent as `shop.error.sold_out`, and from one without as
    /// `error.sold_out`. Clients read it with [`CallError::to_under`](crate::CallError::to_under).
    pub fn new(uri: impl Into<String>) -> RpcError {
        RpcError { uri: uri.into(), args: Vec::new(), kwargs: Dict::new(), cause: None }
    }

    /// Adds a positional argument.
    #[must_use]
    pub fn arg(mut self, value: impl Serialize) -> RpcError {
        match to_value(&value) {
            Ok(value) => self.args.push(value),
            Err(error) => return RpcError::unencodable(&self.uri, &error),
        }
        self
    }

    /// Adds a keyword argument.
    #[must_use]
    pub fn kwarg(mut self, name: impl Into<String>, value: impl Serialize) -> RpcError {
        match to_value(&value) {
            Ok(value) => self.kwargs.insert(name.into(), value),
            Err(error) => return RpcError::unencodable(&self.uri, &error),
        };
        self
    }

    /// Adds the keyword argument `message`, a text for people.
    #[must_use]
    pub fn message(self, text: impl Into<String>) -> RpcError {
        self.kwarg("message", text.into())
    }

    /// `wamp.error.invalid_argument` with a message.
    #[cold]
    pub fn invalid_argument(message: impl Into<String>) -> RpcError {
        RpcError::new(uris::INVALID_ARGUMENT).message(message)
    }

    /// `wamp.error.not_authorized` with a message.
    #[cold]
    pub fn not_authorized(message: impl Into<String>) -> RpcError {
        RpcError::new(uris::NOT_AUTHORIZED).message(message)
    }

    /// `wamp.error.runtime_error` for the caller, the cause for the log and for [`App::on_error`](crate::App::on_error).
    #[cold]
    pub fn internal(cause: &dyn fmt::Debug) -> RpcError {
        tracing::error!(?cause, "a handler failed");
        RpcError::because(Cause::new(FailureKind::Error, format_args!("{cause:?}")))
    }

    /// The error's URI.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// The text for people, where there is one.
    pub(crate) fn text(&self) -> Option<&str> {
        self.kwargs.get("message").and_then(Value::as_str)
    }

    /// The error for the log: its URI and the text for people. Arguments may be what a peer has sent.
    pub(crate) fn summary(&self) -> Shown<Summary<'_>> {
        Shown(Summary(self))
    }

    /// The error as it is sent by a function under this prefix.
    pub(crate) fn under(mut self, prefix: Option<&str>) -> RpcError {
        if let Some(rest) = self.uri.strip_prefix('.') {
            self.uri = prefix.map_or_else(|| rest.to_owned(), |prefix| format!("{prefix}.{rest}"));
        }
        self
    }

    /// The error as a function under this prefix has given it, if its URI begins like that.
    pub(crate) fn within(&self, prefix: &str) -> Option<RpcError> {
        let uri = match prefix {
            "" => format!(".{}", self.uri),
            prefix => self.uri.strip_prefix(prefix).filter(|rest| rest.starts_with('.'))?.to_owned(),
        };
        Some(RpcError { uri, ..self.clone() })
    }

    pub(crate) fn is_invalid_argument(&self) -> bool {
        self.uri == uris::INVALID_ARGUMENT
    }

    /// The positional arguments.
    pub fn args(&self) -> &[Value] {
        &self.args
    }

    /// The keyword arguments.
    pub fn kwargs(&self) -> &Dict {
        &self.kwargs
    }

    pub(crate) fn from_parts(uri: &str, args: Vec<Value>, kwargs: Dict) -> RpcError {
        RpcError { uri: uri.to_owned(), args, kwargs, cause: None }
    }

    /// The URI and the payload for the wire; what cannot be sent becomes a plain runtime error.
    pub(crate) fn encode(&self, codec: Codec) -> (Uri, Payload) {
        let encoded = Uri::new(&self.uri).ok().zip(self.payload(codec).ok());
        encoded.unwrap_or_else(|| {
            tracing::error!(error = %self.summary(), "an error cannot be sent");
            (Uri::known(uris::RUNTIME_ERROR), Payload::empty(codec))
        })
    }

    fn payload(&self, codec: Codec) -> Result<Payload, EncodeError> {
        encode_parts(codec, &self.args, &self.kwargs)
    }

    #[cold]
    fn unencodable(uri: &str, error: &EncodeError) -> RpcError {
        tracing::error!(uri = %Shown(uri), error = %Shown(error), "an argument of an error cannot be encoded");
        RpcError::because(Cause::new(FailureKind::Unencodable, format_args!("an argument of the error {uri}: {error}")))
    }

    /// `wamp.error.runtime_error` for the caller, whatever the cause.
    pub(crate) fn because(cause: Arc<Cause>) -> RpcError {
        RpcError { cause: Some(cause), ..RpcError::default() }
    }

    /// What the other side is not told.
    pub(crate) fn cause(&self) -> Option<&Arc<Cause>> {
        self.cause.as_ref()
    }

    /// The error as the other side is told of it.
    pub(crate) fn without_cause(mut self) -> RpcError {
        self.cause = None;
        self
    }

    /// Why the other side gets another error than this, if it does.
    pub(crate) fn encoding_problem(&self, codec: Codec) -> Option<String> {
        match (Uri::new(&self.uri), self.payload(codec)) {
            (Err(problem), _) => Some(format!("the error {}: {problem}", self.uri)),
            (_, Err(problem)) => Some(format!("the error {}: {problem}", self.uri)),
            (Ok(_), Ok(_)) => None,
        }
    }
}

/// What the log says of an error.
pub(crate) struct Summary<'e>(&'e RpcError);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = self.0;
        formatter.write_str(&error.uri)?;
        // What is wrong with an argument is said with its value.
        match error.text().filter(|_| !error.is_invalid_argument()) {
            Some(text) => write!(formatter, ": {text}"),
            None => Ok(()),
        }
    }
}

/// Positional and keyword arguments as a payload.
pub(crate) fn encode_parts(codec: Codec, args: &[Value], kwargs: &Dict) -> Result<Payload, EncodeError> {
    let mut builder = PayloadBuilder::new(codec);
    for value in args {
        builder = builder.arg(value)?;
    }
    for (name, value) in kwargs.iter() {
        builder = builder.kwarg(name, value)?;
    }
    builder.finish()
}

/// A positional argument of an error from the wire, for `#[derive(WampError)]`.
pub fn error_arg<T: DeserializeOwned>(error: &RpcError, index: usize) -> Option<T> {
    from_value(error.args.get(index)?).ok()
}

/// A keyword argument of an error from the wire, for `#[derive(WampError)]`.
pub fn error_kwarg<T: DeserializeOwned>(error: &RpcError, name: &str) -> Option<T> {
    from_value(error.kwargs.get(name)?).ok()
}

impl Default for RpcError {
    fn default() -> RpcError {
        RpcError::new(uris::RUNTIME_ERROR)
    }
}

impl fmt::Display for RpcError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.uri)?;
        self.args.iter().try_for_each(|value| write!(formatter, " {value}"))?;
        self.kwargs.iter().try_for_each(|(name, value)| write!(formatter, " {name}={value}"))
    }
}

impl Error for RpcError {}

/// A standard error: its text goes to the log, the caller learns that the procedure failed.
#[cold]
pub(crate) fn from_standard_error(error: Box<dyn Error + Send + Sync>) -> RpcError {
    tracing::error!(%error, "a handler failed");
    RpcError::because(Arc::new(Cause { kind: FailureKind::Error, text: error.to_string(), error: Some(error) }))
}
