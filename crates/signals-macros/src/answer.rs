//! Turns the result of an expansion into tokens: what was made, or one `compile_error!`.

use proc_macro2::TokenStream;

/// The tokens of `expansion`, or those of its error.
pub(crate) fn tokens(expansion: syn::Result<TokenStream>) -> TokenStream {
    expansion.unwrap_or_else(|error| error.to_compile_error())
}
