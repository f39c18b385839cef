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
//! * **Functions.** [`wamp`] has the attributes: procedures, subscriptions, events, and sessions that come and go. What
//!   implements `serde::Deserialize` is an argument of the call or event; the rest is injected: [`Session`], [`Request`],
//!   [`Inject`], [`Progress`], [`CancellationToken`], [`Topic`], [`Subscription`], [`EventDetails`], [`Rest`],
//!   [`RestKw`], and whatever implements [`FromCall`].
//! * **Results.** By the shape of what is returned: scalars and sequences are positional results, structs and maps are
//!   keyword results; [`Single`] and [`RpcResult`] say otherwise. Streams and [`Step`] give progressive results.
//! * **Errors.** [`WampError`] maps a type to error URIs, [`RpcError`] is one without a type; any standard error is logged
//!   and sent as `wamp.error.runtime_error`.
//! * **Clients.** Authenticators say who they are ([`Realm::ticket_authenticator`] and others return [`Authenticated`]);
//!   functions are given it as [`Identity`] or [`MaybeIdentity`].
//! * **Authorization.** [`Realm::authorizer`], static [`Rules`], and `role = "…"` in attributes say who may do what.
//!   [`DynamicAuthenticator`] and [`DynamicAuthorizer`] leave it to procedures.
//! * **Routers.** [`Realm::router`] makes a realm a full WAMP router: events are retained, [`History`] is kept of topics,
//!   sessions have testaments and the meta API.
//! * **Servers.** [`App`] puts one together, [`Realm`] configures a realm, [`Limits`] bounds what peers can do.
//! * **Other routers.** [`connect`] hosts the same functions on somebody else's router; [`Client`] calls, publishes,
//!   subscribes and registers there.
//! * **TLS.** The feature `tls` has `TlsConfig` and `ClientTls`; [`TransportInfo::tls`] says what the handshake said.
//! * **Hosts.** With the feature `tower`, `App::into_service` makes the WebSocket a service of axum or hyper;
//!   [`App::trusted_proxies`] is for servers behind proxies.
//! * **Operation.** What happens is counted for the facade `metrics` and [`AppHandle::statistics`], and logged by `tracing`,
//!   within a span for each session and, at DEBUG, for each call.
//! * **Tests.** [`testing`] has clients that need no socket.
//!
//! Features, none of them on by default: `config` reads a whole server, or [`Rules`], [`Limits`] and clients, from TOML,
//! `yaml` servers and clients from YAML as well; `cryptobox` encrypts payloads, `openssh` reads keys of OpenSSH, `sqlite` keeps
//! a [`History`] in a file, `tls` is for TLS, `tower` for other HTTP servers.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

// Lets the code that the macros generate name this crate from within itself.
extern crate self as serverwamp;

mod app;
pub mod client;
#[cfg(feature = "config")]
mod config;
mod connection;
#[cfg(feature = "config")]
mod document;
mod error;
mod handler;
mod limits;
mod log;
mod metrics;
mod routing;
mod server;
mod session;
mod shutdown;
mod systemd;
pub mod testing;
mod transport;
mod wire;

pub use app::{App, AppHandle, serve};
pub use client::{CallError, Challenge, Client, Component, Credentials, connect};
#[cfg(feature = "config")]
#[cfg_attr(docsrs, doc(cfg(feature = "config")))]
pub use config::{Configuration, Reloaded};
pub use error::{ConnectError, Error, Problem, Result};
pub use handler::{
    Action, ActionKind, Audience, Authenticated, Call, Caller, CancellationToken, Claims, Decision, Delivery,
    EventDetails, Factory, Failure, FailureKind, FromCall, Identity, Inject, IntoDecision, IntoPayload, Lookup,
    MaybeIdentity, Parameter, PeerCredentials, Procedure, Progress, ProgressError, ProxyInfo, PublishError,
    RealmHandle, Request, Requirement, Rest, RestKw, RpcError, RpcResult, Session, Single, Step, Subscription, TlsInfo,
    Topic, TransportInfo, WampError,
};
pub use limits::Limits;
pub use metrics::Statistics;
pub use routing::{
    DynamicAuthenticator, DynamicAuthorizer, History, ProcedureDefaults, Realm, Routes, Rules, SubscriptionDefaults,
};
pub use server::Listener;
#[cfg(feature = "tower")]
#[cfg_attr(docsrs, doc(cfg(feature = "tower")))]
pub use server::WampService;
pub use serverwamp_macros::WampError;
pub use session::{
    Answer, AuthenticationError, CraCredential, Kdf, PublicKey, Salt, ScramCredential, ScramDialect, ScramKeys, Secret,
    SigningKey,
};
#[cfg(feature = "tls")]
#[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
pub use tokio_rustls::rustls;
pub use transport::TrustedProxies;
#[cfg(feature = "tls")]
#[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
pub use transport::{ClientCertificates, ClientTls, TlsConfig, TlsError};
pub use wire::{
    CancelMode, Dict, InvokePolicy, MatchPolicy, PublicationId, RegistrationId, RequestId, SessionId, SubscriptionId,
    Uri, Value,
};

