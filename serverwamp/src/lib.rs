//! A server framework for WAMP, the Web Application Messaging Protocol.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

// Lets the code that the macros generate name this crate from within itself.
extern crate self as serverwamp;

mod app;
mod client;
mod connection;
mod error;
mod handler;
mod limits;
mod routing;
mod server;
mod session;
mod shutdown;
pub mod testing;
mod transport;
mod wire;

pub use app::{App, AppHandle, serve};
pub use connection::Statistics;
pub use error::{Error, Problem, Result};
pub use handler::{
    Call, Caller, CancellationToken, Factory, FromCall, Inject, IntoPayload, Parameter, Progress, ProgressError,
    Request, Requirement, Rest, RestKw, RpcError, RpcResult, Session, Single, Step, TransportInfo, WampError,
};
pub use limits::Limits;
pub use routing::{Realm, Routes};
pub use serverwamp_macros::WampError;
pub use wire::{Dict, RequestId, SessionId, Uri, Value};

/// The attributes that make functions callable.
pub mod wamp {
    pub use serverwamp_macros::{rpc, service};
}

/// What the macros may name. Not for programs: anything here may change in any version.
#[doc(hidden)]
pub mod __private {
    pub use inventory;

    pub use crate::__reply as reply;
    pub use crate::client::FromPayload;
    pub use crate::handler::{
        Arguments, Call, HandlerFuture, Match, ParameterDescription as Parameter, ParameterOptions, Reply, Route,
        RouteKind, RpcError, ServiceType, bind, blocking, error_arg, error_kwarg, function_id, parameter, reply_kinds,
        service_type, tag, wait,
    };
    pub use crate::wire::bench;
    pub use crate::wire::{Codec, DecodeError, EncodeError, Payload};
}
