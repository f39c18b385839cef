//! What a handler is given and what it gives back.

mod announcement;
mod arguments;
mod audience;
mod authentication;
mod authorization;
mod call;
mod cancellation;
mod custom;
mod delivery;
mod ending;
mod endpoint;
mod error;
mod event;
mod extract;
mod inject;
mod outbox;
mod progress;
mod realm;
mod reply;
mod request;
mod rest;
mod result;
mod route;
mod session;
mod subscription;
mod tls_info;
mod topic;

pub(crate) use announcement::Announcement;
pub use arguments::{Arguments, bind};
pub use audience::Audience;
pub use authentication::{Authenticated, Claims, Identity, Lookup, MaybeIdentity};
pub(crate) use authentication::{Authenticator, Authenticators, Outcome, Principal, Provider, random_authid};
pub use authorization::{Action, ActionKind, Decision, IntoDecision};
pub(crate) use authorization::{Authorizer, DecisionFuture};
pub use call::{Call, HandlerFuture, Reply};
pub(crate) use call::{CallState, Lingering};
pub use cancellation::CancellationToken;
pub(crate) use custom::CustomHandler;
pub(crate) use delivery::FanOut;
pub use delivery::{Delivery, PublishError};
pub use ending::{ended, kinds as event_kinds};
pub(crate) use endpoint::Endpoint;
pub use error::{RpcError, WampError, error_arg, error_kwarg};
pub use event::EventDetails;
pub use extract::{
    FromCall, Parameter, ParameterDescription, ParameterOptions, Requirement, parameter, refuse_argument,
    refuse_injected,
};
pub(crate) use extract::{ParameterKind, RequirementKind};
pub(crate) use inject::Injections;
pub use inject::{Factory, Inject};
pub(crate) use outbox::{Answer, Command, Farewell, Invocation, Pace, Refused};
pub use progress::{Progress, ProgressError};
pub use realm::RealmHandle;
pub(crate) use realm::{LivingRealm, Publication, RealmDirectory};
pub use reply::{blocking, kinds as reply_kinds, tag, wait};
pub use request::{Caller, Request};
pub use rest::{Rest, RestKw};
pub use result::{IntoPayload, RpcResult, Single, Step};
pub use route::{Match, Route, RouteKind, ServiceType, function_id, service_type};
pub(crate) use session::SessionDetails;
pub use session::{PeerCredentials, ProxyInfo, Session, TransportInfo};
pub use subscription::Subscription;
pub(crate) use subscription::event;
pub use tls_info::TlsInfo;
pub use topic::Topic;
