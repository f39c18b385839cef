//! The request that a handler runs for.

use std::sync::OnceLock;
use std::time::Duration;

use super::call::Call;
use super::error::RpcError;
use super::extract::{FromCall, Parameter, Requirement};
use super::route::RouteKind;
use super::session::Session;
use crate::wire::{self, Dict, RawDict, RequestId, SessionId, Uri, Value};

/// The request as the client made it: id, URI, raw arguments and options; for rpc, event and subscribe functions.
///
/// WAMP: CALL, PUBLISH and SUBSCRIBE, basic profile.
#[derive(Debug, Clone)]
pub struct Request {
    message: Box<wire::Call>,
    /// The options as they came.
    raw_options: RawDict,
    caller: Option<Caller>,
    args: OnceLock<Vec<Value>>,
    kwargs: OnceLock<Dict>,
    options: OnceLock<Dict>,
}

/// Who called, published or subscribed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Caller {
    /// The caller's session.
    pub session: SessionId,
    /// The caller's authentication id; empty where the router does not tell.
    pub authid: String,
    /// The caller's role; empty where the router does not tell.
    pub authrole: String,
}

impl Request {
    pub(super) fn of(call: &Call) -> Request {
        Request {
            message: Box::new(call.message().clone()),
            raw_options: call.raw_options().clone(),
            caller: call.caller(),
            args: OnceLock::new(),
            kwargs: OnceLock::new(),
            options: OnceLock::new(),
        }
    }

    /// The request id.
    pub fn id(&self) -> RequestId {
        self.message.request
    }

    /// The URI that was called, or the topic; of interest where the function's is a pattern.
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

    /// The options as they came, unknown ones included.
    pub fn options(&self) -> &Dict {
        self.options.get_or_init(|| self.raw_options.to_dict().unwrap_or_default())
    }

    /// How long the caller is willing to wait for each result; none for ever.
    pub fn timeout(&self) -> Option<Duration> {
        self.message.options.timeout.filter(|&timeout| timeout > 0).map(Duration::from_millis)
    }

    /// Whether the caller asked for progressive results.
    pub fn wants_progress(&self) -> bool {
        self.message.options.receive_progress == Some(true)
    }

    /// Who sent the request, where that is disclosed: always, when this process serves the function itself; else where
    /// the router tells.
    pub fn caller(&self) -> Option<&Caller> {
        self.caller.as_ref()
    }
}

impl Caller {
    /// A client of this process.
    pub(crate) fn of(session: &Session) -> Caller {
        let (authid, authrole) = (session.authid().to_owned(), session.authrole().to_owned());
        Caller { session: session.id(), authid, authrole }
    }
}

impl<'c> FromCall<'c> for Request {
    fn from_call(call: &'c Call, _: &Parameter<'_, 'c>) -> Result<Request, RpcError> {
        Ok(Request::of(call))
    }

    fn requires() -> Vec<Requirement> {
        const KINDS: &[RouteKind] = &[RouteKind::Procedure, RouteKind::Event, RouteKind::Subscribe];
        vec![Requirement::function("Request", KINDS)]
    }
}
