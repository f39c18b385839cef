//! Who a client is: what it claims, what was found out about it, and the functions of the program that find it out.

mod authenticated;
mod authenticator;
mod authenticators;
mod claims;
mod exchange;
mod identity;
mod salt;
mod session;

pub use authenticated::Authenticated;
pub(crate) use authenticated::{Principal, random_authid};
pub use authenticator::Lookup;
pub(crate) use authenticator::{Authenticator, Outcome};
pub(crate) use authenticators::{Authenticators, Provider};
pub use claims::Claims;
pub use identity::{Identity, MaybeIdentity};
pub(super) use session::Authentication;
