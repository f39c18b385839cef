//! The options of each attribute.

use proc_macro2::TokenStream;
use syn::{Attribute, Lit, LitStr};

use crate::{
    attr::{Known, Reader},
    errors::Errors,
    item,
    model::{DefaultValue, Kind, MatchPolicy, Options, ParameterOptions},
    names::{self, RenameRule},
    template,
};

const MATCH: Known = ("match", "match = \"prefix\"");
const REALM: Known = ("realm", "realm = \"customers\"");
const ROLE: Known = ("role", "role = \"admin | staff\"");
const RENAME_ALL: Known = ("rename_all", "rename_all = \"camelCase\"");
const LENIENT: Known = ("lenient", "lenient");
const BLOCKING: Known = ("blocking", "blocking");
const DETACHED: Known = ("detached", "detached");
const TIMEOUT: Known = ("timeout", "timeout = \"5s\"");
const CONCURRENCY: Known = ("concurrency", "concurrency = 10");
const BEFORE_AUTHENTICATION: Known = ("before_authentication", "before_authentication");
const INVOKE: Known = ("invoke", "invoke = \"roundrobin\"");
const DISCLOSE_CALLER: Known = ("disclose_caller", "disclose_caller");
const FORCE_REREGISTER: Known = ("force_reregister", "force_reregister");
const GET_RETAINED: Known = ("get_retained", "get_retained");
const MANUAL: Known = ("manual", "manual");
pub(crate) const PREFIX: Known = ("prefix", "prefix = \"docs\"");
pub(crate) const CRATE: Known = ("crate", "crate = \"path::to::serverwamp\"");
pub(crate) const RENAME: Known = ("rename", "rename = \"name\"");

const PROCEDURE: &[Known] = &[
    MATCH,
    REALM,
    ROLE,
    RENAME_ALL,
    LENIENT,
    BLOCKING,
    DETACHED,
    TIMEOUT,
    CONCURRENCY,
    INVOKE,
    DISCLOSE_CALLER,
    FORCE_REREGISTER,
    MANUAL,
    CRATE,
];
const EVENT: &[Known] =
    &[MATCH, REALM, ROLE, RENAME_ALL, LENIENT, DETACHED, TIMEOUT, CONCURRENCY, GET_RETAINED, MANUAL, CRATE];
const SUBSCRIBE: &[Known] = &[MATCH, REALM, ROLE, TIMEOUT, MANUAL, CRATE];
const UNSUBSCRIBE: &[Known] = &[MATCH, REALM, TIMEOUT, MANUAL, CRATE];
const SESSION: &[Known] = &[BEFORE_AUTHENTICATION, REALM, TIMEOUT, MANUAL, CRATE];
const SERVICE: &[Known] = &[
    PREFIX,
    REALM,
    ROLE,
    RENAME_ALL,
    LENIENT,
    DETACHED,
    TIMEOUT,
    CONCURRENCY,
    INVOKE,
    DISCLOSE_CALLER,
    FORCE_REREGISTER,
    GET_RETAINED,
    MANUAL,
    CRATE,
];
const DISCLOSE_ME: Known = ("disclose_me", "disclose_me");
const CLIENT: &[Known] = &[PREFIX, RENAME_ALL, TIMEOUT, DISCLOSE_ME, CRATE];
const STUB: &[Known] = &[RENAME_ALL, TIMEOUT, DISCLOSE_ME];
const STUB_PARAMETER: &[Known] = &[RENAME, ("keyword", "keyword"), ("progress", "progress")];
const PARAMETER: &[Known] = &[("default", "default = expression"), RENAME, ("keyword", "keyword")];

/// The invocation policies, each with the variant of the runtime's type.
const INVOKE_POLICIES: [(&str, &str); 5] =
    [("single", "Single"), ("roundrobin", "RoundRobin"), ("random", "Random"), ("first", "First"), ("last", "Last")];

/// Whether something is called, or calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Callee,
    Caller,
}

impl Kind {
    /// The options of its attribute.
    fn options(self) -> &'static [Known] {
        match self {
            Self::Procedure => PROCEDURE,
            Self::Event => EVENT,
            Self::Subscribe => SUBSCRIBE,
            Self::Unsubscribe => UNSUBSCRIBE,
            Self::Join | Self::Leave => SESSION,
        }
    }
}

