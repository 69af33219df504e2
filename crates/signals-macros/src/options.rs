//! What stands between the parentheses of `#[receiver(…)]`: signals, then options.

use crate::{duration, peel};
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{
    Expr, Ident, Lit, LitBool, LitStr, Path, Token,
    parse::{Parse, ParseStream},
};

/// The signals and the settings of one `#[receiver(…)]`.
pub(crate) struct Options {
    pub(crate) signals: Vec<Path>,
    pub(crate) settings: Settings,
}

/// What a receiver asks for besides the signal.
#[derive(Default)]
pub(crate) struct Settings {
    pub(crate) id: Option<LitStr>,
    pub(crate) priority: Option<Expr>,
    pub(crate) when: Option<Expr>,
    pub(crate) timeout: Option<LitStr>,
    pub(crate) optional: Option<LitBool>,
    /// The word, where it stands.
    pub(crate) durable: Option<Ident>,
}

/// The one option that is a word alone.
const DURABLE: &str = "durable";

const SHAPE: &str = "name the signal first, then options: `#[receiver(verify_email, id = \"…\", priority = 10, timeout = \"5s\", when = |event| …)]`";

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut signals: Vec<Path> = Vec::new();
        while !(input.is_empty()
            || input.peek(Ident) && input.peek2(Token![=])
            || !signals.is_empty() && is_durable(input))
        {
            let signal = input
                .call(Path::parse_mod_style)
                .map_err(|error| syn::Error::new(error.span(), SHAPE))?;
            if signals.contains(&signal) {
                let message = "the signal is named twice, and would be received twice: keep one";
                return Err(syn::Error::new_spanned(signal, message));
            }
            signals.push(signal);
            if input.is_empty() {
                break;
            }
            input
                .parse::<Token![,]>()
                .map_err(|error| syn::Error::new(error.span(), SHAPE))?;
        }
        if signals.is_empty() {
            return Err(syn::Error::new(Span::call_site(), SHAPE));
        }
        Ok(Self {
            signals,
            settings: input.parse()?,
        })
    }
}

impl Parse for Settings {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut settings = Self::default();
        while !input.is_empty() {
            let name: Ident = input
                .parse()
                .map_err(|error| syn::Error::new(error.span(), SHAPE))?;
            if name == DURABLE {
                settings.set_durable(name, input)?;
            } else {
                input
                    .parse::<Token![=]>()
                    .map_err(|error| syn::Error::new(error.span(), SHAPE))?;
                settings.set(&name, input)?;
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(settings)
    }
}

impl Settings {
    fn set_durable(&mut self, name: Ident, input: ParseStream<'_>) -> syn::Result<()> {
        if input.peek(Token![=]) {
            let message = "`durable` stands alone: leave it out where the receiver is not";
            return Err(syn::Error::new(input.span(), message));
        }
        let span = name.span();
        if self.durable.replace(name).is_some() {
            return Err(syn::Error::new(span, "`durable` is given twice: keep one"));
        }
        Ok(())
    }

    fn set(&mut self, name: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        let known = name.to_string();
        let given = match known.as_str() {
            "id" => self.id.replace(text(name, input)?).is_some(),
            "priority" => self.priority.replace(whole_number(input)?).is_some(),
            "timeout" => {
                let text = text(name, input)?;
                duration::millis(&text)?;
                self.timeout.replace(text).is_some()
            }
            "when" => self.when.replace(input.parse()?).is_some(),
            "optional" => {
                let yes = input.parse().map_err(|error| {
                    let message = "`optional` takes `true` or `false`: `optional = true`";
                    syn::Error::new(error.span(), message)
                })?;
                self.optional.replace(yes).is_some()
            }
            _ => {
                let message = format!(
                    "a receiver has no option `{known}`: there are `id`, `priority`, `timeout`, `when`, `optional` and `durable`"
                );
                return Err(syn::Error::new(name.span(), message));
            }
        };
        if given {
            return Err(syn::Error::new(
                name.span(),
                format!("`{known}` is given twice: keep one"),
            ));
        }
        Ok(())
    }
}

impl quote::ToTokens for Settings {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self {
            id,
            priority,
            when,
            timeout,
            optional,
            durable,
        } = self;
        let id = id.iter();
        let priority = priority.iter();
        let when = when.iter();
        let timeout = timeout.iter();
        let optional = optional.iter();
        let durable = durable.iter();
        tokens.extend(quote! {
            #(id = #id,)* #(priority = #priority,)* #(timeout = #timeout,)* #(when = #when,)* #(optional = #optional,)* #(#durable,)*
        });
    }
}

/// Whether the next word is `durable` and no path that begins with it.
fn is_durable(input: ParseStream<'_>) -> bool {
    let ahead = input.fork();
    ahead.parse::<Ident>().is_ok_and(|word| word == DURABLE)
        && (ahead.is_empty() || ahead.peek(Token![,]) || ahead.peek(Token![=]))
}

fn text(name: &Ident, input: ParseStream<'_>) -> syn::Result<LitStr> {
    let literal: LitStr = input.parse().map_err(|error| {
        syn::Error::new(
            error.span(),
            format!("`{name}` takes a text: `{name} = \"…\"`"),
        )
    })?;
    if literal.value().trim().is_empty() {
        return Err(syn::Error::new(
            literal.span(),
            format!("`{name}` must not be empty"),
        ));
    }
    Ok(literal)
}

fn whole_number(input: ParseStream<'_>) -> syn::Result<Expr> {
    let number: Expr = input.parse()?;
    let digits = match peel::expression(&number) {
        Expr::Unary(unary) if matches!(unary.op, syn::UnOp::Neg(_)) => {
            peel::expression(&unary.expr)
        }
        other => other,
    };
    match digits {
        // A constant is checked by its type where it is used.
        Expr::Path(_) => Ok(number),
        Expr::Lit(literal) if matches!(literal.lit, Lit::Int(_)) => Ok(number),
        _ => Err(syn::Error::new_spanned(
            number,
            "`priority` takes a whole number: `priority = 10`, the higher the earlier",
        )),
    }
}
