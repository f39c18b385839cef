//! A function, and its registration.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Attribute, LitStr, Type, ext::IdentExt, spanned::Spanned};

use super::{hygienic, misplaced, runtime};
use crate::{
    check,
    errors::Errors,
    item::{self, Function},
    model::{DefaultValue, Handler, HandlerParameter, Kind, MatchPolicy, Options},
    options::Side,
};

/// Expands an attribute on a function.
pub(crate) fn expand(kind: Kind, arguments: TokenStream, item: TokenStream, errors: &mut Errors) -> TokenStream {
    let mut handlers = vec![(kind, Options::of_function(kind, arguments, errors))];
    let mut function = match syn::parse2::<Function>(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            let expected = format!("expected a function for {} (#[wamp::service] takes impl blocks)", kind.attribute());
            misplaced(&item, &["fn", "async", "unsafe", "extern"], &expected, error, errors);
            return item;
        }
    };
    handlers.extend(function.take_handlers(Options::of_function, errors));
    let parameters = function.take_parameters(Side::Callee, errors);
    check::signature(&function.signature, kind, false, errors);
    let handlers: Vec<_> =
        handlers.into_iter().map(|handler| check::handler(&function, &parameters, handler, None, errors)).collect();
    let registrations = handlers.iter().filter(|_| errors.is_empty()).map(registration);
    quote!(#function #(#registrations)*)
}

