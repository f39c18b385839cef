//! Reading what procedures that decide have answered: one positional value, or keywords.

use crate::handler::{Decision, RpcResult};
use crate::wire::{Dict, Value};

/// What an authorizer has decided: `true`, or `{"allow": true, "disclose": true, "cache": true}`, of which only `allow` has
/// to be there.
///
/// # Errors
/// What was expected.
pub(super) fn decision(answer: &RpcResult) -> Result<Decision, String> {
    const EXPECTED: &str = "expected a bool, or `allow`, `disclose` and `cache`, which are bools";
    let flag = |dict: &Dict, name: &str| match dict.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(value)) => Ok(Some(*value)),
        Some(other) => Err(format!("{EXPECTED}, got `{name}` as {}", kind(other))),
    };
    let dict = match shape(answer) {
        Shape::Value(Value::Bool(allowed)) => return Ok(allow(*allowed)),
        Shape::Dict(dict) => dict,
        Shape::Value(other) => return Err(format!("{EXPECTED}, got {}", kind(other))),
        Shape::Several => return Err(format!("{EXPECTED}, got several values")),
    };
    let allowed = flag(dict, "allow")?.ok_or_else(|| format!("{EXPECTED}, got no `allow`"))?;
    let decision = allow(allowed).or_disclosure(flag(dict, "disclose")?);
    Ok(if flag(dict, "cache")? == Some(true) { decision.cached() } else { decision })
}

fn allow(allowed: bool) -> Decision {
    if allowed { Decision::allow() } else { Decision::deny() }
}

/// Who a client is, or is to prove to be.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Found {
    pub(super) role: String,
    pub(super) authid: Option<String>,
    /// What WELCOME says besides.
    pub(super) extra: Dict,
    /// All that was answered, for what the method needs.
    pub(super) dict: Dict,
}

/// Who an authenticator says a client is: a role, or `{"role": "…"}` with whatever else the method needs; none for nobody.
///
/// # Errors
/// What was expected.
pub(super) fn found(answer: &RpcResult, realm: &str) -> Result<Option<Found>, String> {
    const EXPECTED: &str = "expected a role, or `role` and what the method needs";
    let dict = match shape(answer) {
        Shape::Value(Value::Null | Value::Bool(false)) => return Ok(None),
        Shape::Value(Value::String(role)) => return Ok(Some(Found { role: role.clone(), ..Found::default() })),
        Shape::Dict(dict) => dict,
        Shape::Value(other) => return Err(format!("{EXPECTED}, got {}", kind(other))),
        Shape::Several => return Err(format!("{EXPECTED}, got several values")),
    };
    let role = match text(dict, "role")? {
        Some(role) => Some(role),
        // Some call it as WELCOME does.
        None => text(dict, "authrole")?,
    };
    let role = role.filter(|role| !role.is_empty()).ok_or_else(|| format!("{EXPECTED}, got no `role`"))?;
    if let Some(other) = text(dict, "realm")?.filter(|other| *other != realm) {
        return Err(format!("expected no other `realm` than `{realm}`, got `{other}`"));
    }
    let extra = match dict.get("extra") {
        None | Some(Value::Null) => Dict::new(),
        Some(Value::Map(extra)) => extra.clone(),
        Some(other) => return Err(format!("expected `extra` to be a dictionary, got {}", kind(other))),
    };
    let authid = text(dict, "authid")?.filter(|authid| !authid.is_empty()).map(str::to_owned);
    Ok(Some(Found { role: role.to_owned(), authid, extra, dict: dict.clone() }))
}

/// A text, which may be missing.
///
/// # Errors
/// It is something else.
pub(super) fn text<'d>(dict: &'d Dict, name: &str) -> Result<Option<&'d str>, String> {
    match dict.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(format!("expected `{name}` to be a string, got {}", kind(other))),
    }
}

/// A number, which may be missing.
///
/// # Errors
/// It is something else.
pub(super) fn number(dict: &Dict, name: &str) -> Result<Option<u64>, String> {
    match dict.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let number = value.as_u64().ok_or_else(|| format!("expected `{name}` to be a number, got {}", kind(value)));
            number.map(Some)
        }
    }
}

/// An answer by its shape.
enum Shape<'a> {
    Value(&'a Value),
    Dict(&'a Dict),
    Several,
}

fn shape(answer: &RpcResult) -> Shape<'_> {
    match answer.args() {
        [] if answer.kwargs().is_empty() => Shape::Value(&Value::Null),
        [] => Shape::Dict(answer.kwargs()),
        [Value::Map(dict)] => Shape::Dict(dict),
        [value] => Shape::Value(value),
        _ => Shape::Several,
    }
}

/// What a value is; not the value, which may be a secret.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a bool",
        Value::Integer(_) | Value::Float(_) => "a number",
        Value::String(_) => "a string",
        Value::Bytes(_) => "binary data",
        Value::Array(_) => "a list",
        Value::Map(_) => "a dictionary",
        Value::Extension(..) | Value::Tag(..) => "a value of another type",
    }
}
