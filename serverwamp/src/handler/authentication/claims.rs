//! What a client claims of itself.

use std::fmt;
use std::sync::OnceLock;

use crate::wire::{Dict, Hello, RawDict};

/// What a client claims of itself in HELLO, proved or not: for authenticators, which decide what to make of it.
///
/// A client may also claim a role, a session id or facts of its transport; nobody reads those.
#[derive(Clone, Default)]
pub struct Claims {
    authid: Option<Box<str>>,
    authmethods: Box<[Box<str>]>,
    authextra: RawDict,
    /// The same, once somebody wants it.
    decoded: OnceLock<Dict>,
}

impl Claims {
    /// What a HELLO says.
    pub(crate) fn of(hello: &Hello) -> Claims {
        let details = &hello.details;
        Claims {
            authid: details.authid.clone().filter(|authid| !authid.is_empty()),
            authmethods: details.authmethods.clone().unwrap_or_default(),
            authextra: details.authextra.as_ref().map(RawDict::detached).unwrap_or_default(),
            decoded: OnceLock::new(),
        }
    }

    /// A client that names these methods.
    #[cfg(test)]
    pub(super) fn offering(methods: &[&str]) -> Claims {
        Claims { authmethods: methods.iter().map(|&method| method.into()).collect(), ..Claims::default() }
    }

    /// The authentication id that the client says to have. An empty one is none: some clients send that.
    pub fn authid(&self) -> Option<&str> {
        self.authid.as_deref()
    }

    /// The methods by which the client can authenticate, in the order of its preference.
    pub fn authmethods(&self) -> impl Iterator<Item = &str> {
        self.authmethods.iter().map(AsRef::as_ref)
    }

    /// What the client says besides; empty if it says nothing.
    pub fn authextra(&self) -> &Dict {
        self.decoded.get_or_init(|| self.authextra.to_dict().unwrap_or_default())
    }
}

/// Shows no `authextra`: it may hold secrets.
impl fmt::Debug for Claims {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Claims");
        shown.field("authid", &self.authid).field("authmethods", &self.authmethods).finish_non_exhaustive()
    }
}
