//! What a service manager, such as systemd, is told, and what it hands over.

mod notify;
#[cfg(unix)]
mod sockets;

pub(crate) use notify::ServiceManager;
#[cfg(unix)]
pub(crate) use sockets::{Socket, any_passed, take};
