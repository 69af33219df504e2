//! What the proof of an address ends that was there before it, on SQLite.

use phone_auth_core::address::{AddressKind, Losses};
use phone_auth_core::link::OpenedLink;
use phone_auth_core::outbox::Purpose;
use phone_auth_core::user::UserId;
use rusqlite::{Connection, params};

use crate::address_changes;
use crate::claims;
use crate::failure::Failure;
use crate::links;
use crate::replacements;
use crate::rows;

/// The statements about one of the two tables of addresses, which differ by their names only.
pub(crate) struct Statements {
    /// Since when an address is proven, as a text: before all times when no link has proven it, after all times when
    /// it is not verified.
    pub(crate) since: &'static str,
    pub(crate) mark: &'static str,
    /// Whether the one who has set the password until now has shown it.
    pub(crate) was_shown: &'static str,
    /// Keeps of the other addresses of a user that the one who sets the password now has not shown them.
    pub(crate) end_shown: &'static str,
    /// Takes their proof from the addresses of a user that were proven later.
    pub(crate) end_younger: &'static str,
    /// Keeps when an address was proven, and whether its user was signed in.
    pub(crate) keep_when: &'static str,
    /// Keeps that the user was signed in who has shown an address that is verified. When it was verified stays as it is: at
    /// no time that is known, where no link has done it.
    pub(crate) keep_session: &'static str,
    /// The same of an address that was a claim: another row has it by now.
    pub(crate) keep_session_of_claim: &'static str,
    /// Ends the links that would verify the addresses of a user.
    pub(crate) end_links: &'static str,
}

macro_rules! statements {
    ($table:literal, $column:literal, $verified:literal, $kind:literal) => {
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
            was_shown: concat!(
                "SELECT 1 FROM ",
                $table,
                " WHERE id = ?1 AND is_verified AND EXISTS (SELECT 1 FROM ",
                $verified,
                " WHERE address_id = ?1 AND in_session)"
            ),
            end_shown: concat!(
                "UPDATE ",
                $verified,
                " SET in_session = 0 WHERE in_session AND address_id IN (SELECT id FROM ",
                $table,
                " WHERE user_id = ?1 AND id IS NOT ?2)"
            ),
            keep_when: concat!(
                "INSERT INTO ",
                $verified,
                " (address_id, verified_at, in_session) VALUES (?1, ?2, ?3)
                ON CONFLICT (address_id) DO UPDATE SET verified_at = excluded.verified_at, in_session = excluded.in_session"
            ),
            keep_session: concat!(
                "INSERT INTO ",
                $verified,
                " (address_id, verified_at, in_session) SELECT id, '', 1 FROM ",
                $table,
                " WHERE id = ?1 AND user_id = ?2 AND ",
                $column,
                " = ?3 AND is_verified
                ON CONFLICT (address_id) DO UPDATE SET in_session = 1 WHERE NOT in_session"
            ),
            keep_session_of_claim: concat!(
                "INSERT INTO ",
                $verified,
                " (address_id, verified_at, in_session) SELECT id, '', 1 FROM ",
                $table,
                " WHERE user_id = ?1 AND ",
                $column,
                " = ?2 AND is_verified
                ON CONFLICT (address_id) DO UPDATE SET in_session = 1 WHERE NOT in_session"
            ),
            end_links: concat!(
                "DELETE FROM phone_auth_link_request WHERE kind = '",
                $kind,
                "' AND purpose = 'verify' AND NOT EXISTS (SELECT 1 FROM ",
                $verified,
                " v WHERE v.address_id = holder AND v.verified_at >= datetime(requested_at / 1000000, 'unixepoch'))
                AND holder IN (SELECT id FROM ",
                $table,
                " WHERE user_id = ?1 AND id IS NOT ?2)"
            ),
        }
    };
}

const EMAIL: Statements = statements!(
    "phone_auth_emailaddress",
    "email",
    "phone_auth_email_verified",
    "email"
);

const PHONE: Statements = statements!(
    "phone_auth_phonenumber",
    "phone",
    "phone_auth_phone_verified",
    "phone"
);

/// The email address in the user's own row: one of theirs that has no proof gives way to the oldest that has one, or to none.
pub(crate) const UNPROVEN_GIVES_WAY: &str = "
    UPDATE auth_user SET email = coalesce(
        (SELECT email FROM phone_auth_emailaddress WHERE user_id = ?1 AND is_verified ORDER BY id LIMIT 1), '')
    WHERE id = ?1 AND EXISTS (SELECT 1 FROM phone_auth_emailaddress a
        WHERE a.user_id = ?1 AND lower(a.email) = lower(auth_user.email) AND a.is_verified IS NOT TRUE)";

/// The statements about a kind.
pub(crate) const fn statements(kind: AddressKind) -> &'static Statements {
    match kind {
        AddressKind::Email => &EMAIL,
        AddressKind::Phone => &PHONE,
    }
}

/// What becomes of the addresses of a user who has another password, without a link: nothing of those that are proven. What is
/// about to be proven may be the work of anyone who had the password before, so its links end, and it takes the place of
/// no other.
pub(crate) fn by_change(connection: &Connection, user: UserId) -> Result<(), Failure> {
    rows::change(connection, replacements::END_ALL, [user.get()])?;
    for end in links::END_ALL {
        let verify = Purpose::Verify.as_str();
        rows::change(connection, end, (user.get(), verify, None::<i64>))?;
    }
    Ok(())
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
    address_changes::fill_own_email(connection, user, link.kind, &link.value)?;
    Ok(())
}
