//! What an authenticator found out about a client.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::handler::RpcError;
use crate::wire::{Codec, Dict, RawDict};

/// Who a client is, as an authenticator found out.
///
/// The value is the program's own; functions get it as [`Identity<T>`](crate::Identity). `Authenticated::new(())` is for
/// programs that need none.
///
/// ```
/// use serverwamp::Authenticated;
///
/// struct Customer {
///     number: u64,
/// }
///
/// let found = Authenticated::new(Customer { number: 7 }).authid("joe").role("customer").provider("shop");
/// # let _ = found;
/// ```
pub struct Authenticated {
    identity: Arc<dyn Any + Send + Sync>,
    authid: Option<String>,
    role: Option<String>,
    method: Option<String>,
    provider: Option<String>,
    extra: Dict,
}

impl Authenticated {
    /// A client that is known as this value.
    pub fn new<T: Send + Sync + 'static>(identity: T) -> Authenticated {
        Authenticated {
            identity: Arc::new(identity),
            authid: None,
            role: None,
            method: None,
            provider: None,
            extra: Dict::new(),
        }
    }

    /// The authentication id. Default: the one that the client claimed, where the method has proved it (ticket, WAMP-CRA,
    /// SCRAM, cryptosign); with cryptosign the public key if it claimed none; otherwise a random name.
    #[must_use]
    pub fn authid(mut self, authid: impl Into<String>) -> Authenticated {
        self.authid = Some(authid.into());
        self
    }

    /// The role. Default `authenticated`.
    #[must_use]
    pub fn role(mut self, role: impl Into<String>) -> Authenticated {
        self.role = Some(role.into());
        self
    }

    /// What WELCOME names as the method. Default: the method itself; for transport authenticators `transport`, for an
    /// authentication handler the method of its last challenge, or `custom` if there was none.
    #[must_use]
    pub fn method(mut self, method: impl Into<String>) -> Authenticated {
        self.method = Some(method.into());
        self
    }

    /// What WELCOME names as the source of the identity. Default `dynamic`.
    #[must_use]
    pub fn provider(mut self, provider: impl Into<String>) -> Authenticated {
        self.provider = Some(provider.into());
        self
    }

    /// What WELCOME says in `authextra`, besides what the method says there. Default: nothing.
    #[must_use]
    pub fn extra(mut self, extra: Dict) -> Authenticated {
        self.extra = extra;
        self
    }

    /// The client as its session has it, with what the method says where nothing else was set.
    ///
    /// # Errors
    /// `authextra` has something that the codec cannot hold.
    pub(super) fn into_principal(
        self,
        codec: Codec,
        method: &str,
        authid: impl FnOnce() -> String,
        authextra: Dict,
    ) -> Result<Principal, RpcError> {
        let mut extra = self.extra;
        for (name, value) in authextra {
            extra.insert(name, value);
        }
        let authextra = match extra.is_empty() {
            true => None,
            false => Some(RawDict::encode(codec, &extra).map_err(|error| RpcError::internal(&error))?),
        };
        Ok(Principal {
            authid: self.authid.unwrap_or_else(authid),
            authrole: self.role.unwrap_or_else(|| "authenticated".to_owned()),
            authmethod: self.method.unwrap_or_else(|| method.to_owned()),
            authprovider: self.provider.unwrap_or_else(|| "dynamic".to_owned()),
            authextra,
            identity: Some(self.identity),
        })
    }
}

/// A name for a client that has none.
pub(crate) fn random_authid() -> String {
    format!("{:016x}", rand::random::<u64>())
}

/// Shows not the value, which may hold secrets.
impl fmt::Debug for Authenticated {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Authenticated");
        shown.field("authid", &self.authid).field("role", &self.role).finish_non_exhaustive()
    }
}

/// Who a session belongs to, settled before it is welcomed.
pub(crate) struct Principal {
    pub(crate) authid: String,
    pub(crate) authrole: String,
    pub(crate) authmethod: String,
    pub(crate) authprovider: String,
    /// What WELCOME says, in the session's codec.
    pub(crate) authextra: Option<RawDict>,
    /// None for anonymous clients.
    pub(crate) identity: Option<Arc<dyn Any + Send + Sync>>,
}

impl Principal {
    /// Somebody of whom nothing is known.
    pub(crate) fn anonymous(role: &str) -> Principal {
        Principal {
            authid: random_authid(),
            authrole: role.to_owned(),
            authmethod: "anonymous".to_owned(),
            authprovider: "static".to_owned(),
            authextra: None,
            identity: None,
        }
    }
}
