//! Tests of the macros as functions of tokens: what they report and where, and what they expand to.

mod attributes;
mod client;
mod derive;
mod names;
mod rpc;
mod service;
mod template;
mod topics;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{
    Attribute,
    parse::{ParseStream, Parser},
};

use crate::{errors::Errors, expand, model::Kind};

/// Expands the first attribute of an item.
fn expand(source: &str) -> (TokenStream, Errors) {
    let parser = |input: ParseStream<'_>| Ok((input.call(Attribute::parse_outer)?, input.parse::<TokenStream>()?));
    let (attributes, item) = parser.parse_str(source).unwrap();
    let (attribute, others) = attributes.split_first().unwrap();
    let item = quote!(#(#others)* #item);
    let arguments = attribute.meta.require_list().map(|list| list.tokens.clone()).unwrap_or_default();
    let mut errors = Errors::default();
    let name = attribute.path().segments.last().unwrap().ident.to_string();
    let expanded = match name.as_str() {
        "service" => expand::service::expand(arguments, item, &mut errors),
        "client" => expand::client::expand(arguments, item, &mut errors),
        "derive" => expand::error::expand(item, &mut errors),
        other => {
            let (_, kind) = Kind::ALL.into_iter().find(|(known, _)| *known == other).expect("an attribute of ours");
            expand::function::expand(kind, arguments, item, &mut errors)
        }
    };
    (expanded, errors)
}

/// Checks every mistake that is reported: the source it points at, and the first line of what it says.
#[track_caller]
fn check(source: &str, expected: &[(&str, &str)]) {
    let (expanded, errors) = expand(source);
    let reported = errors.reported();
    let reported: Vec<_> = reported.iter().map(|(at, text)| (at.as_str(), text.lines().next().unwrap())).collect();
    assert_eq!(reported, expected, "\n{source}");
    let registers = expanded.to_string().contains("inventory");
    let is_client = expanded.to_string().contains("StubCall");
    assert!(!source.contains("wamp::client") || is_client == expected.is_empty(), "{source}");
    let registers_nothing = source.contains("derive") || source.contains("wamp::client");
    assert!(
        registers_nothing || registers == expected.is_empty(),
        "{source} registers with mistakes, or without does not"
    );
    syn::parse2::<syn::File>(expanded).unwrap();
}

/// Checks that an item has no mistakes and expands to something with these pieces of code in it.
#[track_caller]
fn expands(source: &str, pieces: &[&str]) {
    let (expanded, errors) = expand(source);
    assert_eq!(errors.reported(), [], "\n{source}");
    let squeeze = |text: &str| text.split_whitespace().collect::<String>();
    for piece in pieces {
        assert!(squeeze(&expanded.to_string()).contains(&squeeze(piece)), "no `{piece}` in\n{expanded}");
    }
}
