//! When links were asked for, on SQLite.

use chrono::{DateTime, Utc};
use phone_auth_core::address::AddressId;
use phone_auth_core::link::{LinkRequest, OpenedLink};
use phone_auth_core::outbox::Purpose;
use phone_auth_core::store::StoreErrorKind;
use phone_auth_core::user::UserId;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params};

use crate::addresses::statements::statements;
use crate::failure::Failure;
use crate::rows;

/// Whether a request is for the newest link again.
macro_rules! is_repeat {
    () => {
        "requested_at BETWEEN ?6 AND ?7 AND NOT (purpose = 'verify' AND coalesce(
            (SELECT verified_at FROM phone_auth_email_verified WHERE address_id = excluded.email_id),
            (SELECT verified_at FROM phone_auth_phone_verified WHERE address_id = excluded.phone_id), '')
                >= datetime(requested_at / 1000000, 'unixepoch'))"
    };
}

/// Keeps a request: for the newest again while that is young and unused, else as a newer one. An address that is gone is
/// nobody's. A link that has verified an address is used, to the second, as its token tells the time.
pub(crate) const REQUEST: &str = concat!(
    "INSERT INTO phone_auth_link_request (kind, purpose, holder, email_id, phone_id, claim_id, requested_at, code_at)
    SELECT ?1, ?2, coalesce(a.email_id, a.phone_id, a.claim_id, ?4), a.email_id, a.phone_id, a.claim_id, ?5,
        iif(?8 IS NULL, NULL, ?5)
    FROM (SELECT
        (SELECT id FROM phone_auth_emailaddress WHERE id = ?3 AND ?1 = 'email') AS email_id,
        (SELECT id FROM phone_auth_phonenumber WHERE id = ?3 AND ?1 = 'phone') AS phone_id,
        (SELECT id FROM phone_auth_claim WHERE id = ?3 AND kind = ?1) AS claim_id) a
    WHERE true
    ON CONFLICT (kind, purpose, holder) DO UPDATE SET
        requested_at = CASE WHEN ",
    is_repeat!(),
    "       THEN requested_at ELSE max(excluded.requested_at, requested_at + 1) END,
        code_at = CASE WHEN (?8 IS NULL OR code_at BETWEEN ?8 AND ?7) AND ",
    is_repeat!(),
    "       THEN code_at ELSE excluded.code_at END
    RETURNING requested_at"
);

/// Keeps a request again that was ended, unless there is a newer one, or the address is gone.
pub(crate) const RESTORE: &str =
    "INSERT INTO phone_auth_link_request (kind, purpose, holder, email_id, phone_id, requested_at, code_at)
    SELECT ?1, ?2, ?3, a.email_id, a.phone_id, ?4, ?5
    FROM (SELECT
        (SELECT id FROM phone_auth_emailaddress WHERE id = ?3 AND ?1 = 'email') AS email_id,
        (SELECT id FROM phone_auth_phonenumber WHERE id = ?3 AND ?1 = 'phone') AS phone_id) a
    WHERE coalesce(a.email_id, a.phone_id) IS NOT NULL
    ON CONFLICT (kind, purpose, holder) DO NOTHING";

/// Ends what was asked for with a purpose at all addresses of a user of one kind but one, and at their claims. A link that has
/// verified its address verifies no other, and stays: who opens it again is told that.
pub(crate) const END_ALL: [&str; 2] = [
    "DELETE FROM phone_auth_link_request WHERE kind = 'email' AND purpose = ?2 AND holder IS NOT ?3 AND NOT (?2 = 'verify' AND coalesce(
            (SELECT verified_at FROM phone_auth_email_verified WHERE address_id = holder), '')
                >= datetime(requested_at / 1000000, 'unixepoch'))
    AND holder IN (
        SELECT id FROM phone_auth_emailaddress WHERE user_id = ?1
        UNION ALL
        SELECT id FROM phone_auth_claim WHERE user_id = ?1 AND NOT (?2 = 'verify' AND is_proven))",
    "DELETE FROM phone_auth_link_request WHERE kind = 'phone' AND purpose = ?2 AND holder IS NOT ?3 AND NOT (?2 = 'verify' AND coalesce(
            (SELECT verified_at FROM phone_auth_phone_verified WHERE address_id = holder), '')
                >= datetime(requested_at / 1000000, 'unixepoch'))
    AND holder IN (
        SELECT id FROM phone_auth_phonenumber WHERE user_id = ?1
        UNION ALL
        SELECT id FROM phone_auth_claim WHERE user_id = ?1 AND NOT (?2 = 'verify' AND is_proven))",
];

