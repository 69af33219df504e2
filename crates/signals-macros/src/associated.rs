//! Whether a function stands inside an `impl` or a `trait`.
//!
//! An attribute sees its function and nothing around it, and the compiler's own words about an associated function send
//! the reader astray. So the file is read again, for the sake of a better sentence only: where that cannot be done,
//! the compiler's words stand.

use proc_macro2::Ident;
use syn::{Attribute, ImplItem, Item, Stmt, TraitItem};

/// What stands around functions of one name that are marked as receivers.
#[derive(Default)]
struct Found {
    is_free: bool,
    is_associated: bool,
}

/// Whether `function` is an associated function, so far as its file tells.
pub(crate) fn is_associated(function: &Ident) -> bool {
    let attribute = proc_macro::Span::call_site();
    // What begins in the first column is in no block at all.
    if attribute.column() <= 1 {
        return false;
    }
    let source = attribute
        .local_file()
        .and_then(|file| std::fs::read_to_string(file).ok());
    let Some(file) = source.and_then(|source| syn::parse_file(&source).ok()) else {
        return false;
    };
    let mut found = Found::default();
    found.look_through(&file.items, function);
    found.is_associated && !found.is_free
}

impl Found {
    fn look_through<'a>(&mut self, items: impl IntoIterator<Item = &'a Item>, function: &Ident) {
        for item in items {
            self.look_at(item, function);
        }
    }

    fn look_at(&mut self, item: &Item, function: &Ident) {
        let is_it =
            |name: &Ident, attributes: &[Attribute]| name == function && is_receiver(attributes);
        match item {
            Item::Fn(item) => {
                self.is_free |= is_it(&item.sig.ident, &item.attrs);
                let inner = item
                    .block
                    .stmts
                    .iter()
                    .filter_map(|statement| match statement {
                        Stmt::Item(item) => Some(item),
                        _ => None,
                    });
                self.look_through(inner, function);
            }
            Item::Mod(module) => {
                let items = module.content.iter().flat_map(|(_, items)| items);
                self.look_through(items, function);
            }
            Item::Impl(block) => {
                self.is_associated |= block.items.iter().any(
                    |item| matches!(item, ImplItem::Fn(item) if is_it(&item.sig.ident, &item.attrs)),
                );
            }
            Item::Trait(block) => {
                self.is_associated |= block.items.iter().any(
                    |item| matches!(item, TraitItem::Fn(item) if is_it(&item.sig.ident, &item.attrs)),
                );
            }
            _ => {}
        }
    }
}

fn is_receiver(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let last = attribute.path().segments.last();
        last.is_some_and(|segment| segment.ident == "receiver")
    })
}
