//! The type that derives `WampError`: parsing and checks.

use proc_macro2::{Ident, Span, TokenStream};
use syn::{Attribute, Data, DeriveInput, Fields, LitStr, Member, ext::IdentExt};

use crate::{
    attr::{Known, Reader},
    check,
    errors::Errors,
    item,
    model::{ErrorCase, ErrorField, ErrorType, MatchPolicy, Meaning},
    names,
    options::{CRATE, PREFIX, RENAME},
};

const URI: Known = ("uri", "uri = \"app.error.not_found\"");
const INTERNAL: Known = ("internal", "internal");
const ENUM: &[Known] = &[PREFIX, CRATE];
const STRUCT: &[Known] = &[PREFIX, URI, INTERNAL, CRATE];
const VARIANT: &[Known] = &[URI, INTERNAL];
const FIELD: &[Known] = &[RENAME];

/// The options of `#[wamp(…)]` on a type or variant.
#[derive(Default)]
struct ErrorOptions {
    prefix: Option<LitStr>,
    uri: Option<LitStr>,
    internal: Option<Span>,
    runtime: Option<syn::Path>,
}

impl ErrorOptions {
    fn read(attributes: &[Attribute], place: &'static str, known: &'static [Known], errors: &mut Errors) -> Self {
        let mut options = Self::default();
        let mut reader = Reader::new(place, known, errors);
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("wamp")) {
            for argument in reader.named(attribute) {
                match argument.name.to_string().as_str() {
                    "prefix" => options.prefix = checked_error_uri(reader.string(&argument), reader.errors()),
                    "uri" => options.uri = reader.string(&argument),
                    "internal" => options.internal = reader.flag(&argument).filter(|set| *set).map(|_| argument.span()),
                    "crate" => options.runtime = reader.path(&argument),
                    _ => {}
                }
            }
        }
        options
    }
}

/// Parses and checks the type. Nothing comes back for what is no such type at all.
pub(crate) fn error_type(item: TokenStream, errors: &mut Errors) -> Option<ErrorType> {
    let input = errors.keep(syn::parse2::<DeriveInput>(item))?;
    if !input.generics.params.is_empty() {
        errors.on(&input.generics.params, "an error cannot be generic: its URI stands for one type on both sides");
    }
    let (options, cases) = match &input.data {
        Data::Enum(data) => {
            let options = ErrorOptions::read(&input.attrs, "#[wamp(…)] on an enum of errors", ENUM, errors);
            let cases = data.variants.iter().filter_map(|variant| {
                let own = ErrorOptions::read(&variant.attrs, "#[wamp(…)] on a variant", VARIANT, errors);
                let meaning = meaning(&own, options.prefix.as_ref(), &variant.ident, errors);
                let fields = fields(&variant.fields, errors);
                let documentation = item::documentation(&variant.attrs);
                Some(ErrorCase { variant: Some(variant.ident.clone()), meaning: meaning?, documentation, fields })
            });
            let cases: Vec<_> = cases.collect();
            (options, cases)
        }
        Data::Struct(data) => {
            let options = ErrorOptions::read(&input.attrs, "#[wamp(…)] on an error", STRUCT, errors);
            let meaning = meaning(&options, options.prefix.as_ref(), &input.ident, errors);
            let fields = fields(&data.fields, errors);
            let documentation = item::documentation(&input.attrs);
            (
                options,
                meaning
                    .map(|meaning| ErrorCase { variant: None, meaning, documentation, fields })
                    .into_iter()
                    .collect(),
            )
        }
        Data::Union(data) => {
            errors.on(data.union_token, "`WampError` is derived for an enum or a struct, found `union`");
            return None;
        }
    };
    distinct_uris(&cases, errors);
    Some(ErrorType { name: input.ident, runtime: options.runtime, cases })
}

/// What an error means to the caller. Nothing comes back after a report that it means nothing.
fn meaning(options: &ErrorOptions, prefix: Option<&LitStr>, name: &Ident, errors: &mut Errors) -> Option<Meaning> {
    let (uri, span) = match (options.internal, &options.uri, prefix) {
        (Some(span), uri, _) => {
            if let Some(uri) = uri {
                errors.on(uri, "an internal error has no URI: the caller gets `wamp.error.runtime_error`");
            }
            return Some(Meaning::Internal(span));
        }
        (None, Some(uri), _) => (uri.value(), uri.span()),
        (None, None, Some(prefix)) => {
            if error_uri_problem(&prefix.value()).is_some() {
                return None;
            }
            (format!("{}.{}", prefix.value(), names::snake_case(&name.unraw().to_string())), name.span())
        }
        (None, None, None) => {
            errors.at(
                name.span(),
                format!(
                    "`{name}` has no URI: give it `#[wamp(uri = \"…\")]` or `#[wamp(internal)]`, or give the type \
                     `#[wamp(prefix = \"…\")]`"
                ),
            );
            return None;
        }
    };
    let problem = error_uri_problem(&uri).or_else(|| {
        let standard = uri.starts_with("wamp.error.");
        names::reserved_uri_problem(&uri, MatchPolicy::Exact).filter(|_| !standard)
    });
    match problem {
        Some(problem) => {
            errors.at(span, problem);
            None
        }
        None => Some(Meaning::Uri { uri, span }),
    }
}

/// Says what is wrong with the URI of an error. It may begin with a dot: then it is under the prefix of a set of functions.
fn error_uri_problem(uri: &str) -> Option<String> {
    let within = uri.strip_prefix('.').unwrap_or(uri);
    names::uri_problem(within, MatchPolicy::Exact).map(|problem| match within == uri {
        true => problem,
        false => format!("{problem}, after the dot of {uri:?}"),
    })
}

fn checked_error_uri(literal: Option<LitStr>, errors: &mut Errors) -> Option<LitStr> {
    if let Some(literal) = &literal
        && let Some(problem) = error_uri_problem(&literal.value())
    {
        errors.on(literal, problem);
    }
    literal
}

fn fields(fields: &Fields, errors: &mut Errors) -> Vec<ErrorField> {
    let mut keywords = Vec::new();
    let mut found = Vec::new();
    for (member, field) in fields.members().zip(fields) {
        let mut rename = None;
        let mut reader = Reader::new("#[wamp(…)] on a field", FIELD, errors);
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("wamp")) {
            for argument in reader.named(attribute) {
                if matches!(member, Member::Unnamed(_)) {
                    let message = "`rename` goes on a field with a name: one without is a positional argument";
                    reader.errors().at(argument.span(), message);
                }
                rename = reader.string(&argument);
            }
        }
        let keyword = field.ident.as_ref().map(|name| {
            let keyword = rename.as_ref().map_or_else(|| name.unraw().to_string(), LitStr::value);
            keywords.push((keyword.clone(), rename.as_ref().map_or(name.span(), LitStr::span), name.to_string()));
            keyword
        });
        found.push(ErrorField { member, keyword, ty: field.ty.clone() });
    }
    check::distinct(keywords, "keyword", errors);
    found
}

fn distinct_uris(cases: &[ErrorCase], errors: &mut Errors) {
    let uris = cases.iter().filter_map(|case| match (&case.meaning, &case.variant) {
        (Meaning::Uri { uri, span }, Some(variant)) => Some((uri.clone(), *span, variant.to_string())),
        _ => None,
    });
    check::distinct(uris, "URI", errors);
}
