//! What the macros say about an annotated function.

use std::any::TypeId;
use std::time::Duration;

use super::call::{Call, HandlerFuture};
use super::description::ErrorDescription;
use super::extract::ParameterDescription;
use crate::wire::{InvokePolicy, MatchPolicy};

/// An annotated function, as its macro describes it. Collected at link time.
#[doc(hidden)]
#[derive(Debug)]
pub struct Route {
    pub kind: RouteKind,
    /// The procedure or the topic; none for functions of any topic, and of sessions.
    pub uri: Option<&'static str>,
    pub match_policy: Match,
    pub realm: Option<&'static str>,
    /// Who may call, subscribe or publish; empty for everybody.
    pub roles: &'static [&'static str],
    pub function: &'static str,
    pub module: &'static str,
    pub file: &'static str,
    pub line: u32,
    pub documentation: &'static str,
    /// The type of the result as it is written.
    pub output: &'static str,
    /// The errors that it may return, where its error type tells them.
    pub errors: fn() -> &'static [ErrorDescription],
    pub lenient: bool,
    pub blocking: bool,
    pub detached: bool,
    pub manual: bool,
    pub timeout: Option<Duration>,
    pub concurrency: Option<u32>,
    /// Whether a function of sessions runs before the client is authenticated.
    pub before_authentication: bool,
    pub hosting: Hosting,
    /// The prefix of the set that the function is listed in, which its URI begins with; macros know none.
    pub set_prefix: Option<&'static str>,
    pub identity: fn() -> TypeId,
    pub service: Option<ServiceType>,
    pub parameters: fn() -> Vec<ParameterDescription>,
    pub handler: fn(Call) -> HandlerFuture,
}

inventory::collect!(Route);

/// What an annotated function is for.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RouteKind {
    Procedure,
    Subscribe,
    Unsubscribe,
    Event,
    Join,
    Leave,
}

impl RouteKind {
    /// The kind's attribute.
    pub(crate) const fn attribute(self) -> &'static str {
        match self {
            RouteKind::Procedure => "rpc",
            RouteKind::Subscribe => "subscribe",
            RouteKind::Unsubscribe => "unsubscribe",
            RouteKind::Event => "event",
            RouteKind::Join => "on_join",
            RouteKind::Leave => "on_leave",
        }
    }

    /// What messages and the log call a function of this kind.
    const fn name(self) -> &'static str {
        match self {
            RouteKind::Procedure => "procedure",
            other => other.attribute(),
        }
    }

    /// Whether clients send arguments to functions of this kind.
    pub(crate) const fn has_arguments(self) -> bool {
        matches!(self, RouteKind::Procedure | RouteKind::Event)
    }
}

/// How a route's URI is compared with the one that was called, subscribed to or published to.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Match {
    Exact,
    Prefix,
    Wildcard,
    Regex,
}

/// What a router is asked for that hosts the function; of no meaning where this process serves it.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hosting {
    pub invoke: Option<InvokePolicy>,
    pub disclose_caller: Option<bool>,
    pub force_reregister: Option<bool>,
    pub get_retained: Option<bool>,
}

impl Hosting {
    /// Nothing out of the ordinary.
    pub(crate) const PLAIN: Hosting =
        Hosting { invoke: None, disclose_caller: None, force_reregister: None, get_retained: None };
}

/// The type whose instance a method needs.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct ServiceType {
    pub id: fn() -> TypeId,
    pub name: fn() -> &'static str,
}

impl Match {
    /// What it is called.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Match::Exact => "exact",
            Match::Prefix => "prefix",
            Match::Wildcard => "wildcard",
            Match::Regex => "regex",
        }
    }

    /// Whether it is a policy of the protocol.
    pub(crate) fn is(self, policy: MatchPolicy) -> bool {
        self.protocol() == Some(policy)
    }

    /// The policy of the protocol, which has no regular expressions.
    pub(crate) const fn protocol(self) -> Option<MatchPolicy> {
        match self {
            Match::Exact => Some(MatchPolicy::Exact),
            Match::Prefix => Some(MatchPolicy::Prefix),
            Match::Wildcard => Some(MatchPolicy::Wildcard),
            Match::Regex => None,
        }
    }
}

impl Route {
    /// Where the function stands, as `file:line`.
    pub(crate) fn location(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }

    /// Whether it is a procedure of this URI or pattern.
    pub(crate) fn is_procedure(&self, uri: &str) -> bool {
        self.kind == RouteKind::Procedure && self.match_policy != Match::Regex && self.uri == Some(uri)
    }

    /// The function in a sentence: its kind, and its URI, or its name where it has none.
    pub(crate) fn title(&self) -> String {
        format!("{} `{}`", self.kind.name(), self.uri.unwrap_or(self.function))
    }

    /// The parameters, where the set's prefix has moved components of the URI.
    pub(crate) fn described(&self) -> Vec<ParameterDescription> {
        let mut parameters = (self.parameters)();
        let moved = self.set_prefix.map_or(0, |prefix| prefix.split('.').count());
        for component in parameters.iter_mut().filter_map(|parameter| parameter.options.component.as_mut()) {
            *component = component.saturating_add(moved);
        }
        parameters
    }

    /// The URI with the names of the parameters that take components of it.
    pub(super) fn with_names(&self, uri: &str) -> String {
        let parameters = self.described();
        let named = |(index, component): (usize, &str)| {
            let takes = |parameter: &&ParameterDescription| parameter.options.component == Some(index);
            parameters.iter().find(takes).map_or_else(|| component.to_owned(), |it| format!("{{{}}}", it.name))
        };
        uri.split('.').enumerate().map(named).collect::<Vec<_>>().join(".")
    }

    /// The function as the log lists it.
    pub(crate) fn listing(&self) -> String {
        let any_topic = matches!(self.kind, RouteKind::Subscribe | RouteKind::Unsubscribe).then_some("(any topic)");
        let uri = self.uri.map(|uri| self.with_names(uri));
        let what = uri.as_deref().or(any_topic).unwrap_or(self.function);
        let roles = match self.roles {
            [] => String::new(),
            roles => format!(" (role {})", roles.join(" | ")),
        };
        format!("{} {what}{roles}  {}", self.kind.name(), self.location())
    }
}

/// Names the type of a service.
#[doc(hidden)]
pub const fn service_type<T: 'static>() -> ServiceType {
    ServiceType { id: TypeId::of::<T>, name: std::any::type_name::<T> }
}

/// What tells a function from every other, however it was imported.
#[doc(hidden)]
pub fn function_id<F: 'static>(_: &F) -> TypeId {
    TypeId::of::<F>()
}
