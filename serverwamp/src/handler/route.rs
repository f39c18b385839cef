//! What the macros say about an annotated function.

use std::any::TypeId;
use std::time::Duration;

use super::call::{Call, HandlerFuture};
use super::extract::ParameterDescription;

/// An annotated function, as its macro describes it. Collected at link time.
#[doc(hidden)]
#[derive(Debug)]
pub struct Route {
    pub kind: RouteKind,
    pub uri: &'static str,
    pub match_policy: Match,
    pub realm: Option<&'static str>,
    pub function: &'static str,
    pub module: &'static str,
    pub file: &'static str,
    pub line: u32,
    pub documentation: &'static str,
    pub lenient: bool,
    pub blocking: bool,
    pub detached: bool,
    pub manual: bool,
    pub timeout: Option<Duration>,
    pub concurrency: Option<u32>,
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
}

/// How a route's URI is compared with the one that was called.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Match {
    Exact,
    Prefix,
    Wildcard,
    Regex,
}

/// The type whose instance a method needs.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct ServiceType {
    pub id: fn() -> TypeId,
    pub name: fn() -> &'static str,
}

impl Route {
    /// Where the function stands, as `file:line`.
    pub(crate) fn location(&self) -> String {
        format!("{}:{}", self.file, self.line)
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