/// Ends whatever was sent to the claims of a user but one.
pub(crate) const END_OF_CLAIMS: &str = "DELETE FROM phone_auth_link_request WHERE claim_id IN (
        SELECT id FROM phone_auth_claim WHERE user_id = ?1 AND NOT is_proven AND id IS NOT ?2)";

/// Ends what another password ends: the links that would verify an address of a user, and all that was sent to their claims, for a
/// code of any purpose may prove one. Those to one claim stay, where that is proven.
pub(crate) fn end_unproven(
    connection: &Connection,
    user: UserId,
    but: Option<i64>,
) -> Result<(), Failure> {
    for end in END_ALL {
        rows::change(connection, end, (user.get(), Purpose::Verify.as_str(), but))?;
    }
    rows::change(connection, END_OF_CLAIMS, (user.get(), but))?;
    Ok(())
}

/// The addresses of a user, as [`addresses::OF_USER`](crate::addresses::statements::OF_USER) finds them, and the newest request
/// for each.
pub(crate) const OF_USER: &str = "
    SELECT a.id, a.value, a.is_verified, a.user_id, a.kind,
        (SELECT requested_at FROM phone_auth_link_request
            WHERE kind = a.kind AND purpose = ?3 AND holder = a.id)
    FROM (
        SELECT * FROM (
            SELECT id, email AS value, is_verified IS TRUE AS is_verified, user_id, 'email' AS kind
                FROM phone_auth_emailaddress WHERE user_id = ?1 LIMIT ?2)
        UNION ALL
        SELECT * FROM (
            SELECT id, phone, is_verified IS TRUE, user_id, 'phone'
                FROM phone_auth_phonenumber WHERE user_id = ?1 LIMIT ?2)
    ) a ORDER BY a.kind, a.id";

/// Keeps a request; the time under which it is known.
pub(crate) fn request(
    connection: &Connection,
    request: &LinkRequest,
) -> Result<DateTime<Utc>, Failure> {
    let values = params![
        request.kind.as_str(),
        request.purpose.as_str(),
        request.address.map(AddressId::get),
        request.slot(),
        micros(request.at),
        micros(request.repeats_from()),
        micros(request.repeats_until()),
        request.code_repeats_from().map(micros),
    ];
    rows::only(connection, REQUEST, values, |row| time(row, 0))?
        .ok_or_else(|| StoreErrorKind::Broken.into())
}

/// Whether a link that was opened is still the newest, and its address the user's.
pub(crate) fn is_newest(
    connection: &Connection,
    user: UserId,
    link: &OpenedLink,
) -> Result<bool, Failure> {
    let values = params![
        link.address.get(),
        user.get(),
        link.value,
        link.newest.map(micros),
    ];
    let found = rows::first(connection, statements(link.kind).is_newest, values, |_| {
        Ok(())
    })?;
    Ok(found.is_some())
}

/// The time of a request, or NULL. One that cannot be read is the beginning of 1970, of which there is no link.
pub(crate) fn time(row: &Row<'_>, column: usize) -> Result<Option<DateTime<Utc>>, Failure> {
    let time = match row.get_ref(column)? {
        ValueRef::Null => return Ok(None),
        ValueRef::Integer(micros) => DateTime::from_timestamp_micros(micros),
        _ => None,
    };
    Ok(Some(time.unwrap_or(DateTime::UNIX_EPOCH)))
}

/// A time as it is kept here.
pub(crate) const fn micros(time: DateTime<Utc>) -> i64 {
    time.timestamp_micros()
}

/// The same where one that cannot be read must be taken for no other.
pub(crate) fn exact_time(row: &Row<'_>, column: usize) -> Result<Option<DateTime<Utc>>, Failure> {
    let Some(micros) = row.get(column)? else {
        return Ok(None);
    };
    let time = DateTime::from_timestamp_micros(micros);
    time.map(Some).ok_or_else(|| StoreErrorKind::Broken.into())
}
