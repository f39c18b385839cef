//! Binding call arguments to parameters, by Python's calling rules.

use smallvec::SmallVec;

use super::call::Call;
use super::endpoint::Endpoint;
use super::error::RpcError;
use super::extract::{FromCall, Parameter, ParameterKind};
use crate::wire::{DecodeError, EncodeError, encode_into};

/// The call's arguments, each at the parameter that takes it.
#[derive(Debug)]
pub struct Arguments<'c> {
    call: &'c Call,
    slots: SmallVec<[Option<&'c [u8]>; 6]>,
}

/// Finds the argument of every parameter.
///
/// # Errors
/// `wamp.error.invalid_argument` that names what is missing, given twice, or not known.
pub fn bind(call: &Call) -> Result<Arguments<'_>, RpcError> {
    let (endpoint, payload) = (call.endpoint(), call.payload());
    let mut slots: SmallVec<[Option<&[u8]>; 6]> = SmallVec::from_elem(None, endpoint.parameters().len());

    let found = &call.message().slots;
    let positional = endpoint.positional();
    if found.args.len() > positional.len() && !endpoint.ignores_extra_positional() {
        return Err(too_many(positional.len(), found.args.len()));
    }
    for (argument, &parameter) in found.args.iter().zip(positional) {
        if let Some(slot) = slots.get_mut(parameter) {
            *slot = Some(argument.of(payload.bytes()));
        }
    }
    for (key, value) in &found.kwargs {
        let name = payload.key(*key);
        match endpoint.keyword(&name).and_then(|parameter| slots.get_mut(parameter)) {
            Some(slot @ None) => *slot = Some(value.of(payload.bytes())),
            Some(Some(_)) => return Err(given_twice(&name)),
            None if endpoint.ignores_unknown_keywords() => {}
            None => return Err(unknown_keyword(&name, endpoint)),
        }
    }
    if endpoint.takes_components() {
        take_components(call, &mut slots)?;
    }
    let missing = |(slot, parameter): (&Option<&[u8]>, &super::ParameterDescription)| {
        slot.is_none()
            && parameter.options.default.is_none()
            && matches!(
                parameter.kind,
                ParameterKind::Argument { required: true } | ParameterKind::Component { required: true }
            )
    };
    if slots.contains(&None) && slots.iter().zip(endpoint.parameters()).any(missing) {
        let names = slots.iter().zip(endpoint.parameters()).filter(|&pair| missing(pair)).map(|(_, it)| it.name);
        return Err(missing_arguments(&names.collect::<Vec<_>>()));
    }
    Ok(Arguments { call, slots })
}

/// Gives components of the URI to the parameters that are named in it, as strings. An empty one, of a pattern that a
/// client subscribes to, is none.
fn take_components<'c>(call: &'c Call, slots: &mut [Option<&'c [u8]>]) -> Result<(), RpcError> {
    for (slot, parameter) in slots.iter_mut().zip(call.endpoint().parameters()) {
        let component = parameter.options.component.and_then(|index| call.uri().as_str().split('.').nth(index));
        if let Some(component) = component.filter(|component| !component.is_empty()) {
            let mut encoded = Vec::with_capacity(component.len().saturating_add(2));
            encode_into(call.codec(), component, &mut encoded).map_err(|error| unusable(parameter.name, &error))?;
            *slot = Some(call.arena().keep_bytes(encoded));
        }
    }
    Ok(())
}

impl<'c> Arguments<'c> {
    /// The value of a parameter.
    ///
    /// # Errors
    /// Its argument is not of the parameter's type, or what is injected is not to be had.
    pub fn take<T: FromCall<'c>>(&mut self, index: usize) -> Result<T, RpcError> {
        let endpoint = self.call.endpoint();
        let name = endpoint.parameters().get(index).map_or("", |parameter| parameter.name);
        let slot = self.slots.get(index).copied().flatten();
        T::from_call(self.call, &Parameter { name, slot, first_rest: endpoint.positional().len() })
    }

    /// The value of a parameter that has a default.
    ///
    /// # Errors
    /// As for `take`.
    pub fn take_or<T: FromCall<'c>>(&mut self, index: usize, default: impl FnOnce() -> T) -> Result<T, RpcError> {
        match self.slots.get(index) {
            Some(Some(_)) => self.take(index),
            _ => Ok(default()),
        }
    }
}

#[cold]
pub(super) fn undecodable(name: &str, error: &DecodeError) -> RpcError {
    RpcError::invalid_argument(format!("argument `{name}`: {error}"))
}

#[cold]
fn unusable(name: &str, error: &EncodeError) -> RpcError {
    RpcError::invalid_argument(format!("argument `{name}`: {error}"))
}

#[cold]
pub(super) fn missing_argument(name: &str) -> RpcError {
    missing_arguments(&[name])
}

#[cold]
fn missing_arguments(names: &[&str]) -> RpcError {
    let list = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let plural = if names.len() == 1 { "" } else { "s" };
    RpcError::invalid_argument(format!("missing argument{plural}: {list}"))
}

#[cold]
fn too_many(most: usize, given: usize) -> RpcError {
    RpcError::invalid_argument(match most {
        0 => format!("expected no positional arguments, got {given}"),
        1 => format!("expected at most 1 positional argument, got {given}"),
        _ => format!("expected at most {most} positional arguments, got {given}"),
    })
}

#[cold]
fn given_twice(name: &str) -> RpcError {
    RpcError::invalid_argument(format!("argument `{name}` was given twice"))
}

#[cold]
fn unknown_keyword(name: &str, endpoint: &Endpoint) -> RpcError {
    let known = endpoint
        .parameters()
        .iter()
        .filter(|parameter| matches!(parameter.kind, ParameterKind::Argument { .. }))
        .map(|parameter| format!("`{}`", parameter.name))
        .collect::<Vec<_>>();
    let name = name.escape_debug().take(64).collect::<String>();
    RpcError::invalid_argument(match known.is_empty() {
        true => format!("unknown keyword argument `{name}`, expected none"),
        false => format!("unknown keyword argument `{name}`, expected one of {}", known.join(", ")),
    })
}
