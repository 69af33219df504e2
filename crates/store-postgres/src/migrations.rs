//! The tables, made and brought up to date.
//!
//! What has been done stands in a table of our own, `phone_auth_schema`, as on SQLite: the application
//! that embeds us may have its own migrations in the same database, by the driver's means too.
//!
//! Nothing here reads or writes a row of the model's tables. Where Django made them, only tables and
//! indexes of ours are added.

use std::time::Duration;

use sqlx::postgres::PgRow;
use sqlx::{
    AssertSqlSafe, Connection, Decode, PgConnection, Postgres, Row, Transaction, Type, query,
    query_scalar, raw_sql,
};

use crate::indexes::{INDEXES, LOST_INDEXES, SPELLINGS_STEP, lost_indexes, lost_query};
use crate::locks;
use crate::migrate_error::{MigrateError, MigrateErrorKind};
use crate::pool::Connections;

/// A step that every database goes through once. The first is number 1.
struct Migration {
    name: &'static str,
    step: Step,
    /// A table and a column that are there once it was applied, and not before: by these it is known where
    /// `phone_auth_schema` was lost, as by a restore of some tables.
    made: (&'static str, &'static str),
}

/// What a step does.
enum Step {
    /// Makes the model's tables where they are missing, and our indexes on them.
    ModelTables,
    /// Runs these statements.
    Statements(&'static str),
    /// Makes our indexes on the model's tables that are for spellings.
    Spellings,
}

/// All steps, in order. A step that has been released is never changed, only followed by another.
const MIGRATIONS: &[Migration] = &[
    Migration {
        name: "people and addresses",
        step: Step::ModelTables,
        made: ("auth_user", "id"),
    },
    Migration {
        name: "sessions",
        step: Step::Statements(include_str!("schema/sessions.sql")),
        made: ("phone_auth_session", "digest"),
    },
    Migration {
        name: "outbox",
        step: Step::Statements(include_str!("schema/outbox.sql")),
        made: ("phone_auth_outbox", "id"),
    },
    Migration {
        name: "verified addresses",
        step: Step::Statements(include_str!("schema/verified.sql")),
        made: ("phone_auth_phone_verified", "address_id"),
    },
    Migration {
        name: "sessions bound to passwords",
        step: Step::Statements(include_str!("schema/session_password.sql")),
        made: ("phone_auth_session", "password_digest"),
    },
    Migration {
        name: "site key",
        step: Step::Statements(include_str!("schema/site_key.sql")),
        made: ("phone_auth_site_key", "id"),
    },
    Migration {
        name: "link requests",
        step: Step::Statements(include_str!("schema/links.sql")),
        made: ("phone_auth_link_request", "holder"),
    },
    Migration {
        name: "spellings",
        step: Step::Spellings,
        made: ("auth_user", "id"),
    },
    Migration {
        name: "leases of messages",
        step: Step::Statements(include_str!("schema/outbox_leases.sql")),
        made: ("phone_auth_outbox", "earlier_receipts"),
    },
];

/// A table of the model's.
struct ModelTable {
    name: &'static str,
    /// The columns that it has, and that the store reads or writes.
    columns: &'static [&'static str],
    /// The statements that make it.
    statements: &'static str,
}

/// The tables of the model's, each after those that it refers to.
const MODEL_TABLES: [ModelTable; 3] = [
    ModelTable {
        name: "auth_user",
        columns: &[
            "id",
            "password",
            "last_login",
            "is_superuser",
            "username",
            "first_name",
            "last_name",
            "email",
            "is_staff",
            "is_active",
            "date_joined",
        ],
        statements: include_str!("schema/auth_user.sql"),
    },
    ModelTable {
        name: "phone_auth_emailaddress",
        columns: &["id", "email", "is_verified", "user_id"],
        statements: include_str!("schema/phone_auth_emailaddress.sql"),
    },
    ModelTable {
        name: "phone_auth_phonenumber",
        columns: &["id", "phone", "is_verified", "user_id"],
        statements: include_str!("schema/phone_auth_phonenumber.sql"),
    },
];

/// Whether there is a table of what was applied, in any schema that is searched. `IF NOT EXISTS` looks in
/// the first of them alone, and would begin anew there.
const HAS_SCHEMA_TABLE: &str = "SELECT to_regclass('phone_auth_schema') IS NOT NULL";

