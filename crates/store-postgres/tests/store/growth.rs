//! A day of floods leaves the tables as large as two hours of them.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::convert::identity;
use std::sync::Arc;
use std::time::Duration;

use phone_auth_store_testkit::growth::{Size, day_of_floods, days_of_sign_ups};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{Connection, Executor, Row};

use crate::common::{database, run, store};

/// The rows of each table, and its bytes with its indexes.
const TABLES: &str = "SELECT relname::text, pg_total_relation_size(oid),
        (xpath('/row/n/text()', query_to_xml(format('SELECT count(*) AS n FROM %s', oid::regclass), false, true, '')))[1]
            ::text::int8
    FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname";

/// What was counted is older.
const AGE: &str =
    "UPDATE phone_auth_limit SET blocked_until = blocked_until - $1, expires_at = expires_at - $1";

/// All that a sign-up and a log-in store is older.
const AGE_ALL: &str = "WITH by AS (
        SELECT $1::int8 AS micros, $1::int8 * interval '1 microsecond' AS span
    ), counters AS (
        UPDATE phone_auth_limit SET blocked_until = blocked_until - micros, expires_at = expires_at - micros FROM by
    ), users AS (
        UPDATE auth_user SET date_joined = date_joined - span, last_login = last_login - span FROM by
    ), closings AS (
        UPDATE phone_auth_closing SET begun_at = begun_at - span, due_at = due_at - span FROM by
    )
    UPDATE phone_auth_session
        SET created_at = created_at - span, seen_at = seen_at - span, expires_at = expires_at - span FROM by";

/// Lets a flood pass over an empty database.
macro_rules! flood {
    ($flood:ident, $age:ident, $given:expr) => {
        let database = database();
        run(async {
            let store = Arc::new(store(&database).await);
            let mut looks = PgConnection::connect(database.url()).await.unwrap();
            let measure = async || {
                // In an hour the server does so of itself, every minute where much was written. The pages of indexes that it finds
                // empty are used again after the next time.
                for _ in 0..2 {
                    looks.execute("VACUUM").await.unwrap();
                }
                let tables = looks.fetch_all(TABLES).await.unwrap();
                let number = |row: &PgRow, place| u64::try_from(row.get::<i64, usize>(place)).unwrap();
                let rows = tables.iter().map(|row| (row.get(0), number(row, 2)));
                Size {
                    rows: rows.collect(),
                    bytes: tables.iter().map(|row| number(row, 1)).sum(),
                }
            };
            // Counters, and what closes accounts, go by the clock of the server, which nobody moves.
            let mut ages = PgConnection::connect(database.url()).await.unwrap();
            let age = async |by: Duration| {
                let age = sqlx::query($age).bind(i64::try_from(by.as_micros()).unwrap());
                age.execute(&mut ages).await.unwrap();
            };
            $flood(store, $given(age), measure).await;
        });
    };
}

#[test]
fn floods_fill_no_table() {
    flood!(day_of_floods, AGE, identity);
}

#[test]
fn sign_ups_fill_no_table() {
    flood!(days_of_sign_ups, AGE_ALL, Some);
}
