//! The protocol state machine of each side, without async, IO, clock or randomness.
//!
//! What came in is given to `handle_*`, the application's decisions are methods of their own, and what must happen is
//! taken with `poll_*`. Time is a parameter.

mod auth;
mod client;
mod output;
mod server;
mod words;

pub use auth::{
    Answer, AuthenticationError, CraCredential, Kdf, PublicKey, Salt, ScramCredential, ScramDialect, ScramKeys, Secret,
    SigningKey,
};
pub(crate) use auth::{
    AuthenticationMethod, ChannelBinding, ChannelBindingType, CraChallenge, CraClient, CryptosignChallenge,
    CryptosignClient, Decoys, ScramChallenge, ScramClient, ScramServerProof, folded,
};
pub(crate) use client::{ClientSession, Invoked, Notification, Offer, PayloadFeatures};
pub(crate) use server::{Action, CancelMode, Ending, ServerLimits, ServerSession, Welcome};
