//! The end of an account, and what is kept of one, on SQLite.

use async_trait::async_trait;
use phone_auth_core::store::{
    Closed, ClosingStore, EndOfUser, StoreError, StoreErrorKind, UserRow,
};
use phone_auth_core::user::UserId;
use rusqlite::{Connection, params};

use crate::closing_schedule;
use crate::failure::Failure;
use crate::links;
use crate::outbox;
use crate::rows;
use crate::store::SqliteStore;
use crate::zone::Zone;

pub(crate) const END_CHALLENGES: &str = "DELETE FROM phone_auth_challenge
    WHERE email_id IN (SELECT id FROM phone_auth_emailaddress WHERE user_id = ?1
            UNION ALL SELECT id FROM phone_auth_claim WHERE user_id = ?1)
        OR phone_id IN (SELECT id FROM phone_auth_phonenumber WHERE user_id = ?1
            UNION ALL SELECT id FROM phone_auth_claim WHERE user_id = ?1)";

/// What names the user and goes with them, in this order. Link requests and the times of proofs go with the addresses.
pub(crate) const REMOVE: [&str; 7] = [
    "DELETE FROM phone_auth_emailaddress WHERE user_id = ?1",
    "DELETE FROM phone_auth_phonenumber WHERE user_id = ?1",
    "DELETE FROM phone_auth_claim WHERE user_id = ?1",
    "DELETE FROM phone_auth_session WHERE person_id = ?1",
    "DELETE FROM phone_auth_outbox WHERE person_id = ?1",
    closing_schedule::CANCEL,
    "DELETE FROM phone_auth_replacement WHERE user_id = ?1",
];

pub(crate) const REMOVE_USER: &str = "DELETE FROM auth_user WHERE id = ?1";

/// Without anything that identifies the user. A text that no hash begins with is a password that lets nobody in, as Django
/// writes it.
pub(crate) const ANONYMISE: &str =
    "UPDATE auth_user SET username = ?2, first_name = '', last_name = '', email = '',
        password = '!' || ?2, last_login = NULL, date_joined = substr(date_joined, 1, 10) || ' 00:00:00',
        is_active = 0, is_staff = 0, is_superuser = 0
    WHERE id = ?1";

