//! The annotated items. Bodies stay raw tokens, so that half-typed code passes through to the compiler and the IDE.

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};
use quote::{ToTokens, TokenStreamExt, quote};
use syn::{
    Attribute, Expr, ExprLit, FnArg, GenericArgument, Generics, Lit, Meta, MetaNameValue, Pat, Path, PathArguments,
    Signature, Token, Type, Visibility, braced,
    ext::IdentExt,
    parse::{Parse, ParseStream, discouraged::Speculative},
    parse_quote, token,
};

use crate::{
    errors::Errors,
    model::{Kind, Options, Parameter, ParameterOptions},
    options::{self, Side},
};

/// A function, or a method of an impl block.
pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    visibility: Visibility,
    pub(crate) signature: Signature,
    body: TokenTree,
}

impl Function {
    /// Whether there is a body, which methods of traits need not have.
    pub(crate) fn has_body(&self) -> bool {
        matches!(self.body, TokenTree::Group(_))
    }
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        let signature = input.parse()?;
        if !input.peek(token::Brace) && !input.peek(Token![;]) {
            return Err(input.error("expected a function body"));
        }
        Ok(Self { attributes, visibility, signature, body: input.parse()? })
    }
}

impl ToTokens for Function {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.append_all(&self.attributes);
        self.visibility.to_tokens(tokens);
        self.signature.to_tokens(tokens);
        self.body.to_tokens(tokens);
    }
}

impl Function {
    /// Takes our attributes off the function.
    pub(crate) fn take_handlers(
        &mut self,
        read: impl Fn(Kind, TokenStream, &mut Errors) -> Options,
        errors: &mut Errors,
    ) -> Vec<(Kind, Options)> {
        let mut handlers = Vec::new();
        self.attributes.retain(|attribute| {
            let Some(kind) = Kind::of(attribute) else { return true };
            let tokens = match &attribute.meta {
                Meta::Path(_) => Some(TokenStream::new()),
                Meta::List(list) => Some(list.tokens.clone()),
                Meta::NameValue(_) => None,
            };
            match tokens {
                Some(tokens) => handlers.push((kind, read(kind, tokens, errors))),
                None => errors.on(attribute, format!("expected the arguments of {} in parentheses", kind.attribute())),
            }
            false
        });
        handlers
    }

    /// Takes `#[wamp(…)]` off the parameters. Those that have no name of their own are reported and left out.
    pub(crate) fn take_parameters(&mut self, side: Side, errors: &mut Errors) -> Vec<Parameter> {
        let mut parameters = Vec::new();
        for input in &mut self.signature.inputs {
            let argument = match input {
                FnArg::Typed(argument) => argument,
                FnArg::Receiver(receiver) => {
                    for attribute in options::take_wamp(&mut receiver.attrs) {
                        errors.on(attribute, "`self` is no parameter of the procedure and takes no `#[wamp(…)]`");
                    }
                    continue;
                }
            };
            let options = ParameterOptions::take(&mut argument.attrs, side, errors);
            match &*argument.pat {
                Pat::Ident(pattern) if pattern.by_ref.is_none() && pattern.subpat.is_none() => {
                    parameters.push(Parameter {
                        name: pattern.ident.clone(),
                        ty: (*argument.ty).clone(),
                        options,
                        conditions: conditions(&argument.attrs),
                    });
                }
                pattern => errors.on(
                    pattern,
                    format!(
                        "expected a plain name, found the pattern `{}`: the name is the keyword that callers pass; \
                         take the parameter apart in the body",
                        source_text(pattern)
                    ),
                ),
            }
        }
        parameters
    }
}

/// The `#[cfg]`s among the attributes.
pub(crate) fn conditions(attributes: &[Attribute]) -> Vec<Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).cloned().collect()
}

