//! The call as its caller made it.

use std::sync::OnceLock;
use std::time::Duration;

use super::call::Call;
use super::error::RpcError;
use super::extract::{FromCall, Parameter};
use crate::wire::{self, Dict, RequestId, SessionId, Uri, Value};

/// The call as its caller made it: id, URI, raw arguments and options.
///
/// WAMP: CALL, basic profile.
#[derive(Debug, Clone)]
pub struct Request {
    message: Box<wire::Call>,
    caller: Caller,
    args: OnceLock<Vec<Value>>,
    kwargs: OnceLock<Dict>,
    options: OnceLock<Dict>,
}

/// Who called.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Caller {
    /// The caller's session.
    pub session: SessionId,
    /// The caller's authentication id.
    pub authid: String,
    /// The caller's role.
    pub authrole: String,
}

impl Request {
    pub(super) fn of(call: &Call) -> Request {
        let session = call.session();
        let caller = Caller {
            session: session.id(),
            authid: session.authid().to_owned(),
            authrole: session.authrole().to_owned(),
        };
        Request {
            message: Box::new(call.message().clone()),
            caller,
            args: OnceLock::new(),
            kwargs: OnceLock::new(),
            options: OnceLock::new(),
        }
    }

    /// The request id.
    pub fn id(&self) -> RequestId {
        self.message.request
    }

    /// The URI that was called; of interest where the procedure's is a pattern.
    pub fn uri(&self) -> &Uri {
        &self.message.procedure
    }

    /// The positional arguments as they came.
    pub fn args(&self) -> &[Value] {
        self.args.get_or_init(|| self.message.payload.to_args())
    }

    /// The keyword arguments as they came.
    pub fn kwargs(&self) -> &Dict {
        self.kwargs.get_or_init(|| self.message.payload.to_kwargs())
    }

    /// The call's options as they came, unknown ones included.
    pub fn options(&self) -> &Dict {
        self.options.get_or_init(|| self.message.options.raw().to_dict().unwrap_or_default())
    }

    /// How long the caller is willing to wait for each result; none for ever.
    pub fn timeout(&self) -> Option<Duration> {
        self.message.options.timeout.filter(|&timeout| timeout > 0).map(Duration::from_millis)
    }

    /// Whether the caller asked for progressive results.
    pub fn wants_progress(&self) -> bool {
        self.message.options.receive_progress == Some(true)
    }

    /// Who called, where that is disclosed: always, when this process serves the procedure itself.
    pub fn caller(&self) -> Option<&Caller> {
        Some(&self.caller)
    }
}

impl<'c> FromCall<'c> for Request {
    fn from_call(call: &'c Call, _: &Parameter<'_, 'c>) -> Result<Request, RpcError> {
        Ok(Request::of(call))
    }
}