/// The columns of other tables that name a user: the table, the column, what becomes of a row whose user goes, and whether yet
/// another table refers to that one.
pub(crate) const REFERRING: &str = "SELECT m.name, f.\"from\", f.on_delete, EXISTS (
        SELECT 1 FROM sqlite_master o, pragma_foreign_key_list(o.name) g
        WHERE o.type = 'table' AND lower(g.\"table\") = lower(m.name))
    FROM sqlite_master m, pragma_foreign_key_list(m.name) f
    WHERE m.type = 'table' AND lower(f.\"table\") = 'auth_user' AND m.name NOT IN
        ('phone_auth_emailaddress', 'phone_auth_phonenumber', 'phone_auth_claim', 'phone_auth_session', 'phone_auth_outbox',
        'phone_auth_closing', 'phone_auth_replacement')";

/// A time that is stored as a text, as RFC 3339 writes it.
macro_rules! of_text {
    ($column:literal) => {
        concat!("replace(", $column, ", ' ', 'T') || 'Z'")
    };
}

/// The address of the user `?1` that a replacement names; NULL where it is gone.
macro_rules! replaced {
    ($column:literal) => {
        concat!(
            "CAST(coalesce(
            (SELECT value FROM phone_auth_claim c
                WHERE c.id = ",
            $column,
            " AND c.user_id = ?1 AND c.kind = phone_auth_replacement.kind),
            iif(kind = 'email',
                (SELECT email FROM phone_auth_emailaddress a WHERE a.id = ",
            $column,
            " AND a.user_id = ?1),
                (SELECT phone FROM phone_auth_phonenumber a WHERE a.id = ",
            $column,
            " AND a.user_id = ?1))) AS text)"
        )
    };
}

/// The same of one that is stored in microseconds.
macro_rules! of_micros {
    ($column:literal) => {
        concat!(
            "strftime('%Y-%m-%dT%H:%M:%S', ",
            $column,
            " / 1000000, 'unixepoch') || printf('.%06dZ', ",
            $column,
            " % 1000000)"
        )
    };
}

/// All but what is in the row of the user and in those of the addresses. No digest, key or password. Another program may
/// have stored bytes as a text, which no object of JSON can hold. What was enqueued and asked for at a claim is left out: where
/// accounts are concealed it would tell whether someone else has proven the address. Claims are numbered from 2^62.
pub(crate) const ROWS: &str = concat!(
    "SELECT 'auth_user', json_object(
        'is_staff', json(iif(is_staff, 'true', 'false')), 'is_superuser', json(iif(is_superuser, 'true', 'false')))
        FROM auth_user WHERE id = ?1
    UNION ALL SELECT 'phone_auth_email_verified', json_object('email', CAST(e.email AS text), 'verified_at', ", of_text!("nullif(v.verified_at, '')"), ",
        'in_session', json(iif(v.in_session, 'true', 'false')))
        FROM phone_auth_email_verified v JOIN phone_auth_emailaddress e ON e.id = v.address_id WHERE e.user_id = ?1
    UNION ALL SELECT 'phone_auth_phone_verified', json_object('phone', CAST(p.phone AS text), 'verified_at', ", of_text!("nullif(v.verified_at, '')"), ",
        'in_session', json(iif(v.in_session, 'true', 'false')))
        FROM phone_auth_phone_verified v JOIN phone_auth_phonenumber p ON p.id = v.address_id WHERE p.user_id = ?1
    UNION ALL SELECT 'phone_auth_claim', json_object(
        'kind', CAST(kind AS text), 'value', CAST(value AS text), 'is_proven', json(iif(is_proven, 'true', 'false')))
        FROM phone_auth_claim WHERE user_id = ?1
    UNION ALL SELECT 'phone_auth_session', json_object(
        'created_at', ", of_text!("created_at"), ", 'expires_at', ", of_text!("expires_at"), ", 'proven_at', ", of_text!("proven_at"), ",
        'seen_at', ", of_text!("seen_at"), ", 'address', CAST(address AS text), 'browser', CAST(browser AS text))
        FROM phone_auth_session WHERE person_id = ?1
    UNION ALL SELECT 'phone_auth_outbox', json_object(
        'purpose', CAST(purpose AS text), 'kind', CAST(kind AS text), 'channel', CAST(channel AS text), 'language', CAST(language AS text),
        'created_at', ", of_text!("created_at"), ", 'expires_at', ", of_text!("expires_at"), ",
        'attempts', attempts, 'died_at', ", of_text!("died_at"), ", 'reason', CAST(reason AS text), 'notice', CAST(notice AS text))
        FROM phone_auth_outbox WHERE person_id = ?1 AND coalesce(address_id, 0) < 4611686018427387904
    UNION ALL SELECT 'phone_auth_closing', json_object(
        'begun_at', ", of_micros!("begun_at"), ", 'due_at', ", of_micros!("due_at"), ",
        'is_of_nobody', json(iif(is_of_nobody, 'true', 'false')))
        FROM phone_auth_closing WHERE user_id = ?1
    UNION ALL SELECT 'phone_auth_replacement', json_object('kind', CAST(kind AS text),
        'old', ", replaced!("old_id"), ", 'new', ", replaced!("new_id"), ", 'asked_at', ", of_micros!("asked_at"), ")
        FROM phone_auth_replacement WHERE user_id = ?1
    UNION ALL SELECT 'phone_auth_link_request', json_object('kind', CAST(kind AS text), 'purpose', CAST(purpose AS text),
        'requested_at', ", of_micros!("requested_at"), ",
        'code_at', ", of_micros!("code_at"), ")
        FROM phone_auth_link_request
        WHERE email_id IN (SELECT id FROM phone_auth_emailaddress WHERE user_id = ?1)
            OR phone_id IN (SELECT id FROM phone_auth_phonenumber WHERE user_id = ?1)
    UNION ALL SELECT 'phone_auth_challenge', json_object('purpose', CAST(purpose AS text), 'attempts_left', attempts_left,
        'first_name', CAST(first_name AS text), 'last_name', CAST(last_name AS text),
        'created_at', ", of_micros!("created_at"), ",
        'expires_at', ", of_micros!("expires_at"), ", 'sends', sends,
        'resend_at', ", of_micros!("resend_at"), ",
        'proven_at', ", of_micros!("proven_at"), ")
        FROM phone_auth_challenge
        WHERE email_id IN (SELECT id FROM phone_auth_emailaddress WHERE user_id = ?1
                UNION ALL SELECT id FROM phone_auth_claim WHERE user_id = ?1)
            OR phone_id IN (SELECT id FROM phone_auth_phonenumber WHERE user_id = ?1
                UNION ALL SELECT id FROM phone_auth_claim WHERE user_id = ?1)");

#[async_trait]
impl ClosingStore for SqliteStore {
    async fn close_user(&self, end: &EndOfUser) -> Result<Closed, StoreError> {
        let (end, zone) = (end.clone(), self.zone().clone());
        self.write(move |connection| close(connection, &end, &zone))
            .await
    }

    async fn rows_of(&self, id: UserId) -> Result<Vec<UserRow>, StoreError> {
        self.read(|connection| {
            rows::all(connection, ROWS, [id.get()], |row| {
                Ok(UserRow {
                    table: row.get(0)?,
                    row: rows::text(row, 1)?,
                })
            })
        })
    }
}

fn close(connection: &Connection, end: &EndOfUser, zone: &Zone) -> Result<Closed, Failure> {
    let (id, seen) = (end.user.get(), end.as_seen.as_ref());
    if let Some(time) = end.due_by {
        let password = seen.map(|it| it.password.reveal());
        let asked = (id, links::micros(time), password);
        let due = rows::first(connection, closing_schedule::IS_DUE, asked, |row| {
            Ok((row.get::<_, bool>(0)?, rows::model_time(row, 1, zone)?))
        })?;
        let last_seen = seen.and_then(|it| it.last_login);
        if due.is_none_or(|(is_of_nobody, last)| is_of_nobody && last != last_seen) {
            return Ok(Closed::NoSuchUser);
        }
    }
    let is_kept = is_kept(connection, id)?;
    if is_kept && seen.is_some_and(|it| it.unless_referenced) {
        return Err(StoreErrorKind::Referenced.into());
    }
    rows::change(connection, END_CHALLENGES, [id])?;
    for remove in REMOVE {
        rows::change(connection, remove, [id])?;
    }
    let (closed, changed) = if is_kept {
        let anonymised = rows::change(connection, ANONYMISE, params![id, end.placeholder])?;
        (Closed::Anonymised, anonymised)
    } else {
        (
            Closed::Removed,
            rows::change(connection, REMOVE_USER, [id])?,
        )
    };
    if changed == 0 {
        return Ok(Closed::NoSuchUser);
    }
    if let Some(event) = &end.event {
        outbox::enqueue_for_nobody(connection, event)?;
    }
    Ok(closed)
}

/// Whether a row of another table names the user and may not go with them, nor forget them. Asked before, because a constraint
/// that Django made speaks up at the end of the transaction, which others share. A row that would go and that yet other tables
/// refer to counts as one that may not: what hangs on it is not looked through.
fn is_kept(connection: &Connection, id: i64) -> Result<bool, Failure> {
    let referring = rows::all(connection, REFERRING, [], |row| {
        let names: (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok((names, row.get::<_, bool>(3)?))
    })?;
    for ((table, column, on_delete), is_referred_to) in referring {
        let goes = on_delete == "CASCADE" && !is_referred_to;
        if goes || on_delete == "SET NULL" {
            continue;
        }
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let (table, column) = (quoted(&table), quoted(&column));
        let ask = format!("SELECT EXISTS (SELECT 1 FROM {table} WHERE {column} = ?1)");
        let is_named: bool = connection.query_row(&ask, [id], |row| row.get(0))?;
        if is_named {
            return Ok(true);
        }
    }
    Ok(false)
}
