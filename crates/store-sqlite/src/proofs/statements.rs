//! The statements about what the proof of an address ends, on SQLite.

use phone_auth_core::address::AddressKind;

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
