//! An impl block, and the registrations of its methods.

use proc_macro2::TokenStream;
use quote::quote;

use super::{function::registration, misplaced};
use crate::{
    check,
    errors::Errors,
    item::{Implementation, Member},
    model::Options,
    options::Side,
};

/// Expands `#[wamp::service]` on an impl block.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream, errors: &mut Errors) -> TokenStream {
    let service_options = Options::of_service(arguments, errors);
    let mut implementation = match syn::parse2::<Implementation>(item.clone()) {
        Ok(implementation) => implementation,
        Err(error) => {
            let expected = "expected an impl block for #[wamp::service] (#[wamp::rpc] takes functions)";
            misplaced(&item, &["impl", "unsafe"], expected, error, errors);
            return item;
        }
    };
    check::implementation(&implementation, errors);
    let mut annotated = Vec::new();
    for (position, member) in implementation.members.iter_mut().enumerate() {
        let Member::Method(function) = member else { continue };
        let handlers = function.take_handlers(Options::of_function, errors);
        let Some((kind, _)) = handlers.first() else { continue };
        let parameters = function.take_parameters(Side::Callee, errors);
        check::signature(&function.signature, *kind, true, errors);
        annotated.push((position, handlers, parameters));
    }
    if annotated.is_empty() {
        errors.on(
            &implementation.self_type,
            "expected methods that carry #[wamp::rpc] or another attribute in the impl block of a service, found none",
        );
    }
    let mut registrations = Vec::new();
    for (position, handlers, parameters) in &annotated {
        let Some(Member::Method(function)) = implementation.members.get(*position) else { continue };
        for (kind, options) in handlers {
            let handler = (*kind, options.clone().or(&service_options, *kind));
            let handler = check::handler(function, parameters, handler, Some(&implementation), errors);
            registrations.push(registration(&handler));
        }
    }
    if !errors.is_empty() {
        registrations.clear();
    }
    quote!(#implementation #(#registrations)*)
}
