//! The statements about challenges, on PostgreSQL.

use crate::rows::past;

/// Whether the challenge that begins is nobody's.
macro_rules! is_nobodys {
    () => {
        "$3::bigint IS NULL AND $4::bigint IS NULL"
    };
}
pub(crate) use is_nobodys;

/// The places of the group of which this is the first. It is a range, so that the index of the ids is what finds them.
macro_rules! group {
    ($first:literal) => {
        concat!(
            "id BETWEEN ",
            $first,
            "::bytea AND set_byte(",
            $first,
            "::bytea, 31, 31)"
        )
    };
}
pub(crate) use group;

/// The number of the place that a challenge of nobody takes, as [`NewChallenge::place`](phone_auth_core::challenge::NewChallenge)
/// says: its own or that of the one which ends with it, else a free one, else that of one which is over, else that of the oldest.
/// It is looked for with someone's as well, so that both take as long.
macro_rules! place {
    () => {
        concat!(
            "SELECT n FROM generate_series(0, 31) n LEFT JOIN (
            SELECT get_byte(id, 31) AS taken, key_digest, purpose, created_at, expires_at FROM phone_auth_challenge
            WHERE ",
            $crate::challenges::statements::group!("$1"),
            " OFFSET 0
        ) g ON taken = n
        ORDER BY CASE
            WHEN taken IS NULL THEN 1
            WHEN key_digest = $13 OR (key_digest = $11 AND purpose = $2 AND purpose <> 'verify') THEN 0
            WHEN expires_at <= $6 THEN 2
            ELSE 3 END, created_at, (n - get_byte($13::bytea, 31)) & 31
        LIMIT 1"
        )
    };
}
pub(crate) use place;

