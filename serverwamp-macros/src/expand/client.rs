//! A trait, and the client that implements it.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{Attribute, FnArg, Type, ext::IdentExt, spanned::Spanned};

use super::{function::option, hygienic, misplaced, runtime};
use crate::{
    check,
    errors::Errors,
    item::{self, Function, Interface, Member},
    model::{Options, Place, Stub, StubMethod, StubParameter},
    options::Side,
};

/// Expands `#[wamp::client]` on a trait.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream, errors: &mut Errors) -> TokenStream {
    let options = Options::of_client(arguments, errors);
    let mut interface = match syn::parse2::<Interface>(item.clone()) {
        Ok(interface) => interface,
        Err(error) => {
            misplaced(&item, &["trait"], "expected a trait for #[wamp::client]", error, errors);
            return item;
        }
    };
    check::interface(&interface, errors);
    let mut declared = Vec::new();
    for (position, member) in interface.members.iter_mut().enumerate() {
        let Member::Method(function) = member else { continue };
        let attributes = function.take_handlers(Options::of_stub, errors);
        let parameters = function.take_parameters(Side::Caller, errors);
        if !check::is_stub(function, &attributes, errors) {
            continue;
        }
        let own = attributes.into_iter().next().map(|(_, options)| options).unwrap_or_default();
        declared.push((position, own.of_stub_or(&options), parameters));
    }
    let mut methods = Vec::new();
    for (position, own, parameters) in &declared {
        let Some(Member::Method(function)) = interface.members.get(*position) else { continue };
        methods.push((*position, check::stub_method(function, parameters, own, errors)));
    }
    if methods.is_empty() && errors.is_empty() {
        errors.on(&interface.name, "expected methods without a body in the trait of a client, found none");
    }
    if !errors.is_empty() {
        return quote!(#interface);
    }
    let members = interface.members.iter().enumerate().map(|(position, member)| {
        match (member, methods.iter().find(|(stub, _)| *stub == position)) {
            (Member::Method(function), Some((_, method))) => declaration(function, method),
            (member, _) => member.to_token_stream(),
        }
    });
    let declared = interface.with_members(members);
    let stub = Stub {
        client: format_ident!("{}Client", interface.name.unraw(), span = interface.name.span()),
        runtime: options.runtime.clone(),
        attributes: item::inherited(&interface.attributes),
        methods: methods.into_iter().map(|(_, method)| method).collect(),
    };
    let implementation = implementation(&interface, &stub);
    quote!(#declared #implementation)
}

/// A method of the trait, whose future is `Send`.
fn declaration(function: &Function, method: &StubMethod<'_>) -> TokenStream {
    let site = Span::mixed_site();
    let attributes = &function.attributes;
    let signature = &function.signature;
    let (name, inputs) = (&signature.ident, &signature.inputs);
    let (generics, condition) = (&signature.generics, &signature.generics.where_clause);
    let output = output(method);
    let future = quote_spanned! {site=>
        impl ::core::future::Future<Output = #output> + ::core::marker::Send
    };
    quote!(#(#attributes)* fn #name #generics (#inputs) -> #future #condition;)
}

fn output(method: &StubMethod<'_>) -> TokenStream {
    method.output.map_or_else(|| quote!(()), ToTokens::to_token_stream)
}

/// The client, and what makes it one.
fn implementation(interface: &Interface, stub: &Stub<'_>) -> TokenStream {
    let site = Span::mixed_site();
    let runtime = runtime(stub.runtime.as_ref());
    let (attributes, client, visibility, name) =
        (&stub.attributes, &stub.client, &interface.visibility, &interface.name);
    let plain = name.unraw();
    let documentation = format!("Calls the procedures of [`{plain}`].");
    let conditions: Vec<_> = item::conditions(attributes);
    let methods = stub.methods.iter().map(method);
    let described = stub.methods.iter().map(description);
    quote_spanned! {site=>
        #(#conditions)*
        #[doc = #documentation]
        #[derive(Clone, Debug)]
        #visibility struct #client(#runtime::client::Callee);

        #(#attributes)*
        const _: () = {
            use #runtime::__private as __wamp;

            // Programs use one of the two.
            impl #client {
                /// Calls with this client.
                #[allow(dead_code)]
                #visibility fn new(client: #runtime::Client) -> Self {
                    Self(#runtime::client::Callee::new(client))
                }

                /// Calls with this client what is under a prefix, that of a set of functions.
                #[allow(dead_code)]
                #visibility fn under(
                    prefix: impl ::core::convert::Into<::std::string::String>,
                    client: #runtime::Client,
                ) -> Self {
                    Self(#runtime::client::Callee::under(prefix, client))
                }
            }

            impl #name for #client {
                #(#methods)*
            }

            impl #runtime::client::Stub for #client {
                fn methods() -> ::std::vec::Vec<__wamp::StubMethod> {
                    ::std::vec![#(#described),*]
                }
            }
        };
    }
}