const APPLIED: &str = "SELECT coalesce(max(version), 0)::int8 FROM phone_auth_schema";

/// Applies what has not been applied, each step whole or not at all; the names of what was applied now.
///
/// A step, and each index of the model's tables, has a transaction of its own: no lock on a table is held while another
/// is waited for or an index of another is made, so that pages go on and nobody is in a deadlock with us.
///
/// Nodes that start at once take turns, and to wait for their turn they have all the time it takes. For the
/// tables themselves nobody waits longer than a statement may take: whatever waits for such a lock makes all others
/// wait behind it.
pub(crate) async fn run(
    connection: &mut PgConnection,
    opening: String,
    patience: Duration,
) -> Result<Vec<&'static str>, MigrateError> {
    let opening = format!(
        "{opening}; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; \
         SET LOCAL idle_in_transaction_session_timeout = 0; {}; SET LOCAL lock_timeout = {}",
        locks::of_migrations(),
        patience.as_millis()
    );
    let mut names = Vec::new();
    loop {
        let mut look = begin(connection, &opening).await?;
        let done = applied(&mut look).await?;
        look.rollback().await?;
        let Some(migration) = MIGRATIONS.get(done) else {
            break;
        };
        if matches!(migration.step, Step::Spellings) {
            for index in INDEXES.iter().filter(|it| it.since == SPELLINGS_STEP) {
                let mut transaction = begin(connection, &opening).await?;
                raw_sql(AssertSqlSafe(index.statement(false)))
                    .execute(&mut *transaction)
                    .await?;
                transaction.commit().await?;
            }
        }
        let mut transaction = begin(connection, &opening).await?;
        // Another node may have been here between our transactions.
        if applied(&mut transaction).await? == done {
            apply(&mut transaction, done, migration).await?;
            transaction.commit().await?;
            names.push(migration.name);
        } else {
            transaction.rollback().await?;
        }
    }
    if make_lost_indexes(connection, &opening).await? {
        names.push(LOST_INDEXES);
    }
    Ok(names)
}

/// Begins a transaction that no other node's `migrate` is in at the same time.
async fn begin<'c>(
    connection: &'c mut PgConnection,
    opening: &str,
) -> Result<Transaction<'c, Postgres>, MigrateError> {
    let opening = AssertSqlSafe(opening.to_owned());
    Ok(connection.begin_with(opening).await?)
}

/// Applies the step after so many, and writes that it was.
async fn apply(
    connection: &mut PgConnection,
    done: usize,
    migration: &Migration,
) -> Result<(), MigrateError> {
    match migration.step {
        Step::ModelTables => make_model_tables(connection).await?,
        // Its indexes are made by now.
        Step::Spellings => {}
        Step::Statements(statements) => {
            let (table, column) = migration.made;
            let found = columns_of(connection, table).await?;
            if found.iter().any(|it| it == column) {
                tracing::warn!(
                    "the step `{}` is there; phone_auth_schema had lost it",
                    migration.name
                );
            } else {
                raw_sql(statements).execute(&mut *connection).await?;
            }
        }
    }
    query("INSERT INTO phone_auth_schema VALUES ($1, $2, now())")
        .bind(i64::try_from(done + 1).unwrap_or(i64::MAX))
        .bind(migration.name)
        .persistent(false)
        .execute(connection)
        .await?;
    Ok(())
}

/// Makes the indexes that are lost, one by one; whether there were any.
async fn make_lost_indexes(
    connection: &mut PgConnection,
    opening: &str,
) -> Result<bool, MigrateError> {
    let mut is_any_made = false;
    loop {
        let mut transaction = begin(connection, opening).await?;
        let rows = lost_query().fetch_all(&mut *transaction).await?;
        let lost = lost_indexes(MIGRATIONS.len(), &rows)?;
        let Some(index) = lost.first() else {
            transaction.rollback().await?;
            return Ok(is_any_made);
        };
        // One that could not be finished keeps the name. Whose the table is cannot be known any more.
        let again = format!(
            "DROP INDEX IF EXISTS {}; {}",
            index.name,
            index.statement(false)
        );
        raw_sql(AssertSqlSafe(again))
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        is_any_made = true;
    }
}

