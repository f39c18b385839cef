//! The protocol state machine of each side, without async, IO, clock or randomness.
//!
//! What came in is given to `handle_*`, the application's decisions are methods of their own, and what must happen is
//! taken with `poll_*`. Time is a parameter.

#[allow(dead_code, unused_imports, reason = "the state machines of both sides will call it")]
pub(crate) mod auth;
mod client;
mod output;
mod server;
mod words;

pub(crate) use client::{ClientSession, Notification};
pub(crate) use server::{Action, CancelMode, Ending, ServerLimits, ServerSession, Welcome};