/// A method that calls its procedure.
fn method(method: &StubMethod<'_>) -> TokenStream {
    let site = Span::mixed_site();
    let signature = &method.function.signature;
    let conditions = item::conditions(&method.function.attributes);
    let (name, generics, condition) = (&signature.ident, &signature.generics, &signature.generics.where_clause);
    let inputs = signature.inputs.iter().filter_map(|input| match input {
        // The method's body, which is the macro's, has to know it.
        FnArg::Receiver(receiver) => Some(item::rewrite(receiver.to_token_stream(), &|token, _| {
            if matches!(token, TokenTree::Ident(word) if word == "self") {
                token.set_span(site);
            }
        })),
        FnArg::Typed(argument) => {
            let position = method.parameters.iter().position(|it| Some(&it.written.name) == pattern_name(argument))?;
            let value = value(position, &argument.ty);
            let (ty, conditions) = (&argument.ty, &method.parameters.get(position)?.written.conditions);
            Some(quote!(#(#conditions)* #value: #ty))
        }
    });
    let uri = &method.uri;
    // Positional arguments come before keyword arguments.
    let in_order = [false, true].into_iter().flat_map(|keywords| {
        let of_pass = move |parameter: &StubParameter<'_>| matches!(parameter.place, Place::Keyword) == keywords;
        method.parameters.iter().enumerate().filter(move |(_, parameter)| of_pass(parameter))
    });
    let arguments = in_order.map(|(position, parameter)| argument(position, parameter));
    let timeout = method.timeout.map(|timeout| {
        let milliseconds = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        quote_spanned!(site=> call.timeout(::core::time::Duration::from_millis(#milliseconds));)
    });
    let disclose_me = method.disclose_me.map(|disclose| quote_spanned!(site=> call.disclose_me(#disclose);));
    let output = output(method);
    let place = hygienic(method.output.map_or(name.span(), Spanned::span));
    // The compiler reports there what a method cannot return.
    let outcome = quote_spanned!(place=> __wamp::outcome_of_stub_call(call).await);
    quote_spanned! {site=>
        #(#conditions)*
        async fn #name #generics (#(#inputs),*) -> #output #condition {
            let mut call = __wamp::StubCall::new(&self.0, #uri);
            #(#arguments)*
            #timeout
            #disclose_me
            #outcome
        }
    }
}

fn pattern_name(argument: &syn::PatType) -> Option<&Ident> {
    match &*argument.pat {
        syn::Pat::Ident(pattern) => Some(&pattern.ident),
        _ => None,
    }
}

fn value(position: usize, ty: &Type) -> Ident {
    Ident::new(&format!("__{position}"), hygienic(ty.span()))
}

/// A statement that hands a parameter's value on.
fn argument(position: usize, parameter: &StubParameter<'_>) -> TokenStream {
    let StubParameter { keyword, place, optional, written } = parameter;
    let span = hygienic(written.ty.span());
    let value = value(position, &written.ty);
    let conditions = &written.conditions;
    let passed = match (place, optional) {
        (Place::Component(index), _) => quote_spanned!(span=> call.component(#index, #keyword, &#value);),
        (Place::Positional, false) => quote_spanned!(span=> call.positional(&#value);),
        (Place::Positional, true) => quote_spanned!(span=> call.optional(&#value);),
        (Place::Keyword, false) => quote_spanned!(span=> call.keyword(#keyword, &#value);),
        (Place::Keyword, true) => quote_spanned!(span=> call.optional_keyword(#keyword, &#value);),
        (Place::Progress, _) => quote_spanned!(span=> call.on_progress(#value);),
    };
    quote!(#(#conditions)* #passed)
}

/// The method as a test compares it with the function.
fn description(method: &StubMethod<'_>) -> TokenStream {
    let site = Span::mixed_site();
    let name = method.function.signature.ident.unraw().to_string();
    let conditions = item::conditions(&method.function.attributes);
    let (uri, output) = (&method.uri, method.output.map(item::source_text).unwrap_or_default());
    let parameters = method.parameters.iter().map(|parameter| {
        let StubParameter { keyword, place, optional, written } = parameter;
        let ty = item::source_text(&written.ty);
        let component = option(match place {
            Place::Component(index) => Some(index.to_token_stream()),
            _ => None,
        });
        let (is_keyword, is_progress) = (matches!(place, Place::Keyword), matches!(place, Place::Progress));
        let conditions: &[Attribute] = &written.conditions;
        quote_spanned! {site=>
            #(#conditions)*
            __wamp::StubParameter {
                name: #keyword,
                written: #ty,
                component: #component,
                keyword: #is_keyword,
                optional: #optional,
                progress: #is_progress,
            }
        }
    });
    let line = super::function::line(method.function.signature.ident.span());
    quote_spanned! {site=>
        #(#conditions)*
        __wamp::StubMethod {
            name: #name,
            uri: #uri,
            output: #output,
            parameters: ::std::vec![#(#parameters),*],
            file: ::core::file!(),
            line: #line,
        }
    }
}
