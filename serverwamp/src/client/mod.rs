//! The client: the session machine's client side over a transport, driven by a task of its own.

mod driver;
mod result;

pub(crate) use driver::{Answer, Connected, Handle, Over, connect};
pub use result::FromPayload;