impl Options {
    /// Reads the options of an attribute on a function.
    pub(crate) fn of_function(kind: Kind, tokens: TokenStream, errors: &mut Errors) -> Self {
        Self::read(&mut Reader::new(kind.attribute(), kind.options(), errors), tokens)
    }

    /// Reads the options of an attribute on an impl block.
    pub(crate) fn of_service(tokens: TokenStream, errors: &mut Errors) -> Self {
        Self::without_uri("#[wamp::service]", SERVICE, tokens, errors)
    }

    /// Reads the options of an attribute on the trait of a client.
    pub(crate) fn of_client(tokens: TokenStream, errors: &mut Errors) -> Self {
        Self::without_uri("#[wamp::client]", CLIENT, tokens, errors)
    }

    /// Reads the options of an attribute on a method of a client.
    pub(crate) fn of_stub(kind: Kind, tokens: TokenStream, errors: &mut Errors) -> Self {
        match kind {
            Kind::Procedure => Self::read(&mut Reader::new("#[wamp::rpc] in a client", STUB, errors), tokens),
            // It is reported where it stands.
            _ => Self::default(),
        }
    }

    fn without_uri(attribute: &'static str, known: &'static [Known], tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut options = Self::read(&mut Reader::new(attribute, known, errors), tokens);
        if let Some(literal) = options.uri.take() {
            errors.on(
                &literal,
                format!("expected `prefix = {}`, found a string without a name", item::source_text(&literal)),
            );
        }
        options
    }

    fn read(reader: &mut Reader<'_>, tokens: TokenStream) -> Self {
        let mut options = Self::default();
        let (uri, arguments) = reader.arguments(tokens);
        match uri {
            Some(Lit::Str(uri)) => options.uri = Some(uri),
            Some(other) => {
                reader
                    .errors()
                    .on(&other, format!("expected the URI as a string, found `{}`", item::source_text(&other)));
            }
            None => {}
        }
        for argument in arguments {
            match argument.name.to_string().as_str() {
                "match" => options.match_policy = reader.choice(&argument, &MatchPolicy::ALL),
                "realm" => options.realm = checked_uri(reader.string(&argument), reader.errors()),
                "role" => options.roles = roles(reader.string(&argument), reader.errors()),
                "rename_all" => options.rename_all = reader.choice(&argument, &RenameRule::ALL),
                "lenient" => options.lenient = reader.flag(&argument),
                "blocking" => options.blocking = reader.flag(&argument).filter(|set| *set).map(|_| argument.span()),
                "detached" => options.detached = reader.flag(&argument),
                "timeout" => options.timeout = reader.duration(&argument),
                "concurrency" => options.concurrency = reader.count(&argument),
                "before_authentication" => options.before_authentication = reader.flag(&argument),
                "invoke" => options.invoke = reader.choice(&argument, &INVOKE_POLICIES),
                "disclose_caller" => options.disclose_caller = reader.flag(&argument),
                "force_reregister" => options.force_reregister = reader.flag(&argument),
                "get_retained" => options.get_retained = reader.flag(&argument),
                "disclose_me" => options.disclose_me = reader.flag(&argument),
                "manual" => options.manual = reader.flag(&argument),
                "prefix" => options.prefix = checked_prefix(reader.string(&argument), reader.errors()),
                "crate" => options.runtime = reader.path(&argument),
                _ => {}
            }
        }
        options
    }

    /// These options of a method of a client, and the client's where these say nothing.
    pub(crate) fn of_stub_or(self, client: &Self) -> Self {
        Self {
            prefix: client.prefix.clone(),
            rename_all: self.rename_all.or(client.rename_all),
            timeout: self.timeout.or(client.timeout),
            disclose_me: self.disclose_me.or(client.disclose_me),
            ..self
        }
    }

