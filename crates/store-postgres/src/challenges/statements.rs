//! The statements about challenges, on PostgreSQL.

use crate::rows::past;

/// A challenge that begins, if there is one.
macro_rules! insert {
    () => {
        "INSERT INTO phone_auth_challenge
        (id, purpose, email_id, phone_id, attempts_left, created_at, expires_at, subject, sends, resend_at, key_digest)
    SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $13 WHERE $1::bytea IS NOT NULL
    ON CONFLICT (id) DO "
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

/// Ends the challenge before, if it is of the same purpose; but one that verifies an address: that is its user's, in whatever
/// browser, and begun anew it would have all its attempts again.
macro_rules! ended {
    () => {
        "ended AS (
        DELETE FROM phone_auth_challenge
        WHERE id IN ($11, $12) AND coalesce(key_digest, id) = $11 AND id <> $1
            AND purpose = $2 AND purpose <> 'verify'
    )"
    };
}
pub(crate) use ended;

pub(crate) const BEGIN: &str = concat!("WITH ", ended!(), " ", begin!());

/// One that is there stays.
pub(crate) const OPEN: &str = concat!("WITH ", ended!(), " ", insert!(), "NOTHING");

/// The row of a key: under its id, else at its place. There it must be its own, or one that a server of the version before
/// began, which noted none.
macro_rules! of_key {
    () => {
        "id = coalesce((SELECT id FROM phone_auth_challenge WHERE id = $1), $2) AND coalesce(key_digest, $1) = $1"
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

pub(crate) const END: &str = "UPDATE phone_auth_challenge SET proven_at = $2, attempts_left = 0
    WHERE id = $1 AND proven_at IS NULL RETURNING 1";

/// One that is being attempted is left for the next time.
pub(crate) const REMOVE_EXPIRED: &str = "WITH over AS (
        SELECT id FROM phone_auth_challenge WHERE expires_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED
    ), removed AS (
        DELETE FROM phone_auth_challenge c USING over o WHERE c.id = o.id RETURNING 1
    )
    SELECT count(*) FROM removed";
