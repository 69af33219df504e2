//! The second half of `#[receiver]`: the static that describes one receiver of one signal, and its two registrations.
//!
//! Called as `register_receiver! { ($crate) awaited|durable|sync (path::of::signal) (settings) signature }`.

use crate::{duration, handler, options::Settings, peel, position};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{
    LitBool, Path, ReturnType, Signature, Type, parenthesized,
    parse::{Parse, ParseStream},
    spanned::Spanned,
};

struct Registration {
    runtime: TokenStream,
    mode: Ident,
    signal: Path,
    settings: Settings,
    signature: Signature,
}

impl Parse for Registration {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let (runtime, signal, settings);
        parenthesized!(runtime in input);
        let mode = input.parse()?;
        parenthesized!(signal in input);
        parenthesized!(settings in input);
        Ok(Self {
            runtime: runtime.parse()?,
            mode,
            signal: signal.call(Path::parse_mod_style)?,
            settings: settings.parse()?,
            signature: input.parse()?,
        })
    }
}

/// The receiver's static and its registrations.
pub(crate) fn expand(input: TokenStream) -> syn::Result<TokenStream> {
    let registration: Registration = syn::parse2(input)?;
    let Registration {
        runtime,
        mode,
        signal,
        settings,
        signature,
    } = &registration;
    if let (true, Some(asyncness)) = (mode == "sync", &signature.asyncness) {
        let name = signal
            .segments
            .last()
            .map(|segment| segment.ident.to_string())
            .unwrap_or_default();
        let message = format!(
            "the signal `{name}` is declared `sync`, nobody awaits its receivers: remove `async`"
        );
        return Err(syn::Error::new_spanned(asyncness, message));
    }
    if let (true, Some(durable)) = (mode != "durable", &settings.durable) {
        let name = signal
            .segments
            .last()
            .map(|segment| segment.ident.to_string())
            .unwrap_or_default();
        let message = format!(
            "nobody keeps the events of `{name}` until a receiver has them: remove `durable`"
        );
        return Err(syn::Error::new_spanned(durable, message));
    }
    let private = quote!(#runtime::__private);
    let call = call(&registration)?;
    let kind = if signature.asyncness.is_some() {
        quote!(Async)
    } else {
        quote!(Sync)
    };
    let info = info(&private, settings, signature)?;
    // `__` before the names: the user's function is seen from in here, and must not be hidden by ours.
    Ok(quote! {
        #[allow(deprecated, reason = "whether the function may be used is told to those who call it")]
        const _: () = {
            use #signal as __signal;
            #call
            static __RECEIVER: #private::Receiver<__signal::Event> =
                #private::Receiver::new(#info, #private::Call::#kind(__call));
            #[cfg(not(any(miri, target_family = "wasm")))]
            #[#private::linkme::distributed_slice(__signal::__SECTION)]
            #[linkme(crate = #private::linkme)]
            static __IN_SECTION: &#private::Receiver<__signal::Event> = &__RECEIVER;
            #private::inventory::submit! { #private::RegisteredReceiver::new(&__RECEIVER) }
        };
    })
}

/// The function that every receiver of this signal looks like, around the user's.
fn call(registration: &Registration) -> syn::Result<TokenStream> {
    let Registration {
        runtime,
        settings,
        signature,
        ..
    } = registration;
    let private = quote!(#runtime::__private);
    let function = &signature.ident;
    // One span for all: a name is seen only from where it was made, and parts of the body bear the user's spans.
    let [event, state, view, context] = ["__event", "__state", "__view", "__context"]
        .map(|name| Ident::new(name, Span::mixed_site()));
    let mut arguments = signature.inputs.iter();
    let first = match arguments.next() {
        Some(argument) => handler::reference(argument, "the event")?,
        None => {
            return Err(syn::Error::new(
                Span::call_site(),
                "a receiver takes the event first",
            ));
        }
    };
    let as_taken = as_taken(&first.elem, &event, &view);
    let mut states = Vec::new();
    for (index, argument) in arguments.enumerate() {
        let ty = peel::peeled(&handler::reference(argument, "state")?.elem);
        states.push(quote_spanned!(ty.span()=> &*#private::State::find::<#ty>(#state, #index)?));
    }
    let unit: Type = syn::parse_quote!(());
    let output = match &signature.output {
        ReturnType::Default => &unit,
        ReturnType::Type(_, ty) => ty,
    };
    let into_answer =
        quote_spanned!(output.span()=> <#output as #private::IntoAnswer>::into_answer);
    let filter = |skipped: TokenStream| {
        settings.when.as_ref().map(|when| {
            let admits = quote_spanned!(when.span()=> #private::admits);
            quote!(if !#admits(#view, #when) { return #skipped; })
        })
    };
    Ok(if signature.asyncness.is_some() {
        let filter = filter(quote!(#private::Begun::Ended(#private::skipped())));
        // Where the future cannot be sent between threads, the compiler is to point at the user's function.
        let run = quote_spanned!(function.span()=> async move { #into_answer(#function(#view #(, #states)*).await) });
        quote! {
            fn __call<'__a>(
                #event: &'__a __signal::Event,
                #state: &'__a #private::State,
                #context: #private::Option<&mut #private::Context<'_>>,
            ) -> #private::Begun<'__a> {
                let #view = #as_taken;
                #filter
                #private::begin(#private::Box::pin(#run), #context)
            }
        }
    } else {
        let filter = filter(quote!(#private::skipped()));
        quote! {
            fn __call(#event: &__signal::Event, #state: &#private::State) -> #private::Answer {
                let #view = #as_taken;
                #filter
                #into_answer(#function(#view #(, #states)*))
            }
        }
    })
}

/// The event as the function takes it: itself, or what several events share.
fn as_taken(ty: &Type, event: &Ident, view: &Ident) -> TokenStream {
    match peel::peeled(ty) {
        Type::TraitObject(object) if object.bounds.len() == 1 => {
            quote_spanned!(ty.span()=> { let #view: &#object = #event; #view })
        }
        Type::TraitObject(object) => {
            quote_spanned!(ty.span()=> { let #view: &(#object) = #event; #view })
        }
        Type::ImplTrait(_) => quote!(#event),
        ty => quote_spanned!(ty.span()=> <#ty as __signal::__Event>::of(#event)),
    }
}

/// What the catalogue says about the receiver.
fn info(
    private: &TokenStream,
    settings: &Settings,
    signature: &Signature,
) -> syn::Result<TokenStream> {
    let function = signature.ident.to_string();
    let (line, column) = position::of(&signature.ident);
    let (id, own_id) = match &settings.id {
        Some(id) => (quote!(#id), quote!(.with_own_id())),
        None => (
            quote!(::core::concat!(::core::module_path!(), "::", #function)),
            TokenStream::new(),
        ),
    };
    let priority = settings
        .priority
        .as_ref()
        .map(|priority| quote!(.with_priority(#priority)));
    let timeout = match &settings.timeout {
        Some(text) => {
            let millis = duration::millis(text)?;
            quote!(.with_timeout(#private::Duration::from_millis(#millis)))
        }
        None => TokenStream::new(),
    };
    let is_optional = settings.optional.as_ref().is_some_and(LitBool::value);
    let optional = is_optional.then(|| quote!(.as_optional()));
    let durable = settings.durable.as_ref().map(|_| quote!(.as_durable()));
    let mut needs = Vec::new();
    for argument in signature.inputs.iter().skip(1) {
        let ty = peel::peeled(&handler::reference(argument, "state")?.elem);
        needs.push(quote_spanned!(ty.span()=> #private::Need::of::<#ty>()));
    }
    let is_async = signature.asyncness.is_some();
    Ok(quote! {
        #private::ReceiverInfo::linked(#private::place!(#function, #line, #column), #id, #is_async, const { &[#(#needs),*] })
            #own_id #priority #timeout #optional #durable
    })
}
