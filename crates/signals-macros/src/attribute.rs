//! The first half of `#[receiver]`: keeps the function as it stands and hands its signature to each signal named.
//!
//! It knows no paths of the run-time crate: it calls the macro `__receiver!` inside the signal's own module, which
//! knows where that crate is. So a misspelt signal is one error, at the word the user wrote.

use crate::{associated, handler, options::Options};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{
    Item, ItemFn, Path, Stmt, Token,
    parse::{ParseStream, Parser},
    spanned::Spanned,
};

/// The function, followed by one registration for each signal.
pub(crate) fn expand(options: &TokenStream, item: &TokenStream) -> TokenStream {
    let error = match registrations(options, item) {
        Ok(registrations) => return quote!(#item #registrations),
        Err(error) => error.to_compile_error(),
    };
    // Lest the compiler add to the error that the import of the signal is unused.
    let used = first_signal(options).map(|signal| quote!(use #signal as _;));
    // Without its attribute the function may well be sound: keep it, so that there is one error, not two.
    if let Ok(mut function) = syn::parse2::<ItemFn>(item.clone()) {
        let used = used.map(|used| Stmt::Item(Item::Verbatim(used)));
        function.block.stmts.splice(0..0, used);
        quote!(#function #error)
    } else {
        quote!(#error const _: () = { #used };)
    }
}

fn registrations(options: &TokenStream, item: &TokenStream) -> syn::Result<TokenStream> {
    let function: ItemFn = syn::parse2(item.clone()).map_err(|_| {
        syn::Error::new_spanned(
            first_line(item),
            "`#[receiver]` stands before a function: `fn name(event: &Event)`",
        )
    })?;
    let parsed: Options = syn::parse2(options.clone())?;
    handler::check(&function.sig, &parsed)?;
    if associated::is_associated(&function.sig.ident) {
        let message = "a receiver is a free function: move it out of the `impl`; what it needs of `self` it takes as state";
        return Err(syn::Error::new_spanned(&function.sig.ident, message));
    }
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

/// The signal named first, if one is.
fn first_signal(options: &TokenStream) -> Option<Path> {
    let first = |input: ParseStream<'_>| {
        let path = input.call(Path::parse_mod_style)?;
        let is_option = input.peek(Token![=]);
        input.parse::<TokenStream>()?;
        Ok((!is_option).then_some(path))
    };
    first.parse2(options.clone()).ok()?
}

/// The tokens to blame when the item is no function: its keyword and name rather than its whole body.
fn first_line(item: &TokenStream) -> TokenStream {
    item.clone().into_iter().take(2).collect()
}
