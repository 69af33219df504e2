//! A field of its own on the form to join: the favourite tea, in a table of the tea house.
//!
//! The account and the field are two writes, and the process may die in between. So the field is noted first, under a username
//! that is made up for this form and that nobody can guess; once the account is there it is moved to its number, by the page
//! and, should that not come to it, by a durable receiver. Each request has a note of its own: one that is refused removes
//! that, and not the note of the same form that was sent before and is under way. A note whose account was never made is
//! nobody's, and is swept.

use std::fmt::Write;
use std::sync::{Arc, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use phone_auth::core::randomness::{Randomness, SystemRandomness};
use phone_auth::core::user::UserId;
use phone_auth::signals::{UserSignedUp, receiver, user_signed_up};
use rusqlite::OptionalExtension;

use crate::orders::{BoxError, Orders, Tables};

/// The tables. A favourite of a user's is gone when the user is.
pub(crate) const TABLES: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS tea_note (
        id varchar(32) PRIMARY KEY,
        username varchar(150) NOT NULL,
        favourite text NOT NULL,
        noted_at bigint NOT NULL
    )",
    "CREATE TABLE IF NOT EXISTS tea_favourite (
        user_id bigint PRIMARY KEY REFERENCES auth_user (id) ON DELETE CASCADE,
        favourite text NOT NULL
    )",
];

const SWEEP: &str = "DELETE FROM tea_note WHERE noted_at < $1";

const NOTE: &str =
    "INSERT INTO tea_note (id, username, favourite, noted_at) VALUES ($1, $2, $3, $4)";

const FORGET: &str = "DELETE FROM tea_note WHERE id = $1";

/// The one that comes second changes nothing.
const TAKE_UP: &str = "INSERT INTO tea_favourite (user_id, favourite)
    SELECT $1, favourite FROM tea_note WHERE username = $2 ORDER BY noted_at DESC LIMIT 1
    ON CONFLICT (user_id) DO NOTHING";

const FORGET_ALL: &str = "DELETE FROM tea_note WHERE username = $1";

const FAVOURITE: &str = "SELECT favourite FROM tea_favourite WHERE user_id = $1";

/// Longer than an event is kept for durable receivers.
const NOTES_ARE_KEPT: i64 = 30 * 24 * 60 * 60;

/// The most characters of a favourite.
pub(crate) const LONGEST: usize = 60;

/// What makes the username of one form, which the form sends along: the same form twice is the same account.
pub(crate) fn new_form_key() -> Result<String, BoxError> {
    let mut key = [0; 16];
    SystemRandomness::default().fill(&mut key)?;
    let mut text = String::new();
    for byte in key {
        write!(text, "{byte:02x}")?;
    }
    Ok(text)
}

/// The username that belongs to a form; none of what is no key of a form.
pub(crate) fn username_of(form_key: &str) -> Option<String> {
    let is_key = form_key.len() == 32 && form_key.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_key.then(|| format!("guest-{form_key}"))
}

impl Orders {
    /// Notes what a guest who is about to join likes best. The id is that of the note.
    pub(crate) async fn note(&self, username: &str, favourite: &str) -> Result<String, BoxError> {
        let id = new_form_key()?;
        let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
        let oldest = now - NOTES_ARE_KEPT;
        match &self.0 {
            Tables::Postgres(pool) => {
                sqlx::query(SWEEP).bind(oldest).execute(pool).await?;
                let note = sqlx::query(NOTE).bind(&id).bind(username).bind(favourite);
                note.bind(now).execute(pool).await?;
            }
            Tables::Sqlite(connection) => {
                let connection = Arc::clone(connection);
                let row = (id.clone(), username.to_owned(), favourite.to_owned(), now);
                let note = move || {
                    let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
                    connection.execute(SWEEP, [oldest])?;
                    connection.execute(NOTE, row)
                };
                tokio::task::spawn_blocking(note).await??;
            }
        }
        Ok(id)
    }

    /// Forgets the note of a request that was refused.
    pub(crate) async fn forget(&self, id: &str) -> Result<(), BoxError> {
        self.remove(FORGET, id).await
    }

    async fn remove(&self, statement: &'static str, which: &str) -> Result<(), BoxError> {
        match &self.0 {
            Tables::Postgres(pool) => {
                sqlx::query(statement).bind(which).execute(pool).await?;
            }
            Tables::Sqlite(connection) => {
                let (connection, which) = (Arc::clone(connection), which.to_owned());
                let forget = move || {
                    let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
                    connection.execute(statement, [which])
                };
                tokio::task::spawn_blocking(forget).await??;
            }
        }
        Ok(())
    }

    /// Makes what was noted under this username the user's. To do it again changes nothing.
    pub(crate) async fn take_up(&self, user: UserId, username: &str) -> Result<(), BoxError> {
        match &self.0 {
            Tables::Postgres(pool) => {
                let take_up = sqlx::query(TAKE_UP).bind(user.get()).bind(username);
                take_up.execute(pool).await?;
            }
            Tables::Sqlite(connection) => {
                let (connection, username) = (Arc::clone(connection), username.to_owned());
                let take_up = move || {
                    let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
                    connection.execute(TAKE_UP, (user.get(), username))
                };
                tokio::task::spawn_blocking(take_up).await??;
            }
        }
        self.remove(FORGET_ALL, username).await
    }
}

impl Orders {
    /// What a user likes best.
    pub(crate) async fn favourite(&self, user: UserId) -> Result<Option<String>, BoxError> {
        Ok(match &self.0 {
            Tables::Postgres(pool) => {
                let favourite = sqlx::query_scalar(FAVOURITE).bind(user.get());
                favourite.fetch_optional(pool).await?
            }
            Tables::Sqlite(connection) => {
                let connection = Arc::clone(connection);
                let favourite = move || {
                    let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
                    connection
                        .query_row(FAVOURITE, [user.get()], |row| row.get(0))
                        .optional()
                };
                tokio::task::spawn_blocking(favourite).await??
            }
        })
    }
}

#[receiver(user_signed_up, durable, id = "tea-favourite")]
async fn take_up(event: &UserSignedUp, orders: &Orders) -> Result<(), BoxError> {
    let (user, username) = (UserId::new(event.user.id), &event.user.username);
    orders.take_up(user, username).await
}