/// How many steps have been applied, after the table that says so was made if there was none.
async fn applied(connection: &mut PgConnection) -> Result<usize, MigrateError> {
    let has_table: bool = query_scalar(HAS_SCHEMA_TABLE)
        .persistent(false)
        .fetch_one(&mut *connection)
        .await?;
    if !has_table {
        raw_sql(
            // `IF NOT EXISTS`, because the question may have been answered from a catalogue as it was before
            // whoever held the lock made the table.
            "CREATE TABLE IF NOT EXISTS phone_auth_schema (
                version bigint NOT NULL PRIMARY KEY,
                name text NOT NULL,
                applied_at timestamptz NOT NULL
            )",
        )
        .execute(&mut *connection)
        .await?;
    }
    let version = query_scalar(APPLIED)
        .persistent(false)
        .fetch_one(connection)
        .await?;
    count(version)
}

/// The names of what has not been applied.
pub(crate) async fn pending(connections: &Connections) -> Result<Vec<&'static str>, MigrateError> {
    let look = connections.run(query(HAS_SCHEMA_TABLE)).await?;
    let applied = if only::<bool>(&look)? {
        count(only(&connections.run(query(APPLIED)).await?)?)?
    } else {
        0
    };
    let pending = MIGRATIONS.iter().skip(applied);
    let mut names: Vec<_> = pending.map(|migration| migration.name).collect();
    if !lost_indexes(applied, &connections.run(lost_query()).await?)?.is_empty() {
        names.push(LOST_INDEXES);
    }
    Ok(names)
}

/// The one value that a query always answers.
fn only<T>(rows: &[PgRow]) -> Result<T, MigrateError>
where
    T: for<'r> Decode<'r, Postgres> + Type<Postgres>,
{
    let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
    Ok(row.try_get(0)?)
}

/// How many steps have been applied.
fn count(version: i64) -> Result<usize, MigrateError> {
    usize::try_from(version)
        .ok()
        .filter(|applied| *applied <= MIGRATIONS.len())
        .ok_or_else(|| MigrateError::new(MigrateErrorKind::TooNew))
}

/// Makes the model's tables where they are missing, and the indexes for lookups in any ASCII case.
///
/// A table that is found in any schema that the connection searches is taken as it is. One more of its
/// name in the first of these schemas would hide it from us, with everybody in it.
///
/// On tables of our own these indexes are unique. On tables that Django made they are not: it knows
/// nothing of them, may hold `Bob` and `bob` already, and must go on working. There the lock on a name
/// that whoever takes it holds is what keeps names apart, as it does everywhere.
async fn make_model_tables(connection: &mut PgConnection) -> Result<(), MigrateError> {
    let mut is_ours = Vec::new();
    for table in MODEL_TABLES {
        let found = columns_of(connection, table.name).await?;
        if found.is_empty() {
            raw_sql(table.statements).execute(&mut *connection).await?;
        } else {
            check_columns(&found, &table)?;
        }
        is_ours.push((table.name, found.is_empty()));
    }
    let ours = INDEXES
        .iter()
        .filter(|index| index.since == 1 && index.on.starts_with("lower("));
    let indexes: String = ours
        .map(|index| index.statement(is_ours.contains(&(index.table, true))))
        .collect();
    raw_sql(AssertSqlSafe(indexes)).execute(connection).await?;
    Ok(())
}

/// The columns of a table; none if there is no such table where the connection looks for tables.
async fn columns_of(
    connection: &mut PgConnection,
    table: &str,
) -> Result<Vec<String>, MigrateError> {
    let columns = query_scalar(
        "SELECT attname::text FROM pg_attribute
        WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped",
    );
    let found = columns.bind(table).persistent(false);
    Ok(found.fetch_all(connection).await?)
}

/// Refuses a table that only has the name of one of the model's.
fn check_columns(found: &[String], table: &ModelTable) -> Result<(), MigrateError> {
    let missing = table
        .columns
        .iter()
        .find(|column| !found.iter().any(|it| it == *column));
    match missing {
        None => Ok(()),
        Some(column) => Err(MigrateError::new(MigrateErrorKind::Incompatible {
            table: table.name,
            column,
        })),
    }
}
