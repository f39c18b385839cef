//! What can be told of an annotated function: its documentation, arguments, result and errors.

use super::endpoint::Endpoint;
use super::extract::{ParameterDescription, ParameterKind};
use crate::wire::{Dict, Kind, Shape, Value};

/// An error that a type stands for, as `#[derive(WampError)]` describes it.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorDescription {
    pub uri: &'static str,
    pub documentation: &'static str,
    pub arguments: &'static [ErrorArgument],
}

/// An argument of an error.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorArgument {
    /// None for a positional argument.
    pub keyword: Option<&'static str>,
    /// The type as it is written.
    pub type_name: &'static str,
}

impl Endpoint {
    /// The function in full.
    pub(crate) fn description(&self) -> Dict {
        let route = self.route();
        let mut description = Dict::new();
        description.insert("uri", route.uri.unwrap_or_default());
        description.insert("match", route.match_policy.name());
        description.insert("documentation", route.documentation.trim());
        description.insert("arguments", self.arguments());
        description.insert("result", route.output);
        description.insert("errors", (route.errors)().iter().map(|error| Value::from(error.uri)).collect::<Vec<_>>());
        if let Some(timeout) = route.timeout {
            description.insert("timeout", u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
        }
        description
    }

    /// What callers or publishers give, in the order of positional arguments. What is injected is nobody's business.
    pub(crate) fn arguments(&self) -> Vec<Value> {
        self.parameters().iter().filter_map(described).map(Value::Map).collect()
    }

    /// The errors that it is known to return.
    pub(crate) fn errors(&self) -> &'static [ErrorDescription] {
        (self.route().errors)()
    }
}

impl ErrorDescription {
    /// The error in full.
    pub(crate) fn description(&self) -> Dict {
        let argument = |argument: &ErrorArgument| {
            let mut described = Dict::new();
            if let Some(keyword) = argument.keyword {
                described.insert("name", keyword);
            }
            described.insert("type", argument.type_name);
            Value::Map(described)
        };
        let mut description = Dict::new();
        description.insert("uri", self.uri);
        description.insert("documentation", self.documentation.trim());
        description.insert("arguments", self.arguments.iter().map(argument).collect::<Vec<_>>());
        description
    }
}

fn described(parameter: &ParameterDescription) -> Option<Dict> {
    let ParameterDescription { name, kind, options, shape, .. } = parameter;
    let mut described = Dict::new();
    described.insert("name", *name);
    described.insert("type", options.type_name);
    match *kind {
        ParameterKind::Injected => return None,
        ParameterKind::Rest => drop(described.insert("rest", "positional")),
        ParameterKind::RestKeywords => drop(described.insert("rest", "keyword")),
        ParameterKind::Argument { required } | ParameterKind::Component { required } => {
            described.insert("schema", shape().map(schema).unwrap_or_default());
            described.insert("required", required && options.default.is_none());
            if let Some(default) = options.default {
                described.insert("default", default);
            }
        }
    }
    if options.keyword {
        described.insert("keyword", true);
    }
    if let Some(component) = options.component {
        described.insert("component", component as u64);
    }
    Some(described)
}

/// The values of a type in the words of JSON Schema, as far as they are known.
fn schema(shape: Shape) -> Dict {
    let texts = |texts: &[&'static str]| texts.iter().map(|text| Value::from(*text)).collect::<Vec<_>>();
    let mut schema = Dict::new();
    let name = match shape.kind {
        Kind::Any | Kind::Enum(_) => None,
        Kind::Null => Some("null"),
        Kind::Boolean => Some("boolean"),
        Kind::Integer => Some("integer"),
        Kind::Number => Some("number"),
        Kind::String | Kind::Binary => Some("string"),
        Kind::Array => Some("array"),
        Kind::Map | Kind::Struct(_) => Some("object"),
    };
    match (name, shape.nullable) {
        (Some(name), true) => drop(schema.insert("type", vec![Value::from(name), Value::from("null")])),
        (Some(name), false) => drop(schema.insert("type", name)),
        (None, _) => {}
    }
    match shape.kind {
        Kind::Binary => drop(schema.insert("format", "binary")),
        Kind::Struct(fields) => {
            let mut properties = Dict::new();
            for field in fields {
                properties.insert(*field, Dict::new());
            }
            schema.insert("properties", properties);
        }
        Kind::Enum(variants) => drop(schema.insert("variants", texts(variants))),
        _ => {}
    }
    schema
}