/// What of a function's or impl block's attributes holds for the code that is generated for it: its `#[cfg]`s, and the
/// lints that are allowed. The program may call what it has deprecated.
pub(crate) fn inherited(attributes: &[Attribute]) -> Vec<Attribute> {
    let inherited = |attribute: &Attribute| match attribute.path() {
        path if path.is_ident("cfg") || path.is_ident("allow") => Some(attribute.clone()),
        path if path.is_ident("deprecated") => Some(parse_quote!(#[allow(deprecated)])),
        _ => None,
    };
    attributes.iter().filter_map(inherited).collect()
}

/// The text of the doc comments, as a string expression.
pub(crate) fn documentation(attributes: &[Attribute]) -> TokenStream {
    let mut parts: Vec<TokenStream> = Vec::new();
    let mut text = String::new();
    let mut separator = "";
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("doc")) {
        let Meta::NameValue(MetaNameValue { value, .. }) = &attribute.meta else { continue };
        text.push_str(separator);
        separator = "\n";
        match value {
            Expr::Lit(ExprLit { lit: Lit::Str(comment), .. }) => {
                let comment = comment.value();
                let lines: Vec<_> = comment.split('\n').map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
                text.push_str(&lines.join("\n"));
            }
            included => {
                parts.push(std::mem::take(&mut text).into_token_stream());
                parts.push(included.to_token_stream());
            }
        }
    }
    if parts.is_empty() { text.into_token_stream() } else { quote!(::core::concat!(#(#parts,)* #text)) }
}

/// An impl block.
pub(crate) struct Implementation {
    pub(crate) attributes: Vec<Attribute>,
    /// Everything from `impl` to the brace.
    header: TokenStream,
    pub(crate) generics: Generics,
    pub(crate) implemented: Option<Path>,
    pub(crate) self_type: Type,
    brace: token::Brace,
    pub(crate) members: Vec<Member>,
}

/// An item of an impl block.
pub(crate) enum Member {
    Method(Box<Function>),
    /// An item that is none of our business, or a part of one.
    Other(TokenStream),
}

impl Parse for Implementation {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let start = input.fork();
        input.parse::<Option<Token![unsafe]>>()?;
        input.parse::<Token![impl]>()?;
        let mut generics: Generics = if input.peek(Token![<]) { input.parse()? } else { Generics::default() };
        input.parse::<Option<Token![!]>>()?;
        let first: Type = input.parse()?;
        let (implemented, self_type) = if input.parse::<Option<Token![for]>>()?.is_some() {
            (Some(path_of(first)?), input.parse()?)
        } else {
            (None, first)
        };
        generics.where_clause = input.parse()?;
        let header = between(&start, input);
        let content;
        let brace = braced!(content in input);
        let mut members = Vec::new();
        while !content.is_empty() {
            members.push(content.parse()?);
        }
        Ok(Self { attributes, header, generics, implemented, self_type, brace, members })
    }
}

fn path_of(trait_type: Type) -> syn::Result<Path> {
    match trait_type {
        Type::Path(path) => Ok(path.path),
        Type::Group(group) => path_of(*group.elem),
        other => Err(syn::Error::new_spanned(other, "expected the path of a trait")),
    }
}

/// The tokens from one position up to another.
fn between(start: ParseStream<'_>, end: ParseStream<'_>) -> TokenStream {
    let mut tokens = TokenStream::new();
    while start.cursor() < end.cursor() {
        match start.parse::<TokenTree>() {
            Ok(token) => tokens.append(token),
            Err(_) => break,
        }
    }
    tokens
}

impl Parse for Member {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let speculative = input.fork();
        if let Ok(function) = speculative.parse::<Function>() {
            input.advance_to(&speculative);
            return Ok(Self::Method(Box::new(function)));
        }
        // Skips to the item's end, so that code which is being typed harms no other method.
        let mut tokens = TokenStream::new();
        let mut ends_with_semicolon = false;
        while !input.is_empty() {
            let token: TokenTree = input.parse()?;
            let done = match &token {
                TokenTree::Punct(punct) => punct.as_char() == ';',
                TokenTree::Group(group) => group.delimiter() == Delimiter::Brace && !ends_with_semicolon,
                TokenTree::Ident(word) => {
                    ends_with_semicolon |= word == "type" || (word == "const" && !input.peek(Token![fn]));
                    false
                }
                TokenTree::Literal(_) => false,
            };
            tokens.append(token);
            if done {
                break;
            }
        }
        Ok(Self::Other(tokens))
    }
}

impl ToTokens for Member {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Method(function) => function.to_tokens(tokens),
            Self::Other(other) => other.to_tokens(tokens),
        }
    }
}

impl ToTokens for Implementation {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.append_all(&self.attributes);
        self.header.to_tokens(tokens);
        self.brace.surround(tokens, |tokens| tokens.append_all(&self.members));
    }
}

/// A trait.
pub(crate) struct Interface {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    /// Everything from the visibility to the brace.
    header: TokenStream,
    pub(crate) name: Ident,
    pub(crate) generics: Generics,
    brace: token::Brace,
    pub(crate) members: Vec<Member>,
}

impl Parse for Interface {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let start = input.fork();
        let visibility = input.parse()?;
        input.parse::<Token![trait]>()?;
        let name = input.parse()?;
        let generics = if input.peek(Token![<]) { input.parse()? } else { Generics::default() };
        // Supertraits and conditions are the trait's own affair.
        while !input.is_empty() && !input.peek(token::Brace) {
            input.parse::<TokenTree>()?;
        }
        let header = between(&start, input);
        let content;
        let brace = braced!(content in input);
        let mut members = Vec::new();
        while !content.is_empty() {
            members.push(content.parse()?);
        }
        Ok(Self { attributes, visibility, header, name, generics, brace, members })
    }
}

