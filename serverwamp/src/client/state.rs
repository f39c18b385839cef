//! What can be known of a client's session, and of how it comes and goes.

use crate::wire::{Codec, Dict, Features, RawDict, Roles, SessionId, Uri, Welcome};

/// How far a client's connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// It connects and joins, or waits before it tries that again.
    Connecting,
    /// It has a session, in which everything is registered and subscribed.
    Joined,
    /// The session has ended though nobody wanted it to.
    Lost,
    /// It is over for good.
    Closed,
}

/// What the router said in WELCOME.
#[derive(Debug, Clone)]
pub struct Details {
    session: SessionId,
    realm: Uri,
    authid: String,
    authrole: String,
    authmethod: String,
    authprovider: String,
    agent: Option<String>,
    authextra: Dict,
    roles: Roles,
    is_crossbar: bool,
    pub(super) codec: Codec,
}

impl Details {
    pub(super) fn new(welcome: &Welcome, realm: &Uri, codec: Codec) -> Details {
        let details = &welcome.details;
        let text = |text: &Option<Box<str>>| text.as_deref().unwrap_or_default().to_owned();
        Details {
            session: welcome.session,
            realm: details.realm.clone().unwrap_or_else(|| realm.clone()),
            authid: text(&details.authid),
            authrole: text(&details.authrole),
            authmethod: text(&details.authmethod),
            authprovider: text(&details.authprovider),
            agent: details.agent.as_deref().map(str::to_owned),
            authextra: details.authextra.as_ref().map(RawDict::to_dict).and_then(Result::ok).unwrap_or_default(),
            roles: details.roles.clone().unwrap_or_default(),
            is_crossbar: details.raw().to_dict().is_ok_and(|details| details.get("x_cb_node").is_some()),
            codec,
        }
    }

    /// Whether the router is Crossbar, which does not say so in `agent`.
    pub(super) fn is_crossbar(&self) -> bool {
        self.is_crossbar
    }

    /// The session's id.
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// The realm that was joined, which a router may choose itself.
    pub fn realm(&self) -> &str {
        &self.realm
    }

    pub(super) fn realm_uri(&self) -> &Uri {
        &self.realm
    }

    /// Who the router says the client is; empty where it does not say.
    pub fn authid(&self) -> &str {
        &self.authid
    }

    /// The role that the router gave the client; empty where it does not say.
    pub fn authrole(&self) -> &str {
        &self.authrole
    }

    /// How the client was authenticated; empty where the router does not say.
    pub fn authmethod(&self) -> &str {
        &self.authmethod
    }

    /// Where the router knows the client from; empty where it does not say.
    pub fn authprovider(&self) -> &str {
        &self.authprovider
    }

    /// What else the router says of who the client is.
    pub fn authextra(&self) -> &Dict {
        &self.authextra
    }

    /// The router's software, as it describes itself.
    pub fn agent(&self) -> Option<&str> {
        self.agent.as_deref()
    }

    /// Whether the router announced a feature for one of its roles, `dealer` or `broker`.
    ///
    /// WAMP: feature announcement, advanced profile.
    pub fn announces(&self, role: &str, feature: &str) -> bool {
        let features: Option<Features> = match role {
            "dealer" => self.roles.dealer,
            "broker" => self.roles.broker,
            _ => None,
        };
        features.is_some_and(|features| features.iter().any(|announced| announced.name() == feature))
    }
}
