//! Who gets what: realms, the procedures they serve, and the rules that match a URI with them.

mod authentication;
mod authorization;
mod broker;
mod coverage;
mod custom;
mod dealer;
mod endpoints;
mod hosted;
mod pattern;
mod realm;
mod registry;
mod routes;
mod rules;
#[cfg(test)]
mod tests;

pub(crate) use authorization::Authorities;
pub use broker::TopicTable;
pub(crate) use broker::{Begun, TooMany};
pub(crate) use coverage::is_reserved;
pub(crate) use dealer::Dealer;
pub use realm::Realm;
pub(crate) use realm::{LivingRealms, RealmState, Realms, Served};
pub(crate) use registry::{Registry, Services, Sources};
pub use routes::Routes;
pub use rules::Rules;
