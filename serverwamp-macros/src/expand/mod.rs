//! From what was checked to Rust.

pub(crate) mod client;
pub(crate) mod error;
pub(crate) mod function;
pub(crate) mod service;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::Path;

use crate::{errors::Errors, item};

/// The path of the crate `serverwamp`.
fn runtime(path: Option<&Path>) -> TokenStream {
    path.map_or_else(|| quote!(::serverwamp), ToTokens::to_token_stream)
}

/// Reports an item that did not parse: by its keyword if it begins otherwise than it should, else in the parser's words.
fn misplaced(item: &TokenStream, beginnings: &[&str], expected: &str, error: syn::Error, errors: &mut Errors) {
    match item::keyword(item.clone()) {
        Some(keyword) if !beginnings.iter().any(|beginning| keyword == beginning) => {
            errors.at(keyword.span(), format!("{expected}, found `{keyword}`"));
        }
        _ => errors.add(error),
    }
}

/// A place in the user's code for tokens whose names are the macro's own.
fn hygienic(span: Span) -> Span {
    span.resolved_at(Span::mixed_site())
}
