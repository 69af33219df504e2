//! The first half of `#[receiver]`: keeps the function as it stands and hands its signature to each signal named.
//!
//! It knows no paths of the run-time crate: it calls the macro `__receiver!` inside the signal's own module, which
//! knows where that crate is. So a misspelt signal is one error, at the word the user wrote.

use crate::{handler, options::Options};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{ItemFn, spanned::Spanned};

/// The function, followed by one registration for each signal.
pub(crate) fn expand(options: TokenStream, item: TokenStream) -> TokenStream {
    match registrations(options, item.clone()) {
        Ok(registrations) => quote!(#item #registrations),
        Err(error) => {
            let error = error.to_compile_error();
            // Without its attribute the function may well be sound: keep it, so that there is one error, not two.
            if syn::parse2::<ItemFn>(item.clone()).is_ok() {
                quote!(#item #error)
            } else {
                error
            }
        }
    }
}

fn registrations(options: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let function: ItemFn = syn::parse2(item.clone()).map_err(|_| {
        syn::Error::new_spanned(
            first_line(&item),
            "`#[receiver]` stands before a function: `fn name(event: &Event)`",
        )
    })?;
    let parsed: Options = syn::parse2(options.clone())?;
    handler::check(&function.sig, &parsed)?;
    let conditions = function
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("cfg"));
    let conditions = quote!(#(#conditions)*);
    let signature = &function.sig;
    let settings = &parsed.settings;
    let calls = parsed.signals.iter().map(|signal| {
        quote_spanned! {signal.span()=> #conditions #signal::__receiver! { (#signal) (#settings) #signature } }
    });
    Ok(quote!(#(#calls)*))
}

/// The tokens to blame when the item is no function: its keyword and name rather than its whole body.
fn first_line(item: &TokenStream) -> TokenStream {
    item.clone().into_iter().take(2).collect()
}
