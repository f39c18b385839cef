//! The arguments of an attribute: what was written, with every mistake reported on its own token.

use std::time::Duration;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use syn::{
    Attribute, Expr, ExprLit, Lit, LitBool, LitStr, Meta, Path, Token,
    ext::IdentExt,
    parse::{ParseStream, Parser, discouraged::Speculative},
};

use crate::{errors::Errors, item, names};

/// An option that an attribute knows, and how it is written.
pub(crate) type Known = (&'static str, &'static str);

/// One `name` or `name = value` in an attribute.
pub(crate) struct Argument {
    pub(crate) name: Ident,
    pub(crate) value: Option<Expr>,
}

/// Reads the arguments of one kind of attribute.
pub(crate) struct Reader<'a> {
    /// The attribute, as messages name it.
    attribute: &'static str,
    known: &'static [Known],
    seen: Vec<String>,
    errors: &'a mut Errors,
}

impl<'a> Reader<'a> {
    /// A reader of an attribute with these options.
    pub(crate) fn new(attribute: &'static str, known: &'static [Known], errors: &'a mut Errors) -> Self {
        Self { attribute, known, seen: Vec::new(), errors }
    }

    /// The known options in the attribute's parentheses, none twice.
    pub(crate) fn named(&mut self, attribute: &Attribute) -> Vec<Argument> {
        match &attribute.meta {
            Meta::List(list) => {
                let (literal, arguments) = self.arguments(list.tokens.clone());
                if let Some(literal) = literal {
                    let known = self.known_options();
                    self.errors
                        .on(&literal, format!("expected an option, found `{}`\n{known}", item::source_text(&literal)));
                }
                arguments
            }
            Meta::Path(_) | Meta::NameValue(_) => {
                let known = self.known_options();
                self.errors.on(attribute, format!("expected options in parentheses\n{known}"));
                Vec::new()
            }
        }
    }

    /// The literal that the arguments begin with, if they do, and the known options, none twice.
    pub(crate) fn arguments(&mut self, tokens: TokenStream) -> (Option<Lit>, Vec<Argument>) {
        let parser = |input: ParseStream<'_>| Ok(self.parse(input));
        parser.parse2(tokens).unwrap_or_default()
    }

    fn parse(&mut self, input: ParseStream<'_>) -> (Option<Lit>, Vec<Argument>) {
        let mut first = None;
        let mut arguments = Vec::new();
        let mut position = 0;
        while !input.is_empty() {
            if let Ok(literal) = input.parse::<Lit>() {
                if position == 0 {
                    first = Some(literal);
                } else {
                    self.errors.on(literal, "a literal without a name is only understood as the first argument");
                }
            } else {
                match self.argument(input) {
                    Ok(argument) => arguments.extend(self.known(argument)),
                    Err(error) => {
                        self.errors.add(error);
                        skip_to_comma(input);
                    }
                }
            }
            if !input.is_empty() && input.parse::<Token![,]>().is_err() {
                self.errors.at(input.span(), "expected `,`");
                skip_to_comma(input);
                let _ = input.parse::<Token![,]>();
            }
            position += 1;
        }
        (first, arguments)
    }

