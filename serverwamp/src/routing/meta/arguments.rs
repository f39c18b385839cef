//! What a procedure of the protocol is called with.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::handler::{Call, Request, RpcError, Session};
use crate::wire::{MatchPolicy, RegistrationId, SessionId, SubscriptionId, Uri, Value, from_value, uris};

/// The arguments of a call, and who calls. Each can be given by position or by name; null is as good as none.
pub(super) struct Arguments {
    caller: Session,
    request: Request,
}

/// How a subscription or registration is looked up.
#[derive(Debug, Default, Deserialize)]
struct LookupOptions {
    #[serde(rename = "match", default)]
    match_policy: MatchPolicy,
}

impl Arguments {
    pub(super) fn of(call: &Call) -> Arguments {
        Arguments { caller: call.session().clone(), request: call.request() }
    }

    pub(super) fn caller(&self) -> &Session {
        &self.caller
    }

    /// An argument that may be left out.
    ///
    /// # Errors
    /// It has another type.
    pub(super) fn optional<T: DeserializeOwned>(&self, index: usize, name: &str) -> Result<Option<T>, RpcError> {
        let value = self.request.args().get(index).or_else(|| self.request.kwargs().get(name));
        read(value, name)
    }

    /// An argument that is given by name only, and may be left out.
    ///
    /// # Errors
    /// It has another type.
    pub(super) fn keyword<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, RpcError> {
        read(self.request.kwargs().get(name), name)
    }

    /// An argument.
    ///
    /// # Errors
    /// It is missing, or has another type.
    pub(super) fn required<T: DeserializeOwned>(&self, index: usize, name: &str) -> Result<T, RpcError> {
        let value = self.optional(index, name)?;
        value.ok_or_else(|| RpcError::invalid_argument(format!("missing argument `{name}`")))
    }

    /// The id of a session. A number that cannot be one is that of no session.
    pub(super) fn session(&self, index: usize) -> Result<SessionId, RpcError> {
        SessionId::new(self.required(index, "session")?).ok_or_else(no_such_session)
    }

    /// The id of a subscription.
    pub(super) fn subscription(&self) -> Result<SubscriptionId, RpcError> {
        SubscriptionId::new(self.required(0, "subscription")?).ok_or_else(no_such_subscription)
    }

    /// The id of a registration.
    pub(super) fn registration(&self) -> Result<RegistrationId, RpcError> {
        RegistrationId::new(self.required(0, "registration")?).ok_or_else(no_such_registration)
    }

    /// How the URI of a lookup is compared, as its options say.
    pub(super) fn match_policy(&self) -> Result<MatchPolicy, RpcError> {
        Ok(self.optional::<LookupOptions>(1, "options")?.unwrap_or_default().match_policy)
    }

    /// A URI that may be left out.
    pub(super) fn uri(&self, index: usize, name: &str) -> Result<Uri, RpcError> {
        self.pattern(index, name, MatchPolicy::Exact)
    }

    /// The URI of a subscription.
    pub(super) fn pattern(&self, index: usize, name: &str, policy: MatchPolicy) -> Result<Uri, RpcError> {
        let uri: String = self.required(index, name)?;
        Uri::pattern(&uri, policy).map_err(|error| invalid_uri(name, &error))
    }

    /// Why something is ended, by name.
    pub(super) fn reason(&self, default: &'static str) -> Result<Uri, RpcError> {
        match self.keyword::<String>("reason")? {
            Some(reason) => Uri::new(&reason).map_err(|error| invalid_uri("reason", &error)),
            None => Ok(Uri::known(default)),
        }
    }
}

fn read<T: DeserializeOwned>(value: Option<&Value>, name: &str) -> Result<Option<T>, RpcError> {
    let value = value.filter(|value| !value.is_null()).map(from_value::<T>).transpose();
    value.map_err(|error| RpcError::invalid_argument(format!("argument `{name}`: {error}")))
}

fn invalid_uri(name: &str, error: &dyn std::fmt::Display) -> RpcError {
    RpcError::new(uris::INVALID_URI).message(format!("argument `{name}`: {error}"))
}

pub(super) fn no_such_session() -> RpcError {
    RpcError::new(uris::NO_SUCH_SESSION)
}

pub(super) fn no_such_registration() -> RpcError {
    RpcError::new(uris::NO_SUCH_REGISTRATION)
}

pub(super) fn no_such_subscription() -> RpcError {
    RpcError::new(uris::NO_SUCH_SUBSCRIPTION)
}
