//! What a client says of itself in HELLO.

use crate::wire::{Features, Hello, Roles};

/// Octets of a client's description of its software that are kept with the session.
const AGENT: usize = 256;

/// What a client said of itself in HELLO, as far as it is kept.
#[derive(Debug, Clone, Default)]
pub(crate) struct Announcement {
    agent: Option<Box<str>>,
    roles: Roles,
}

impl Announcement {
    /// What a HELLO says.
    pub(crate) fn of(hello: &Hello) -> Announcement {
        Announcement {
            agent: hello.details.agent.as_deref().and_then(start).map(Into::into),
            roles: hello.details.roles.clone().unwrap_or_default(),
        }
    }

    /// The client's software.
    pub(crate) fn agent(&self) -> Option<&str> {
        self.agent.as_deref()
    }

    /// The client's roles, each with its features.
    pub(crate) fn roles(&self) -> impl Iterator<Item = (&'static str, Features)> {
        let Roles { publisher, subscriber, caller, callee, .. } = &self.roles;
        let all = [("publisher", *publisher), ("subscriber", *subscriber), ("caller", *caller), ("callee", *callee)];
        all.into_iter().filter_map(|(role, features)| Some((role, features?)))
    }

    /// What the client announced for the role of a callee.
    pub(crate) fn callee(&self) -> Features {
        self.roles.callee.unwrap_or_default()
    }

    /// Whether the client announced a feature for a role.
    pub(crate) fn has(&self, role: &str, feature: &str) -> bool {
        let mut features = self.roles().filter(|(name, _)| *name == role).flat_map(|(_, features)| features.iter());
        features.any(|announced| announced.name() == feature)
    }
}

/// As many whole characters of a text as are kept.
fn start(text: &str) -> Option<&str> {
    (0..=text.len().min(AGENT)).rev().find_map(|end| text.get(..end))
}