impl Interface {
    /// The trait with these members.
    pub(crate) fn with_members(&self, members: impl Iterator<Item = TokenStream>) -> TokenStream {
        let mut tokens = TokenStream::new();
        tokens.append_all(&self.attributes);
        self.header.to_tokens(&mut tokens);
        self.brace.surround(&mut tokens, |tokens| tokens.append_all(members));
        tokens
    }
}

impl ToTokens for Interface {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.with_members(self.members.iter().map(ToTokens::to_token_stream)).to_tokens(tokens);
    }
}

/// The keyword of an item that is not of the expected sort, for a message on it.
pub(crate) fn keyword(item: TokenStream) -> Option<Ident> {
    let parser = |input: ParseStream<'_>| {
        input.call(Attribute::parse_outer)?;
        input.parse::<Visibility>()?;
        let keyword = input.call(Ident::parse_any)?;
        while !input.is_empty() {
            input.parse::<TokenTree>()?;
        }
        Ok(keyword)
    };
    syn::parse::Parser::parse2(parser, item).ok()
}

/// Puts tokens in the place of others, at every depth.
pub(crate) fn rewrite(tokens: TokenStream, replace: &impl Fn(&mut TokenTree, Option<&TokenTree>)) -> TokenStream {
    let mut previous: Option<TokenTree> = None;
    let mut rewritten = TokenStream::new();
    for mut token in tokens {
        if let TokenTree::Group(group) = &token {
            let mut inner = Group::new(group.delimiter(), rewrite(group.stream(), replace));
            inner.set_span(group.span());
            token = inner.into();
        } else {
            replace(&mut token, previous.as_ref());
        }
        previous = Some(token.clone());
        rewritten.append(token);
    }
    rewritten
}

/// A type with `()` in the place of each `impl Trait`, which has no name outside of its function; nothing where there may be
/// one elsewhere.
pub(crate) fn without_impl_trait(ty: &Type) -> Option<Type> {
    let mut named = ty.clone();
    replace_impl_trait(&mut named);
    let mut is_named = true;
    for_each_word(named.to_token_stream(), &mut |word| is_named &= word != "impl");
    is_named.then_some(named)
}

fn replace_impl_trait(ty: &mut Type) {
    match ty {
        Type::ImplTrait(_) => *ty = parse_quote!(()),
        Type::Group(group) => replace_impl_trait(&mut group.elem),
        Type::Paren(paren) => replace_impl_trait(&mut paren.elem),
        Type::Tuple(tuple) => tuple.elems.iter_mut().for_each(replace_impl_trait),
        Type::Path(path) => {
            for segment in &mut path.path.segments {
                let PathArguments::AngleBracketed(arguments) = &mut segment.arguments else { continue };
                for argument in &mut arguments.args {
                    if let GenericArgument::Type(ty) = argument {
                        replace_impl_trait(ty);
                    }
                }
            }
        }
        _ => {}
    }
}

/// Calls back for each word.
fn for_each_word(tokens: TokenStream, found: &mut impl FnMut(&Ident)) {
    for token in tokens {
        match token {
            TokenTree::Ident(word) => found(&word),
            TokenTree::Group(group) => for_each_word(group.stream(), found),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

/// Tokens as they were written, with one space wherever there was any. Outside of the compiler, one everywhere.
pub(crate) fn source_text(tokens: impl ToTokens) -> String {
    let tokens = tokens.into_token_stream();
    if !proc_macro::is_available() {
        return tokens.to_string();
    }
    let mut text = String::new();
    let mut end = None;
    append_source(tokens, &mut |token, start, token_end| {
        // A lifetime is two tokens in one place.
        let in_lifetime = end.is_some_and(|end| start < end);
        if !in_lifetime && end.is_some_and(|end| end != start) {
            text.push(' ');
        }
        text.push_str(token);
        end = Some(token_end);
    });
    text
}

/// A line and a column.
type Position = (usize, usize);

/// Calls back for each token and delimiter with its start and end.
fn append_source(tokens: TokenStream, append: &mut impl FnMut(&str, Position, Position)) {
    for token in tokens {
        let span = token.span().unwrap();
        let start = (span.start().line(), span.start().column());
        let end = (span.end().line(), span.end().column());
        let TokenTree::Group(group) = &token else {
            append(&token.to_string(), start, end);
            continue;
        };
        // A group that was parsed and printed has lost the places of its delimiters, but not its own.
        let (open, close) = match group.delimiter() {
            Delimiter::Parenthesis => ("(", ")"),
            Delimiter::Brace => ("{", "}"),
            Delimiter::Bracket => ("[", "]"),
            Delimiter::None => {
                append_source(group.stream(), append);
                continue;
            }
        };
        append(open, start, (start.0, start.1 + 1));
        append_source(group.stream(), append);
        append(close, (end.0, end.1.saturating_sub(1)), end);
    }
}
