//! Checks of the traits of clients.

use proc_macro2::Ident;
use syn::{LitStr, ReceiverKind, ReturnType, Safety, Signature, Type, ext::IdentExt};

use super::{components, distinct, generics, parameter_type, template};
use crate::{
    errors::Errors,
    item::{self, Function, Interface, Member},
    model::{Kind, Options, Parameter, Place, StubMethod, StubParameter},
};

/// Checks the trait of a client, apart from its methods.
pub(crate) fn interface(interface: &Interface, errors: &mut Errors) {
    if !interface.generics.params.is_empty() {
        errors.on(
            &interface.generics.params,
            "the trait of a client cannot be generic: what goes over the wire has one type",
        );
    }
    for member in &interface.members {
        if let Member::Other(tokens) = member {
            errors.on(tokens, "the trait of a client has methods only: types and constants do not go over the wire");
        }
    }
}

/// Whether a method of a client's trait is to call a procedure: it has no body. Reports attributes that are not for it.
pub(crate) fn is_stub(function: &Function, attributes: &[(Kind, Options)], errors: &mut Errors) -> bool {
    let name = &function.signature.ident;
    for (kind, _) in attributes.iter().filter(|(kind, _)| *kind != Kind::Procedure) {
        let attribute = kind.attribute();
        errors.at(
            name.span(),
            format!("methods of a client call procedures and carry #[wamp::rpc] only, found {attribute}"),
        );
    }
    if attributes.len() > 1 {
        errors.at(name.span(), format!("`{name}` calls one procedure, and carries #[wamp::rpc] once"));
    }
    if function.has_body() && !attributes.is_empty() {
        errors.at(
            name.span(),
            format!("`{name}` has a body, and calls what that calls; #[wamp::rpc] is for methods without"),
        );
    }
    !function.has_body()
}

/// Checks a method of a client.
pub(crate) fn stub_method<'a>(
    function: &'a Function,
    parameters: &'a [Parameter],
    options: &Options,
    errors: &mut Errors,
) -> StubMethod<'a> {
    let declared = &function.signature;
    signature(declared, errors);
    let renamed = |name: &Ident| {
        let name = name.unraw().to_string();
        options.rename_all.map_or(name.clone(), |rule| rule.apply(&name))
    };
    let template = template(Kind::Procedure, options, &declared.ident, renamed(&declared.ident), errors);
    let (uri, components) = match template {
        Some((template, span)) => {
            let components = components(&template, span, parameters, &declared.ident, errors);
            (template.uri, components)
        }
        None => (String::new(), Vec::new()),
    };
    let parameters: Vec<_> =
        parameters.iter().map(|written| parameter(written, &components, renamed(&written.name), errors)).collect();
    let named = parameters.iter().filter(|it| matches!(it.place, Place::Positional | Place::Keyword));
    let keywords =
        named.filter(|it| it.written.conditions.is_empty()).map(|StubParameter { keyword, written, .. }| {
            let span = written.options.rename.as_ref().map_or(written.name.span(), LitStr::span);
            (keyword.clone(), span, written.name.to_string())
        });
    distinct(keywords, "keyword", errors);
    let progress = parameters.iter().filter_map(|parameter| parameter.written.options.progress);
    for span in progress.skip(1) {
        errors.at(span, "one parameter takes the progressive results");
    }
    let output = match &declared.output {
        ReturnType::Default => None,
        ReturnType::Type(_, ty) => Some(&**ty),
    };
    let (timeout, disclose_me) = (options.timeout, options.disclose_me);
    StubMethod { function, uri, parameters, timeout, disclose_me, output }
}

/// What holds for every method.
fn signature(signature: &Signature, errors: &mut Errors) {
    if signature.asyncness.is_none() {
        let message = format!("`{}` waits for an answer: expected an `async fn`, found a plain `fn`", signature.ident);
        errors.on(signature.fn_token, message);
    }
    if let Safety::Unsafe(token) = signature.safety {
        errors.on(token, "calling a procedure is safe: a method of a client is no `unsafe fn`");
    }
    generics(
        &signature.generics,
        "a method of a client cannot be generic: what goes over the wire has one type",
        errors,
    );
    match signature.receiver() {
        Some(receiver) if matches!(receiver.kind, ReceiverKind::Reference(_, _, None)) => {}
        Some(receiver) => {
            let found = item::source_text(receiver);
            errors
                .on(receiver, format!("expected `&self`, since a client calls as often as it likes; found `{found}`"));
        }
        None => {
            errors.at(signature.ident.span(), format!("expected `&self` as first parameter of `{}`", signature.ident))
        }
    }
}

fn parameter<'a>(
    written: &'a Parameter,
    components: &[(usize, String)],
    renamed: String,
    errors: &mut Errors,
) -> StubParameter<'a> {
    let component = components.iter().find(|(_, name)| written.name.unraw() == name).map(|(index, _)| *index);
    let place = match (component, written.options.progress) {
        (Some(index), _) => Place::Component(index),
        (None, Some(_)) => Place::Progress,
        (None, None) if written.options.keyword => Place::Keyword,
        (None, None) => Place::Positional,
    };
    match (&written.ty, place) {
        (_, Place::Progress) => {}
        (Type::ImplTrait(ty), _) => {
            errors
                .on(ty, "`impl Trait` is for progressive results, with `#[wamp(progress)]`: what is sent has one type");
        }
        (ty, _) => parameter_type(ty, errors),
    }
    let (name, options) = (&written.name, &written.options);
    let takes_options = options.keyword || options.rename.is_some();
    match place {
        Place::Component(_) if takes_options || options.progress.is_some() => {
            errors.at(name.span(), format!("`{name}` is a component of the URI, and nothing else"));
        }
        Place::Progress if takes_options => {
            errors.at(name.span(), format!("`{name}` is for progressive results, which the callee knows by no name"));
        }
        _ => {}
    }
    let keyword = options.rename.as_ref().map_or(renamed, LitStr::value);
    let optional = matches!(place, Place::Positional | Place::Keyword) && is_option(&written.ty);
    StubParameter { keyword, place, optional, written }
}

/// Whether a type is written as an `Option`.
fn is_option(ty: &Type) -> bool {
    match ty {
        Type::Group(group) => is_option(&group.elem),
        Type::Path(path) => path.path.segments.last().is_some_and(|last| last.ident == "Option"),
        _ => false,
    }
}
