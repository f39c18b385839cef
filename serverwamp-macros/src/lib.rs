//! The attribute macros of serverwamp.
//!
//! Use them through the crate `serverwamp`, which documents what annotated functions can do: `#[wamp::rpc]` and the
//! other attributes from its module `wamp`, and `#[derive(WampError)]` from its root.

mod attr;
mod check;
mod derive;
mod errors;
mod expand;
mod item;
mod model;
mod names;
mod options;
mod template;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

use quote::quote;

use crate::{errors::Errors, model::Kind};

/// What a macro expands to, beside the mistakes it found.
fn report(expand: impl FnOnce(&mut Errors) -> proc_macro2::TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let expanded = expand(&mut errors);
    let errors = errors.compile_errors();
    quote!(#expanded #errors).into()
}

/// Makes a function callable as a procedure.
///
/// ```ignore
/// #[wamp::rpc("math.add")]
/// async fn add(a: i64, #[wamp(default = 1)] b: i64) -> i64 { a + b }
/// ```
///
/// The URI comes first; without one it is the function's name. Options follow: `match = "exact" | "prefix" | "wildcard"
/// | "regex"`, `realm = "…"`, `role = "admin | staff"` (other roles get `wamp.error.not_authorized`),
/// `rename_all = "camelCase"`, `lenient`, `blocking`, `detached`, `timeout = "5s"`, `concurrency = 10`, `manual`,
/// `crate = "path"`. Parameters take `#[wamp(default = expression)]`, `#[wamp(default)]`, `#[wamp(rename = "…")]` and
/// `#[wamp(keyword)]`.
///
/// Some options are for a function on somebody else's router (`serverwamp::connect`), which is asked for them when the
/// function is registered; they mean nothing where this process serves it. `invoke = "single" | "roundrobin" | "random" |
/// "first" | "last"`: which of several callees is called. With any but `single`, `concurrency` is told the router, which
/// may call another callee then; else calls wait here. `disclose_caller` asks to be told who calls (`role` implies it).
/// `force_reregister` takes the procedure from whoever has it.
#[proc_macro_attribute]
pub fn rpc(arguments: TokenStream, item: TokenStream) -> TokenStream {
    report(|errors| expand::function::expand(Kind::Procedure, arguments.into(), item.into(), errors))
}

/// Runs an `async fn` when a session subscribes to a topic, or to a pattern of topics.
///
/// The topic comes first; without one the function is for any topic. Options follow: `match = "exact" | "prefix" |
/// "wildcard" | "regex"`, where a prefix is one of the topic's text, `realm = "…"`, `role = "admin | staff"` (other roles
/// may not subscribe), `timeout = "5s"` (for deciding, not for a stream; past it the subscription is refused with
/// `wamp.error.timeout`), `manual`, `crate = "path"`.
///
/// Every parameter is injected: the `Topic`, the `Subscription`, the `Request`, the `Session`, `Inject<T>` and others.
/// The function returns nothing, a `Stream` of events that are sent to the subscriber until the subscription ends, or a
/// `Result` of one of these, whose error refuses the subscription. An item of a stream may itself be a `Result`, whose
/// error revokes the subscription.
#[proc_macro_attribute]
pub fn subscribe(arguments: TokenStream, item: TokenStream) -> TokenStream {
    report(|errors| expand::function::expand(Kind::Subscribe, arguments.into(), item.into(), errors))
}

/// Runs an `async fn` when a subscription ends, for whatever reason.
///
/// Topic and options are those of `#[wamp::subscribe]`, but for `role`. Every parameter is injected. The function returns
/// nothing, or `Result<(), E>`, whose error is logged.
#[proc_macro_attribute]
pub fn unsubscribe(arguments: TokenStream, item: TokenStream) -> TokenStream {
    report(|errors| expand::function::expand(Kind::Unsubscribe, arguments.into(), item.into(), errors))
}

/// Runs an `async fn` for each event that a client publishes on a topic, and lets clients publish and subscribe there.
///
/// Subscribers get the event whatever the function makes of it. It goes on without its publisher, and does not run for
/// what the program itself publishes.
///
/// The topic comes first. Options follow: `match = "exact" | "prefix" | "wildcard" | "regex"`, where a prefix is one of
/// the topic's text, `realm = "…"`, `role = "admin | staff"` (other roles may not publish; they may subscribe), `rename_all = "camelCase"`,
/// `lenient`, `detached`, `timeout = "5s"`, `concurrency = 10`, `manual`, `crate = "path"`. Parameters are those of
/// `#[wamp::rpc]`, and the `EventDetails`. On somebody else's router, `get_retained` asks for the event that it has kept, in
/// each session anew; it means nothing where this process serves the function. The function returns nothing, or `Result<(), E>`, whose error is logged.
#[proc_macro_attribute]
pub fn event(arguments: TokenStream, item: TokenStream) -> TokenStream {
    report(|errors| expand::function::expand(Kind::Event, arguments.into(), item.into(), errors))
}

/// Runs an `async fn` when a session joins, before it is welcomed.
///
/// Functions run one after the other, those with `before_authentication` first. What one of them has begun and another
/// then refuses is best kept with `Session::set`: it is dropped however the session ends.
///
/// Options: `before_authentication`, `realm = "…"`, `timeout = "5s"` (past it the session is refused with
/// `wamp.error.timeout`; all of joining also has to end within `Limits::welcome_timeout`), `manual`, `crate = "path"`.
/// Every parameter is injected. The function returns nothing, or `Result<(), E>`, whose error refuses the session.
#[proc_macro_attribute]
pub fn on_join(arguments: TokenStream, item: TokenStream) -> TokenStream {
    report(|errors| expand::function::expand(Kind::Join, arguments.into(), item.into(), errors))
}

/// Runs an `async fn` when a session ends that was welcomed, once and for whatever reason.
///
/// Options are those of `#[wamp::on_join]`; with `before_authentication` it also runs for sessions that were refused or
/// gave up before they were welcomed. Every parameter is injected. The function returns nothing, or `Result<(), E>`, whose error is logged.
#[proc_macro_attribute]
pub fn on_leave(arguments: TokenStream, item: TokenStream) -> TokenStream {
    report(|errors| expand::function::expand(Kind::Leave, arguments.into(), item.into(), errors))
}

/// Lets the methods of an inherent impl block carry the other attributes; they run on one shared instance.
///
/// ```ignore
/// #[wamp::service(prefix = "docs")]
/// impl Docs {
///     #[wamp::rpc]
///     async fn get(&self, id: u64) -> Option<Document> { self.documents.get(id).await }
/// }
/// ```
///
/// `prefix`, a dot and the URI or name of a method make the method's URI; a function of any topic stays that. `realm`,
/// `role`, `rename_all`, `lenient`, `detached`, `timeout`, `concurrency`, `invoke`, `disclose_caller`, `force_reregister`,
/// `get_retained`, `manual` and `crate` hold for every method whose
/// attribute has the option and does not say otherwise.
#[proc_macro_attribute]
pub fn service(arguments: TokenStream, item: TokenStream) -> TokenStream {
    report(|errors| expand::service::expand(arguments.into(), item.into(), errors))
}

/// Makes a client of a trait, whose methods call what the functions of a service answer.
///
/// ```ignore
/// #[wamp::client(prefix = "docs")]
/// trait DocsApi {
///     async fn get(&self, id: u64) -> Result<Document, DocError>;
/// }
///
/// let docs = DocsApiClient::new(client);
/// let document = docs.get(7).await?;
/// ```
///
/// The trait stays an ordinary one, whose futures are `Send`; the client is a struct with its name and `Client` behind it.
/// A method calls `prefix`, a dot and its name; options hold for every method that does not say otherwise: `prefix`,
/// `rename_all`, `timeout = "5s"`, `disclose_me`, `crate`. A method may carry `#[wamp::rpc("uri")]`, with the same options
/// but `prefix` and `crate`; `{name}` in a URI is filled with that parameter. Methods with a body are left as they are.
///
/// Arguments are positional, in their order. Parameters take `#[wamp(keyword)]`, `#[wamp(rename = "…")]`, and, for an
/// `impl FnMut(P) + Send + 'static` that is given each progressive result, `#[wamp(progress)]`. An `Option` that is `None`
/// is left out, so that the callee takes its default: as a keyword, and behind the last positional argument that is given.
///
/// A method returns `Result<T, E>`, as calls can fail. `T` is what a result can be read as, or a `RunningCall<P, T>` for a
/// stream of progressive results; `E` is `CallError`, or a `WampError` that implements `From<CallError>` for what else may
/// go wrong.
#[proc_macro_attribute]
pub fn client(arguments: TokenStream, item: TokenStream) -> TokenStream {
    report(|errors| expand::client::expand(arguments.into(), item.into(), errors))
}

/// Maps an error type to error URIs and back.
///
/// ```ignore
/// #[derive(Debug, WampError)]
/// #[wamp(prefix = "app.error")]
/// enum Problem {
///     NotFound { id: u64 },
///     #[wamp(uri = "app.denied")]
///     Denied(String),
///     #[wamp(internal)]
///     Database(io::Error),
/// }
/// ```
///
/// Without `uri`, a variant's URI is the prefix, a dot and its name in snake case. One that begins with a dot, as with
/// `prefix = ".error"`, is under the prefix of the set of functions (`Routes::prefix`) that returns the error. Fields with names are keyword
/// arguments, which `#[wamp(rename = "…")]` can rename; other fields are positional ones. An `internal` variant is logged
/// and reaches the caller as `wamp.error.runtime_error` without its content.
#[proc_macro_derive(WampError, attributes(wamp))]
pub fn wamp_error(item: TokenStream) -> TokenStream {
    report(|errors| expand::error::expand(item.into(), errors))
}
