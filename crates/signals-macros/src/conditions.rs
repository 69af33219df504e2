//! The conditions on which something is there: those of `#[cfg]`, also where `#[cfg_attr]` gives them.

use proc_macro2::{TokenStream, TokenTree};
use quote::quote;
use syn::{Attribute, Meta};

/// What stands in the `#[cfg]`s of an item, of which all must be so. The compiler has not looked at those behind the macro's own
/// attribute yet.
pub(crate) fn of<'a>(attributes: impl IntoIterator<Item = &'a Attribute>) -> Vec<TokenStream> {
    attributes
        .into_iter()
        .flat_map(|attribute| of_meta(&attribute.meta))
        .collect()
}

fn of_meta(meta: &Meta) -> Vec<TokenStream> {
    let Meta::List(list) = meta else {
        return Vec::new();
    };
    if list.path.is_ident("cfg") {
        return vec![list.tokens.clone()];
    }
    if !list.path.is_ident("cfg_attr") {
        return Vec::new();
    }
    // What cannot be read here is an error of the compiler, which looks at the item too.
    let mut parts = split(&list.tokens).into_iter();
    let applies = parts.next().unwrap_or_default();
    let given = parts.filter_map(|part| syn::parse2(part).ok());
    given
        .flat_map(|meta| of_meta(&meta))
        .map(|condition| quote!(any(not(#applies), #condition)))
        .collect()
}

/// What stands between commas. A condition may be `true`, which is no meta item.
fn split(tokens: &TokenStream) -> Vec<TokenStream> {
    let mut parts = vec![TokenStream::new()];
    for token in tokens.clone() {
        match (&token, parts.last_mut()) {
            (TokenTree::Punct(punct), _) if punct.as_char() == ',' => {
                parts.push(TokenStream::new());
            }
            (_, Some(part)) => part.extend([token]),
            (_, None) => {}
        }
    }
    parts
}
