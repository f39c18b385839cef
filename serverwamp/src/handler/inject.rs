//! Values of the application that handlers are given.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::call::Call;
use super::error::RpcError;
use super::extract::{FromCall, Parameter, Requirement};
use super::request::Request;
use super::session::Session;

/// A value of the application, given to `App::inject` or made per call by a factory given to `App::inject_with`.
///
/// ```
/// use serverwamp::{Inject, wamp};
///
/// struct Greeting(&'static str);
///
/// #[wamp::rpc("greet")]
/// async fn greet(name: &str, greeting: Inject<Greeting>) -> String {
///     format!("{}, {name}", greeting.0)
/// }
/// ```
pub struct Inject<T>(Arc<T>);

impl<T> Deref for Inject<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Clone for Inject<T> {
    fn clone(&self) -> Inject<T> {
        Inject(Arc::clone(&self.0))
    }
}

impl<T> From<T> for Inject<T> {
    fn from(value: T) -> Inject<T> {
        Inject(Arc::new(value))
    }
}

impl<T: fmt::Debug> fmt::Debug for Inject<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl<'c, T: Send + Sync + 'static> FromCall<'c> for Inject<T> {
    fn from_call(call: &'c Call, _: &Parameter<'_, 'c>) -> Result<Inject<T>, RpcError> {
        let value = call.endpoint().injections().get(call);
        value.map(Inject).ok_or_else(|| RpcError::internal(&"an injected value is missing"))
    }

    fn requires() -> Vec<Requirement> {
        vec![Requirement::injected::<T>()]
    }
}

/// A function that makes an injected value for each call: of nothing, of the [`Session`], or of the [`Request`].
pub trait Factory<T, Given>: Send + Sync + 'static {
    /// Makes the value for a call.
    #[doc(hidden)]
    fn make(&self, call: &Call) -> T;
}

impl<T, F: Fn() -> T + Send + Sync + 'static> Factory<T, ()> for F {
    fn make(&self, _: &Call) -> T {
        self()
    }
}

impl<T, F: Fn(&Session) -> T + Send + Sync + 'static> Factory<T, Session> for F {
    fn make(&self, call: &Call) -> T {
        self(call.session())
    }
}

impl<T, F: Fn(&Request) -> T + Send + Sync + 'static> Factory<T, Request> for F {
    fn make(&self, call: &Call) -> T {
        self(&Request::of(call))
    }
}

type Erased = Arc<dyn Any + Send + Sync>;

#[derive(Clone)]
enum Source {
    Value(Erased),
    Factory(Arc<dyn Fn(&Call) -> Erased + Send + Sync>),
}

/// The injected values of an app or a realm, by type.
#[derive(Clone, Default)]
pub(crate) struct Injections(HashMap<TypeId, Source>);

impl Injections {
    pub(crate) fn insert<T: Send + Sync + 'static>(&mut self, value: T) {
        self.0.insert(TypeId::of::<T>(), Source::Value(Arc::new(value)));
    }

    pub(crate) fn insert_factory<T: Send + Sync + 'static, Given: 'static>(&mut self, factory: impl Factory<T, Given>) {
        let make = move |call: &Call| -> Erased { Arc::new(factory.make(call)) };
        self.0.insert(TypeId::of::<T>(), Source::Factory(Arc::new(make)));
    }

    pub(crate) fn contains(&self, id: TypeId) -> bool {
        self.0.contains_key(&id)
    }

    /// These values, and those of `outer` that are not among them.
    pub(crate) fn over(&self, outer: &Injections) -> Injections {
        let mut merged = outer.0.clone();
        merged.extend(self.0.iter().map(|(id, source)| (*id, source.clone())));
        Injections(merged)
    }

    fn get<T: Send + Sync + 'static>(&self, call: &Call) -> Option<Arc<T>> {
        let value = match self.0.get(&TypeId::of::<T>())? {
            Source::Value(value) => Arc::clone(value),
            Source::Factory(make) => make(call),
        };
        value.downcast().ok()
    }
}

impl fmt::Debug for Injections {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Injections({})", self.0.len())
    }
}
