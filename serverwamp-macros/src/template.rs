//! URIs in which `{name}` stands for a component that a parameter takes.

use proc_macro2::Ident;
use syn::{ext::IdentExt, parse::Parser};

use crate::{model::MatchPolicy, names};

/// A URI as it is served, and what of it parameters take.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Template {
    /// Without the names; their components are empty.
    pub(crate) uri: String,
    pub(crate) policy: MatchPolicy,
    /// The indices of components, each with the name of the parameter that takes it.
    pub(crate) names: Vec<(usize, String)>,
}

impl Template {
    /// Takes a URI apart as it was written, with the policy that was.
    ///
    /// # Errors
    /// Says what is wrong about its braces.
    pub(crate) fn parse(written: &str, policy: Option<MatchPolicy>) -> Result<Self, String> {
        let plain = Self { uri: written.to_owned(), policy: policy.unwrap_or_default(), names: Vec::new() };
        if plain.policy == MatchPolicy::Regex || !written.contains(['{', '}']) {
            return Ok(plain);
        }
        let mut names: Vec<(usize, String)> = Vec::new();
        let mut components: Vec<&str> = written.split('.').collect();
        for (index, component) in components.iter_mut().enumerate() {
            if let Some(name) = name(component)? {
                if names.iter().any(|(_, other)| *other == name) {
                    return Err(format!("`{{{name}}}` stands in the URI twice"));
                }
                names.push((index, name));
                *component = "";
            }
        }
        if policy.is_some_and(|policy| policy != MatchPolicy::Wildcard) {
            return Err(format!("a URI with components for parameters is a wildcard pattern, found {written:?}"));
        }
        Ok(Self { uri: components.join("."), policy: MatchPolicy::Wildcard, names })
    }
}

/// Says what is wrong with the prefix of the URIs of a service, if anything is.
pub(crate) fn prefix_problem(prefix: &str) -> Option<String> {
    names::loose_uri_problem(prefix, MatchPolicy::Exact).or_else(|| Template::parse(prefix, None).err())
}

/// The name in a component, if it is one.
fn name(component: &str) -> Result<Option<String>, String> {
    if !component.contains(['{', '}']) {
        return Ok(None);
    }
    let Some(name) = component.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
        return Err(format!("`{{name}}` stands for a whole component of a URI, found `{component}`"));
    };
    let is_name = Ident::parse_any.parse_str(name).is_ok_and(|ident| ident == name);
    match is_name {
        true => Ok(Some(name.to_owned())),
        false => Err(format!("expected the name of a parameter in braces, found `{component}`")),
    }
}
