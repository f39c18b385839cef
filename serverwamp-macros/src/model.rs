//! What the attributes and items say, in terms of this crate.

use std::time::Duration;

use proc_macro2::{Ident, Span, TokenStream};
use syn::{Attribute, Expr, LitStr, Path, Type};

use crate::{item::Function, names::RenameRule};

/// What calls an annotated function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Procedure,
    Subscribe,
    Unsubscribe,
    Event,
    Join,
    Leave,
}

impl Kind {
    /// Every kind by the name of its attribute.
    pub(crate) const ALL: [(&str, Self); 6] = [
        ("rpc", Self::Procedure),
        ("subscribe", Self::Subscribe),
        ("unsubscribe", Self::Unsubscribe),
        ("event", Self::Event),
        ("on_join", Self::Join),
        ("on_leave", Self::Leave),
    ];

    /// The kind of an attribute that is written `wamp::rpc` or `rpc`, with any path before `wamp`.
    pub(crate) fn of(attribute: &Attribute) -> Option<Self> {
        let mut segments = attribute.path().segments.iter().rev();
        let name = segments.next()?;
        if segments.next().is_some_and(|module| module.ident != "wamp") {
            return None;
        }
        Self::ALL.into_iter().find(|(known, _)| name.ident == known).map(|(_, kind)| kind)
    }

    /// The attribute, as messages name it.
    pub(crate) fn attribute(self) -> &'static str {
        match self {
            Self::Procedure => "#[wamp::rpc]",
            Self::Subscribe => "#[wamp::subscribe]",
            Self::Unsubscribe => "#[wamp::unsubscribe]",
            Self::Event => "#[wamp::event]",
            Self::Join => "#[wamp::on_join]",
            Self::Leave => "#[wamp::on_leave]",
        }
    }

    /// What its functions have for a URI.
    pub(crate) fn uri_rule(self) -> UriRule {
        match self {
            Self::Procedure => UriRule::NamedAfterFunction,
            Self::Subscribe | Self::Unsubscribe => UriRule::AnyTopic,
            Self::Event => UriRule::Required,
            Self::Join | Self::Leave => UriRule::None,
        }
    }

    /// Whether plain functions may carry it.
    pub(crate) fn allows_plain_functions(self) -> bool {
        self == Self::Procedure
    }

    /// Whether its functions are given arguments by a client.
    pub(crate) fn has_arguments(self) -> bool {
        matches!(self, Self::Procedure | Self::Event)
    }
}

/// What an attribute without a URI comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UriRule {
    /// The function's own name is the URI.
    NamedAfterFunction,
    /// The function is for any topic.
    AnyTopic,
    /// There has to be one.
    Required,
    /// There never is one.
    None,
}

/// How a URI is compared with the URI of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum MatchPolicy {
    #[default]
    Exact,
    Prefix,
    Wildcard,
    Regex,
}

impl MatchPolicy {
    /// Every policy by the name it has in an attribute.
    pub(crate) const ALL: [(&str, Self); 4] =
        [("exact", Self::Exact), ("prefix", Self::Prefix), ("wildcard", Self::Wildcard), ("regex", Self::Regex)];
}

/// The options of an attribute on a function or an impl block. What is absent was not written.
#[derive(Clone, Default)]
pub(crate) struct Options {
    pub(crate) uri: Option<LitStr>,
    pub(crate) prefix: Option<LitStr>,
    pub(crate) match_policy: Option<MatchPolicy>,
    pub(crate) realm: Option<LitStr>,
    pub(crate) roles: Option<Vec<String>>,
    pub(crate) rename_all: Option<RenameRule>,
    pub(crate) lenient: Option<bool>,
    /// The option's own token, since it does not fit every function.
    pub(crate) blocking: Option<Span>,
    pub(crate) detached: Option<bool>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) concurrency: Option<u32>,
    pub(crate) before_authentication: Option<bool>,
    /// The variant of the runtime's type.
    pub(crate) invoke: Option<&'static str>,
    pub(crate) disclose_caller: Option<bool>,
    pub(crate) force_reregister: Option<bool>,
    pub(crate) get_retained: Option<bool>,
    /// Of the methods of a client.
    pub(crate) disclose_me: Option<bool>,
    pub(crate) manual: Option<bool>,
    /// The path of the crate `serverwamp`.
    pub(crate) runtime: Option<Path>,
}

