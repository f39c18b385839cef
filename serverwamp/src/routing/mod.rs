//! Who gets what: realms, the procedures they serve, and the rules that match a URI with them.

mod access;
mod authentication;
mod authorization;
mod broker;
mod coverage;
mod custom;
mod dealer;
mod defaults;
mod dynamic;
mod endpoints;
mod history;
mod hosted;
mod kept;
mod matching;
mod meta;
mod own_call;
mod pattern;
mod realm;
mod realms;
mod registry;
mod routes;
mod rules;
mod testaments;
#[cfg(test)]
mod tests;

pub(crate) use access::Access;
#[cfg(feature = "config")]
pub(crate) use access::CurrentAccess;
pub(crate) use broker::{Accepted, Begun, TooMany};
#[cfg(any(test, fuzzing))]
pub(crate) use coverage::TopicSet;
pub(crate) use coverage::is_reserved;
pub(crate) use dealer::{
    Callee, Canceled, Functions, RegisterError, Registered, Registration, RoutedCall, Target, Unavailable,
};
pub use defaults::{ProcedureDefaults, SubscriptionDefaults};
pub use dynamic::{DynamicAuthenticator, DynamicAuthorizer};
pub use history::History;
pub use matching::UriTable;
#[cfg(any(test, fuzzing))]
pub(crate) use pattern::PatternTable;
pub use realm::Realm;
pub(crate) use realm::{Left, RealmState, Served};
pub(crate) use realms::{LivingRealms, Realms};
pub(crate) use registry::{Registry, Services, Sources};
pub use routes::Routes;
pub use rules::Rules;
