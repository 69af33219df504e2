//! The second half of `signal!`: one module for each signal.
//!
//! Called as `declare_signals! { ($crate) /// doc  pub name: Event; … }`.

use crate::{conditions, peel, position};
use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use std::hash::{DefaultHasher, Hash, Hasher};
use syn::{
    Attribute, Expr, ExprLit, GenericArgument, Ident, Lit, Meta, PathArguments, PathSegment, Token,
    Type, Visibility,
    ext::IdentExt as _,
    parenthesized,
    parse::{Parse, ParseStream},
};

struct Declarations {
    runtime: TokenStream,
    signals: Vec<Declaration>,
}

struct Declaration {
    attributes: Vec<Attribute>,
    visibility: Visibility,
    mode: Mode,
    name: Ident,
    event: Type,
}

/// How the receivers of a signal are called.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Awaited,
    /// Awaited, and some may be called later, for as long as it takes, by someone who keeps the events for them.
    Durable,
    Sync,
}

const SHAPE: &str = "a signal is declared as `pub name: Event;`, or `pub sync name: Event;` when its senders do not await";

impl Parse for Declarations {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let runtime;
        parenthesized!(runtime in input);
        let runtime = runtime.parse()?;
        let mut signals: Vec<Declaration> = Vec::new();
        while !input.is_empty() {
            let signal: Declaration = input.parse()?;
            for earlier in &signals {
                signal.differs_from(earlier)?;
            }
            signals.push(signal);
        }
        if signals.is_empty() {
            return Err(syn::Error::new(Span::call_site(), SHAPE));
        }
        Ok(Self { runtime, signals })
    }
}

impl Parse for Declaration {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        let first: Ident = input.parse().map_err(shape)?;
        let mode = match first.to_string().as_str() {
            "sync" if input.peek(Ident) => Mode::Sync,
            "durable" if input.peek(Ident) => Mode::Durable,
            _ => Mode::Awaited,
        };
        let name = if mode == Mode::Awaited {
            first
        } else {
            input.parse()?
        };
        input.parse::<Token![:]>().map_err(shape)?;
        let event = peel::peeled(&input.parse()?).clone();
        input.parse::<Token![;]>().map_err(shape)?;
        check_event(&event)?;
        Ok(Self {
            attributes,
            visibility,
            mode,
            name,
            event,
        })
    }
}

impl Declaration {
    /// The conditions on which it is there.
    fn conditions(&self) -> Vec<TokenStream> {
        conditions::of(&self.attributes)
    }

    /// Refuses what two signals cannot share.
    fn differs_from(&self, earlier: &Self) -> syn::Result<()> {
        let taken = &earlier.name;
        // Of those that are there on conditions, one alone may be there.
        if !(self.conditions().is_empty() && earlier.conditions().is_empty()) {
            return Ok(());
        }
        if self.name == *taken {
            let message = format!("there is a signal `{taken}` already: rename one");
            return Err(syn::Error::new_spanned(&self.name, message));
        }
        if self.event == earlier.event {
            let message = format!(
                "this is the event of the signal `{taken}` already: each signal has a type of its own"
            );
            return Err(syn::Error::new_spanned(&self.event, message));
        }
        Ok(())
    }
}

/// Refuses what can be seen to be no type that a crate can own.
fn check_event(event: &Type) -> syn::Result<()> {
    let message = match event {
        Type::Path(path) if path.path.segments.iter().any(borrows) => {
            "a signal owns its event: take a type without a lifetime"
        }
        Type::Path(_) | Type::Macro(_) => return Ok(()),
        Type::Reference(_) => "a signal owns its event type: remove `&`",
        _ => "an event is a type of this crate: declare one, `pub struct OrderPlaced { … }`",
    };
    Err(syn::Error::new_spanned(event, message))
}

fn borrows(segment: &PathSegment) -> bool {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return false;
    };
    let mut arguments = arguments.args.iter();
    arguments.any(
        |argument| matches!(argument, GenericArgument::Lifetime(name) if name.ident != "static"),
    )
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that `map_err` calls"
)]
fn shape(error: syn::Error) -> syn::Error {
    syn::Error::new(error.span(), SHAPE)
}

