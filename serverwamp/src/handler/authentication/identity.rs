//! Who calls, for handlers.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::handler::{Call, FromCall, Parameter, RpcError};

/// Who the client is: the value that an authenticator gave to [`Authenticated::new`](crate::Authenticated::new).
///
/// A call by a client that has no such identity ends in `wamp.error.not_authorized`, and the function does not run. Which
/// clients have one is only known when they come, so it cannot be checked when the server starts.
///
/// ```
/// use serverwamp::{Identity, wamp};
///
/// struct Customer {
///     number: u64,
/// }
///
/// #[wamp::rpc("orders.list")]
/// async fn orders(customer: Identity<Customer>) -> Vec<u64> {
///     vec![customer.number * 100]
/// }
/// ```
pub struct Identity<T>(pub(super) Arc<T>);

/// Who the client is, if it has an identity of this type, for functions that serve others too.
///
/// ```
/// use serverwamp::{MaybeIdentity, wamp};
///
/// struct Customer {
///     name: String,
/// }
///
/// #[wamp::rpc("greet")]
/// async fn greet(customer: MaybeIdentity<Customer>) -> String {
///     format!("Hello, {}", customer.get().map_or("stranger", |customer| customer.name.as_str()))
/// }
/// ```
pub struct MaybeIdentity<T>(Option<Arc<T>>);

impl<T> MaybeIdentity<T> {
    /// The identity, if the client has one of this type.
    pub fn get(&self) -> Option<&T> {
        self.0.as_deref()
    }
}

impl<T> Deref for Identity<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Clone for Identity<T> {
    fn clone(&self) -> Identity<T> {
        Identity(Arc::clone(&self.0))
    }
}

impl<T> Clone for MaybeIdentity<T> {
    fn clone(&self) -> MaybeIdentity<T> {
        MaybeIdentity(self.0.clone())
    }
}

/// For calling an annotated function as a function.
impl<T> From<T> for Identity<T> {
    fn from(value: T) -> Identity<T> {
        Identity(Arc::new(value))
    }
}

/// For calling an annotated function as a function.
impl<T> From<Option<T>> for MaybeIdentity<T> {
    fn from(value: Option<T>) -> MaybeIdentity<T> {
        MaybeIdentity(value.map(Arc::new))
    }
}

impl<T: fmt::Debug> fmt::Debug for Identity<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl<T: fmt::Debug> fmt::Debug for MaybeIdentity<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl<'c, T: Send + Sync + 'static> FromCall<'c> for Identity<T> {
    fn from_call(call: &'c Call, _: &Parameter<'_, 'c>) -> Result<Identity<T>, RpcError> {
        call.session().identity().ok_or_else(|| RpcError::not_authorized("this client has no identity of that kind"))
    }
}

impl<'c, T: Send + Sync + 'static> FromCall<'c> for MaybeIdentity<T> {
    fn from_call(call: &'c Call, _: &Parameter<'_, 'c>) -> Result<MaybeIdentity<T>, RpcError> {
        Ok(MaybeIdentity(call.session().identity().map(|Identity(value)| value)))
    }
}