/// The item that makes a function known to the runtime.
pub(crate) fn registration(handler: &Handler<'_>) -> TokenStream {
    let site = Span::mixed_site();
    let runtime = runtime(handler.options.runtime.as_ref());
    let attributes = &handler.attributes;
    let service = handler.service.map(|service| quote_spanned!(site=> type __Service = #service;));
    let unreachable = never_returns(handler)
        .then(|| quote_spanned!(site=> #[allow(unreachable_code, clippy::diverging_sub_expression)]));
    let route = route(handler);
    quote_spanned! {site=>
        #(#attributes)*
        #unreachable
        const _: () = {
            use #runtime::__private as __wamp;
            #service
            __wamp::inventory::submit! { #route }
        };
    }
}

/// A closure that describes the parameters.
///
/// It and the closure that handles a call stand in one body, so that the compiler reports an unsuitable type once.
fn parameters(handler: &Handler<'_>) -> TokenStream {
    let site = Span::mixed_site();
    let parameters =
        handler.parameters.iter().map(|HandlerParameter { keyword: name, component, written: parameter }| {
            let ty = usable_type(handler, &parameter.ty);
            let default = parameter.options.default.as_ref().map(|default| match default {
                DefaultValue::OfType(_) => "Default::default()".to_owned(),
                DefaultValue::Expression(expression) => item::source_text(expression.to_token_stream()),
            });
            let default = option(default.map(ToTokens::into_token_stream));
            let keyword = parameter.options.keyword;
            let type_name = item::source_text(&parameter.ty);
            let component = option(component.map(ToTokens::into_token_stream));
            let conditions = &parameter.conditions;
            let span = hygienic(parameter.ty.span());
            let described = quote_spanned! {span=>
                __wamp::parameter::<#ty>(
                    #name,
                    __wamp::ParameterOptions {
                        type_name: #type_name,
                        default: #default,
                        keyword: #keyword,
                        component: #component,
                    },
                )
            };
            quote_spanned!(site=> #(#conditions)* #described)
        });
    let described = quote_spanned!(site=> || ::std::vec![#(#parameters),*]);
    let refusals: Vec<_> = handler.parameters.iter().filter_map(|parameter| refusal(handler, parameter)).collect();
    if refusals.is_empty() { described } else { quote_spanned!(site=> { #(#refusals)* #described }) }
}

/// A statement that the compiler refuses to evaluate if a parameter is a call argument, where there are none, or injected,
/// where the URI has its name.
fn refusal(handler: &Handler<'_>, parameter: &HandlerParameter<'_>) -> Option<TokenStream> {
    let written = parameter.written;
    let (ty, conditions) = (usable_type(handler, &written.ty), &written.conditions);
    let span = hygienic(written.ty.span());
    let (refuse, message) = match parameter.component {
        Some(_) => {
            let message = format!("`{}` is taken from the URI, and its type is injected", written.name);
            (quote_spanned!(span=> __wamp::refuse_injected), message)
        }
        None if handler.kind.has_arguments() => return None,
        None => {
            let message = format!(
                "`{}` is a call argument, and {} functions are given none: every parameter is injected",
                written.name,
                handler.kind.attribute()
            );
            (quote_spanned!(span=> __wamp::refuse_argument), message)
        }
    };
    Some(quote_spanned! {span=>
        #(#conditions)*
        #refuse(<#ty as __wamp::FromCall<'_>>::TAKES_ARGUMENTS, #message);
    })
}

/// A closure that binds a call's arguments, calls the user's function and makes a reply of what it returns.
fn handle(handler: &Handler<'_>) -> TokenStream {
    let site = Span::mixed_site();
    let place = hygienic(handler.name.span());
    let mutable = (!handler.parameters.is_empty()).then(|| quote!(mut));
    let service =
        handler.service.map(|ty| quote_spanned!(hygienic(ty.span())=> let service = call.service::<__Service>()?;));
    let (bindings, arguments) = bindings(handler);
    let target = target(handler);
    let receiver = handler.service.map(|_| quote_spanned!(site=> service,));
    let wait = handler.asynchronous.then(|| quote_spanned!(place=> .await));
    let reply = reply(handler);
    let unit = never_returns(handler).then(|| quote_spanned!(site=> : ()));
    let body = quote_spanned! {site=>
        let #mutable arguments = __wamp::bind(call)?;
        #service
        #bindings
        // What is not held while the handler runs makes its future no larger.
        ::core::mem::drop(arguments);
        let value #unit = #target(#receiver #arguments) #wait;
    };
    if handler.options.blocking.is_some() {
        quote_spanned!(place=> |call| __wamp::blocking(call, |call| { #body __wamp::wait(#reply) }))
    } else {
        quote_spanned!(place=> |call| ::std::boxed::Box::pin(async move { let call = &call; #body #reply.await }))
    }
}

fn never_returns(handler: &Handler<'_>) -> bool {
    matches!(handler.output, Some(Type::Never(_)))
}

/// The end of the run, from the first to the last token of the return type: there the compiler says that it cannot be returned.
fn reply(handler: &Handler<'_>) -> TokenStream {
    let output = handler.output.map_or_else(|| handler.name.to_token_stream(), ToTokens::to_token_stream);
    let first = output.clone().into_iter().next().map_or(Span::mixed_site(), |token| token.span());
    let last = output.into_iter().last().map_or(first, |token| token.span());
    let mut arguments = Group::new(Delimiter::Parenthesis, quote_spanned!(hygienic(first)=> call, value));
    arguments.set_span(hygienic(last));
    let end = match handler.kind {
        Kind::Procedure => quote_spanned!(hygienic(first)=> __wamp::reply!),
        Kind::Subscribe => quote_spanned!(hygienic(first)=> __wamp::subscribed!),
        Kind::Unsubscribe | Kind::Event | Kind::Join | Kind::Leave => quote_spanned!(hygienic(first)=> __wamp::ended!),
    };
    quote!(#end #arguments)
}

/// A statement for each parameter that takes its value, and the list of the values.
fn bindings(handler: &Handler<'_>) -> (TokenStream, TokenStream) {
    let mut bindings = TokenStream::new();
    let mut arguments = TokenStream::new();
    let mut index = Index::default();
    for (position, HandlerParameter { written: parameter, .. }) in handler.parameters.iter().enumerate() {
        let span = hygienic(parameter.ty.span());
        let ty = usable_type(handler, &parameter.ty);
        let value = Ident::new(&format!("__{position}"), span);
        let conditions = &parameter.conditions;
        let slot = index.next(conditions);
        let taken = match &parameter.options.default {
            None => quote_spanned!(span=> arguments.take::<#ty>(#slot)?),
            Some(DefaultValue::OfType(option)) => {
                let default = quote_spanned!(hygienic(*option)=> || ::core::default::Default::default());
                quote_spanned!(span=> arguments.take_or::<#ty>(#slot, #default)?)
            }
            Some(DefaultValue::Expression(expression)) => {
                let expression = in_service(handler, expression.to_token_stream());
                quote_spanned!(span=> arguments.take_or::<#ty>(#slot, || #expression)?)
            }
        };
        bindings.extend(quote_spanned!(span=> #(#conditions)* let #value = #taken;));
        arguments.extend(quote_spanned!(span=> #(#conditions)* #value,));
    }
    (bindings, arguments)
}

/// The positions of parameters, of which some are compiled under conditions.
#[derive(Default)]
struct Index {
    unconditional: usize,
    conditional: TokenStream,
}

impl Index {
    fn next(&mut self, conditions: &[Attribute]) -> TokenStream {
        let Self { unconditional, conditional } = self;
        let index = quote!(#unconditional #conditional);
        if conditions.is_empty() {
            self.unconditional += 1;
        } else {
            let conditions = conditions.iter().filter_map(|condition| condition.meta.require_list().ok());
            let conditions = conditions.map(|condition| &condition.tokens);
            self.conditional.extend(quote!(+ ::core::cfg!(all(#(#conditions),*)) as usize));
        }
        index
    }
}

/// The entry of the runtime's table.
fn route(handler: &Handler<'_>) -> TokenStream {
    let site = Span::mixed_site();
    let options = &handler.options;
    let kind = match handler.kind {
        Kind::Procedure => quote_spanned!(site=> __wamp::RouteKind::Procedure),
        Kind::Subscribe => quote_spanned!(site=> __wamp::RouteKind::Subscribe),
        Kind::Unsubscribe => quote_spanned!(site=> __wamp::RouteKind::Unsubscribe),
        Kind::Event => quote_spanned!(site=> __wamp::RouteKind::Event),
        Kind::Join => quote_spanned!(site=> __wamp::RouteKind::Join),
        Kind::Leave => quote_spanned!(site=> __wamp::RouteKind::Leave),
    };
    let policy = match handler.policy {
        MatchPolicy::Exact => quote_spanned!(site=> __wamp::Match::Exact),
        MatchPolicy::Prefix => quote_spanned!(site=> __wamp::Match::Prefix),
        MatchPolicy::Wildcard => quote_spanned!(site=> __wamp::Match::Wildcard),
        MatchPolicy::Regex => quote_spanned!(site=> __wamp::Match::Regex),
    };
    let uri = option(handler.uri.as_ref().map(ToTokens::to_token_stream));
    let realm = option(options.realm.as_ref().map(|realm| LitStr::value(realm).to_token_stream()));
    let roles = options.roles.iter().flatten();
    let function = display_name(handler);
    let line = line(handler.name.span());
    let documentation = &handler.documentation;
    let output = handler.output.map_or_else(|| "()".to_owned(), item::source_text);
    let errors = described_errors(handler);
    let lenient = options.lenient.unwrap_or_default();
    let blocking = options.blocking.is_some();
    let detached = options.detached.unwrap_or_default();
    let manual = options.manual.unwrap_or_default();
    let before_authentication = options.before_authentication.unwrap_or_default();
    let timeout = option(options.timeout.map(|timeout| {
        // The attribute's text is bounded to what fits.
        let milliseconds = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        quote_spanned!(site=> ::core::time::Duration::from_millis(#milliseconds))
    }));
    let concurrency = option(options.concurrency.map(ToTokens::into_token_stream));
    let hosting = hosting(options);
    let target = target(handler);
    let parameters = parameters(handler);
    let handle = handle(handler);
    let service = option(handler.service.map(|_| quote_spanned!(site=> __wamp::service_type::<__Service>())));
    quote_spanned! {site=>
        __wamp::Route {
            kind: #kind,
            uri: #uri,
            match_policy: #policy,
            realm: #realm,
            roles: &[#(#roles),*],
            function: #function,
            module: ::core::module_path!(),
            file: ::core::file!(),
            line: #line,
            documentation: #documentation,
            output: #output,
            errors: #errors,
            lenient: #lenient,
            blocking: #blocking,
            detached: #detached,
            manual: #manual,
            timeout: #timeout,
            concurrency: #concurrency,
            before_authentication: #before_authentication,
            hosting: #hosting,
            set_prefix: ::core::option::Option::None,
            identity: || __wamp::function_id(&#target),
            service: #service,
            parameters: #parameters,
            handler: #handle,
        }
    }
}

/// What a router is asked for that hosts the function.
fn hosting(options: &Options) -> TokenStream {
    let site = Span::mixed_site();
    let flag = |flag: Option<bool>| option(flag.map(ToTokens::into_token_stream));
    let invoke = option(options.invoke.map(|policy| {
        let policy = Ident::new(policy, site);
        quote_spanned!(site=> __wamp::InvokePolicy::#policy)
    }));
    let disclose_caller = flag(options.disclose_caller);
    let force_reregister = flag(options.force_reregister);
    let get_retained = flag(options.get_retained);
    quote_spanned! {site=>
        __wamp::Hosting {
            invoke: #invoke,
            disclose_caller: #disclose_caller,
            force_reregister: #force_reregister,
            get_retained: #get_retained,
        }
    }
}

/// A closure that tells the errors that the function may return: those of the error type of its `Result`, under any alias.
fn described_errors(handler: &Handler<'_>) -> TokenStream {
    let site = Span::mixed_site();
    let may_fail = handler.kind == Kind::Procedure && !never_returns(handler);
    let output = handler.output.filter(|_| may_fail).and_then(item::without_impl_trait);
    match output {
        Some(output) => {
            let output = usable_type(handler, &output);
            quote_spanned! {site=>
                || {
                    use __wamp::error_kinds::*;
                    (&__wamp::tag_of::<#output>()).errors()
                }
            }
        }
        None => quote_spanned!(site=> || &[]),
    }
}

pub(super) fn option(value: Option<TokenStream>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}

/// The path of the user's function.
fn target(handler: &Handler<'_>) -> TokenStream {
    let name = handler.name;
    match handler.service {
        Some(_) => quote_spanned!(hygienic(name.span())=> <__Service>::#name),
        None => name.to_token_stream(),
    }
}

/// The function for people, with its type if it is a method.
fn display_name(handler: &Handler<'_>) -> String {
    let name = handler.name.unraw();
    let mut service = handler.service;
    while let Some(Type::Group(group)) = service {
        service = Some(&group.elem);
    }
    match service {
        Some(Type::Path(path)) => {
            path.path.segments.last().map_or_else(|| name.to_string(), |last| format!("{}::{name}", last.ident))
        }
        _ => name.to_string(),
    }
}

/// The line of a token. Outside of the compiler there is none.
pub(super) fn line(span: Span) -> TokenStream {
    if proc_macro::is_available() {
        let line = u32::try_from(span.unwrap().line()).unwrap_or_default();
        line.to_token_stream()
    } else {
        quote!(::core::line!())
    }
}

/// A type of the signature where the function's own lifetimes and `Self` are not known.
fn usable_type(handler: &Handler<'_>, ty: &Type) -> TokenStream {
    let own = |lifetime: &Ident| handler.lifetimes.contains(lifetime);
    let ty = item::rewrite(ty.to_token_stream(), &|token, previous| {
        if let (TokenTree::Ident(name), Some(TokenTree::Punct(quote))) = (&*token, previous)
            && quote.as_char() == '\''
            && own(name)
        {
            *token = Ident::new("_", name.span()).into();
        }
    });
    in_service(handler, ty)
}

/// Tokens where `Self` is not known.
fn in_service(handler: &Handler<'_>, tokens: TokenStream) -> TokenStream {
    if handler.service.is_none() {
        return tokens;
    }
    item::rewrite(tokens, &|token, _| {
        if matches!(token, TokenTree::Ident(word) if word == "Self") {
            *token = Ident::new("__Service", hygienic(token.span())).into();
        }
    })
}
