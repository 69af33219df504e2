//! Takes off what a `macro_rules!` of the user's puts around the fragments it matched: a group that nobody sees.

use syn::{Expr, GenericArgument, PathArguments, Type};

/// The type itself, without groups and parentheses around it.
pub(crate) fn peeled(mut ty: &Type) -> &Type {
    loop {
        ty = match ty {
            Type::Group(group) => &group.elem,
            Type::Paren(paren) => &paren.elem,
            _ => return ty,
        };
    }
}

/// The expression itself, without groups and parentheses around it.
pub(crate) fn expression(mut expression: &Expr) -> &Expr {
    loop {
        expression = match expression {
            Expr::Group(group) => &group.expr,
            Expr::Paren(paren) => &paren.expr,
            _ => return expression,
        };
    }
}

/// What a pointer of the standard library points to, so far as its name tells; otherwise the type itself.
pub(crate) fn pointee(ty: &Type) -> &Type {
    let Type::Path(path) = peeled(ty) else {
        return ty;
    };
    let Some(last) = path.path.segments.last() else {
        return ty;
    };
    match &last.arguments {
        PathArguments::AngleBracketed(arguments)
            if ["Arc", "Box", "Rc"].iter().any(|name| last.ident == name) =>
        {
            match arguments.args.first() {
                Some(GenericArgument::Type(inner)) => peeled(inner),
                _ => ty,
            }
        }
        _ => ty,
    }
}
