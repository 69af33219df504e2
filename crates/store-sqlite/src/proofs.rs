//! What the proof of an address ends that was there before it, on SQLite.

use phone_auth_core::address::{AddressKind, Losses};
use phone_auth_core::link::OpenedLink;
use phone_auth_core::user::UserId;
use rusqlite::{Connection, params};

use crate::addresses::statements;
use crate::claims;
use crate::failure::Failure;
use crate::rows;

/// The statements about one of the two tables of addresses, which differ by their names only.
pub(crate) struct Statements {
    /// Since when an address is proven, as a text: before all times when no link has proven it, after all times when
    /// it is not verified.
    pub(crate) since: &'static str,
    pub(crate) mark: &'static str,
    /// Takes their proof from the addresses of a user that were proven later.
    pub(crate) end_younger: &'static str,
    /// Ends the links that would verify the addresses of a user.
    pub(crate) end_links: &'static str,
}

macro_rules! statements {
    ($table:literal, $verified:literal, $kind:literal) => {
        Statements {
            since: concat!(
                "SELECT CASE WHEN is_verified
                    THEN coalesce((SELECT verified_at FROM ",
                $verified,
                " WHERE address_id = ?1), '') ELSE '~' END
                FROM ",
                $table,
                " WHERE id = ?1"
            ),
            mark: concat!(
                "UPDATE ",
                $table,
                " SET is_verified = 1 WHERE id = ?1 AND is_verified IS NOT TRUE"
            ),
            end_younger: concat!(
                "UPDATE ",
                $table,
                " SET is_verified = 0 WHERE user_id = ?1 AND is_verified AND id IS NOT ?2
                    AND (SELECT verified_at FROM ",
                $verified,
                " WHERE address_id = ",
                $table,
                ".id) > ?3"
            ),
            end_links: concat!(
                "DELETE FROM phone_auth_link_request WHERE kind = '",
                $kind,
                "' AND purpose = 'verify' AND holder IN (SELECT id FROM ",
                $table,
                " WHERE user_id = ?1 AND id IS NOT ?2)"
            ),
        }
    };
}

/// Of each kind.
pub(crate) const STATEMENTS: [(AddressKind, Statements); 2] = [
    (
        AddressKind::Email,
        statements!(
            "phone_auth_emailaddress",
            "phone_auth_email_verified",
            "email"
        ),
    ),
    (
        AddressKind::Phone,
        statements!(
            "phone_auth_phonenumber",
            "phone_auth_phone_verified",
            "phone"
        ),
    ),
];

/// What becomes of the addresses of a user whose password a link has reset: the one that it was sent to is proven, and
/// what was proven later, or is about to be, may be the work of anyone who had the password before.
pub(crate) fn by_reset(
    connection: &Connection,
    user: UserId,
    link: &OpenedLink,
    losses: &Losses,
) -> Result<(), Failure> {
    let address = link.address.get();
    let of_kind = STATEMENTS.iter().find(|(kind, _)| *kind == link.kind);
    let mut since = None;
    if let Some((_, of_kind)) = of_kind {
        since = rows::first(connection, of_kind.since, [address], |row| {
            Ok(row.get::<_, String>(0)?)
        })?;
        if rows::change(connection, of_kind.mark, [address])? > 0 {
            let when = (address, rows::time_text(link.at)?);
            rows::change(connection, statements(link.kind).keep_when, when)?;
        }
    }
    claims::end_on(connection, (user, link.kind), &link.value, losses)?;
    rows::change(connection, claims::END_BY_RESET, [user.get()])?;
    for (kind, of_kind) in &STATEMENTS {
        let but = (*kind == link.kind).then_some(address);
        let younger = params![user.get(), but, since];
        rows::change(connection, of_kind.end_younger, younger)?;
        rows::change(connection, of_kind.end_links, params![user.get(), but])?;
    }
    Ok(())
}
