//! Another user's connection to the same database.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use async_trait::async_trait;
use phone_auth_store_testkit::{ExternalChange, ExternalWriter, OddCell, OddValue};
use phone_auth_test_postgres::Database;
use sqlx::postgres::{PgConnection, PgQueryResult};
use sqlx::{AssertSqlSafe, Connection, query, raw_sql};
use tokio::sync::Mutex;

use crate::common::table;

/// The connection.
pub(crate) struct Hand(Mutex<PgConnection>);

impl Hand {
    /// Connects.
    pub(crate) async fn on(database: &Database) -> Self {
        Self(Mutex::new(
            PgConnection::connect(database.url()).await.unwrap(),
        ))
    }
}

#[async_trait]
impl ExternalWriter for Hand {
    async fn make(&self, change: ExternalChange) {
        let connection = &mut *self.0.lock().await;
        make(connection, change).await.unwrap();
    }
}

/// Makes a change.
async fn make(
    connection: &mut PgConnection,
    change: ExternalChange,
) -> Result<PgQueryResult, sqlx::Error> {
    let statement = |text: String| query(AssertSqlSafe(text));
    let change = match change {
        ExternalChange::DeleteUser(id) => {
            // The addresses' foreign keys are checked at the end; the sessions go along by themselves.
            let delete = format!(
                "DELETE FROM phone_auth_emailaddress WHERE user_id = {id};
                DELETE FROM phone_auth_phonenumber WHERE user_id = {id};
                DELETE FROM auth_user WHERE id = {id}",
                id = id.get()
            );
            return raw_sql(AssertSqlSafe(delete)).execute(connection).await;
        }
        ExternalChange::RenameUser(id, username) => {
            // As on a database that Django made, where this index is not unique.
            raw_sql("DROP INDEX IF EXISTS phone_auth_user_username_any_case")
                .execute(&mut *connection)
                .await?;
            query("UPDATE auth_user SET username = $2 WHERE id = $1")
                .bind(id.get())
                .bind(username)
        }
        ExternalChange::SetOwnEmail(id, email) => {
            query("UPDATE auth_user SET email = $2 WHERE id = $1")
                .bind(id.get())
                .bind(email)
        }
        ExternalChange::SetLastLogin(id, time) => {
            query("UPDATE auth_user SET last_login = $2 WHERE id = $1")
                .bind(id.get())
                .bind(time)
        }
        ExternalChange::SetPassword(id, password) => {
            query("UPDATE auth_user SET password = $2 WHERE id = $1")
                .bind(id.get())
                .bind(password)
        }
        ExternalChange::UnbindSessions(id) => {
            query("UPDATE phone_auth_session SET password_digest = NULL WHERE person_id = $1")
                .bind(id.get())
        }
        ExternalChange::SetActive(id, active) => {
            query("UPDATE auth_user SET is_active = $2 WHERE id = $1")
                .bind(id.get())
                .bind(active)
        }
        ExternalChange::ShiftLimits(by) => query(
            "UPDATE phone_auth_limit SET blocked_until = blocked_until + $1, expires_at = expires_at + $1",
        )
        .bind(by.num_microseconds().unwrap()),
        ExternalChange::LoseIndexes => {
            let drop = "DO $$ DECLARE name text; BEGIN
                FOR name IN SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
                    JOIN pg_class t ON t.oid = i.indrelid
                    LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid
                    WHERE k.oid IS NULL AND t.relname IN ('auth_user', 'phone_auth_emailaddress',
                        'phone_auth_phonenumber', 'phone_auth_session', 'phone_auth_outbox', 'phone_auth_limit')
                LOOP EXECUTE format('DROP INDEX %I', name); END LOOP; END $$";
            return raw_sql(drop).execute(connection).await;
        }
        ExternalChange::SetOdd(cell, value) => return set_odd(connection, cell, value).await,
        ExternalChange::DeleteAddress(kind, id) => {
            statement(format!("DELETE FROM {} WHERE id = $1", table(kind))).bind(id.get())
        }
        ExternalChange::EditAddress(kind, id, value) => {
            let edit = format!("UPDATE {} SET {kind} = $2 WHERE id = $1", table(kind));
            statement(edit).bind(id.get()).bind(value)
        }
        ExternalChange::MoveAddress(kind, id, user) => {
            let give = format!("UPDATE {} SET user_id = $2 WHERE id = $1", table(kind));
            statement(give).bind(id.get()).bind(user.get())
        }
        ExternalChange::SetVerified(kind, id, verified) => {
            let set = format!("UPDATE {} SET is_verified = $2 WHERE id = $1", table(kind));
            statement(set).bind(id.get()).bind(verified)
        }
    };
    change.execute(connection).await
}

/// Puts a value into a column, whatever may be there.
async fn set_odd(
    connection: &mut PgConnection,
    cell: OddCell,
    value: OddValue,
) -> Result<PgQueryResult, sqlx::Error> {
    let number = |id: i64| format!("id = {id}");
    let (table, row, column) = match cell {
        OddCell::User(id, column) => ("auth_user", number(id.get()), column),
        OddCell::Address(kind, id, column) => (table(kind), number(id.get()), column),
        OddCell::Session(digest, column) => {
            let hex = digest.as_bytes().map(|byte| format!("{byte:02x}")).concat();
            let row = format!("digest = decode('{hex}', 'hex')");
            ("phone_auth_session", row, column)
        }
        OddCell::Message(id, column) => ("phone_auth_outbox", number(id.get()), column),
    };
    let value = match value {
        OddValue::Null => "NULL".to_owned(),
        // A number becomes a boolean as in C, and no text or time.
        OddValue::Number(number) => format!("({number})::int::boolean"),
        OddValue::Text(text) => format!("'{text}'"),
    };
    let nullable = format!("ALTER TABLE {table} ALTER COLUMN {column} DROP NOT NULL");
    let set = format!("UPDATE {table} SET {column} = {value} WHERE {row}");
    raw_sql(AssertSqlSafe(nullable))
        .execute(&mut *connection)
        .await?;
    let set = raw_sql(AssertSqlSafe(set)).execute(connection).await;
    match &set {
        // Not of this type, not a date, out of its range: the database cannot hold it.
        Err(sqlx::Error::Database(error))
            if error
                .code()
                .is_some_and(|code| code.starts_with("22") || code == "42804") =>
        {
            Ok(PgQueryResult::default())
        }
        _ => set,
    }
}
