//! The macros of `phone-auth-signals`.
//!
//! Nothing here is meant to be named directly: use the re-exports of `phone-auth-signals`, whose own `macro_rules!`
//! hand `$crate` to the macros below. That is why no path to a crate is written in this one, and why everything still
//! works when `phone-auth-signals` is reached through the re-export of another crate.

mod answer;
mod associated;
mod attribute;
mod conditions;
mod duration;
mod handler;
mod options;
mod peel;
mod position;
mod registration;
mod signal;

use proc_macro::TokenStream;

/// Registers a function as a receiver of one or several signals.
///
/// Documented, with examples, where it is re-exported: `phone_auth_signals::receiver`.
#[proc_macro_attribute]
pub fn receiver(options: TokenStream, item: TokenStream) -> TokenStream {
    attribute::expand(&options.into(), &item.into()).into()
}

/// The second half of `signal!`; not for use by hand.
#[doc(hidden)]
#[proc_macro]
pub fn declare_signals(input: TokenStream) -> TokenStream {
    answer::tokens(signal::expand(input.into())).into()
}

/// The second half of `#[receiver]`; not for use by hand.
#[doc(hidden)]
#[proc_macro]
pub fn register_receiver(input: TokenStream) -> TokenStream {
    answer::tokens(registration::expand(input.into())).into()
}
