//! The statements about addresses, on SQLite.

use phone_auth_core::address::{AddressId, AddressKind};
use phone_auth_core::user::UserId;
use rusqlite::Connection;

use crate::failure::Failure;
use crate::rows::{self, user_columns};
use crate::users::statements::{is_email_taken, is_phone_taken};

/// The statements about one of the two tables, which differ by two names only.
pub(crate) struct Statements {
    insert: &'static str,
    pub(crate) may_add: &'static str,
    pub(crate) with_user: &'static str,
    pub(crate) verify: &'static str,
    pub(crate) is_verified: &'static str,
    /// The address, its user, and the newest request for a link.
    pub(crate) target: &'static str,
    /// Whether a reset link that was opened is still the newest.
    pub(crate) is_newest: &'static str,
    /// Ends a link to it that was opened.
    pub(crate) end_link: &'static str,
    /// Removes it while it is not verified and another of the user is.
    pub(crate) free: &'static str,
}

/// Whether the user `?2` has a verified address.
macro_rules! has_verified {
    () => {
        "(EXISTS (SELECT 1 FROM phone_auth_emailaddress WHERE user_id = ?2 AND is_verified)
            OR EXISTS (SELECT 1 FROM phone_auth_phonenumber WHERE user_id = ?2 AND is_verified))"
    };
}

macro_rules! statements {
    ($table:literal, $column:literal, $verified:literal, $kind:literal, $is_taken:expr) => {
        Statements {
            insert: concat!(
                "INSERT INTO ",
                $table,
                " (",
                $column,
                ", is_verified, user_id) VALUES (?1, 0, ?2)"
            ),
            may_add: concat!(
                "SELECT EXISTS (SELECT 1 FROM phone_auth_claim WHERE user_id = ?11 AND kind = '",
                $kind,
                "' AND value = ?13 AND NOT is_proven) OR ",
                $is_taken,
                ", EXISTS (SELECT 1 FROM auth_user WHERE id = ?11), count(*), count(iif(is_verified, NULL, 1))
                FROM (
                    SELECT is_verified FROM phone_auth_emailaddress WHERE user_id = ?11
                    UNION ALL
                    SELECT is_verified FROM phone_auth_phonenumber WHERE user_id = ?11
                    UNION ALL
                    SELECT is_proven FROM phone_auth_claim WHERE user_id = ?11 AND NOT is_proven
                    LIMIT ?12
                )"
            ),
            with_user: concat!(
                "SELECT ",
                user_columns!(),
                ", a.id, a.",
                $column,
                ", a.is_verified IS TRUE, a.user_id
                FROM ",
                $table,
                " a JOIN auth_user u ON u.id = a.user_id WHERE a.id = ?1"
            ),
            verify: concat!(
                "UPDATE ",
                $table,
                " SET is_verified = 1
                WHERE id = ?1 AND user_id = ?2 AND ",
                $column,
                " = ?3 AND is_verified IS NOT TRUE
                    AND NOT EXISTS (SELECT 1 FROM ",
                $verified,
                " WHERE address_id = ?1 AND verified_at >= ?4)
                    AND (SELECT requested_at FROM phone_auth_link_request
                        WHERE kind = '",
                $kind,
                "' AND purpose = 'verify' AND holder = ?1) IS ?5"
            ),
            target: concat!(
                "SELECT ",
                user_columns!(),
                ", a.id, a.",
                $column,
                ", a.is_verified IS TRUE, a.user_id, r.requested_at, r.code_at,
                    EXISTS (SELECT 1 FROM ",
                $verified,
                " WHERE address_id = a.id AND in_session)
                FROM ",
                $table,
                " a JOIN auth_user u ON u.id = a.user_id
                LEFT JOIN phone_auth_link_request r ON r.kind = '",
                $kind,
                "' AND r.purpose = ?2 AND r.holder = a.id
                WHERE a.id = ?1"
            ),
            is_newest: concat!(
                "SELECT 1 FROM ",
                $table,
                " a LEFT JOIN phone_auth_link_request r ON r.kind = '",
                $kind,
                "' AND r.purpose = 'reset_password' AND r.holder = a.id
                WHERE a.id = ?1 AND a.user_id = ?2 AND a.",
                $column,
                " = ?3 AND r.requested_at IS ?4 AND (a.is_verified OR NOT ",
                has_verified!(),
                ")"
            ),
            end_link: concat!(
                "DELETE FROM phone_auth_link_request
                WHERE kind = '",
                $kind,
                "' AND purpose = ?5 AND holder = ?1 AND requested_at = ?4
                    AND EXISTS (SELECT 1 FROM ",
                $table,
                " WHERE id = ?1 AND user_id = ?2 AND ",
                $column,
                " = ?3 AND is_verified)"
            ),
            free: concat!(
                "DELETE FROM ",
                $table,
                " WHERE id = ?1 AND user_id = ?2 AND ",
                $column,
                " = ?3 AND is_verified IS NOT TRUE
                    AND (SELECT requested_at FROM phone_auth_link_request
                        WHERE kind = '",
                $kind,
                "' AND purpose = 'reset_password' AND holder = ?1) IS ?4
                    AND ",
                has_verified!()
            ),
            is_verified: concat!(
                "SELECT 1 FROM ",
                $table,
                " WHERE id = ?1 AND user_id = ?2 AND ",
                $column,
                " = ?3 AND is_verified"
            ),
        }
    };
}

const EMAIL: Statements = statements!(
    "phone_auth_emailaddress",
    "email",
    "phone_auth_email_verified",
    "email",
    is_email_taken!(" AND id <> ?11")
);

const PHONE: Statements = statements!(
    "phone_auth_phonenumber",
    "phone",
    "phone_auth_phone_verified",
    "phone",
    is_phone_taken!(" AND id <> ?11")
);

/// So many of each kind at most, whichever come first; all, in order, where there are no more.
pub(crate) const OF_USER: &str = "
    SELECT * FROM (
        SELECT id, email, is_verified IS TRUE, user_id, 'email' AS kind
            FROM phone_auth_emailaddress WHERE user_id = ?1
        UNION ALL
        SELECT id, value, 0, user_id, kind FROM phone_auth_claim WHERE user_id = ?1 AND kind = 'email' AND NOT is_proven
        LIMIT ?2)
    UNION ALL
    SELECT * FROM (
        SELECT id, phone, is_verified IS TRUE, user_id, 'phone'
            FROM phone_auth_phonenumber WHERE user_id = ?1
        UNION ALL
        SELECT id, value, 0, user_id, kind FROM phone_auth_claim WHERE user_id = ?1 AND kind = 'phone' AND NOT is_proven
        LIMIT ?2)
    ORDER BY kind, id";

/// The statements about a kind.
pub(crate) const fn statements(kind: AddressKind) -> &'static Statements {
    match kind {
        AddressKind::Email => &EMAIL,
        AddressKind::Phone => &PHONE,
    }
}

/// Stores an unverified address; its number.
pub(crate) fn insert(
    connection: &Connection,
    kind: AddressKind,
    user: UserId,
    value: &str,
) -> Result<AddressId, Failure> {
    rows::change(connection, statements(kind).insert, (value, user.get()))?;
    Ok(AddressId::new(connection.last_insert_rowid()))
}
