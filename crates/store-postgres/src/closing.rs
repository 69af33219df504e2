//! The end of an account, and what is kept of one, on PostgreSQL.

use async_trait::async_trait;
use phone_auth_core::store::{Closed, ClosingStore, EndOfUser, StoreError, UserRow};
use phone_auth_core::user::UserId;
use sqlx::{Row, query};

use crate::failure::{Failure, is_foreign_key};
use crate::outbox;
use crate::outbox::statements::enqueue_notices;
use crate::rows;
use crate::store::PostgresStore;
use crate::users;

/// What names the user and goes with them, if the end waits for no time or that has come. Link requests and the times of
/// proofs go with the addresses.
macro_rules! remove {
    ($due_by:literal, $password:literal, $last_login:literal) => {
        concat!(
            "WITH due AS (
            SELECT 1 WHERE ",
            $due_by,
            "::timestamptz IS NULL
                OR EXISTS (SELECT 1 FROM phone_auth_closing c JOIN auth_user u ON u.id = c.user_id
                    WHERE c.user_id = $1 AND c.due_at <= ",
            $due_by,
            " AND NOT (c.is_of_nobody AND (coalesce(u.password, '') IS DISTINCT FROM ",
            $password,
            "::text
                        OR ",
            rows::readable!("u.last_login"),
            " IS DISTINCT FROM ",
            $last_login,
            "::timestamptz
                        OR u.is_staff OR u.is_superuser OR NOT u.is_active
                        OR EXISTS (SELECT 1 FROM phone_auth_emailaddress WHERE user_id = $1 AND is_verified)
                        OR EXISTS (SELECT 1 FROM phone_auth_phonenumber WHERE user_id = $1 AND is_verified))))
        ), emails AS (
            DELETE FROM phone_auth_emailaddress WHERE user_id = $1 AND EXISTS (SELECT 1 FROM due) RETURNING id
        ), phones AS (
            DELETE FROM phone_auth_phonenumber WHERE user_id = $1 AND EXISTS (SELECT 1 FROM due) RETURNING id
        ), claims AS (
            DELETE FROM phone_auth_claim WHERE user_id = $1 AND EXISTS (SELECT 1 FROM due) RETURNING id
        ), challenges AS (
            DELETE FROM phone_auth_challenge WHERE id IN (
                SELECT c.id FROM (SELECT id FROM emails UNION ALL SELECT id FROM claims) a
                    JOIN phone_auth_challenge c ON c.email_id = a.id
                UNION ALL
                SELECT c.id FROM (SELECT id FROM phones UNION ALL SELECT id FROM claims) a
                    JOIN phone_auth_challenge c ON c.phone_id = a.id
            )
        ), sessions AS (
            DELETE FROM phone_auth_session WHERE person_id = $1 AND EXISTS (SELECT 1 FROM due)
        ), messages AS (
            DELETE FROM phone_auth_outbox WHERE person_id = $1 AND EXISTS (SELECT 1 FROM due)
        ), closings AS (
            DELETE FROM phone_auth_closing WHERE user_id = $1 AND EXISTS (SELECT 1 FROM due)
        ), replacements AS (
            DELETE FROM phone_auth_replacement WHERE user_id = $1 AND EXISTS (SELECT 1 FROM due)
        ), ended AS ("
        )
    };
}

/// Enqueues what tells of the end, as nobody's message.
macro_rules! told {
    ($notices:literal) => {
        concat!(
            "), gone AS (SELECT NULL::bigint AS nobody FROM ended), noticed AS (",
            enqueue_notices!("gone", "nobody", $notices),
            ") SELECT 1 FROM ended"
        )
    };
}

/// What is done before all else that `remove!` says: the addresses go, email first, and the claims. Who enqueues a message to one holds
/// it until they have the user and the message; who ends a claim by proving its address, until the user is told.
macro_rules! addresses_first {
    () => {
        "(SELECT count(*) FROM emails) + (SELECT count(*) FROM phones) + (SELECT count(*) FROM claims) >= 0"
    };
}