    /// These options, and the service's where these say nothing and functions of the kind have them.
    pub(crate) fn or(self, service: &Self, kind: Kind) -> Self {
        let has = |option: Known| kind.options().contains(&option);
        Self {
            uri: self.uri,
            prefix: service.prefix.clone(),
            match_policy: self.match_policy,
            realm: self.realm.or_else(|| service.realm.clone()),
            roles: self.roles.or_else(|| service.roles.clone().filter(|_| has(ROLE))),
            rename_all: self.rename_all.or(service.rename_all.filter(|_| has(RENAME_ALL))),
            lenient: self.lenient.or(service.lenient.filter(|_| has(LENIENT))),
            blocking: self.blocking,
            detached: self.detached.or(service.detached.filter(|_| has(DETACHED))),
            timeout: self.timeout.or(service.timeout.filter(|_| has(TIMEOUT))),
            concurrency: self.concurrency.or(service.concurrency.filter(|_| has(CONCURRENCY))),
            before_authentication: self.before_authentication,
            invoke: self.invoke.or(service.invoke.filter(|_| has(INVOKE))),
            disclose_caller: self.disclose_caller.or(service.disclose_caller.filter(|_| has(DISCLOSE_CALLER))),
            force_reregister: self.force_reregister.or(service.force_reregister.filter(|_| has(FORCE_REREGISTER))),
            get_retained: self.get_retained.or(service.get_retained.filter(|_| has(GET_RETAINED))),
            disclose_me: None,
            manual: self.manual.or(service.manual),
            runtime: self.runtime.or_else(|| service.runtime.clone()),
        }
    }
}

/// Checks the prefix of a service.
fn checked_prefix(literal: Option<LitStr>, errors: &mut Errors) -> Option<LitStr> {
    if let Some(literal) = &literal
        && let Some(problem) = template::prefix_problem(&literal.value())
    {
        errors.on(literal, problem);
    }
    literal
}

/// Checks a realm.
fn checked_uri(literal: Option<LitStr>, errors: &mut Errors) -> Option<LitStr> {
    if let Some(literal) = &literal
        && let Some(problem) = names::uri_problem(&literal.value(), MatchPolicy::Exact)
    {
        errors.on(literal, problem);
    }
    literal
}

/// The roles of a list.
fn roles(literal: Option<LitStr>, errors: &mut Errors) -> Option<Vec<String>> {
    let literal = literal?;
    let text = literal.value();
    let mut roles: Vec<String> = Vec::new();
    for role in text.split('|').map(str::trim) {
        let problem = match role {
            "" => format!("expected a role, or several as in \"admin | staff\", found {text:?}"),
            "*" => "a function without `role` is for every role; `*` is none".to_owned(),
            role if roles.iter().any(|other| other == role) => format!("the role `{role}` is given twice"),
            role => {
                roles.push(role.to_owned());
                continue;
            }
        };
        errors.on(&literal, problem);
        return None;
    }
    Some(roles)
}

impl ParameterOptions {
    /// Whether there are any.
    pub(crate) fn are_given(&self) -> bool {
        self.default.is_some() || self.rename.is_some() || self.keyword
    }

    /// Takes `#[wamp(…)]` off a parameter.
    pub(crate) fn take(attributes: &mut Vec<Attribute>, side: Side, errors: &mut Errors) -> Self {
        let mut options = Self::default();
        let (place, known) = match side {
            Side::Callee => ("#[wamp(…)] on a parameter", PARAMETER),
            Side::Caller => ("#[wamp(…)] on a parameter of a client", STUB_PARAMETER),
        };
        let mut reader = Reader::new(place, known, errors);
        for attribute in take_wamp(attributes) {
            for argument in reader.named(&attribute) {
                match argument.name.to_string().as_str() {
                    "default" => {
                        let span = argument.span();
                        options.default = Some(
                            argument
                                .value
                                .map_or(DefaultValue::OfType(span), |value| DefaultValue::Expression(Box::new(value))),
                        );
                    }
                    "rename" => options.rename = reader.string(&argument),
                    "progress" => {
                        options.progress = reader.flag(&argument).filter(|set| *set).map(|_| argument.span());
                    }
                    "keyword" => options.keyword = reader.flag(&argument).unwrap_or_default(),
                    _ => {}
                }
            }
        }
        options
    }
}

/// Takes every `#[wamp(…)]` out of the attributes.
pub(crate) fn take_wamp(attributes: &mut Vec<Attribute>) -> Vec<Attribute> {
    attributes.extract_if(.., |attribute| attribute.path().is_ident("wamp")).collect()
}
