//! What the proof of an address ends that was there before it, on SQLite.

pub(crate) mod statements;

use phone_auth_core::address::{AddressKind, Losses};
use phone_auth_core::link::OpenedLink;
use phone_auth_core::user::UserId;
use rusqlite::{Connection, params};

use self::statements::{UNPROVEN_GIVES_WAY, statements};
use crate::address_changes::statements::fill_own_email;
use crate::claims;
use crate::failure::Failure;
use crate::links;
use crate::replacements;
use crate::rows;

/// What becomes of the addresses of a user who has another password, without a link: nothing of those that are proven. What is
/// about to be proven may be the work of anyone who had the password before, so its links end, and it takes the place of
/// no other.
pub(crate) fn by_change(connection: &Connection, user: UserId) -> Result<(), Failure> {
    rows::change(connection, replacements::END_ALL, [user.get()])?;
    links::end_unproven(connection, user, None)
}

/// What becomes of the addresses of a user whose password a link has reset: the one that it was sent to is proven, and
/// what was proven later, or is about to be, may be the work of anyone who had the password before.
pub(crate) fn by_reset(
    connection: &Connection,
    user: UserId,
    link: &OpenedLink,
    losses: &Losses,
) -> Result<(), Failure> {
    let address = link.address.get();
    let of_kind = statements(link.kind);
    let since = rows::first(connection, of_kind.since, [address], |row| {
        Ok(row.get::<_, String>(0)?)
    })?;
    let was_shown = rows::first(connection, of_kind.was_shown, [address], |_| Ok(()))?;
    if rows::change(connection, of_kind.mark, [address])? > 0 {
        let when = (address, rows::time_text(link.at)?, true);
        rows::change(connection, of_kind.keep_when, when)?;
    } else {
        let shown = (address, user.get(), &link.value);
        rows::change(connection, of_kind.keep_session, shown)?;
    }
    claims::end_on(connection, (user, link.kind), &link.value, losses)?;
    rows::change(connection, claims::END_BY_RESET, [user.get()])?;
    let shown = (user.get(), link.kind.as_str(), address);
    rows::change(connection, replacements::END_BY_RESET, shown)?;
    for kind in [AddressKind::Email, AddressKind::Phone] {
        let of_kind = statements(kind);
        let but = (kind == link.kind).then_some(address);
        let younger = params![user.get(), but, since];
        rows::change(connection, of_kind.end_younger, younger)?;
        if was_shown.is_none() {
            rows::change(connection, of_kind.end_shown, params![user.get(), but])?;
        }
        rows::change(connection, of_kind.end_links, params![user.get(), but])?;
    }
    rows::change(connection, UNPROVEN_GIVES_WAY, [user.get()])?;
    fill_own_email(connection, user, link.kind, &link.value)?;
    Ok(())
}
