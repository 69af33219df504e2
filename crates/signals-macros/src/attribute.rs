//! The first half of `#[receiver]`: keeps the function as it stands and hands its signature to each signal named.
//!
//! It knows no paths of the run-time crate: it calls the macro `__receiver!` inside the signal's own module, which
//! knows where that crate is. So a misspelt signal is one error, at the word the user wrote.

use crate::{associated, conditions, handler, options::Options};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{
    FnArg, Item, ItemFn, PatType, Path, Receiver, Signature, Stmt, Token,
    parse::{ParseStream, Parser},
    punctuated::Punctuated,
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
    let conditions = conditions::of(&function.attrs);
    let conditions = quote!(#(#[cfg(#conditions)])*);
    let settings = &parsed.settings;
    let mut calls = TokenStream::new();
    for (condition, signature) in variants(&function.sig)? {
        let registrations = parsed.signals.iter().map(|signal| {
            quote_spanned! {signal.span()=> #conditions #condition #signal::__receiver! { (#signal) (#settings) #signature } }
        });
        calls.extend(registrations);
    }
    Ok(calls)
}

/// The signature with and without each of the arguments that are there on a condition, and the condition for it.
fn variants(signature: &Signature) -> syn::Result<Vec<(TokenStream, Signature)>> {
    let without = Signature {
        inputs: Punctuated::new(),
        ..signature.clone()
    };
    let mut variants = vec![(TokenStream::new(), without)];
    for argument in &signature.inputs {
        let mut plain = argument.clone();
        let (FnArg::Typed(PatType { attrs, .. }) | FnArg::Receiver(Receiver { attrs, .. })) =
            &mut plain;
        let conditions = conditions::of(&*attrs);
        attrs.retain(|attribute| conditions::of([attribute]).is_empty());
        if !conditions.is_empty() && variants.len() >= MOST_VARIANTS {
            let message = "a receiver has at most four arguments that are there on a condition";
            return Err(syn::Error::new_spanned(argument, message));
        }
        let mut left_out = Vec::new();
        for (condition, signature) in &mut variants {
            if !conditions.is_empty() {
                let not = quote!(#condition #[cfg(not(all(#(#conditions),*)))]);
                left_out.push((not, signature.clone()));
                condition.extend(quote!(#(#[cfg(#conditions)])*));
            }
            signature.inputs.push(plain.clone());
        }
        variants.append(&mut left_out);
    }
    Ok(variants)
}

/// So many signatures are registered for one function.
const MOST_VARIANTS: usize = 16;

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
