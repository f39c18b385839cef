//! Decides for a router who may join it, and what they may do: dynamic authentication and authorization, by annotated
//! functions that are hosted there.
//!
//! The router has to let this program in without asking it: Crossbar by a second transport, with the role `gatekeeper`
//! for whoever gets there. Of its configuration, this is what matters:
//!
//! ```json
//! "realms": [{"name": "realm1", "roles": [
//!     {"name": "gatekeeper", "permissions": [
//!         {"uri": "gate.", "match": "prefix", "allow": {"register": true}}]},
//!     {"name": "user", "authorizer": "gate.authorize"},
//!     {"name": "clerk", "authorizer": "gate.authorize"}]}],
//! "transports": [
//!     {"type": "websocket", "endpoint": {"type": "tcp", "port": 8080},
//!      "auth": {"ticket": {"type": "dynamic", "authenticator": "gate.authenticate"}}},
//!     {"type": "websocket", "endpoint": {"type": "tcp", "port": 8081, "interface": "127.0.0.1"},
//!      "auth": {"anonymous": {"type": "static", "role": "gatekeeper"}}}]
//! ```
//!
//! ```text
//! ROUTER=ws://localhost:8081/ws cargo run --example gatekeeper
//! ```

mod functions;

use functions::Users;

#[tokio::main]
async fn main() -> serverwamp::Result<()> {
    let router = std::env::var("ROUTER").unwrap_or_else(|_| "ws://localhost:8081/ws".to_owned());
    let users = Users::new(&[("ada", "engine", "user"), ("charles", "difference", "clerk")]);
    serverwamp::connect(router).realm("realm1").inject(users).await
}