    fn argument(&self, input: ParseStream<'_>) -> syn::Result<Argument> {
        if !input.peek(Ident::peek_any) {
            return Err(input.error(format!("expected an option\n{}", self.known_options())));
        }
        let name = input.call(Ident::parse_any)?;
        let mut value = None;
        if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            let speculative = input.fork();
            let expression = speculative.parse::<Expr>();
            let missing = input.is_empty() || input.peek(Token![,]);
            value = Some(expression.map_err(|error| if missing { self.expected(&name, "no value") } else { error })?);
            input.advance_to(&speculative);
        } else if !input.is_empty() && !input.peek(Token![,]) {
            return Err(input.error(format!("expected `=` or `,` after `{name}`")));
        }
        Ok(Argument { name, value })
    }

    fn known(&mut self, argument: Argument) -> Option<Argument> {
        let name = argument.name.to_string();
        if !self.known.iter().any(|(known, _)| *known == name) {
            let near = names::nearest(&name, self.known.iter().map(|(known, _)| *known));
            let near = near.map(|near| format!(", did you mean `{near}`?")).unwrap_or_default();
            let known = self.known_options();
            self.errors.at(argument.name.span(), format!("unknown option `{name}`{near}\n{known}"));
            return None;
        }
        if self.seen.contains(&name) {
            self.errors.at(argument.name.span(), format!("`{name}` is given twice"));
            return None;
        }
        self.seen.push(name);
        Some(argument)
    }

    fn known_options(&self) -> String {
        let known: Vec<_> = self.known.iter().map(|(_, example)| format!("`{example}`")).collect();
        format!("{} knows {}", self.attribute, known.join(", "))
    }

    fn expected(&self, name: &Ident, found: &str) -> syn::Error {
        let example = self.known.iter().find(|(known, _)| name == known).map_or("an option", |(_, example)| example);
        syn::Error::new(name.span(), format!("expected `{example}`, found {found}"))
    }

    /// Reports an argument of the right name and the wrong value, on the value.
    pub(crate) fn unexpected(&mut self, argument: &Argument) {
        let expected = match &argument.value {
            None => self.expected(&argument.name, "no value"),
            Some(value) => {
                let error = self.expected(&argument.name, &format!("`{}`", item::source_text(value)));
                syn::Error::new_spanned(value, error)
            }
        };
        self.errors.add(expected);
    }

    /// The collection, for checks of the caller's own.
    pub(crate) fn errors(&mut self) -> &mut Errors {
        self.errors
    }

    /// `name`, `name = true` or `name = false`.
    pub(crate) fn flag(&mut self, argument: &Argument) -> Option<bool> {
        match argument.literal() {
            None if argument.value.is_none() => Some(true),
            Some(Lit::Bool(LitBool { value, .. })) => Some(*value),
            _ => {
                self.unexpected(argument);
                None
            }
        }
    }

    /// `name = "…"`.
    pub(crate) fn string(&mut self, argument: &Argument) -> Option<LitStr> {
        if let Some(Lit::Str(literal)) = argument.literal() {
            return Some(literal.clone());
        }
        self.unexpected(argument);
        None
    }

    /// `name = "…"` where the string is one of those that are listed.
    pub(crate) fn choice<T: Copy>(&mut self, argument: &Argument, choices: &[(&'static str, T)]) -> Option<T> {
        let literal = self.string(argument)?;
        let chosen = literal.value();
        let found = choices.iter().find(|(name, _)| *name == chosen).map(|(_, choice)| *choice);
        if found.is_none() {
            let near = names::nearest(&chosen, choices.iter().map(|(name, _)| *name));
            let near = near.map(|near| format!(", did you mean \"{near}\"?")).unwrap_or_default();
            let known: Vec<_> = choices.iter().map(|(name, _)| format!("\"{name}\"")).collect();
            let message = format!("unknown value {chosen:?}{near}\n`{}` is one of {}", argument.name, known.join(", "));
            self.errors.on(literal, message);
        }
        found
    }

    /// `name = "path"`.
    pub(crate) fn path(&mut self, argument: &Argument) -> Option<Path> {
        let literal = self.string(argument)?;
        let path = literal.parse_with(Path::parse_mod_style);
        if path.is_err() {
            self.unexpected(argument);
        }
        path.ok()
    }

    /// `name = 10`, at least 1.
    pub(crate) fn count(&mut self, argument: &Argument) -> Option<u32> {
        if let Some(Lit::Int(literal)) = argument.literal() {
            let count = literal.base10_parse::<u32>().ok();
            match count {
                Some(0) => self.errors.on(literal, format!("`{}` is at least 1", argument.name)),
                Some(_) if literal.suffix().is_empty() || literal.suffix() == "u32" => return count,
                _ => self.errors.on(literal, format!("expected a `u32`, found `{literal}`")),
            }
            return None;
        }
        self.unexpected(argument);
        None
    }

    /// `name = "5s"`.
    pub(crate) fn duration(&mut self, argument: &Argument) -> Option<Duration> {
        let literal = self.string(argument)?;
        let duration = parse_duration(&literal.value());
        match duration {
            Some(Duration::ZERO) => self.errors.on(literal, format!("`{}` is longer than zero", argument.name)),
            Some(_) => return duration,
            None => self.errors.on(
                &literal,
                format!(
                    "expected a number of whole milliseconds with its unit, such as \"250ms\", \"5s\", \"1.5s\", \
                     \"2m\" or \"1h\", found {:?}",
                    literal.value()
                ),
            ),
        }
        None
    }
}

impl Argument {
    /// Where the option is written.
    pub(crate) fn span(&self) -> Span {
        self.name.span()
    }

    fn literal(&self) -> Option<&Lit> {
        let mut value = self.value.as_ref()?;
        // A macro_rules fragment arrives in invisible delimiters.
        while let Expr::Group(group) = value {
            value = &group.expr;
        }
        match value {
            Expr::Lit(ExprLit { lit, .. }) => Some(lit),
            _ => None,
        }
    }
}

fn skip_to_comma(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        let _ = input.parse::<TokenTree>();
    }
}

/// Whole milliseconds, written as a decimal number and a unit.
fn parse_duration(text: &str) -> Option<Duration> {
    let unit = text.find(|character: char| !character.is_ascii_digit() && character != '.')?;
    let (number, unit) = text.split_at(unit);
    let milliseconds: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if whole.is_empty() || fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    let scale = 10u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let fraction = fraction.parse::<u64>().ok()?.checked_mul(milliseconds)?;
    let whole = whole.parse::<u64>().ok()?.checked_mul(milliseconds)?;
    (fraction % scale == 0).then(|| whole.checked_add(fraction / scale)).flatten().map(Duration::from_millis)
}
