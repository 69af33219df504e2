//! What a function must look like to be a receiver, and the sentence for each way in which it may not.

use crate::options::Options;
use crate::peel;
use syn::{FnArg, GenericParam, ReturnType, Signature, Type, TypeReference};

/// Refuses what can be seen to be wrong without knowing any types.
pub(crate) fn check(signature: &Signature, options: &Options) -> syn::Result<()> {
    if let Some(parameter) = signature.generics.params.first() {
        let message = match parameter {
            GenericParam::Lifetime(lifetime) => {
                let name = &lifetime.lifetime;
                format!("a receiver borrows what it takes for the call only: remove `{name}`")
            }
            _ => "a receiver cannot be generic: nobody would choose the types".to_owned(),
        };
        return Err(syn::Error::new_spanned(parameter, message));
    }
    if let Some(unsafety) = &signature.unsafety {
        return Err(syn::Error::new_spanned(
            unsafety,
            "a receiver cannot be `unsafe`",
        ));
    }
    if let Some(variadic) = &signature.variadic {
        return Err(syn::Error::new_spanned(
            variadic,
            "a receiver takes references, one for each argument",
        ));
    }
    let mut arguments = signature.inputs.iter();
    let Some(event) = arguments.next() else {
        let message = "a receiver takes the event first: `event: &Event`";
        return Err(syn::Error::new_spanned(&signature.ident, message));
    };
    reference(event, "the event")?;
    for argument in arguments {
        let state = reference(argument, "state")?;
        if let Type::ImplTrait(opaque) = peel::peeled(&state.elem) {
            let message =
                "state is looked up by its type: name it (`&Mailer`) or take `&dyn Trait`";
            return Err(syn::Error::new_spanned(opaque, message));
        }
    }
    check_return(signature)?;
    if let (Some(timeout), None) = (&options.settings.timeout, &signature.asyncness) {
        let message =
            "only an `async` receiver can be timed out: a function that blocks cannot be stopped";
        return Err(syn::Error::new(timeout.span(), message));
    }
    Ok(())
}

/// The type behind the reference that every argument of a receiver is.
pub(crate) fn reference<'a>(argument: &'a FnArg, what: &str) -> syn::Result<&'a TypeReference> {
    let argument = match argument {
        FnArg::Typed(argument) => argument,
        FnArg::Receiver(me) => {
            let message = "a receiver is a free function: move it out of the `impl` and take the value as state, `&Me`";
            return Err(syn::Error::new_spanned(me, message));
        }
    };
    let Type::Reference(reference) = peel::peeled(&argument.ty) else {
        let ty = &argument.ty;
        let owned = peel::pointee(ty);
        let text = quote::quote!(#owned).to_string().replace(' ', "");
        let message = format!("a receiver borrows {what}: write `&{text}`");
        return Err(syn::Error::new_spanned(ty, message));
    };
    if let Some(mutability) = &reference.mutability {
        let message = format!("a receiver shares {what} with others: remove `mut`");
        return Err(syn::Error::new_spanned(mutability, message));
    }
    if let Some(lifetime) = &reference.lifetime {
        let message = format!("a receiver borrows {what} for the call only: remove `{lifetime}`");
        return Err(syn::Error::new_spanned(lifetime, message));
    }
    Ok(reference)
}

fn check_return(signature: &Signature) -> syn::Result<()> {
    if let ReturnType::Type(_, ty) = &signature.output
        && let Type::ImplTrait(opaque) = peel::peeled(ty)
    {
        let message = "a receiver returns `()` or `Result<(), E>`; to await, write `async fn`";
        return Err(syn::Error::new_spanned(opaque, message));
    }
    Ok(())
}
