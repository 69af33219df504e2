//! The statements about what becomes of an address once it is there, on SQLite.

use phone_auth_core::address::AddressKind;
use phone_auth_core::user::UserId;
use rusqlite::{Connection, params};

use crate::failure::Failure;
use crate::rows;

/// The statements about one of the two tables, which differ by their names only.
pub(crate) struct Statements {
    /// The text of an address of a user, and whether enough remains without it.
    pub(crate) look: &'static str,
    pub(crate) remove: &'static str,
    pub(crate) text: &'static str,
    pub(crate) set_verified: &'static str,
}

macro_rules! statements {
    ($table:literal, $column:literal) => {
        Statements {
            look: concat!(
                "SELECT a.",
                $column,
                ", EXISTS (SELECT 1 FROM phone_auth_emailaddress o WHERE o.user_id = ?2 AND ?3
                        AND (o.is_verified OR a.is_verified IS NOT TRUE) AND NOT (?5 AND o.id = a.id))
                    OR EXISTS (SELECT 1 FROM phone_auth_phonenumber o WHERE o.user_id = ?2 AND ?4
                        AND (o.is_verified OR a.is_verified IS NOT TRUE) AND NOT (NOT ?5 AND o.id = a.id))
                FROM ",
                $table,
                " a WHERE a.id = ?1 AND a.user_id = ?2"
            ),
            remove: concat!("DELETE FROM ", $table, " WHERE id = ?1"),
            text: concat!("SELECT ", $column, " FROM ", $table, " WHERE id = ?1"),
            set_verified: concat!(
                "UPDATE ",
                $table,
                " SET is_verified = ?3
                WHERE id = ?1 AND user_id = ?2 AND (is_verified IS TRUE) IS NOT ?3"
            ),
        }
    };
}

const EMAIL: Statements = statements!("phone_auth_emailaddress", "email");
const PHONE: Statements = statements!("phone_auth_phonenumber", "phone");

/// The statements about a kind.
pub(crate) const fn statements(kind: AddressKind) -> &'static Statements {
    match kind {
        AddressKind::Email => &EMAIL,
        AddressKind::Phone => &PHONE,
    }
}

/// Puts the oldest verified email address of a user into their own row, in the place of one that is gone.
pub(crate) const NEXT_EMAIL: &str = "UPDATE auth_user SET email = coalesce(
        (SELECT email FROM phone_auth_emailaddress WHERE user_id = ?1 AND is_verified ORDER BY id LIMIT 1), '')
    WHERE id = ?1 AND lower(email) = lower(?2)";

/// Puts the verified email address, or the claim that has become one, into the user's own row that takes the place of one there.
pub(crate) const SUCCESSOR: &str = "UPDATE auth_user SET email = a.email
    FROM phone_auth_emailaddress a
    WHERE auth_user.id = ?1 AND lower(auth_user.email) = lower(?2) AND a.user_id = ?1 AND a.is_verified
        AND (a.id = ?3 OR lower(a.email) = (SELECT value FROM phone_auth_claim WHERE id = ?3))";

/// Puts a proven email address into the user's own row, if there is none.
pub(crate) const OWN_EMAIL: &str =
    "UPDATE auth_user SET email = ?2 WHERE id = ?1 AND coalesce(email, '') = ''";

/// Puts a verified email address of a user into their own row.
pub(crate) const MAKE_PRIMARY: &str = "UPDATE auth_user SET email = a.email
    FROM phone_auth_emailaddress a
    WHERE auth_user.id = ?1 AND a.id = ?2 AND a.user_id = ?1 AND a.is_verified AND auth_user.email IS NOT a.email";

/// Puts an address that its user has proven into their own row, if it is an email address and none is there.
pub(crate) fn fill_own_email(
    connection: &Connection,
    user: UserId,
    kind: AddressKind,
    value: &str,
) -> Result<(), Failure> {
    if kind == AddressKind::Email {
        rows::change(connection, OWN_EMAIL, params![user.get(), value])?;
    }
    Ok(())
}
