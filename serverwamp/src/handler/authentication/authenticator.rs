//! A function of the program that finds out who a client is, or what is known of it.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;

use crate::handler::{RpcError, WampError};

/// What a function returns that looks a client up: `Option<T>`, or `Result<Option<T>, E>` of an error that can be sent.
///
/// None refuses the client, or lets the next authenticator have a look. An error ends the attempt to join with ABORT: with
/// its URI and message, or as `wamp.error.authentication_failed` if it is none of the program's own.
pub trait Lookup<T> {
    /// The outcome as authentication goes on with it.
    ///
    /// # Errors
    /// The error of the function.
    #[doc(hidden)]
    fn into_result(self) -> Result<Option<T>, RpcError>;
}

impl<T> Lookup<T> for Option<T> {
    fn into_result(self) -> Result<Option<T>, RpcError> {
        Ok(self)
    }
}

impl<T, E: WampError> Lookup<T> for Result<Option<T>, E> {
    fn into_result(self) -> Result<Option<T>, RpcError> {
        self.map_err(E::into_rpc_error)
    }
}

/// What an authenticator finds.
pub(crate) type Outcome<T> = Pin<Box<dyn Future<Output = Result<Option<T>, RpcError>> + Send>>;

/// A function of the program that is given `Given` and finds a `Found`.
pub(crate) struct Authenticator<Given, Found> {
    name: &'static str,
    location: &'static Location<'static>,
    run: Arc<dyn Fn(Given) -> Outcome<Found> + Send + Sync>,
}

impl<Given: Send + 'static, Found> Authenticator<Given, Found> {
    /// Keeps a function, with the name of the setter that it was given to.
    #[track_caller]
    pub(crate) fn new<F, R>(name: &'static str, function: impl Fn(Given) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = R> + Send + 'static,
        R: Lookup<Found>,
    {
        let function = Arc::new(function);
        let run = move |given| -> Outcome<Found> {
            let function = Arc::clone(&function);
            // The function is called within the future: there its panics are caught.
            Box::pin(async move { function(given).await.into_result() })
        };
        Authenticator { name, location: Location::caller(), run: Arc::new(run) }
    }

    pub(crate) fn start(&self, given: Given) -> Outcome<Found> {
        (self.run)(given)
    }
}

impl<Given, Found> Clone for Authenticator<Given, Found> {
    fn clone(&self) -> Self {
        Authenticator { name: self.name, location: self.location, run: Arc::clone(&self.run) }
    }
}

/// As the log lists it: `ticket_authenticator  src/main.rs:5`.
impl<Given, Found> fmt::Display for Authenticator<Given, Found> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}  {}:{}", self.name, self.location.file(), self.location.line())
    }
}

impl<Given, Found> fmt::Debug for Authenticator<Given, Found> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}
