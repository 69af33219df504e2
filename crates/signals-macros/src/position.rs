//! Where a name stands in its file.

use proc_macro2::Ident;

/// Line and column of `name`, from 1. `line!()` would tell that of the macro call around it, for everything in it alike.
pub(crate) fn of(name: &Ident) -> (u32, u32) {
    let span = name.span().unwrap();
    let number = |number: usize| u32::try_from(number).unwrap_or_default();
    (number(span.line()), number(span.column()))
}