/// The options of `#[wamp(…)]` on a parameter.
#[derive(Clone, Default)]
pub(crate) struct ParameterOptions {
    pub(crate) default: Option<DefaultValue>,
    pub(crate) rename: Option<LitStr>,
    pub(crate) keyword: bool,
    /// The option's own token.
    pub(crate) progress: Option<Span>,
}

/// The value of a parameter that the caller left out.
#[derive(Clone)]
pub(crate) enum DefaultValue {
    /// `Default::default()`, at the token of the option.
    OfType(Span),
    Expression(Box<Expr>),
}

/// A parameter as it was written.
pub(crate) struct Parameter {
    pub(crate) name: Ident,
    pub(crate) ty: Type,
    pub(crate) options: ParameterOptions,
    /// Its `#[cfg]`s.
    pub(crate) conditions: Vec<Attribute>,
}

/// One function registered under one URI.
pub(crate) struct Handler<'a> {
    pub(crate) kind: Kind,
    pub(crate) uri: Option<String>,
    pub(crate) policy: MatchPolicy,
    pub(crate) name: &'a Ident,
    pub(crate) service: Option<&'a Type>,
    pub(crate) asynchronous: bool,
    pub(crate) options: Options,
    pub(crate) parameters: Vec<HandlerParameter<'a>>,
    /// The lifetimes that the function declares.
    pub(crate) lifetimes: Vec<Ident>,
    pub(crate) output: Option<&'a Type>,
    /// A string expression.
    pub(crate) documentation: TokenStream,
    /// What the registration inherits from the function and its impl block.
    pub(crate) attributes: Vec<Attribute>,
}

/// A parameter of a function under one URI.
pub(crate) struct HandlerParameter<'a> {
    /// What callers know it by.
    pub(crate) keyword: String,
    /// The index of the URI's component that it takes.
    pub(crate) component: Option<usize>,
    pub(crate) written: &'a Parameter,
}

/// The client of a trait.
pub(crate) struct Stub<'a> {
    pub(crate) client: Ident,
    pub(crate) runtime: Option<Path>,
    /// What its code inherits from the trait.
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) methods: Vec<StubMethod<'a>>,
}

/// A method of a client, which calls a procedure.
pub(crate) struct StubMethod<'a> {
    pub(crate) function: &'a Function,
    /// Without the names of components that parameters take; these are empty.
    pub(crate) uri: String,
    pub(crate) parameters: Vec<StubParameter<'a>>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) disclose_me: Option<bool>,
    pub(crate) output: Option<&'a Type>,
}

/// A parameter of a method of a client.
pub(crate) struct StubParameter<'a> {
    /// What the callee knows it by.
    pub(crate) keyword: String,
    pub(crate) place: Place,
    /// Whether it is an `Option`, which is left out where it is `None`.
    pub(crate) optional: bool,
    pub(crate) written: &'a Parameter,
}

/// Where the value of a parameter goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Into the URI, as the component of this index.
    Component(usize),
    Positional,
    Keyword,
    /// Nowhere: it is a function for progressive results.
    Progress,
}

/// A type that derives `WampError`.
pub(crate) struct ErrorType {
    pub(crate) name: Ident,
    pub(crate) runtime: Option<Path>,
    pub(crate) cases: Vec<ErrorCase>,
}

/// A struct, or a variant of an enum.
pub(crate) struct ErrorCase {
    /// The variant, or nothing for a struct.
    pub(crate) variant: Option<Ident>,
    pub(crate) meaning: Meaning,
    /// A string expression.
    pub(crate) documentation: TokenStream,
    pub(crate) fields: Vec<ErrorField>,
}

/// What becomes of an error on its way to the caller.
pub(crate) enum Meaning {
    /// It keeps its fields and is known by this URI, which comes from this token.
    Uri { uri: String, span: Span },
    /// It is logged, and the caller learns nothing but that there was one; at the token of the option.
    Internal(Span),
}

/// A field of an error.
pub(crate) struct ErrorField {
    pub(crate) member: syn::Member,
    /// The keyword, or nothing for a positional argument.
    pub(crate) keyword: Option<String>,
    pub(crate) ty: Type,
}
