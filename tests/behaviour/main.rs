//! What callers see, over the wire in every serializer, without a socket.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod adversaries;
mod authentication;
mod authorization;
mod binding;
mod client;
mod client_sessions;
mod client_topics;
mod closing;
mod components;
mod conversions;
mod custom;
mod deadlines;
mod errors;
mod failures;
mod handlers;
mod hosted;
mod hosting;
mod injection;
mod lifetime;
mod limits;
mod log;
mod metrics;
mod options;
mod progress;
mod rawsocket;
mod realm_limits;
mod results;
mod routed;
mod router;
mod session;
mod startup;
mod stubs;
mod subscribers;
mod topics;
mod violations;
