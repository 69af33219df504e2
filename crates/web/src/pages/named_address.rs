//! How a link and a form name one of a user's addresses: by its kind and the number of its row.

use phone_auth_core::address::{AddressId, AddressKind};

/// The field of the query, and of the forms, with the kind of an address.
pub(super) const KIND: &str = "method";

/// An address by its kind and its number, written as we write numbers.
pub(super) fn named(kind: &str, number: &str) -> Option<(AddressKind, AddressId)> {
    let kind = named_kind(kind)?;
    let id: i64 = number.parse().ok()?;
    (id.to_string() == number).then(|| (kind, AddressId::new(id)))
}

pub(super) fn named_kind(text: &str) -> Option<AddressKind> {
    [AddressKind::Email, AddressKind::Phone]
        .into_iter()
        .find(|kind| kind.as_str() == text)
}
