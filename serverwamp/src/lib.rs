//! A server framework for WAMP, the Web Application Messaging Protocol: annotate async functions, call [`serve`], and
//! every WAMP client in every language can call them.
//!
//! ```no_run
//! use serverwamp::wamp;
//!
//! /// Adds two numbers.
//! #[wamp::rpc("math.add")]
//! async fn add(a: i64, b: i64) -> i64 {
//!     a + b
//! }
//!
//! #[tokio::main]
//! async fn main() -> serverwamp::Result<()> {
//!     serverwamp::serve().await
//! }
//! ```
//!
//! * **Functions.** [`wamp`] has the attributes. What implements `serde::Deserialize` is an argument of the call; the rest
//!   is injected: [`Session`], [`Request`], [`Inject`], [`Progress`], [`CancellationToken`], [`Rest`], [`RestKw`], and
//!   whatever implements [`FromCall`].
//! * **Results.** By the shape of what is returned: scalars and sequences are positional results, structs and maps are
//!   keyword results; [`Single`] and [`RpcResult`] say otherwise. Streams and [`Step`] give progressive results.
//! * **Errors.** [`WampError`] maps a type to error URIs, [`RpcError`] is one without a type; any standard error is logged
//!   and sent as `wamp.error.runtime_error`.
//! * **Servers.** [`App`] puts one together, [`Realm`] configures a realm, [`Limits`] bounds what peers can do.
//! * **Tests.** [`testing`] has clients that need no socket.
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
    Audience, Call, Caller, CancellationToken, Delivery, Factory, FromCall, Inject, IntoPayload, Parameter, Progress,
    ProgressError, PublishError, RealmHandle, Request, Requirement, Rest, RestKw, RpcError, RpcResult, Session, Single,
    Step, Subscription, TransportInfo, WampError,
};
pub use limits::Limits;
pub use routing::{Realm, Routes};
pub use serverwamp_macros::WampError;
pub use wire::{Dict, MatchPolicy, PublicationId, RequestId, SessionId, SubscriptionId, Uri, Value};

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
    pub use crate::routing::TopicTable;
    pub use crate::wire::bench;
    pub use crate::wire::{Codec, DecodeError, EncodeError, Payload};
}
