//! `#[derive(WampError)]`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Member, spanned::Spanned};

use super::{hygienic, runtime};
use crate::{
    derive,
    errors::Errors,
    item,
    model::{ErrorCase, ErrorField, ErrorType, Meaning},
};

/// Expands the derive macro.
pub(crate) fn expand(item: TokenStream, errors: &mut Errors) -> TokenStream {
    let error_type = derive::error_type(item, errors).filter(|_| errors.is_empty());
    error_type.as_ref().map(implementation).unwrap_or_default()
}

fn implementation(error_type: &ErrorType) -> TokenStream {
    let site = Span::mixed_site();
    let runtime = runtime(error_type.runtime.as_ref());
    let name = &error_type.name;
    let into = error_type.cases.iter().map(|case| into_arm(case, &runtime));
    let from = error_type.cases.iter().filter_map(|case| from_arm(case, &runtime));
    let descriptions = error_type.cases.iter().filter_map(|case| description(case, &runtime));
    let from = quote_spanned! {site=>
        match error.uri() {
            #(#from)*
            _ => ::core::option::Option::None,
        }
    };
    quote_spanned! {site=>
        #[automatically_derived]
        impl #runtime::WampError for #name {
            const DESCRIPTIONS: &'static [#runtime::__private::ErrorDescription] = &[#(#descriptions),*];

            fn into_rpc_error(self) -> #runtime::RpcError {
                match self {
                    #(#into)*
                }
            }

            fn from_rpc_error(error: &#runtime::RpcError) -> ::core::option::Option<Self> {
                #from
            }
        }
    }
}

fn description(case: &ErrorCase, runtime: &TokenStream) -> Option<TokenStream> {
    let site = Span::mixed_site();
    let Meaning::Uri { uri, .. } = &case.meaning else { return None };
    let documentation = &case.documentation;
    let arguments = case.fields.iter().map(|field| {
        let type_name = item::source_text(&field.ty);
        let keyword = match &field.keyword {
            Some(keyword) => quote!(::core::option::Option::Some(#keyword)),
            None => quote!(::core::option::Option::None),
        };
        quote_spanned!(site=> #runtime::__private::ErrorArgument { keyword: #keyword, type_name: #type_name })
    });
    Some(quote_spanned! {site=>
        #runtime::__private::ErrorDescription {
            uri: #uri,
            documentation: #documentation,
            arguments: &[#(#arguments),*],
        }
    })
}

fn path(case: &ErrorCase) -> TokenStream {
    match &case.variant {
        Some(variant) => quote!(Self::#variant),
        None => quote!(Self),
    }
}

fn into_arm(case: &ErrorCase, runtime: &TokenStream) -> TokenStream {
    let site = Span::mixed_site();
    let path = path(case);
    match &case.meaning {
        Meaning::Internal(span) => quote_spanned! {hygienic(*span)=>
            #path { .. } => #runtime::RpcError::internal(&self as &dyn ::core::fmt::Debug),
        },
        Meaning::Uri { uri, .. } => {
            let bindings = case.fields.iter().enumerate().map(|(position, field)| {
                let member = &field.member;
                let value = value(position, field);
                quote_spanned!(site=> #member: #value)
            });
            let payload = case.fields.iter().enumerate().map(|(position, field)| {
                let value = value(position, field);
                let span = hygienic(field.ty.span());
                match &field.keyword {
                    Some(keyword) => quote_spanned!(span=> .kwarg(#keyword, #value)),
                    None => quote_spanned!(span=> .arg(#value)),
                }
            });
            quote_spanned!(site=> #path { #(#bindings),* } => #runtime::RpcError::new(#uri) #(#payload)*,)
        }
    }
}

fn from_arm(case: &ErrorCase, runtime: &TokenStream) -> Option<TokenStream> {
    let site = Span::mixed_site();
    let Meaning::Uri { uri, .. } = &case.meaning else { return None };
    let path = path(case);
    let fields = case.fields.iter().map(|field| {
        let ErrorField { member, keyword, ty } = field;
        let span = hygienic(ty.span());
        let value = match (keyword, member) {
            (Some(keyword), _) => quote_spanned!(span=> #runtime::__private::error_kwarg::<#ty>(error, #keyword)?),
            (None, Member::Unnamed(index)) => {
                let index = index.index as usize;
                quote_spanned!(span=> #runtime::__private::error_arg::<#ty>(error, #index)?)
            }
            (None, Member::Named(_)) => TokenStream::new(),
        };
        quote_spanned!(site=> #member: #value)
    });
    Some(quote_spanned!(site=> #uri => ::core::option::Option::Some(#path { #(#fields),* }),))
}

fn value(position: usize, field: &ErrorField) -> Ident {
    Ident::new(&format!("__{position}"), hygienic(field.ty.span()))
}