/// The modules of all signals declared.
pub(crate) fn expand(input: TokenStream) -> syn::Result<TokenStream> {
    let Declarations { runtime, signals } = syn::parse2(input)?;
    let private = quote!(#runtime::__private);
    Ok(signals
        .iter()
        .map(|signal| module(&private, signal))
        .collect())
}

fn module(private: &TokenStream, signal: &Declaration) -> TokenStream {
    let Declaration {
        attributes,
        visibility,
        mode,
        name,
        event,
    } = signal;
    let signal_name = name.unraw().to_string();
    let inside = inside(visibility);
    let (line, column) = position::of(name);
    let doc = doc(attributes);
    let event_text = quote!(#event).to_string().replace(' ', "");
    let mismatch = format!("`{{Self}}` is not the event of the signal `{signal_name}`");
    let label = format!("the receiver of `{signal_name}` takes `&{event_text}`");
    let event_doc = format!("What a receiver of `{signal_name}` takes: `{event_text}`.");
    let entry = match mode {
        Mode::Awaited => quote!(__receiver_awaited),
        Mode::Durable => quote!(__receiver_durable),
        Mode::Sync => quote!(__receiver_sync),
    };
    let is_sync = *mode == Mode::Sync;
    let mode = if is_sync {
        quote!(Sync)
    } else {
        quote!(Awaited)
    };
    let section = section(private, name, &inside);
    let conditions = signal.conditions();
    let conditions = quote!(#(#[cfg(#conditions)])*);
    quote! {
        #(#attributes)*
        #[allow(unreachable_pub, non_local_definitions, reason = "a signal is as visible as its declaration says")]
        #visibility mod #name {
            #[doc(hidden)]
            #[derive(Debug)]
            #[non_exhaustive]
            #inside struct __Marker;
            #[doc = #event_doc]
            #inside type Event = <__Marker as #private::Declared>::Event;
            #[doc(hidden)]
            #[diagnostic::on_unimplemented(message = #mismatch, label = #label)]
            #inside trait __Event {
                fn of(event: &Event) -> &Self;
            }
            #[doc(hidden)]
            pub use #private::#entry as __receiver;
            #section
            /// What is known of the signal: its name, its documentation, its place.
            #inside static SIGNAL: #private::Signal<Event> = #private::Signal::new(
                #private::SignalInfo::new(#signal_name, #doc, #event_text, #is_sync, #private::place!(#signal_name, #line, #column), #private::version!()),
                __section,
            );
            #private::inventory::submit! { #private::SignalEntry::new(&SIGNAL) }
        }
        #conditions
        #[allow(deprecated, reason = "whether the signal may be used is told to those who name it")]
        impl #private::Declared for #name::__Marker {
            type Event = #event;
        }
        #conditions
        #[allow(deprecated, reason = "whether the signal may be used is told to those who name it")]
        impl #name::__Event for #event {
            #[inline]
            fn of(event: &Self) -> &Self {
                event
            }
        }
        #conditions
        #[allow(deprecated, reason = "whether the signal may be used is told to those who name it")]
        impl #private::Event for #event {
            type Mode = #private::#mode;
            #[inline]
            fn signal() -> &'static #private::Signal<Self> {
                &#name::SIGNAL
            }
        }
    }
}

/// The visibility of the declaration, as the module of the signal has to write it: one level further in.
fn inside(visibility: &Visibility) -> TokenStream {
    match visibility {
        Visibility::Inherited => quote!(pub(super)),
        Visibility::Restricted(restricted) if restricted.path.is_ident("self") => {
            quote!(pub(super))
        }
        Visibility::Restricted(restricted)
            if restricted
                .path
                .segments
                .first()
                .is_some_and(|s| s.ident == "super") =>
        {
            let path = &restricted.path;
            quote!(pub(in super::#path))
        }
        other => quote!(#other),
    }
}

/// linkme's section of the signal, under a name that no other signal in the program can have.
fn section(private: &TokenStream, name: &Ident, inside: &TokenStream) -> TokenStream {
    let ident = section_ident(name);
    let test_ident = format_ident!("{ident}_T");
    quote! {
        // A crate under unit test is a second copy beside the one its own test dependencies may link.
        #[cfg(all(not(test), not(any(miri, target_family = "wasm"))))]
        #[doc(hidden)]
        #[#private::linkme::distributed_slice]
        #[linkme(crate = #private::linkme)]
        #inside static #ident: [&'static #private::Receiver<Event>];
        #[cfg(all(not(test), not(any(miri, target_family = "wasm"))))]
        #[doc(hidden)]
        #inside use #ident as __SECTION;
        #[cfg(all(test, not(any(miri, target_family = "wasm"))))]
        #[doc(hidden)]
        #[#private::linkme::distributed_slice]
        #[linkme(crate = #private::linkme)]
        #inside static #test_ident: [&'static #private::Receiver<Event>];
        #[cfg(all(test, not(any(miri, target_family = "wasm"))))]
        #[doc(hidden)]
        #inside use #test_ident as __SECTION;
        fn __section() -> &'static [&'static #private::Receiver<Event>] {
            #[cfg(not(any(miri, target_family = "wasm")))]
            {
                &__SECTION
            }
            #[cfg(any(miri, target_family = "wasm"))]
            {
                &[]
            }
        }
    }
}

/// The linker knows a section by this name alone, so that it holds everything that sets the declaration apart.
fn section_ident(name: &Ident) -> Ident {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let (package, version) = (variable("CARGO_PKG_NAME"), variable("CARGO_PKG_VERSION"));
    let mut hasher = DefaultHasher::new();
    (&package, &version, variable("CARGO_CRATE_NAME")).hash(&mut hasher);
    (name.span().unwrap().file(), position::of(name)).hash(&mut hasher);
    // A macro of the user's that is called twice writes one name at one position twice. What a span prints as tells the
    // two apart; nothing else does that is stable.
    format!("{:?}", Span::call_site()).hash(&mut hasher);
    let readable = format!("{package}_{version}_{name}")
        .replace(|letter: char| !letter.is_ascii_alphanumeric(), "_");
    format_ident!("{}_{:016X}", readable.to_uppercase(), hasher.finish())
}

/// The text of the documentation comments.
fn doc(attributes: &[Attribute]) -> String {
    let mut lines = Vec::new();
    for attribute in attributes {
        if let Meta::NameValue(pair) = &attribute.meta
            && pair.path.is_ident("doc")
            && let Expr::Lit(ExprLit {
                lit: Lit::Str(text),
                ..
            }) = peel::expression(&pair.value)
        {
            let text = text.value();
            lines.push(text.strip_prefix(' ').unwrap_or(&text).to_owned());
        }
    }
    lines.join("\n").trim().to_owned()
}
