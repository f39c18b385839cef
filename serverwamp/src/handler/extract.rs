//! How a parameter gets its value.

use std::any::TypeId;

use serde::Deserialize;

use super::arguments::{missing_argument, undecodable};
use super::call::Call;
use super::error::RpcError;
use super::route::RouteKind;
use crate::wire::{decode, missing};

/// A type that a parameter of a handler may have.
///
/// Everything that implements [`Deserialize`] is a *call argument*: its value comes from the caller. Every other type
/// that implements this trait is *injected*: its value comes from the call's surroundings, it takes no argument slot,
/// and a caller can never override it. Write your own:
///
/// ```
/// use serverwamp::{Call, FromCall, Parameter, RpcError, Session};
///
/// struct Tenant(String);
///
/// impl<'c> FromCall<'c> for Tenant {
///     fn from_call(call: &'c Call, _: &Parameter<'_, 'c>) -> Result<Tenant, RpcError> {
///         Ok(Tenant(call.session().realm().to_owned()))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a parameter of a WAMP handler",
    label = "neither a call argument nor injected",
    note = "call arguments implement `serde::Deserialize`; injected values implement `serverwamp::FromCall` (`Session`, `Request`, `Inject<T>`, `Identity<T>`, `MaybeIdentity<T>`, `Progress<T>`, `Topic`, `Subscription`, `EventDetails`, `RealmHandle`, `CancellationToken`, `Rest`, `RestKw`, or your own)",
    note = "to inject a value of the application, take `Inject<{Self}>` and give it to `App::inject`"
)]
pub trait FromCall<'c>: Sized {
    /// Takes the value from the call.
    ///
    /// # Errors
    /// What the caller is sent instead of a result; the handler does not run.
    fn from_call(call: &'c Call, parameter: &Parameter<'_, 'c>) -> Result<Self, RpcError>;

    /// What has to be configured for this type; checked before the server listens.
    fn requires() -> Vec<Requirement> {
        Vec::new()
    }

    /// Whether values come from the caller's arguments, where the compiler wants to know.
    #[doc(hidden)]
    const TAKES_ARGUMENTS: bool = false;

    /// Whether values come from the caller's arguments.
    #[doc(hidden)]
    fn kind() -> ParameterKind {
        ParameterKind::Injected
    }
}

impl<'c, T: Deserialize<'c>> FromCall<'c> for T {
    fn from_call(call: &'c Call, parameter: &Parameter<'_, 'c>) -> Result<T, RpcError> {
        match parameter.slot {
            Some(slot) => {
                decode(call.payload().codec(), slot, call.arena()).map_err(|error| undecodable(parameter.name, &error))
            }
            None => missing().ok_or_else(|| missing_argument(parameter.name)),
        }
    }

    const TAKES_ARGUMENTS: bool = true;

    fn kind() -> ParameterKind {
        ParameterKind::Argument { required: missing::<T>().is_none() }
    }
}

/// The parameter that a value is taken for.
#[derive(Debug)]
pub struct Parameter<'p, 'c> {
    pub(super) name: &'p str,
    pub(super) slot: Option<&'c [u8]>,
    pub(super) first_rest: usize,
}

impl Parameter<'_, '_> {
    /// The name under which callers know the parameter.
    pub fn name(&self) -> &str {
        self.name
    }

    /// The index of the first positional argument that no parameter takes.
    pub(super) fn first_rest(&self) -> usize {
        self.first_rest
    }
}

/// Something that a type needs to have been configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement(pub(crate) RequirementKind);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RequirementKind {
    /// A value given to `inject` or `inject_with`.
    Injected { id: TypeId, name: &'static str },
    /// That the caller can be sent progressive results, or the call be canceled: state shared with the connection.
    CallState,
    /// That the function is of one of these kinds, for a type of this name.
    Function { type_name: &'static str, kinds: &'static [RouteKind] },
}

impl Requirement {
    /// A value of type `T`, given to `App::inject` or `App::inject_with`.
    pub fn injected<T: 'static>() -> Requirement {
        Requirement(RequirementKind::Injected { id: TypeId::of::<T>(), name: std::any::type_name::<T>() })
    }

    /// That the type takes a [`CancellationToken`](crate::CancellationToken) or [`Progress`](crate::Progress) from the
    /// call: state that calls have only where it is needed.
    pub fn call_state() -> Requirement {
        Requirement(RequirementKind::CallState)
    }

    /// That the function is of one of these kinds, as others have no value of the type.
    pub(crate) fn function(type_name: &'static str, kinds: &'static [RouteKind]) -> Requirement {
        Requirement(RequirementKind::Function { type_name, kinds })
    }
}

/// Where a parameter's value comes from.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterKind {
    /// A call argument; without a value the call fails where it is required.
    Argument { required: bool },
    /// A component of the URI.
    Component { required: bool },
    /// The remaining positional arguments.
    Rest,
    /// The remaining keyword arguments.
    RestKeywords,
    /// The call's surroundings.
    Injected,
}

/// What the macros know of a parameter from its source.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct ParameterOptions {
    pub default: Option<&'static str>,
    pub keyword: bool,
    /// The index of the URI's component that the value is taken from.
    pub component: Option<usize>,
    /// The type as it is written.
    pub written: &'static str,
}

/// A parameter as the program declares it.
#[doc(hidden)]
#[derive(Debug, Clone)]
pub struct ParameterDescription {
    pub(crate) name: &'static str,
    pub(crate) kind: ParameterKind,
    pub(crate) options: ParameterOptions,
    pub(crate) requires: Vec<Requirement>,
}

/// Describes a parameter of type `T`, for the macros.
#[doc(hidden)]
pub fn parameter<'c, T: FromCall<'c>>(name: &'static str, options: ParameterOptions) -> ParameterDescription {
    let kind = match (T::kind(), options.component) {
        (ParameterKind::Argument { required }, Some(_)) => ParameterKind::Component { required },
        (kind, _) => kind,
    };
    ParameterDescription { name, kind, options, requires: T::requires() }
}

/// Refuses what is injected where a component of the URI is to be, for the macros: the compiler evaluates it.
#[doc(hidden)]
#[track_caller]
pub const fn refuse_injected(takes_arguments: bool, message: &'static str) {
    assert!(takes_arguments, "{}", message);
}

/// Refuses a call argument where a function has none, for the macros: the compiler evaluates it.
#[doc(hidden)]
#[track_caller]
pub const fn refuse_argument(takes_arguments: bool, message: &'static str) {
    assert!(!takes_arguments, "{}", message);
}
