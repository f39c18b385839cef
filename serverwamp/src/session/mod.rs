//! The protocol state machine of each side, without async, IO, clock or randomness.
//!
//! What came in is given to `handle_*`, the application's decisions are methods of their own, and what must happen is
//! taken with `poll_*`. Time is a parameter.

#[allow(dead_code, unused_imports, reason = "the state machines of both sides will call it")]
mod auth;
mod client;
mod output;
mod server;
mod words;

pub use auth::{Answer, AuthenticationError, PublicKey, SigningKey};
pub(crate) use auth::{
    AuthenticationMethod, ChannelBinding, CraClient, CryptosignClient, ScramClient, ScramDialect, ScramServerProof,
};
#[cfg(test)]
pub(crate) use auth::{
    CraChallenge, CraSalt, CraSecret, CryptosignChallenge, CryptosignKeys, Kdf, Salt, ScramChallenge, ScramCredential,
};
pub(crate) use client::{ClientSession, Notification, Offer};
pub(crate) use server::{Action, CancelMode, Ending, ServerLimits, ServerSession, Welcome};