/// Runs while the user is locked.
pub(crate) const CLOSE: &str = concat!(
    remove!("$2", "$4", "$5"),
    "DELETE FROM auth_user
    WHERE id = $1 AND EXISTS (SELECT 1 FROM due) AND ",
    addresses_first!(),
    " RETURNING 1",
    told!("$3")
);

/// Without anything that identifies the user. A text that no hash begins with is a password that lets nobody in, as Django
/// writes it. Runs while the user is locked.
pub(crate) const ANONYMISE: &str = concat!(
    remove!("$3", "$5", "$6"),
    "UPDATE auth_user SET username = $2::text, first_name = '', last_name = '', email = '', password = '!' || $2::text,
        last_login = NULL, date_joined = date_trunc('day', date_joined), is_active = false, is_staff = false,
        is_superuser = false
    WHERE id = $1 AND EXISTS (SELECT 1 FROM due) AND ",
    addresses_first!(),
    " RETURNING 1",
    told!("$4")
);

/// A time as RFC 3339 writes it, in UTC whatever zone the server has.
macro_rules! at {
    ($column:literal) => {
        concat!(
            "to_char(",
            $column,
            " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
        )
    };
}

/// The address of the user that a replacement names; NULL where it is gone.
macro_rules! replaced {
    ($column:literal) => {
        concat!(
            "coalesce(
            (SELECT c.value FROM claims c WHERE c.id = ",
            $column,
            " AND c.kind = phone_auth_replacement.kind),
            CASE kind WHEN 'email' THEN (SELECT email::text FROM emails a WHERE a.id = ",
            $column,
            ") ELSE (SELECT phone::text FROM phones a WHERE a.id = ",
            $column,
            ") END)"
        )
    };
}

/// All but what is in the row of the user and in those of the addresses. No digest, key or password.
pub(crate) const ROWS: &str = concat!(
    "WITH emails AS (
        SELECT id, email FROM phone_auth_emailaddress WHERE user_id = $1
    ), phones AS (
        SELECT id, phone FROM phone_auth_phonenumber WHERE user_id = $1
    ), claims AS (
        SELECT id, kind, value, is_proven FROM phone_auth_claim WHERE user_id = $1
    )
    SELECT 'auth_user', json_build_object('is_staff', is_staff, 'is_superuser', is_superuser)::text
        FROM auth_user WHERE id = $1
    UNION ALL SELECT 'phone_auth_email_verified', json_build_object('email', e.email, 'verified_at',
        CASE WHEN isfinite(v.verified_at) THEN ", at!("v.verified_at"), " END,
        'in_session', v.in_session)::text
        FROM phone_auth_email_verified v JOIN emails e ON e.id = v.address_id
    UNION ALL SELECT 'phone_auth_phone_verified', json_build_object('phone', p.phone, 'verified_at',
        CASE WHEN isfinite(v.verified_at) THEN ", at!("v.verified_at"), " END,
        'in_session', v.in_session)::text
        FROM phone_auth_phone_verified v JOIN phones p ON p.id = v.address_id
    UNION ALL SELECT 'phone_auth_claim', json_build_object('kind', kind, 'value', value, 'is_proven', is_proven)::text
        FROM claims
    UNION ALL SELECT 'phone_auth_session', json_build_object(
        'created_at', ", at!("created_at"), ", 'expires_at', ", at!("expires_at"), ", 'proven_at', ", at!("proven_at"), ",
        'seen_at', ", at!("seen_at"), ", 'address', address, 'browser', browser)::text
        FROM phone_auth_session WHERE person_id = $1
    UNION ALL SELECT 'phone_auth_outbox', json_build_object(
        'purpose', purpose, 'kind', kind, 'channel', channel, 'language', language,
        'created_at', ", at!("created_at"), ", 'expires_at', ", at!("expires_at"), ",
        'attempts', attempts, 'died_at', ", at!("died_at"), ", 'reason', reason, 'notice', notice)::text
        FROM phone_auth_outbox WHERE person_id = $1 AND coalesce(address_id, 0) < 4611686018427387904
    UNION ALL SELECT 'phone_auth_closing', json_build_object('begun_at', ", at!("begun_at"), ", 'due_at', ", at!("due_at"), ",
        'is_of_nobody', is_of_nobody)::text
        FROM phone_auth_closing WHERE user_id = $1
    UNION ALL SELECT 'phone_auth_replacement', json_build_object('kind', kind,
        'old', ", replaced!("old_id"), ", 'new', ", replaced!("new_id"), ", 'asked_at', ", at!("asked_at"), ")::text
        FROM phone_auth_replacement WHERE user_id = $1
    UNION ALL SELECT 'phone_auth_link_request', json_build_object(
        'kind', kind, 'purpose', purpose, 'requested_at', ", at!("requested_at"), ", 'code_at', ", at!("code_at"), ")::text
        FROM (
            SELECT r.* FROM emails a JOIN phone_auth_link_request r ON r.email_id = a.id
            UNION ALL SELECT r.* FROM phones a JOIN phone_auth_link_request r ON r.phone_id = a.id
        ) r
    UNION ALL SELECT 'phone_auth_challenge', json_build_object(
        'purpose', purpose, 'attempts_left', attempts_left, 'first_name', first_name, 'last_name', last_name, 'created_at', ", at!("created_at"), ", 'expires_at', ", at!("expires_at"), ",
        'sends', sends, 'resend_at', ", at!("resend_at"), ", 'proven_at', ", at!("proven_at"), ")::text
        FROM (
            SELECT c.* FROM (SELECT id FROM emails UNION ALL SELECT id FROM claims) a
                JOIN phone_auth_challenge c ON c.email_id = a.id
            UNION
            SELECT c.* FROM (SELECT id FROM phones UNION ALL SELECT id FROM claims) a
                JOIN phone_auth_challenge c ON c.phone_id = a.id
        ) c");

#[async_trait]
impl ClosingStore for PostgresStore {
    async fn close_user(&self, end: &EndOfUser) -> Result<Closed, StoreError> {
        let (id, lock) = (end.user.get(), users::lock(end.user));
        let due_by = end.due_by.map(rows::micros);
        let event = outbox::notices_text(&end.event);
        let seen = end.as_seen.as_ref();
        let password = seen.map(|it| it.password.reveal());
        let last_login = seen.and_then(|it| it.last_login).map(rows::micros);
        let stays = seen.is_some_and(|it| it.unless_referenced);
        let close = query(CLOSE).bind(id).bind(due_by).bind(&event);
        let close = close.bind(password).bind(last_login);
        let (closed, row) = match self.first_locked(&lock, close).await {
            // A row of another table names the user. Some constraints speak up at once, those of Django at the end.
            Err(failure) if !stays && is_foreign_key(failure.code()) => {
                let anonymise = query(ANONYMISE)
                    .bind(id)
                    .bind(&end.placeholder)
                    .bind(due_by)
                    .bind(&event)
                    .bind(password)
                    .bind(last_login);
                let row = self.first_locked(&lock, anonymise).await?;
                (Closed::Anonymised, row)
            }
            row => (Closed::Removed, row?),
        };
        Ok(row.map_or(Closed::NoSuchUser, |_| closed))
    }

    async fn rows_of(&self, id: UserId) -> Result<Vec<UserRow>, StoreError> {
        let rows = self.run(query(ROWS).bind(id.get())).await?;
        let rows = rows.iter().map(|row| {
            Ok(UserRow {
                table: row.try_get(0)?,
                row: row.try_get(1)?,
            })
        });
        Ok(rows.collect::<Result<_, Failure>>()?)
    }
}
