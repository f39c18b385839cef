//! Who gets what: realms, the procedures they serve, and the rules that match a URI with them.

mod broker;
mod dealer;
mod endpoints;
mod pattern;
mod realm;
mod registry;
mod routes;
#[cfg(test)]
mod tests;

pub(crate) use dealer::Dealer;
pub use realm::Realm;
pub(crate) use realm::{RealmState, Realms};
pub(crate) use registry::{Registry, Services, Sources};
pub use routes::Routes;
