//! The client: the session machine's client side over a transport, driven by a task of its own.

mod credentials;
mod driver;
mod error;
mod event;
mod handle;
mod login;
mod result;

pub use credentials::{Challenge, Credentials};
pub(crate) use driver::{Connected, connect};
pub use error::CallError;
pub use event::Event;
pub(crate) use handle::{Answer, Events, Handle, WeakHandle};
pub use result::FromPayload;