/// A challenge that begins, if there is one.
macro_rules! insert {
    () => {
        concat!(
            "INSERT INTO phone_auth_challenge
        (id, purpose, email_id, phone_id, attempts_left, created_at, expires_at, subject, sends, resend_at, key_digest)
    SELECT CASE WHEN ",
            $crate::challenges::statements::is_nobodys!(),
            " THEN set_byte($1::bytea, 31, n) ELSE $13 END, $2, $3, $4, $5, $6, $7, $8, $9, $10,
        CASE WHEN ",
            $crate::challenges::statements::is_nobodys!(),
            " THEN $13 END
    FROM (",
            $crate::challenges::statements::place!(),
            ") p WHERE $1::bytea IS NOT NULL
    ON CONFLICT (id) DO "
        )
    };
}
pub(crate) use insert;

/// Begins a challenge, if there is one, in the place of one that is there.
macro_rules! begin {
    () => {
        concat!(
            $crate::challenges::statements::insert!(),
            "UPDATE SET purpose = excluded.purpose, email_id = excluded.email_id,
        phone_id = excluded.phone_id, attempts_left = excluded.attempts_left, created_at = excluded.created_at,
        expires_at = excluded.expires_at, subject = excluded.subject, sends = excluded.sends,
        resend_at = excluded.resend_at, proven_at = NULL, key_digest = excluded.key_digest,
        first_name = NULL, last_name = NULL"
        )
    };
}
pub(crate) use begin;

/// The id of the row of a key: at a place of its group, else its own. The whole group is looked at for everyone, so that it takes as
/// long: what is put in order is read to its end first.
macro_rules! id_of_key {
    ($key:literal, $group:literal) => {
        concat!(
            "coalesce((SELECT id FROM phone_auth_challenge WHERE ",
            $crate::challenges::statements::group!($group),
            " AND key_digest = ",
            $key,
            " ORDER BY created_at LIMIT 1), ",
            $key,
            ")"
        )
    };
}
pub(crate) use id_of_key;

/// Ends the challenge before, if it is of the same purpose; but one that verifies an address: that is its user's, in whatever
/// browser, and begun anew it would have all its attempts again. Of nobody's in the same group the one that begins takes the
/// place: a statement changes a row once.
macro_rules! ended {
    () => {
        concat!(
            "ended AS (
        DELETE FROM phone_auth_challenge
        WHERE id = ",
            $crate::challenges::statements::id_of_key!("$11", "$12"),
            " AND coalesce(key_digest, id) = $11 AND id <> $13 AND purpose = $2 AND purpose <> 'verify'
            AND (key_digest IS NULL OR $12 <> $1 OR NOT (",
            $crate::challenges::statements::is_nobodys!(),
            "))
    )"
        )
    };
}
pub(crate) use ended;

pub(crate) const BEGIN: &str = concat!("WITH ", ended!(), " ", begin!());

/// One that is there stays.
pub(crate) const OPEN: &str = concat!("WITH ", ended!(), " ", insert!(), "NOTHING");

/// The row of a key. At a place it must still be its own when it is changed.
macro_rules! of_key {
    () => {
        concat!(
            "id = ",
            id_of_key!("$1", "$2"),
            " AND coalesce(key_digest, $1) = $1"
        )
    };
}

pub(crate) const FIND: &str = concat!(
    "SELECT email_id, phone_id, subject, attempts_left, ",
    past!("expires_at"),
    ", sends, ",
    past!("resend_at"),
    ", ",
    past!("proven_at"),
    "
    FROM phone_auth_challenge WHERE ",
    of_key!(),
    " AND purpose = $3"
);

pub(crate) const KEEP_NAMES: &str = concat!(
    "UPDATE phone_auth_challenge SET first_name = $3, last_name = $4 WHERE ",
    of_key!()
);

pub(crate) const NAMES: &str = concat!(
    "SELECT first_name, last_name FROM phone_auth_challenge WHERE ",
    of_key!(),
    " AND first_name IS NOT NULL AND last_name IS NOT NULL"
);

/// An attempt that is taken meanwhile is waited for.
pub(crate) const RENEW: &str = concat!(
    "UPDATE phone_auth_challenge SET sends = $8, resend_at = $4, expires_at = $5, subject = $9,
        attempts_left = CASE WHEN expires_at > $7 THEN attempts_left ELSE $6 END
    WHERE ",
    of_key!(),
    " AND sends = $3 RETURNING 1"
);

pub(crate) const ATTEMPT: &str = concat!(
    "UPDATE phone_auth_challenge SET attempts_left = attempts_left - 1
    WHERE ",
    of_key!(),
    " AND purpose = $3 AND attempts_left > 0 AND expires_at > $4
    RETURNING email_id, phone_id, subject, attempts_left, ",
    past!("expires_at")
);

/// One that is over at another time was begun anew meanwhile, or its code was.
pub(crate) const RETURN: &str = concat!(
    "UPDATE phone_auth_challenge SET attempts_left = attempts_left + 1
    WHERE ",
    of_key!(),
    " AND purpose = $3 AND proven_at IS NULL AND expires_at = $4 AND attempts_left < $5"
);

/// The code comes first, for which all wait who type it at once, at whatever challenges; and as in [`ENQUEUE`], which asks for a
/// code before its challenge begins.
///
/// [`ENQUEUE`]: crate::outbox::statements::ENQUEUE
pub(crate) const END: &str = "WITH used AS (
        UPDATE phone_auth_link_request SET code_at = $7
        WHERE kind = $3 AND purpose = $4 AND holder = $5 AND code_at = $6
            AND EXISTS (SELECT 1 FROM phone_auth_challenge WHERE id = $1 AND proven_at IS NULL)
        RETURNING 1
    )
    UPDATE phone_auth_challenge SET proven_at = $2, attempts_left = 0
    WHERE id = $1 AND proven_at IS NULL AND EXISTS (SELECT 1 FROM used) RETURNING 1";

pub(crate) const REOPEN: &str = "WITH reopened AS (
        UPDATE phone_auth_challenge SET proven_at = NULL, attempts_left = $3
        WHERE id = $1 AND proven_at = $2 RETURNING 1
    ), unused AS (
        UPDATE phone_auth_link_request SET code_at = $7
        WHERE kind = $4 AND purpose = $5 AND holder = $6 AND code_at = $8 AND EXISTS (SELECT 1 FROM reopened)
    )
    SELECT 1 FROM reopened";

/// One that is being attempted is left for the next time.
pub(crate) const REMOVE_EXPIRED: &str = "WITH over AS (
        SELECT id FROM phone_auth_challenge WHERE expires_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED
    ), removed AS (
        DELETE FROM phone_auth_challenge c USING over o WHERE c.id = o.id RETURNING 1
    )
    SELECT count(*) FROM removed";
