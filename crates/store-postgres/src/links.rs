//! When links were asked for, on PostgreSQL.

use phone_auth_core::address::AddressKind;
use phone_auth_core::link::LinkTarget;
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::failure::Failure;
use crate::rows::{self, USER_COLUMNS, past};

/// Keeps a request for a link, and answers the time under which that is known: that of the newest while it is young and
/// unused, else a newer one. A link that has verified an address is used, to the second, as its token tells the time. An
/// address that is gone is nobody's; one that is there stays, until the transaction ends. The arguments are the columns or
/// parameters for the kind, the purpose, the address, the place for nobody and the time, the times between which the newest
/// must have been asked for to be sent again, since when its code, or NULL, and where these come from.
macro_rules! request {
    ($kind:literal, $purpose:literal, $address:literal, $slot:literal, $at:literal,
        $since:literal, $until:literal, $code_since:literal, $from:literal) => {
        concat!(
            "INSERT INTO phone_auth_link_request (kind, purpose, holder, email_id, phone_id, claim_id, requested_at, code_at)
            SELECT a.kind, a.purpose, coalesce(a.email_id, a.phone_id, a.claim_id, a.slot), a.email_id, a.phone_id,
                a.claim_id, a.at,
                CASE WHEN ",
            $code_since,
            "::timestamptz IS NOT NULL THEN a.at END
            FROM (SELECT ",
            $kind,
            " AS kind, ",
            $purpose,
            " AS purpose, ",
            $slot,
            "::int8 AS slot, ",
            $at,
            "::timestamptz AS at,
                (SELECT id FROM phone_auth_emailaddress
                    WHERE id = ",
            $address,
            " AND ",
            $kind,
            " = 'email' FOR KEY SHARE) AS email_id,
                (SELECT id FROM phone_auth_phonenumber
                    WHERE id = ",
            $address,
            " AND ",
            $kind,
            " = 'phone' FOR KEY SHARE) AS phone_id,
                (SELECT id FROM phone_auth_claim
                    WHERE id = ",
            $address,
            " AND kind = ",
            $kind,
            " FOR KEY SHARE) AS claim_id",
            $from,
            ") a
            ON CONFLICT (kind, purpose, holder) DO UPDATE SET (requested_at, code_at) = (
                SELECT CASE WHEN r.is_repeat THEN phone_auth_link_request.requested_at
                        ELSE GREATEST(excluded.requested_at, phone_auth_link_request.requested_at + interval '1 microsecond') END,
                    CASE WHEN r.is_repeat AND (",
            $code_since,
            "::timestamptz IS NULL OR phone_auth_link_request.code_at BETWEEN ",
            $code_since,
            "::timestamptz AND ",
            $until,
            "::timestamptz) THEN phone_auth_link_request.code_at ELSE excluded.code_at END
                FROM (SELECT phone_auth_link_request.requested_at BETWEEN ",
            $since,
            "::timestamptz AND ",
            $until,
            "::timestamptz AND NOT (excluded.purpose = 'verify' AND coalesce(
                    (SELECT verified_at FROM phone_auth_email_verified WHERE address_id = excluded.email_id),
                    (SELECT verified_at FROM phone_auth_phone_verified WHERE address_id = excluded.phone_id),
                    '-infinity') >= date_trunc('second', phone_auth_link_request.requested_at)) AS is_repeat) r
            )
            RETURNING requested_at"
        )
    };
}
pub(crate) use request;

/// Ends a link that was opened, if it is the newest to a verified address of a user, and with it all others of its purpose that
/// were sent to addresses of that user: by the address, the user, its text, when it was asked for and the purpose. They are locked
/// in the order in which messages to both addresses of a user are enqueued.
macro_rules! end {
    ($kind:literal, $table:literal, $column:literal) => {
        concat!(
            "WITH locked AS MATERIALIZED (
                SELECT 1 FROM phone_auth_link_request r JOIN (
                    SELECT 'email' AS kind, id::int8 FROM phone_auth_emailaddress WHERE user_id = $2
                    UNION ALL
                    SELECT 'phone', id FROM phone_auth_phonenumber WHERE user_id = $2
                    UNION ALL
                    SELECT kind, id FROM phone_auth_claim WHERE user_id = $2
                ) a ON r.kind = a.kind AND r.holder = a.id
                WHERE r.purpose = $5 ORDER BY r.kind, r.holder FOR UPDATE OF r
            ), ended AS (
                DELETE FROM phone_auth_link_request
                WHERE (SELECT count(*) FROM locked) >= 0 AND kind = '",
            $kind,
            "' AND purpose = $5 AND holder = $1 AND requested_at = $4
                    AND EXISTS (SELECT 1 FROM ",
            $table,
            " WHERE id = $1 AND user_id = $2 AND ",
            $column,
            " = $3 AND is_verified)
                RETURNING 1
            ), others AS (
                DELETE FROM phone_auth_link_request r
                USING (
                    SELECT 'email' AS kind, id::int8 FROM phone_auth_emailaddress WHERE user_id = $2
                    UNION ALL
                    SELECT 'phone', id FROM phone_auth_phonenumber WHERE user_id = $2
                    UNION ALL
                    SELECT kind, id FROM phone_auth_claim WHERE user_id = $2
                ) a
                WHERE r.kind = a.kind AND r.purpose = $5 AND r.holder = a.id AND EXISTS (SELECT 1 FROM ended)
                    AND NOT (r.kind = '",
            $kind,
            "' AND r.holder = $1)
            )
            SELECT 1 FROM ended"
        )
    };
}
pub(crate) use end;

/// Keeps a request.
pub(crate) const REQUEST: &str = request!(
    "$1::text", "$2::text", "$3", "$4", "$5", "$6", "$7", "$8", ""
);

/// Keeps a request again that was ended, unless there is a newer one, or the address is gone.
pub(crate) const RESTORE: &str =
    "INSERT INTO phone_auth_link_request (kind, purpose, holder, email_id, phone_id, requested_at, code_at)
    SELECT $1, $2, $3, a.email_id, a.phone_id, $4, $5
    FROM (SELECT
        (SELECT id FROM phone_auth_emailaddress WHERE id = $3 AND $1 = 'email' FOR KEY SHARE) AS email_id,
        (SELECT id FROM phone_auth_phonenumber WHERE id = $3 AND $1 = 'phone' FOR KEY SHARE) AS phone_id) a
    WHERE coalesce(a.email_id, a.phone_id) IS NOT NULL
    ON CONFLICT (kind, purpose, holder) DO NOTHING";

/// The addresses of a user, as [`addresses::OF_USER`](crate::addresses::OF_USER) finds them, and the newest request
/// for each.
pub(crate) const OF_USER: &str = concat!(
    "
    SELECT a.id::int8, a.value::text, a.is_verified, a.user_id::int8, a.kind,
        (SELECT ",
    past!("requested_at"),
    " FROM phone_auth_link_request
            WHERE kind = a.kind AND purpose = $3 AND holder = a.id)
    FROM (
        (SELECT id, email AS value, is_verified, user_id, 'email' AS kind
            FROM phone_auth_emailaddress WHERE user_id = $1 LIMIT $2)
        UNION ALL
        (SELECT id, phone, is_verified, user_id, 'phone'
            FROM phone_auth_phonenumber WHERE user_id = $1 LIMIT $2)
    ) a ORDER BY a.kind, a.id"
);

/// Whether a reset link that was opened is still the newest, and its address the user's: by the kind, the address, its
/// text and the newest request. NULL for the kind is no link, and no reason against it.
macro_rules! is_newest {
    ($kind:literal, $address:literal, $value:literal, $newest:literal) => {
        concat!(
            "(",
            $kind,
            "::text IS NULL OR (
                SELECT requested_at FROM phone_auth_link_request
                WHERE kind = ",
            $kind,
            " AND purpose = 'reset_password' AND holder = ",
            $address,
            "::int8) IS NOT DISTINCT FROM ",
            $newest,
            "::timestamptz AND CASE ",
            $kind,
            "::text WHEN 'email' THEN EXISTS (SELECT 1 FROM phone_auth_emailaddress a
                    WHERE a.id = ",
            $address,
            "::int8 AND a.user_id = auth_user.id AND a.email = ",
            $value,
            "::text AND ",
            $crate::links::may_reset!(),
            ") ELSE EXISTS (SELECT 1 FROM phone_auth_phonenumber a
                    WHERE a.id = ",
            $address,
            "::int8 AND a.user_id = auth_user.id AND a.phone = ",
            $value,
            "::text AND ",
            $crate::links::may_reset!(),
            ") END)"
        )
    };
}

/// Whether a link to the address `a` of `auth_user` may reset the password: it is verified, or no other is.
macro_rules! may_reset {
    () => {
        "(a.is_verified OR (
            (SELECT true FROM phone_auth_emailaddress v WHERE v.user_id = a.user_id AND v.is_verified LIMIT 1) IS NULL
            AND (SELECT true FROM phone_auth_phonenumber v WHERE v.user_id = a.user_id AND v.is_verified LIMIT 1) IS NULL))"
    };
}
pub(crate) use {is_newest, may_reset};

/// The target of a link.
pub(crate) fn target(row: &PgRow, kind: AddressKind) -> Result<LinkTarget, Failure> {
    Ok(LinkTarget {
        address: rows::address(row, kind, USER_COLUMNS)?,
        user: rows::user(row, 0)?,
        newest: row.try_get(USER_COLUMNS + 4)?,
        code_at: row.try_get(USER_COLUMNS + 5)?,
        in_session: row.try_get(USER_COLUMNS + 6)?,
    })
}
