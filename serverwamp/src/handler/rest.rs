//! Parameters that take what no other parameter names.

use std::collections::BTreeMap;
use std::ops::Deref;

use serde::de::DeserializeOwned;

use super::arguments::undecodable;
use super::call::Call;
use super::error::RpcError;
use super::extract::{FromCall, Parameter, ParameterKind};
use crate::wire::{Value, decode};

/// All positional arguments that no parameter before it takes, like Python's `*args`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rest<T = Value>(pub Vec<T>);

/// All keyword arguments that no parameter names, like Python's `**kwargs`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RestKw<T = Value>(pub BTreeMap<String, T>);

impl<T> Deref for Rest<T> {
    type Target = Vec<T>;

    fn deref(&self) -> &Vec<T> {
        &self.0
    }
}

impl<T> Deref for RestKw<T> {
    type Target = BTreeMap<String, T>;

    fn deref(&self) -> &BTreeMap<String, T> {
        &self.0
    }
}

impl<T> IntoIterator for Rest<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'c, T: DeserializeOwned> FromCall<'c> for Rest<T> {
    fn from_call(call: &'c Call, parameter: &Parameter<'_, 'c>) -> Result<Rest<T>, RpcError> {
        let (payload, slots) = (call.payload(), &call.message().slots);
        let rest = slots.args.iter().skip(parameter.first_rest()).enumerate();
        rest.map(|(index, slot)| {
            decode(payload.codec(), slot.of(payload.bytes()), call.arena())
                .map_err(|error| undecodable(&format!("{}[{index}]", parameter.name()), &error))
        })
        .collect::<Result<_, _>>()
        .map(Rest)
    }

    const TAKES_ARGUMENTS: bool = true;

    fn kind() -> ParameterKind {
        ParameterKind::Rest
    }
}

impl<'c, T: DeserializeOwned> FromCall<'c> for RestKw<T> {
    fn from_call(call: &'c Call, _: &Parameter<'_, 'c>) -> Result<RestKw<T>, RpcError> {
        let payload = call.payload();
        payload
            .kwargs()
            .filter(|(name, _)| call.endpoint().keyword(name).is_none())
            .map(|(name, slot)| {
                let value = decode(payload.codec(), slot, call.arena()).map_err(|error| undecodable(&name, &error))?;
                Ok((name.into_owned(), value))
            })
            .collect::<Result<_, _>>()
            .map(RestKw)
    }

    const TAKES_ARGUMENTS: bool = true;

    fn kind() -> ParameterKind {
        ParameterKind::RestKeywords
    }
}