/// The attributes that make functions what clients call, subscribe to and publish to.
pub mod wamp {
    /// ```
    /// use serde::Deserialize;
    /// use serverwamp::{CallError, Client, WampError, wamp};
    ///
    /// #[derive(Deserialize)]
    /// struct Document {
    ///     title: String,
    /// }
    ///
    /// #[derive(Debug, WampError)]
    /// #[wamp(prefix = "docs.error")]
    /// enum DocError {
    ///     NotFound { id: u64 },
    ///     /// Whatever else can go wrong with a call.
    ///     #[wamp(internal)]
    ///     Call(CallError),
    /// }
    ///
    /// impl From<CallError> for DocError {
    ///     fn from(error: CallError) -> DocError {
    ///         DocError::Call(error)
    ///     }
    /// }
    ///
    /// #[wamp::client(prefix = "docs")]
    /// trait DocsApi {
    ///     /// Calls `docs.get_document`.
    ///     async fn get_document(&self, id: u64) -> Result<Document, DocError>;
    ///
    ///     /// Calls `docs.find`; what is `None` is left to the callee's defaults.
    ///     #[wamp::rpc("find", timeout = "5s")]
    ///     async fn find_titles(&self, text: &str, #[wamp(keyword)] limit: Option<u32>) -> Result<Vec<String>, CallError>;
    ///
    ///     /// Calls `docs.export`, and hands on what comes meanwhile.
    ///     async fn export(
    ///         &self,
    ///         #[wamp(progress)] exported: impl FnMut(u32) + Send + 'static,
    ///     ) -> Result<u64, CallError>;
    /// }
    ///
    /// async fn prints(client: Client) -> Result<(), DocError> {
    ///     let docs = DocsApiClient::new(client);
    ///     match docs.get_document(7).await {
    ///         Ok(document) => println!("{}", document.title),
    ///         Err(DocError::NotFound { id }) => println!("no document {id}"),
    ///         Err(error) => return Err(error),
    ///     }
    ///     let exported = docs.export(|count| println!("{count} so far")).await?;
    ///     println!("{exported} documents");
    ///     Ok(())
    /// }
    /// ```
    pub use serverwamp_macros::client;
    /// ```
    /// use serverwamp::{EventDetails, wamp};
    ///
    /// #[wamp::event("sensors.", match = "prefix")]
    /// async fn measured(value: f64, #[wamp(default = "°C")] unit: &str, details: EventDetails) {
    ///     println!("{}: {value} {unit}", details.topic());
    /// }
    /// ```
    pub use serverwamp_macros::event;
    /// ```
    /// use serverwamp::{RpcError, Session, wamp};
    ///
    /// #[wamp::on_join]
    /// async fn welcome(session: Session) -> Result<(), RpcError> {
    ///     match session.transport().cookie("banned") {
    ///         Some(_) => Err(RpcError::not_authorized("come back tomorrow")),
    ///         None => Ok(()),
    ///     }
    /// }
    /// ```
    pub use serverwamp_macros::on_join;
    /// ```
    /// use serverwamp::{Session, wamp};
    ///
    /// #[wamp::on_leave]
    /// async fn farewell(session: Session) {
    ///     println!("{} has left", session.authid());
    /// }
    /// ```
    pub use serverwamp_macros::on_leave;
    /// ```
    /// use futures_util::{Stream, stream};
    /// use serverwamp::{RpcError, Subscription, Topic, wamp};
    ///
    /// /// Refuses what is not there.
    /// #[wamp::subscribe("rooms.", match = "prefix")]
    /// async fn enter(topic: Topic, subscription: Subscription) -> Result<(), RpcError> {
    ///     if topic.ends_with(".secret") {
    ///         return Err(RpcError::new("rooms.error.no_such_room"));
    ///     }
    ///     let _ = subscription.send("welcome");
    ///     Ok(())
    /// }
    ///
    /// /// Every subscriber is sent these.
    /// #[wamp::subscribe("countdown")]
    /// async fn countdown() -> impl Stream<Item = u32> {
    ///     stream::iter((0..10).rev())
    /// }
    /// ```
    pub use serverwamp_macros::subscribe;
    /// ```
    /// use serverwamp::{Session, Topic, wamp};
    ///
    /// #[wamp::unsubscribe("rooms.", match = "prefix")]
    /// async fn exit(topic: Topic, session: Session) {
    ///     println!("{} has left {topic}", session.authid());
    /// }
    /// ```
    pub use serverwamp_macros::unsubscribe;
    pub use serverwamp_macros::{rpc, service};
}

/// What the macros may name. Not for programs: anything here may change in any version.
#[doc(hidden)]
pub mod __private {
    pub use inventory;

    pub use crate::client::{FromPayload, StubCall, StubMethod, StubParameter, outcome_of_stub_call};
    pub use crate::handler::{
        Arguments, Call, ErrorArgument, ErrorDescription, FromCall, HandlerFuture, Hosting, Match,
        ParameterDescription as Parameter, ParameterOptions, Reply, Route, RouteKind, RpcError, ServiceType, bind,
        blocking, ended, error_arg, error_kinds, error_kwarg, event_kinds, function_id, parameter, refuse_argument,
        refuse_injected, reply_kinds, service_type, tag, tag_of, wait,
    };
    pub use crate::routing::UriTable;
    pub use crate::wire::bench;
    pub use crate::wire::{Codec, DecodeError, EncodeError, InvokePolicy, Payload, Shape};
    pub use crate::{__ended as ended, __reply as reply, __subscribed as subscribed};
}
