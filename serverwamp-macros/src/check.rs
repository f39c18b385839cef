//! Checks of annotated items. Each reports all that it finds.

mod client;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{FnArg, GenericParam, Generics, LitStr, ReceiverKind, ReturnType, Safety, Signature, Type, ext::IdentExt};

pub(crate) use client::{interface, is_stub, stub_method};

use crate::{
    errors::Errors,
    item::{self, Function, Implementation},
    model::{Handler, HandlerParameter, Kind, MatchPolicy, Options, Parameter, UriRule},
    names,
    template::{self, Template},
};

/// Checks what no handler may have, whatever its options.
pub(crate) fn signature(signature: &Signature, kind: Kind, in_service: bool, errors: &mut Errors) {
    let attribute = kind.attribute();
    if let Some(token) = signature.constness {
        let functions = if kind.allows_plain_functions() { "an `async fn` or a plain `fn`" } else { "an `async fn`" };
        errors.on(token, format!("{attribute} goes on {functions}, not on a `const fn`"));
    }
    if let Safety::Unsafe(token) = signature.safety {
        errors.on(token, format!("{attribute} goes on a safe function: a remote caller cannot keep its promises"));
    }
    if let Some(abi) = &signature.abi {
        errors.on(abi, format!("{attribute} goes on a Rust function, not on an `extern fn`"));
    }
    if let Some(variadic) = &signature.variadic {
        errors.on(variadic, "a handler has a fixed list of parameters; `Rest<T>` takes all further arguments");
    }
    generics(&signature.generics, "a handler cannot be generic: callers send values, which have one type each", errors);
    receiver(signature, in_service, errors);
    for input in &signature.inputs {
        if let FnArg::Typed(argument) = input {
            parameter_type(&argument.ty, errors);
        }
    }
}

/// Refuses type and const parameters.
fn generics(generics: &Generics, message: &str, errors: &mut Errors) {
    for parameter in &generics.params {
        match parameter {
            GenericParam::Type(parameter) => errors.on(parameter, message),
            GenericParam::Const(parameter) => errors.on(parameter, message),
            GenericParam::Lifetime(_) => {}
        }
    }
}

fn receiver(signature: &Signature, in_service: bool, errors: &mut Errors) {
    match signature.receiver() {
        Some(receiver) if !in_service => {
            errors.on(receiver, "methods need #[wamp::service] on their impl block");
        }
        Some(receiver) if matches!(receiver.kind, ReceiverKind::Reference(_, _, None)) => {}
        Some(receiver) => {
            let found = item::source_text(receiver);
            errors.on(
                receiver,
                format!("expected `&self`, since all calls share one instance of the service; found `{found}`"),
            );
        }
        None if in_service => {
            errors.at(
                signature.ident.span(),
                format!(
                    "expected `&self` as first parameter of `{}`; a function without it goes outside of the service",
                    signature.ident
                ),
            );
        }
        None => {}
    }
}

fn parameter_type(ty: &Type, errors: &mut Errors) {
    match ty {
        Type::Group(group) => parameter_type(&group.elem, errors),
        Type::Paren(paren) => parameter_type(&paren.elem, errors),
        Type::Reference(reference) if reference.mutability.is_some() => errors.on(
            ty,
            format!(
                "a call's argument cannot be borrowed mutably; take `{}` and make the parameter `mut`",
                item::source_text(&reference.elem)
            ),
        ),
        _ => impl_trait(ty.to_token_stream(), errors),
    }
}

fn impl_trait(tokens: TokenStream, errors: &mut Errors) {
    for token in tokens {
        match token {
            TokenTree::Ident(word) if word == "impl" => {
                errors.on(word, "`impl Trait` makes the handler generic: name the type that callers send");
            }
            TokenTree::Group(group) => impl_trait(group.stream(), errors),
            _ => {}
        }
    }
}

/// Checks the impl block of a service, apart from its methods.
pub(crate) fn implementation(implementation: &Implementation, errors: &mut Errors) {
    if let Some(implemented) = &implementation.implemented {
        errors.on(
            implemented,
            format!(
                "#[wamp::service] goes on an inherent impl block, `impl {}`, not on that of a trait",
                item::source_text(&implementation.self_type)
            ),
        );
    }
    let message = "a service cannot be generic: one instance of one type answers its calls";
    if !implementation.generics.params.is_empty() {
        errors.on(&implementation.generics.params, message);
    } else if let Some(lifetime) = borrowed(implementation.self_type.to_token_stream()) {
        errors.on(lifetime, message);
    }
}

/// The first lifetime that is not `'static`.
fn borrowed(tokens: TokenStream) -> Option<Ident> {
    let mut after_quote = false;
    for token in tokens {
        match token {
            TokenTree::Ident(lifetime) if after_quote && lifetime != "static" => return Some(lifetime),
            TokenTree::Group(group) => {
                if let Some(lifetime) = borrowed(group.stream()) {
                    return Some(lifetime);
                }
                after_quote = false;
            }
            token => after_quote = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '\''),
        }
    }
    None
}

/// Checks the options against the function and joins both.
pub(crate) fn handler<'a>(
    function: &'a Function,
    parameters: &'a [Parameter],
    (kind, options): (Kind, Options),
    service: Option<&'a Implementation>,
    errors: &mut Errors,
) -> Handler<'a> {
    let signature = &function.signature;
    let asynchronous = signature.asyncness.is_some();
    if let (Some(span), true) = (options.blocking, asynchronous) {
        errors.at(span, "`blocking` moves a plain `fn` to the blocking pool; an `async fn` never runs there");
    }
    if !asynchronous && !kind.allows_plain_functions() && signature.constness.is_none() {
        let message =
            format!("{} goes on an `async fn`, even on one that never waits; found a plain `fn`", kind.attribute());
        errors.on(signature.fn_token, message);
    }
    let name = |name: &Ident| {
        let name = name.unraw().to_string();
        options.rename_all.map_or(name.clone(), |rule| rule.apply(&name))
    };
    let template = template(kind, &options, &signature.ident, name(&signature.ident), errors);
    let (uri, policy, components) = match template {
        Some((template, span)) => {
            let components = components(&template, span, parameters, &signature.ident, errors);
            (Some(template.uri), template.policy, components)
        }
        None => (None, MatchPolicy::default(), Vec::new()),
    };
    let component = |parameter: &Parameter| {
        components.iter().find(|(_, name)| parameter.name.unraw() == name).map(|(index, _)| *index)
    };
    for parameter in parameters.iter().filter(|parameter| component(parameter).is_some()) {
        if parameter.options.keyword || parameter.options.rename.is_some() {
            let message = format!("`{}` is taken from the URI: callers do not pass it by name", parameter.name);
            errors.at(parameter.name.span(), message);
        }
    }
    if !kind.has_arguments() {
        let arguments = parameters.iter().filter(|parameter| component(parameter).is_none());
        for parameter in arguments.filter(|parameter| parameter.options.are_given()) {
            let message = format!(
                "`{}` has options of a call argument, and {} functions are given none: every parameter is injected",
                parameter.name,
                kind.attribute()
            );
            errors.at(parameter.name.span(), message);
        }
    }
    let parameters: Vec<_> = parameters
        .iter()
        .map(|written| {
            let keyword = written.options.rename.as_ref().map_or_else(|| name(&written.name), LitStr::value);
            HandlerParameter { keyword, component: component(written), written }
        })
        .collect();
    // Of two that are compiled under different conditions, one may be there at a time.
    let arguments =
        parameters.iter().filter(|parameter| parameter.component.is_none() && parameter.written.conditions.is_empty());
    let keywords = arguments.map(|HandlerParameter { keyword, written, .. }| {
        let span = written.options.rename.as_ref().map_or(written.name.span(), LitStr::span);
        (keyword.clone(), span, written.name.to_string())
    });
    distinct(keywords, "keyword", errors);
    let mut attributes = item::inherited(&function.attributes);
    attributes.extend(service.iter().flat_map(|service| item::inherited(&service.attributes)));
    Handler {
        kind,
        uri,
        policy,
        name: &signature.ident,
        service: service.map(|service| &service.self_type),
        asynchronous,
        lifetimes: signature.generics.lifetimes().map(|parameter| parameter.lifetime.ident.clone()).collect(),
        output: match &signature.output {
            ReturnType::Default => None,
            ReturnType::Type(_, ty) => Some(ty),
        },
        documentation: item::documentation(&function.attributes),
        attributes,
        parameters,
        options,
    }
}

/// The URI of a function: what its attribute says, else what goes without saying, under the prefix of its service.
fn template(
    kind: Kind,
    options: &Options,
    function: &Ident,
    name: String,
    errors: &mut Errors,
) -> Option<(Template, Span)> {
    let attribute = kind.attribute();
    let (uri, span) = match (&options.uri, kind.uri_rule()) {
        (Some(literal), UriRule::None) => {
            errors.on(literal, format!("{attribute} is for all sessions and takes no URI"));
            return None;
        }
        (Some(literal), _) => (literal.value(), literal.span()),
        (None, UriRule::NamedAfterFunction) => (name, function.span()),
        (None, UriRule::Required) => {
            let name = attribute.trim_end_matches(']');
            errors.at(function.span(), format!("expected a topic, `{name}(\"news.sports\")]`, found none"));
            return None;
        }
        (None, UriRule::AnyTopic) => {
            if options.match_policy.is_some() {
                let message = format!("`match` is given without a topic: {attribute} without one is for any topic");
                errors.at(function.span(), message);
            }
            return None;
        }
        (None, UriRule::None) => return None,
    };
    let uri = match options.prefix.as_ref().map(LitStr::value) {
        // A prefix that is none has been reported.
        Some(prefix) if template::prefix_problem(&prefix).is_some() => uri,
        Some(prefix) => format!("{prefix}.{uri}"),
        None => uri,
    };
    let policy = options.match_policy.unwrap_or_default();
    let problem = names::loose_uri_problem(&uri, policy).or_else(|| names::reserved_uri_problem(&uri, policy));
    match problem.map_or_else(|| Template::parse(&uri, options.match_policy), Err) {
        Ok(template) => Some((template, span)),
        Err(problem) => {
            errors.at(span, problem);
            None
        }
    }
}

/// The components that parameters take. Reports those that no parameter has the name of.
fn components(
    template: &Template,
    span: Span,
    parameters: &[Parameter],
    function: &Ident,
    errors: &mut Errors,
) -> Vec<(usize, String)> {
    for (_, name) in &template.names {
        if !parameters.iter().any(|parameter| parameter.name.unraw() == name) {
            errors.at(span, format!("`{{{name}}}` in the URI is no parameter of `{function}`"));
        }
    }
    template.names.clone()
}

/// Reports names that occur twice; `what` the names are and whose they are go into the message.
pub(crate) fn distinct(names: impl IntoIterator<Item = (String, Span, String)>, what: &str, errors: &mut Errors) {
    let mut seen: Vec<(String, String)> = Vec::new();
    for (name, span, owner) in names {
        match seen.iter().find(|(other, _)| *other == name) {
            Some((_, other)) => errors.at(span, format!("`{name}` is already the {what} of `{other}`")),
            None => seen.push((name, owner)),
        }
    }
}
